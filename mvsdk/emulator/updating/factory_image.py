"""Factory images: what the factory writes into the kernel's part of the external flash, as the bytes of a file.

A device of a board that comes up with such a content runs the test code in it, and installs the application behind it
once that has passed. There is nothing in it that is one device's own.
"""

from __future__ import annotations

from pathlib import Path

from mvsdk.boards import Board
from mvsdk.emulator.updating.memories import Memories, kernel_flash_size
from mvsdk.flash_memory import ERASED
from mvsdk.update import FactoryError, KeySet, examine, prepare
from mvsdk.update.slots import Bundle

_FOR_THIS = "make it for this board: mvsdk factory image"


def make(board: Board, keys: KeySet, final: bytes, test: bytes | None = None) -> bytes:
    """Return the image with which a device of a board that trusts `keys` runs `test` and then installs `final`.

    Raises `FactoryError` for bundles that such a device would not take.
    """
    content = bytearray(ERASED * kernel_flash_size(board))
    prepare(Memories(board, kernel=content).hardware(keys), final, test)
    return bytes(content)


def read(path: Path, board: Board) -> bytes:
    """Read the file of an image. Raises `FactoryError` for one that is not of the size it has on this board."""
    size = kernel_flash_size(board)
    try:
        with path.open("rb") as file:
            data = file.read(size + 1)
    except OSError as error:
        raise FactoryError(
            f"cannot read {path}: {error.strerror or error}", "give the path of a factory image"
        ) from error
    if len(data) != size:
        found = f"more than {size}" if len(data) > size else str(len(data))
        raise FactoryError(f"{path} is no factory image for {board.name}: it has {found} bytes, not {size}", _FOR_THIS)
    return data


def check(data: bytes, board: Board, keys: KeySet) -> tuple[Bundle, Bundle | None]:
    """Prove that an image is whole and its bundles are signed with `keys`; return the final one and the test code.

    Raises `FactoryError`.
    """
    return examine(Memories(board, kernel=bytearray(data)).hardware(keys))
