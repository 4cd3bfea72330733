"""How long a build with nothing to do takes: `mvsdk build` beside Ninja and CMake on the same tree; what it touches.

$ python benchmarks/noop_build.py
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import medians, print_times

MVSDK = str(Path(sys.executable).with_name("mvsdk"))
COMMANDS = {
    "ninja -C build": ["ninja", "-C", "build"],
    "cmake --build build": ["cmake", "--build", "build"],
    "mvsdk --version": [MVSDK, "--version"],
    "mvsdk build": [MVSDK, "build"],
}


def main() -> None:
    """Build a new project once, then measure building it again."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([MVSDK, "new", "blinky"], cwd=folder, check=True, capture_output=True)
        project = Path(folder) / "blinky"
        subprocess.run([MVSDK, "build"], cwd=project, check=True, capture_output=True)
        before = modification_times(project)
        times = medians(COMMANDS, cwd=project)
        changed = modification_times(project).items() ^ before.items()
    print_times("build with nothing to do", times, base="mvsdk build")
    print(f"files touched: {len(changed)}")


def modification_times(folder: Path) -> dict[Path, int]:
    """Return when everything below a folder was last written."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


if __name__ == "__main__":
    main()
