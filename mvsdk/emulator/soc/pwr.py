"""Power control: what is asked for is there at once (RM0456, chapter 10). Low-power modes are not modelled."""

from __future__ import annotations

from mvsdk.emulator.soc.registers import RegisterBlock

_REGSEL = 1 << 1
_VOS = 3 << 16
_ALWAYS_READY = 1 << 15
_MONITORS = 0xF << 24
"""SVMCR's four supply monitors; SVMSR's ready flags have the same places."""


class Pwr(RegisterBlock):
    """The block."""

    def __init__(self) -> None:
        super().__init__("pwr")

        self._settle()

    def reset(self) -> None:
        """Ask for what the reset values ask for."""
        super().reset()
        self._settle()

    def store(self, name: str, bits: int, mask: int) -> None:
        """Change a register."""
        super().store(name, bits, mask)
        self._settle()

    def _settle(self) -> None:
        """Show in SVMSR that every supply asked for is ready."""
        ready = self.registers["CR3"] & _REGSEL | self.registers["VOSR"] & _VOS | self.registers["SVMCR"] & _MONITORS
        self.registers["SVMSR"] = _ALWAYS_READY | ready
