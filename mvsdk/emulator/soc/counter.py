"""The arithmetic of a timer's counter: where it stands at any tick of its clock, without counting.

A counter runs from one turn to the next: counting up, from 0 through its limit to 0; counting down, from its limit
through 0 to its limit; centred, from 0 to its limit and back (RM0456, chapter 54, "Counter modes"). Its
prescaler, limit and compare values are those in force; new ones take their place at an update event, which is every
(repetition + 1)th turn.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Settings:
    """What a counter counts by. `step` is the length of one count in ticks, `compares` maps channels to values."""

    step: int
    limit: int
    repetition: int = 0
    compares: dict[int, int] = field(default_factory=dict)


class Counter:
    """A counter that stood at `value` at tick `origin`. `maximum` is the largest value its width holds.

    `preloads` says what the next update event puts in force, or None while update events are disabled; `updated` is
    told of every one of them, several at once as one. `matched(channel, down, times)` is told of values that were met
    and in which direction, so many times.
    A counter with `one_pulse` stops at its next update event; `stopped` says that it has.
    """

    STATE: ClassVar[tuple[str, ...]] = (
        "settings",
        "value",
        "origin",
        "repetition_left",
        "down",
        "centred",
        "one_pulse",
        "stopped",
    )

    def __init__(
        self,
        maximum: int,
        settings: Settings,
        preloads: Callable[[], Settings | None],
        updated: Callable[[], None],
        matched: Callable[[int, bool, int], None],
    ) -> None:
        self.maximum = maximum
        self._preloads, self._updated, self._matched = preloads, updated, matched
        self.reset(settings, 0)

    def reset(self, settings: Settings, tick: int) -> None:
        """Stand at 0, counting up."""
        self.settings = settings
        self.origin = tick
        self.value = self.repetition_left = 0
        self.down = self.centred = self.one_pulse = self.stopped = False

    @property
    def blocked(self) -> bool:
        """Whether it stands still, its limit being 0."""
        return self.settings.limit == 0

    def advance(self, tick: int) -> None:
        """Bring `value` and `origin` to a tick, telling of all that happened on the way."""
        while not self.stopped and tick - self.origin >= self.settings.step:
            if self.blocked:
                self.origin = tick
                return
            turn = self.next_turn()
            if tick < turn:
                self._move((tick - self.origin) // self.settings.step)
                return
            self._turn(turn)
            self._skip_whole_periods(tick)

    def restart(self, tick: int) -> None:
        """Begin anew with whatever is preloaded, as a software update does. The caller has advanced to `tick`."""
        self.origin = tick
        self._load()
        if self.centred:
            self.down = False
        self.value = self.settings.limit if self.down else 0

    def place(self, value: int, tick: int) -> None:
        """Stand at a value. The caller has advanced to `tick`."""
        self.value = value
        self.origin = tick
        self.face()

    def face(self) -> None:
        """Turn round where a centred counter stands at one of its ends."""
        if self.centred and self.value in {0, self.settings.limit}:
            self.down = self.value > 0

    # -- what comes next -----------------------------------------------------------------------------------------------

    def next_turn(self) -> int:
        """Return the tick of the next overflow or underflow."""
        return self.origin + self._steps_left() * self.settings.step

    def next_match(self, channel: int) -> int:
        """Return a tick not after the channel's next match: the match, or a turn before it."""
        value = self.settings.compares[channel]
        ahead = self.value - value if self.down else value - self.value
        if 0 < ahead <= self._steps_left():
            return self.origin + ahead * self.settings.step
        turn = self.next_turn()
        if self.centred or value > self.settings.limit or self._preloads() not in (None, self.settings):
            return turn
        return turn + (self.settings.limit - value if self.down else value) * self.settings.step

    def next_update(self) -> int:
        """Return the tick of the next update event."""
        between = self.settings.limit if self.centred else self.settings.limit + 1
        return self.next_turn() + self.repetition_left * between * self.settings.step

    def _steps_left(self) -> int:
        """Steps to the next turn. A counter beyond its limit goes on upwards to its width's end first."""
        limit, value = self.settings.limit, self.value
        if self.down:
            return value if self.centred else value + 1
        to_end = limit - value if value <= limit else self.maximum + 1 - value + limit
        return to_end if self.centred else to_end + 1

    # -- going there ---------------------------------------------------------------------------------------------------

    def _move(self, steps: int) -> None:
        """Go on by so many steps, short of the next turn."""
        end = self.value - steps if self.down else self.value + steps
        for channel, value in self.settings.compares.items():
            if end <= value < self.value if self.down else self.value < value <= end:
                self._matched(channel, self.down, 1)
        self.value = end & self.maximum
        self.origin += steps * self.settings.step

    def _turn(self, tick: int) -> None:
        """Go on to the next turn. A compare value that is never reached counts as met there."""
        limit = self.settings.limit
        wraps = not self.down and self.value > limit
        for channel, value in self.settings.compares.items():
            if self.down:
                met = value < self.value or (not self.centred and value >= limit)
            else:
                met = value > self.value or (value == 0 and not self.centred) or (wraps and value <= limit)
            if met:
                self._matched(channel, self.down, 1)
        self.origin = tick
        if self.centred:
            self.value = 0 if self.down else limit
            self.down = not self.down
        else:
            self.value = limit if self.down else 0
        self._count_turn()

    def _count_turn(self) -> None:
        if self.repetition_left:
            self.repetition_left -= 1
            return
        if self._preloads() is None:
            return
        self._load()
        if self.down and not self.centred:
            self.value = self.settings.limit
        self.stopped = self.one_pulse
        self._updated()

    def _load(self) -> None:
        self.settings = self._preloads() or self.settings
        self.repetition_left = self.settings.repetition

    def _skip_whole_periods(self, tick: int) -> None:
        """Leave out periods that are all alike, but for the last; they are told as one."""
        if self.blocked or self.stopped:
            return
        limit, turns_each = self.settings.limit, 2 if self.centred else 1
        period = (2 * limit if self.centred else limit + 1) * self.settings.step
        periods = (tick - self.origin) // period - 1
        preload = self._preloads()
        if preload not in (None, self.settings) or self.one_pulse:
            periods = min(periods, self.repetition_left // turns_each)
        if periods <= 0:
            return
        self.origin += periods * period
        for channel, value in self.settings.compares.items():
            for down in self._directions(value):
                self._matched(channel, down, periods)
        self._skip_turns(periods * turns_each, updates=preload is not None)

    def _directions(self, value: int) -> tuple[bool, ...]:
        """Return in which directions a period meets a value: the ends of a centred counter are met in one only."""
        if not self.centred:
            return (self.down,)
        return (value == 0,) if value == 0 or value >= self.settings.limit else (False, True)

    def _skip_turns(self, turns: int, *, updates: bool) -> None:
        beyond = turns - self.repetition_left - 1
        if beyond < 0 or not updates:
            self.repetition_left = max(0, self.repetition_left - turns)
            return
        self.repetition_left = self.settings.repetition - beyond % (self.settings.repetition + 1)
        self._updated()
