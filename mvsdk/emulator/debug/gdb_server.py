"""GDB at an emulated device: a port on loopback, and the loop that runs the device while a GDB wants it to run.

While nobody is connected, and while the guest is halted, the device's time stands.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable

from mvsdk.abi import Abi
from mvsdk.emulator.debug.debugger import Debugger
from mvsdk.emulator.debug.gdb_history import Timeline
from mvsdk.emulator.debug.gdb_monitor import Typed
from mvsdk.emulator.debug.gdb_session import Session
from mvsdk.emulator.device import Device
from mvsdk.errors import EmulatorError

LOOPBACK = "127.0.0.1"
STEP_US = 10_000
"""How far the device runs before GDB, and whatever else the device is connected to, has a turn."""
_CHUNK, _TURN_S = 1 << 14, 0.05
_PATIENCE_S = 10.0
"""How long GDB may leave an answer unread."""
_CLIENT = "gdb"


class GdbPortError(EmulatorError):
    """The port for GDB cannot be had."""


class GdbServer:
    """Serves one GDB after another. It is opened with `with`; then `port` says where it listens.

    In `real_time` the device runs no faster than a device would. `between` is called before each piece of a run, and
    again and again while nothing runs.
    """

    def __init__(
        self,
        device: Device,
        abi: Abi,
        *,
        port: int = 0,
        typed: Typed,
        real_time: bool = False,
        between: Callable[[], object] = lambda: None,
    ) -> None:
        self._debugger = Debugger(device)
        self._abi = abi
        self._wanted = port
        self._typed = typed
        self._real_time = real_time
        self._between = between
        self._stopped = False

    def __enter__(self) -> GdbServer:
        listener = socket.socket()
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((LOOPBACK, self._wanted))
            listener.listen(1)
        except (OSError, OverflowError) as error:
            listener.close()
            raise GdbPortError(
                f"GDB's port {self._wanted} cannot be had: {error}", "give another one, or 0 for any that is free"
            ) from error
        self._listener = listener
        self.port: int = listener.getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def stop(self) -> None:
        """Have `serve` come back soon. May be called from a signal's handler or another thread."""
        self._stopped = True

    def serve(self, *, once: bool = False) -> None:
        """Serve GDBs until `stop`, or until one kills the device; with `once` until the first one is gone."""
        timeline = Timeline(self._debugger, _CLIENT)
        timeline.halt()
        try:
            while not self._stopped:
                connection = self._accept()
                if connection is not None:
                    with connection:
                        over = self._serve(connection, timeline)
                    if once or over == "killed":
                        return
        finally:
            timeline.close()

    def _accept(self) -> socket.socket | None:
        ready, _, _ = select.select([self._listener], [], [], _TURN_S)
        self._between()
        if not ready:
            return None
        connection, _ = self._listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(_PATIENCE_S)
        return connection

    def _serve(self, connection: socket.socket, timeline: Timeline) -> str | None:
        """Serve one connection, and return how it ended: None if it was lost."""
        session = Session(timeline, self._abi, connection.sendall, self._typed)
        pace = _Pace(timeline)
        try:
            while session.over is None and not self._stopped:
                ready, _, _ = select.select([connection, self._listener], [], [], self._wait(session, pace))
                if self._listener in ready:
                    self._listener.accept()[0].close()  # there is one GDB at a time
                if connection in ready:
                    data = connection.recv(_CHUNK)
                    if not data:
                        break
                    session.receive(data)
                self._between()
                if session.running:
                    session.run(timeline.device.time_us + STEP_US)
        except OSError:
            pass  # lost, or it reads no more
        finally:
            session.leave()
        return session.over

    def _wait(self, session: Session, pace: _Pace) -> float:
        """Return for how long to wait for GDB, in seconds, before the device goes on."""
        if not session.running:
            pace.stands()
            return _TURN_S
        return pace.ahead_s() if self._real_time else 0.0


class _Pace:
    """Compares the device's time with the wall's, from where the device went on last."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._since: tuple[float, int] | None = None

    def stands(self) -> None:
        """Hear that the device stands."""
        self._since = None

    def ahead_s(self) -> float:
        """Return by how much the device is ahead."""
        if self._since is None:
            self._since = time.monotonic(), self._timeline.device.time_us
        began, began_us = self._since
        ahead = (self._timeline.device.time_us - began_us) / 1e6 - (time.monotonic() - began)
        return min(max(ahead, 0.0), _TURN_S)
