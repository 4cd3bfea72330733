"""/mvsdk/v1/Devices/{Sid}/Tags and /mvsdk/v1/Cohort: what devices are called, and whom an expression means."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from starlette.responses import Response

from mvsdk.cloud import cohorts
from mvsdk.cloud.cohorts import Cohort
from mvsdk.cloud.database import Connection, Row
from mvsdk.cloud.errors import CohortError
from mvsdk.cloud.http import forms
from mvsdk.cloud.http.calls import Call, answer
from mvsdk.cloud.http.description import Operation, Parameter
from mvsdk.cloud.http.problems import Problem
from mvsdk.cloud.store import audit, devices, tags

SHOWN_MOST = 1000


class Tags(msgspec.Struct):
    """What people call a device, and what it says of itself."""

    device_sid: str
    tags: list[str]
    facts: dict[str, str]


class CohortMember(msgspec.Struct):
    """A device of a cohort."""

    sid: str
    unique_name: str | None


class CohortShown(msgspec.Struct):
    """How many devices are in a cohort, and the first 1000 of them."""

    count: int
    devices: list[CohortMember]


def operations() -> list[Operation]:
    """Return everything that is served here."""
    tag = Parameter("Tag", "What to call it", {"type": "string", "maxLength": tags.TAG_LENGTH}, required=True)
    text = {"type": "string", "maxLength": cohorts.LENGTH}
    return [
        Operation("GET", "/Devices/{Sid}/Tags", "Return a device's tags and facts.", _fetch, Tags),
        Operation("POST", "/Devices/{Sid}/Tags", "Give a device a tag.", _add, Tags, form=[tag]),
        Operation("DELETE", "/Devices/{Sid}/Tags/{Tag}", "Take a tag from a device.", _remove, None, 204),
        Operation(
            "GET",
            "/Cohort",
            "Return the devices that an expression means.",
            _cohort,
            CohortShown,
            query=[Parameter("Expression", 'For example "tag=kitchen and app<1.4"', text, required=True)],
        ),
    ]


def read_cohort(name: str, text: str) -> Cohort:
    """Return the cohort that a parameter means. Raises Problem, which names the column."""
    try:
        return cohorts.parse(text)
    except CohortError as error:
        raise Problem("bad-parameter", f"The parameter {name} is refused: {error.what}") from error


async def _fetch(call: Call) -> Response:
    def look(connection: Connection) -> Tags | None:
        row = devices.find(connection, call.account, call.path("Sid"))
        return _shown(connection, row) if row else None

    found = await call.cloud.database.read(look)
    if found is None:
        raise call.missing()
    return answer(found)


async def _add(call: Call) -> Response:
    fields = await forms.read_form(call.request, {"Tag"})
    tag = forms.required(fields, "Tag", tags.TAG_LENGTH)
    if not tags.is_tag(tag):
        what = "is empty, begins or ends with a space, or has a slash, a quotation mark or control characters"
        raise Problem("bad-parameter", f"The parameter Tag {what}")

    def add(connection: Connection, row: Row) -> None:
        tags.add(connection, row["sid"], tag)
        if len(tags.of_device(connection, row["sid"])) > tags.TAGS_MOST:
            raise Problem("conflict", f"The device has {tags.TAGS_MOST} tags already")

    return answer(await _changed(call, f"tag device: {tag}", add))


async def _remove(call: Call) -> Response:
    tag = call.path("Tag")

    def remove(connection: Connection, row: Row) -> None:
        if not tags.remove(connection, row["sid"], tag):
            raise call.missing()

    await _changed(call, f"untag device: {tag}", remove)
    return Response(status_code=204)


async def _changed(call: Call, what: str, change: Callable[[Connection, Row], None]) -> Tags:
    """Change a device's tags, and return what it has then."""

    def work(connection: Connection) -> Tags:
        row = devices.find(connection, call.account, call.path("Sid"))
        if row is None:
            raise call.missing()
        change(connection, row)
        audit.record(connection, call.account, call.cloud.now_us(), call.caller.who, what, row["sid"])
        return _shown(connection, row)

    return await call.cloud.database.write(work)


async def _cohort(call: Call) -> Response:
    text = call.request.query_params.get("Expression")
    if text is None:
        raise Problem("bad-parameter", "The parameter Expression is missing")
    cohort, now_us = read_cohort("Expression", text), call.cloud.now_us()
    rows = await call.cloud.database.read(lambda c: tags.members(c, call.account, cohort, now_us))
    shown = [CohortMember(row["sid"], row["unique_name"]) for row in rows[:SHOWN_MOST]]
    return answer(CohortShown(len(rows), shown))


def _shown(connection: Connection, row: Row) -> Tags:
    sid = row["sid"]
    return Tags(sid, tags.of_device(connection, sid), tags.facts(connection, sid))
