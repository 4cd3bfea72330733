"""Reset a board through its debug probe.

\b
    $ mvsdk reset --probe emulator:desk
    emulator:desk: reset, and runs
    $ mvsdk reset --options
    emulator:desk: reset, and runs
      TrustZone is off (TZEN = 0)
      read protection is at level 0 (RDP = 0xAA)
      the flash is two banks (DUALBANK = 1)
      bank 1 comes first (SWAP_BANK = 0)

--options says what the option bytes are, in plain language, and what they forbid. Without --probe it is the only probe
there is; of several, a person at a terminal is asked.
"""

from __future__ import annotations

import click

from mvsdk_cli.console import json_option, print_json
from mvsdk_cli.probing import attached, probe_option


@click.command("reset", help=__doc__)
@probe_option
@click.option("--options", "shows_options", is_flag=True, help="Say what the option bytes are.")
@json_option
def command(uid: str | None, shows_options: bool, as_json: bool) -> None:
    """Reset a board."""
    with attached(uid) as chip:
        chip.reset()
        name = chip.found.uid
        options = chip.option_bytes() if shows_options else None
    refusal = None if options is None else options.refusal()
    if as_json:
        document: dict[str, object] = {"probe": name, "reset": True}
        if options is not None:
            document["options"] = {
                "optr": options.raw,
                "trustzone": options.trustzone,
                "read_protection": options.read_protection,
                "banks_swapped": options.banks_swapped,
                "dual_bank": options.dual_bank,
                "writable": refusal is None,
            }
        print_json(document)
        return
    click.echo(f"{name}: reset, and runs")
    for line in [] if options is None else options.report():
        click.echo(f"  {line}")
    if refusal is not None:
        click.echo(f"  it cannot be flashed: {refusal[0]}; {refusal[1]}")
