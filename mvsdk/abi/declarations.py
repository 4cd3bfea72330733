"""Reading enums and handles, the simple declarations of a database."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from mvsdk.abi.model import Enum, Handle
from mvsdk.abi.scope import Scope
from mvsdk.abi.tables import Row, read_table

ENUM_COLUMNS = ("enum", "name", "value", "meaning")
HANDLE_COLUMNS = ("handle", "tag", "meaning")

_SENTINEL = "__MAX"
_WIDTHS = {0xFF: 1, 0xFFFF: 2, 0xFFFFFFFF: 4}


def read_enums(path: Path, scope: Scope) -> dict[str, Enum]:
    """Return the enums of a table and declare them; `AbiError` where it contradicts itself."""
    enums: dict[str, Enum] = {}
    constants: dict[str, Row] = {}
    for name, group in groupby(read_table(path, ENUM_COLUMNS), key=lambda row: row["enum"]):
        head, *members = group
        head.identifier("enum")
        for row in members:
            _claim(constants, row)
        enums[name] = _enum(head, members)
        if not scope.declare(enums[name]):
            raise head.contradiction(
                f"the name {name} is taken", "give the type a name of its own, its rows in one block"
            )
    return enums


def _claim(constants: dict[str, Row], row: Row) -> None:
    """Take a constant's name; constants of all enums share one space in C."""
    earlier = constants.setdefault(row.identifier("name"), row)
    if earlier is not row:
        raise row.contradiction(
            f"{row['name']} is defined a second time, after line {earlier.line}", "remove one of the two lines"
        )


def _enum(head: Row, members: list[Row]) -> Enum:
    if head["name"] not in ("(values)", "(bits)") or head["value"]:
        raise head.contradiction(
            f"enum {head['enum']} does not begin with a row that tells its kind",
            "put a row with '(values)' or '(bits)' as name and no value above its members",
        )
    flags = head["name"] == "(bits)"
    sentinel = members.pop() if members else head
    size = _WIDTHS.get(sentinel.number("value")) if sentinel["name"].endswith(_SENTINEL) else None
    if size is None:
        raise sentinel.contradiction(
            f"enum {head['enum']} does not end with a sentinel",
            f"end it with a name in {_SENTINEL} of value 0xff, 0xffff or 0xffffffff, which decides its width",
        )
    values: dict[int, Row] = {}
    for row in members:
        _check_member(row, values, flags, (1 << 8 * size) - 1)
    return Enum(
        name=head["enum"],
        size=size,
        members={row["name"]: value for value, row in values.items()},
        meanings={row["name"]: row.text("meaning") for row in (*members, sentinel)},
        sentinel=sentinel["name"],
        flags=flags,
        note=head.text("meaning"),
    )


def _check_member(row: Row, values: dict[int, Row], flags: bool, limit: int) -> None:
    value = row.number("value")
    if row["name"].endswith(_SENTINEL):
        raise row.contradiction(f"{row['name']} is not the last of its enum", "move the sentinel to the end")
    if value >= limit:
        raise row.contradiction(f"{row['name']} = {value:#x} is beyond its sentinel {limit:#x}", "widen the sentinel")
    if flags and value & (value - 1):
        raise row.contradiction(f"{row['name']} = {value:#x} is not a single bit", "make the enum one of '(values)'")
    if value in values:
        raise row.contradiction(
            f"{row['name']} has the value {value:#x} of {values[value]['name']}", "give each name a value of its own"
        )
    values[value] = row


def read_handles(path: Path, scope: Scope) -> dict[str, Handle]:
    """Return the handle types of a table and declare them; `AbiError` where a name is taken."""
    handles: dict[str, Handle] = {}
    for row in read_table(path, HANDLE_COLUMNS):
        handle = Handle(row.identifier("handle"), row.identifier("tag"), row.text("meaning"))
        if not scope.declare(handle):
            raise row.contradiction(
                f"the name {handle.name} or {handle.tag} is taken", "give type and tag names of their own"
            )
        handles[handle.name] = handle
    return handles
