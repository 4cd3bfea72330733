"""From a request to an endpoint: who calls, what is answered, and what becomes of errors."""

from __future__ import annotations

import base64
import binascii
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from mvsdk.cloud.cloud import Cloud
from mvsdk.cloud.database import ConflictError
from mvsdk.cloud.errors import DatabaseUnreachableError, StorageFullError
from mvsdk.cloud.http.failed_logins import FailedLogins
from mvsdk.cloud.http.problems import Problem, unavailable
from mvsdk.cloud.store import accounts
from mvsdk.cloud.store.accounts import Caller
from mvsdk.errors import BundleError, KeyStoreError

_LOG = logging.getLogger("mvsdk.cloud")
CALLER = "mvsdk.caller"
"""In the scope of a request that the console passes on: the `Caller` it has found already. Clients cannot set it."""
_CROSS_ORIGIN = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "GET, POST, DELETE, OPTIONS",
    "access-control-allow-headers": "Content-Type, Authorization",
    "access-control-expose-headers": "ETag",
    "access-control-allow-credentials": "false",
}
"""On every 200 and 201 (openapi.json). No credentials: a page elsewhere may not use what a browser remembers."""


@dataclass(frozen=True, slots=True)
class Call:
    """An authenticated request."""

    request: Request
    cloud: Cloud
    caller: Caller
    base_url: str

    @property
    def account(self) -> str:
        """The account that everything in this call belongs to."""
        return self.caller.account

    def url(self, *parts: str) -> str:
        """Return the absolute URL of a resource below /v1, as this client reaches it."""
        return f"{self.base_url}v1/{'/'.join(parts)}"

    def path(self, name: str) -> str:
        """Return a part of the path."""
        return str(self.request.path_params[name])

    def missing(self) -> Problem:
        """Return the problem that what the path names does not exist, or belongs to somebody else."""
        return Problem("not-found", self.request.url.path)


Endpoint = Callable[[Call], Awaitable[Response]]
C = TypeVar("C")


def answer(document: Any, status: int = 200) -> Response:  # noqa: ANN401 - any JSON document
    """Return a JSON answer."""
    return Response(msgspec.json.encode(document), status, _CROSS_ORIGIN, "application/json")


async def while_reachable(stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield what a stream yields; it ends when the database is down, and its follower comes back."""
    try:
        async for piece in stream:
            yield piece
    except DatabaseUnreachableError as error:
        _LOG.error("stream ended: %s", error.what)


def resource(path: str, **endpoints: Endpoint) -> Route:
    """Return the route of a path whose methods (GET, POST, DELETE) are these endpoints."""
    return guarded(path, _authenticated, endpoints)


def guarded(
    path: str,
    authenticated: Callable[[Request], Awaitable[C]],
    endpoints: Mapping[str, Callable[[C], Awaitable[Response]]],
) -> Route:
    """Return the route of a path that is served to whoever `authenticated` knows; it raises Problem for all others."""

    async def serve(request: Request) -> Response:
        try:
            if "\0" in request.url.path or "%00" in request.url.query:
                raise Problem("bad-parameter", "The address has a zero character")
            endpoint = endpoints.get(request.method)
            if endpoint is None:
                raise Problem("method-not-allowed", request.method, {"Allow": ", ".join(endpoints)})
            return await endpoint(await authenticated(request))
        except Problem as problem:
            return problem.response(_base_url(request))
        except ClientDisconnect:
            return Response(status_code=400)  # nobody will read it
        except Exception as error:
            return _failure(error).response(_base_url(request))

    return Route(path, serve, methods=[*endpoints, "OPTIONS", "PUT", "PATCH", "POST", "DELETE", "GET"])


def _failure(error: Exception) -> Problem:
    """Return what a client is told of an error that its endpoint did not expect."""
    if isinstance(error, ConflictError):
        return Problem("conflict", "There is one with this name already, or it is still in use")
    if isinstance(error, BundleError):
        return Problem("bad-parameter", f"The bundle is refused: {error.what}")
    if isinstance(error, KeyStoreError):
        return Problem("bad-parameter", f"The key is refused: {error.what}")
    if isinstance(error, StorageFullError):
        return Problem("storage-full")
    if isinstance(error, DatabaseUnreachableError):
        _LOG.error("request refused: %s", error.what)
        return unavailable()
    number = secrets.token_hex(4)
    _LOG.error("request failed, number %s", number, exc_info=error)
    return Problem("internal", number)


async def _authenticated(request: Request) -> Call:
    """Return the call of whoever's credentials a request shows. Raises Problem."""
    cloud: Cloud = request.app.state.cloud
    known = request.scope.get(CALLER)
    if known is not None:
        return Call(request, cloud, known, _base_url(request))
    _refuse_foreign_pages(request)
    failed: FailedLogins = request.app.state.failed_logins
    address = request.client.host if request.client else ""
    wait = failed.wait(address, cloud.now_us())
    if wait:
        raise Problem("too-many-requests", str(wait), {"Retry-After": str(wait)})
    credentials = _basic(request.headers)
    caller = None
    if credentials:
        user, password = credentials
        caller = await cloud.database.read(lambda c: accounts.authenticate(c, user, password))
        if caller is None:
            failed.note(address, cloud.now_us())
    if caller is None:
        raise Problem("unauthorized", headers={"WWW-Authenticate": 'Basic realm="mvsdk cloud"'})
    return Call(request, cloud, caller, _base_url(request))


def _base_url(request: Request) -> str:
    """Return where the client reaches this server; the host was checked before."""
    return f"{request.scope['scheme']}://{request.headers['host']}/"


def _refuse_foreign_pages(request: Request) -> None:
    """Refuse changes that a page of another site lets a browser make: it would send the credentials it remembers."""
    if request.method != "GET" and request.headers.get("sec-fetch-site") in {"cross-site", "same-site"}:
        raise Problem("forbidden", "Pages of other sites may not change anything here")


def _basic(headers: Mapping[str, str]) -> tuple[str, str] | None:
    """Return user and password of HTTP Basic authentication (RFC 7617), or None where there is none to be read."""
    scheme, _, encoded = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (user, password) if colon else None
