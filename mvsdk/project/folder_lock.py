"""One at a time in a folder: a lock on the folder itself, so that taking it writes nothing.

The system lets go of it when its holder ends, in whatever way.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_NO_LOCKS_HERE = {errno.EBADF, errno.EINVAL, errno.ENOLCK, errno.EOPNOTSUPP}
"""flock(2) on file systems without such locks; NFS wants a descriptor that can be written, as a folder's cannot."""


def take(directory: Path) -> int:
    """Return a descriptor that holds the folder's lock until it is closed. Raises BlockingIOError when it is held."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


@contextmanager
def held(directory: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the folder's lock; `waiting` is called once when somebody else has to finish first.

    Where the file system knows no locks there is none, and nobody waits.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _wait_for(descriptor, waiting)
        yield
    finally:
        os.close(descriptor)


def _wait_for(descriptor: int, waiting: Callable[[], None]) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        waiting()
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno not in _NO_LOCKS_HERE:
            raise
