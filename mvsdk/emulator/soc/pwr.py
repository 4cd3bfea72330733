"""Power control: what is asked for is there at once (RM0456, chapter 10). Low-power modes are not modelled."""

from __future__ import annotations

from mvsdk.emulator.soc.registers import RegisterBlock

_REGSEL = 1 << 1
_VOS = 3 << 16
_MONITORS = 0xF << 24
"""SVMCR's four supply monitors; SVMSR's ready flags have the same places."""


class Pwr(RegisterBlock):
    """The block."""

    def __init__(self) -> None:
        super().__init__("pwr")

    def fetch(self, name: str) -> int:
        """Return a register; SVMSR shows that every supply asked for is ready."""
        if name != "SVMSR":
            return super().fetch(name)
        ready = self.registers["CR3"] & _REGSEL | self.registers["VOSR"] & _VOS | self.registers["SVMCR"] & _MONITORS
        return self.registers["SVMSR"] | ready
