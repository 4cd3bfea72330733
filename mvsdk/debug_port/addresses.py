"""Where a port listens: a Unix socket in a folder, or loopback where the system has none."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

_LOOPBACK = "127.0.0.1"
_DESCRIPTORS = Path("/proc/self/fd")


def listen(file: Path, backlog: int) -> tuple[socket.socket, str]:
    """Return a socket that listens, at `file` if that can be, and the address to connect to.

    A file that is there is replaced. The socket does not block. Raises `OSError`.
    """
    if not hasattr(socket, "AF_UNIX"):
        listener = socket.create_server((_LOOPBACK, 0), backlog=backlog)
        listener.setblocking(False)
        return listener, f"{_LOOPBACK}:{listener.getsockname()[1]}"
    file.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    try:
        with _short(file) as path:
            listener.bind(path)
        file.chmod(0o600)
        listener.listen(backlog)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener, str(file)


def connect(address: str, timeout: float) -> socket.socket:
    """Return a socket that is connected to an address `listen` has returned. Raises `OSError`."""
    host, _, port = address.rpartition(":")
    if host == _LOOPBACK and port.isdecimal():
        return socket.create_connection((host, int(port)), timeout)
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(timeout)
        with _short(Path(address)) as path:
            connection.connect(path)
    except BaseException:
        connection.close()
        raise
    return connection


@contextlib.contextmanager
def _short(file: Path) -> Iterator[str]:
    """Yield a short path of a file: that of a Unix socket has little more than a hundred bytes.

    Through a folder that is open there always is one (Linux, proc(5)).
    """
    if not _DESCRIPTORS.is_dir():
        yield str(file)
        return
    descriptor = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"{_DESCRIPTORS}/{descriptor}/{file.name}"
    finally:
        os.close(descriptor)
