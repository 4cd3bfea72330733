"""From an address to the peripheral that owns it."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterator
from typing import ClassVar, Protocol

from mvsdk.boards import Board
from mvsdk.emulator.core import BusFault

PERIPHERAL_SPACE = range(0x4000_0000, 0x5000_0000)
"""Non-secure peripherals; an access to their secure aliases above is a bus error to an application."""


class Peripheral(Protocol):
    """One block of registers. Offsets are bytes from its base; accesses are aligned and 1, 2 or 4 bytes wide."""

    def read(self, offset: int, size: int) -> int | None:
        """Return a register's value, or None for a register without a model."""

    def write(self, offset: int, size: int, value: int) -> bool:
        """Change a register; return False for a register without a model."""


class PeripheralBus:
    """The device range 0x40000000-0x4FFFFFFF as the core sees it.

    `unmodelled(peripheral, address, access)` is called once per address; access is "read" or "write". A `strict` bus
    makes every such access fail as a bus fault. With `clock_is_on(peripheral)` a peripheral without its clock reads 0
    and ignores writes, as on the chip, and `unclocked(peripheral, address, access)` is called once for each.
    """

    STATE: ClassVar[tuple[str, ...]] = ("_told", "_unclocked_told")
    NOT_STATE: ClassVar[tuple[str, ...]] = ("_models",)

    def __init__(
        self,
        board: Board,
        unmodelled: Callable[[str, int, str], None],
        *,
        strict: bool = False,
        clock_is_on: Callable[[str], bool] | None = None,
        unclocked: Callable[[str, int, str], None] = lambda peripheral, address, access: None,
    ) -> None:
        known = sorted(board.peripherals, key=lambda peripheral: peripheral.base)
        self._bases = [peripheral.base for peripheral in known]
        self._names = [peripheral.name for peripheral in known]
        self._models: dict[int, Peripheral] = {}
        self._unmodelled = unmodelled
        self._strict = strict
        self._told: set[int] = set()
        self._clock_is_on = clock_is_on
        self._unclocked = unclocked
        self._unclocked_told: set[str] = set()

    def attach(self, base: int, peripheral: Peripheral) -> None:
        """Let `peripheral` answer the block at `base`, a peripheral's address in the board's table."""
        self._models[self._bases.index(base)] = peripheral

    def attached(self) -> Iterator[tuple[int, Peripheral]]:
        """Yield every model with its base, by rising base."""
        for index in sorted(self._models):
            yield self._bases[index], self._models[index]

    def read(self, offset: int, size: int) -> int:
        """Answer the core's read; 0 where nothing is modelled."""
        address = PERIPHERAL_SPACE.start + offset
        index = bisect.bisect_right(self._bases, address) - 1
        if self._clock_is_on is not None and not self._has_clock(index, address, "read"):
            return 0
        model = self._models.get(index)
        value = None if model is None else model.read(address - self._bases[index], size)
        if value is None:
            self._refuse(index, address, "read")
            return 0
        return value

    def write(self, offset: int, size: int, value: int) -> None:
        """Take the core's write; forgotten where nothing is modelled."""
        address = PERIPHERAL_SPACE.start + offset
        index = bisect.bisect_right(self._bases, address) - 1
        if self._clock_is_on is not None and not self._has_clock(index, address, "write"):
            return
        model = self._models.get(index)
        if model is None or not model.write(address - self._bases[index], size, value):
            self._refuse(index, address, "write")

    def _has_clock(self, index: int, address: int, access: str) -> bool:
        name = self._names[index] if index >= 0 else ""
        if self._clock_is_on is None or self._clock_is_on(name):
            return True
        if name not in self._unclocked_told:
            self._unclocked_told.add(name)
            self._unclocked(name, address, access)
        return False

    def _refuse(self, index: int, address: int, access: str) -> None:
        if address not in self._told:
            self._told.add(address)
            self._unmodelled(self._names[index] if index >= 0 else "no peripheral", address, access)
        if self._strict:
            raise BusFault
