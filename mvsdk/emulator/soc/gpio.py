"""A GPIO port: sixteen pins, what their drivers show and what is wired to them (RM0456, chapter 13)."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from mvsdk.emulator.soc.registers import RegisterBlock, rows

_PINS = 0xFFFF
_OUTPUT, _ALTERNATE, _ANALOGUE = 1, 2, 3
_PULL_UP = 1
_LOCK_KEY = 1 << 16
_LOCKABLE = {"MODER": 2, "OSPEEDR": 2, "PUPDR": 2, "OTYPER": 1, "AFRL": 4, "AFRH": 4}
"""Registers that a lock protects, and how many bits of them belong to a pin."""
_ROUTING = frozenset({"MODER", "AFRL", "AFRH"})
Changed = Callable[[int, int], None]


class GpioPort(RegisterBlock):
    """One port. Both callbacks get a mask of the pins that changed and the levels of all.

    `shown` is about the levels that output drivers put on pins, `seen` about the levels that IDR shows.
    `routed` is called when pins may have been given to other peripherals, `looked` before IDR is read while one of them
    drives a pin.
    """

    STATE: ClassVar[tuple[str, ...]] = ("_alternates", "_alternate_levels")

    def __init__(
        self,
        name: str,
        shown: Changed,
        seen: Changed,
        routed: Callable[[], None] = lambda: None,
        looked: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__("gpio")
        self._resets = {row["name"]: int(row["reset"], 16) for row in rows("gpio-resets") if row["port"] == name}
        self._shown, self._seen = shown, seen
        self._routed, self._looked = routed, looked
        self._alternates = self._alternate_levels = 0
        self._wired = self._wired_levels = 0
        self._outputs = self._inputs = 0
        self._locked = 0
        self._lock_steps: list[int] = []
        self.reset()

    def reset(self) -> None:
        """Give up every pin. What is wired to them from outside stays."""
        super().reset()
        for name, value in self._resets.items():
            self.registers[name] = value
        self._locked, self._lock_steps = 0, []
        self._alternates = self._alternate_levels = 0
        self._settle()
        self._routed()

    def alternate_function(self, pin: int) -> int | None:
        """Return the alternate function a pin is given to, 0 to 15; None in every other mode."""
        if self.registers["MODER"] >> 2 * pin & 3 != _ALTERNATE:
            return None
        return self.registers["AFRL" if pin < 8 else "AFRH"] >> 4 * (pin % 8) & 0xF

    def drive_alternate(self, pin: int, level: bool | None) -> None:
        """Take the level that another peripheral puts on a pin it was given, or nothing."""
        bit = 1 << pin
        alternates = self._alternates & ~bit | (0 if level is None else bit)
        levels = self._alternate_levels & ~bit | (bit if level else 0)
        if (alternates, levels) != (self._alternates, self._alternate_levels):
            self._alternates, self._alternate_levels = alternates, levels
            self._settle()

    def is_driven_by_others(self, pin: int) -> bool:
        """Return whether another peripheral drives a pin."""
        return bool(self._alternates >> pin & 1)

    def level(self, pin: int) -> bool:
        """Return the level of a pin as an input sees it."""
        return bool(self._inputs >> pin & 1)

    def drive(self, pin: int, level: bool | None) -> None:
        """Wire a level to a pin (0 to 15), or nothing; then its pull resistor decides, and without one it reads 0."""
        bit = 1 << pin
        self._wired = self._wired & ~bit | (0 if level is None else bit)
        self._wired_levels = self._wired_levels & ~bit | (bit if level else 0)
        self._settle()

    def fetch(self, name: str) -> int:
        """Return a register; reading LCKR ends the lock sequence."""
        match name:
            case "IDR":
                if self._alternates:
                    self._looked()
                return self._inputs
            case "LCKR":
                self._lock_steps = []
                return self._locked | (_LOCK_KEY if self._locked else 0)
        return super().fetch(name)

    def store(self, name: str, bits: int, mask: int) -> None:
        """Change a register; set wins over reset in BSRR (RM0456, 13.4.7)."""
        match name:
            case "BSRR":
                self.registers["ODR"] = (self.registers["ODR"] & ~(bits >> 16) | bits) & _PINS
            case "BRR":
                self.registers["ODR"] &= ~bits
            case "LCKR":
                self._lock(bits)
            case _:
                super().store(name, bits, mask & ~self._locked_bits(name))
        self._settle()
        if name in _ROUTING:
            self._routed()

    def _lock(self, word: int) -> None:
        """Follow the sequence 1, 0, 1 of the key bit with the same pins each time."""
        if self._locked:
            return
        self._lock_steps = [*self._lock_steps, word][-3:]
        pins = word & _PINS
        if self._lock_steps == [_LOCK_KEY | pins, pins, _LOCK_KEY | pins]:
            self._locked = pins

    def _locked_bits(self, name: str) -> int:
        width = _LOCKABLE.get(name, 0)
        if not width or not self._locked:
            return 0
        pins = self._locked >> 8 if name == "AFRH" else self._locked
        return sum((1 << width) - 1 << width * pin for pin in range(32 // width) if pins >> pin & 1)

    def _pins_with(self, name: str, value: int) -> int:
        """Return a mask of the pins whose two bits in a register hold `value`."""
        word = self.registers[name]
        return sum(1 << pin for pin in range(16) if word >> 2 * pin & 3 == value)

    def _settle(self) -> None:
        """Work out the levels, and tell what changed."""
        outputs = self._pins_with("MODER", _OUTPUT)
        alternates = self._alternates and self._alternates & self._pins_with("MODER", _ALTERNATE)
        high = outputs & self.registers["ODR"] | alternates & self._alternate_levels
        driven = (outputs | alternates) & ~(self.registers["OTYPER"] & high)  # open drain lets go of a 1
        passive = self._wired & self._wired_levels | ~self._wired & self._pins_with("PUPDR", _PULL_UP)
        levels = driven & high | ~driven & passive
        self._tell(levels & outputs, levels & _PINS & ~self._pins_with("MODER", _ANALOGUE))

    def _tell(self, outputs: int, inputs: int) -> None:
        shown, self._outputs = self._outputs ^ outputs, outputs
        seen, self._inputs = self._inputs ^ inputs, inputs
        if shown:
            self._shown(shown, outputs)
        if seen:
            self._seen(seen, inputs)
