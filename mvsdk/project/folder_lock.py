"""One at a time in a folder: a lock on the folder itself, so that taking it writes nothing.

The system lets go of it when its holder ends, in whatever way. Windows knows no locks on folders, and some file systems
know none at all: there nobody is waited for, and no folder counts as free.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform == "win32":

    def take(directory: Path) -> int:
        """Return a descriptor that stands for the lock there cannot be."""
        return os.open(os.devnull, os.O_RDONLY)

    def is_free(directory: Path) -> bool:
        """Return False: nobody can know."""
        return False

    @contextmanager
    def held(directory: Path, waiting: Callable[[], None]) -> Iterator[None]:
        """Go on at once."""
        yield

else:
    import fcntl

    _NO_LOCKS_HERE = {errno.EBADF, errno.EINVAL, errno.ENOLCK, errno.EOPNOTSUPP}
    """flock(2) on file systems without such locks; NFS wants a descriptor that can be written, as a folder's cannot."""

    def take(directory: Path) -> int:
        """Return a descriptor that holds the lock until it is closed. Raises BlockingIOError when somebody has it."""
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise
        return descriptor

    def is_free(directory: Path) -> bool:
        """Return whether nobody holds the folder."""
        try:
            os.close(take(directory))
        except BlockingIOError:
            return False
        return True

    @contextmanager
    def held(directory: Path, waiting: Callable[[], None]) -> Iterator[None]:
        """Hold the folder's lock; `waiting` is called once when somebody else has to finish first."""
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
