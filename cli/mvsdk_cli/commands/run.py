"""Write a BUNDLE into the flash of a board, start it, and show what it logs until Ctrl-C.

\b
    $ mvsdk run build/app.zip --probe emulator:desk --until "LED on"
    emulator:desk: 5504 bytes at 0x08000000, 1 of 1 pages differed, flashed in 0.1 s and started
    [    0.038321] application starts, wake reason REMOTEAPPLICATIONRESTART
    [    0.038382] app: started at 160 MHz
    [    0.138395] app: LED on (tick 1)

The bundle is verified, and only what differs is written, as by `mvsdk flash`, whose options are the same. The times are
the board's own. The board goes on running afterwards.

The log is what the application hands to mvServerLog. A board of silicon without a Microvisor kernel has nobody who
takes it, so only emulated boards can be run like this: flash others with `mvsdk flash`, and watch a serial port.

\b
Exit status:
    0  the text of --until was logged, or the time of --for is over and no text was asked for
    1  it could not be flashed or followed: the error says why
    3  the time is over, and the text of --until was not logged
    4  the application faulted
    130  it was stopped with Ctrl-C
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mvsdk_cli.commands.flash import described
from mvsdk_cli.console import json_option, print_json, printable
from mvsdk_cli.durations import Duration
from mvsdk_cli.probing import ProgressBar, attached, load_for, probe_option

if TYPE_CHECKING:
    from mvsdk.debug_port.client import DebugConnection
    from mvsdk.debug_port.messages import Line

REACHED, TEXT_NOT_SEEN, FAULTED, INTERRUPTED = 0, 3, 4, 130
LOOK_S = 0.05
"""How long to wait before looking for new lines."""
_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("run", help=__doc__)
@click.argument("bundle", required=False, type=_FILE)
@probe_option
@click.option("--for", "length", type=Duration(), help="Stop after this much time: 5s, 250ms, 2m.")
@click.option("--until", "text", help="Stop when this text is logged.")
@click.option("--trust", type=_FILE, multiple=True, metavar="FILE", help="PEM public key to trust too; repeatable.")
@click.option("--allow-unsigned", is_flag=True, help="Flash what nobody signed.")
@click.option("--board", "board_name", help="The board it is for; by default the project's, else stm32u585.")
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    bundle: Path | None,
    uid: str | None,
    length: int | None,
    text: str | None,
    trust: tuple[Path, ...],
    allow_unsigned: bool,
    board_name: str | None,
    as_json: bool,
) -> None:
    """Flash, start, follow."""
    if text == "":
        raise click.BadParameter("every line holds the empty text. Name the one to wait for.", ctx)
    path, board, loaded = load_for(bundle, board_name, trust, allow_unsigned=allow_unsigned)
    with attached(uid, board.name, halt=True) as chip:
        from mvsdk.debug_port.client import DebugConnection
        from mvsdk.probe.errors import NoLogError
        from mvsdk.probe.flashing import Flasher

        announcement, name = chip.found.announcement, chip.found.uid
        if announcement is None:
            raise NoLogError(f"{name} has no log that could be followed", "flash it: mvsdk flash; watch a serial port")
        log = ctx.with_resource(DebugConnection(announcement))
        began = time.monotonic()
        with ProgressBar() as progress:
            outcome = Flasher(chip, progress).flash(board.flash.base, loaded.image.data)
        seconds = time.monotonic() - began
        newest = log.newest_line()
        chip.reset()
    if as_json:
        print_json({"event": "flashed", "bundle": str(path), "probe": name, "pages_changed": len(outcome.plan.changed)})
    else:
        click.echo(f"{name}: {described(outcome.plan, outcome, seconds, started=True)}", err=True)
    try:
        status = _follow(log, newest, length, text, as_json=as_json)
    except KeyboardInterrupt:
        status = INTERRUPTED
    ctx.exit(status)


def _follow(log: DebugConnection, after: int, length_us: int | None, text: str | None, *, as_json: bool) -> int:
    """Show lines until the text, a fault or the end of the time; return the exit status."""
    end = None if length_us is None else time.monotonic() + length_us / 1e6
    while True:
        new = log.follow(after)
        after = new.last
        for line in new.lines:
            _show(line, as_json=as_json)
            if line.kind == "fault":
                return FAULTED
            if text is not None and line.kind == "log" and text in line.text:
                return REACHED
        if end is not None and time.monotonic() >= end:
            return REACHED if text is None else TEXT_NOT_SEEN
        if not new.lines:
            time.sleep(LOOK_S)


def _show(line: Line, *, as_json: bool) -> None:
    if as_json:
        print_json({"event": line.kind, "time_us": line.time_us, "text": line.text})
        return
    words = {"start": "application starts, wake reason ", "fault": "HardFault: ", "log": ""}[line.kind]
    click.echo(f"[{line.time_us / 1e6:12.6f}] {words}{printable(line.text)}")
