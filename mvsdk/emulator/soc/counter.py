"""The arithmetic of an up-counting timer: where it stands at any cycle, without counting.

A counter steps from 0 to its limit and overflows to 0. Its prescaler, limit and compare values are those in force; new
ones take their place at an update event, which is every (repetition + 1)th overflow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Settings:
    """What a counter counts by. `step` is the length of one count in cycles, `compares` maps channels to values."""

    step: int
    limit: int
    repetition: int = 0
    compares: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class Counter:
    """A counter that stood at `value` at cycle `origin`. `maximum` is the largest value its width holds.

    `preloads` says what the next update event puts in force, or None while update events are disabled; `updated` is
    told of every one of them, several at once as one, and returns whether the counter goes on.
    `matched` is told the channels whose value was met.
    """

    STATE: ClassVar[tuple[str, ...]] = ("settings", "value", "origin", "running", "repetition_left")

    maximum: int
    settings: Settings
    preloads: Callable[[], Settings | None]
    updated: Callable[[], bool]
    matched: Callable[[int], None]
    value: int = 0
    origin: int = 0
    running: bool = False
    repetition_left: int = 0

    @property
    def blocked(self) -> bool:
        """Whether it stands still: stopped, or with a limit of 0."""
        return not self.running or self.settings.limit == 0

    def advance(self, cycle: int) -> None:
        """Bring `value` and `origin` to `cycle`, telling of all that happened on the way."""
        if self.blocked or cycle == self.origin:
            self.origin = cycle
            return
        while not self.blocked:
            overflow = self.origin + self._steps_left() * self.settings.step
            if cycle < overflow:
                self._move((cycle - self.origin) // self.settings.step)
                return
            self._overflow(overflow)
            self._skip_whole_periods(cycle)

    def restart(self, cycle: int) -> None:
        """Begin at 0 with whatever is preloaded, as a software update does. The caller has advanced to `cycle`."""
        self.value, self.origin = 0, cycle
        self._load()

    def next_match(self, channel: int) -> int:
        """Return a cycle not after the channel's next match: the match, or the overflow before it."""
        value = self.settings.compares[channel]
        if self.value < value <= self.settings.limit:
            return self.origin + (value - self.value) * self.settings.step
        return self.origin + self._steps_left() * self.settings.step

    def next_update(self) -> int:
        """Return the cycle of the next update event."""
        whole = self.repetition_left * (self.settings.limit + 1)
        return self.origin + (self._steps_left() + whole) * self.settings.step

    def _steps_left(self) -> int:
        """Steps to the overflow. A counter beyond its limit goes on to its width's end first."""
        if self.value <= self.settings.limit:
            return self.settings.limit + 1 - self.value
        return self.maximum + 1 - self.value + self.settings.limit + 1

    def _move(self, steps: int) -> None:
        for channel, value in self.settings.compares.items():
            if self.value < value <= self.value + steps:
                self.matched(channel)
        self.value = (self.value + steps) & self.maximum
        self.origin += steps * self.settings.step

    def _overflow(self, cycle: int) -> None:
        settings = self.settings
        for channel, value in settings.compares.items():
            if value > self.value or value == 0:
                self.matched(channel)
        self.value, self.origin = 0, cycle
        if self.repetition_left:
            self.repetition_left -= 1
            return
        if self.preloads() is None:
            return
        self._load()
        self.running = self.updated()

    def _load(self) -> None:
        self.settings = self.preloads() or self.settings
        self.repetition_left = self.settings.repetition

    def _skip_whole_periods(self, cycle: int) -> None:
        """Leave out periods that are all alike: settings are in force, and everything was told once already."""
        if self.blocked or self.preloads() not in (None, self.settings):
            return
        period = (self.settings.limit + 1) * self.settings.step
        between_updates = self.settings.repetition + 1
        # As many as there are between two updates are walked through, so that every match and an update are told.
        alike = (cycle - self.origin) // period - between_updates
        if alike > 0:
            self.origin += (alike - alike % between_updates) * period
