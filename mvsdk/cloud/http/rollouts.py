"""/mvsdk/v1/Rollouts: an app on its way to a cohort, stage by stage."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from starlette.responses import Response

from mvsdk.cloud import cohorts, gates, rollouts
from mvsdk.cloud.database import Connection, Row
from mvsdk.cloud.errors import GateError
from mvsdk.cloud.http import forms, paging, policies
from mvsdk.cloud.http.access import PageMeta
from mvsdk.cloud.http.calls import Call, Endpoint, answer
from mvsdk.cloud.http.dates import date
from mvsdk.cloud.http.description import PREFIX, Operation, Parameter
from mvsdk.cloud.http.policies import PolicySaid
from mvsdk.cloud.http.problems import Problem
from mvsdk.cloud.http.tags import read_cohort
from mvsdk.cloud.policies import read as read_policy
from mvsdk.cloud.store import apps, audit
from mvsdk.cloud.store import rollouts as store
from mvsdk.cloud.store.pages import cut_page

DEFAULT_STAGES, DEFAULT_GATE = "1%,10%,50%,100%", "failed < 5% and crash_rate < 5%"
STAGES_MOST = 100
SHOWN_MOST = 1000
PATIENCE_MOST = 30 * 86_400
_PATIENCE_SECONDS = store.DEFAULT_PATIENCE_US // 1_000_000
_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,3})?)%?")


class Stage(msgspec.Struct):
    """A stage, and how many of its devices are how far. `percent` is of the cohort, with the stages before it."""

    percent: float
    devices: int
    waiting: int
    given: int
    updated: int
    reverted: int
    error: int
    left: int
    back: int


class Rollout(msgspec.Struct):
    """A rollout. `stage` counts from 1. `reason` says why it is paused or aborted.

    `holds_since_us` is since when the stage is done and its gate holds, in Unix microseconds. `rollback_to_sid` is what
    devices are pointed back to, null for what each was to run before.
    """

    sid: Annotated[str, Meta(pattern="^RO[0-9a-f]{32}$")]
    app_sid: str
    cohort: str
    gate: str
    abort_on: str
    rollback: bool
    rollback_to_sid: str | None
    patience_seconds: int
    policy: PolicySaid
    needs_approval: bool
    created_by: str
    approved_by: str | None
    state: Annotated[str, Meta(pattern="^(created|running|paused|aborted|completed)$")]
    stage: int
    stages: list[Stage]
    holds_since_us: int | None
    reason: str
    date_created: str
    date_updated: str


class Rollouts(msgspec.Struct):
    """A page of rollouts."""

    rollouts: list[Rollout]
    meta: PageMeta


class RolloutDevice(msgspec.Struct):
    """A device of a rollout. `excused` ones are counted no longer; "left" ones were given another app by somebody."""

    device_sid: str
    unique_name: str | None
    stage: int
    state: Annotated[str, Meta(pattern="^(waiting|given|updated|reverted|error|left|back)$")]
    reason: str
    excused: bool


class RolloutDevices(msgspec.Struct):
    """A page of the devices of a rollout, first ones first."""

    devices: list[RolloutDevice]
    meta: PageMeta


class PlannedDevice(msgspec.Struct):
    """A device that would get an app, and in which stage."""

    sid: str
    unique_name: str | None
    stage: int


class RolloutPreview(msgspec.Struct):
    """Who would get an app at present: how many, and the first 1000.

    `no_way_back` says why not all of them could be pointed back once they have kept it, null if they could.
    """

    app_sid: str
    count: int
    devices: list[PlannedDevice]
    no_way_back: str | None


def operations() -> list[Operation]:
    """Return everything that is served here."""
    app = Parameter("App", "SID or unique name of the app", {"type": "string", "maxLength": 121}, required=True)
    cohort = Parameter("Cohort", "Who gets it", {"type": "string", "maxLength": cohorts.LENGTH}, required=True)
    gate = {"type": "string", "maxLength": gates.LENGTH}
    stages = Parameter("Stages", f"Percents of the cohort, default {DEFAULT_STAGES}", gate)
    flag = {"type": "string", "enum": ["true", "false"]}
    what = "What devices are pointed back to, by SID or unique name; default: what each was to run"
    rollback_to = Parameter("RollbackTo", what, {"type": "string", "maxLength": 121})
    form = [
        app,
        cohort,
        stages,
        Parameter("Gate", f"What has to be true to go on, default {DEFAULT_GATE}", gate),
        Parameter("AbortOn", "What ends it", gate),
        Parameter("Rollback", "When it is aborted, give the devices back what they were to run", flag),
        rollback_to,
        Parameter(
            "PatienceSeconds",
            f"How long a stage waits for a device that is in touch, default {_PATIENCE_SECONDS}",
            {"type": "integer", "minimum": 1, "maximum": PATIENCE_MOST},
        ),
        Parameter("NeedsApproval", "Somebody else has to approve it before it starts", flag),
        *policies.parameters(),
    ]
    actions: list[tuple[str, str, Endpoint, list[Parameter]]] = [
        ("Approve", "Approve a rollout that somebody else has made.", _action(_approve), []),
        ("Start", "Settle who is in it, and begin.", _action(_start), []),
        ("Pause", "Give the app to no further devices.", _action(_pause), []),
        ("Resume", "Go on; devices that are not well now are counted no longer.", _action(_resume), []),
        ("Abort", "End it.", _abort, [Parameter("Rollback", "Default: as it was made", flag), rollback_to]),
        ("Evaluate", "Look at it now, not when its turn comes.", _evaluate, []),
    ]
    return [
        Operation("GET", "/Rollouts", "List rollouts, newest first.", _list, Rollouts),
        Operation("POST", "/Rollouts", "Make a rollout, which begins when it is started.", _create, Rollout, 201, form),
        Operation("GET", "/Rollouts/{Sid}", "Return a rollout.", _fetch, Rollout),
        Operation("GET", "/Rollouts/{Sid}/Devices", "List a rollout's devices.", _list_devices, RolloutDevices),
        Operation(
            "GET",
            "/RolloutPreview",
            "Return who would get an app.",
            _preview,
            RolloutPreview,
            query=[app, cohort, stages, rollback_to],
        ),
        *[
            Operation("POST", f"/Rollouts/{{Sid}}/{name}", summary, endpoint, Rollout, form=fields)
            for name, summary, endpoint, fields in actions
        ],
    ]


# -- reading -----------------------------------------------------------------------------------------------------------


async def _list(call: Call) -> Response:
    cut, size, number = paging.wanted(call.request.query_params, int)

    def look(connection: Connection) -> dict[str, Any]:
        page = cut_page(connection, store.LISTING, [call.account], cut, size)
        url = f"{call.base_url}{PREFIX[1:]}/Rollouts"
        return paging.listed("rollouts", url, page, size, number, lambda row: _fields(shown(connection, row)))

    return answer(await call.cloud.database.read(look))


async def _fetch(call: Call) -> Response:
    return answer(await _present(call))


async def _list_devices(call: Call) -> Response:
    cut, size, number = paging.wanted(call.request.query_params, int)
    sid = call.path("Sid")
    if await call.cloud.database.read(lambda c: store.find(c, call.account, sid)) is None:
        raise call.missing()
    page = await call.cloud.database.read(lambda c: cut_page(c, store.MEMBERS, [sid], cut, size))
    url = f"{call.base_url}{PREFIX[1:]}/Rollouts/{sid}/Devices"
    return answer(paging.listed("devices", url, page, size, number, _shown_device))


async def _preview(call: Call) -> Response:
    query = call.request.query_params
    fields = {name: query[name] for name in ("App", "Cohort", "Stages", "RollbackTo") if name in query}
    cohort = forms.required(fields, "Cohort", cohorts.LENGTH)
    read_cohort("Cohort", cohort)
    stages, now_us = _stages(fields), call.cloud.now_us()

    def look(connection: Connection) -> RolloutPreview:
        app = _app(connection, call.account, fields)
        found = store.planned(connection, call.account, app, cohort, stages, now_us)
        planned = [PlannedDevice(row["sid"], row["unique_name"], stage) for row, stage in found[:SHOWN_MOST]]
        back = _app(connection, call.account, fields, "RollbackTo") if "RollbackTo" in fields else None
        way = store.expected_way_back(connection, app, [row for row, _ in found], back)
        return RolloutPreview(app, len(found), planned, way.problem())

    return answer(await call.cloud.database.read(look))


# -- changing ----------------------------------------------------------------------------------------------------------


async def _create(call: Call) -> Response:
    known = {"App", "Cohort", "Stages", "Gate", "AbortOn", "Rollback", "RollbackTo", "PatienceSeconds", "NeedsApproval"}
    fields = await forms.read_form(call.request, known | set(policies.FIELDS))
    cohort = forms.required(fields, "Cohort", cohorts.LENGTH)
    read_cohort("Cohort", cohort)
    gate, abort_on = fields.get("Gate") or DEFAULT_GATE, fields.get("AbortOn", "")
    for name, text, parse in (("Gate", gate, gates.parse_gate), ("AbortOn", abort_on, gates.parse_abort_on)):
        try:
            parse(text)
        except GateError as error:
            raise Problem("bad-parameter", f"The parameter {name} is refused: {error.what}") from error
    stages, policy, now_us = _stages(fields), policies.read(fields), call.cloud.now_us()
    patience_s = policies.read_number(fields, "PatienceSeconds", PATIENCE_MOST, _PATIENCE_SECONDS)
    if not patience_s:
        raise Problem("bad-parameter", "The parameter PatienceSeconds is 0: no device could have its chance")
    rolls_back, needs_approval = forms.boolean(fields, "Rollback"), forms.boolean(fields, "NeedsApproval")

    def create(connection: Connection) -> Rollout:
        new = store.NewRollout(
            _app(connection, call.account, fields),
            cohort,
            stages,
            gate,
            abort_on,
            policy,
            bool(rolls_back),
            bool(needs_approval),
            patience_s * 1_000_000,
            _app(connection, call.account, fields, "RollbackTo") if fields.get("RollbackTo") else None,
        )
        row = store.add(connection, call.account, new, call.caller.who, now_us)
        _need_way_back(connection, row, now_us)
        audit.record(connection, call.account, now_us, call.caller.who, "create rollout", row["sid"])
        return shown(connection, row)

    return answer(await call.cloud.database.write(create), 201)


Change = Callable[[Call, Connection, Row], str]
"""Changes a rollout that is locked, and returns what is written into the audit log. Raises Problem."""


def _action(change: Change) -> Endpoint:
    async def serve(call: Call) -> Response:
        await _changed(call, change)
        await rollouts.evaluate(call.cloud, call.account, call.path("Sid"))
        return answer(await _present(call))

    return serve


async def _evaluate(call: Call) -> Response:
    await rollouts.evaluate(call.cloud, call.account, call.path("Sid"))
    return answer(await _present(call))


async def _abort(call: Call) -> Response:
    fields = await forms.read_form(call.request, {"Rollback", "RollbackTo"})
    back = forms.boolean(fields, "Rollback")
    given: list[str] = []

    def abort(call: Call, connection: Connection, row: Row) -> str:
        _need(row, "created", *store.ACTIVE)
        if row["rolls_back"] if back is None else back:
            named = fields.get("RollbackTo")
            app = _app(connection, call.account, fields, "RollbackTo") if named else row["back_sid"]
            if row["state"] != "created":
                problem = store.way_back(connection, row, app, call.cloud.now_us()).problem()
                if problem:
                    raise Problem("conflict", f"{problem}. Or end it without pointing devices back: --no-rollback")
            given.extend(store.point_back(connection, row, app, call.cloud.now_us()))
        store.set_state(connection, row, "aborted", f"by {call.caller.who}", call.cloud.now_us())
        return f"abort rollout, {len(given)} devices pointed back"

    await _changed(call, abort)
    rollouts.tell(call.cloud, call.account, given)
    return answer(await _present(call))


async def _changed(call: Call, change: Change) -> None:
    sid = call.path("Sid")

    def work(connection: Connection) -> None:
        row = store.locked(connection, call.account, sid)
        if row is None:
            raise call.missing()
        what = change(call, connection, row)
        audit.record(connection, call.account, call.cloud.now_us(), call.caller.who, what, sid)

    await call.cloud.database.write(work)
    rollouts.tell(call.cloud, call.account, [])


def _approve(call: Call, connection: Connection, row: Row) -> str:
    _need(row, "created")
    if call.caller.who == row["created_by"]:
        raise Problem("forbidden", "A rollout is approved by somebody else than who has made it")
    connection.execute("UPDATE rollouts SET approved_by = ? WHERE sid = ?", (call.caller.who, row["sid"]))
    return "approve rollout"


def _start(call: Call, connection: Connection, row: Row) -> str:
    _need(row, "created")
    if row["needs_approval"] and row["approved_by"] is None:
        raise Problem("conflict", "Somebody else has to approve this rollout first")
    if apps.find(connection, call.account, row["app_sid"]) is None:
        raise Problem("conflict", "The app of this rollout has been deleted")
    _need_way_back(connection, row, call.cloud.now_us())
    count = store.settle_members(connection, row, call.cloud.now_us())
    if not count:
        raise Problem("conflict", "No device is in the cohort")
    rivals = store.rivals(connection, row)
    if rivals:
        raise Problem("conflict", f"Devices of it are in a rollout that is not over: {', '.join(rivals[:5])}")
    store.set_state(connection, row, "running", "", call.cloud.now_us())
    return f"start rollout to {count} devices"


def _pause(call: Call, connection: Connection, row: Row) -> str:
    _need(row, "running")
    store.set_state(connection, row, "paused", f"by {call.caller.who}", call.cloud.now_us())
    return "pause rollout"


def _resume(call: Call, connection: Connection, row: Row) -> str:
    _need(row, "paused")
    store.excuse(connection, row, call.cloud.now_us())
    store.set_state(connection, row, "running", "", call.cloud.now_us())
    return "resume rollout"


def _need_way_back(connection: Connection, row: Row, now_us: int) -> None:
    """Refuse a rollout that is to point devices back to what they would refuse."""
    problem = store.way_back(connection, row, row["back_sid"], now_us).problem() if row["rolls_back"] else None
    if problem:
        raise Problem("conflict", problem)


def _need(row: Row, *states: str) -> None:
    if row["state"] not in states:
        raise Problem("conflict", f"The rollout is {row['state']}")


def _app(connection: Connection, account: str, fields: dict[str, str], name: str = "App") -> str:
    app = apps.find(connection, account, forms.required(fields, name, 121))
    if app is None:
        raise Problem("bad-parameter", f"The parameter {name} is neither SID nor unique name of an app")
    return str(app["sid"])


def _stages(fields: dict[str, str]) -> str:
    """Return the field Stages as it is kept: percents without signs, separated by commas. Raises Problem."""
    matches = [_PERCENT.fullmatch(part.strip()) for part in (fields.get("Stages") or DEFAULT_STAGES).split(",")]
    percents = [Fraction(match[1]) for match in matches if match]
    rising = all(one < other for one, other in zip([Fraction(0), *percents], percents, strict=False))
    if not all(matches) or not rising or percents[-1] > 100 or len(percents) > STAGES_MOST:
        what = f"is no list of up to {STAGES_MOST} percentages that rise, such as {DEFAULT_STAGES}"
        raise Problem("bad-parameter", f"The parameter Stages {what}")
    return ",".join(match[1] for match in matches if match)


# -- showing -----------------------------------------------------------------------------------------------------------


async def _present(call: Call) -> Rollout:
    def look(connection: Connection) -> Rollout | None:
        row = store.find(connection, call.account, call.path("Sid"))
        return shown(connection, row) if row else None

    found = await call.cloud.database.read(look)
    if found is None:
        raise call.missing()
    return found


def shown(connection: Connection, row: Row) -> Rollout:
    """Return a rollout as the API shows it."""
    return Rollout(
        sid=row["sid"],
        app_sid=row["app_sid"],
        cohort=row["cohort"],
        gate=row["gate"],
        abort_on=row["abort_on"],
        rollback=bool(row["rolls_back"]),
        rollback_to_sid=row["back_sid"],
        patience_seconds=row["patience_us"] // 1_000_000,
        policy=PolicySaid(**_fields(read_policy(row["policy"]))),
        needs_approval=bool(row["needs_approval"]),
        created_by=row["created_by"],
        approved_by=row["approved_by"],
        state=row["state"],
        stage=row["stage"],
        stages=_shown_stages(connection, row),
        holds_since_us=row["holds_since_us"],
        reason=row["reason"],
        date_created=date(row["created_us"]) or "",
        date_updated=date(row["updated_us"]) or "",
    )


def _shown_stages(connection: Connection, row: Row) -> list[Stage]:
    counts = store.counts(connection, row["sid"])
    states: Sequence[str] = ("waiting", "given", "updated", "reverted", "error", "left", "back")
    stages = []
    for number, percent in enumerate(row["stages"].split(","), 1):
        found = counts.get(number, Counter())
        numbers = {state: found.get(state, 0) for state in states}
        stages.append(Stage(percent=float(percent), devices=sum(numbers.values()), **numbers))
    return stages


def _shown_device(row: Row) -> dict[str, Any]:
    device = RolloutDevice(
        row["device_sid"], row["unique_name"], row["stage"], row["state"], row["reason"], bool(row["excused"])
    )
    return _fields(device)


def _fields(document: msgspec.Struct) -> dict[str, Any]:
    return msgspec.structs.asdict(document)
