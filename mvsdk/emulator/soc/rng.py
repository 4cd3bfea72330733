"""The random number generator, seeded: the same device gives the same numbers (RM0456, chapter 48).

Four words are ready at a time, and 412 cycles after the last of them was taken the next four.
"""

from __future__ import annotations

from typing import ClassVar

from mvsdk.emulator.soc.registers import RegisterBlock
from mvsdk.emulator.soc.wiring import Alarm, InterruptLine, Wiring

RNGEN, IE, CONDRST = 1 << 2, 1 << 3, 1 << 30
DRDY = 1 << 0
BATCH = 4
BATCH_CYCLES = 412


class Rng(RegisterBlock):
    """The generator. Its words come from the device's seed."""

    STATE: ClassVar[tuple[str, ...]] = ("_line", "_filling", "_left")

    def __init__(self, wiring: Wiring, interrupt: int) -> None:
        super().__init__("rng")
        self._wiring = wiring
        self._line = InterruptLine(wiring, interrupt)
        self._filling = Alarm(wiring, self._filled)
        self._left = 0

    def reset(self) -> None:
        """Stop."""
        super().reset()
        self._switch()

    def _switch(self) -> None:
        running = self.registers["CR"] & (RNGEN | CONDRST) == RNGEN
        if not running:
            self._left = 0
            self._filling.set(None)
        elif not self._left and self._filling.due is None:
            self._filling.set(self._wiring.cycle + BATCH_CYCLES)
        self._settle()

    def _filled(self, cycle: int) -> None:
        self._left = BATCH
        self._settle()

    def _settle(self) -> None:
        self.registers["SR"] = DRDY if self._left else 0
        self._line.set(bool(self._left and self.registers["CR"] & IE))

    def fetch(self, name: str) -> int:
        """Return a register; reading DR takes a word, or 0 when none is ready."""
        if name != "DR" or not self._left:
            return super().fetch(name)
        self._left -= 1
        self._switch()
        return self._wiring.random_word()

    def store(self, name: str, bits: int, mask: int) -> None:
        """Change a register."""
        super().store(name, bits, mask)
        if name == "CR":
            self._switch()
