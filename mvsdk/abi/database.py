"""Finding, reading and checking a whole database."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from mvsdk.abi.calls import read_calls
from mvsdk.abi.declarations import read_enums, read_handles
from mvsdk.abi.errors import UnknownAbiError
from mvsdk.abi.model import Abi
from mvsdk.abi.scope import Scope
from mvsdk.abi.structs import read_structs

_ROOT = Path(__file__).resolve().parent


def available() -> tuple[str, ...]:
    """Return the names of the databases that come with the library."""
    return tuple(sorted(path.parent.name for path in _ROOT.glob("*/syscalls.csv")))


def load(name: str = "microvisor") -> Abi:
    """Return the database of that name, read once.

    `UnknownAbiError` if there is none; another `AbiError`, with file and line, if its tables contradict each other.
    """
    if name not in available():
        raise UnknownAbiError(name, available())
    return _read_once(_ROOT / name)


@cache
def _read_once(directory: Path) -> Abi:
    return read(directory)


def read(directory: Path) -> Abi:
    """Read and check the tables in a folder, whose name becomes the ABI's. `AbiError` with file and line otherwise."""
    scope = Scope()
    enums = read_enums(directory / "enums.csv", scope)
    handles = read_handles(directory / "handles.csv", scope)
    structs = read_structs(directory / "structs.csv", scope)
    syscalls, status = read_calls(directory, scope)
    return Abi(
        name=directory.name,
        syscalls=syscalls,
        by_address={call.address: call for call in syscalls.values()},
        enums=enums,
        structs=structs,
        handles=handles,
        status=status,
    )
