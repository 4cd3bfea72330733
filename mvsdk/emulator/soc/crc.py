"""The CRC unit: any polynomial of 7, 8, 16 or 32 bits, with reversal of input and output (RM0456, chapter 17)."""

from __future__ import annotations

from mvsdk.emulator.soc.registers import WORD, RegisterBlock

_RESET = 1 << 0
_REV_OUT = 1 << 7
_WIDTHS = (32, 16, 8, 7)
_REVERSED_UNITS = (0, 8, 16, 32)


class Crc(RegisterBlock):
    """The unit. A write of DR feeds 8, 16 or 32 bits, as wide as the access is; reading gives the CRC so far."""

    def __init__(self) -> None:
        super().__init__("crc")

    def fetch(self, name: str) -> int:
        """Return a register; DR as it is shown, cut to the polynomial's width and perhaps reversed."""
        if name != "DR":
            return super().fetch(name)
        width = self._width()
        value = self.registers["DR"] & (1 << width) - 1
        return _reverse(value, width) if self.registers["CR"] & _REV_OUT else value

    def store(self, name: str, bits: int, mask: int) -> None:
        """Change a register, or feed DR."""
        if name == "DR":
            self._feed(bits, mask.bit_length())
            return
        super().store(name, bits, mask)
        if name == "INIT" or (name == "CR" and bits & _RESET):
            self.registers["DR"] = self.registers["INIT"]

    def _width(self) -> int:
        return _WIDTHS[self.registers["CR"] >> 3 & 3]

    def _feed(self, data: int, length: int) -> None:
        unit = min(_REVERSED_UNITS[self.registers["CR"] >> 5 & 3], length)
        if unit:
            data = sum(_reverse(data >> at & (1 << unit) - 1, unit) << at for at in range(0, length, unit))
        width, polynomial = self._width(), self.registers["POL"]
        mask, top = (1 << width) - 1, 1 << width - 1
        crc = self.registers["DR"] & mask
        for bit in range(length - 1, -1, -1):
            subtract = bool(crc & top) != bool(data >> bit & 1)
            crc = (crc << 1 ^ (polynomial if subtract else 0)) & mask
        self.registers["DR"] = crc & WORD


def _reverse(value: int, width: int) -> int:
    """Return `value` with its lowest `width` bits in the opposite order."""
    return int(f"{value:0{width}b}"[::-1], 2)
