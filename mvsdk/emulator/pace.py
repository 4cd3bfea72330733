"""Running a device step by step: held back to the wall clock for whoever wants to watch, or as fast as it goes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from mvsdk.emulator.device import End


class Runs(Protocol):
    """A device, or what runs it in its place."""

    @property
    def time_us(self) -> int:
        """The device's time."""

    def run(self, until_us: int | None = None) -> End:
        """Run like `Device.run`."""


STEP_US = 10_000
"""How far the device runs before somebody else has a turn."""


def run_in_steps(device: Runs, until_us: int | None, between: Callable[[], object]) -> End:
    """Run like `Device.run`, calling `between` before every step. Without a moment to end at, only `Device.stop` or the
    application ends it: a device that sleeps for ever may still be woken."""
    while True:
        between()
        step = device.time_us + STEP_US
        end = device.run(step if until_us is None else min(step, until_us))
        if end is not End.TIME or (until_us is not None and device.time_us >= until_us):
            return end


def run_in_real_time(
    device: Runs,
    until_us: int | None = None,
    *,
    between: Callable[[], object] = lambda: None,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> End:
    """Run in steps, one second of device time a second."""
    started_us, started = device.time_us, now()

    def wait() -> None:
        ahead = (device.time_us - started_us) / 1e6 - (now() - started)
        if ahead > 0:
            sleep(ahead)
        between()

    end = run_in_steps(device, until_us, wait)
    wait()
    return end
