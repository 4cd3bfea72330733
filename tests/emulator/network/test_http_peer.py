"""Laws of HTTP as the host carries it out, against servers that behave and servers that do their worst."""

from __future__ import annotations

import gc
import gzip
import queue
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvsdk.emulator.errors import NetworkSettingError
from mvsdk.emulator.network.exchanges import Answer, Close, HttpAnswer, HttpRequest, http_size
from mvsdk.emulator.network.http_peer import HttpPeer, host_alarm
from tests.emulator.network.authority import Authority
from tests.emulator.network.raw_server import (
    PATIENCE_S,
    RawServer,
    Received,
    Script,
    for_ever,
    response,
    says,
    says_and_waits,
)

ROOM = 2048
Answers = queue.SimpleQueue[Answer]


class HandAlarm:
    """An alarm that rings when the test says so."""

    def __init__(self) -> None:
        self.actions: list[Callable[[], None]] = []

    def __call__(self, seconds: float, action: Callable[[], None]) -> Callable[[], None]:
        """Wait for the test."""
        self.actions.append(action)
        return lambda: None

    def ring(self) -> None:
        """Let the time of all requests be over."""
        for action in self.actions:
            action()


class Client:
    """A peer, and what it answers."""

    def __init__(self, trusted: Path | None) -> None:
        self.alarm = HandAlarm()
        self.peer = HttpPeer(trusted=trusted, allow_http=True, alarm=self.alarm)
        self.answers: Answers = queue.SimpleQueue()

    def ask(
        self,
        url: bytes,
        *headers: bytes,
        method: bytes = b"GET",
        body: bytes = b"",
        room: int = ROOM,
        exchange: int = 1,
    ) -> None:
        """Begin a request."""
        self.peer.send(HttpRequest(exchange, method, url, headers, body, 5000, room), self.answers.put)

    def answer(self) -> HttpAnswer:
        """Wait for an answer."""
        answer = self.answers.get(timeout=PATIENCE_S)
        assert isinstance(answer, HttpAnswer)
        return answer


def wait_for_threads() -> None:
    """Wait until every thread of a request has ended, as each does a moment after it."""
    for thread in threading.enumerate():
        if thread.name.startswith("http "):
            thread.join(PATIENCE_S)
            assert not thread.is_alive()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that the client trusts."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def client(authority: Authority) -> Iterator[Client]:
    """A client, which leaves no thread behind."""
    client = Client(authority.file)
    yield client
    client.peer.close()
    wait_for_threads()


def fetched(client: Client, script: Script, *headers: bytes, room: int = ROOM) -> HttpAnswer:
    """Return what comes of a GET from a server with that script."""
    with RawServer(script) as server:
        client.ask(server.url, *headers, room=room)
        return client.answer()


def test_what_the_server_says_arrives_as_it_is(client: Client, authority: Authority) -> None:
    """Status, headers in their order and spelling, twice if said twice, and the body: over verified TLS."""
    head = (b"Content-Type: text/plain", b"Set-Cookie: a=1", b"Set-Cookie: b=2", b"x-EMPTY:")
    with RawServer(says(response(b"hello", *head, status=b"404 Nowhere")), authority.server_context()) as server:
        client.ask(server.url + b"/path?query=1&x=%20")
        expected = (*head[:3], b"x-EMPTY: ", b"Content-Length: 5")
        assert client.answer() == HttpAnswer(1, "OK", 404, expected, b"hello")
    assert server.requests[0].lines[0] == b"GET /path?query=1&x=%20 HTTP/1.1"


def test_a_request_leaves_as_the_application_wrote_it(client: Client, authority: Authority) -> None:
    """Method, headers and body are the application's; beside them only what HTTP needs and who speaks."""
    body = bytes(range(256))
    with RawServer(says(response()), authority.server_context()) as server:
        client.ask(server.url, b"X-One:  1 ", b"Accept-Encoding: br", b"X-One: 2", method=b"PATCH", body=body)
        assert client.answer().status == 200
    received = server.requests[0]
    assert received.lines[0] == b"PATCH / HTTP/1.1"
    assert received.body == body
    assert received.header("X-One") == b"1, 2"
    assert received.header("Accept-Encoding") == b"br"
    names = {line.partition(b":")[0].lower() for line in received.lines[1:]}
    own = {b"host", b"user-agent", b"connection", b"content-length"}
    assert names == own | {b"x-one", b"accept-encoding"}


@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"PATCH", b"OPTIONS"])
def test_every_method_is_carried_out(client: Client, method: bytes) -> None:
    """All seven reach the server, and a HEAD has no body whatever length its headers speak of."""
    lengths = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
    with RawServer(says(lengths if method == b"HEAD" else response(b"ok"))) as server:
        client.ask(server.url, method=method)
        answer = client.answer()
    assert server.requests[0].lines[0] == method + b" / HTTP/1.1"
    assert answer.body == (b"" if method == b"HEAD" else b"ok")
    assert answer.result == "OK"


def test_nobody_compresses_unasked_and_nobody_unpacks(client: Client) -> None:
    """Without a header of the application's the server is told to compress nothing; what it compresses is handed over
    as it is, however large it would become."""
    bomb = gzip.compress(bytes(1 << 20))
    with RawServer(says(response(bomb, b"Content-Encoding: gzip"))) as server:
        client.ask(server.url)
        assert client.answer().body == bomb
    assert server.requests[0].header("Accept-Encoding") == b"identity"


def test_redirects_are_the_applications_to_follow(client: Client) -> None:
    """A redirect is a response like any other, and no second request is made."""
    with RawServer(says(response(b"", b"Location: /elsewhere", status=b"302 Found"))) as server:
        client.ask(server.url)
        answer = client.answer()
    assert (answer.status, answer.headers[0]) == (302, b"Location: /elsewhere")
    assert len(server.requests) == 1


def test_no_connection_outlasts_its_response(client: Client) -> None:
    """A server that would keep the connection sees it end once it has answered."""
    said = threading.Event()
    with RawServer(says_and_waits(response(b"hello", b"Connection: keep-alive"), said)) as server:
        client.ask(server.url)
        assert client.answer().body == b"hello"
        assert server.ended.wait(PATIENCE_S)


def test_credentials_in_a_url_go_nowhere(client: Client) -> None:
    """Such a request fails without a connection: what an application wants to show it writes into a header."""
    with RawServer(says(response())) as server:
        client.ask(server.url.replace(b"://", b"://me:sesame@"))
        assert client.answer() == HttpAnswer(1, "REQUESTFAILED")
    assert server.requests == []


def test_nothing_of_the_hosts_is_given_away(client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither credentials of a .netrc, nor a proxy of the environment, nor cookies of earlier responses are used."""
    (tmp_path / ".netrc").write_text("machine localhost login me password sesame\n", encoding="ascii")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with RawServer(says(response(b"", b"Set-Cookie: a=1"))) as server:
        for exchange in (1, 2):
            client.ask(server.url, exchange=exchange)
            assert client.answer().status == 200
    assert [(request.header("Authorization"), request.header("Cookie")) for request in server.requests] == [
        (None, None)
    ] * 2


def test_a_chunked_body_arrives_whole(client: Client) -> None:
    """How the body was cut up is the connection's business, and so are the headers that say so."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nX-End: 2\r\n\r\n"
    answer = fetched(client, says(head + b"3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nX-Trailer: 1\r\n\r\n"))
    assert answer == HttpAnswer(1, "OK", 200, (b"X-End: 2",), b"abcde")


def test_headers_are_lines_of_printable_ascii(client: Client) -> None:
    """Folded lines are unfolded, what is not printable is replaced, and lines that are no headers are left out."""
    head = b"HTTP/1.1 200 OK\r\nX-Folded: a\r\n   b\r\nX-Odd: \xe4\x01\tz\r\nContent-Length: 0\r\n\r\n"
    assert fetched(client, says(head)).headers == (b"X-Folded: a b", b"X-Odd: ?? z", b"Content-Length: 0")


@pytest.mark.parametrize("spare", [0, 1, 4096])
def test_a_response_arrives_exactly_if_there_is_room(client: Client, spare: int) -> None:
    """The last byte that fits decides, with the length told beforehand or not."""
    headers = [b"X-A: 1", b"Content-Length: %d" % (1000 + spare)]
    room = 1000 + sum(len(line) + 4 for line in headers) + 8
    body = bytes(1000 + spare)
    expected = "RESPONSETOOLARGE" if spare else "OK"
    assert fetched(client, says(response(body, b"X-A: 1")), room=room).result == expected
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n"
    assert fetched(client, says(chunked), room=1008).result == expected


LARGE = {
    "a long body": for_ever(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n", bytes(65536)),
    "a body without end": for_ever(b"HTTP/1.1 200 OK\r\n\r\n", bytes(65536)),
    "chunks without end": for_ever(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 1000),
    "a chunk of negative length": for_ever(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", bytes(65536)
    ),
    "large headers": says(b"HTTP/1.1 200 OK\r\n" + b"X-Flood: %s\r\n" % (b"x" * 1000) * 50 + b"\r\n"),
    "informational responses without end": for_ever(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
}


@pytest.mark.parametrize("script", LARGE.values(), ids=LARGE)
def test_what_is_too_large_is_not_read(client: Client, script: Script) -> None:
    """However it comes, the result is RESPONSETOOLARGE, and the server finds nobody listening."""
    with RawServer(script) as server:
        client.ask(server.url)
        assert client.answer() == HttpAnswer(1, "RESPONSETOOLARGE")
        assert server.ended.wait(PATIENCE_S)


NONSENSE = {
    "nothing": says(),
    "no status line": says(b"\0\xff garbage\r\n\r\n"),
    "a status of letters": says(b"HTTP/1.1 abc\r\n\r\n"),
    "a status out of range": says(b"HTTP/1.1 7000 Odd\r\n\r\n"),
    "a status line without end": for_ever(b"HTTP/1.1 200 ", b"x" * 65536),
    "headers without end": for_ever(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 1000),
    "a chunk's length without end": for_ever(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0" * 65536),
    "half a header": says(b"HTTP/1.1 200 OK\r\nContent-"),
    "half a body": says(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"),
    "a chunk of no length": says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nlong\r\n"),
    "half a chunk": says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nabc"),
    "lengths that differ": says(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
}


@pytest.mark.parametrize("script", NONSENSE.values(), ids=NONSENSE)
def test_nonsense_is_a_failed_request(client: Client, script: Script) -> None:
    """What is not HTTP, or ends too early, is REQUESTFAILED."""
    assert fetched(client, script) == HttpAnswer(1, "REQUESTFAILED")


PIECES = [b"HTTP/1.1 ", b"HTTP/1.0 ", b"200", b"100 Continue", b"204", b"304", b" ", b":", b"\r\n", b"\n", b"\r", b"\0"]
PIECES += [b"HTTP/1.1 200 OK\r\n", b"Content-Length: ", b"Transfer-Encoding: chunked\r\n", b"Connection: ", b"close"]
PIECES += [b"Set-Cookie: a=b; Expires=x\r\n", b"Content-Encoding: gzip\r\n", b"Location: http://[\r\n", b"\r\n\r\n"]
PIECES += [b"-1", b"5", b"0", b"5\r\nhello\r\n", b"0\r\n\r\n", b"ffffffffffffffff\r\n", b"1_0\r\n", b"\xff", b" folded"]


@settings(max_examples=150, deadline=None)
@given(said=st.lists(st.sampled_from(PIECES) | st.binary(max_size=20), max_size=14).map(b"".join), begun=st.booleans())
def test_whatever_a_server_says_there_is_one_answer_that_fits(said: bytes, begun: bool) -> None:
    """Any bytes come out as an answer: one that fits the room, with headers of printable ASCII, or a failure."""
    client = Client(None)
    with RawServer(says(b"HTTP/1.1 200 OK\r\n" * begun + said)) as server:
        client.ask(server.url, room=64)
        answer = client.answer()
    client.peer.close()
    assert client.answers.empty()
    assert answer.result in {"OK", "REQUESTFAILED", "RESPONSETOOLARGE"}
    assert http_size(answer) <= 64
    assert all(line.isascii() and line.decode().isprintable() for line in answer.headers)


def test_a_reset_is_a_failed_request(client: Client) -> None:
    """A connection that is reset in the middle of a body is REQUESTFAILED."""

    def script(connection: socket.socket, received: Received) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    assert fetched(client, script) == HttpAnswer(1, "REQUESTFAILED")


SLOW = {
    "silence": b"",
    "half a status line": b"HTTP/1.1 2",
    "half the headers": b"HTTP/1.1 200 OK\r\nX-Slow: ",
    "half a body": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nslow",
}


@pytest.mark.parametrize("first", SLOW.values(), ids=SLOW)
@pytest.mark.parametrize("secure", [False, True])
def test_no_server_outlasts_the_time_of_a_request(
    client: Client, authority: Authority, first: bytes, secure: bool
) -> None:
    """When it is over the request has failed and the connection is cut, wherever the server has got to."""
    said = threading.Event()
    context = authority.server_context() if secure else None
    with RawServer(says_and_waits(first, said), context) as server:
        client.ask(server.url)
        assert said.wait(PATIENCE_S)
        client.alarm.ring()
        assert client.answer() == HttpAnswer(1, "REQUESTFAILED")
        assert server.ended.wait(PATIENCE_S)
    assert client.answers.empty()


def test_a_drip_does_not_outlast_it_either(client: Client) -> None:
    """A server that says a byte now and then, for ever, is cut off like one that says nothing."""
    dripping = threading.Event()

    def script(connection: socket.socket, received: Received) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            connection.sendall(b"X")
            dripping.set()
            dripping.wait(0.01)

    with RawServer(script) as server:
        client.ask(server.url, room=1 << 30)
        assert dripping.wait(PATIENCE_S)
        client.alarm.ring()
        assert client.answer() == HttpAnswer(1, "REQUESTFAILED")
        assert server.ended.wait(PATIENCE_S)


def test_a_handshake_does_not_outlast_it_either(client: Client) -> None:
    """A server that takes the connection and never speaks TLS is cut off."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client.ask(b"https://localhost:%d/" % listener.getsockname()[1])
        connection, _ = listener.accept()
        with connection:
            assert connection.recv(1)
            client.alarm.ring()
            assert client.answer() == HttpAnswer(1, "REQUESTFAILED")
            connection.settimeout(PATIENCE_S)
            while connection.recv(4096):
                pass


def test_a_closed_channel_hears_nothing(client: Client) -> None:
    """A request whose channel is closed is abandoned: its connection ends, and nobody is told."""
    said = threading.Event()
    with RawServer(says_and_waits(b"HTTP/1.1 200 OK\r\n", said)) as server:
        client.ask(server.url)
        assert said.wait(PATIENCE_S)
        client.peer.send(Close(1), client.answers.put)
        client.peer.send(Close(1), client.answers.put)
        assert server.ended.wait(PATIENCE_S)
        client.peer.close()
    assert client.answers.empty()


def test_closing_the_peer_abandons_everything(client: Client) -> None:
    """After `close` no connection and no thread is left, and what is asked then fails at once."""
    said = threading.Event()
    with RawServer(says_and_waits(b"", said)) as server:
        client.ask(server.url)
        assert said.wait(PATIENCE_S)
        client.peer.close()
        assert server.ended.wait(PATIENCE_S)
        assert client.answers.empty()
        client.ask(server.url, exchange=2)
        assert client.answer() == HttpAnswer(2, "REQUESTFAILED")


def test_requests_do_not_wait_for_each_other(client: Client) -> None:
    """While one server is silent another one answers."""
    said = threading.Event()
    with RawServer(says_and_waits(b"", said)) as silent, RawServer(says(response(b"hello"))) as server:
        client.ask(silent.url, exchange=1)
        client.ask(server.url, exchange=2)
        assert client.answer().exchange == 2
        client.alarm.ring()
        assert client.answer().exchange == 1


def test_too_many_at_once_fail_at_once(client: Client) -> None:
    """There is a bound on threads, whatever a guest does."""
    said = threading.Event()
    with RawServer(says_and_waits(b"", said)) as silent:
        for exchange in range(17):
            client.ask(silent.url, exchange=exchange)
        assert client.answer() == HttpAnswer(16, "REQUESTFAILED")
        client.peer.close()


def test_only_servers_with_a_good_certificate_are_spoken_to(
    client: Client, authority: Authority, tmp_path: Path
) -> None:
    """One that has expired, is another host's or an unknown authority's is REQUESTFAILED, and no request is sent."""
    contexts = [
        authority.server_context(expired=True),
        authority.server_context("example.com"),
        Authority(tmp_path, "stranger").server_context(),
    ]
    for context in contexts:
        with RawServer(says(response(b"secret")), context) as server:
            client.ask(server.url)
            assert client.answer() == HttpAnswer(1, "REQUESTFAILED")
        assert server.requests == []


def test_a_server_without_tls_is_no_https_server(client: Client) -> None:
    """Plain HTTP behind an https URL is REQUESTFAILED."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client.ask(b"https://localhost:%d/" % listener.getsockname()[1])
        connection, _ = listener.accept()
        with connection:
            connection.sendall(response(b"plain"))
            assert client.answer() == HttpAnswer(1, "REQUESTFAILED")


URLS = [
    b"https://",
    b"https://:1",
    b"https://host:port/",
    b"https://h\xc3\xa4.example/",
    b"https://[::1/",
    b"https:///x",
]
URLS += [b"https://a b/", b"https://localhost:99999/", b"https://localhost:1/", b"https://no-such-host.invalid/"]
URLS += [b"https://me:sesame@localhost:1/", b"https://" + b"a" * 300 + b"/", b"https://\0/", b"https://..../"]


@pytest.mark.parametrize("url", URLS)
def test_addresses_that_lead_nowhere_are_failed_requests(client: Client, url: bytes) -> None:
    """Malformed, unknown or refusing: REQUESTFAILED, and nothing raises."""
    client.ask(url)
    assert client.answer() == HttpAnswer(1, "REQUESTFAILED")


def test_what_the_rules_refuse_never_leaves(authority: Authority) -> None:
    """Without leave for plain HTTP such a URL gets its verdict at once, and no connection is made."""
    answers: Answers = queue.SimpleQueue()
    with RawServer(says(response())) as server:
        HttpPeer().send(HttpRequest(1, b"GET", server.url, (), b"", 5000, ROOM), answers.put)
        assert answers.get_nowait() == HttpAnswer(1, "UNSUPPORTEDURISCHEME")
    assert server.requests == []


def test_nothing_is_left_of_requests(client: Client, authority: Authority) -> None:
    """However they end, the process has as many files and sockets open afterwards as before, and nobody collects."""
    files = Path("/proc/self/fd")
    if not files.exists():
        pytest.skip("this system does not tell which files are open")
    keeping = b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok"
    scripts = [says(keeping), *NONSENSE.values(), *LARGE.values()]
    counts = []
    gc.disable()
    try:
        for _ in range(2):
            for script in scripts:
                fetched(client, script)
            with RawServer(says(keeping), authority.server_context("example.com")) as server:
                client.ask(server.url)
                client.answer()
            client.ask(b"https://localhost:1/")
            client.answer()
            wait_for_threads()
            counts.append(len(list(files.iterdir())))
    finally:
        gc.enable()
    assert counts[0] == counts[1]


def test_the_hosts_alarm_rings() -> None:
    """Once its time is over; taking it back then changes nothing."""
    rung = threading.Event()
    take_back = host_alarm(0.0, rung.set)
    assert rung.wait(PATIENCE_S)
    take_back()


def test_a_file_without_authorities_is_an_error_before_anything_runs(tmp_path: Path) -> None:
    """The error names the file."""
    for name, content in {"missing.pem": None, "empty.pem": b"", "odd.pem": b"no certificate"}.items():
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(NetworkSettingError, match=name):
            HttpPeer(trusted=tmp_path / name)
