"""Devices show who they are, in sessions and in requests alike: by token, or by certificate where TLS is spoken."""

from __future__ import annotations

import hashlib

from starlette.requests import HTTPConnection

from mvsdk.cloud.cloud import Cloud
from mvsdk.cloud.http.failed_logins import FailedLogins
from mvsdk.cloud.http.web_server import CLIENT_CERTIFICATE
from mvsdk.cloud.store import sessions
from mvsdk.cloud.store.sessions import Device


def seconds_to_wait(connection: HTTPConnection) -> int:
    """Return how long an address that has shown too many wrong credentials is not listened to; 0 for all others."""
    failed, address = _failed(connection)
    cloud: Cloud = connection.app.state.cloud
    return failed.wait(address, cloud.now_us())


async def authenticated(connection: HTTPConnection) -> Device | None:
    """Return the device that has shown its token or, without any, its certificate."""
    cloud: Cloud = connection.app.state.cloud
    certificate: bytes | None = connection.scope.get("state", {}).get(CLIENT_CERTIFICATE)
    if certificate and "authorization" not in connection.headers:
        shown = hashlib.sha256(certificate).digest()
        return await cloud.database.read(lambda c: sessions.certified(c, shown))
    scheme, _, credentials = connection.headers.get("authorization", "").partition(" ")
    sid, _, token = credentials.partition(":")
    if scheme.lower() != "bearer":
        return None
    device = await cloud.database.read(lambda c: sessions.authenticate(c, sid, token))
    if device is None:
        failed, address = _failed(connection)
        failed.note(address, cloud.now_us())
    return device


def _failed(connection: HTTPConnection) -> tuple[FailedLogins, str]:
    return connection.app.state.failed_logins, connection.client.host if connection.client else ""
