"""Write a BUNDLE into the flash of a board, and start it.

\b
    $ mvsdk flash build/app.zip --probe emulator:desk
    emulator:desk: 5504 bytes at 0x08000000, 1 of 1 pages differed, flashed in 0.1 s and started
    $ mvsdk flash build/app.zip --probe emulator:desk
    emulator:desk: 5504 bytes at 0x08000000 are there already; started

The bundle is verified first, as a device would; a bare ELF, HEX or BIN, or an unsigned bundle, needs --allow-unsigned.
Without BUNDLE it is the project's own.

Only pages that differ are erased and written (--erase auto), and everything else in the flash stays as it is. --erase
sector rewrites all pages of the image, --erase chip erases everything first. What was written is compared by checksums
afterwards; with --verify all of the image is, also where nothing was written. Whatever goes wrong on the way, the next
`mvsdk flash` finds and mends.

Without --probe it is the one probe behind which a board of this kind is, or may be; of several, a person at a terminal
is asked, and anybody else is refused. The chip itself is asked too: only an STM32U585 is written, and none that is
protected or has TrustZone on. Boards with a Microvisor kernel are such: deploy to them through their cloud.

--dry-run says what would be written, and writes nothing. The chip stands meanwhile, and is reset in the end: its RAM
has served. With --no-reset that is left to you; what it runs until then is undefined.

Exit status: 0 the board holds the application, 1 it does not.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mvsdk_cli.console import json_option, print_json
from mvsdk_cli.probing import ProgressBar, attached, load_for, probe_option

if TYPE_CHECKING:
    from mvsdk.probe.flashing import Outcome, Plan

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("flash", help=__doc__)
@click.argument("bundle", required=False, type=_FILE)
@probe_option
@click.option("--erase", type=click.Choice(["auto", "sector", "chip"]), default="auto", help="What to erase before.")
@click.option("--verify", is_flag=True, help="Compare all of the image afterwards.")
@click.option("--no-reset", is_flag=True, help="Do not start it.")
@click.option("--dry-run", is_flag=True, help="Say what would be written, and write nothing.")
@click.option("--trust", type=_FILE, multiple=True, metavar="FILE", help="PEM public key to trust too; repeatable.")
@click.option("--allow-unsigned", is_flag=True, help="Flash what nobody signed.")
@click.option("--board", "board_name", help="The board it is for; by default the project's, else stm32u585.")
@json_option
def command(
    bundle: Path | None,
    uid: str | None,
    erase: str,
    verify: bool,
    no_reset: bool,
    dry_run: bool,
    trust: tuple[Path, ...],
    allow_unsigned: bool,
    board_name: str | None,
    as_json: bool,
) -> None:
    """Verify, choose, compare, write, start."""
    path, board, loaded = load_for(bundle, board_name, trust, allow_unsigned=allow_unsigned)
    address, data = board.flash.base, loaded.image.data
    with attached(uid, board.name, halt=True) as chip:
        from mvsdk.probe.flashing import Erase, Flasher

        began = time.monotonic()
        with ProgressBar() as progress:
            flasher = Flasher(chip, progress)
            if dry_run:
                plan = flasher.plan(address, data)
                outcome = None
            else:
                outcome = flasher.flash(address, data, Erase(erase), verify=verify)
                plan = outcome.plan
        seconds = time.monotonic() - began
        if dry_run or not no_reset:
            chip.reset()
        name = chip.found.uid
    if as_json:
        print_json(_document(name, path, plan, outcome, seconds, started=not no_reset and not dry_run))
    else:
        click.echo(f"{name}: {described(plan, outcome, seconds, started=not no_reset)}")


def described(plan: Plan, outcome: Outcome | None, seconds: float, *, started: bool) -> str:
    """Say in a line what was done, or would be."""
    what = f"{plan.size} bytes at 0x{plan.address:08x}"
    differed = f"{len(plan.changed)} of {plan.pages} pages"
    if outcome is None:
        return f"{what}, {differed} differ; nothing was written"
    then = "started" if started else "not started"
    if not outcome.erased and not outcome.programmed:
        return f"{what} are there already; {then}"
    return f"{what}, {differed} differed, flashed in {seconds:.1f} s and {then}"


def _document(
    name: str, path: Path, plan: Plan, outcome: Outcome | None, seconds: float, *, started: bool
) -> dict[str, object]:
    return {
        "probe": name,
        "bundle": str(path),
        "address": plan.address,
        "size": plan.size,
        "pages": plan.pages,
        "changed": [f"0x{page:08x}" for page in plan.changed],
        "erased": outcome.erased if outcome else 0,
        "programmed": outcome.programmed if outcome else 0,
        "verified": bool(outcome and outcome.verified),
        "dry_run": outcome is None,
        "started": started,
        "seconds": round(seconds, 3),
    }
