"""How devices are to update themselves: /mvsdk/v1/UpdatePolicy for all, Devices/{Sid}/UpdatePolicy for one, and
Devices/{Sid}/Target, which says it together with the app."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from starlette.responses import Response

from mvsdk.cloud import policies
from mvsdk.cloud.database import Connection
from mvsdk.cloud.http import forms
from mvsdk.cloud.http.calls import Call, answer
from mvsdk.cloud.http.description import Operation, Parameter
from mvsdk.cloud.http.problems import Problem
from mvsdk.cloud.http.updates import Update, shown
from mvsdk.cloud.policies import PolicyPart
from mvsdk.cloud.store import accounts, apps, audit, devices, sessions, updates, way_back
from mvsdk.link import UpdatePolicy

FIELDS = ("TrialSeconds", "TrialNeedsSession", "BytesPerHour")
TRIAL_MOST, BYTES_MOST = 86_400, 2**53


class PolicyShown(msgspec.Struct):
    """What was said here, null for what was left open, and what holds with everything else that was said."""

    said: PolicySaid
    effective: PolicyHolds


class PolicySaid(msgspec.Struct):
    """For how long an app has to run to be kept, whether it has to be in touch, and what an hour's downloads may be."""

    trial_seconds: int | None
    trial_needs_session: bool | None
    bytes_per_hour: int | None


class PolicyHolds(msgspec.Struct):
    """The same, with nothing left open; 0 bytes an hour are any amount."""

    trial_seconds: int
    trial_needs_session: bool
    bytes_per_hour: int


def parameters() -> list[Parameter]:
    """Return the fields in which a policy is said."""
    return [
        Parameter(
            "TrialSeconds",
            "For how long an app has to run without a crash to be kept; empty: left open",
            _number(TRIAL_MOST),
        ),
        Parameter(
            "TrialNeedsSession",
            "An app has to be in touch with the cloud to be kept; empty: left open",
            {"type": "string", "enum": ["true", "false", ""]},
        ),
        Parameter(
            "BytesPerHour",
            "What a device may download in an hour; 0 is any amount, empty: left open",
            _number(BYTES_MOST),
        ),
    ]


def _number(most: int) -> Mapping[str, Any]:
    return {"anyOf": [{"type": "integer", "minimum": 0, "maximum": most}, {"type": "string", "enum": [""]}]}


def operations() -> list[Operation]:
    """Return everything that is served here."""
    app = Parameter("App", "SID or unique name of the app", {"type": "string", "maxLength": 121}, required=True)
    said = parameters()
    device = "/Devices/{Sid}/UpdatePolicy"
    return [
        Operation("GET", "/UpdatePolicy", "Return how devices update themselves.", _of_account, PolicyShown),
        Operation("POST", "/UpdatePolicy", "Say how devices update themselves.", _say_account, PolicyShown, form=said),
        Operation("GET", device, "Return how a device updates itself.", _of_device, PolicyShown),
        Operation("POST", device, "Say how a device updates itself.", _say_device, PolicyShown, form=said),
        Operation(
            "POST",
            "/Devices/{Sid}/Target",
            "Let a device run an app, unless its rollback counter forbids that, and say how it is to get there.",
            _target,
            Update,
            form=[app, *said],
        ),
    ]


def read(fields: Mapping[str, str], before: PolicyPart | None = None) -> PolicyPart:
    """Return what a form says of a policy; what it does not mention stays as it was `before`. Raises Problem."""
    said = msgspec.structs.asdict(before or PolicyPart())
    for name, field, most in (("trial_seconds", FIELDS[0], TRIAL_MOST), ("bytes_per_hour", FIELDS[2], BYTES_MOST)):
        if field in fields:
            said[name] = read_number(fields, field, most) if fields[field] else None
    if FIELDS[1] in fields:
        said["trial_needs_session"] = forms.boolean(fields, FIELDS[1]) if fields[FIELDS[1]] else None
    return PolicyPart(**said)


def read_number(fields: Mapping[str, str], name: str, most: int, default: int = 0) -> int:
    """Return a field that is a whole number; `default` where it is missing. Raises Problem."""
    text = fields.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= most):
        raise Problem("bad-parameter", f"The parameter {name} is not a number up to {most}")
    return int(text)


def _shown(said: PolicyPart, holds: UpdatePolicy) -> PolicyShown:
    return PolicyShown(PolicySaid(**msgspec.structs.asdict(said)), PolicyHolds(**msgspec.structs.asdict(holds)))


async def _of_account(call: Call) -> Response:
    return answer(await call.cloud.database.read(lambda c: _account_shown(c, call.account)))


def _account_shown(connection: Connection, account: str) -> PolicyShown:
    kept = accounts.update_policy(connection, account)
    return _shown(policies.read(kept), policies.effective(kept))


async def _say_account(call: Call) -> Response:
    fields = await forms.read_form(call.request, set(FIELDS))

    def say(connection: Connection) -> PolicyShown:
        part = read(fields, policies.read(accounts.update_policy(connection, call.account)))
        accounts.set_update_policy(connection, call.account, part.encode())
        _note(call, connection, fields, call.account)
        return _account_shown(connection, call.account)

    now = await call.cloud.database.write(say)
    call.cloud.signals.send(f"account {call.account}")
    return answer(now)


async def _of_device(call: Call) -> Response:
    return answer(await call.cloud.database.read(lambda c: _device_shown(call, c)))


def _device_shown(call: Call, connection: Connection) -> PolicyShown:
    row = devices.find(connection, call.account, call.path("Sid"))
    if row is None:
        raise call.missing()
    return _shown(policies.read(row["update_policy"]), sessions.policy(connection, row["sid"]))


async def _say_device(call: Call) -> Response:
    fields = await forms.read_form(call.request, set(FIELDS))

    def say(connection: Connection, sid: str) -> PolicyShown:
        row = devices.find(connection, call.account, sid)
        part = read(fields, policies.read(row["update_policy"] if row else None))
        devices.set_update_policy(connection, sid, part.encode(), call.cloud.now_us())
        _note(call, connection, fields, sid)
        return _device_shown(call, connection)

    return answer(await _changed(call, say))


async def _target(call: Call) -> Response:
    fields = await forms.read_form(call.request, {"App", *FIELDS})
    name, part = forms.required(fields, "App", 121), read(fields)

    def target(connection: Connection, sid: str) -> Update:
        app = apps.find(connection, call.account, name)
        if app is None:
            raise Problem("bad-parameter", "The parameter App is neither SID nor unique name of an app")
        problem = way_back.problem_of_device(connection, sid, app["sid"])
        if problem:
            raise Problem("conflict", problem)
        now_us = call.cloud.now_us()
        devices.target(connection, sid, app["sid"], now_us, part)
        what = f"update device: {', '.join(f'{field}={value}' for field, value in fields.items())}"
        audit.record(connection, call.account, now_us, call.caller.who, what, sid)
        row = updates.find(connection, sid)
        assert row is not None  # noqa: S101 - it was found in this transaction
        return shown(row)

    return answer(await _changed(call, target))


async def _changed(call: Call, change: Callable[[Connection, str], msgspec.Struct]) -> msgspec.Struct:
    """Change a device, and return what it is then."""

    def work(connection: Connection) -> tuple[str, msgspec.Struct]:
        row = devices.find(connection, call.account, call.path("Sid"))
        if row is None:
            raise call.missing()
        return row["sid"], change(connection, row["sid"])

    sid, now = await call.cloud.database.write(work)
    call.cloud.signals.send(f"device {sid}")
    call.cloud.signals.send(f"presence {call.account}")
    return now


def _note(call: Call, connection: Connection, fields: Mapping[str, str], subject: str) -> None:
    what = f"update policy: {', '.join(f'{name}={value}' for name, value in fields.items()) or 'nothing'}"
    audit.record(connection, call.account, call.cloud.now_us(), call.caller.who, what, subject)
