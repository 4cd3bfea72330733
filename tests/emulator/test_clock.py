"""Laws of the schedule."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mvsdk.emulator.clock import Schedule


@given(st.lists(st.integers(0, 50)))
def test_actions_happen_by_cycle_then_by_order_given(cycles: list[int]) -> None:
    """Whatever order actions are given in, they happen by cycle, and those of one cycle in the order given."""
    schedule, happened = Schedule(), []
    for number, cycle in enumerate(cycles):
        schedule.at(cycle, lambda entry=(cycle, number): happened.append(entry))  # type: ignore[misc]
    schedule.run_due(100)
    assert happened == sorted(happened)
    assert len(happened) == len(cycles)


def test_nothing_happens_before_its_cycle() -> None:
    """An action waits until its cycle is reached, and `next_cycle` says which that is."""
    schedule, happened = Schedule(), []
    schedule.at(10, lambda: happened.append("late"))
    schedule.run_due(9)
    assert (happened, schedule.next_cycle) == ([], 10)
    schedule.run_due(10)
    assert (happened, schedule.next_cycle) == (["late"], None)


def test_an_action_may_add_one_for_the_same_cycle() -> None:
    """What an action adds for the cycle being carried out happens in the same go."""
    schedule, happened = Schedule(), []
    schedule.at(5, lambda: schedule.at(5, lambda: happened.append("second")))
    schedule.run_due(5)
    assert happened == ["second"]


def test_what_is_cancelled_does_not_happen() -> None:
    """A cancelled appointment is neither carried out nor waited for; cancelling twice or too late does no harm."""
    schedule, happened = Schedule(), []
    first = schedule.at(5, lambda: happened.append("first"))
    second = schedule.at(6, lambda: happened.append("second"))
    first.cancel()
    first.cancel()
    assert schedule.next_cycle == 6
    schedule.run_due(10)
    second.cancel()
    assert happened == ["second"]
    assert schedule.next_cycle is None
