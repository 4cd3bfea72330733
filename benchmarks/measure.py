"""Time commands fairly: in turns, so that a slow moment of the machine meets all of them, and by their medians."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

Commands = Mapping[str, Sequence[str]]


def medians(commands: Commands, *, cwd: Path | None = None, rounds: int = 20) -> dict[str, float]:
    """Return the median wall-clock seconds of each command over `rounds` turns, after one turn to warm up.

    A command whose program is not installed is left out. Raises CalledProcessError when one fails.
    """
    present = {name: command for name, command in commands.items() if shutil.which(command[0])}
    times: dict[str, list[float]] = {name: [] for name in present}
    for turn in range(rounds + 1):
        for name, command in present.items():
            start = time.perf_counter()
            subprocess.run(command, cwd=cwd, check=True, capture_output=True)
            if turn:
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(taken) for name, taken in times.items()}


def print_times(title: str, times: Mapping[str, float], base: str) -> None:
    """Print a table of milliseconds, and of ratios to the row called `base`."""
    width = max(map(len, times))
    print(f"\n{title}\n{'':{width}}       ms   ratio")
    for name, seconds in times.items():
        print(f"{name:{width}} {seconds * 1000:8.1f} {seconds / times[base]:7.2f}")


def print_missing(commands: Commands, times: Mapping[str, float]) -> None:
    """Name the peers that were not there to be measured."""
    if missing := [name for name in commands if name not in times]:
        print(f"not installed: {', '.join(missing)}")
