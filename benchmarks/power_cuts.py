"""How fast `mvsdk prove-update` tries out losses of power: once at every operation, and exhaustively.

$ python -m benchmarks power_cuts

The application is 64 KiB of bytes that have nothing in common, so every page is written; all processors are used. The
nearest peers try whole starts of an emulated device: 17 points a second (tardigrade, under Renode), MCUboot's simulator
some hundreds with atomic writes only; neither has a server or a download.
"""

from __future__ import annotations

import os
import random
import struct

from mvsdk import boards
from mvsdk.bundle import Image, ManifestOptions, create
from mvsdk.keys import SigningKey
from mvsdk.update.proof import Plan, prove

SIZE = 64 * 1024


def main() -> None:
    """Measure and print."""
    key = SigningKey.generate()
    old, new = (create(application(seed), ManifestOptions(), key) for seed in (1, 2))
    workers = len(os.sched_getaffinity(0))
    print(f"\nprove-update, two versions of {SIZE // 1024} KiB, {workers} processes")
    print(f"{'':12} {'points':>8} {'states':>8} {'seconds':>8} {'points/s':>9}")
    for name, exhaustive in (("once", False), ("exhaustive", True)):
        outcome = prove(Plan(old, new, (key.public,), boards.load(), exhaustive), workers)
        states = sum(section.states for section in outcome.sections)
        rate = outcome.points / outcome.seconds
        print(f"{name:12} {outcome.points:8} {states:8} {outcome.seconds:8.1f} {rate:9.0f}")
        if outcome.findings:
            print(f"{len(outcome.findings)} broken promises, such as {outcome.findings[0]}")


def application(seed: int) -> Image:
    """Return an image that can be started."""
    noise = random.Random(seed).randbytes(SIZE - 8)  # noqa: S311 - only has to differ
    return Image(struct.pack("<2I", 0x20080000, 0x08000041) + noise)


if __name__ == "__main__":
    main()
