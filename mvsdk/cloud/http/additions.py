"""/mvsdk/v1: what the original API has no call for."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mvsdk import __version__
from mvsdk.cloud import passwords
from mvsdk.cloud.database import Connection, Row
from mvsdk.cloud.errors import CertificateRequestError
from mvsdk.cloud.http import access, description, forms, logs, new_keys, policies, rollouts, tags, updates
from mvsdk.cloud.http.calls import Call, answer
from mvsdk.cloud.http.description import Operation, Parameter
from mvsdk.cloud.http.devices import shown
from mvsdk.cloud.http.problems import Problem
from mvsdk.cloud.store import audit, devices

_COUNTED = ("apps", "devices", "configs", "secrets")
_PEM_LENGTH = 4096


class Status(msgspec.Struct):
    """What a server is and how much it holds."""

    version: str
    account_sid: str
    counts: dict[str, int]


class NewDevice(msgspec.Struct):
    """A device that was just made. Its token is in this answer and nowhere else. More fields: those of /v1/Devices."""

    sid: Annotated[str, Meta(pattern="^UV[0-9a-f]{32}$")]
    unique_name: str | None
    token: str


class DeviceCertificate(msgspec.Struct):
    """A certificate (PEM) that a device may show in place of its token, where TLS is spoken."""

    device_sid: Annotated[str, Meta(pattern="^UV[0-9a-f]{32}$")]
    certificate: str


class Records(msgspec.Struct):
    """What a device said, behind a cursor. `missing` counts what retention has removed before the first."""

    missing: int
    records: list[RecordShown]
    last_cursor: int


class RecordShown(msgspec.Struct):
    """One record. Times are Unix microseconds: the device's clock, and the arrival."""

    cursor: int
    kind: Annotated[str, Meta(pattern="^(log|start|crash|gap)$")]
    time_us: int
    received_us: int
    text: str


class AuditTrail(msgspec.Struct):
    """Who changed what. `first_broken` is the number of the first entry that was tampered with, 0 if the last are
    missing; null if none was, or nobody asked."""

    entries: list[AuditEntry]
    first_broken: int | None


class AuditEntry(msgspec.Struct):
    """One change, at a Unix time in microseconds."""

    number: int
    at_us: int
    who: str
    what: str
    subject: str


def operations() -> list[Operation]:
    """Return everything that is served here."""
    text = {"type": "string", "maxLength": 121}
    number = {"type": "integer", "minimum": 0, "maximum": 2**53}
    flag = {"type": "string", "enum": ["true", "false"]}
    return [
        Operation("GET", "/Status", "Say what this server is.", _status, Status),
        Operation(
            "POST",
            "/Devices",
            "Make a device.",
            _create_device,
            NewDevice,
            status=201,
            form=[Parameter("UniqueName", "A name of its own within the account", text)],
        ),
        Operation(
            "POST",
            "/Devices/{Sid}/Certificate",
            "Sign a device's certificate request; the certificate it had before counts no longer.",
            _certify,
            DeviceCertificate,
            status=201,
            form=[Parameter("Request", "PEM text of a PKCS #10 request with a P-256 key", required=True)],
        ),
        Operation(
            "GET",
            "/Devices/{Sid}/Logs",
            "Return what a device said, or stream it and what it says next as server-sent events.",
            logs.serve,
            Records,
            query=[
                Parameter("After", "Begin behind this cursor", number),
                Parameter("Since", "Begin with what arrived since this time, Unix microseconds", number),
                Parameter("Follow", "Stream, and go on", flag),
            ],
        ),
        Operation(
            "GET",
            "/Audit",
            "Return the latest changes, newest first.",
            _audit,
            AuditTrail,
            query=[Parameter("Verify", "Check the whole trail too, which takes its time", flag)],
        ),
        *tags.operations(),
        *rollouts.operations(),
        *updates.operations(),
        *access.operations(),
        *new_keys.operations(),
        *policies.operations(),
    ]


def routes() -> list[Route]:
    """Return the routes of these resources, and of their description."""
    return [*description.routes(operations()), Route(f"{description.PREFIX}/openapi.json", _describe)]


async def _describe(request: Request) -> Response:
    """Serve the OpenAPI document; it tells nothing that needs a login."""
    del request
    return JSONResponse(description.openapi(operations()))


async def _status(call: Call) -> Response:
    def count(connection: Connection) -> dict[str, int]:
        counts = {}
        for table in _COUNTED:
            sql = f"SELECT count(*) AS count FROM {table} WHERE account_sid = ?"  # noqa: S608 - our own text
            row = connection.execute(sql, (call.account,)).fetchone()
            counts[table] = int(row["count"]) if row else 0
        return counts

    return answer(Status(__version__, call.account, await call.cloud.database.read(count)))


async def _create_device(call: Call) -> Response:
    fields = await forms.read_form(call.request, {"UniqueName"})
    unique_name, token, now_us = forms.unique_name(fields), passwords.new_token(), call.cloud.now_us()

    def create(connection: Connection) -> Row:
        row = devices.add(connection, call.account, unique_name, token, now_us)
        audit.record(connection, call.account, now_us, call.caller.who, "create device", row["sid"])
        return row

    row = await call.cloud.database.write(create)
    call.cloud.signals.send(f"presence {call.account}")
    return answer({**shown(call, row), "token": token}, 201)


async def _certify(call: Call) -> Response:
    fields = await forms.read_form(call.request, {"Request"})
    request = forms.required(fields, "Request", _PEM_LENGTH)
    row = await call.cloud.database.read(lambda c: devices.find(c, call.account, call.path("Sid")))
    if row is None:
        raise call.missing()
    sid, now_us = row["sid"], call.cloud.now_us()
    try:
        certificate, fingerprint = call.cloud.device_authority.issue(request.encode(), sid)
    except CertificateRequestError as error:
        raise Problem("bad-parameter", f"The parameter Request is refused: {error.what}") from error

    def certify(connection: Connection) -> None:
        devices.certify(connection, sid, fingerprint, now_us)
        audit.record(connection, call.account, now_us, call.caller.who, "certify device", sid)

    await call.cloud.database.write(certify)
    return answer(DeviceCertificate(sid, certificate), 201)


async def _audit(call: Call) -> Response:
    verify = call.request.query_params.get("Verify") == "true"

    def look(connection: Connection) -> AuditTrail:
        rows = connection.execute(
            "SELECT * FROM audit WHERE account_sid = ? ORDER BY number DESC LIMIT 1000", (call.account,)
        ).fetchall()
        entries = [AuditEntry(row["number"], row["at_us"], row["who"], row["what"], row["subject"]) for row in rows]
        return AuditTrail(entries, audit.first_broken(connection) if verify else None)

    return answer(await call.cloud.database.snapshot(look))
