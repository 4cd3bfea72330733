"""What a timer's channels put out: reference signals, and the levels of pins behind them (RM0456, chapter 54).

A PWM level follows from where the counter stands. The other modes remember: a match sets, clears or toggles. Not
modelled: dead time, the delayed and combined pulses of the retriggerable modes, pulse and direction output.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mvsdk.emulator.soc.counter import Counter
from mvsdk.emulator.soc.registers import RegisterFile
from mvsdk.emulator.soc.timer_kinds import TimerKind

MOE, OSSR, OSSI = 1 << 15, 1 << 11, 1 << 10
ACTIVE, INACTIVE, TOGGLE, FORCE_INACTIVE, FORCE_ACTIVE, PWM1, PWM2 = range(1, 8)
COMBINED1, COMBINED2, ASYMMETRIC1, ASYMMETRIC2 = 12, 13, 14, 15
_PWM1_LIKE = frozenset({PWM1, COMBINED1, ASYMMETRIC1})
_PWM2_LIKE = frozenset({PWM2, COMBINED2, ASYMMETRIC2})
_IDLE_LEVELS = {"CH1": 8, "CH1N": 9, "CH2": 10, "CH2N": 11, "CH3": 12, "CH3N": 13, "CH4": 14, "CH4N": 15}
"""The bits OISx and OISxN of CR2."""


@dataclass(frozen=True, slots=True)
class Waveform:
    """What a pin shows over time: a frequency in Hz, 0 for a constant level, and the part of it that is high."""

    hertz: float
    duty: float


class TimerOutputs:
    """The outputs of one timer."""

    STATE: ClassVar[tuple[str, ...]] = ("_references",)

    def __init__(self, kind: TimerKind, registers: RegisterFile, counter: Counter) -> None:
        self._breaks = "breaks" in kind.features
        self._registers = registers
        self._counter = counter
        self._references = 0

    def reset(self) -> None:
        """Let every reference be low."""
        self._references = 0

    # -- channels ------------------------------------------------------------------------------------------------------

    def channel_byte(self, channel: int) -> int:
        """Return a channel's byte of CCMR1 or CCMR2: CCxS in bits 0 and 1, OCxPE in bit 3."""
        return self._registers["CCMR1" if channel <= 2 else "CCMR2"] >> (0 if channel % 2 else 8) & 0xFF

    def is_output(self, channel: int) -> bool:
        """Return whether a channel compares; else it captures."""
        return self.channel_byte(channel) & 3 == 0

    def mode(self, channel: int) -> int:
        """Return a channel's output compare mode, 0 to 15."""
        high = self._registers["CCMR1" if channel <= 2 else "CCMR2"] >> (16 if channel % 2 else 24) & 1
        return high << 3 | self.channel_byte(channel) >> 4 & 7

    def matched(self, channel: int, times: int) -> None:
        """Do what so many matches do to a channel's reference."""
        bit = 1 << channel
        match self.mode(channel):
            case mode if mode == ACTIVE:
                self._references |= bit
            case mode if mode == INACTIVE:
                self._references &= ~bit
            case mode if mode == TOGGLE and times % 2:
                self._references ^= bit

    def mode_written(self, channel: int) -> None:
        """Take over the level that a mode forces."""
        if self.mode(channel) in {FORCE_ACTIVE, FORCE_INACTIVE}:
            self._references &= ~(1 << channel)
            self._references |= (self.mode(channel) == FORCE_ACTIVE) << channel

    def reference(self, channel: int) -> bool:
        """Return the level of OCxREFC, the reference signal of a channel as the outputs use it."""
        mode = self.mode(channel)
        partner = channel + 1 if channel % 2 else channel - 1
        if mode == COMBINED1:
            return self._pwm(channel, mode) or self._own_reference(partner)
        if mode == COMBINED2:
            return self._pwm(channel, mode) and self._own_reference(partner)
        if mode in {ASYMMETRIC1, ASYMMETRIC2} and self._counter.down:
            return self._own_reference(partner)
        return self._own_reference(channel)

    def _own_reference(self, channel: int) -> bool:
        mode = self.mode(channel)
        if mode in _PWM1_LIKE or mode in _PWM2_LIKE:
            return self._pwm(channel, mode)
        return bool(self._references >> channel & 1)

    def _pwm(self, channel: int, mode: int) -> bool:
        compare, counter = self._counter.settings.compares.get(channel, 0), self._counter
        active = counter.value <= compare if counter.down else counter.value < compare
        return active if mode in _PWM1_LIKE else not active

    # -- pins ----------------------------------------------------------------------------------------------------------

    def level(self, signal: str) -> bool | None:
        """Return the level that "CH1" or "CH1N" drives, None while it drives nothing."""
        channel, complementary = int(signal[2]), signal.endswith("N")
        if not self.is_output(channel):
            return None
        enables = self._registers["CCER"] >> 4 * (channel - 1)
        enabled, inverted = enables >> (2 if complementary else 0) & 1, enables >> (3 if complementary else 1) & 1
        if self._breaks:
            control = self._registers["BDTR"]
            if not control & MOE:
                idle = bool(self._registers["CR2"] >> _IDLE_LEVELS[signal] & 1)
                return idle if control & OSSI and enables & 0b101 else None
            if not enabled:
                return bool(inverted) if control & OSSR and enables & 0b101 else None
        if not enabled:
            return None
        # A complementary output alone follows the reference; beside its partner it is the opposite.
        opposite = complementary and bool(enables & 1)
        return self.reference(channel) ^ opposite ^ bool(inverted)

    def waveform(self, signal: str, hertz: float) -> Waveform | None:
        """Return what a signal shows, its counter going round so often a second; None while it drives nothing."""
        level = self.level(signal)
        channel = int(signal[2])
        mode = self.mode(channel)
        if level is None or mode not in {PWM1, PWM2, TOGGLE} or not self._moving() or not hertz:
            return None if level is None else Waveform(0, float(level))
        if mode == TOGGLE:
            return Waveform(hertz if self._counter.centred else hertz / 2, 0.5)
        share = self._share(channel)
        enables = self._registers["CCER"] >> 4 * (channel - 1)
        inverted = bool(enables >> (3 if signal.endswith("N") else 1) & 1)
        opposite = signal.endswith("N") and bool(enables & 1)
        duty = share if (mode == PWM1) ^ inverted ^ opposite else 1 - share
        return Waveform(hertz if 0 < duty < 1 else 0, duty)

    def _moving(self) -> bool:
        return not self._breaks or bool(self._registers["BDTR"] & MOE)

    def _share(self, channel: int) -> float:
        """Return the part of a period for which PWM mode 1 is active, by the value that CCRx asks for."""
        compare, limit = self._registers[f"CCR{channel}"], self._registers["ARR"]
        if self._counter.centred:
            return min(1.0, compare / limit)
        return min(1.0, (compare + self._counter.down) / (limit + 1))
