"""Laws of downloading: what a server says of itself is never taken for granted."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from mvsdk.link.downloads import DownloadError, Downloads, Range

Serve = Callable[[bytes | Callable[[socket.socket], None]], Downloads]


@pytest.fixture
def serving() -> Iterator[Serve]:
    """Answer every connection with these bytes, or let a function speak on it."""
    listeners: list[socket.socket] = []
    clients: list[Downloads] = []

    def serve(answer: bytes | Callable[[socket.socket], None]) -> Downloads:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    try:
                        if isinstance(answer, bytes):
                            connection.sendall(answer)
                        else:
                            answer(connection)
                    except OSError:
                        pass

        threading.Thread(target=accept, daemon=True).start()
        clients.append(Downloads(f"http://127.0.0.1:{listener.getsockname()[1]}", {}, patience=5, longest=0.5))
        return clients[-1]

    yield serve
    for client in clients:
        client.close()
    for listener in listeners:
        listener.close()


def response(status: str, *headers: str, body: bytes = b"") -> bytes:
    """Return an HTTP response."""
    return "\r\n".join([f"HTTP/1.1 {status}", *headers, "", ""]).encode() + body


def test_a_range_is_what_was_asked_for(serving: Serve) -> None:
    """The bytes come with how many there are in all; from a server that sends everything, the range is cut out."""
    part = response("206 Partial Content", "Content-Range: bytes 2-4/9", "Content-Length: 3", body=b"cde")
    whole = response("200 OK", "Content-Length: 9", body=b"abcdefghi")
    assert serving(part).fetch("layers/x", 2, 3) == Range(9, b"cde")
    assert serving(whole).fetch("layers/x", 2, 3) == Range(9, b"cde")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"no HTTP at all\r\n\r\n",
        response("206 Partial Content", "Content-Length: 3", body=b"cde"),
        response("206 Partial Content", "Content-Range: bytes 0-2/9", "Content-Length: 3", body=b"abc"),
        response("206 Partial Content", f"Content-Range: bytes 2-4/{'9' * 400}", "Content-Length: 3", body=b"cde"),
        response("200 OK", "Content-Length: 1", body=b"a"),
        response("200 OK", body=b"abc"),
        response("200 OK", "Transfer-Encoding: chunked", body=b"-5\r\nabc\r\n0\r\n\r\n"),
        response("302 Found", "Location: http://127.0.0.1:1/"),
        response("500 Internal Server Error"),
    ],
)
def test_an_answer_that_is_none_is_an_error(serving: Serve, answer: bytes) -> None:
    """Nothing that a server sends makes anything else of a download."""
    with pytest.raises(DownloadError):
        serving(answer).fetch("layers/x", 2, 3)


def test_no_more_is_read_than_was_asked_for(serving: Serve) -> None:
    """A body without end costs a few bytes."""

    def endless(connection: socket.socket) -> None:
        connection.sendall(response("206 Partial Content", "Content-Range: bytes 0-2/9", "Content-Length: 999999999"))
        while True:
            connection.sendall(bytes(65536))

    assert serving(endless).fetch("layers/x", 0, 3) == Range(9, bytes(3))


def test_a_server_that_sends_a_byte_now_and_then_is_given_up(serving: Serve) -> None:
    """An answer has a time in all, however busy the server seems; what has come until then is taken."""
    done = threading.Event()
    head = response("206 Partial Content", "Content-Range: bytes 0-99998/99999", "Content-Length: 99999")

    def drip(connection: socket.socket) -> None:
        connection.sendall(head)
        while not done.wait(0.05):
            connection.sendall(b"x")

    part = serving(drip).fetch("layers/x", 0, 99_999)
    done.set()
    assert part.total == 99_999
    assert set(part.data) == {ord("x")}
    assert len(part.data) < part.total


def test_a_server_that_is_busy_says_until_when(serving: Serve) -> None:
    """Retry-After is told if it is a number of seconds."""
    for said, understood in (("7", 7.0), ("tomorrow", None), ("9" * 50, None)):
        with pytest.raises(DownloadError) as refused:
            serving(response("429 Too Many Requests", f"Retry-After: {said}")).fetch("manifests/x", 0, 9)
        assert (refused.value.status, refused.value.retry_after) == (429, understood)
