"""/mvsdk/v1: what the original API has no call for."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from mvsdk import __version__
from mvsdk.cloud import passwords
from mvsdk.cloud.database import Connection, Row
from mvsdk.cloud.http import forms
from mvsdk.cloud.http.calls import Call, answer, resource
from mvsdk.cloud.http.devices import shown
from mvsdk.cloud.store import accounts, audit, devices
from mvsdk.keys import PublicKey

_COUNTED = ("apps", "devices", "configs", "secrets")
_PEM_LENGTH = 4096


def routes() -> list[Route]:
    """Return the routes of these resources."""
    return [
        resource("/mvsdk/v1/Status", GET=_status),
        resource("/mvsdk/v1/Devices", POST=_create_device),
        resource("/mvsdk/v1/Signers", POST=_trust),
    ]


async def _status(call: Call) -> Response:
    """Say what this server is and how much it holds."""

    def count(connection: Connection) -> dict[str, int]:
        counts = {}
        for table in _COUNTED:
            sql = f"SELECT count(*) AS count FROM {table} WHERE account_sid = ?"  # noqa: S608 - our own text
            row = connection.execute(sql, (call.account,)).fetchone()
            counts[table] = int(row["count"]) if row else 0
        return counts

    counts = await call.cloud.database.read(count)
    return answer({"version": __version__, "account_sid": call.account, "counts": counts})


async def _create_device(call: Call) -> Response:
    """Make a device; its token is in this answer and nowhere else."""
    fields = await forms.read_form(call.request, {"UniqueName"})
    unique_name, token, now_us = forms.unique_name(fields), passwords.new_token(), call.cloud.now_us()

    def create(connection: Connection) -> Row:
        row = devices.add(connection, call.account, unique_name, token, now_us)
        audit.record(connection, call.account, now_us, call.caller.who, "create device", row["sid"])
        return row

    document: dict[str, Any] = shown(call, await call.cloud.database.write(create))
    return answer(document | {"token": token}, 201)


async def _trust(call: Call) -> Response:
    """Let bundles signed with a key be uploaded."""
    fields = await forms.read_form(call.request, {"Name", "PublicKey"})
    name = forms.required(fields, "Name", 100)
    key = PublicKey.from_pem(
        forms.required(fields, "PublicKey", _PEM_LENGTH).encode(), origin="the parameter PublicKey"
    )

    def trust(connection: Connection) -> None:
        accounts.trust(connection, call.account, {name: key})
        audit.record(connection, call.account, call.cloud.now_us(), call.caller.who, "trust signer", f"{key.id:016x}")

    await call.cloud.database.write(trust)
    return answer({"name": name, "id": f"{key.id:016x}"}, 201)
