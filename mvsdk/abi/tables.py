"""Reading the two kinds of table a database consists of, and saying where something is wrong in them.

Companion tables are ordinary CSV (RFC 4180) whose first line names the columns. The call table is in the form of
NuttX's `syscall.csv`, read by the rules of its own tool (NuttX, tools/mksyscall.c and tools/csvparser.c): no header
line, every field in double quotes without an escape, blanks allowed around commas and before the first quote, empty
lines and lines that begin with `#` skipped, at most 16 fields of 255 characters.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mvsdk.abi.errors import ContradictionError, TableError

_MAX_LINE = 4096
_MAX_FIELDS = 16
_MIN_FIELDS = 4
_MAX_FIELD = 255

_QUOTED = re.compile(r'[ \t]*"([^"]*)"[ \t]*(,?)')
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NUMBER = re.compile(r"0x[0-9A-Fa-f]+|0|[1-9][0-9]*")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a companion table: its cells by column, and where it stands."""

    path: Path
    line: int
    cells: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells[column]

    def identifier(self, column: str) -> str:
        """Return a cell that must be a C identifier."""
        cell = self.cells[column]
        if not _IDENTIFIER.fullmatch(cell):
            raise TableError(
                self.path, self.line, f"{column} {cell!r} is not a C identifier", "write a plain name there"
            )
        return cell

    def number(self, column: str) -> int:
        """Return a cell that must be a number, decimal or with 0x."""
        cell = self.cells[column]
        if not _NUMBER.fullmatch(cell):
            raise TableError(
                self.path, self.line, f"{column} {cell!r} is not a number", "write it in decimal, or with 0x in front"
            )
        return int(cell, 0)

    def text(self, column: str) -> str:
        """Return a cell that must say something, and that can stand in a C comment."""
        cell = self.cells[column]
        if not cell or not cell.isprintable() or "*/" in cell:
            raise TableError(
                self.path, self.line, f"{column} {cell!r} is not a text", "write one printable line without '*/'"
            )
        return cell

    def contradiction(self, what: str, remedy: str) -> ContradictionError:
        """Return the error to raise when this row cannot be true."""
        return ContradictionError(self.path, self.line, what, remedy)


@dataclass(frozen=True, slots=True)
class QuotedLine:
    """One line of a call table: its fields, and where it stands."""

    path: Path
    line: int
    fields: tuple[str, ...]


def read_table(path: Path, columns: Sequence[str]) -> list[Row]:
    """Return the rows of a companion table that must have exactly these columns.

    `TableError` if it cannot be read, has other columns, or a row of another length.
    """
    reader = csv.reader(_lines(path), strict=True)
    rows: list[Row] = []
    try:
        header = next(reader, [])
        if header != list(columns):
            raise TableError(
                path, 1, f"the columns are {','.join(header)!r}", f"make the first line {','.join(columns)!r}"
            )
        for cells in reader:
            if len(cells) != len(header):
                raise TableError(
                    path,
                    reader.line_num,
                    f"{len(cells)} cells under {len(header)} columns",
                    "fill in the missing cells, or quote a cell that holds a comma",
                )
            rows.append(Row(path, reader.line_num, dict(zip(header, cells, strict=True))))
    except csv.Error as error:
        raise TableError(path, reader.line_num, f"not CSV: {error}", "close the quotes of this line") from error
    return rows


def read_quoted_table(path: Path) -> list[QuotedLine]:
    """Return the lines of a table in NuttX's form; `TableError` where the form is broken."""
    return [
        QuotedLine(path, number, _split_quoted(path, number, line.rstrip("\n")))
        for number, line in enumerate(_lines(path), start=1)
        if line.strip() and not line.lstrip().startswith("#")
    ]


def _split_quoted(path: Path, number: int, line: str) -> tuple[str, ...]:
    if len(line) > _MAX_LINE:
        raise TableError(path, number, f"line of {len(line)} characters", f"keep it within {_MAX_LINE}")
    fields = tuple(_quoted_fields(path, number, line))
    if not _MIN_FIELDS <= len(fields) <= _MAX_FIELDS:
        raise TableError(
            path,
            number,
            f"{len(fields)} fields",
            "write name, header, condition, return type and at most 12 parameters",
        )
    for field in fields:
        if len(field) > _MAX_FIELD:
            raise TableError(path, number, f"field of {len(field)} characters", f"keep it within {_MAX_FIELD}")
    return fields


def _quoted_fields(path: Path, number: int, line: str) -> Iterator[str]:
    position, more = 0, True
    while more:
        match = _QUOTED.match(line, position)
        if match is None:
            rest = line[position : position + 40]
            raise TableError(path, number, f"no quoted field at {rest!r}", "put every field in a pair of double quotes")
        yield match[1]
        position, more = match.end(), bool(match[2])
    if position != len(line):
        rest = line[position : position + 40]
        raise TableError(path, number, f"{rest!r} stands outside the quotes", "separate quoted fields by commas")


def _lines(path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8") as file:
            return file.readlines()
    except OSError as error:
        raise TableError(path, 0, f"cannot be read: {error.strerror}", "restore the file") from error
    except UnicodeDecodeError as error:
        raise TableError(path, 0, f"is not UTF-8 text: {error.reason}", "save it as UTF-8") from error
