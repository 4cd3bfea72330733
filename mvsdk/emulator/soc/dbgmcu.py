"""The debug unit's registers (RM0456, chapter 75): what the chip is, and what stands still while a debugger halts it.

They lie among the processor's private peripherals, outside the peripheral bus.
"""

from __future__ import annotations

from typing import ClassVar

from mvsdk.emulator.soc.registers import RegisterBlock

DBGMCU_SPACE = range(0xE004_4000, 0xE004_5000)


class Dbgmcu:
    """The block, as the core sees a device. Only power-on resets it."""

    STATE: ClassVar[tuple[str, ...]] = ("_block",)

    def __init__(self) -> None:
        self._block = RegisterBlock("dbgmcu")

    def read(self, offset: int, size: int) -> int:
        """Answer the core's read; 0 where there is no register."""
        return self._block.read(offset, size) or 0

    def write(self, offset: int, size: int, value: int) -> None:
        """Take the core's write; forgotten where there is no register."""
        self._block.write(offset, size, value)
