"""Make what the factory writes to new devices.

docs/factory.md tells how a device goes from there to its application.
"""

from __future__ import annotations

from pathlib import Path

import click

from mvsdk_cli.console import json_option, print_json

_FILE = click.Path(path_type=Path, dir_okay=False)

_IMAGE_HELP = """Make the external-flash image of a new device: test code, and the application FINAL behind it.

\b
  $ mvsdk factory image blinky/build/blinky.zip --test check/build/check.zip
  blinky/build/blinky.factory.bin: 2367488 bytes for stm32u585
    first  check/build/check.zip, as test code
    then   blinky/build/blinky.zip

FINAL and TEST are signed bundles. A device that has this image runs TEST as the factory's test code, until that calls
mvTestingComplete. With 0 the device installs FINAL, tries it, and keeps it; with anything else nothing more runs, and
after the next start it is tested again. Without --test it installs FINAL at once.

Both must be signed by keys of `mvsdk keys list`, the one in MVSDK_SIGNING_KEY, or those given with --trust; a device
verifies them again, with its own keys. The image holds nothing that is one device's own, and the same bundles give the
same image. `mvsdk emulate --device DIR --factory-image FILE` puts it on an emulated device.
"""


@click.group("factory", help=__doc__)
def command() -> None:
    """Make what the factory writes to new devices."""


@command.command("image", help=_IMAGE_HELP)
@click.argument("final", type=_FILE)
@click.option("--test", type=_FILE, metavar="TEST", help="The bundle of the factory's test code.")
@click.option(
    "-o", "--output", type=_FILE, help="Where to write the image; default: FINAL with the ending .factory.bin."
)
@click.option("--trust", type=_FILE, multiple=True, metavar="FILE", help="PEM public key to trust too; repeatable.")
@click.option("--board", "board_name", help="The board of the devices; default: stm32u585.")
@json_option
def image(
    final: Path, test: Path | None, output: Path | None, trust: tuple[Path, ...], board_name: str | None, as_json: bool
) -> None:
    """Make a factory image."""
    from mvsdk import boards
    from mvsdk.bundle import load
    from mvsdk.emulator.updating import factory_image
    from mvsdk.emulator.updating.bring_up import factory_keys
    from mvsdk.files import write_whole
    from mvsdk.project.configuration import DEFAULT_BOARD
    from mvsdk_cli.keyring import keyring

    board = boards.load(board_name or DEFAULT_BOARD)
    keys = factory_keys(keyring().trusted(trust).values())
    data = factory_image.make(board, keys, load(final), None if test is None else load(test))
    output = output or final.with_suffix(".factory.bin")
    write_whole(output, data)
    if as_json:
        bundles = {"final": str(final), "test": None if test is None else str(test)}
        print_json({"image": str(output), "size": len(data), "board": board.name, **bundles})
        return
    click.echo(f"{output}: {len(data)} bytes for {board.name}")
    if test is not None:
        click.echo(f"  first  {test}, as test code")
    click.echo(f"  then   {final}")
