"""Read memory of a board through its debug probe, while it runs.

\b
    $ mvsdk read-memory 0x08000000 32 --probe emulator:desk
    08000000  00 00 08 20 95 10 00 08 35 10 00 08 35 10 00 08  |... ....5...5...|
    08000010  35 10 00 08 35 10 00 08 35 10 00 08 00 00 00 00  |5...5...5.......|
    $ mvsdk read-memory 0x20000000 512K --out ram.bin

ADDRESS and SIZE are numbers such as 0x20000000, 4096 or 4K. With --out the bytes go into a file, as they are.
Peripheral registers are read in words where the range allows it, and reading some has effects.
"""

from __future__ import annotations

from pathlib import Path

import click

from mvsdk_cli.console import json_option, print_json
from mvsdk_cli.probing import Number, attached, probe_option

ROW = 16
MOST = 16 * 1024 * 1024


@click.command("read-memory", help=__doc__)
@click.argument("address", type=Number())
@click.argument("size", type=Number())
@probe_option
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the bytes to this file.")
@json_option
@click.pass_context
def command(ctx: click.Context, address: int, size: int, uid: str | None, out: Path | None, as_json: bool) -> None:
    """Read memory."""
    if not 1 <= size <= MOST or address + size > 1 << 32:
        raise click.UsageError(f"{size} bytes at 0x{address:08x} cannot be read. Give 1 to {MOST} bytes.", ctx)
    with attached(uid) as chip:
        data = chip.read(address, size)
        name = chip.found.uid
    if out is not None:
        from mvsdk.files import write_whole

        write_whole(out, data)
    if as_json:
        place: dict[str, object] = {"probe": name, "address": address, "size": size}
        print_json({**place, **({"out": str(out)} if out else {"data": data.hex()})})
    elif out is not None:
        click.echo(f"{name}: {size} bytes from 0x{address:08x} are in {out}")
    else:
        for offset in range(0, size, ROW):
            click.echo(_row(address + offset, data[offset : offset + ROW]))


def _row(address: int, data: bytes) -> str:
    text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in data)
    return f"{address:08x}  {data.hex(' '):<{3 * ROW - 1}}  |{text}|"
