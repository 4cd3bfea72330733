"""Servers that say just what a test has them say, on loopback, byte for byte."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType

PATIENCE_S = 30.0
"""Nothing in a test takes as long; what does is a failure."""
Script = Callable[[socket.socket, "Received"], None]
"""What a server does with a connection, once it has read a request."""


@dataclass
class Received:
    """One request as it came."""

    head: bytes
    body: bytes

    @property
    def lines(self) -> list[bytes]:
        """The request line and the headers."""
        return self.head.split(b"\r\n")

    def header(self, name: str) -> bytes | None:
        """Return a header's value."""
        prefix = name.lower().encode() + b": "
        return next((line[len(prefix) :] for line in self.lines if line.lower().startswith(prefix)), None)


@dataclass
class RawServer:
    """Reads one request of each connection, does as its script says, and closes it. `requests` are those it read."""

    script: Script
    context: ssl.SSLContext | None = None
    requests: list[Received] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)
    """A connection was given up by the other side, or its script has ended."""

    def __enter__(self) -> RawServer:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(PATIENCE_S)
        self.port: int = self._listener.getsockname()[1]
        self._closing = False
        self._threads: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing = True
        with socket.create_connection(("127.0.0.1", self.port)):
            self._accepting.join()
        self._listener.close()
        for thread in self._threads:
            thread.join(PATIENCE_S)

    @property
    def url(self) -> bytes:
        """Where it is."""
        scheme = "http" if self.context is None else "https"
        return f"{scheme}://localhost:{self.port}".encode("ascii")

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            if self._closing:
                connection.close()
                return
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, plain: socket.socket) -> None:
        plain.settimeout(PATIENCE_S)
        connection = plain
        try:
            if self.context is not None:
                connection = self.context.wrap_socket(plain, server_side=True)
            received = _read(connection)
            self.requests.append(received)
            self.script(connection, received)
        except OSError:
            pass  # the other side has gone, which is its right
        finally:
            connection.close()
            self.ended.set()


def _read(connection: socket.socket) -> Received:
    data = b""
    while b"\r\n\r\n" not in data:
        data += _more(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    received = Received(head, b"")
    length = int(received.header("Content-Length") or b"0")
    while len(body) < length:
        body += _more(connection)
    return Received(head, body)


def _more(connection: socket.socket) -> bytes:
    data = connection.recv(65536)
    if not data:
        raise ConnectionError("the other side has gone")
    return data


def says(*parts: bytes) -> Script:
    """Say all that, and close."""

    def script(connection: socket.socket, received: Received) -> None:
        for part in parts:
            connection.sendall(part)

    return script


def for_ever(first: bytes, again: bytes) -> Script:
    """Say something, and then something else until nobody listens any more."""

    def script(connection: socket.socket, received: Received) -> None:
        connection.sendall(first)
        while True:
            connection.sendall(again)

    return script


def says_and_waits(first: bytes, said: threading.Event) -> Script:
    """Say something, tell that it is said, and wait until the other side goes."""

    def script(connection: socket.socket, received: Received) -> None:
        connection.sendall(first)
        said.set()
        while connection.recv(4096):
            pass

    return script


def response(body: bytes = b"", *headers: bytes, status: bytes = b"200 OK") -> bytes:
    """Return a plain response with its length."""
    lines = [b"HTTP/1.1 " + status, *headers, b"Content-Length: %d" % len(body), b"", body]
    return b"\r\n".join(lines)
