"""What can be wrong with a system-call database.

    AbiError
    ├── UnknownAbiError       no database has that name
    ├── TableError            a table cannot be read: missing, not text, broken line, wrong columns
    └── ContradictionError    two facts of the tables cannot both be true

The message of the last two starts with `file:line`.
"""

from collections.abc import Iterable
from pathlib import Path

from mvsdk.errors import AbiError


class UnknownAbiError(AbiError):
    """No database has that name."""

    def __init__(self, name: str, available: Iterable[str]) -> None:
        super().__init__(f"there is no ABI named {name!r}", f"use one of: {', '.join(available)}")


class _LineError(AbiError):
    """Something is wrong at a line of a table; line 0 is the file itself."""

    def __init__(self, path: Path, line: int, what: str, remedy: str) -> None:
        super().__init__(f"{path}:{line}: {what}", remedy)


class TableError(_LineError):
    """A table cannot be read: it is missing, not text, has a broken line or other columns."""


class ContradictionError(_LineError):
    """Two facts of the tables cannot both be true."""
