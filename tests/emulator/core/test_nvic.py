"""The order of exceptions, held against the architecture's rules written out plainly."""

from hypothesis import given
from hypothesis import strategies as st

from mvsdk.emulator.core.exceptions import COUNT, FIRST_IRQ, HARD_FAULT, NMI, Exceptions

numbers = st.integers(FIRST_IRQ, COUNT - 1)
priorities = st.integers(0, 15).map(lambda value: value << 4)


@given(st.dictionaries(numbers, priorities, max_size=12), st.sets(numbers, max_size=8))
def test_the_most_urgent_enabled_pending_exception_is_next(pending: dict[int, int], disabled: set[int]) -> None:
    """Smaller priority value first, then smaller number; what is not enabled does not count."""
    state = Exceptions()
    for number, priority in pending.items():
        state.priority[number] = priority
        state.pend(number)
        state.enable(1 << number, number not in disabled)
    wanted = sorted((priority, number) for number, priority in pending.items() if number not in disabled)
    assert state.next_pending() == (wanted[0][1] if wanted else 0)


@given(st.dictionaries(numbers, priorities, max_size=8), st.integers(0, 7), priorities, st.booleans(), st.booleans())
def test_execution_priority(
    active: dict[int, int], prigroup: int, basepri: int, primask: bool, faultmask: bool
) -> None:
    """It is the most urgent of the active exceptions' groups and of what the masks stand for."""
    state = Exceptions(prigroup=prigroup)
    for number, priority in active.items():
        state.priority[number] = priority
        state.activate(number)
    size = 1 << (prigroup + 1)
    levels = [256, *(priority // size * size for priority in active.values())]
    if basepri:
        levels.append(basepri // size * size)
    if primask:
        levels.append(0)
    if faultmask:
        levels.append(-1)
    assert state.execution_priority(int(primask), basepri, int(faultmask)) == min(levels)


def test_nmi_and_hard_fault_are_above_all_groups() -> None:
    """Fixed priorities are negative whatever the grouping."""
    for prigroup in range(8):
        state = Exceptions(prigroup=prigroup)
        assert (state.urgency(NMI), state.urgency(HARD_FAULT)) == (-2, -1)


@given(numbers, st.booleans())
def test_a_high_line_keeps_coming_back(number: int, level: bool) -> None:
    """A line pends when it rises, not while its interrupt is active, and again when that ends with the line high."""
    state, bit = Exceptions(), 1 << number
    state.set_line(number, True)
    assert state.pending & bit
    state.activate(number)
    state.set_line(number, True)
    assert not state.pending & bit
    state.set_line(number, level)
    state.deactivate(number)
    assert bool(state.pending & bit) == level
    state.unpend(bit)
    assert bool(state.pending & bit) == level
    state.set_line(number, False)
    state.unpend(bit)
    assert not state.pending & bit
