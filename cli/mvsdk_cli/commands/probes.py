"""List the debug probes that are connected, real and emulated.

\b
    $ mvsdk probes
    PROBE                     WHAT IT IS                          BOARD      RUNS
    emulator:desk             mvsdk emulated stm32u585 (app.zip)  stm32u585  app.zip
    066DFF495051717867203136  STMicroelectronics STLINK-V3        ?

An emulated device is a probe while `mvsdk emulate --device NAME` runs; RUNS is what it was started with. Most real
probes do not tell which board is behind them. What a command's --probe takes is the first column; of a real probe a
part that fits no other will do. Needs pyOCD: pip install 'mvsdk[probe]'.
"""

from __future__ import annotations

import click

from mvsdk_cli.console import json_option, print_json, print_table, printable


@click.command("probes", help=__doc__)
@json_option
def command(as_json: bool) -> None:
    """List probes."""
    from mvsdk.probe.finding import find_probes

    probes = find_probes()
    if as_json:
        print_json(
            [
                {
                    "uid": probe.uid,
                    "product": probe.product,
                    "emulated": probe.emulated,
                    "board": probe.board,
                    "part": probe.part,
                    "image": probe.image,
                }
                for probe in probes
            ]
        )
        return
    if not probes:
        click.echo("no probe is connected; an emulated one: mvsdk emulate --bare --device NAME", err=True)
        return
    rows = [(probe.uid, probe.product, probe.board or "?", probe.image or "") for probe in probes]
    print_table(("PROBE", "WHAT IT IS", "BOARD", "RUNS"), [[printable(cell) for cell in row] for row in rows])
