"""The independent watchdog: counts down at 32 kHz and resets the chip at its end (RM0456, chapter 61).

A new reload value counts from the next reload on, a new prescaler at once; writing the window reloads too. Updates are
over at once. The early interrupt comes when the count reaches EWIT (inferred).
"""

from __future__ import annotations

from typing import ClassVar

from mvsdk.emulator.soc.registers import RegisterBlock
from mvsdk.emulator.soc.wiring import Alarm, InterruptLine, Wiring

LSI_HZ = 32_000
RESET_FLAG = 29
"""RCC_CSR.IWDGRSTF."""
_START, _RELOAD, _UNLOCK = 0xCCCC, 0xAAAA, 0x5555
_EARLY_CLEAR, _EARLY_ENABLE, _EARLY_FLAG = 1 << 14, 1 << 15, 1 << 14
_SLOWEST = 8


class Iwdg(RegisterBlock):
    """The watchdog. Once started only a reset stops it."""

    STATE: ClassVar[tuple[str, ...]] = (
        "_line",
        "_end",
        "_early",
        "_running",
        "_unlocked",
        "_warned",
        "_loaded",
        "_loaded_at",
    )

    def __init__(self, wiring: Wiring, interrupt: int) -> None:
        super().__init__("iwdg")
        self._wiring = wiring
        self._line = InterruptLine(wiring, interrupt)
        self._end = Alarm(wiring, lambda _: wiring.watchdog_reset(RESET_FLAG))
        self._early = Alarm(wiring, self._warn)
        self._running = self._unlocked = self._warned = False
        self._loaded = self._loaded_at = 0

    def reset(self) -> None:
        """Stop it."""
        super().reset()
        self._end.set(None)
        self._early.set(None)
        self._running = self._unlocked = self._warned = False
        self._settle()

    def fetch(self, name: str) -> int:
        """Return a register; SR shows the early wake-up flag."""
        return _EARLY_FLAG if name == "SR" and self._warned else super().fetch(name)

    def store(self, name: str, bits: int, mask: int) -> None:
        """Take a key, or change a register while they are unlocked."""
        if name == "KR":
            self._key(bits)
        elif self._unlocked:
            if name == "PR" and self._running:
                self._loaded, self._loaded_at = self._count(), self._wiring.cycle
            super().store(name, bits, mask)
            if name == "EWCR" and bits & _EARLY_CLEAR:
                self._warned = False
            if name == "WINR":
                self._reload()
            self._arrange()

    def _key(self, key: int) -> None:
        self._unlocked = key == _UNLOCK
        if key == _START and not self._running:
            self._running = True
            self._reload()
        elif key == _RELOAD:
            if self._running and self._count() > self.registers["WINR"]:
                self._wiring.watchdog_reset(RESET_FLAG)
            self._reload()

    def _step(self) -> int:
        """Return the cycles of one count."""
        return self._wiring.clocks.sysclk * (4 << min(self.registers["PR"], _SLOWEST)) // LSI_HZ

    def _count(self) -> int:
        return self._loaded - (self._wiring.cycle - self._loaded_at) // self._step()

    def _reload(self) -> None:
        self._loaded, self._loaded_at = self.registers["RLR"], self._wiring.cycle
        self._arrange()

    def _arrange(self) -> None:
        if not self._running:
            return
        early = self.registers["EWCR"] & 0xFFF
        length = self._loaded
        self._end.set(self._loaded_at + (length + 1) * self._step())
        warns = self.registers["EWCR"] & _EARLY_ENABLE and early <= length
        warning = self._loaded_at + (length - early) * self._step()
        self._early.set(warning if warns and warning > self._wiring.cycle else None)
        self._settle()

    def _warn(self, cycle: int) -> None:
        self._warned = True
        self._settle()

    def _settle(self) -> None:
        self._line.set(self._warned and bool(self.registers["EWCR"] & _EARLY_ENABLE))
