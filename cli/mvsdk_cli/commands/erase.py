"""Erase all of the flash of a board.

\b
    $ mvsdk erase --probe emulator:desk --yes
    emulator:desk: the flash is erased

Option bytes and one-time programmable bytes stay. Without --yes a person at a terminal is asked, and anybody else is
refused; --probe must be given, because nothing brings back what was erased on the wrong board. A protected chip, or one
with TrustZone on, is refused, with what would have to be done.
"""

from __future__ import annotations

import sys

import click

from mvsdk_cli.console import json_option, print_json
from mvsdk_cli.probing import ProgressBar, attached


@click.command("erase", help=__doc__)
@click.option("--probe", "uid", metavar="UID", required=True, help="Use this probe; `mvsdk probes` lists them.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@click.pass_context
def command(ctx: click.Context, uid: str, yes: bool, as_json: bool) -> None:
    """Erase a chip."""
    if not yes and not sys.stdin.isatty():
        raise click.UsageError("nobody can be asked whether to erase the flash: add --yes if you are sure.", ctx)
    with attached(uid, halt=True) as chip:
        from mvsdk.probe.flashing import Flasher

        name = chip.found.uid
        chip.check_open()
        if not yes:
            click.confirm(f"Erase all of the flash of {name}?", abort=True, err=True)
        with ProgressBar() as progress:
            Flasher(chip, progress).erase_chip()
        chip.reset()
    if as_json:
        print_json({"probe": name, "erased": True})
    else:
        click.echo(f"{name}: the flash is erased")
