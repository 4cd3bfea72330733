"""The backup registers and the monotonic counter of the tamper block (RM0456, chapter 64), in the backup domain.

Tamper detection is kept only: nobody opens the case.
"""

from __future__ import annotations

from mvsdk.emulator.soc.registers import RegisterBlock

_BKERASE = 1 << 23
_BACKUP_REGISTERS = tuple(f"BKP{number}R" for number in range(32))


class Tamp(RegisterBlock):
    """The block."""

    def __init__(self) -> None:
        super().__init__("tamp")

    def reset(self) -> None:
        """Go on: the backup domain outlives a reset of the chip."""

    def reset_backup_domain(self) -> None:
        """Forget everything, as RCC_BDCR.BDRST does."""
        super().reset()

    def store(self, name: str, bits: int, mask: int) -> None:
        """Change a register."""
        if name == "COUNT1R":
            self.registers[name] += 1
            return
        super().store(name, bits, mask)
        if name == "CR2" and bits & mask & _BKERASE:
            self.registers["CR2"] &= ~_BKERASE
            for register in _BACKUP_REGISTERS:
                self.registers[register] = 0
