"""Connections that can be cut from another thread at any moment, also while they are being made."""

from __future__ import annotations

import contextlib
import socket
import threading


class Line:
    """One connection at a time, and a handle on it that stays when TLS or a library takes it over."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._handle: socket.socket | None = None
        self._cut = False

    def open(self, host: str, port: int, timeout_s: float) -> socket.socket:
        """Connect to the first address of a host that takes connections. Raises `OSError`."""
        refusal: OSError = OSError(f"{host} has no address")
        for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            connection = socket.socket(family, kind, protocol)
            try:
                self._hold(connection)
                connection.settimeout(timeout_s)
                connection.connect(address)
                self._check()
            except OSError as error:
                connection.close()
                refusal = error
            else:
                return connection
        raise refusal

    def cut(self) -> None:
        """End the connection, whatever another thread does with it. It can be called at any time."""
        with self._lock:
            self._cut = True
            if self._handle is not None:
                with contextlib.suppress(OSError):  # it is not connected
                    self._handle.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of the connection."""
        with self._lock:
            if self._handle is not None:
                self._handle.close()
            self._handle = None

    def _hold(self, connection: socket.socket) -> None:
        """Keep a handle of our own: TLS takes the connection's away."""
        self.close()
        with self._lock:
            self._handle = connection.dup()
        self._check()

    def _check(self) -> None:
        with self._lock:
            if self._cut:
                raise OSError("the connection was cut")
