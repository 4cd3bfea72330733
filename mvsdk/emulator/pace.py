"""Holding virtual time back to the wall clock, for whoever wants to watch."""

from __future__ import annotations

import time
from collections.abc import Callable

from mvsdk.emulator.device import Device, End

STEP_US = 10_000
"""How far the device runs ahead before it waits."""


def run_in_real_time(
    device: Device,
    until_us: int | None = None,
    *,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> End:
    """Run like `Device.run`, one second of device time a second. A device that sleeps for ever is let sleep."""
    started_us, started = device.time_us, now()
    while True:
        step = device.time_us + STEP_US
        end = device.run(step if until_us is None else min(step, until_us))
        if end is not End.TIME:
            return end
        ahead = (device.time_us - started_us) / 1e6 - (now() - started)
        if ahead > 0:
            sleep(ahead)
        if until_us is not None and device.time_us >= until_us:
            return end
