"""Files that a user gets: whole or not at all.

OutputError     the system refuses to write a file
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from mvsdk.errors import MvsdkError


class OutputError(MvsdkError):
    """The system refuses to write a file."""


def write_whole(path: Path, data: bytes, mode: int | None = None) -> None:
    """Replace `path` by a file with `data`, in one step and with the permissions `mode`, or else those a new file gets.

    Until then the old file stays, and whatever fails leaves nothing behind. Raises OutputError, also for a path that
    is a device or a folder: replacing it would take it away from everybody.
    """
    if path.exists() and not path.is_file():
        raise OutputError(f"cannot write {path}: it is no regular file", "give the path of a file")
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".new", dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                os.fchmod(descriptor, _new_file_mode() if mode is None else mode)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink()
            raise
    except OSError as error:
        what = f"cannot write {path}: {error.strerror or error}"
        raise OutputError(what, "give a path in a folder that exists and is yours") from error


def _new_file_mode() -> int:
    # The mask can only be read by setting it.
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
