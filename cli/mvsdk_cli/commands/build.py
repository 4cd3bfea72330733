"""Compile the application of the project this folder is in.

CMake configures when something it depends on has changed, Ninja builds what is out of date, and a new program is
weighed against the board. With nothing to do, nothing is touched. The tools' own messages come first, on standard
error; their commands only with -v.

\b
$ mvsdk build
Built build/blinky.elf (debug)
REGION  USED   LIMIT    FULL
Flash   5520   1048576  0.5 %
RAM     21240  524288   4.1 %
$ mvsdk build
build/blinky.elf is up to date (debug)

Two checkouts of a commit give the same bytes in any folder, on any day: what the sources call today is
SOURCE_DATE_EPOCH if that is set, else the time of the commit, else 1970. --clean makes this true of a checkout that
was built before.

A CMake project without an mvsdk.toml is built as it is: its presets (the one called like the build type, or its only
one) and its toolchain file hold, and ours stands in where it chooses no compiler. Every program for Arm is shown, with
the line that bundles it.

-D and --release hold for this build alone: the next one without them configures without them.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

import click

from mvsdk.project.build import BuildResult, ForeignResult, build, build_foreign
from mvsdk.project.configuration import BuildType, Project
from mvsdk.project.foreign import find_any
from mvsdk.project.listener import Listener
from mvsdk.project.sizes import RegionUse
from mvsdk_cli.console import json_option, nearby, print_json, print_table, warn

_DEFINITION = re.compile(r"([A-Za-z_][A-Za-z0-9_.-]*(?::[A-Z]+)?)=(.*)", re.DOTALL)


def _definitions(_ctx: click.Context, _option: click.Parameter, values: Sequence[str]) -> dict[str, str]:
    definitions = {}
    for value in values:
        match = _DEFINITION.fullmatch(value)
        if not match:
            raise click.BadParameter(f"'{value}' is not NAME=VALUE.")
        definitions[match[1]] = match[2]
    return definitions


@click.command("build", help=__doc__)
@click.option("--release", "build_type", flag_value="release", help="Optimise for size.")
@click.option("--debug", "build_type", flag_value="debug", help="Optimise for debugging.")
@click.option("--clean", is_flag=True, help="Empty the build directory first.")
@click.option(
    "-D", "definitions", multiple=True, metavar="NAME=VALUE", callback=_definitions, help="Set a CMake entry."
)
@click.option("-v", "--verbose", is_flag=True, help="Show the underlying commands.")
@json_option
def command(
    *, build_type: BuildType | None, clean: bool, definitions: dict[str, str], verbose: bool, as_json: bool
) -> None:
    """Build, then show the sizes of a new program."""
    listener = _Screen(verbose=verbose)
    project = find_any(Path.cwd())
    asked = _Asked(build_type=build_type, definitions=definitions, clean=clean, verbose=verbose, listener=listener)
    try:
        result = build(project, **asked) if isinstance(project, Project) else build_foreign(project, **asked)
    finally:
        listener.wipe()
    if as_json:
        print_json(_document(result) if isinstance(result, BuildResult) else _foreign_document(result))
    elif isinstance(result, BuildResult):
        _show(result)
    else:
        _show_foreign(result)


class _Asked(TypedDict):
    build_type: BuildType | None
    definitions: dict[str, str]
    clean: bool
    verbose: bool
    listener: Listener


class _Screen:
    """Shows a build on standard error: what the tools say, and on a terminal one line of progress."""

    def __init__(self, *, verbose: bool) -> None:
        self._verbose = verbose
        self._dirty = False
        self._live = sys.stderr.isatty() and not verbose
        self.colour = sys.stderr.isatty() and "NO_COLOR" not in os.environ

    def waiting(self) -> None:
        if sys.stderr.isatty():
            click.echo("waiting for another build of this project", err=True)

    def command(self, arguments: Sequence[str]) -> None:
        if self._verbose:
            click.echo(f"$ {shlex.join(arguments)}", err=True)

    def progress(self, done: int, total: int, step: str) -> None:
        if self._verbose:
            click.echo(f"[{done}/{total}] {step}", err=True)
        elif self._live:
            width = os.get_terminal_size(sys.stderr.fileno()).columns or 80
            self._dirty = True
            click.echo(f"\r\x1b[K[{done}/{total}] {step}"[: width + len("\r\x1b[K") - 1], nl=False, err=True)

    def output(self, text: str) -> None:
        self.wipe()
        click.echo(text, err=True)

    def wipe(self) -> None:
        """Take the line of progress away."""
        if self._dirty:
            self._dirty = False
            click.echo("\r\x1b[K", nl=False, err=True)


def _show(result: BuildResult) -> None:
    elf = nearby(result.project.elf)
    if not result.is_new:
        click.echo(f"{elf} is up to date ({result.build_type})")
        return
    click.echo(f"Built {elf} ({result.build_type})")
    _show_sizes(result.sizes)


def _show_foreign(result: ForeignResult) -> None:
    for program in result.programs:
        elf = nearby(program.elf)
        if not result.is_new:
            click.echo(f"{elf} is up to date ({result.build_type})")
            continue
        click.echo(f"Built {elf} ({result.build_type})")
        _show_sizes(program.sizes)
        click.echo(f"  mvsdk bundle {shlex.quote(str(elf))}")


def _show_sizes(sizes: Sequence[RegionUse]) -> None:
    print_table(
        ("REGION", "USED", "LIMIT", "FULL"),
        [(use.region, use.used, use.limit, f"{use.percent:.1f} %") for use in sizes],
    )
    for use in sizes:
        if not use.fits:
            warn(f"{use.region} is too small: {use.used} bytes are used and {use.most} are the most")
        elif use.is_near_limit:
            warn(f"{use.region} is {use.percent:.1f} % full: {use.most - use.used} bytes are left")


def _foreign_document(result: ForeignResult) -> dict[str, object]:
    return {
        "project": result.project.name,
        "board": result.project.board,
        "type": result.build_type,
        "up_to_date": not result.is_new,
        "programs": [{"elf": str(program.elf), "sizes": _sizes(program.sizes)} for program in result.programs],
    }


def _sizes(sizes: Sequence[RegionUse]) -> list[dict[str, object]]:
    return [
        {"region": use.region, "used": use.used, "limit": use.limit, "percent": round(use.percent, 2)} for use in sizes
    ]


def _document(result: BuildResult) -> dict[str, object]:
    elf = result.project.elf
    beside = {suffix: elf.with_suffix(f".{suffix}") for suffix in ("bin", "hex", "map")}
    return {
        "project": result.project.name,
        "board": result.project.board,
        "type": result.build_type,
        "up_to_date": not result.is_new,
        "elf": str(elf),
        **{suffix: str(path) if path.is_file() else None for suffix, path in beside.items()},
        "sizes": _sizes(result.sizes),
    }
