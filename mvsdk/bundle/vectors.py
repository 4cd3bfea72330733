"""The start of an image: where a Cortex-M finds its stack and its first instruction."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mvsdk.bundle.image import Image

if TYPE_CHECKING:
    from mvsdk.boards import Board

CORE_TABLE_SIZE = 64
"""The 16 words of the core; an image with less holds no vector table (Armv8-M ARM, vector tables)."""


@dataclass(frozen=True, slots=True)
class VectorTable:
    """The two words that start an application: the initial stack pointer, and the reset vector with its Thumb bit."""

    stack: int
    reset: int

    @classmethod
    def of(cls, image: Image) -> VectorTable | None:
        """Read the table; None for an image too short to hold one."""
        return cls(*struct.unpack_from("<2I", image.data)) if len(image.data) >= CORE_TABLE_SIZE else None


def vector_table_problem(image: Image, board: Board) -> str | None:
    """Say why the image cannot be started on the board; None when nothing speaks against it.

    The stack pointer must be a multiple of 4 and lie in RAM or at its end, the reset vector be odd (Thumb) and lie
    inside the image.
    """
    table = VectorTable.of(image)
    if table is None:
        return f"its {len(image.data)} bytes hold no vector table, which takes {CORE_TABLE_SIZE}"
    ram, flash = board.ram, board.flash
    if not ram.base < table.stack <= ram.end:
        return f"its initial stack pointer {table.stack:#010x} is not in RAM ({ram.base:#010x} to {ram.end:#010x})"
    if table.stack % 4:
        return f"its initial stack pointer {table.stack:#010x} is not a multiple of 4"
    if not table.reset & 1:
        return f"its reset vector {table.reset:#010x} is even, but the processor runs Thumb code only"
    if not flash.base <= table.reset - 1 < flash.base + len(image.data):
        last = flash.base + len(image.data)
        return f"its reset vector {table.reset:#010x} is not in the image ({flash.base:#010x} to {last:#010x})"
    return None
