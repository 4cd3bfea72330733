"""Everything that is served, as one ASGI application."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from mvsdk.cloud.cloud import Cloud
from mvsdk.cloud.console import pages
from mvsdk.cloud.errors import DatabaseUnreachableError
from mvsdk.cloud.http import additions, apps, devices, downloads, sessions, settings
from mvsdk.cloud.http.failed_logins import FailedLogins
from mvsdk.cloud.http.known_hosts import KnownHosts
from mvsdk.cloud.http.problems import Problem, kinds, unavailable

LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")


def application(cloud: Cloud, *, hosts: Sequence[str] = LOCAL_HOSTS) -> Starlette:
    """Return the application that serves `cloud`.

    Requests are taken only under one of these host names.
    """
    app = Starlette(
        routes=[
            *apps.routes(),
            *devices.routes(),
            *settings.routes(),
            *additions.routes(),
            *sessions.routes(),
            *downloads.routes(),
            *pages.routes(),
            Route("/errors/{code}", _explain),
        ],
        middleware=[Middleware(KnownHosts, hosts=hosts)],
        exception_handlers={HTTPException: _unrouted, DatabaseUnreachableError: _unavailable},
    )
    app.router.redirect_slashes = False
    app.state.cloud = cloud
    app.state.failed_logins = FailedLogins()
    app.state.downloads = downloads.Slots(cloud.downloads_most)
    return app


async def _explain(request: Request) -> Response:
    """Say what an error code means; `more_info` of every problem leads here."""
    code = request.path_params["code"]
    found = [kind for kind in kinds().values() if str(kind.code) == code]
    if not found:
        raise HTTPException(404)
    text = "\n".join(f"{kind.code} (HTTP {kind.status}) {kind.name}: {kind.message}" for kind in found)
    return PlainTextResponse(text + "\n")


async def _unavailable(request: Request, error: Exception) -> Response:
    """Answer for pages that cannot be shown at present; the API has said so itself."""
    logging.getLogger("mvsdk.cloud").error("page refused: %s", error)
    if "text/html" in request.headers.get("accept", ""):
        return pages.unavailable()
    return unavailable().response(str(request.base_url))


async def _unrouted(request: Request, error: Exception) -> Response:
    """Answer for paths that lead nowhere."""
    del error
    return Problem("not-found", request.url.path).response(str(request.base_url))
