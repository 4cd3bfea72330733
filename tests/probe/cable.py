"""A cable between a debugger and a device's debug port, which can be pulled after so many requests."""

from __future__ import annotations

import contextlib
import socket
import threading
from pathlib import Path

import msgspec

from mvsdk.debug_port import addresses, messages
from mvsdk.debug_port.announcements import Announcement


class Cable:
    """Passes requests on, the first `lives` of them; then both ends are dead. A context manager."""

    def __init__(self, folder: Path, announcement: Announcement, lives: int) -> None:
        self.passed = 0
        self._lives = lives
        self._device = addresses.connect(announcement.address, 30)
        self._listener, address = addresses.listen(folder / "cable.sock", 1)
        self._listener.setblocking(True)
        self.announcement = msgspec.structs.replace(announcement, address=address)
        self._thread = threading.Thread(target=self._pass_on)

    def __enter__(self) -> Cable:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(30)
        self._device.close()
        self._listener.close()

    def _pass_on(self) -> None:
        debugger, _ = self._listener.accept()
        with debugger, contextlib.suppress(EOFError, OSError):
            while self.passed < self._lives:
                request = _frame(debugger)
                self._device.sendall(request)
                self.passed += 1
                debugger.sendall(_frame(self._device))
        self._device.close()


def _frame(end: socket.socket) -> bytes:
    prefix = _exactly(end, messages.LENGTH_BYTES)
    return prefix + _exactly(end, messages.body_length(prefix))


def _exactly(end: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size:
        part = end.recv(size - len(received))
        if not part:
            raise EOFError
        received += part
    return received
