"""Blobs as files: `ab/abcdef…`, written beside their place and moved there whole."""

from __future__ import annotations

import errno
import os
import re
import tempfile
from pathlib import Path

from mvsdk.cloud.errors import StorageFullError

_NAME = re.compile(r"[0-9a-f]{64}")
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class FileBlobs:
    """A `BlobStore` in a folder."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def put(self, name: str, content: bytes) -> None:
        """See `BlobStore.put`."""
        path = self._path(name)
        if path.exists():
            return
        try:
            _make(path.parent)
            descriptor, temporary = tempfile.mkstemp(prefix=".new-", dir=path.parent)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                Path(temporary).replace(path)
            except BaseException:
                Path(temporary).unlink()
                raise
            _sync(path.parent)
        except OSError as error:
            if error.errno in _NO_ROOM:
                raise StorageFullError(
                    f"cannot keep a layer in {path.parent}: {error.strerror}", "make room"
                ) from error
            raise

    def get(self, name: str, start: int = 0, end: int | None = None) -> bytes:
        """See `BlobStore.get`."""
        try:
            with self._path(name).open("rb") as file:
                file.seek(start)
                return file.read(-1 if end is None else max(0, end - start))
        except FileNotFoundError:
            raise KeyError(name) from None

    def size(self, name: str) -> int:
        """See `BlobStore.size`."""
        try:
            return self._path(name).stat().st_size
        except FileNotFoundError:
            raise KeyError(name) from None

    def remove(self, name: str) -> None:
        """See `BlobStore.remove`."""
        self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise KeyError(name)
        return self._directory / name[:2] / name


def _make(directory: Path) -> None:
    """Make a folder and those above it, durably."""
    if not directory.is_dir():
        _make(directory.parent)
        directory.mkdir(exist_ok=True)
        _sync(directory.parent)


def _sync(directory: Path) -> None:
    """Make what was renamed into the folder, or made in it, durable."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
