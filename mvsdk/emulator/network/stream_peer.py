"""Channels of opaque bytes over TCP or TLS: an endpoint's name stands for an address that the emulator was told.

One thread a connection. Bytes for the device are read only while its buffer has room, so a fast server waits as it
would for the device.
"""

from __future__ import annotations

import contextlib
import re
import selectors
import socket
import ssl
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mvsdk.emulator.errors import NetworkSettingError
from mvsdk.emulator.network.exchanges import (
    Close,
    Closure,
    Lost,
    Request,
    StreamData,
    StreamOpen,
    StreamOpened,
    StreamRoom,
    StreamTaken,
    StreamWrite,
)
from mvsdk.emulator.network.peers import Reply

CONNECT_SECONDS = 10.0
LARGEST_READ = 4096
_ENDPOINT = re.compile(r"(?P<scheme>tcp|tls)://(?P<host>\[[0-9A-Fa-f:.]+\]|[^:/\[\]]+):(?P<port>[0-9]{1,5})")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address on the host's network."""

    host: str
    port: int
    tls: bool

    @classmethod
    def parse(cls, text: str) -> Endpoint:
        """Read "tcp://host:port" or "tls://host:port". Raises `NetworkSettingError`."""
        found = _ENDPOINT.fullmatch(text)
        if found is None or not 0 < int(found["port"]) < 1 << 16:
            raise NetworkSettingError(f"{text!r} is no endpoint", "write tcp://HOST:PORT or tls://HOST:PORT")
        return cls(found["host"].strip("[]"), int(found["port"]), found["scheme"] == "tls")


class StreamPeer:
    """Servers behind endpoints. `trusted` names a file of further certificate authorities for TLS."""

    def __init__(self, endpoints: Mapping[str, Endpoint], trusted: Path | None = None) -> None:
        self._endpoints = dict(endpoints)
        self._trusted = trusted
        self._connections: dict[int, _Connection] = {}
        self._ending: list[_Connection] = []

    def send(self, request: Request, reply: Reply) -> None:
        """Take what belongs to a channel of bytes."""
        match request:
            case StreamOpen():
                endpoint = self._endpoints.get(request.endpoint.decode("utf-8", "replace"))
                if endpoint is None:
                    reply(Lost(request.exchange, "CONNECTIONTERMINATED"))
                else:
                    connection = _Connection(request, endpoint, self._trusted, reply)
                    self._connections[request.exchange] = connection
            case Close():
                self._end(request.exchange)
            case _:
                known = self._connections.get(request.exchange)
                if known is not None:
                    known.take(request)

    def close(self) -> None:
        """End every connection, and wait until they have."""
        for exchange in list(self._connections):
            self._end(exchange)
        for connection in self._ending:
            connection.join()
        self._ending.clear()

    def _end(self, exchange: int) -> None:
        self._ending = [connection for connection in self._ending if connection.alive]
        connection = self._connections.pop(exchange, None)
        if connection is not None:
            connection.end()
            self._ending.append(connection)


class _Connection:
    """One connection and its thread; `_knock` wakes the thread when there is something for it."""

    def __init__(self, request: StreamOpen, endpoint: Endpoint, trusted: Path | None, reply: Reply) -> None:
        self._exchange = request.exchange
        self._endpoint = endpoint
        self._trusted = trusted
        self._reply = reply
        self._lock = threading.Lock()
        self._room = request.room
        self._to_write: deque[bytes] = deque()
        self._ending = False
        self._ear, self._knock = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name=f"stream {request.exchange}", daemon=True)
        self._thread.start()

    def take(self, request: Request) -> None:
        """Take bytes to write, or room for more."""
        with self._lock:
            if isinstance(request, StreamWrite):
                self._to_write.append(request.data)
            elif isinstance(request, StreamRoom):
                self._room += request.count
        self._wake()

    def end(self) -> None:
        """Let the thread end soon."""
        with self._lock:
            self._ending = True
        self._wake()

    @property
    def alive(self) -> bool:
        """Whether the thread has not ended."""
        return self._thread.is_alive()

    def join(self) -> None:
        """Wait until it has."""
        self._thread.join(CONNECT_SECONDS)

    def _wake(self) -> None:
        with contextlib.suppress(OSError):  # the thread has ended
            self._knock.send(b"!")

    # -- on the thread -------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        closure = self._hold()
        self._ear.close()
        self._knock.close()
        if not self._ending:
            self._reply(Lost(self._exchange, closure))

    def _hold(self) -> Closure:
        """Connect, and move bytes until it ends; return why it did."""
        try:
            with self._connected() as connection:
                self._reply(StreamOpened(self._exchange))
                connection.setblocking(False)
                return self._move(connection)
        except ConnectionResetError:
            return "CHANNELRESETBYSERVER"
        except (OSError, UnicodeError):
            return "CONNECTIONTERMINATED"

    def _connected(self) -> socket.socket:
        plain = socket.create_connection((self._endpoint.host, self._endpoint.port), timeout=CONNECT_SECONDS)
        if not self._endpoint.tls:
            return plain
        try:
            context = ssl.create_default_context()
            if self._trusted is not None:
                context.load_verify_locations(self._trusted)
            return context.wrap_socket(plain, server_hostname=self._endpoint.host)
        except BaseException:
            plain.close()
            raise

    def _move(self, connection: socket.socket) -> Closure:
        with selectors.DefaultSelector() as selector:
            selector.register(self._ear, selectors.EVENT_READ)
            selector.register(connection, selectors.EVENT_READ)
            while True:
                with self._lock:
                    room, writes, ending = self._room, bool(self._to_write), self._ending
                if ending:
                    return "CHANNELCLOSEDBYSERVER"
                wanted = (selectors.EVENT_READ if room else 0) | (selectors.EVENT_WRITE if writes else 0)
                _watch(selector, connection, wanted)
                hidden = isinstance(connection, ssl.SSLSocket) and connection.pending() > 0 and room
                ready = {key.fileobj for key, _ in selector.select(0 if hidden else None)}
                if self._ear in ready:
                    self._ear.recv(LARGEST_READ)
                if room and not self._read(connection, room):
                    return "CHANNELCLOSEDBYSERVER"
                if writes:
                    self._write(connection)

    def _read(self, connection: socket.socket, room: int) -> bool:
        """Read what is there; False at the end."""
        try:
            data = connection.recv(min(room, LARGEST_READ))
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return True
        if not data:
            return False
        with self._lock:
            self._room -= len(data)
        self._reply(StreamData(self._exchange, data))
        return True

    def _write(self, connection: socket.socket) -> None:
        """Write what the connection takes; the first one is told as taken once all of it has left."""
        with self._lock:
            data = self._to_write[0]
        try:
            count = connection.send(data)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        with self._lock:
            if count == len(data):
                self._to_write.popleft()
            else:
                self._to_write[0] = data[count:]
        self._reply(StreamTaken(self._exchange, count))


def _watch(selector: selectors.BaseSelector, connection: socket.socket, wanted: int) -> None:
    known = connection in {key.fileobj for key in selector.get_map().values()}
    if wanted and known:
        selector.modify(connection, wanted)
    elif wanted:
        selector.register(connection, wanted)
    elif known:
        selector.unregister(connection)
