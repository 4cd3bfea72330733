"""From an edited line to its log line: build, bundle and emulate after a change, and each step on its own.

$ python benchmarks/edit_to_log.py

Jaguar (Toit), the best edit-to-run loop we know, says less than 2 s on a device over Wi-Fi; it cannot run here.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MVSDK = str(Path(sys.executable).with_name("mvsdk"))
ROUNDS = 10
LINE = 'log_line("blinky: started'


def main() -> None:
    """Make a project, then change one log line and wait for it, `ROUNDS` times."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "MVSDK_HOME": f"{folder}/home"}
        project = Path(folder) / "blinky"
        run([MVSDK, "new", "blinky"], Path(folder), environment)
        steps: dict[str, list[float]] = {"mvsdk build": [], "mvsdk bundle": [], "mvsdk emulate --until": []}
        main_c = project / "src" / "main.c"
        original = main_c.read_text(encoding="utf-8")
        for turn in range(ROUNDS + 1):
            text = f"edit {turn}"
            main_c.write_text(original.replace(LINE, f'log_line("{text}"); {LINE}'), encoding="utf-8")
            taken = [
                run([MVSDK, *step], project, environment)
                for step in (["build"], ["bundle"], ["emulate", "--until", text, "--for", "5s"])
            ]
            if turn:
                for times, seconds in zip(steps.values(), taken, strict=True):
                    times.append(seconds)
    print(f"\nedited line to log line, medians of {ROUNDS}")
    for name, times in steps.items():
        print(f"{name:22} {statistics.median(times) * 1000:7.0f} ms")
    print(f"{'together':22} {statistics.median(map(sum, zip(*steps.values(), strict=True))) * 1000:7.0f} ms")


def run(command: list[str], directory: Path, environment: dict[str, str]) -> float:
    """Run one command that must succeed and return the seconds it took."""
    start = time.perf_counter()
    subprocess.run(command, cwd=directory, env=environment, check=True, capture_output=True)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
