"""What a timer does with its inputs: capture, encoders, external clocks, triggers of slaves, breaks.

RM0456, chapter 54. Input filters are left out: an edge counts at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from mvsdk.emulator.soc.registers import RegisterFile

ECE, ETP, TI1S = 1 << 14, 1 << 15, 1 << 7
RESET, GATED, TRIGGER, EXTERNAL_CLOCK, RESET_AND_TRIGGER, GATED_AND_RESET = 4, 5, 6, 7, 8, 9
_QUADRATURE_TI1_RISING, _QUADRATURE_TI2_RISING = 14, 15
_CLOCK_AND_DIRECTION_BOTH, _CLOCK_AND_DIRECTION_RISING = 10, 11
_COUNTED_INPUTS = {1: (1,), 2: (2,), 3: (1, 2), _QUADRATURE_TI1_RISING: (1,), _QUADRATURE_TI2_RISING: (2,)}
"""Quadrature encoder modes, and the inputs whose edges each counts."""
_RISING_ONLY = frozenset({_QUADRATURE_TI1_RISING, _QUADRATURE_TI2_RISING})
_CLOCKED_INPUT = frozenset({_CLOCK_AND_DIRECTION_BOTH, _CLOCK_AND_DIRECTION_RISING})
"""Modes with a clock on TI2 and a direction on TI1: high counts down (inferred)."""
ENCODERS = frozenset(_COUNTED_INPUTS) | _CLOCKED_INPUT
TI1_EDGES, TI1, TI2, ETR = 4, 5, 6, 7
"""Codes of SMCR.TS that are no internal trigger."""
RISING, FALLING, BOTH = 0, 1, 3
_CHANNELS = ("CH1", "CH2", "CH3", "CH4")
_DIRECT, _CROSSED, _TRIGGER = 1, 2, 3


def slave_mode(smcr: int) -> int:
    """Return SMCR.SMS."""
    return smcr & 7 | (smcr >> 16 & 1) << 3


def trigger_selection(smcr: int) -> int:
    """Return SMCR.TS."""
    return smcr >> 4 & 7 | (smcr >> 20 & 3) << 3


def internal_trigger(selection: int) -> int | None:
    """Return which ITR a code of SMCR.TS selects, None for one that is none."""
    if selection < TI1_EDGES:
        return selection
    return selection - 4 if selection > ETR else None


@dataclass(frozen=True, slots=True)
class InputActions:
    """What the timer does for its inputs: `capture` a channel, `step` in a direction (True is down), be clocked once,
    hear the trigger `triggered` (its new level), `broken` by a break input (1 or 2)."""

    capture: Callable[[int], None]
    step: Callable[[bool], None]
    clocked: Callable[[], None]
    triggered: Callable[[bool], None]
    broken: Callable[[int], None]


class TimerInputs:
    """The inputs of one timer. Levels are those of its pins, low where nothing is connected."""

    STATE: ClassVar[tuple[str, ...]] = ("_levels", "_captures", "_etr_edges", "_trigger_level")

    def __init__(self, registers: RegisterFile, actions: InputActions) -> None:
        self._registers = registers
        self._actions = actions
        self._levels: dict[str, bool] = {}
        self.reset()

    def reset(self) -> None:
        """Forget prescalers; levels stay."""
        self._captures = [0, 0, 0, 0]
        self._etr_edges = 0
        self._trigger_level = False

    @property
    def trigger_level(self) -> bool:
        """The level of TRGI as far as it comes from the timer's own inputs."""
        return self._trigger_level

    def changed(self, signal: str, level: bool) -> None:
        """Hear of the level of an input: "CH1" to "CH4", "ETR", "BKIN" or "BKIN2"."""
        before = self._timer_inputs()
        if self._levels.get(signal, False) == level:
            return
        self._levels[signal] = level
        if signal == "ETR":
            self._external(level)
        elif signal.startswith("BKIN"):
            self.check_breaks()
        else:
            after = self._timer_inputs()
            for index, (old, new) in enumerate(zip(before, after, strict=True)):
                if old != new:
                    self._timer_input(index + 1, new, after)

    def captured_trigger(self) -> None:
        """Capture on TRC, which channels with CCxS = 3 listen to."""
        for channel in range(1, 5):
            if self._selection(channel) == _TRIGGER:
                self._edge(channel, True)

    def restart_capture(self, channel: int) -> None:
        """Forget how far a channel's prescaler has come, as clearing CCxE does."""
        self._captures[channel - 1] = 0

    def check_breaks(self) -> None:
        """Break while a break input that is enabled is active."""
        for number, table, (enable, high) in ((1, "AF1", (12, 13)), (2, "AF2", (24, 25))):
            if self.break_active(number, table, enable, high):
                self._actions.broken(number)

    def break_active(self, number: int, table: str, enable: int, high: int) -> bool:
        """Return whether a break input is enabled and active, by BKE and BKP of BDTR and BKINE and BKINP of AFx."""
        control, routing = self._registers["BDTR"], self._registers[table]
        if not control >> enable & 1 or not routing & 1:
            return False
        name = "BKIN" if number == 1 else "BKIN2"
        pin = self._levels.get(name)
        if pin is None:
            return False
        return pin ^ bool(routing >> 9 & 1) ^ (not control >> high & 1)

    # -- TI1 to TI4 ----------------------------------------------------------------------------------------------------

    def _timer_inputs(self) -> list[bool]:
        """Return the levels of TI1 to TI4. Inputs that TISEL takes from elsewhere than a pin are low."""
        elsewhere = self._registers["TISEL"]
        levels = [
            self._levels.get(name, False) and not elsewhere >> 8 * index & 0xF for index, name in enumerate(_CHANNELS)
        ]
        if self._registers["CR2"] & TI1S:
            levels[0] = levels[0] ^ levels[1] ^ levels[2]
        return levels

    def _selection(self, channel: int) -> int:
        return self._registers["CCMR1" if channel <= 2 else "CCMR2"] >> (0 if channel % 2 else 8) & 3

    def _polarity(self, channel: int) -> int:
        bits = self._registers["CCER"] >> 4 * (channel - 1)
        return bits >> 1 & 1 | (bits >> 3 & 1) << 1

    def _timer_input(self, number: int, level: bool, levels: list[bool]) -> None:
        partner = number + 1 if number % 2 else number - 1
        if self._selection(number) == _DIRECT:
            self._edge(number, level)
        if self._selection(partner) == _CROSSED:
            self._edge(partner, level)
        smcr = self._registers["SMCR"]
        if slave_mode(smcr) in ENCODERS:
            self._encode(slave_mode(smcr), number, levels)
        self._own_trigger(trigger_selection(smcr), number, level)

    def _edge(self, channel: int, level: bool) -> None:
        """Capture, if a channel listens to this edge and its prescaler lets it through."""
        enabled = self._registers["CCER"] >> 4 * (channel - 1) & 1
        if not enabled or self._polarity(channel) not in {FALLING if not level else RISING, BOTH}:
            return
        byte = self._registers["CCMR1" if channel <= 2 else "CCMR2"] >> (0 if channel % 2 else 8)
        self._captures[channel - 1] += 1
        if self._captures[channel - 1] >> (byte >> 2 & 3):
            self._captures[channel - 1] = 0
            self._actions.capture(channel)

    def _own_trigger(self, selection: int, number: int, level: bool) -> None:
        if selection == TI1_EDGES and number == 1:
            self._trigger(True)
            self._trigger(False)
        elif (selection == TI1 and number == 1) or (selection == TI2 and number == 2):
            if self._polarity(number) == BOTH:
                self._trigger(True)
                self._trigger(False)
            else:
                self._trigger(level ^ (self._polarity(number) == FALLING))

    def _trigger(self, level: bool) -> None:
        self._trigger_level = level
        self._actions.triggered(level)

    # -- ETR -----------------------------------------------------------------------------------------------------------

    def _external(self, level: bool) -> None:
        smcr = self._registers["SMCR"]
        level ^= bool(smcr & ETP)
        divider = smcr >> 12 & 3
        if divider:
            if not level:
                return
            self._etr_edges += 1
            if not self._etr_edges >> divider:
                return
            self._etr_edges = 0
        if level and smcr & ECE:
            self._actions.clocked()
        if trigger_selection(smcr) == ETR:
            self._trigger(level)
            if divider:
                self._trigger(False)

    # -- encoders ------------------------------------------------------------------------------------------------------

    def _encode(self, mode: int, number: int, levels: list[bool]) -> None:
        """Step by an edge of TI1 or TI2, seen through their polarities."""
        if number > 2:
            return
        one, two = (levels[index] ^ (self._polarity(index + 1) == FALLING) for index in range(2))
        edge, other = (one, two) if number == 1 else (two, one)
        if mode in _CLOCKED_INPUT:
            if number == 2 and (edge or mode == _CLOCK_AND_DIRECTION_BOTH):
                self._actions.step(one)
        elif number in _COUNTED_INPUTS[mode] and (edge or mode not in _RISING_ONLY):
            self._actions.step((edge == other) ^ (number == 2))
