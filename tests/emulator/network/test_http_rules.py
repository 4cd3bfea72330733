"""Laws of what the server refuses before a request leaves."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvsdk.emulator.network.exchanges import Answer, HttpAnswer, HttpRequest, HttpResult
from mvsdk.emulator.network.http_rules import headers, verdict
from mvsdk.emulator.network.scripted import ScriptedPeers

GOOD = HttpRequest(1, b"GET", b"https://example.com/", (b"A: 1",), b"", 5000, 512)
REFUSED: list[tuple[HttpResult, dict[str, object]]] = [
    ("UNSUPPORTEDURISCHEME", {"url": b"http://example.com/"}),
    ("UNSUPPORTEDURISCHEME", {"url": b"ftp://example.com/"}),
    ("UNSUPPORTEDURISCHEME", {"url": b"example.com"}),
    ("UNSUPPORTEDURISCHEME", {"url": b""}),
    ("UNSUPPORTEDURISCHEME", {"url": b" https://example.com/"}),
    ("UNSUPPORTEDURISCHEME", {"url": b"https:/example.com/"}),
    ("UNSUPPORTEDMETHOD", {"method": b"TRACE"}),
    ("UNSUPPORTEDMETHOD", {"method": b"CONNECT"}),
    ("UNSUPPORTEDMETHOD", {"method": b"get"}),
    ("UNSUPPORTEDMETHOD", {"method": b"GET "}),
    ("UNSUPPORTEDMETHOD", {"method": b""}),
    ("INVALIDHEADERS", {"headers": (b"Transfer-Encoding: chunked",)}),
    ("INVALIDHEADERS", {"headers": (b"Content-Length: 5",)}),
    ("INVALIDTIMEOUT", {"timeout_ms": 4999}),
    ("INVALIDTIMEOUT", {"timeout_ms": 10_001}),
    ("INVALIDTIMEOUT", {"timeout_ms": 0xFFFF_FFFF}),
]
MALFORMED = [b"", b"A", b": 1", b"A : 1", b"A: 1\r\nB: 2", b"A: \0", b"A: \xff", b"A\n: 1", b"A: 1\n"]
REFUSED += [("INVALIDHEADERS", {"headers": (b"B: 2", header)}) for header in MALFORMED]


@pytest.mark.parametrize(("result", "wrong"), REFUSED, ids=map(str, range(len(REFUSED))))
def test_what_is_wrong_has_its_result(result: HttpResult, wrong: dict[str, object]) -> None:
    """Each has the result that is documented for it, from scripted servers, too."""
    request = replace(GOOD, **wrong)  # type: ignore[arg-type]
    answers: list[Answer] = []
    ScriptedPeers().send(request, answers.append)
    assert verdict(request) == result
    assert answers == [HttpAnswer(1, result)]


def test_the_lowest_result_decides() -> None:
    """Of two things that are wrong the first one in the order of the results is told."""
    order: list[HttpResult] = ["UNSUPPORTEDURISCHEME", "UNSUPPORTEDMETHOD", "INVALIDHEADERS", "INVALIDTIMEOUT"]
    for one, first in REFUSED:
        for other, second in REFUSED:
            if order.index(one) < order.index(other):
                assert verdict(replace(GOOD, **first, **second)) == one  # type: ignore[arg-type]


@pytest.mark.parametrize("timeout_ms", [5000, 10_000])
@pytest.mark.parametrize("url", [b"https://example.com", b"HTTPS://example.com/", b"https://"])
def test_what_is_right_may_be_tried(timeout_ms: int, url: bytes) -> None:
    """Whether there is such a host is not for the rules to say."""
    assert verdict(replace(GOOD, timeout_ms=timeout_ms, url=url)) is None


def test_plain_http_needs_leave() -> None:
    """With it both schemes may be tried, and no other."""
    assert verdict(replace(GOOD, url=b"http://example.com/"), allow_http=True) is None
    assert verdict(GOOD, allow_http=True) is None
    assert verdict(replace(GOOD, url=b"ftp://example.com/"), allow_http=True) == "UNSUPPORTEDURISCHEME"


def test_headers_about_the_connection_are_the_servers_own() -> None:
    """They are left out, and so is a length that is right; the rest is sent in order, one list for each name."""
    lines = (b"Connection: close", b"a:1", b"Content-length: 4", b"Cookie: x=1", b"TE: x", b"A:\t2 ", b"cookie: y=2")
    assert headers(replace(GOOD, headers=lines, body=b"body")) == {"a": "1, 2", "Cookie": "x=1; y=2"}


@given(st.lists(st.binary(max_size=30), max_size=4), st.binary(max_size=12), st.binary(max_size=30))
def test_nothing_makes_the_rules_raise(lines: list[bytes], method: bytes, url: bytes) -> None:
    """Any bytes have a verdict, and a header that may be sent cannot smuggle another one."""
    request = replace(GOOD, headers=tuple(lines), method=method, url=url)
    verdict(request)
    for name, value in (headers(request) or {}).items():
        assert name.isascii()
        assert (name + value).isprintable() or "\t" in value
