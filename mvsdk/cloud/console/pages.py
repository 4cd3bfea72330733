"""The console's pages, their live streams, and the one way in which a form changes something: through the API."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

import msgspec
from jinja2 import Environment, PackageLoader, select_autoescape
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Message

from mvsdk.cloud import identifiers
from mvsdk.cloud.cloud import Cloud
from mvsdk.cloud.console import access_pages, rollout_pages, visits
from mvsdk.cloud.console.visits import Visit
from mvsdk.cloud.database import Connection, Row
from mvsdk.cloud.http import forms, logs, problems
from mvsdk.cloud.http.calls import CALLER, while_reachable
from mvsdk.cloud.http.dates import date
from mvsdk.cloud.http.problems import Problem
from mvsdk.cloud.store import accounts, apps, devices, records, sessions, settings, users
from mvsdk.cloud.store.accounts import Caller
from mvsdk.cloud.store.pages import Cut, cut_page

HEARTBEAT_SECONDS = 15
SHOWN_MOST = 200
"""Rows of one kind on a page; a fleet larger than that is the command line's."""
LOG_LINES = 500
_SAFE = {
    "content-security-policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}
_METHODS = frozenset({"POST", "DELETE"})
_SHOWN_ONCE = {"/mvsdk/v1/ApiKeys": "key.html"}
"""What was made where the answer says something that nobody is told again, and the template that shows it."""


def routes() -> list[Route | Mount]:
    """Return the console's routes."""
    return [
        Route("/", _page(_devices)),
        Route("/devices/{Sid}", _page(_device)),
        Route("/apps", _page(_apps)),
        Route("/rollouts", _page(rollout_pages.show)),
        Route("/settings", _page(_settings)),
        Route("/keys", _page(access_pages.show_keys)),
        Route("/access", _page(access_pages.show_access)),
        Route("/login", _log_in, methods=["POST"]),
        Route("/logout", _log_out, methods=["POST"]),
        Route("/console/events", _live(_states)),
        Route("/console/rollouts", _live(rollout_pages.states)),
        Route("/console/devices/{Sid}/log", _log),
        Route("/console/do/{method}/{path:path}", _act, methods=["POST"]),
        Mount("/static", StaticFiles(directory=str(files(__package__).joinpath("static")))),
    ]


# -- pages -------------------------------------------------------------------------------------------------------------

Shown = tuple[str, Mapping[str, Any]]
"""A template's name, and what it shows."""


def _page(show: Callable[[Cloud, Visit, Request], Awaitable[Shown]]) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:
        cloud: Cloud = request.app.state.cloud
        visit = await visits.current(cloud, request)
        if visit is None:
            return _render("login.html", {"back": request.url.path}, status=401)
        try:
            template, content = await show(cloud, visit, request)
        except Problem as problem:
            return _wrong(visit, problem.kind.status, problem.kind.message.format(detail=problem.detail))
        return _render(template, {**content, "visit": visit, "path": request.url.path})

    return serve


async def _devices(cloud: Cloud, visit: Visit, request: Request) -> Shown:
    def look(connection: Connection) -> dict[str, Any]:
        rows = _some(connection, devices.LISTING, visit.caller.account)
        return {"devices": [_device_view(cloud, connection, row) for row in rows], "most": SHOWN_MOST}

    return "devices.html", await cloud.database.read(look)


async def _device(cloud: Cloud, visit: Visit, request: Request) -> Shown:
    account = visit.caller.account

    def look(connection: Connection) -> dict[str, Any] | None:
        row = devices.find(connection, account, request.path_params["Sid"])
        if row is None:
            return None
        sid = row["sid"]
        last = records.last_cursor(connection, sid)
        lines = records.after(connection, sid, max(0, last - LOG_LINES), LOG_LINES)
        crashes = connection.execute(
            "SELECT * FROM records WHERE device_sid = ? AND kind IN ('crash', 'start') ORDER BY cursor DESC LIMIT 20",
            (sid,),
        ).fetchall()
        return {
            "device": _device_view(cloud, connection, row),
            "apps": _some(connection, apps.LISTING, account),
            "configs": _some(connection, settings.CONFIGS, account, sid),
            "secrets": _some(connection, settings.SECRETS, account, sid),
            "base": f"v1/Devices/{sid}",
            "lines": lines,
            "history": crashes,
            "cursor": last,
        }

    found = await cloud.database.read(look)
    if found is None:
        raise Problem("not-found", request.url.path)
    return "device.html", found


async def _apps(cloud: Cloud, visit: Visit, request: Request) -> Shown:
    def look(connection: Connection) -> dict[str, Any]:
        found = []
        for row in _some(connection, apps.LISTING, visit.caller.account):
            layers = connection.execute("SELECT * FROM layers WHERE app_sid = ?", (row["sid"],)).fetchall()
            count = connection.execute(
                "SELECT count(*) AS count FROM devices WHERE target_sid = ?", (row["sid"],)
            ).fetchone()
            found.append({**row, "layers": layers, "devices": count["count"] if count else 0})
        return {"apps": found}

    return "apps.html", await cloud.database.read(look)


async def _settings(cloud: Cloud, visit: Visit, request: Request) -> Shown:
    def look(connection: Connection) -> dict[str, Any]:
        account = visit.caller.account
        configs = _some(connection, settings.CONFIGS, account, "")
        return {"configs": configs, "secrets": _some(connection, settings.SECRETS, account, ""), "base": "v1"}

    return "settings.html", await cloud.database.read(look)


def _some(connection: Connection, listing: Any, *parameters: str) -> list[Row]:  # noqa: ANN401 - a Listing
    return list(cut_page(connection, listing, parameters, Cut(), SHOWN_MOST).rows)


def _device_view(cloud: Cloud, connection: Connection, row: Row) -> dict[str, Any]:
    """Return what the pages show of a device."""
    names = {}
    for column in ("target_sid", "reported_sid"):
        app = apps.find(connection, row["account_sid"], row[column]) if row[column] else None
        names[column.removesuffix("_sid")] = (app["unique_name"] or app["sid"]) if app else (row[column] or "")
    now_us, until = cloud.now_us(), row["logging_until_us"]
    return {
        **row,
        **names,
        "name": row["unique_name"] or row["sid"],
        "connected": sessions.is_connected(row, now_us),
        "update": devices.update_status(row),
        "logging": until is not None and until > now_us,
    }


# -- logging in and out ------------------------------------------------------------------------------------------------


async def _log_in(request: Request) -> Response:
    cloud: Cloud = request.app.state.cloud
    failed, address = request.app.state.failed_logins, request.client.host if request.client else ""
    try:
        if request.headers.get("origin") not in (None, str(request.base_url).rstrip("/")):
            raise Problem("forbidden", "This form is not one of the console's pages")
        fields = await forms.read_form(request, {"user", "token", "back"})
        wait = failed.wait(address, cloud.now_us())
        if wait:
            raise Problem("too-many-requests", str(wait))
        user, token = fields.get("user", ""), fields.get("token", "")
        caller = await _known(cloud, user, token)
        if caller is None:
            failed.note(address, cloud.now_us())
            raise Problem("unauthorized")
    except Problem as problem:
        message = problem.kind.message.format(detail=problem.detail)
        return _render("login.html", {"back": "/", "error": message}, status=problem.kind.status)
    response = RedirectResponse(_way_back(fields.get("back", "/")), 303)
    await visits.begin(cloud, caller, response, secure=request.url.scheme == "https")
    return response


async def _known(cloud: Cloud, user: str, token: str) -> Caller | None:
    """Return whose credentials these are: those of the API, or a user's name and password."""
    if identifiers.is_unique_name(user):
        row = await cloud.database.read(lambda c: users.find(c, user))
        right = await asyncio.to_thread(users.is_password, row, token)
        return Caller(row["account_sid"], user) if row and right else None
    return await cloud.database.read(lambda c: accounts.authenticate(c, user, token))


async def _log_out(request: Request) -> Response:
    cloud: Cloud = request.app.state.cloud
    visit = await visits.current(cloud, request)
    if visit is not None:
        try:
            visits.check_form(request, visit, request.query_params.get("form", ""))
        except Problem as problem:
            return _wrong(visit, problem.kind.status, problem.kind.message.format(detail=problem.detail))
    response = RedirectResponse("/", 303)
    visits.end(response)
    return response


# -- doing -------------------------------------------------------------------------------------------------------------


async def _act(request: Request) -> Response:
    """Let the API do what a form asks for, as whoever is logged in, and go back to the form's page."""
    cloud: Cloud = request.app.state.cloud
    visit = await visits.current(cloud, request)
    if visit is None:
        return RedirectResponse("/", 303)
    method, path = request.path_params["method"], "/" + request.path_params["path"]
    try:
        visits.check_form(request, visit, request.query_params.get("form", ""))
        if method not in _METHODS:
            raise Problem("method-not-allowed", method)
    except Problem as problem:
        return _wrong(visit, problem.kind.status, problem.kind.message.format(detail=problem.detail))
    status, body = await _inside(request, visit, method, path)
    if status >= 400:
        return _wrong(visit, status, msgspec.json.decode(body).get("message", "It did not work"))
    if path in _SHOWN_ONCE and method == "POST":
        return _render(_SHOWN_ONCE[path], {"made": msgspec.json.decode(body), "visit": visit, "path": ""})
    return RedirectResponse(_way_back(request.query_params.get("back", "/")), 303)


async def _inside(request: Request, visit: Visit, method: str, path: str) -> tuple[int, bytes]:
    """Pass a request on to the API; return status and body of its answer."""
    status, body = 500, bytearray()

    async def send(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        else:
            body.extend(message.get("body", b""))

    scope = {**request.scope, "method": method, "path": path, "raw_path": path.encode(), "query_string": b""}
    scope[CALLER] = visit.caller
    for matched in ("path_params", "endpoint", "router"):
        scope.pop(matched, None)
    await request.app.router(scope, request.receive, send)
    return status, bytes(body)


def _way_back(path: str) -> str:
    """Return a path of this site, whatever was asked for."""
    parts = urlsplit(path)
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) and not parts.netloc else "/"


# -- live --------------------------------------------------------------------------------------------------------------


def _live(states: Callable[[Cloud, str], AsyncGenerator[bytes, None]]) -> Callable[[Request], Awaitable[Response]]:
    """Return what streams the states of something of an account to whoever is logged in."""

    async def serve(request: Request) -> Response:
        cloud: Cloud = request.app.state.cloud
        visit = await visits.current(cloud, request)
        if visit is None:
            return Response(status_code=401)
        events = visits.while_it_lasts(cloud, request, states(cloud, visit.caller.account))
        return StreamingResponse(while_reachable(events), media_type="text/event-stream", headers=_SAFE)

    return serve


async def _states(cloud: Cloud, account: str) -> AsyncGenerator[bytes, None]:
    """Yield the states of all devices whenever one of them changes."""

    def look(connection: Connection) -> list[dict[str, Any]]:
        shown = ("sid", "connected", "update", "target", "reported", "logging", "wake_reason")
        rows = [_device_view(cloud, connection, row) for row in _some(connection, devices.LISTING, account)]
        return [{name: row[name] for name in shown} for row in rows]

    with cloud.signals.subscribed(f"presence {account}") as changed:
        while not cloud.signals.closed:
            changed.clear()
            yield b"data: %s\n\n" % msgspec.json.encode(await cloud.database.read(look))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    await changed.wait()


async def _log(request: Request) -> Response:
    """Stream a device's log from a cursor on."""
    cloud: Cloud = request.app.state.cloud
    visit = await visits.current(cloud, request)
    if visit is None:
        return Response(status_code=401)
    row = await cloud.database.read(lambda c: devices.find(c, visit.caller.account, request.path_params["Sid"]))
    text = request.headers.get("last-event-id") or request.query_params.get("After", "0")
    if row is None or not (text.isascii() and text.isdigit() and len(text) < 18):
        return Response(status_code=404)
    lines = visits.while_it_lasts(cloud, request, logs.follow(cloud, row["sid"], int(text)))
    return StreamingResponse(while_reachable(lines), media_type="text/event-stream", headers=_SAFE)


# -- rendering ---------------------------------------------------------------------------------------------------------


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader(__package__), autoescape=select_autoescape(default=True), trim_blocks=True
    )
    environment.filters["date"] = lambda value: (date(value) or "").replace("T", " ").removesuffix("Z")
    return environment


def _render(template: str, content: Mapping[str, Any], status: int = 200) -> Response:
    return HTMLResponse(_templates().get_template(template).render(content), status, _SAFE)


def unavailable() -> Response:
    """Return what is shown while the database is down: the browser asks again by itself."""
    problem = problems.unavailable()
    message = problem.kind.message.format(detail=problem.detail)
    answer = _render("unavailable.html", {"message": message, "seconds": problem.detail}, problem.kind.status)
    answer.headers.update(problem.headers or {})
    return answer


def _wrong(visit: Visit, status: int, message: str) -> Response:
    return _render("wrong.html", {"visit": visit, "message": message, "path": ""}, status)
