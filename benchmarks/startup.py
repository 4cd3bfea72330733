"""How long until a command line has started: `mvsdk --version` beside esptool and west.

$ python benchmarks/startup.py
"""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.measure import medians, print_missing, print_times

COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "mvsdk --version": [str(Path(sys.executable).with_name("mvsdk")), "--version"],
    "esptool version": ["esptool", "version"],
    "west --version": ["west", "--version"],
}


def main() -> None:
    """Measure and print."""
    times = medians(COMMANDS)
    print_times("start-up", times, base="mvsdk --version")
    print_missing(COMMANDS, times)


if __name__ == "__main__":
    main()
