"""Write the generated files of every database into a source checkout, or compare them with `--check`.

    $ python -m mvsdk.abi.generate --check
    stale: docs/reference/microvisor/mvNoOp.md
    run python -m mvsdk.abi.generate

Exit status: 0 if everything was or is now up to date, 1 if `--check` found a stale file, 2 for wrong usage.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mvsdk.abi.database import available, load
from mvsdk.abi.generate import stale, write


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with these arguments (default: the process's own) and return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m mvsdk.abi.generate", description="Generate files from the ABI tables."
    )
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file is stale")
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[3], help="the source checkout")
    options = parser.parse_args(arguments)
    if not (options.root / "board-support").is_dir():
        parser.error(f"{options.root} is no source checkout; name one with --root")
    refresh = stale if options.check else write
    changed = [path for name in available() for path in refresh(load(name), options.root)]
    for path in changed:
        print(f"{'stale' if options.check else 'written'}: {path}")
    if options.check and changed:
        print("run python -m mvsdk.abi.generate")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
