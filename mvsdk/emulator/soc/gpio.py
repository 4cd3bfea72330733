"""A GPIO port: sixteen pins, what their drivers show and what is wired to them (RM0456, chapter 13)."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from mvsdk.emulator.soc.registers import RegisterBlock, rows

_PINS = 0xFFFF
_OUTPUT, _ANALOGUE = 1, 3
_PULL_UP = 1
_LOCK_KEY = 1 << 16
_LOCKABLE = {"MODER": 2, "OSPEEDR": 2, "PUPDR": 2, "OTYPER": 1, "AFRL": 4, "AFRH": 4}
"""Registers that a lock protects, and how many bits of them belong to a pin."""
_VDD = 3.3
"""Volts that a high level has here."""
_INPUT_LOW, _INPUT_HIGH = 0.3, 0.7
"""What an input takes for low and for high, in parts of VDD (DS13086, "I/O static characteristics")."""
Changed = Callable[[int, int], None]


class GpioPort(RegisterBlock):
    """One port. Both callbacks get a mask of the pins that changed and the levels of all.

    `shown` is about the levels that output drivers put on pins, `seen` about the levels that IDR shows.
    """

    STATE: ClassVar[tuple[str, ...]] = (
        "_wired",
        "_wired_levels",
        "_volts",
        "_levels",
        "_outputs",
        "_inputs",
        "_locked",
        "_lock_steps",
    )

    def __init__(self, name: str, shown: Changed, seen: Changed) -> None:
        super().__init__("gpio")
        self._resets = {row["name"]: int(row["reset"], 16) for row in rows("gpio-resets") if row["port"] == name}
        self._shown, self._seen = shown, seen
        self._wired = self._wired_levels = 0
        self._levels = 0
        self._volts: dict[int, float] = {}
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
        self._settle()

    def drive(self, pin: int, level: bool | None) -> None:
        """Wire a level to a pin (0 to 15), or nothing; then its pull resistor decides, and without one it reads 0."""
        self._volts.pop(pin, None)
        self._wire(pin, level)

    def _wire(self, pin: int, level: bool | None) -> None:
        bit = 1 << pin
        self._wired = self._wired & ~bit | (0 if level is None else bit)
        self._wired_levels = self._wired_levels & ~bit | (bit if level else 0)
        self._settle()

    def apply_voltage(self, pin: int, volts: float) -> None:
        """Wire a voltage to a pin. Between the thresholds a digital input keeps the level it had."""
        self._volts[pin] = float(volts)
        high, low = volts >= _VDD * _INPUT_HIGH, volts <= _VDD * _INPUT_LOW
        level = high if high or low else bool(self._wired_levels >> pin & 1)
        self._wire(pin, level)

    def volts(self, pin: int) -> float:
        """Return the voltage of a pin, as an analogue input sees it: what was applied, or its level's."""
        return self._volts.get(pin, _VDD if self._levels >> pin & 1 else 0.0)

    def fetch(self, name: str) -> int:
        """Return a register; reading LCKR ends the lock sequence."""
        match name:
            case "IDR":
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
        odr, outputs = self.registers["ODR"], self._pins_with("MODER", _OUTPUT)
        released = outputs & self.registers["OTYPER"] & odr  # open drain lets go of a 1
        driven = outputs & ~released
        passive = self._wired & self._wired_levels | ~self._wired & self._pins_with("PUPDR", _PULL_UP)
        levels = driven & odr | ~driven & passive
        self._levels = levels & _PINS
        self._tell(levels & outputs, levels & _PINS & ~self._pins_with("MODER", _ANALOGUE))

    def _tell(self, outputs: int, inputs: int) -> None:
        shown, self._outputs = self._outputs ^ outputs, outputs
        seen, self._inputs = self._inputs ^ inputs, inputs
        if shown:
            self._shown(shown, outputs)
        if seen:
            self._seen(seen, inputs)
