"""The console's page of rollouts: how far each stage is, live, and what can be done about it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import msgspec
from starlette.requests import Request

from mvsdk.cloud.cloud import Cloud
from mvsdk.cloud.console.visits import Visit
from mvsdk.cloud.database import Connection
from mvsdk.cloud.http import rollouts
from mvsdk.cloud.store import apps
from mvsdk.cloud.store import rollouts as store
from mvsdk.cloud.store.pages import Cut, cut_page

HEARTBEAT_SECONDS = 15
SHOWN_MOST = 50
"""Rollouts on the page; the command line lists all."""
ACTIONS = {
    "Start": ("created",),
    "Approve": ("created",),
    "Pause": ("running",),
    "Resume": ("paused",),
    "Abort": ("created", "running", "paused"),
}
"""What can be done, and in which states."""


async def show(cloud: Cloud, visit: Visit, request: Request) -> tuple[str, Mapping[str, Any]]:
    """Return the template of the page, and what it shows."""

    def look(connection: Connection) -> dict[str, Any]:
        account = visit.caller.account
        return {
            "rollouts": _views(connection, account),
            "apps": cut_page(connection, apps.LISTING, [account], Cut(), SHOWN_MOST).rows,
            "actions": ACTIONS,
            "default_stages": rollouts.DEFAULT_STAGES,
            "default_gate": rollouts.DEFAULT_GATE,
        }

    return "rollouts.html", await cloud.database.read(look)


async def states(cloud: Cloud, account: str) -> AsyncGenerator[bytes, None]:
    """Yield the states of all rollouts on the page, whenever something may have changed, as server-sent events."""
    told: list[dict[str, Any]] | None = None
    with cloud.signals.subscribed(f"presence {account}") as changed:
        while not cloud.signals.closed:
            changed.clear()
            now = await cloud.database.read(lambda c: _views(c, account))
            yield b":\n\n" if now == told else b"data: %s\n\n" % msgspec.json.encode(now)
            told = now
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    await changed.wait()


def _views(connection: Connection, account: str) -> list[dict[str, Any]]:
    views = []
    for row in cut_page(connection, store.LISTING, [account], Cut(), SHOWN_MOST).rows:
        shown = rollouts.shown(connection, row)
        app = apps.find(connection, account, shown.app_sid)
        view = msgspec.structs.asdict(shown)
        view["app"] = (app["unique_name"] or app["sid"]) if app else shown.app_sid
        view["stages"] = [_bar(stage) for stage in shown.stages]
        views.append(view)
    return views


def _bar(stage: rollouts.Stage) -> dict[str, Any]:
    """Return a stage with the parts of its bar: percents that are through, that failed, and that are on the way."""
    whole = stage.devices or 1
    failed = stage.reverted + stage.error
    good, bad, wait = (round(100 * count / whole, 2) for count in (stage.updated, failed, stage.given))
    text = f"{stage.updated} of {stage.devices} updated" + (f", {failed} failed" if failed else "")
    return {"percent": f"{stage.percent:g}", "good": good, "bad": bad, "wait": wait, "text": text}
