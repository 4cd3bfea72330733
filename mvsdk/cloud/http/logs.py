"""/mvsdk/v1/Devices/{Sid}/Logs: what a device said, as pages or as a stream that goes on.

A stream is server-sent events: `id` is the record's cursor, so a client that comes back (Last-Event-ID) misses nothing.
What retention has removed meanwhile is told as an event "gap". Every follower reads the database at its own pace.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from mvsdk.cloud.cloud import Cloud
from mvsdk.cloud.database import Connection, Row
from mvsdk.cloud.http.calls import Call, answer, while_reachable
from mvsdk.cloud.http.problems import Problem
from mvsdk.cloud.store import devices, records

PAGE = 500
HEARTBEAT_SECONDS = 15
_CURSOR_MOST = 2**62


async def serve(call: Call) -> Response:
    """Query: After (a cursor) or Since (Unix microseconds); without either from the first record kept. Follow=true."""
    cloud = call.cloud
    device = await cloud.database.read(lambda c: devices.find(c, call.account, call.path("Sid")))
    if device is None:
        raise call.missing()
    sid: str = device["sid"]
    cursor = await cloud.database.read(lambda c: _start(c, call.request, sid))
    if call.request.query_params.get("Follow") != "true":
        return answer(await _page(cloud, sid, cursor))
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    lines = while_reachable(follow(cloud, sid, cursor))
    return StreamingResponse(lines, media_type="text/event-stream", headers=headers)


def _start(connection: Connection, request: Request, device: str) -> int:
    after = request.headers.get("last-event-id") or request.query_params.get("After")
    since = request.query_params.get("Since")
    if after is not None:
        return _number("After", after)
    if since is not None:
        return records.cursor_since(connection, device, _number("Since", since))
    return 0


def _number(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) < _CURSOR_MOST):
        raise Problem("bad-parameter", f"The parameter {name} is not a number")
    return int(text)


async def _page(cloud: Cloud, device: str, cursor: int) -> dict[str, Any]:
    """Return the records behind a cursor; `missing` counts those that retention has removed."""

    def look(connection: Connection) -> tuple[int, Sequence[Row]]:
        # In this order: a record that arrives in between is then found, not missed.
        return records.last_cursor(connection, device), records.after(connection, device, cursor, PAGE)

    last, rows = await cloud.database.read(look)
    last = rows[-1]["cursor"] if rows else last
    return {
        "missing": max(0, (rows[0]["cursor"] if rows else last + 1) - cursor - 1),
        "records": [shown(row) for row in rows],
        "last_cursor": max(last, cursor),
    }


async def follow(cloud: Cloud, device: str, cursor: int) -> AsyncGenerator[bytes, None]:
    """Yield events for all records behind a cursor, and for those to come, until the server stops."""
    with cloud.signals.subscribed(f"records {device}") as arrived:
        while not cloud.signals.closed:
            arrived.clear()
            events, last = await _events(cloud, device, cursor)
            yield events or b":\n\n"
            if last == cursor:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(HEARTBEAT_SECONDS):
                        await arrived.wait()
            cursor = last


async def _events(cloud: Cloud, device: str, cursor: int) -> tuple[bytes, int]:
    """Return the next events behind a cursor, and the cursor behind them.

    Followers of one device who stand at the same place, as most do, get the same bytes.
    """
    last = await cloud.database.read(lambda c: records.last_cursor(c, device))
    if last <= cursor:
        return b"", cursor
    place = device, cursor, last
    found = cloud.rendered_events.get(place)
    if found is None:
        page = await _page(cloud, device, cursor)
        gap = {"missing": page["missing"]}
        events = [_event(cursor + page["missing"], "gap", gap)] if page["missing"] else []
        events += [_event(record["cursor"], record["kind"], record) for record in page["records"]]
        found = b"".join(events), page["last_cursor"]
        cloud.rendered_events.put(place, found)
    return found


def _event(number: int, kind: str, document: dict[str, Any]) -> bytes:
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (number, kind.encode(), msgspec.json.encode(document))


def shown(row: Row) -> dict[str, Any]:
    """Return a record as the API shows it. Times are Unix microseconds."""
    return {
        "cursor": row["cursor"],
        "kind": row["kind"],
        "time_us": row["time_us"],
        "received_us": row["received_us"],
        "text": row["text"],
    }
