"""Print the folder of the SDK's CMake package.

Projects from `mvsdk new` ask for it when CMake is started by an editor or by hand:

\b
  $ cmake --preset debug && ninja -C build

Others can be told with: cmake -Dmvsdk_DIR="$(mvsdk cmake-directory)" ...
"""

from __future__ import annotations

import click

from mvsdk.resources import shared


@click.command("cmake-directory", help=__doc__)
def command() -> None:
    """Print one line, the absolute path."""
    click.echo(shared("board-support") / "cmake")
