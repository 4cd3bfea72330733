"""Cutting the power at every flash operation of some code of yours, in every way: for tests.

    def test_settings_survive(power_cuts):
        for flash, power in power_cuts.every(write_settings, lambda power: NorFlash(65536, power)):
            assert read_settings(flash) in (OLD, NEW)

`every` runs the code once for each operation and mess, from the same beginning, and hands out the flash with power on.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TypeVar

from mvsdk.flash_memory import Cut, InternalFlash, Mess, NorFlash, PowerCut, PowerSupply

AnyFlash = TypeVar("AnyFlash", NorFlash, InternalFlash)


class PowerCuts:
    """Tries code that writes flash. `messes` are what an interruption leaves, all kinds unless said otherwise."""

    def __init__(self, messes: tuple[Mess, ...] = tuple(Mess)) -> None:
        self._messes = messes
        self.last: Cut | None = None
        """The cut of the flash handed out last, for the message of an assertion."""

    def every(
        self,
        code: Callable[[AnyFlash], object],
        make: Callable[[PowerSupply], AnyFlash],
        prepare: Callable[[AnyFlash], object] = lambda flash: None,
    ) -> Iterator[tuple[AnyFlash, PowerSupply]]:
        """Yield a flash for every cut: made, prepared undisturbed, and then written by `code` until the cut."""
        total = self._attempt(code, make, prepare, None)[1].operations
        for at in range(total):
            for mess in self._messes:
                self.last = Cut(at, mess)
                flash, power = self._attempt(code, make, prepare, self.last)
                power.restore()
                yield flash, power

    @staticmethod
    def _attempt(
        code: Callable[[AnyFlash], object],
        make: Callable[[PowerSupply], AnyFlash],
        prepare: Callable[[AnyFlash], object],
        cut: Cut | None,
    ) -> tuple[AnyFlash, PowerSupply]:
        power = PowerSupply()
        flash = make(power)
        prepare(flash)
        power.restore(cut)
        with contextlib.suppress(PowerCut):
            code(flash)
        return flash, power
