"""What the tests of the ABI share: a writable copy of the tables, guest memory, and the cross compiler."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import mvsdk.abi

TABLES = Path(mvsdk.abi.__file__).parent / "microvisor"


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """A copy of the Microvisor tables to spoil."""
    return Path(shutil.copytree(TABLES, tmp_path / "microvisor"))


@pytest.fixture
def cross(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a tool of the GNU Arm tool chain in the test's own folder, by its name without the prefix."""

    def run(tool: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [f"arm-none-eabi-{tool}", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    return run


@pytest.fixture
def guest() -> Callable[[dict[int, bytes]], Callable[[int, int], bytes]]:
    """Make a memory reader out of pieces of memory by their addresses; all else is a LookupError."""

    def memory(pieces: dict[int, bytes]) -> Callable[[int, int], bytes]:
        def read(address: int, size: int) -> bytes:
            for start, data in pieces.items():
                if start <= address and address + size <= start + len(data):
                    return data[address - start : address - start + size]
            raise LookupError(hex(address))

        return read

    return memory
