"""Laws of the journal: after any cut it says what it said before the last change, or what it says after it."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvsdk.flash_memory import Cut, Mess, NorFlash, PowerCut, PowerSupply
from mvsdk.testing import PowerCuts
from mvsdk.update import Journal, KeySet, Method, Phase, State
from mvsdk.update.state import Content
from tests.keys.samples import key_of

HASHES = st.binary(min_size=32, max_size=32)
SIZES = st.integers(0, 2**32 - 1)
CONTENTS = st.builds(
    Content,
    st.integers(1, 0x10000),
    HASHES,
    st.lists(SIZES, max_size=64).map(tuple),
)
STATES = st.builds(
    State,
    st.sampled_from(Phase),
    st.sampled_from([None, 0, 1]),
    st.tuples(st.none() | CONTENTS, st.none() | CONTENTS),
    SIZES,
    st.lists(HASHES, max_size=8).map(tuple),
    st.text(max_size=30),
    st.sampled_from(Method),
    st.sampled_from(Method),
    SIZES,
    SIZES,
    SIZES,
    st.integers(-1, 1000),
    st.integers(0, 255),
)


def journal(flash: NorFlash) -> Journal:
    """Return the journal in a flash, mounted."""
    made = Journal(flash, 0)
    made.mount()
    return made


def numbered(number: int) -> State:
    """Return a state that differs from others, and takes some room."""
    return State(page=number, bad=(bytes([number]) * 32,) * (number % 5))


@given(STATES)
def test_a_state_comes_back(state: State) -> None:
    """Every state fits the journal, and is read as it was written."""
    flash = NorFlash(8192)
    first = journal(flash)
    first.write(state)
    again = journal(flash)
    assert again.state == state
    assert State.decode(state.encode()) == state


@given(st.binary(max_size=200))
def test_other_bytes_are_no_state(data: bytes) -> None:
    """What is no state is a ValueError, or a state that encodes to it."""
    try:
        state = State.decode(data)
    except ValueError:
        return
    assert State.decode(state.encode()) == state


@pytest.mark.parametrize("written", [0, 1, 5, 12, 25, 40])
def test_a_cut_leaves_the_state_before_or_after(written: int, power_cuts: PowerCuts) -> None:
    """Whichever operation is cut off, however full the journal is, mounting finds the old state or the new one.

    And what mounting has found it finds again, though the power fails a second time.
    """

    def prepare(flash: NorFlash) -> None:
        filled = journal(flash)
        for number in range(written):
            filled.write(numbered(number))

    before = numbered(written - 1) if written else State()
    for flash, power in power_cuts.every(
        lambda flash: journal(flash).write(numbered(99)), lambda power: NorFlash(8192, power), prepare
    ):
        found = journal(flash).state
        assert found in (before, numbered(99)), power_cuts.last
        for _ in range(3):
            power.restore()
            assert journal(flash).state == found, power_cuts.last


@pytest.mark.parametrize("written", [3, 12, 13, 14])
def test_cuts_while_it_comes_up_lose_nothing(written: int) -> None:
    """Any two cuts in a row, in any way, the second while it comes up, leave a state that was written."""
    possible = (numbered(written - 1), numbered(99))
    for first, second in itertools.product(Mess, Mess):
        for at, again in itertools.product(range(8), range(8)):
            power = PowerSupply()
            flash = NorFlash(8192, power)
            filled = journal(flash)
            for number in range(written):
                filled.write(numbered(number))
            for cut, write in ((Cut(at, first), True), (Cut(again, second), False)):
                power.restore(cut)
                try:
                    mounted = journal(flash)
                    if write:
                        mounted.write(numbered(99))
                except PowerCut:
                    pass
            power.restore()
            assert journal(flash).state in possible, (at, first, again, second)


@given(
    contents=st.lists(st.binary(max_size=600), min_size=2, max_size=2),
    places=st.lists(st.integers(0, 3400), min_size=2, max_size=2),
)
def test_garbage_is_an_empty_journal(contents: list[bytes], places: list[int]) -> None:
    """A flash with anything in it mounts, says what a new device is, and takes what is written."""
    flash = NorFlash(8192)
    for page, (content, place) in enumerate(zip(contents, places, strict=True)):
        flash.program(page * 4096 + place, content)
    fresh = journal(flash)
    assert fresh.state == State()
    fresh.write(numbered(7))
    assert journal(flash).state == numbered(7)


def test_keys_and_states_do_not_disturb_each_other() -> None:
    """Both survive any number of changes of the other, and of pages."""
    flash = NorFlash(8192)
    keys = KeySet(tuple(key_of(scalar).public for scalar in range(1, 9)), 3, 17)
    journal(flash).write_keys(keys)
    for number in range(100):
        current = journal(flash)
        assert current.keys == keys
        current.write(numbered(number))
    assert journal(flash).state == numbered(99)
    assert max(flash.wear.values()) < 40
