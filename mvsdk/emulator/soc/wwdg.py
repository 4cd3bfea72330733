"""The window watchdog: resets the chip when refreshed too late or too early (RM0456, chapter 62)."""

from __future__ import annotations

from typing import ClassVar

from mvsdk.emulator.soc.registers import RegisterBlock
from mvsdk.emulator.soc.wiring import Alarm, InterruptLine, Wiring

RESET_FLAG = 30
"""RCC_CSR.WWDGRSTF."""
WDGA, EWI, EWIF = 1 << 7, 1 << 9, 1 << 0
_BASE_DIVIDER = 4096
_LAST = 0x40
"""The value from which the next count resets."""


class Wwdg(RegisterBlock):
    """The watchdog. Once active only a reset stops it."""

    STATE: ClassVar[tuple[str, ...]] = ("_line", "_end", "_early", "_value", "_since")

    def __init__(self, wiring: Wiring, interrupt: int) -> None:
        super().__init__("wwdg")
        self._wiring = wiring
        self._line = InterruptLine(wiring, interrupt)
        self._end = Alarm(wiring, lambda _: wiring.watchdog_reset(RESET_FLAG))
        self._early = Alarm(wiring, self._warn)
        self._value, self._since = 0x7F, 0

    def reset(self) -> None:
        """Stop it."""
        super().reset()
        self._end.set(None)
        self._early.set(None)
        self._value, self._since = 0x7F, self._wiring.cycle
        self._settle()

    def _active(self) -> bool:
        return bool(self.registers["CR"] & WDGA)

    def _step(self) -> int:
        clocks = self._wiring.clocks
        return clocks.sysclk * (_BASE_DIVIDER << (self.registers["CFR"] >> 11 & 7)) // clocks.pclk1

    def _count(self) -> int:
        return self._value - (self._wiring.cycle - self._since) // self._step() if self._active() else self._value

    def fetch(self, name: str) -> int:
        """Return a register; CR with the count at this cycle."""
        return self.registers["CR"] & WDGA | self._count() & 0x7F if name == "CR" else super().fetch(name)

    def store(self, name: str, bits: int, mask: int) -> None:
        """Change a register; writing CR refreshes."""
        match name:
            case "CR":
                self._refresh(bits)
            case "SR":
                self.registers["SR"] &= bits | ~mask
            case _:
                self._value, self._since = self._count(), self._wiring.cycle
                super().store(name, bits | self.registers["CFR"] & EWI, mask)
        self._arrange()

    def _refresh(self, bits: int) -> None:
        too_early = self._active() and self._count() > self.registers["CFR"] & 0x7F
        self.registers["CR"] |= bits & WDGA
        self._value, self._since = bits & 0x7F, self._wiring.cycle
        if self._active() and (too_early or self._value < _LAST):
            self._wiring.watchdog_reset(RESET_FLAG)

    def _arrange(self) -> None:
        if self._active():
            left = max(0, self._value - _LAST)
            self._end.set(self._since + (left + 1) * self._step())
            self._early.set(self._since + left * self._step() if left else None)
        self._settle()

    def _warn(self, cycle: int) -> None:
        self.registers["SR"] |= EWIF
        self._settle()

    def _settle(self) -> None:
        self._line.set(bool(self.registers["SR"] & EWIF and self.registers["CFR"] & EWI))
