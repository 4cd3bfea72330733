"""The instruction cache's registers: it makes nothing faster here, and an invalidation is over at once (RM0456, 8)."""

from __future__ import annotations

from typing import ClassVar

from mvsdk.emulator.soc.registers import RegisterBlock
from mvsdk.emulator.soc.wiring import InterruptLine, Wiring

CACHEINV = 1 << 1
BSYENDF = 1 << 1
_FLAGS = 0b110


class Icache(RegisterBlock):
    """The cache."""

    STATE: ClassVar[tuple[str, ...]] = ("_line",)

    def __init__(self, wiring: Wiring, interrupt: int) -> None:
        super().__init__("icache")
        self._line = InterruptLine(wiring, interrupt)

    def reset(self) -> None:
        """Switch it off."""
        super().reset()
        self._settle()

    def store(self, name: str, bits: int, mask: int) -> None:
        """Change a register; an invalidation ends with BSYENDF."""
        match name:
            case "FCR":
                self.registers["SR"] &= ~(bits & _FLAGS)
            case _:
                super().store(name, bits, mask)
                if name == "CR" and bits & CACHEINV:
                    self.registers["SR"] |= BSYENDF
        self._settle()

    def _settle(self) -> None:
        self._line.set(bool(self.registers["SR"] & self.registers["IER"]))
