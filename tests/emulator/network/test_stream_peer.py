"""Laws of endpoints that are real: TCP and TLS servers on this machine."""

from __future__ import annotations

import contextlib
import queue
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

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
from mvsdk.emulator.network.stream_peer import MOST_THREADS, Endpoint, StreamPeer
from tests.emulator.network.authority import Authority

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

    @property
    def nothing(self) -> bool:
        """Whether nothing has come that was not waited for."""
        return self._come.empty()

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
        connection.recv(1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with server(leave) as endpoint, opened(endpoint) as (_, answers):
        assert answers.until(Lost) == Lost(1, "CHANNELCLOSEDBYSERVER")
        assert answers.data == b"bye"
    with server(reset) as endpoint, opened(endpoint) as (peer, answers):
        peer.send(StreamWrite(1, b"x"), answers)
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


def test_a_host_that_cannot_be_is_told() -> None:
    """Names that no lookup takes are like servers that are not there."""
    peer, answers = (
        StreamPeer({"odd": Endpoint.parse("tcp://a\0b:1"), "dots": Endpoint.parse("tls://a..b:1")}),
        Answers(),
    )
    for exchange, name in enumerate((b"odd", b"dots")):
        peer.send(StreamOpen(exchange, name, 512), answers)
        assert answers.until(Lost) == Lost(exchange, "CONNECTIONTERMINATED")
    peer.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_even_what_nobody_has_thought_of_is_a_loss() -> None:
    """An endpoint that breaks the thread is told as lost."""
    peer, answers = StreamPeer({"odd": Endpoint(object(), 1, tls=False)}), Answers()  # type: ignore[arg-type]
    peer.send(StreamOpen(1, b"odd", 512), answers)
    assert answers.until(Lost) == Lost(1, "CONNECTIONTERMINATED")
    peer.close()


def test_a_loss_is_told_again_to_who_has_not_heard_of_it() -> None:
    """What is written for a server that is gone, or that never was there, is answered with the loss."""
    with server(lambda connection: None) as endpoint, opened(endpoint) as (peer, answers):
        answers.until(Lost)
        for exchange in (1, 2):
            peer.send(StreamWrite(exchange, b"in vain"), answers)
            assert answers.until(Lost) == Lost(exchange, "CONNECTIONTERMINATED")


@pytest.fixture
def silent() -> Iterator[Endpoint]:
    """A server that lets everybody connect and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield Endpoint("127.0.0.1", listener.getsockname()[1], tls=True)


def test_whoever_writes_never_waits_for_the_connection(silent: Endpoint) -> None:
    """Any number of bytes can be given to a connection that is being made, before its outcome is known."""
    peer, answers = StreamPeer({"there": silent}), Answers()
    peer.send(StreamOpen(1, b"there", 512), answers)
    for _ in range(20_000):
        peer.send(StreamWrite(1, b"x"), answers)
        peer.send(StreamRoom(1, 1), answers)
    assert answers.nothing
    peer.close()


def test_connections_are_so_many_at_most(silent: Endpoint) -> None:
    """One too many is lost at once; closing lets all of them go, though the server has not said a word."""
    peer, answers = StreamPeer({"there": silent}), Answers()
    for exchange in range(MOST_THREADS + 1):
        assert answers.nothing
        peer.send(StreamOpen(exchange, b"there", 512), answers)
    assert answers.until(Lost) == Lost(MOST_THREADS, "CONNECTIONTERMINATED")
    peer.close()
    assert answers.nothing
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("stream")]


@pytest.mark.parametrize("secure", [False, True])
def test_what_was_accepted_before_closing_is_sent(tmp_path: Path, secure: bool) -> None:
    """Opened, written to and closed without a pause, however often: the server gets all of it, though what it says
    itself is not read."""
    authority = Authority(tmp_path)
    context = authority.server_context() if secure else None
    got: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def read_all(plain: socket.socket) -> None:
        connection = plain if context is None else context.wrap_socket(plain, server_side=True)
        with connection:
            connection.sendall(bytes(5000))
            data = b""
            while more := connection.recv(65536):
                data += more
            got.put(data)

    for number in range(20):
        with server(read_all) as at:
            peer, answers = StreamPeer({"there": Endpoint("localhost", at.port, secure)}, authority.file), Answers()
            peer.send(StreamOpen(number, b"there", 512), answers)
            for _ in range(3):
                peer.send(StreamWrite(number, b"hello" * 1000), answers)
            peer.send(Close(number), answers)
            assert got.get(timeout=20) == b"hello" * 3000
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
