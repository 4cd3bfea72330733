"""Reset and clock control, as the kernel set it up and as the application may change it.

The kernel runs everything at 160 MHz from PLL1 and owns that; what an application may change, and what each register
holds at its start, are rows of `rcc.csv` (RM0456, chapter 11). An application reaches the block only
through peek and poke; a direct read gives the true value, a direct write changes nothing, and neither faults.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class _Register:
    name: str
    value: int
    app_writable: int
    ready: tuple[tuple[int, int], ...]
    """An oscillator's ON bit and the READY bit that follows it at once."""


@cache
def _registers() -> Mapping[int, _Register]:
    with files(__package__).joinpath("rcc.csv").open(encoding="utf-8") as table:
        return {
            int(row["offset"], 16): _Register(
                row["register"],
                int(row["value"], 16),
                int(row["app_writable"], 16),
                tuple((int(on), int(ready)) for on, _, ready in (pair.partition(">") for pair in row["ready"].split())),
            )
            for row in csv.DictReader(table)
        }


class Rcc:
    """The RCC block: a value per register, and the kernel's rule for changing one."""

    def __init__(self) -> None:
        self._values = {offset: register.value for offset, register in _registers().items()}

    def read(self, offset: int, size: int) -> int | None:
        """Answer a direct read of the application."""
        word = self._values.get(offset & ~3)
        return None if word is None else (word >> 8 * (offset & 3)) & ((1 << 8 * size) - 1)

    def write(self, offset: int, size: int, value: int) -> bool:
        """Ignore a direct write of the application, as the secure block does."""
        return offset & ~3 in self._values

    def peek(self, offset: int) -> int | None:
        """Return a register's value for the kernel; None where there is no register."""
        return self._values.get(offset)

    def poke(self, offset: int, mask: int, xor: int) -> bool:
        """Change the bits an application may change: new = (old AND NOT mask) XOR xor. False where no register is."""
        register = _registers().get(offset)
        if register is None:
            return False
        old = self._values[offset]
        new = (old & ~mask) ^ xor
        value = (old & ~register.app_writable) | (new & register.app_writable)
        for on, ready in register.ready:
            value = value & ~(1 << ready) | (value >> on & 1) << ready
        self._values[offset] = value & 0xFFFF_FFFF
        return True
