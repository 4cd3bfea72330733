"""The device's side of downloads: ranges of what the cloud lets it have, by HTTP (RFC 9110, section 14).

One connection, kept for as long as the server does. Whatever the answer says of its size, no more is read than was
asked for.
"""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from mvsdk.errors import CloudError

PATH = "/mvsdk/v1/downloads"
SECONDS = 30.0
"""For how long the server may say nothing."""
LONGEST_SECONDS = 180.0
"""For how long one answer may take: 16 KiB in that time are less than the slowest modem does."""
_FAILURES = (OSError, http.client.HTTPException, ValueError)
"""What the standard library raises where there is no answer that makes sense."""
_RANGE = re.compile(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15})")


class DownloadError(CloudError):
    """There was no answer, or not the one wanted. `status` is that of HTTP, 0 without an answer that makes sense;
    `retry_after` are the seconds that the server asked for."""

    def __init__(self, what: str, status: int = 0, retry_after: float | None = None) -> None:
        super().__init__(what, "the device tries again by itself")
        self.status = status
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Range:
    """A range of something that has `total` bytes."""

    total: int
    data: bytes


class Downloads:
    """What the cloud at `url` lets a device download that shows `headers`, or the certificate in `tls`.

    To be used by one thread at a time. `patience` are the seconds for which the server may say nothing, `longest` those
    that one answer may take in all.
    """

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        tls: ssl.SSLContext | None = None,
        patience: float = SECONDS,
        longest: float = LONGEST_SECONDS,
    ) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port
        self._secure = parts.scheme == "https"
        self._path = parts.path.rstrip("/") + PATH
        self._headers = dict(headers)
        self._tls = tls
        self._patience, self._longest = patience, longest
        self._cut = False
        self._connection: http.client.HTTPConnection | None = None

    def fetch(self, what: str, start: int, length: int) -> Range:
        """Return up to `length` bytes of `what` ("layers/…") from `start` on. Raises DownloadError."""
        kept = self._connection is not None
        try:
            return self._fetch(what, start, length)
        except _FAILURES as error:
            # A server may close a connection that rests just when it is used again; that says nothing.
            if not kept or self._cut or isinstance(error, TimeoutError):
                raise DownloadError(f"no answer: {error or type(error).__name__}") from error
        try:
            return self._fetch(what, start, length)
        except _FAILURES as error:
            raise DownloadError(f"no answer: {error or type(error).__name__}") from error

    def close(self) -> None:
        """Let the connection go."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _fetch(self, what: str, start: int, length: int) -> Range:
        """Ask once; whatever goes wrong, the connection is not used again."""
        if self._connection is None:
            self._connection = self._connect()
        self._cut = False
        alarm = threading.Timer(self._longest, self._cut_short)
        alarm.daemon = True
        alarm.start()
        try:
            return self._ask(self._connection, what, start, length)
        except BaseException:
            self.close()
            raise
        finally:
            alarm.cancel()

    def _ask(self, connection: http.client.HTTPConnection, what: str, start: int, length: int) -> Range:
        wanted = {"Range": f"bytes={start}-{start + length - 1}", "Accept-Encoding": "identity"}
        connection.request("GET", f"{self._path}/{what}", headers={**self._headers, **wanted})
        answer = connection.getresponse()
        try:
            if answer.status not in (200, 206):
                self._refused(answer)
            total, skipped = _extent(answer, start)
            return Range(total, answer.read(skipped + length)[skipped:])
        finally:
            if not answer.isclosed():  # there is more, which nobody asked for
                answer.close()
                self.close()

    def _cut_short(self) -> None:
        """End a connection on which bytes come so slowly that nobody can wait for them; from another thread."""
        self._cut = True
        socket_of = getattr(self._connection, "sock", None)
        if socket_of is not None:
            with contextlib.suppress(OSError):
                socket_of.shutdown(socket.SHUT_RDWR)

    def _refused(self, answer: http.client.HTTPResponse) -> None:
        """Raise DownloadError for an answer that is not the thing itself."""
        after = answer.headers.get("Retry-After", "")
        retry_after = float(after) if after.isascii() and after.isdecimal() and len(after) < 10 else None
        raise DownloadError(f"the cloud answers {answer.status}", answer.status, retry_after)

    def _connect(self) -> http.client.HTTPConnection:
        if self._secure:
            return http.client.HTTPSConnection(self._host, self._port, timeout=self._patience, context=self._tls)
        return http.client.HTTPConnection(self._host, self._port, timeout=self._patience)


def _extent(answer: http.client.HTTPResponse, start: int) -> tuple[int, int]:
    """Return how large the whole thing is, and how many bytes before the range the answer begins with."""
    if answer.status == 200:
        if answer.length is None:
            raise DownloadError("the answer does not say how long it is")
        if start > answer.length:
            raise DownloadError(f"the answer ends at {answer.length}, before {start}")
        return answer.length, start
    match = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
    if match is None or int(match[1]) != start:
        raise DownloadError(f"the answer is another range than the one from {start} on")
    return int(match[3]), 0
