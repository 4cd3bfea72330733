"""Check this machine for everything a project needs, and say how to mend what is wrong.

Run in a project, the compiler its mvsdk.toml names is the one that is checked.

\b
$ MVSDK_TOOLCHAIN=/opt/arm mvsdk doctor
CHECK             VERDICT  FINDING
Python            ok       3.11.7 (/home/ada/.venv/bin/python)
compiler          failed   there is no arm-none-eabi-gcc in /opt/arm
libc_nano.a       failed   there is no arm-none-eabi-gcc in /opt/arm
libstdc++_nano.a  failed   there is no arm-none-eabi-gcc in /opt/arm
cmake             ok       3.25.1 (/usr/bin/cmake)
ninja             ok       1.11.1 (/usr/bin/ninja)
git               ok       git version 2.39.5
signing keys      ok       development
debug probe       note     none attached; no udev rule for ST-Link
fix compiler, libc_nano.a, libstdc++_nano.a: correct MVSDK_TOOLCHAIN or [toolchain] path in mvsdk.toml
fix debug probe: echo 'SUBSYSTEM=="usb", ATTR{idVendor}=="0483", …

Exit status: 0 when a project can be built and signed here, 1 when a check failed; warnings and notes do not
count.
"""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path

import click

from mvsdk.project.configuration import Project
from mvsdk.project.doctor import Check, examine
from mvsdk.project.errors import NoProjectError
from mvsdk_cli.console import json_option, print_json, print_table


@click.command("doctor", help=__doc__)
@json_option
@click.pass_context
def command(ctx: click.Context, *, as_json: bool) -> None:
    """Examine the machine, show the findings, and exit with 1 when one of them stops a build or a signature."""
    checks = tuple(examine(os.environ, _compiler_directory()))
    if as_json:
        print_json([asdict(check) for check in checks])
    else:
        _show(checks)
    if any(check.verdict == "failed" for check in checks):
        ctx.exit(1)


def _compiler_directory() -> Path | None:
    try:
        return Project.find(Path.cwd()).toolchain
    except NoProjectError:
        return None


def _show(checks: tuple[Check, ...]) -> None:
    print_table(("CHECK", "VERDICT", "FINDING"), [(check.subject, check.verdict, check.finding) for check in checks])
    for remedy in dict.fromkeys(check.remedy for check in checks if check.remedy):
        subjects = ", ".join(check.subject for check in checks if check.remedy == remedy)
        click.echo(f"fix {subjects}: {remedy}")
