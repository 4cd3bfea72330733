"""The data cache's registers: it makes nothing faster here, and what software asks of it takes a moment (RM0456, 9).

That moment matters: HAL_DCACHE_Invalidate waits, in some versions, for BSYENDF to be clear, and finds it set at once a
mistake; HAL_DCACHE_CleanByAddr and its like wait for CMDENDF, for ever.
"""

from __future__ import annotations

from typing import ClassVar

from mvsdk.emulator.soc.registers import RegisterBlock
from mvsdk.emulator.soc.wiring import Alarm, InterruptLine, Wiring

EN, CACHEINV, STARTCMD = 1 << 0, 1 << 1, 1 << 11
BUSYF, BSYENDF, ERRF, BUSYCMDF, CMDENDF = (1 << bit for bit in range(5))
_COMMAND = 7 << 8
_FLAGS = BSYENDF | ERRF | CMDENDF
BUSY_CYCLES = 64
"""How long an invalidation or a command takes (inferred)."""


class Dcache(RegisterBlock):
    """The cache."""

    STATE: ClassVar[tuple[str, ...]] = ("_line", "_working")

    def __init__(self, wiring: Wiring, interrupt: int) -> None:
        super().__init__("dcache")
        self._wiring = wiring
        self._line = InterruptLine(wiring, interrupt)
        self._working = Alarm(wiring, self._done)

    def reset(self) -> None:
        """Switch it off."""
        super().reset()
        self._working.set(None)
        self._settle()

    def store(self, name: str, bits: int, mask: int) -> None:
        """Change a register; what it is asked for begins, if it is on and has nothing else to do."""
        if name == "FCR":
            self.registers["SR"] &= ~(bits & _FLAGS)
        else:
            super().store(name, bits, mask)
        if name == "CR" and self.registers["CR"] & EN and self._working.due is None:
            if bits & CACHEINV:
                self._begin(BUSYF)
            elif bits & STARTCMD and self.registers["CR"] & _COMMAND:
                self._begin(BUSYCMDF)
        self._settle()

    def _begin(self, busy: int) -> None:
        self.registers["SR"] |= busy
        self._working.set(self._wiring.cycle + BUSY_CYCLES)

    def _done(self, _: int) -> None:
        status = self.registers["SR"]
        ended = BSYENDF if status & BUSYF else CMDENDF
        self.registers["SR"] = status & ~(BUSYF | BUSYCMDF) | ended
        self._settle()

    def _settle(self) -> None:
        self._line.set(bool(self.registers["SR"] & self.registers["IER"]))
