"""Laws of the counter's arithmetic: it agrees with counting."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvsdk.emulator.soc.counter import Counter, Settings

MAXIMUM = 31
UP, DOWN, CENTRED = "up", "down", "centred"


@dataclass
class Counted:
    """A counter that really counts, one tick after the other."""

    settings: Settings
    shape: str
    value: int
    phase: int = 0
    left: int = 0
    updates: int = 0
    down: bool = False
    matches: dict[tuple[int, bool], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.down = self.shape == DOWN or (self.shape == CENTRED and self.value == self.settings.limit)

    def tick(self) -> None:
        """Let one tick pass."""
        self.phase += 1
        if self.phase < self.settings.step:
            return
        self.phase = 0
        limit, down = self.settings.limit, self.down
        self.value += -1 if down else 1
        if self.shape == CENTRED:
            turns = self.value in {0, limit}
            self.down = not down if turns else down
        else:
            turns = self.value in {-1, limit + 1}
            self.value %= limit + 1
        for channel, value in self.settings.compares.items():
            beyond = turns and value > limit and (not down or self.shape == DOWN)
            if value == self.value or beyond:
                self.matches[channel, down] = self.matches.get((channel, down), 0) + 1
        if turns and self.left:
            self.left -= 1
        elif turns:
            self.updates += 1
            self.left = self.settings.repetition


SETTINGS = st.builds(
    Settings,
    step=st.integers(1, 3),
    limit=st.integers(1, 7),
    repetition=st.integers(0, 3),
    compares=st.dictionaries(st.integers(1, 2), st.integers(0, 9), max_size=2),
)
SHAPES = st.sampled_from([UP, DOWN, CENTRED])


def counter(
    settings: Settings, shape: str = UP, value: int = 0
) -> tuple[Counter, list[int], dict[tuple[int, bool], int]]:
    """Make a counter, and what collects its updates and matches."""
    updates: list[int] = []
    matches: dict[tuple[int, bool], int] = {}

    def matched(channel: int, down: bool, times: int) -> None:
        matches[channel, down] = matches.get((channel, down), 0) + times

    made = Counter(MAXIMUM, settings, lambda: settings, lambda: updates.append(1), matched)
    made.centred = shape == CENTRED
    made.down = shape == DOWN
    made.place(value, 0)
    return made, updates, matches


@given(
    settings=SETTINGS,
    shape=SHAPES,
    start=st.integers(0, 7),
    looks=st.lists(st.integers(1, 300), min_size=1, max_size=5),
)
def test_it_agrees_with_counting_whenever_it_is_looked_at(
    settings: Settings, shape: str, start: int, looks: list[int]
) -> None:
    """Value, direction, whether an update happened, and how often each value was met, are those of counting."""
    value = min(start, settings.limit)
    made, updates, matches = counter(settings, shape, value)
    counted = Counted(settings, shape, value)
    now = 0
    for length in looks:
        for _ in range(length):
            counted.tick()
        now += length
        made.advance(now)
        assert (made.value, made.down) == (counted.value, counted.down)
        assert made.repetition_left == counted.left
        assert bool(updates) == bool(counted.updates)
        assert matches == counted.matches
        updates.clear()
        counted.updates = 0


@given(settings=SETTINGS, shape=SHAPES, start=st.integers(0, 7))
def test_the_next_update_is_where_counting_has_it(settings: Settings, shape: str, start: int) -> None:
    """`next_update` names the very tick of the next update event."""
    value = min(start, settings.limit)
    made, _, _ = counter(settings, shape, value)
    counted = Counted(settings, shape, value)
    now = 0
    while not counted.updates:
        counted.tick()
        now += 1
    assert made.next_update() == now


@given(settings=SETTINGS, shape=SHAPES, start=st.integers(0, 7))
def test_a_match_never_comes_before_it_is_expected(settings: Settings, shape: str, start: int) -> None:
    """Waiting for `next_match` again and again meets every match at its tick, and always goes on."""
    value = min(start, settings.limit)
    made, _, matches = counter(settings, shape, value)
    for channel in settings.compares:
        before = made.origin
        for _ in range(4):
            after = made.next_match(channel)
            assert after > before or made.origin == after
            made.advance(after - 1)
            known = sum(matches.values())
            counted = {key: times for key, times in matches.items() if key[0] == channel}
            made.advance(after)
            assert sum(matches.values()) >= known
            assert {key: times for key, times in matches.items() if key[0] == channel} != {} or counted == {}
            before = after


def test_a_counter_beyond_its_limit_goes_round() -> None:
    """When the limit is lowered below the value, it counts to its width's end, from 0 to the limit, and overflows."""
    made, _, _ = counter(Settings(1, 3), UP, 30)
    assert made.next_update() == 2 + 4
    made.advance(3)
    assert made.value == 1


def test_a_limit_of_0_stands_still() -> None:
    """A counter whose limit is 0 does not count."""
    made, updates, _ = counter(Settings(1, 0))
    made.advance(1000)
    assert made.blocked
    assert (made.value, updates) == (0, [])


@pytest.mark.parametrize("shape", [UP, DOWN, CENTRED])
def test_a_single_pulse_ends_at_the_update(shape: str) -> None:
    """A one-pulse counter stops at its update however far it is advanced at once, and stays there."""
    made, updates, _ = counter(Settings(2, 5, repetition=2), shape)
    made.one_pulse = True
    end = made.next_update()
    made.advance(end + 1000)
    assert (made.stopped, made.origin, len(updates)) == (True, end, 1)


@given(repetition=st.integers(0, 0xFFFF), periods=st.integers(2, 10**9))
def test_long_absences_are_skipped(repetition: int, periods: int) -> None:
    """After any number of periods the counter stands where the arithmetic says, whatever its repetition."""
    made, updates, _ = counter(Settings(1, 9, repetition))
    made.repetition_left = repetition
    made.advance(10 * periods)
    assert made.value == 0
    assert made.repetition_left == repetition - periods % (repetition + 1)
    assert bool(updates) == (periods > repetition)
