"""What the server that carries out HTTP requests for devices refuses before anything leaves.

Its verdict is an `HttpResult` that comes like any answer. Of several things that are wrong, the one whose result has
the lowest number decides. That headers are lines "Name: value", and what of them is refused or left out, is inferred.
"""

from __future__ import annotations

import re

from mvsdk.emulator.network.exchanges import LONGEST_HTTP_TIMEOUT_MS, HttpRequest, HttpResult

METHODS = frozenset({b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"PATCH", b"OPTIONS"})
SHORTEST_TIMEOUT_MS = 5_000
HOP_BY_HOP = frozenset({"connection", "keep-alive", "proxy-connection", "te", "trailer", "upgrade"})
"""Headers about one connection, in lower case. A server in between speaks for itself there (RFC 9110, 7.6.1)."""
_HEADER = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):([\t\x20-\x7e]*)")
"""RFC 9110, 5.5 and 5.6.2, of printable ASCII."""


def verdict(request: HttpRequest, *, allow_http: bool = False) -> HttpResult | None:
    """Return what a request fails with at once; None if it may be tried. `allow_http` lets URLs begin with http."""
    scheme, separator, _ = request.url.partition(b"://")
    if not separator or scheme.lower() not in ({b"https", b"http"} if allow_http else {b"https"}):
        return "UNSUPPORTEDURISCHEME"
    if request.method not in METHODS:
        return "UNSUPPORTEDMETHOD"
    if headers(request) is None:
        return "INVALIDHEADERS"
    if not SHORTEST_TIMEOUT_MS <= request.timeout_ms <= LONGEST_HTTP_TIMEOUT_MS:
        return "INVALIDTIMEOUT"
    return None


def headers(request: HttpRequest) -> dict[str, str] | None:
    """Return the headers to send, by name; None if one is malformed, or speaks of another body than there is.

    Those about the connection are left out, and so is the body's length, which whoever sends it knows. What is given
    twice is one list (RFC 9110, 5.3); a cookie's separator is its own (RFC 6265, 4.2.1).
    """
    found: dict[str, str] = {}
    spelt: dict[str, str] = {}
    for line in request.headers:
        match = _HEADER.fullmatch(line)
        if match is None:
            return None
        name, value = match[1].decode("ascii"), match[2].decode("ascii").strip(" \t")
        key = name.lower()
        if key == "transfer-encoding" or (key == "content-length" and value != str(len(request.body))):
            return None
        if key in HOP_BY_HOP or key == "content-length":
            continue
        name = spelt.setdefault(key, name)
        separator = "; " if key == "cookie" else ", "
        found[name] = f"{found[name]}{separator}{value}" if name in found else value
    return found
