"""What the processor does of itself, as a device tells it."""

from __future__ import annotations

import random

import pytest

from mvsdk.emulator.core import new_core
from mvsdk.emulator.device import Device
from mvsdk.emulator.events import Event, HandlerEntered, HandlerLeft, SleepBegan, SleepEnded, Started
from tests.emulator.chip_guests import BOARD, guest
from tests.emulator.examples import EXAMPLES


def told(name: str, cuts: random.Random | None) -> list[Event]:
    """Return everything a guest's device tells, run whole or in random pieces."""
    example, events = EXAMPLES[name], list[Event]()
    device = Device(BOARD, guest(example.source), new_core(), seed=3, trace_interrupts=True, observers=[events.append])
    for what in example.inputs:
        device.inputs.at(500, what)
    while cuts is not None and device.time_us < example.length_us:
        device.run(min(example.length_us, device.time_us + cuts.randrange(1, 400)))
    device.run(example.length_us)
    return events


@pytest.mark.parametrize("name", ["echo", "tick", "dma", "low power"])
def test_activity_is_told_in_order_however_a_run_is_cut(name: str) -> None:
    """Handlers are entered before they are left, sleep begins before it ends, times never go back, and cuts change
    nothing."""
    events = told(name, None)
    entered = [event.exception for event in events if isinstance(event, HandlerEntered)]
    left = [event.exception for event in events if isinstance(event, HandlerLeft)]
    assert entered
    assert sorted(left) in (sorted(entered), sorted(entered[:-1]))
    depth = 0
    for event in events:
        if isinstance(event, Started):
            depth = 0  # deep sleep ends a life in which the application slept
        if isinstance(event, SleepBegan | SleepEnded):
            depth += 1 if isinstance(event, SleepBegan) else -1
            assert depth in {0, 1}
    times = [event.time_us for event in events]
    assert times == sorted(times)
    assert told(name, random.Random(7)) == events  # noqa: S311 - repeatable on purpose
