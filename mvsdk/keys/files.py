"""Key files on disk: made whole or not at all, and never read when others could have had their hands on them."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from mvsdk.keys.errors import KeyFileError, KeyPermissionsError

READABLE_BY_OTHERS = 0o077
WRITABLE_BY_OTHERS = 0o022
MAXIMUM_SIZE = 64 * 1024
"""More than any key; keeps a wrongly named file from being read whole."""


def create(path: Path, data: bytes, mode: int) -> None:
    """Make the file with all of `data`, durably, unless it exists: then FileExistsError and nothing is changed.

    Of several processes that create the same file at once exactly one succeeds, and none ever sees a part of it.
    The folder is made when missing, for its owner only. Raises KeyFileError when the system refuses.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _refused("make", path.parent, error) from error
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".new", dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fchmod(descriptor, mode)
                os.fsync(descriptor)
            # A link, not a rename: it fails when the name is taken, so the first to arrive keeps it.
            os.link(temporary, path)
        finally:
            Path(temporary).unlink()
        _sync_directory(path.parent)
    except FileExistsError:
        raise
    except OSError as error:
        raise _refused("write", path, error) from error


def read_private(path: Path) -> bytes:
    """Read a file that may hold a secret. Raises KeyFileError, and KeyPermissionsError when others may open it."""
    return _read(path, READABLE_BY_OTHERS, "is open to other users", f"chmod 600 {path}")


def read_public(path: Path) -> bytes:
    """Read a file that holds no secret, wherever it came from. Raises KeyFileError."""
    return _read(path, 0, "", "")


def read_trusted(path: Path) -> bytes:
    """Read a file that decides what is trusted. Raises KeyPermissionsError when others may change it."""
    return _read(path, WRITABLE_BY_OTHERS, "can be changed by other users", f"chmod go-w {path}")


def listing(directory: Path) -> list[Path]:
    """Return the files of a folder that decides what is trusted, sorted; none when there is no such folder.

    Raises KeyFileError, and KeyPermissionsError when others may put files into it.
    """
    try:
        mode = directory.stat().st_mode
        found = sorted(directory.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise _refused("list", directory, error) from error
    _check_mode(directory, mode, WRITABLE_BY_OTHERS, "can be changed by other users", f"chmod 700 {directory}")
    return found


def _refused(doing: str, path: Path, error: OSError) -> KeyFileError:
    return KeyFileError(f"cannot {doing} {path}: {error.strerror or error}", f"make {path} accessible to you")


def _read(path: Path, forbidden: int, complaint: str, remedy: str) -> bytes:
    try:
        with path.open("rb") as file:
            _check_mode(path, os.fstat(file.fileno()).st_mode, forbidden, complaint, remedy)
            data = file.read(MAXIMUM_SIZE + 1)
    except OSError as error:
        raise _refused("read", path, error) from error
    if len(data) > MAXIMUM_SIZE:
        raise KeyFileError(f"{path} is larger than {MAXIMUM_SIZE} bytes, too large for a key", "give a PEM key file")
    return data


def _check_mode(path: Path, mode: int, forbidden: int, complaint: str, remedy: str) -> None:
    if stat.S_IMODE(mode) & forbidden:
        raise KeyPermissionsError(f"{path} {complaint} (mode {stat.S_IMODE(mode):04o})", f"run: {remedy}")


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
