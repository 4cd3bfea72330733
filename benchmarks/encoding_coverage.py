"""Which encodings the tests' firmware executes on whole devices: `python -m benchmarks encoding_coverage`."""

from __future__ import annotations

from collections import Counter

from mvsdk import boards
from mvsdk.emulator.core.coverage_report import CountingCore, report
from mvsdk.emulator.device import Device
from tests.emulator.compiled import firmware

BOARD = boards.load()
RUNS = {
    ("rtos/kernel.h", "rtos/kernel.c", "rtos/application.c"): 1_200_000,
    ("port.c",): 20_000,
    ("hal.c",): 60_000,
    ("cplusplus.cpp",): 20_000,
}
"""Firmware, and for how many microseconds it runs."""


def main() -> None:
    """Run everything on a counting core and print."""
    executed: Counter[str] = Counter()
    for files, duration in RUNS.items():
        core = CountingCore()
        Device(BOARD, firmware(*files).image, core).run(duration)
        executed += core.executed
    print("\n" + "\n".join(report(executed)))


if __name__ == "__main__":
    main()
