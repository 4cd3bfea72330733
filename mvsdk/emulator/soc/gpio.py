"""A GPIO port: sixteen pins, with what their output drivers show (RM0456, chapter 13, GPIO registers)."""

from __future__ import annotations

from collections.abc import Callable

MODER, OTYPER, OSPEEDR, PUPDR, IDR, ODR, BSRR, LCKR, AFRL, AFRH, BRR = range(0x00, 0x2C, 4)
_PLAIN = frozenset({MODER, OTYPER, OSPEEDR, PUPDR, LCKR, AFRL, AFRH})
_PINS = 0xFFFF
_MODER_AFTER_RESET = 0xFFFF_FFFF  # every pin analogue; the debug pins of ports A and B do not matter here


class GpioPort:
    """One port. `changed(pins, levels)` is called with a mask of the output pins whose level changed."""

    def __init__(self, changed: Callable[[int, int], None]) -> None:
        self._registers = dict.fromkeys(_PLAIN, 0)
        self._registers[MODER] = _MODER_AFTER_RESET
        self._odr = 0
        self._changed = changed
        self._driven = 0

    def read(self, offset: int, size: int) -> int | None:
        """Return a register, or the part of it that a narrow access names."""
        register, shift = offset & ~3, 8 * (offset & 3)
        if register in _PLAIN:
            word = self._registers[register]
        elif register in {IDR, ODR}:
            # An input pin reads 0: nothing is wired to it yet. An output pin reads its own level.
            word = self._odr if register == ODR else self._driven
        elif register in {BSRR, BRR}:
            word = 0
        else:
            return None
        return (word >> shift) & ((1 << 8 * size) - 1)

    def write(self, offset: int, size: int, value: int) -> bool:
        """Change a register, or the part of it that a narrow access names."""
        register, shift = offset & ~3, 8 * (offset & 3)
        mask = ((1 << 8 * size) - 1) << shift
        bits = (value << shift) & mask
        if register == BSRR:
            self._odr = (self._odr & ~(bits >> 16) | bits) & _PINS  # set wins over reset, RM0456 13.4.7
        elif register == BRR:
            self._odr &= ~bits
        elif register == ODR:
            self._odr = (self._odr & ~mask | bits) & _PINS
        elif register in _PLAIN:
            self._registers[register] = self._registers[register] & ~mask | bits
        elif register != IDR:
            return False
        self._drive()
        return True

    def _drive(self) -> None:
        levels = self._odr & self._outputs()
        changed = levels ^ self._driven
        if changed:
            self._driven = levels
            self._changed(changed, levels)

    def _outputs(self) -> int:
        moder = self._registers[MODER]
        return sum(1 << pin for pin in range(16) if (moder >> 2 * pin) & 3 == 1)
