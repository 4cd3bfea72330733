"""Running a device step by step: held back to the wall clock for whoever wants to watch, or as fast as it goes."""

from __future__ import annotations

import time
from collections.abc import Callable

from mvsdk.emulator.device import Device, End

STEP_US = 10_000
"""How far the device runs before somebody else has a turn."""


def run_in_steps(device: Device, until_us: int | None, between: Callable[[], object]) -> End:
    """Run like `Device.run`, calling `between` before every step. Without a moment to end at, only `Device.stop` or the
    application ends it: a device that sleeps for ever may still be woken."""
    while True:
        between()
        step = device.time_us + STEP_US
        end = device.run(step if until_us is None else min(step, until_us))
        if end is not End.TIME or (until_us is not None and device.time_us >= until_us):
            return end


def run_in_real_time(
    device: Device,
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
