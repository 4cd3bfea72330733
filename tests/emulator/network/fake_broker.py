"""Brokers that say just the bytes a test has them say, by TLS on loopback."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from types import TracebackType

from tests.emulator.network.mosquitto_server import PATIENCE_S

CONNACK = {4: b"\x20\x02\x00\x00", 5: b"\x20\x03\x00\x00\x00"}


@dataclass
class FakeBroker:
    """Reads the first packet of its connection and says `script`; then it `goes`, or waits until the client does.
    `heard` is set once it has read that packet."""

    script: Iterable[bytes]
    context: ssl.SSLContext
    goes: bool = False
    heard: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> FakeBroker:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(PATIENCE_S)
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        plain, _ = self._listener.accept()
        plain.settimeout(PATIENCE_S)
        try:
            with self.context.wrap_socket(plain, server_side=True) as connection:
                connection.recv(65536)
                self.heard.set()
                for part in self.script:
                    connection.sendall(part)
                while not self.goes and connection.recv(65536):
                    pass
        except OSError:
            return  # the client has gone, which is its right


def packet(kind: int, body: bytes) -> bytes:
    """Return a packet with its length; `kind` is its first byte."""
    length, encoded = len(body), b""
    while True:
        length, low = divmod(length, 128)
        encoded += bytes([low | (128 if length else 0)])
        if not length:
            return bytes([kind]) + encoded + body


def publish(topic: bytes, payload: bytes, protocol: int) -> bytes:
    """Return a PUBLISH packet of quality of service 0."""
    properties = b"\0" if protocol == 5 else b""
    return packet(0x30, len(topic).to_bytes(2, "big") + topic + properties + payload)


def endless(first: bytes, again: bytes) -> Iterator[bytes]:
    """Say something, and then something else for ever."""
    yield first
    while True:
        yield again
