"""One HTTP request and its response, over a connection of its own.

The library `requests` speaks HTTP and TLS. Around it is what a server that does its worst needs: the connection can be
cut from another thread at any moment, and no more is read from it than a response that fits may take.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import re
import socket
import ssl
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError
from urllib3.util import parse_url

from mvsdk import __version__
from mvsdk.emulator.network import http_rules
from mvsdk.emulator.network.exchanges import LONGEST_HTTP_TIMEOUT_MS, HttpAnswer, HttpRequest, http_size
from mvsdk.emulator.network.line import Line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _typeshed import WriteableBuffer

GRAIN = 16 * 1024
"""Bytes of a body read at a time."""
LARGEST_HEAD = 128 * 1024
"""Bytes read of what is not the body."""
DRESSING = 8
"""How many times its own length a body may take on the line: chunks of single bytes take six."""
HOP_BY_HOP = http_rules.HOP_BY_HOP | {"transfer-encoding"}
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_FOLD = re.compile(r"[ \t]*[\r\n]+[ \t]*|\t")
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]")


def tls_context(trusted: Path | None) -> ssl.SSLContext:
    """Return what servers are verified with: the authorities that come with `requests`, which are Mozilla's, and those
    of a file. Raises `OSError` for a file that has none."""
    context = ssl.create_default_context(cafile=DEFAULT_CA_BUNDLE_PATH)
    if trusted is not None:
        context.load_verify_locations(trusted)
    return context


class BoundedLine(Line):
    """A line for one response. `room` is how long that may be."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self._left = LARGEST_HEAD + DRESSING * room

    @property
    def flooded(self) -> bool:
        """Whether more came than any response that fits."""
        return self._left < 0

    def count(self, received: int) -> None:
        """Note that so many bytes have come. Raises `OSError` once they are too many."""
        self._left -= received
        if self.flooded:
            raise OSError("the server does not stop sending")


def carry_out(request: HttpRequest, line: BoundedLine, context: ssl.SSLContext) -> HttpAnswer:
    """Carry out a request that the rules let pass, and return its outcome; nothing about the server makes it raise."""
    with contextlib.closing(line):
        try:
            return _carried_out(request, line, context)
        except (requests.RequestException, HTTPError, http.client.HTTPException, OSError, ValueError):
            return HttpAnswer(request.exchange, "RESPONSETOOLARGE" if line.flooded else "REQUESTFAILED")


def _carried_out(request: HttpRequest, line: BoundedLine, context: ssl.SSLContext) -> HttpAnswer:
    url = request.url.decode("ascii")
    if parse_url(url).auth is not None:
        raise ValueError("credentials in a URL are none of the server's business")
    headers = {"User-Agent": f"mvsdk/{__version__}"} if not _has(request, b"user-agent:") else {}
    headers |= {**(http_rules.headers(request) or {}), "Connection": "close"}
    prepared = requests.Request(request.method.decode("ascii"), url, headers, data=request.body or None).prepare()
    # The adapter itself, without a session: it knows no cookies, no .netrc, no proxies, and follows no redirects.
    with contextlib.closing(_Adapter(line, context)) as adapter:
        response = adapter.send(prepared, stream=True, timeout=request.timeout_ms / 1000, proxies={})
        with contextlib.closing(response):
            return _answer(request, response)


def _has(request: HttpRequest, prefix: bytes) -> bool:
    return any(header.lower().startswith(prefix) for header in request.headers)


def _answer(request: HttpRequest, response: requests.Response) -> HttpAnswer:
    """Read a response, no further than it fits; bodies as they were sent, compressed or not."""
    too_large = HttpAnswer(request.exchange, "RESPONSETOOLARGE")
    empty = HttpAnswer(request.exchange, "OK", response.status_code, tuple(_lines(response)))
    room = request.room - http_size(empty)
    if room < (response.raw.length_remaining or 0):
        return too_large
    body = bytearray()
    while data := response.raw.read(min(GRAIN, room + 1), decode_content=False):
        body += data
        if len(body) > room:
            return too_large
    return HttpAnswer(request.exchange, "OK", response.status_code, empty.headers, bytes(body))


def _lines(response: requests.Response) -> Iterator[bytes]:
    """Yield the headers that are the application's business, each as one line of printable ASCII."""
    items: list[tuple[str, str]] = list(response.raw.headers.items())
    about_connection = {
        name.strip().lower() for key, value in items if key.lower() == "connection" for name in value.split(",")
    }
    for name, value in items:
        if _TOKEN.fullmatch(name) and name.lower() not in HOP_BY_HOP | about_connection:
            text = _UNPRINTABLE.sub("?", _FOLD.sub(" ", value)).strip()
            yield f"{name}: {text}".encode("ascii")


class _Adapter(HTTPAdapter):
    """Connects by a line, and verifies by a context."""

    def __init__(self, line: BoundedLine, context: ssl.SSLContext) -> None:
        super().__init__()
        self._line, self._context = line, context
        self._pool: HTTPConnectionPool | None = None

    def get_connection_with_tls_context(
        self,
        request: requests.PreparedRequest,
        verify: object,
        proxies: object = None,
        cert: object = None,
    ) -> HTTPConnectionPool:
        """Return where the one connection is made."""
        parts = parse_url(request.url or "")
        host = (parts.host or "").strip("[]")
        if parts.scheme == "https":
            self._pool = _TlsPool(host, parts.port, ssl_context=self._context, line=self._line)
        else:
            self._pool = _PlainPool(host, parts.port, line=self._line)
        return self._pool

    def close(self) -> None:
        """End the connection, though the server may want to keep it."""
        super().close()
        if self._pool is not None:
            self._pool.close()

    def cert_verify(self, conn: object, url: str, verify: object, cert: object) -> None:
        """Leave it to the context."""


class _PlainConnection(HTTPConnection):
    """A connection by a line."""

    def __init__(self, *arguments: Any, line: BoundedLine, **options: Any) -> None:  # noqa: ANN401 - urllib3's own
        super().__init__(*arguments, **options)
        self._line = line
        self.response_class = partial(_CountedResponse, line=line)  # type: ignore[assignment] # called like it

    def _new_conn(self) -> socket.socket:
        return self._line.open(self.host, self.port, _seconds(self.timeout))


class _TlsConnection(_PlainConnection, HTTPSConnection):
    """The same with TLS."""


def _seconds(timeout: object) -> float:
    return timeout if isinstance(timeout, float) else LONGEST_HTTP_TIMEOUT_MS / 1000


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class _CountedResponse(http.client.HTTPResponse):
    """A response whose bytes are counted as they come. Whatever lengths a server claims, none leads further."""

    def __init__(self, sock: socket.socket, *arguments: Any, line: BoundedLine, **options: Any) -> None:  # noqa: ANN401
        super().__init__(sock, *arguments, **options)
        self._counted = _Counted(self.fp.detach(), line)
        self.fp = io.BufferedReader(self._counted)

    def begin(self) -> None:
        """Read status and headers; if the connection ends before they do, they are no response."""
        super().begin()
        if self._counted.ended:
            raise http.client.HTTPException("the connection ended among the headers")


class _Counted(io.RawIOBase):
    """What comes from a connection, counted."""

    def __init__(self, connection: io.RawIOBase, line: BoundedLine) -> None:
        self._connection, self._line = connection, line
        self.ended = False
        """Whether the other side has ended it."""

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        """Read what is there."""
        count = self._connection.readinto(buffer)
        self.ended = count == 0
        self._line.count(count or 0)
        return count

    def close(self) -> None:
        """Let go of the connection."""
        super().close()
        self._connection.close()
