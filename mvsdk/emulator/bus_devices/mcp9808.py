"""The MCP9808 temperature sensor (Microchip DS25095A, chapter 5), at address 0x18 on the boards that carry one.

Modelled: limits, resolution, hysteresis, locks, shutdown, and the alert output as comparator and as interrupt. A
conversion takes no time here. Its one output is "ALERT", which pulls low, or with ALERT POL drives high.
"""

from __future__ import annotations

from typing import ClassVar

from mvsdk.emulator.bus_devices.protocols import Surroundings

ADDRESS = 0x18
"""Its address with A0 to A2 low."""
_CONFIGURATION, _UPPER, _LOWER, _CRITICAL, _AMBIENT, _MANUFACTURER, _DEVICE, _RESOLUTION = range(1, 9)
_WRITABLE = {_CONFIGURATION: 0x07CF, _UPPER: 0x1FFC, _LOWER: 0x1FFC, _CRITICAL: 0x1FFC, _RESOLUTION: 0x0003}
_INTERRUPT, _ACTIVE_HIGH, _CRITICAL_ONLY, _ALERT_ENABLED, _ALERT_STATUS, _CLEAR, _WINDOW_LOCK, _CRITICAL_LOCK = (
    1 << bit for bit in range(8)
)
_SHUTDOWN = 1 << 8
_LOCKED_SETTINGS = 0x06CF
"""Bits of the configuration that a lock protects; SHDN can then be cleared and not set."""
_HYSTERESIS = (0, 24, 48, 96)
"""In sixteenths of a degree."""
_ABOVE_CRITICAL, _ABOVE_UPPER, _BELOW_LOWER = 1 << 15, 1 << 14, 1 << 13
_LOWEST, _HIGHEST = -40.0, 125.0


class Mcp9808:
    """The sensor."""

    OUTPUTS: ClassVar[tuple[str, ...]] = ("ALERT",)
    STATE: ClassVar[tuple[str, ...]] = (
        "_celsius", "_measured", "_registers", "_pointer", "_received", "_to_send", "_outside", "_critical", "_raised"
    )  # fmt: skip
    NOT_STATE: ClassVar[tuple[str, ...]] = ("_surroundings",)

    def __init__(self, celsius: float = 25.0) -> None:
        self._surroundings: Surroundings | None = None
        self._registers = dict.fromkeys(_WRITABLE, 0)
        self._registers[_RESOLUTION] = 3
        self._pointer = 0
        self._received: list[int] = []
        self._to_send: list[int] = []
        self._outside = self._critical = self._raised = False
        self._celsius = 0.0
        self._measured = 0
        self.celsius = celsius

    @property
    def celsius(self) -> float:
        """What it measures, -40 to 125; may be changed at any time. `ValueError` for other values."""
        return self._celsius

    @celsius.setter
    def celsius(self, value: float) -> None:
        if not _LOWEST <= value <= _HIGHEST:
            raise ValueError(f"it measures {_LOWEST:g} to {_HIGHEST:g} degrees")
        self._celsius = float(value)
        self._measure()

    def attach(self, surroundings: Surroundings) -> None:
        """See `Situated`."""
        self._surroundings = surroundings
        self._drive()

    @property
    def alert(self) -> bool:
        """Whether the alert output is asserted."""
        return self._raised and bool(self._registers[_CONFIGURATION] & _ALERT_ENABLED)

    # -- the bus -------------------------------------------------------------------------------------------------------

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
            self._change(int.from_bytes(bytes(self._received[1:]), "big"))
        return True

    def read(self) -> int:
        """Give the next byte of the register, and 0xFF behind its end."""
        return self._to_send.pop(0) if self._to_send else 0xFF

    def stop(self) -> None:
        """Nothing has to be done."""

    def _width(self) -> int:
        return 1 if self._pointer == _RESOLUTION else 2

    def _change(self, value: int) -> None:
        mask = _WRITABLE[self._pointer]
        old = self._registers[self._pointer]
        settings = self._registers[_CONFIGURATION]
        locked = settings & (_CRITICAL_LOCK | _WINDOW_LOCK)
        if self._pointer == _CONFIGURATION:
            if value & _CLEAR:
                self._raised = False
            if locked:
                mask &= ~_LOCKED_SETTINGS
                value &= old | ~_SHUTDOWN
        elif (self._pointer == _CRITICAL and settings & _CRITICAL_LOCK) or (
            self._pointer in (_UPPER, _LOWER) and settings & _WINDOW_LOCK
        ):
            return
        self._registers[self._pointer] = old & ~mask | value & mask
        self._measure()

    def _bytes(self) -> list[int]:
        status = _ALERT_STATUS if self.alert else 0
        fixed = {
            _CONFIGURATION: self._registers[_CONFIGURATION] | status,
            _AMBIENT: self._ambient(),
            _MANUFACTURER: 0x0054,
            _DEVICE: 0x0400,
        }
        value = fixed.get(self._pointer, self._registers.get(self._pointer, 0))
        return list(value.to_bytes(self._width(), "big"))

    # -- measuring -----------------------------------------------------------------------------------------------------

    def _limits(self) -> tuple[int, int, int]:
        upper, lower, critical = (_signed(self._registers[register]) for register in (_UPPER, _LOWER, _CRITICAL))
        return upper, lower, critical

    def _ambient(self) -> int:
        """Return 13 bits of sixteenths of a degree, and how they compare with the three limits."""
        upper, lower, critical = self._limits()
        flags = _ABOVE_CRITICAL if self._measured >= critical else 0
        flags |= _ABOVE_UPPER if self._measured > upper else 0
        flags |= _BELOW_LOWER if self._measured < lower else 0
        return flags | self._measured & 0x1FFF

    def _measure(self) -> None:
        """Take the temperature, unless shut down, and see what the alert output has to say."""
        settings = self._registers[_CONFIGURATION]
        if not settings & _SHUTDOWN:
            sixteenths = round(self._celsius * 16)
            self._measured = sixteenths & ~((1 << 3 - self._registers[_RESOLUTION]) - 1)
        upper, lower, critical = self._limits()
        slack = _HYSTERESIS[settings >> 9 & 3]
        now = self._measured
        before = self._outside
        # Hysteresis counts for falling temperatures: leaving the upper limits, entering the lower one.
        above = now > upper - (slack if before and now > lower else 0)
        self._outside = above or now < (lower if before else lower - slack)
        self._critical = now >= critical - (slack if self._critical else 0)
        if settings & _INTERRUPT:
            changed = self._outside != before and not settings & _CRITICAL_ONLY
            self._raised = self._raised or changed or self._critical
        else:
            self._raised = self._critical or (self._outside and not settings & _CRITICAL_ONLY)
        self._drive()

    def _drive(self) -> None:
        if self._surroundings is not None:
            active_high = bool(self._registers[_CONFIGURATION] & _ACTIVE_HIGH)
            self._surroundings.drive("ALERT", active_high if self.alert else None)


def _signed(value: int) -> int:
    """Return a 13-bit two's complement number's value."""
    return (value & 0xFFF) - (value & 0x1000)
