"""A GPIO port: sixteen pins, what their drivers show and what is wired to them (RM0456, chapter 13)."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import ClassVar

from mvsdk.emulator.core.register_bank import NEVER
from mvsdk.emulator.soc.registers import RegisterBlock, rows

_PINS = 0xFFFF
_OUTPUT, _ALTERNATE, _ANALOGUE = 1, 2, 3
_VDD = 3.3
"""Volts of a high level (inferred)."""
_PULL_UP, _PULL_DOWN = 1, 2
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

    STATE: ClassVar[tuple[str, ...]] = (
        "registers", "_wired", "_wired_levels", "_volts", "_outputs", "_inputs", "_outside", "_line_levels", "_locked",
        "_lock_steps", "_alternates", "_alternate_levels", "_listeners",
    )  # fmt: skip
    NOT_STATE: ClassVar[tuple[str, ...]] = ("_watchers",)

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
        self._watchers: list[tuple[int, Callable[[bool], None]]] = []
        self._wired = self._wired_levels = 0
        self._outputs = self._inputs = 0
        self._listeners: dict[str, int] = {}
        self._outside = _PINS
        self._line_levels = 0
        self._volts: dict[int, float] = {}
        self._locked = 0
        self._lock_steps: list[int] = []
        self.reset()

    def reset(self) -> None:
        """Give up every pin. What is wired to them from outside stays."""
        inputs = self._inputs
        super().reset()
        self._inputs = inputs
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
        self._volts.pop(pin, None)
        self._wired = self._wired & ~bit | (0 if level is None else bit)
        self._wired_levels = self._wired_levels & ~bit | (bit if level else 0)
        self._settle()

    def listen(self, listener: str, pins: int) -> None:
        """Say which pins, as a mask, a listener has to hear of. Until somebody has, every pin is told of.

        The change of a pin without a listener may be told late, or never.
        """
        if self._listeners.get(listener) != pins:
            self._listeners[listener] = pins
            self._settle()

    @property
    def watched(self) -> int:
        """The pins that somebody watches, as a mask."""
        return self._listeners.get("watchers", 0)

    @property
    def _inputs(self) -> int:
        """The levels that IDR shows: its value, which the core keeps true for pins that nobody listens to."""
        return self.registers["IDR"]

    @_inputs.setter
    def _inputs(self, levels: int) -> None:
        self.registers["IDR"] = levels

    def apply_voltage(self, pin: int, volts: float) -> None:
        """Wire a voltage to a pin (0 to 15); a digital input takes more than half of VDD for high."""
        self.drive(pin, volts > _VDD / 2)
        self._volts[pin] = volts

    def volts(self, pin: int) -> float:
        """Return the voltage of a pin, as a converter sees it: what was applied, or its level's."""
        self._settle()  # the core may have changed outputs that nobody listens to
        return self._volts.get(pin, _VDD if self._line_levels >> pin & 1 else 0.0)

    def watch(self, pin: int, changed: Callable[[bool], None]) -> None:
        """Let `changed(level)` hear a pin (0 to 15) as a device with a weak pull-up does, now and at every change."""
        self._watchers.append((1 << pin, changed))
        self.listen("watchers", self.watched | 1 << pin)
        changed(bool(self._outside >> pin & 1))

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
        return _pins_with(self.registers[name], value)

    def _settle(self) -> None:
        """Work out the levels, and tell what changed."""
        outputs = self._pins_with("MODER", _OUTPUT)
        alternates = self._alternates and self._alternates & self._pins_with("MODER", _ALTERNATE)
        high = outputs & self.registers["ODR"] | alternates & self._alternate_levels
        driven = (outputs | alternates) & ~(self.registers["OTYPER"] & high)  # open drain lets go of a 1
        passive = self._wired & self._wired_levels | ~self._wired & self._pins_with("PUPDR", _PULL_UP)
        levels = driven & high | ~driven & passive
        self._line_levels = levels & _PINS
        pulled_down = ~self._wired & self._pins_with("PUPDR", _PULL_DOWN)
        self._show(driven & high | ~driven & (self._wired_levels | ~self._wired) & ~pulled_down)
        self._tell(levels & outputs, levels & _PINS & ~self._pins_with("MODER", _ANALOGUE))
        self._leave_to_the_core(outputs)

    def _leave_to_the_core(self, outputs: int) -> None:
        """Say which outputs follow ODR at once, and of which we have to hear (`native.csv`)."""
        open_drain = self.registers["OTYPER"]
        listened = functools.reduce(operator.or_, self._listeners.values()) if self._listeners else _PINS
        self.registers["driven"] = outputs & ~open_drain
        self.registers["watched"] = outputs & (open_drain | listened)
        # What other peripherals drive is worked out when somebody looks.
        self.registers.bank.hold_until(0 if self._alternates else NEVER)

    def _show(self, levels: int) -> None:
        """Tell the watchers of the levels outside."""
        changed, self._outside = self._outside ^ levels, levels & _PINS
        for bit, heard in self._watchers:
            if changed & bit:
                heard(bool(levels & bit))

    def _tell(self, outputs: int, inputs: int) -> None:
        shown, self._outputs = self._outputs ^ outputs, outputs
        seen, self._inputs = self._inputs ^ inputs, inputs
        if shown:
            self._shown(shown, outputs)
        if seen:
            self._seen(seen, inputs)


@functools.lru_cache(maxsize=256)
def _pins_with(word: int, value: int) -> int:
    """Return a mask of the pins whose two bits in a word hold `value`."""
    return sum(1 << pin for pin in range(16) if word >> 2 * pin & 3 == value)
