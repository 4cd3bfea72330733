"""/v1/Devices: what they are to run, and what they said."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from mvsdk.cloud.database import Connection, Row
from mvsdk.cloud.http import forms, paging
from mvsdk.cloud.http.calls import Call, answer, resource
from mvsdk.cloud.http.dates import date
from mvsdk.cloud.http.problems import Problem
from mvsdk.cloud.store import apps, audit, commands, devices
from mvsdk.cloud.store.pages import cut_page


def routes() -> list[Route]:
    """Return the routes of this resource."""
    return [resource("/v1/Devices", GET=_list), resource("/v1/Devices/{Sid}", GET=_fetch, POST=_update)]


async def _list(call: Call) -> Response:
    cut, size, number = paging.wanted(call.request.query_params, int)
    page = await call.cloud.database.read(lambda c: cut_page(c, devices.LISTING, [call.account], cut, size))
    return answer(paging.listed("devices", call.url("Devices"), page, size, number, lambda row: shown(call, row)))


async def _fetch(call: Call) -> Response:
    row = await call.cloud.database.read(lambda c: devices.find(c, call.account, call.path("Sid")))
    if row is None:
        raise call.missing()
    return answer(shown(call, row))


async def _update(call: Call) -> Response:
    fields = await forms.read_form(call.request, {"UniqueName", "TargetApp", "LoggingEnabled", "RestartApp"})
    logging, restart = forms.boolean(fields, "LoggingEnabled"), forms.boolean(fields, "RestartApp")
    unique_name = forms.unique_name(fields)
    now_us = call.cloud.now_us()

    def change(connection: Connection) -> Row | None:
        row = devices.find(connection, call.account, call.path("Sid"))
        if row is None:
            return None
        sid: str = row["sid"]
        if "UniqueName" in fields:
            devices.rename(connection, sid, unique_name, now_us)
        if "TargetApp" in fields:
            devices.target(connection, sid, _target(connection, call.account, fields["TargetApp"]), now_us)
        if logging is not None:
            devices.set_logging(connection, sid, enabled=logging, now_us=now_us)
        if restart:
            commands.add(connection, sid, commands.RESTART, now_us)
        what = f"update device: {', '.join(f'{name}={value}' for name, value in fields.items()) or 'nothing'}"
        audit.record(connection, call.account, now_us, call.caller.who, what, sid)
        return devices.find(connection, call.account, sid)

    row = await call.cloud.database.write(change)
    if row is None:
        raise call.missing()
    call.cloud.signals.send(f"device {row['sid']}")
    call.cloud.signals.send(f"presence {call.account}")
    return answer(shown(call, row))


def _target(connection: Connection, account: str, name: str) -> str:
    app = apps.find(connection, account, name)
    if app is None:
        raise Problem("bad-parameter", "The parameter TargetApp is neither SID nor unique name of an app")
    sid: str = app["sid"]
    return sid


def shown(call: Call, row: Row) -> dict[str, Any]:
    """Return a device as the API shows it (rest-api.md, "Response objects")."""
    url = call.url("Devices", row["sid"])
    until = row["logging_until_us"]
    logging = until is not None and until > call.cloud.now_us()
    return {
        "sid": row["sid"],
        "unique_name": row["unique_name"],
        "account_sid": row["account_sid"],
        "app": {
            "target_sid": row["target_sid"],
            "target_hash": row["target_hash"],
            "date_targeted": date(row["targeted_us"]),
            "update_status": devices.update_status(row),
            "update_error_code": row["update_error_code"],
            "reported_sid": row["reported_sid"],
            "date_reported": date(row["reported_us"]),
        },
        "logging": {"enabled": logging, "date_expires": date(until) if logging else None},
        "date_created": date(row["created_us"]),
        "date_updated": date(row["updated_us"]),
        "url": url,
        "links": {"device_configs": f"{url}/Configs", "device_secrets": f"{url}/Secrets"},
    }
