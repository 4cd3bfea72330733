"""Run every measurement beside its peers: `python -m benchmarks`, or `python -m benchmarks startup noop_build`."""

from __future__ import annotations

import importlib
import os
import pkgutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
NOT_MEASUREMENTS = {"__main__", "measure"}


def main() -> None:
    """Install the peers into a throw-away environment at the end of PATH and run the measurements in order."""
    known = [module.name for module in pkgutil.iter_modules([str(HERE)]) if module.name not in NOT_MEASUREMENTS]
    chosen = sys.argv[1:] or known
    if unknown := set(chosen) - set(known):
        sys.exit(f"no such measurement: {', '.join(sorted(unknown))}; there are: {', '.join(known)}")
    with tempfile.TemporaryDirectory() as folder:
        install_peers(Path(folder))
        os.environ["PATH"] += f"{os.pathsep}{folder}/bin"
        for name in chosen:
            importlib.import_module(f"benchmarks.{name}").main()


def install_peers(folder: Path) -> None:
    """Make a virtual environment with the peers; without a network, say so and go on without them."""
    venv.create(folder, with_pip=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--quiet", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run([*pip, "install", "--requirement", str(HERE / "requirements.txt")], check=False)
    if done.returncode:
        print("The peers could not be installed; measuring without them.", file=sys.stderr)


if __name__ == "__main__":
    main()
