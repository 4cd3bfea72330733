"""Prove that an update from the bundle OLD to the bundle NEW survives everything that can go wrong on the way.

\b
  $ mvsdk prove-update v1.zip v2.zip
  update   from the old application to the new one        4426 operations  22130 points  passed
  patch    the same with patches                          4426 operations  22130 points  passed
  revert   the new application fails its trial            4124 operations  20620 points  passed
  keys     a key is added and another revoked                4 operations     20 points  passed
  restore  internal flash was erased by somebody          4118 operations  20590 points  passed
  network  the network fails at every message                                45 points  passed
  lies     the server lies, and then does not                                22 points  passed
  decay    a page of flash has lost a bit                                    25 points  passed
  85582 points in 19.0 s: passed

The device's own update agent is run on modelled flash. At every flash operation the power fails before, during and
after it; "during" leaves it torn, or such that it seems done, or seems not begun, until the power fails the next time.
Then the device comes up and is left alone. All it ever lets run must be OLD or NEW, to the last byte, and it must end
where it should. With --exhaustive the power also fails during the recovery, and during the recovery from that, until
there is no state of the device that has not been seen.

With --test two more paths are tried: those of a device that `mvsdk factory image NEW --test TEST` has made, one whose
test passes and one whose test fails.

A point that fails is shown with the command that tries exactly that one again, and tells what the device reported.
Both bundles must be signed by keys of `mvsdk keys list`, the one in MVSDK_SIGNING_KEY, or those given with --trust.

Exit status: 0 every point passed, 1 one did not, or the bundles cannot be used.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mvsdk_cli.console import json_option, print_json

if TYPE_CHECKING:
    from mvsdk.update.proof import Outcome, Plan, Section

_FILE = click.Path(path_type=Path, dir_okay=False)
_SHOWN = 10


@click.command("prove-update", help=__doc__)
@click.argument("old", type=_FILE)
@click.argument("new", type=_FILE)
@click.option("--exhaustive", is_flag=True, help="Let the power fail again during every recovery, however often.")
@click.option("--test", type=_FILE, metavar="TEST", help="Prove the way from the factory too, with this test code.")
@click.option("--report", type=_FILE, metavar="FILE", help="Write a page (HTML) with everything that was found.")
@click.option("--only", metavar="POINT", help="Try this one point, and tell what happens.")
@click.option("--workers", type=click.IntRange(1, 256), metavar="N", help="Processes; all processors by default.")
@click.option("--trust", type=_FILE, multiple=True, metavar="FILE", help="PEM public key to trust too; repeatable.")
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    old: Path,
    new: Path,
    exhaustive: bool,
    test: Path | None,
    report: Path | None,
    only: str | None,
    workers: int | None,
    trust: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Prove an update."""
    from mvsdk import boards
    from mvsdk.bundle import load
    from mvsdk.files import write_whole
    from mvsdk.update.patch_making import make_patch
    from mvsdk.update.proof import Plan, as_document, as_html, prove
    from mvsdk_cli.keyring import keyring

    trusted = tuple(keyring().trusted(trust).values())
    test_code = None if test is None else load(test)
    plan = Plan(load(old), load(new), trusted, boards.load(), exhaustive, make_patch, test=test_code)
    again = ["mvsdk", "prove-update", str(old), str(new), *(word for each in trust for word in ("--trust", str(each)))]
    again += [] if test is None else ["--test", str(test)]
    if only is not None:
        ctx.exit(_try_one(plan, only, as_json=as_json))
    outcome = prove(plan, workers or len(os.sched_getaffinity(0)), _progress(shown=not as_json and sys.stderr.isatty()))
    commands = {each.point: shlex.join([*again, "--only", each.point]) for each in outcome.findings}
    if report is not None:
        write_whole(report, as_html(outcome, f"Update from {old.name} to {new.name}", commands).encode())
    if as_json:
        print_json(as_document(outcome, commands))
    else:
        _show(outcome, commands)
    ctx.exit(1 if outcome.findings else 0)


def _progress(*, shown: bool) -> Callable[[int, int], None]:
    def show(done: int, total: int) -> None:
        if shown:
            click.echo(f"\r{done} of {total} points" + ("\r\033[K" if done == total else ""), err=True, nl=False)

    return show


def _show(outcome: Outcome, commands: dict[str, str]) -> None:
    width = max(len(section.title) for section in outcome.sections)
    for section in outcome.sections:
        click.echo(_line(section, width))
        for finding in section.findings[:_SHOWN]:
            click.echo(f"  {click.style(finding.what, fg='red')}\n    {commands[finding.point]}")
        if len(section.findings) > _SHOWN:
            click.echo(f"  and {len(section.findings) - _SHOWN} more; --report lists them")
    count = len(outcome.findings)
    verdict = f"{count} broken promises" if count else "passed"
    click.echo(click.style(f"{outcome.points} points in {outcome.seconds:.1f} s: {verdict}", bold=True))


def _line(section: Section, width: int) -> str:
    operations = f"{section.operations:7} operations" if section.operations else " " * 18
    verdict = f"{len(section.findings)} broken" if section.findings else "passed"
    return f"{section.name:8} {section.title:{width}} {operations} {section.points:8} points  {verdict}"


def _try_one(plan: Plan, only: str, *, as_json: bool) -> int:
    """Try one point; return the exit status."""
    from mvsdk.update.proof import replay

    result = replay(plan, only)
    if as_json:
        lives = [[{"event": each.event.value, "text": each.text} for each in life] for life in result.lives]
        print_json({"point": only, "passed": result.violation is None, "violation": result.violation, "lives": lives})
    else:
        for number, life in enumerate(result.lives, 1):
            click.echo(f"life {number}")
            for each in life:
                click.echo(f"  {each.event.value}{': ' if each.text else ''}{each.text}")
        click.echo(f"{only}: {result.violation or 'passed'}")
    return 0 if result.violation is None else 1
