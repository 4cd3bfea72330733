"""What the agent runs on."""

from __future__ import annotations

from dataclasses import dataclass

from mvsdk.boards import Board
from mvsdk.flash_memory import EccError, FlashMemory
from mvsdk.update.key_set import KeySet
from mvsdk.update.layout import Layout


@dataclass(frozen=True, slots=True)
class Hardware:
    """A device as its update agent sees it.

    `internal` is the application's part of the internal flash and as large as `board.flash`; `external` holds what
    `layout` says. `factory_keys` are trusted until a NewKeys message changes them.
    """

    internal: FlashMemory
    external: FlashMemory
    layout: Layout
    board: Board
    factory_keys: KeySet
    kernel_version: int = 1


def read_or_none(flash: FlashMemory, address: int, length: int) -> bytes | None:
    """Read, or return None where the flash has an ECC error."""
    try:
        return flash.read(address, length)
    except EccError:
        return None


def write_page(flash: FlashMemory, address: int, data: bytes) -> bool:
    """Program an erased page, without the erased bytes at its end, and tell whether it reads back."""
    unit = flash.program_size
    used = len(data.rstrip(b"\xff"))
    used = -(-used // unit) * unit
    flash.program(address, data[:used].ljust(used, b"\xff"))
    return read_or_none(flash, address, len(data)) == data
