"""Reset and clock control, as the kernel set it up and as the application may change it.

The kernel runs everything at 160 MHz from PLL1 and owns that; what an application may change, and what each register
holds at its start, are rows of `rcc.csv` (RM0456, chapter 11). An application reaches the block only
through peek and poke; a direct read gives the true value, a direct write changes nothing, and neither faults.
"""

from __future__ import annotations

from mvsdk.emulator.soc.registers import WORD, RegisterBlock, register_table

_RESET_FLAGS = 0xFE00_0000
_REMOVE_FLAGS = 1 << 23


class Rcc(RegisterBlock):
    """The RCC block: a value per register, and the kernel's rule for changing one."""

    def __init__(self) -> None:
        super().__init__("rcc")
        self._names = {offset: register.name for offset, register in register_table("rcc").items()}

    def store(self, name: str, bits: int, mask: int) -> None:
        """Ignore a direct write of the application, as the secure block does."""

    def peek(self, offset: int) -> int | None:
        """Return a register's value for the kernel; None where there is no register."""
        name = self._names.get(offset)
        return None if name is None else self.registers[name]

    def poke(self, offset: int, mask: int, xor: int) -> bool:
        """Change the bits an application may change: new = (old AND NOT mask) XOR xor. False where no register is."""
        name = self._names.get(offset)
        if name is None:
            return False
        new = (self.registers[name] & ~mask) ^ xor
        self.registers.change(name, new & WORD)
        if name == "CSR" and new & _REMOVE_FLAGS:
            self.registers["CSR"] &= ~_RESET_FLAGS
        return True

    def reset(self) -> None:
        """Start as the kernel leaves the clocks; the backup domain and the reset flags outlive a reset."""
        kept = {name: self.registers[name] for name in ("BDCR", "CSR")}
        super().reset()
        for name, value in kept.items():
            self.registers[name] = value

    def record_reset(self, flag: int) -> None:
        """Set a reset flag of CSR."""
        self.registers["CSR"] |= 1 << flag
