"""A block of registers reached by names, as firmware reaches it."""

from __future__ import annotations

from mvsdk.emulator.soc.bus import Peripheral
from mvsdk.emulator.soc.registers import offsets


class Block:
    """Reads and writes a peripheral's registers by the names of its table."""

    def __init__(self, peripheral: Peripheral, table: str) -> None:
        self._peripheral = peripheral
        self._offsets = offsets(table)

    def __getitem__(self, name: str) -> int:
        value = self._peripheral.read(self._offsets[name], 4)
        assert value is not None
        return value

    def __setitem__(self, name: str, value: int) -> None:
        assert self._peripheral.write(self._offsets[name], 4, value)

    def write(self, name: str, size: int, value: int) -> None:
        """Write a register's lowest `size` bytes."""
        assert self._peripheral.write(self._offsets[name], size, value)
