"""The HT16K33 LED driver (Holtek HT16K33 v1.10), at address 0x70: 8 commons of 16 rows each.

Modelled: display memory, on and off, blinking, dimming. Keys are absent: their memory reads 0. After each transfer that
changed what is to be seen, a `DisplayChanged` event carries the picture.
"""

from __future__ import annotations

from typing import ClassVar

from mvsdk.emulator.bus_devices.protocols import Surroundings
from mvsdk.emulator.events import DisplayChanged

ADDRESS = 0x70
"""Its address with A0 to A2 low."""
COMMONS, ROWS = 8, 16
_MEMORY = 16
_BLINKS_HZ = (0.0, 2.0, 1.0, 0.5)
_KEYS = range(0x40, 0x46)


class Ht16k33:
    """The driver. In events the display has the name it is connected by."""

    STATE: ClassVar[tuple[str, ...]] = (
        "_memory", "_pointer", "_first", "_reading_keys", "_oscillating", "_on", "_blink", "_brightness", "_told"
    )  # fmt: skip
    NOT_STATE: ClassVar[tuple[str, ...]] = ("_surroundings",)

    def __init__(self) -> None:
        self._surroundings: Surroundings | None = None
        self._memory = [0] * _MEMORY
        self._pointer = 0
        self._first = True
        self._reading_keys = False
        self._oscillating = self._on = False
        self._blink = 0
        self._brightness = 16
        self._told: tuple[tuple[str, ...], float, int] = (self.picture, 0.0, 16)

    def attach(self, surroundings: Surroundings) -> None:
        """See `Situated`."""
        self._surroundings = surroundings

    @property
    def picture(self) -> tuple[str, ...]:
        """What lights up: a line for each common, a character for each row, "#" where an LED is on."""
        if not (self._on and self._oscillating):
            return ("." * ROWS,) * COMMONS
        words = (self._memory[2 * common] | self._memory[2 * common + 1] << 8 for common in range(COMMONS))
        return tuple("".join("#" if word >> row & 1 else "." for row in range(ROWS)) for word in words)

    @property
    def brightness(self) -> int:
        """Sixteenths of full brightness, 1 to 16."""
        return self._brightness

    @property
    def blink_hz(self) -> float:
        """How often it blinks; 0 if it does not."""
        return _BLINKS_HZ[self._blink]

    # -- the bus -------------------------------------------------------------------------------------------------------

    def start(self, *, reading: bool) -> bool:
        """Be addressed."""
        self._first = True
        return True

    def write(self, byte: int) -> bool:
        """Take a command, or data behind an address of display memory, which wraps."""
        if not self._first:
            self._memory[self._pointer] = byte
            self._pointer = (self._pointer + 1) % _MEMORY
            return True
        self._reading_keys = byte in _KEYS
        match byte >> 4:
            case 0x0:
                self._pointer = byte & 0xF
                self._first = False
            case 0x2:
                self._oscillating = bool(byte & 1)
            case 0x8:
                self._on, self._blink = bool(byte & 1), byte >> 1 & 3
            case 0xE:
                self._brightness = (byte & 0xF) + 1
        return True

    def read(self) -> int:
        """Give the byte of display memory that is pointed at, or that no key is pressed."""
        if self._reading_keys:
            return 0
        value = self._memory[self._pointer]
        self._pointer = (self._pointer + 1) % _MEMORY
        return value

    def stop(self) -> None:
        """Show what has changed."""
        seen = self.picture, self.blink_hz, self._brightness
        where = self._surroundings
        if seen != self._told and where is not None:
            self._told = seen
            where.tell(lambda time_us: DisplayChanged(time_us, where.name, *seen))
