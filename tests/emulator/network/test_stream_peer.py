"""Laws of endpoints that are real: TCP and TLS servers on this machine."""

from __future__ import annotations

import contextlib
import queue
import socket
import struct
import threading
from collections.abc import Callable, Iterator

import pytest

from mvsdk.emulator.errors import NetworkSettingError
from mvsdk.emulator.network.exchanges import (
    Answer,
    Close,
    Lost,
    StreamData,
    StreamOpen,
    StreamOpened,
    StreamRoom,
    StreamTaken,
    StreamWrite,
)
from mvsdk.emulator.network.stream_peer import Endpoint, StreamPeer

Serve = Callable[[socket.socket], None]


class Answers:
    """What came, waited for."""

    def __init__(self) -> None:
        self._come: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        self.data = b""
        self.taken = 0

    def __call__(self, answer: Answer) -> None:
        """Take an answer."""
        self._come.put(answer)

    def until(self, kind: type[Answer], length: int = 0) -> Answer:
        """Take answers until one of a kind, or until so many bytes have come."""
        while True:
            answer = self._come.get(timeout=20)
            if isinstance(answer, StreamData):
                self.data += answer.data
            if isinstance(answer, StreamTaken):
                self.taken += answer.count
            if isinstance(answer, kind) and len(self.data) >= length:
                return answer


@contextlib.contextmanager
def server(serve: Serve) -> Iterator[Endpoint]:
    """Have a server for one connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def run() -> None:
            connection, _ = listener.accept()
            with connection, contextlib.suppress(OSError):
                serve(connection)

        thread = threading.Thread(target=run)
        thread.start()
        yield Endpoint("127.0.0.1", listener.getsockname()[1], tls=False)
        thread.join(20)


def echo(connection: socket.socket) -> None:
    """Send back what comes."""
    while data := connection.recv(4096):
        connection.sendall(data)


@contextlib.contextmanager
def opened(endpoint: Endpoint, room: int = 512) -> Iterator[tuple[StreamPeer, Answers]]:
    """Have a channel connected to it."""
    peer, answers = StreamPeer({"there": endpoint}), Answers()
    peer.send(StreamOpen(1, b"there", room), answers)
    answers.until(StreamOpened)
    yield peer, answers
    peer.close()


def test_bytes_go_there_and_back() -> None:
    """What is written comes out at the other end, is told as taken, and what comes back arrives whole."""
    with server(echo) as endpoint, opened(endpoint) as (peer, answers):
        peer.send(StreamWrite(1, b"hello "), answers)
        peer.send(StreamWrite(1, b"there"), answers)
        answers.until(StreamData, 11)
        assert answers.data == b"hello there"
        assert answers.taken == 11


def test_no_more_comes_than_there_is_room_for() -> None:
    """A server that sends much waits; each time there is room again, just so much more comes."""

    def flood(connection: socket.socket) -> None:
        connection.sendall(bytes(200_000))

    with server(flood) as endpoint, opened(endpoint, 512) as (peer, answers):
        for room in (512, 1024, 1536):
            answers.until(StreamData, room)
            assert len(answers.data) == room
            peer.send(StreamRoom(1, 512), answers)


def test_the_servers_end_is_told_with_its_reason() -> None:
    """An orderly end and a reset are told apart, after all that came before."""

    def leave(connection: socket.socket) -> None:
        connection.sendall(b"bye")

    def reset(connection: socket.socket) -> None:
        connection.recv(1)  # not before it is connected at the other end, too
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with server(leave) as endpoint, opened(endpoint) as (_, answers):
        assert answers.until(Lost) == Lost(1, "CHANNELCLOSEDBYSERVER")
        assert answers.data == b"bye"
    with server(reset) as endpoint, opened(endpoint) as (peer, answers):
        peer.send(StreamWrite(1, b"?"), answers)
        assert answers.until(Lost) == Lost(1, "CHANNELRESETBYSERVER")


def test_closing_ends_the_connection() -> None:
    """The server sees the end, and no thread is left."""
    ended = threading.Event()

    def wait(connection: socket.socket) -> None:
        while connection.recv(100):
            pass
        ended.set()

    with server(wait) as endpoint, opened(endpoint) as (peer, answers):
        peer.send(Close(1), answers)
        assert ended.wait(20)
        peer.send(StreamWrite(1, b"in vain"), answers)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("stream")]


def test_nobody_there_is_told() -> None:
    """A port where nobody listens, a name that nobody knows, and TLS with a server that speaks none."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    peer, answers = StreamPeer({"shut": Endpoint("127.0.0.1", port, tls=False)}), Answers()
    for name in (b"shut", b"unknown", b"\xff"):
        peer.send(StreamOpen(1, name, 512), answers)
        assert answers.until(Lost) == Lost(1, "CONNECTIONTERMINATED")
    peer.close()
    with server(echo) as endpoint:
        peer = StreamPeer({"bare": Endpoint(endpoint.host, endpoint.port, tls=True)})
        peer.send(StreamOpen(1, b"bare", 512), answers)
        assert answers.until(Lost) == Lost(1, "CONNECTIONTERMINATED")
        peer.close()


@pytest.mark.parametrize("text", ["", "tcp://", "udp://a:1", "tcp://a", "tcp://a:0", "tcp://a:65536", "tls://a:1/x"])
def test_what_is_no_endpoint_is_refused(text: str) -> None:
    """Scheme, host and port are wanted, and nothing else."""
    with pytest.raises(NetworkSettingError, match="no endpoint"):
        Endpoint.parse(text)


def test_endpoints_are_read() -> None:
    """Names, IPv4 and IPv6, with and without TLS."""
    assert Endpoint.parse("tcp://a.example:7") == Endpoint("a.example", 7, tls=False)
    assert Endpoint.parse("tls://[::1]:443") == Endpoint("::1", 443, tls=True)
