"""The MCP9808 temperature sensor (Microchip DS25095A, chapter 5), at address 0x18 on the boards that carry one."""

from __future__ import annotations

from typing import ClassVar

ADDRESS = 0x18
"""Its address with A0 to A2 low."""
_CONFIGURATION, _UPPER, _LOWER, _CRITICAL, _AMBIENT, _MANUFACTURER, _DEVICE, _RESOLUTION = range(1, 9)
_WRITABLE = {_CONFIGURATION: 0x07FF, _UPPER: 0x1FFC, _LOWER: 0x1FFC, _CRITICAL: 0x1FFC, _RESOLUTION: 0x0003}
_ABOVE_CRITICAL, _ABOVE_UPPER, _BELOW_LOWER = 1 << 15, 1 << 14, 1 << 13
_LOWEST, _HIGHEST = -40.0, 125.0


class Mcp9808:
    """The sensor."""

    STATE: ClassVar[tuple[str, ...]] = ("_celsius", "_registers", "_pointer", "_received", "_to_send")

    def __init__(self, celsius: float = 25.0) -> None:
        self._celsius = 0.0
        self.celsius = celsius
        self._registers = dict.fromkeys(_WRITABLE, 0)
        self._registers[_RESOLUTION] = 3
        self._pointer = 0
        self._received: list[int] = []
        self._to_send: list[int] = []

    @property
    def celsius(self) -> float:
        """What it measures, -40 to 125; may be changed at any time. `ValueError` for other values."""
        return self._celsius

    @celsius.setter
    def celsius(self, value: float) -> None:
        if not _LOWEST <= value <= _HIGHEST:
            raise ValueError(f"it measures {_LOWEST:g} to {_HIGHEST:g} degrees")
        self._celsius = float(value)

    def start(self, *, reading: bool) -> bool:
        """Be addressed; a read begins with the register that was pointed at last."""
        self._received = []
        self._to_send = self._bytes() if reading else []
        return True

    def write(self, byte: int) -> bool:
        """Take the pointer, and then the bytes of a register, high one first."""
        self._received.append(byte)
        if len(self._received) == 1:
            self._pointer = byte & 0xF
        elif len(self._received) == 1 + self._width() and self._pointer in _WRITABLE:
            value = int.from_bytes(bytes(self._received[1:]), "big")
            self._registers[self._pointer] = value & _WRITABLE[self._pointer]
        return True

    def read(self) -> int:
        """Give the next byte of the register, and 0xFF behind its end."""
        return self._to_send.pop(0) if self._to_send else 0xFF

    def stop(self) -> None:
        """Nothing has to be done."""

    def _width(self) -> int:
        return 1 if self._pointer == _RESOLUTION else 2

    def _bytes(self) -> list[int]:
        fixed = {_AMBIENT: self._ambient(), _MANUFACTURER: 0x0054, _DEVICE: 0x0400}
        value = fixed.get(self._pointer, self._registers.get(self._pointer, 0))
        return list(value.to_bytes(self._width(), "big"))

    def _ambient(self) -> int:
        """Return 13 bits of sixteenths of a degree, and how they compare with the three limits."""
        sixteenths = round(self._celsius * 16)
        sixteenths &= ~((1 << 3 - self._registers[_RESOLUTION]) - 1)
        upper, lower, critical = (_signed(self._registers[register]) for register in (_UPPER, _LOWER, _CRITICAL))
        flags = _ABOVE_CRITICAL if sixteenths >= critical else 0
        flags |= _ABOVE_UPPER if sixteenths > upper else 0
        flags |= _BELOW_LOWER if sixteenths < lower else 0
        return flags | sixteenths & 0x1FFF


def _signed(value: int) -> int:
    """Return a 13-bit two's complement number's value."""
    return (value & 0xFFF) - (value & 0x1000)
