"""Reading structs, and computing where the procedure call standard puts their fields.

Source: Procedure Call Standard for the Arm Architecture (IHI 0042), 5.3 "Composite Types": every field at the next
multiple of its alignment, the whole as aligned as its most aligned field and padded to a multiple of that.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from mvsdk.abi import usage
from mvsdk.abi.model import CType, Direction, Field, Struct
from mvsdk.abi.scope import Scope
from mvsdk.abi.tables import Row, read_table

WHOLE = "(whole)"
COLUMNS = (
    *("struct", "field", "offset", "size", "alignment", "type"),
    *("direction", "extent", "unit", "filled", "null", "show", "note"),
)

_FIELD = re.compile(r"(?:(v[0-9]+)\.)?[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things lie: the offset of each field, the whole's size and alignment."""

    offsets: tuple[int, ...]
    size: int
    alignment: int


def lay_out(types: list[CType]) -> Layout:
    """Return the layout of fields of these types, one after the other."""
    offsets: list[int] = []
    end = 0
    alignment = max(ctype.alignment for ctype in types)
    for ctype in types:
        offsets.append(_align(end, ctype.alignment))
        end = offsets[-1] + ctype.size
    return Layout(tuple(offsets), _align(end, alignment), alignment)


def read_structs(path: Path, scope: Scope) -> dict[str, Struct]:
    """Return the structs of a table and declare them; `AbiError` where it contradicts itself or the standard."""
    structs: dict[str, Struct] = {}
    for name, group in groupby(read_table(path, COLUMNS), key=lambda row: row["struct"]):
        head, *rows = group
        head.identifier("struct")
        if head["field"] != WHOLE or not rows:
            raise head.contradiction(
                f"struct {name} does not begin with a row for the whole, fields below it",
                f"put a row with {WHOLE!r} as field above its fields",
            )
        struct = _struct(head, rows, scope)
        if not scope.declare(struct):
            raise head.contradiction(
                f"the name {name} is taken", "give the type a name of its own, its rows in one block"
            )
        structs[name] = struct
    return structs


def _struct(head: Row, rows: list[Row], scope: Scope) -> Struct:
    types = _field_types(rows, scope)
    layout = _versioned_layout(rows, list(types.values()))
    _check_place(head, 0, layout.size, layout.alignment)
    if any(head[column] for column in COLUMNS[5:-1]):
        raise head.contradiction("the row for the whole says what only a field can have", "leave type to show empty")
    fields = tuple(
        _field(row, offset, ctype, types)
        for row, offset, ctype in zip(rows, layout.offsets, types.values(), strict=True)
    )
    _check_filled(rows, fields)
    return Struct(head["struct"], layout.size, layout.alignment, fields, head.text("note"))


def _field_types(rows: list[Row], scope: Scope) -> dict[str, CType]:
    types: dict[str, CType] = {}
    for row in rows:
        name = row["field"]
        if not _FIELD.fullmatch(name):
            raise row.contradiction(
                f"{name!r} is no field name", "write a C identifier, after 'v1.' if in that version"
            )
        if name in types:
            raise row.contradiction(
                f"struct {row['struct']} has a field {name} already", "rename or remove one of them"
            )
        ctype = scope.parse(row["type"])
        if ctype is None or ctype.kind == "void":
            raise row.contradiction(
                f"no type {row['type']!r} is declared above here", "declare it, or mend its spelling"
            )
        types[name] = ctype
    return types


def version_of(field: str) -> str:
    """Return the version a field belongs to, such as "v1", or an empty string."""
    match = _FIELD.fullmatch(field)
    return match[1] or "" if match else ""


def _versioned_layout(rows: list[Row], types: list[CType]) -> Layout:
    """Lay out plain fields, then those of the version: they form a struct inside a union, aligned as one."""
    versions = [version_of(row["field"]) for row in rows]
    plain = versions.count("")
    for row, version in zip(rows[plain:], versions[plain:], strict=True):
        if version != versions[-1] or not version:
            raise row.contradiction(
                f"field {row['field']} stands among fields of another version",
                "put the fields of the one version behind all others",
            )
    if plain == len(types) or plain == 0:
        return lay_out(types)
    outer = lay_out(types[:plain])
    end = outer.offsets[-1] + types[plain - 1].size
    inner = lay_out(types[plain:])
    base = _align(end, inner.alignment)
    alignment = max(outer.alignment, inner.alignment)
    offsets = (*outer.offsets, *(base + offset for offset in inner.offsets))
    return Layout(offsets, _align(base + inner.size, alignment), alignment)


def _field(row: Row, offset: int, ctype: CType, siblings: dict[str, CType]) -> Field:
    _check_place(row, offset, ctype.size, ctype.alignment)
    used = usage.read_usage(row, ctype, siblings, by_value="")
    if row["null"] not in ("", "allowed") or (row["null"] and not isinstance(used.extent, int)):
        raise row.contradiction(
            f"null {row['null']!r} does not fit", "write allowed, and only for a pointer without an extent"
        )
    return Field(
        name=row["field"],
        offset=offset,
        size=ctype.size,
        type=ctype,
        direction=used.direction,
        extent=used.extent,
        unit=used.unit,
        filled=row["filled"] or None,
        optional=bool(row["null"]),
        show=used.show,
        note=row.text("note"),
    )


def _check_place(row: Row, offset: int, size: int, alignment: int) -> None:
    for column, computed in (("offset", offset), ("size", size), ("alignment", alignment)):
        if row.number(column) != computed:
            raise row.contradiction(
                f"{row['struct']} {row['field']} has {column} {row[column]}, but the fields make it {computed}",
                f"write {computed}, or mend the type",
            )


def _check_filled(rows: list[Row], fields: tuple[Field, ...]) -> None:
    by_name = {field.name: field for field in fields}
    for row, field in zip(rows, fields, strict=True):
        if field.filled is None:
            continue
        counter = by_name.get(field.filled)
        counts = (
            counter is not None
            and counter.direction is Direction.OUT
            and counter.type.pointee is not None
            and counter.type.pointee.name == "uint32_t"
        )
        if not counts or field.direction is not Direction.OUT or not isinstance(field.extent, str):
            raise row.contradiction(
                f"{field.filled!r} cannot tell how much of {field.name} was filled",
                "name an out uint32_t *, and only for an out pointer with an extent",
            )


def _align(offset: int, alignment: int) -> int:
    return (offset + alignment - 1) // alignment * alignment
