"""Laws of the counter's arithmetic: it agrees with counting."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from mvsdk.emulator.soc.counter import Counter, Settings

MAXIMUM = 31


@dataclass
class Counted:
    """A counter that really counts, one cycle after the other."""

    settings: Settings
    value: int
    phase: int = 0
    left: int = 0
    updates: int = 0
    matches: set[int] = field(default_factory=set)

    def cycle(self) -> None:
        """Let one cycle pass."""
        self.phase += 1
        if self.phase < self.settings.step:
            return
        self.phase = 0
        if self.value == self.settings.limit:
            self.value = 0
            limit = self.settings.limit
            self.matches |= {key for key, value in self.settings.compares.items() if value == 0 or value > limit}
            if self.left:
                self.left -= 1
            else:
                self.updates += 1
                self.left = self.settings.repetition
        else:
            self.value += 1
            self.matches |= {channel for channel, value in self.settings.compares.items() if value == self.value}


SETTINGS = st.builds(
    Settings,
    step=st.integers(1, 3),
    limit=st.integers(1, 7),
    repetition=st.integers(0, 3),
    compares=st.dictionaries(st.integers(1, 2), st.integers(0, 9), max_size=2),
)


@given(settings=SETTINGS, start=st.integers(0, 7), looks=st.lists(st.integers(1, 120), min_size=1, max_size=5))
def test_it_agrees_with_counting_whenever_it_is_looked_at(settings: Settings, start: int, looks: list[int]) -> None:
    """Value, and whether an update and which matches happened between two looks, are those of counting."""
    updates: list[int] = []
    matches: set[int] = set()

    def updated() -> bool:
        updates.append(1)
        return True

    counter = Counter(
        MAXIMUM,
        settings,
        lambda: settings,
        updated,
        matches.add,
        value=min(start, settings.limit),
        running=True,
    )
    counted = Counted(settings, min(start, settings.limit))
    now = 0
    for length in looks:
        for _ in range(length):
            counted.cycle()
        now += length
        counter.advance(now)
        assert counter.value == counted.value
        assert bool(updates) == bool(counted.updates)
        assert matches == counted.matches
        updates.clear()
        matches.clear()
        counted.updates = 0
        counted.matches.clear()


@given(settings=SETTINGS, start=st.integers(0, 7))
def test_the_next_update_is_where_counting_has_it(settings: Settings, start: int) -> None:
    """`next_update` names the very cycle of the next update event."""
    value = min(start, settings.limit)
    counter = Counter(MAXIMUM, settings, lambda: settings, lambda: True, lambda _: None, value=value, running=True)
    counted = Counted(settings, value)
    now = 0
    while not counted.updates:
        counted.cycle()
        now += 1
    assert counter.next_update() == now


def test_a_counter_beyond_its_limit_goes_round() -> None:
    """When the limit is lowered below the value, it counts to its width's end, from 0 to the limit, and overflows."""
    settings = Settings(1, 3)
    counter = Counter(MAXIMUM, settings, lambda: settings, lambda: True, lambda _: None, value=30, running=True)
    assert counter.next_update() == 2 + 4
    counter.advance(3)
    assert counter.value == 1


def test_a_limit_of_0_stands_still() -> None:
    """A counter whose limit is 0 does not count."""
    settings = Settings(1, 0)
    counter = Counter(MAXIMUM, settings, lambda: settings, lambda: True, lambda _: None, running=True)
    counter.advance(1000)
    assert counter.blocked
    assert counter.value == 0
