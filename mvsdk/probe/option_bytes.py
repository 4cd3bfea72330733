"""What the option bytes of an STM32U5 say, and what they forbid (RM0456, chapter 7: FLASH_OPTR)."""

from __future__ import annotations

from dataclasses import dataclass

OPTR = 0x40
"""Offset of FLASH_OPTR from the start of the FLASH registers."""
_OPEN, _CLOSED_FOR_EVER, _SECURE_ONLY = 0xAA, 0xCC, 0x55
_LEVELS = {_OPEN: "0", _SECURE_ONLY: "0.5", _CLOSED_FOR_EVER: "2"}
_SWAP_BANK, _DUALBANK, _TZEN = 1 << 20, 1 << 21, 1 << 31


@dataclass(frozen=True, slots=True)
class OptionBytes:
    """The option bytes that decide what a debugger may do."""

    raw: int
    """FLASH_OPTR as it was read."""

    @property
    def trustzone(self) -> bool:
        """Whether TrustZone is on (TZEN): all flash is secure then, unless watermarks say otherwise."""
        return bool(self.raw & _TZEN)

    @property
    def read_protection(self) -> str:
        """The level of read protection: "0", "0.5", "1" or "2"."""
        return _LEVELS.get(self.raw & 0xFF, "1")

    @property
    def banks_swapped(self) -> bool:
        """Whether bank 2 is where bank 1 usually is (SWAP_BANK)."""
        return bool(self.raw & _SWAP_BANK)

    @property
    def dual_bank(self) -> bool:
        """Whether the flash is two banks (DUALBANK; parts with 2 MiB always are)."""
        return bool(self.raw & _DUALBANK)

    def refusal(self) -> tuple[str, str] | None:
        """Return why the flash cannot be written as it is, and what would have to be done; None if it can be."""
        if self.read_protection == "2":
            return (
                "the chip is closed for ever (RDP level 2): no debugger gets in, and nothing can be erased",
                "use another chip",
            )
        if self.trustzone:
            return (
                f"TrustZone is on (TZEN = 1, RDP level {self.read_protection}): the flash belongs to the secure side",
                "leaving TrustZone means setting TZEN = 0 together with a return to RDP level 0, which ERASES BOTH"
                " BANKS of the flash, SRAM2 and the backup registers; do it with STM32CubeProgrammer if nothing on the"
                " chip is needed any more. A Microvisor board is not for this: deploy to it through its cloud",
            )
        if self.read_protection != "0":
            return (
                f"the flash is read protected (RDP level {self.read_protection})",
                "returning to RDP level 0 ERASES BOTH BANKS of the flash, SRAM2 and the backup registers; do it with"
                " STM32CubeProgrammer if nothing on the chip is needed any more",
            )
        return None

    def report(self) -> list[str]:
        """Return the option bytes in plain language, a line each."""
        order = "bank 2 comes first (swapped)" if self.banks_swapped else "bank 1 comes first"
        return [
            f"TrustZone is {'on' if self.trustzone else 'off'} (TZEN = {int(self.trustzone)})",
            f"read protection is at level {self.read_protection} (RDP = 0x{self.raw & 0xFF:02X})",
            f"the flash is {'two banks' if self.dual_bank else 'one bank'} (DUALBANK = {int(self.dual_bank)})",
            f"{order} (SWAP_BANK = {int(self.banks_swapped)})",
        ]
