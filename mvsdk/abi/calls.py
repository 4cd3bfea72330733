"""Reading the calls: prototypes, arguments, entry points and statuses, each checked against the others."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mvsdk.abi import usage
from mvsdk.abi.errors import ContradictionError
from mvsdk.abi.model import CType, Enum, Parameter, Status, Syscall
from mvsdk.abi.prototypes import Prototype, read_prototypes
from mvsdk.abi.scope import Scope
from mvsdk.abi.tables import Row, read_table

ENTRY_COLUMNS = ("name", "address", "summary")
ARGUMENT_COLUMNS = ("name", "register", "argument", "type", *usage.COLUMNS, "note")
STATUS_COLUMNS = ("function", "status", "when")

ENTRY_SIZE = 8
"""Bytes of one gateway, and so the alignment of its address."""

_REGISTERS = ("r0", "r1", "r2", "r3")
_WORD = 4


@dataclass(frozen=True, slots=True)
class _Tables:
    """What belongs to each call, by its name."""

    entries: dict[str, Row]
    arguments: dict[str, list[Row]]
    statuses: dict[str, list[Row]]


def read_calls(directory: Path, scope: Scope) -> tuple[dict[str, Syscall], Enum]:
    """Return the calls of a database by name, and the enum they all return; `AbiError` where tables disagree."""
    prototypes = read_prototypes(directory / "syscalls.csv")
    returns, status = _returned(directory / "syscalls.csv", prototypes, scope)
    tables = _Tables(
        entries=_entries(directory / "entry-points.csv", prototypes),
        arguments=_grouped(directory / "arguments.csv", ARGUMENT_COLUMNS, "name", prototypes),
        statuses=_grouped(directory / "statuses.csv", STATUS_COLUMNS, "function", prototypes),
    )
    calls = {
        name: Syscall(
            name=name,
            header=prototype.header,
            condition=prototype.condition,
            returns=returns,
            parameters=_parameters(prototype, tables.arguments.get(name, []), scope),
            address=_entry(prototype, tables).number("address"),
            statuses=_statuses(prototype, tables.statuses.get(name, []), status),
            summary=_entry(prototype, tables).text("summary"),
        )
        for name, prototype in prototypes.items()
    }
    return calls, status


def _returned(path: Path, prototypes: dict[str, Prototype], scope: Scope) -> tuple[CType, Enum]:
    """Return the type that all calls return, which must be one enum: the statuses."""
    if not prototypes:
        raise ContradictionError(path, 1, "there are no calls", "restore the file")
    first = next(iter(prototypes.values()))
    ctype = scope.parse(first.returns)
    if ctype is None or not isinstance(ctype.definition, Enum):
        raise first.contradiction(
            f"{first.name} returns {first.returns!r}, no enum of this database", "return an enum from enums.csv"
        )
    for prototype in prototypes.values():
        if prototype.returns != first.returns:
            raise prototype.contradiction(
                f"{prototype.name} returns {prototype.returns!r}, {first.name} {first.returns!r}",
                "let all calls return one enum",
            )
    return ctype, ctype.definition


def _entries(path: Path, prototypes: dict[str, Prototype]) -> dict[str, Row]:
    entries: dict[str, Row] = {}
    addresses: dict[int, Row] = {}
    for row in read_table(path, ENTRY_COLUMNS):
        _known(row, "name", prototypes)
        address = row.number("address")
        if address % ENTRY_SIZE or address >> 32:
            raise row.contradiction(
                f"{row['name']} is at {row['address']}, not a multiple of {ENTRY_SIZE} within 32 bits",
                "write the gateway's own address, without the Thumb bit",
            )
        if row["name"] in entries or address in addresses:
            other = entries.get(row["name"]) or addresses[address]
            raise row.contradiction(
                f"{row['name']} at {row['address']} clashes with {other['name']} of line {other.line}",
                "give each call one address of its own",
            )
        entries[row["name"]] = addresses[address] = row
    return entries


def _grouped(path: Path, columns: tuple[str, ...], key: str, prototypes: dict[str, Prototype]) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = {}
    for row in read_table(path, columns):
        _known(row, key, prototypes)
        groups.setdefault(row[key], []).append(row)
    return groups


def _known(row: Row, column: str, prototypes: dict[str, Prototype]) -> None:
    if row[column] not in prototypes:
        raise row.contradiction(f"there is no call {row[column]!r}", "declare it in syscalls.csv, or remove this line")


def _entry(prototype: Prototype, tables: _Tables) -> Row:
    entry = tables.entries.get(prototype.name)
    if entry is None:
        raise prototype.contradiction(f"{prototype.name} has no entry point", "add its address to entry-points.csv")
    return entry


def _parameters(prototype: Prototype, rows: list[Row], scope: Scope) -> tuple[Parameter, ...]:
    declared = [parameter.actual for parameter in prototype.parameters]
    if not prototype.is_plain or len(declared) > len(_REGISTERS):
        raise prototype.contradiction(
            f"{prototype.name} cannot be passed in {len(_REGISTERS)} registers", "give it at most four plain parameters"
        )
    if len(rows) != len(declared):
        raise prototype.contradiction(
            f"{prototype.name} has {len(declared)} parameters here but {len(rows)} rows in arguments.csv",
            "make the two agree",
        )
    types: dict[str, CType] = {}
    for row, spelling, register in zip(rows, declared, _REGISTERS, strict=False):
        if row["argument"] in types:
            raise row.contradiction(f"{row['name']} has an argument {row['argument']} already", "rename one of them")
        types[row.identifier("argument")] = _register_type(row, spelling, register, scope)
    return tuple(_parameter(row, number, types) for number, row in enumerate(rows))


def _register_type(row: Row, declared: str, register: str, scope: Scope) -> CType:
    if row["register"] != register:
        raise row.contradiction(
            f"{row['name']} {row['argument']} is in {row['register']!r}, by its place in {register}",
            "put the arguments in the order of their registers",
        )
    if row["type"] != declared:
        raise row.contradiction(
            f"{row['name']} {row['argument']} is {row['type']!r}, in syscalls.csv {declared!r}", "make the two agree"
        )
    ctype = scope.parse(declared)
    if ctype is None:
        raise row.contradiction(f"no type {declared!r} is declared", "declare it, or mend its spelling")
    if ctype.kind in ("struct", "void") or ctype.size > _WORD:
        raise row.contradiction(f"{declared!r} does not fit in a register", "pass a pointer to it")
    return ctype


def _parameter(row: Row, register: int, types: dict[str, CType]) -> Parameter:
    ctype = types[row["argument"]]
    used = usage.read_usage(row, ctype, types, by_value="in")
    return Parameter(
        row["argument"], register, ctype, used.direction, used.extent, used.unit, used.show, row.text("note")
    )


def _statuses(prototype: Prototype, rows: list[Row], status: Enum) -> tuple[Status, ...]:
    if not rows:
        raise prototype.contradiction(f"{prototype.name} has no status", "add what it returns to statuses.csv")
    statuses: dict[tuple[str, str], Row] = {}
    for row in rows:
        if row["status"] not in status.members:
            raise row.contradiction(f"{row['status']!r} is not in enum {status.name}", "mend the name")
        fact = (row["status"], row.text("when"))
        if fact in statuses:
            raise row.contradiction(f"the same is said in line {statuses[fact].line}", "remove one of the two lines")
        statuses[fact] = row
    return tuple(Status(name, when) for name, when in statuses)
