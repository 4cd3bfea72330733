"""What the kernel does with a parameter or field: direction, extent and display, read and checked in one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mvsdk.abi.model import CType, Direction, Show, Struct
from mvsdk.abi.tables import Row

COLUMNS = ("direction", "extent", "unit", "show")


@dataclass(frozen=True, slots=True)
class Usage:
    """The values of `Parameter` and `Field` of the same names."""

    direction: Direction
    extent: int | str | None
    unit: int
    show: Show


def read_usage(row: Row, ctype: CType, siblings: Mapping[str, CType], by_value: str) -> Usage:
    """Return what the usage columns of `row` say of something of type `ctype`.

    `by_value` is what the direction column must hold for anything but a pointer. `ContradictionError` if the columns
    do not fit the type or name a sibling that cannot count.
    """
    show = _show(row, ctype)
    if ctype.pointee is None:
        if row["direction"] != by_value or row["extent"] or row["unit"]:
            raise row.contradiction(
                f"{ctype.spelling} is no pointer, yet has direction {row['direction']!r}, extent {row['extent']!r}",
                f"make the direction {by_value!r} and leave extent and unit empty",
            )
        return Usage(Direction.IN, None, 0, show)
    extent, unit = _extent(row, ctype.pointee, siblings)
    return Usage(_direction(row, ctype.pointee), extent, unit, show)


def _direction(row: Row, pointee: CType) -> Direction:
    try:
        direction = Direction(row["direction"])
    except ValueError:
        raise row.contradiction(
            f"a pointer has direction {row['direction']!r}", "make it in, out, inout or retain"
        ) from None
    if pointee.const and direction.writes:
        raise row.contradiction(
            f"{pointee.spelling} cannot be written, yet the direction is {direction.value}",
            "make the direction in, or the type not const",
        )
    return direction


def _extent(row: Row, pointee: CType, siblings: Mapping[str, CType]) -> tuple[int | str, int]:
    extent, unit = row["extent"], row["unit"]
    if pointee.kind == "void" and unit != "bytes":
        raise row.contradiction("nothing tells how much a void * covers", "give it an extent in bytes")
    if not extent and not unit:
        return pointee.size, 1
    sibling = siblings.get(extent)
    if sibling is None or sibling.kind != "integer":
        raise row.contradiction(
            f"extent {extent!r} is not an integer beside this pointer", "name the sibling that holds the count"
        )
    if unit not in ("bytes", "elements"):
        raise row.contradiction(f"the extent's unit is {unit!r}", "make it bytes or elements")
    return extent, 1 if unit == "bytes" else pointee.size


def _show(row: Row, ctype: CType) -> Show:
    try:
        show = Show(row["show"])
    except ValueError:
        raise row.contradiction(
            f"nothing can be shown as {row['show']!r}", "leave it empty, or hex, or secret"
        ) from None
    target = ctype.pointee or ctype
    fits = {
        Show.PLAIN: True,
        Show.HEX: target.kind == "integer",
        Show.SECRET: ctype.is_bytes or (isinstance(target.definition, Struct) and target.definition.text is not None),
    }
    if not fits[show]:
        raise row.contradiction(
            f"{ctype.spelling} cannot be shown as {show.value}", "use hex for integers, secret for counted bytes"
        )
    return show
