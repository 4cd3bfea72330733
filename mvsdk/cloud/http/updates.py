"""/mvsdk/v1/Updates and /mvsdk/v1/Devices/{Sid}/Update: how far devices are, as they said it, once or as a stream.

A stream tells every state that is not the one it told last, so that whoever comes back sees the present ones.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.responses import Response, StreamingResponse

from mvsdk.cloud.cloud import Cloud
from mvsdk.cloud.database import Row
from mvsdk.cloud.http.calls import Call, answer, while_reachable
from mvsdk.cloud.http.description import Operation, Parameter
from mvsdk.cloud.store import devices, updates

HEARTBEAT_SECONDS = 15


class Update(msgspec.Struct):
    """How far a device is on the way to its target. Bytes are those of the wire; `reused` ones were not fetched.

    `since_us` is when the state began, null if the device has not said anything of this target.
    """

    device_sid: Annotated[str, Meta(pattern="^UV[0-9a-f]{32}$")]
    unique_name: str | None
    target_sid: str | None
    reported_sid: str | None
    state: Annotated[
        str,
        Meta(pattern="^(none|pending|downloading|staged|waiting|installing|trial|confirmed|reverted|error)$"),
    ]
    bytes_done: int
    bytes_total: int
    bytes_reused: int
    delta: bool
    reason: str
    error_code: int
    since_us: int | None


class Updates(msgspec.Struct):
    """Those of all devices."""

    updates: list[Update]


def operations() -> list[Operation]:
    """Return everything that is served here."""
    flag = {"type": "string", "enum": ["true", "false"]}
    return [
        Operation(
            "GET",
            "/Updates",
            "Return how far all devices are, or stream it and every change as server-sent events.",
            _all,
            Updates,
            query=[Parameter("Follow", "Stream, and go on", flag)],
        ),
        Operation("GET", "/Devices/{Sid}/Update", "Return how far a device is.", _one, Update),
    ]


async def _one(call: Call) -> Response:
    row = await call.cloud.database.read(lambda c: devices.find(c, call.account, call.path("Sid")))
    found = await call.cloud.database.read(lambda c: updates.find(c, row["sid"])) if row else None
    if found is None:
        raise call.missing()
    return answer(shown(found))


async def _all(call: Call) -> Response:
    if call.request.query_params.get("Follow") != "true":
        rows = await call.cloud.database.read(lambda c: updates.of_account(c, call.account))
        return answer(Updates([shown(row) for row in rows]))
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(
        while_reachable(_follow(call.cloud, call.account)), media_type="text/event-stream", headers=headers
    )


async def _follow(cloud: Cloud, account: str) -> AsyncGenerator[bytes, None]:
    told: dict[str, Update] = {}
    with cloud.signals.subscribed(f"presence {account}") as changed:
        while not cloud.signals.closed:
            changed.clear()
            now = [shown(row) for row in await cloud.database.read(lambda c: updates.of_account(c, account))]
            events = [_event(update) for update in now if told.get(update.device_sid) != update]
            told = {update.device_sid: update for update in now}
            yield b"".join(events) or b":\n\n"
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    await changed.wait()


def _event(update: Update) -> bytes:
    return b"id: 0\nevent: update\ndata: %s\n\n" % msgspec.json.encode(update)


def shown(row: Row) -> Update:
    """Return an update as the API shows it."""
    said = row["app_hash"] is not None and row["app_hash"] == row["target_hash"]
    return Update(
        device_sid=row["sid"],
        unique_name=row["unique_name"],
        target_sid=row["target_sid"],
        reported_sid=row["reported_sid"],
        state=updates.state(row),
        bytes_done=row["bytes_done"] if said else 0,
        bytes_total=row["bytes_total"] if said else 0,
        bytes_reused=row["bytes_reused"] if said else 0,
        delta=bool(said and row["delta"]),
        reason=row["reason"] if said else "",
        error_code=row["update_error_code"],
        since_us=row["since_us"] if said else None,
    )
