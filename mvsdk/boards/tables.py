"""The CSV tables of a board: interrupts, peripherals, registers of the clock controller."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mvsdk.boards.board import Peripheral, RccRegister
from mvsdk.boards.errors import BoardFileError

RESET = -15
"""The first exception, in the numbering of CMSIS."""

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ADDRESS = re.compile(r"0x[0-9a-f]{8}")
_NUMBER = re.compile(r"0|-?[1-9][0-9]*")


@dataclass(frozen=True, slots=True)
class Interrupt:
    """One line of interrupts.csv: number and name as in CMSIS, and the C function that serves it."""

    number: int
    name: str
    handler: str


@dataclass(frozen=True, slots=True)
class _Row:
    file: Path
    line: int
    cells: dict[str, str]

    def error(self, problem: str) -> BoardFileError:
        return BoardFileError(self.file, f"line {self.line}", problem)

    def identifier(self, column: str) -> str:
        return self._matching(_IDENTIFIER, column, "a C identifier")

    def address(self, column: str) -> int:
        return int(self._matching(_ADDRESS, column, "an address of the form 0x0123abcd"), 16)

    def number(self, column: str) -> int:
        return int(self._matching(_NUMBER, column, "a decimal number"))

    def flag(self, column: str) -> bool:
        return self._matching(re.compile("yes|no"), column, "yes or no") == "yes"

    def _matching(self, pattern: re.Pattern[str], column: str, expected: str) -> str:
        text = self.cells[column]
        if not pattern.fullmatch(text):
            raise self.error(f"{column} {text!r} is not {expected}")
        return text


def read_interrupts(file: Path, external: int) -> tuple[Interrupt, ...]:
    """Return exceptions and interrupts in order of their numbers; the chip has `external` interrupts, 0 and up."""
    entries: list[Interrupt] = []
    for row in _unique_rows(file, ("number", "name", "handler")):
        entry = Interrupt(row.number("number"), row.identifier("name"), row.identifier("handler"))
        if not RESET <= entry.number < external:
            raise row.error(f"number {entry.number} is not in {RESET} to {external - 1}")
        if entries and entry.number <= entries[-1].number:
            raise row.error(f"number {entry.number} does not follow {entries[-1].number}")
        entries.append(entry)
    missing = {RESET, *range(external)} - {entry.number for entry in entries}
    if missing:
        raise BoardFileError(file, "number", f"interrupt {min(missing)} is missing")
    return tuple(entries)


def read_peripherals(file: Path) -> tuple[Peripheral, ...]:
    """Return all blocks in the order of the file."""
    return tuple(
        Peripheral(row.identifier("name"), row.address("base"), row.address("secure_alias"))
        for row in _unique_rows(file, ("name", "base", "secure_alias"))
    )


def read_rcc_registers(file: Path) -> tuple[RccRegister, ...]:
    """Return all registers in the order of the file."""
    return tuple(
        RccRegister(row.identifier("name"), row.address("address"), row.flag("readable"), row.flag("writable"))
        for row in _unique_rows(file, ("name", "address", "readable", "writable"))
    )


def _unique_rows(file: Path, columns: tuple[str, ...]) -> Iterator[_Row]:
    """Yield the rows of a CSV file with exactly these columns, whose names appear once each."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BoardFileError(file, "file", f"cannot be read ({error})") from error
    seen: set[str] = set()
    if not lines or lines[0] != ",".join(columns):
        raise BoardFileError(file, "line 1", f"the columns are not {','.join(columns)}")
    for number, line in enumerate(lines[1:], start=2):
        cells = line.split(",")  # names and numbers: nothing here needs quotes
        if len(cells) != len(columns):
            raise BoardFileError(file, f"line {number}", f"has {len(cells)} cells, not {len(columns)}")
        row = _Row(file, number, dict(zip(columns, cells, strict=True)))
        if row.cells["name"] in seen:
            raise row.error(f"{row.cells['name']!r} appears twice")
        seen.add(row.cells["name"])
        yield row
