"""Channels of opaque bytes over TCP or TLS: an endpoint's name stands for an address that the emulator was told.

One thread a connection. Bytes for the device are read only while its buffer has room, so a fast server waits as it
would for the device. What was accepted for the server before the channel was closed is still sent, as far as that takes
no longer than `END_SECONDS`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import selectors
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from mvsdk.emulator.errors import NetworkSettingError
from mvsdk.emulator.network.exchanges import (
    Answer,
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
"""How long each step of connecting may take: each address, and the handshake."""
END_SECONDS = 2.0
"""How long a connection may take to end, whatever it is doing."""
PART_SECONDS = 0.5
"""How much of that the server has to end it, too."""
GRACE_SECONDS = 0.5
"""How much longer `close` waits for threads to notice."""
MOST_THREADS = 16
"""A device has four channels; more threads than that wait for servers that do not answer."""
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
                self._open(request, reply)
            case Close():
                self._end(request.exchange)
            case _:
                known = self._connections.get(request.exchange)
                if (known is None or not known.take(request)) and request.ANSWER is not None:
                    reply(Lost(request.exchange, "CONNECTIONTERMINATED"))

    def close(self) -> None:
        """End every connection, and wait until they have, for a while: a name that is being looked up may take longer,
        and nobody waits for it then."""
        for exchange in list(self._connections):
            self._end(exchange)
        end = time.monotonic() + END_SECONDS + GRACE_SECONDS
        for connection in self._ending:
            connection.join(max(0.0, end - time.monotonic()))
        self._ending.clear()

    def _open(self, request: StreamOpen, reply: Reply) -> None:
        self._end(request.exchange)
        endpoint = self._endpoints.get(request.endpoint.decode("utf-8", "replace"))
        threads = sum(connection.alive for connection in (*self._connections.values(), *self._ending))
        if endpoint is None or threads >= MOST_THREADS:
            reply(Lost(request.exchange, "CONNECTIONTERMINATED"))
        else:
            self._connections[request.exchange] = _Connection(request, endpoint, self._trusted, reply)

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
        self._end_by: float | None = None
        """When it has to be over, once the channel is closed."""
        self._over = False
        self._ear, self._knock = socket.socketpair()
        self._roused = False
        self._thread = threading.Thread(target=self._run, name=f"stream {request.exchange}", daemon=True)
        self._thread.start()

    def take(self, request: Request) -> bool:
        """Take bytes to write, or room for more; False if the connection is over."""
        with self._lock:
            if isinstance(request, StreamWrite):
                self._to_write.append(request.data)
            elif isinstance(request, StreamRoom):
                self._room += request.count
            self._rouse()
            return not self._over

    def end(self) -> None:
        """Let the thread end soon, once it has written what there is to write."""
        with self._lock:
            self._end_by = time.monotonic() + END_SECONDS
            self._rouse()

    @property
    def alive(self) -> bool:
        """Whether the thread has not ended."""
        return self._thread.is_alive()

    def join(self, seconds: float) -> None:
        """Wait until it has, so long at most."""
        self._thread.join(seconds)

    def _rouse(self) -> None:
        """Have the thread look up, once however often it is called before it does."""
        if not self._roused and not self._over:
            self._roused = True
            self._knock.send(b"!")

    # -- on the thread -------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        closure: Closure = "CONNECTIONTERMINATED"
        try:
            closure = self._hold()
        finally:
            with self._lock:
                self._over = True
                self._ear.close()
                self._knock.close()
            self._tell(Lost(self._exchange, closure))

    def _tell(self, answer: Answer) -> None:
        """Tell the channel, unless it is closed."""
        if self._end_by is None:
            self._reply(answer)

    def _hold(self) -> Closure:
        """Connect, and move bytes until it ends; return why it did."""
        try:
            with self._connected() as connection:
                self._tell(StreamOpened(self._exchange))
                return self._move(connection)
        except ConnectionResetError:
            return "CHANNELRESETBYSERVER"
        except (OSError, ValueError):  # a host that cannot be is one of the latter
            return "CONNECTIONTERMINATED"

    def _connected(self) -> socket.socket:
        plain = self._reached()
        if not self._endpoint.tls:
            return plain
        connection = plain
        try:
            context = ssl.create_default_context()
            if self._trusted is not None:
                context.load_verify_locations(self._trusted)
            connection = context.wrap_socket(plain, server_hostname=self._endpoint.host, do_handshake_on_connect=False)
            self._shake_hands(connection)
        except BaseException:
            connection.close()
            plain.close()
            raise
        return connection

    def _reached(self) -> socket.socket:
        """Connect to the first address that takes connections."""
        host, port = self._endpoint.host, self._endpoint.port
        refusal = OSError(f"{host} has no address")
        for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            connection = socket.socket(family, kind, protocol)
            try:
                connection.setblocking(False)
                failure = connection.connect_ex(address)
                if failure == errno.EINPROGRESS:
                    self._await(connection, selectors.EVENT_WRITE, time.monotonic() + CONNECT_SECONDS)
                    failure = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if failure:
                    raise OSError(failure, os.strerror(failure))
            except OSError as error:
                connection.close()
                refusal = error
            else:
                return connection
        raise refusal

    def _shake_hands(self, connection: ssl.SSLSocket) -> None:
        until = time.monotonic() + CONNECT_SECONDS
        while True:
            try:
                connection.do_handshake()
            except ssl.SSLWantReadError:
                self._await(connection, selectors.EVENT_READ, until)
            except ssl.SSLWantWriteError:
                self._await(connection, selectors.EVENT_WRITE, until)
            else:
                return

    def _await(self, connection: socket.socket, wanted: int, until: float) -> None:
        """Wait for a connection that is being made. Raises `TimeoutError`, also once the channel is closed and there is
        nothing left to write."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._ear, selectors.EVENT_READ)
            selector.register(connection, wanted)
            while True:
                with self._lock:
                    in_vain = self._end_by is not None and not self._to_write
                left = (until if self._end_by is None else min(until, self._end_by)) - time.monotonic()
                if in_vain or left <= 0:
                    raise TimeoutError("the server does not answer")
                ready = {key.fileobj for key, _ in selector.select(left)}
                self._hear(ready)
                if connection in ready:
                    return

    def _hear(self, ready: Collection[object]) -> None:
        if self._ear in ready:
            self._ear.recv(1)
            with self._lock:
                self._roused = False

    def _move(self, connection: socket.socket) -> Closure:
        with selectors.DefaultSelector() as selector:
            selector.register(self._ear, selectors.EVENT_READ)
            selector.register(connection, selectors.EVENT_READ)
            while True:
                with self._lock:
                    room, writes, end_by = self._room, bool(self._to_write), self._end_by
                left = None if end_by is None else end_by - time.monotonic()
                if left is not None:
                    # Nobody wants what comes any more, but a server may want to get rid of it before it reads.
                    room = LARGEST_READ
                    if not writes or left <= 0:
                        _part(connection, min(left, PART_SECONDS))
                        return "CHANNELCLOSEDBYSERVER"
                wanted = (selectors.EVENT_READ if room else 0) | (selectors.EVENT_WRITE if writes else 0)
                _watch(selector, connection, wanted)
                hidden = isinstance(connection, ssl.SSLSocket) and connection.pending() > 0 and room
                self._hear({key.fileobj for key, _ in selector.select(0 if hidden else left)})
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
        self._tell(StreamData(self._exchange, data))
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
        self._tell(StreamTaken(self._exchange, count))


def _part(connection: socket.socket, seconds: float) -> None:
    """End a connection in good order: closed while there is something to read it would be reset, and what is on its way
    could be lost."""
    until = time.monotonic() + seconds
    with contextlib.suppress(OSError), selectors.DefaultSelector() as selector:
        connection.shutdown(socket.SHUT_WR)
        selector.register(connection, selectors.EVENT_READ)
        while (left := until - time.monotonic()) > 0 and selector.select(left) and connection.recv(LARGEST_READ):
            pass


def _watch(selector: selectors.BaseSelector, connection: socket.socket, wanted: int) -> None:
    known = connection in {key.fileobj for key in selector.get_map().values()}
    if wanted and known:
        selector.modify(connection, wanted)
    elif wanted:
        selector.register(connection, wanted)
    elif known:
        selector.unregister(connection)
