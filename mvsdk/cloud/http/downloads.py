"""/mvsdk/v1/downloads: what a device fetches to update itself, shown its own credentials.

    manifests/{hash}              the manifest of its target
    layers/{name}                 a layer of its target
    layers/{name}/from/{base}     what makes that layer of another one that it holds, where this is smaller
    new-keys/{number}             the NewKeys message with that number: whom to trust from then on

Every answer has its content's hash as ETag and can be had in ranges (RFC 9110, section 14), so that a download goes on
at the byte where it was cut. When too many go on already the answer is 429, with the seconds to stay away.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from mvsdk.cloud import deltas
from mvsdk.cloud.cloud import Cloud
from mvsdk.cloud.database import Connection
from mvsdk.cloud.http import device_access
from mvsdk.cloud.http.calls import guarded
from mvsdk.cloud.http.description import PREFIX
from mvsdk.cloud.http.problems import Problem
from mvsdk.cloud.store import downloads
from mvsdk.cloud.store.sessions import Device

CHUNK = 256 * 1024
SEND_SECONDS = 30.0
"""For how long a device may take nothing of what is sent."""
_AWAY_LEAST, _AWAY_MOST = 2, 10
"""Seconds that devices are asked to stay away: not all the same, so that they do not come back together."""
_RANGE = re.compile(r"bytes=([0-9]{0,4000})-([0-9]{0,4000})")
_NUMBER = re.compile(r"[1-9][0-9]{0,9}")
_LAYER = re.compile(r"[0-9a-f]{64}")


class Slots:
    """How many downloads go on, of those that may."""

    def __init__(self, most: int) -> None:
        self._free = most

    def take(self) -> None:
        """Begin a download. Raises Problem when there are too many."""
        if self._free <= 0:
            away = random.randint(_AWAY_LEAST, _AWAY_MOST)  # noqa: S311 - spreads load, hides nothing
            raise Problem("busy", str(away), {"Retry-After": str(away)})
        self._free -= 1

    def give_back(self) -> None:
        """End a download."""
        self._free += 1


@dataclass(frozen=True, slots=True)
class _Call:
    """A request of a device."""

    request: Request
    cloud: Cloud
    device: Device

    def missing(self) -> Problem:
        """Return the problem that there is no such thing, or that it is not for this device."""
        return Problem("not-found", self.request.url.path)

    def layer(self, parameter: str) -> str:
        """Return a layer's name from the path."""
        name = str(self.request.path_params[parameter])
        if not _LAYER.fullmatch(name):
            raise self.missing()
        return name


def routes() -> list[Route]:
    """Return the routes of downloads."""
    return [
        _route("manifests/{hash}", _manifest),
        _route("layers/{name}", _layer),
        _route("layers/{name}/from/{base}", _delta),
        _route("new-keys/{number}", _new_keys),
    ]


def _route(path: str, endpoint: Callable[[_Call], Awaitable[Response]]) -> Route:
    async def serve(call: _Call) -> Response:
        slots: Slots = call.request.app.state.downloads
        slots.take()
        try:
            answer = await endpoint(call)
        except BaseException:
            slots.give_back()
            raise
        return _Released(answer, slots)

    return guarded(f"{PREFIX}/downloads/{path}", _authenticated, {"GET": serve})


class _Released(Response):
    """Sends an answer, and gives its slot back afterwards, however that ends."""

    def __init__(self, answer: Response, slots: Slots) -> None:
        super().__init__()
        self._answer = answer
        self._slots = slots

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._answer(scope, receive, send)
        finally:
            self._slots.give_back()


async def _authenticated(request: Request) -> _Call:
    """Return the call of the device whose credentials a request shows. Raises Problem."""
    wait = device_access.seconds_to_wait(request)
    if wait:
        raise Problem("too-many-requests", str(wait), {"Retry-After": str(wait)})
    device = await device_access.authenticated(request)
    if device is None:
        raise Problem("unauthorized", headers={"WWW-Authenticate": "Bearer"})
    return _Call(request, request.app.state.cloud, device)


async def _manifest(call: _Call) -> Response:
    app_hash = str(call.request.path_params["hash"])
    content = await call.cloud.database.read(lambda c: downloads.manifest(c, call.device.sid, app_hash))
    return _whole(call, content)


async def _new_keys(call: _Call) -> Response:
    text = str(call.request.path_params["number"])
    if not _NUMBER.fullmatch(text):
        raise call.missing()
    account = call.device.account
    return _whole(call, await call.cloud.database.read(lambda c: downloads.new_keys(c, account, int(text))))


def _whole(call: _Call, content: bytes | None) -> Response:
    """Return content that lies in memory. Raises Problem where there is none."""
    if content is None:
        raise call.missing()
    found = content

    async def read(start: int, end: int) -> bytes:
        return found[start:end]

    return _answer(call.request.headers, hashlib.sha256(found).hexdigest(), len(found), read)


async def _layer(call: _Call) -> Response:
    name = call.layer("name")
    size = await call.cloud.database.read(lambda c: downloads.layer_size(c, call.device.sid, name))
    if size is None:
        raise call.missing()
    return _answer(call.request.headers, name, size, _reader(call.cloud, name))


async def _delta(call: _Call) -> Response:
    name, base, device = call.layer("name"), call.layer("base"), call.device.sid

    def may_have(connection: Connection) -> bool:
        wanted = downloads.layer_size(connection, device, name) is not None
        return wanted and name != base and downloads.may_hold(connection, device, base)

    if not await call.cloud.database.read(may_have):
        raise call.missing()
    delta = await deltas.between(call.cloud, base, name)
    if delta.blob is None:
        raise call.missing()
    return _answer(call.request.headers, delta.blob, delta.size, _reader(call.cloud, delta.blob))


Read = Callable[[int, int], Awaitable[bytes]]


def _reader(cloud: Cloud, blob: str) -> Read:
    async def read(start: int, end: int) -> bytes:
        return await asyncio.to_thread(cloud.blobs.get, blob, start, end)

    return read


def _answer(headers: Mapping[str, str], digest: str, size: int, read: Read) -> Response:
    """Return the part of some content that a request wants."""
    tag = f'"sha256:{digest}"'
    known = {"ETag": tag, "Accept-Ranges": "bytes", "Cache-Control": "private, no-transform"}
    if tag in [one.strip() for one in headers.get("if-none-match", "").split(",")]:
        return Response(status_code=304, headers=known)
    span = _span(headers, tag, size)
    if span is None:
        return _Content(200, known, 0, size, read)
    start, end = span
    known["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    return _Content(206, known, start, end, read)


def _span(headers: Mapping[str, str], tag: str, size: int) -> tuple[int, int] | None:
    """Return the bytes wanted, or None for all: also where several ranges are wanted, or those of another content.

    Raises Problem for a range that has not one byte of the content.
    """
    match = _RANGE.fullmatch(headers.get("range", "").strip())
    if match is None or match.group() == "bytes=-" or headers.get("if-range", tag) != tag:
        return None
    first, last = match.groups()
    start = int(first) if first else max(0, size - int(last))
    end = min(size, int(last) + 1) if first and last else size
    if first and last and int(last) < int(first):
        return None  # no range at all (RFC 9110, section 14.1.1)
    if start >= end:
        raise Problem("range-not-satisfiable", str(size), {"Content-Range": f"bytes */{size}"})
    return start, end


class _Content(Response):
    """Sends bytes as they are read, to a client that takes them."""

    def __init__(self, status: int, headers: Mapping[str, str], start: int, end: int, read: Read) -> None:
        super().__init__(
            status_code=status,
            headers={**headers, "Content-Length": str(end - start)},
            media_type="application/octet-stream",
        )
        self._start, self._end, self._read = start, end, read

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        chunk = await self._read(self._start, min(self._end, self._start + CHUNK))
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        place = self._start
        while chunk and place < self._end:
            place += len(chunk)
            try:
                async with asyncio.timeout(SEND_SECONDS):
                    await send({"type": "http.response.body", "body": chunk, "more_body": place < self._end})
            except TimeoutError:
                return  # it is not completed, and the connection is closed
            chunk = await self._read(place, min(self._end, place + CHUNK)) if place < self._end else b""
        if self._start == self._end:
            await send({"type": "http.response.body", "body": b""})
