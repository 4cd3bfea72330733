"""Registers as data: the tables beside this file, and a block of registers that behaves as its table says.

A table has a row for each register: `name`, `offset` from the block's base, `reset` value, `writable` mask (what a
plain write changes), `follows` ("12>13" for every read-only bit that copies another one at once, as ready flags do)
and a `note`. What a register does beyond that is its peripheral's code.

The values are in a `RegisterBank`, which the core shares: what it may answer by itself is listed in `native.csv`
(`native.py`).
"""

from __future__ import annotations

import csv
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import ClassVar

from mvsdk.emulator.core.register_bank import HEADER, RegisterBank

WORD = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class Register:
    """One row of a table."""

    name: str
    offset: int
    reset: int
    writable: int
    follows: tuple[tuple[int, int], ...]


def rows(table: str) -> Iterator[dict[str, str]]:
    """Yield the rows of `table`.csv beside this file."""
    with files(__package__).joinpath(f"{table}.csv").open(encoding="utf-8") as file:
        yield from csv.DictReader(file)


@cache
def register_table(table: str) -> Mapping[int, Register]:
    """Return the registers of a table by their offsets."""
    return {
        int(row["offset"], 16): Register(
            row["name"],
            int(row["offset"], 16),
            int(row["reset"], 16),
            int(row["writable"], 16),
            tuple((int(bit), int(copy)) for bit, _, copy in (pair.partition(">") for pair in row["follows"].split())),
        )
        for row in rows(table)
    }


@cache
def offsets(table: str) -> Mapping[str, int]:
    """Return the offsets of a table's registers by their names."""
    return {register.name: offset for offset, register in register_table(table).items()}


@cache
def places(table: str) -> Mapping[str, int]:
    """Return where in its bank the value of each register of a table is, by name.

    After those of the table come words that no register shows; `native.csv` names them in small letters.
    """
    named = [word for row in rows("native") if row["table"] == table for word in _words_in(row)]
    names = [register.name for register in register_table(table).values()]
    return {name: HEADER + place for place, name in enumerate(dict.fromkeys([*names, *named]))}


def _words_in(row: Mapping[str, str]) -> list[str]:
    return [word for word in (row["told"], row["shows"].partition("&")[2]) if word[:1].isalpha() and word.islower()]


class RegisterFile:
    """The values of a table's registers, by name.

    `bank` holds them, and what the core has to know besides to answer by itself. The values of a block with a counter
    hold as long as its peripheral says, all others until it changes them.
    """

    STATE: ClassVar[tuple[str, ...]] = ("values", "answering")

    def __init__(self, table: str) -> None:
        self._registers = {register.name: register for register in register_table(table).values()}
        self._places = places(table)
        self.bank = RegisterBank(len(self._places))
        if any(row["reads"] == "counter" for row in rows("native") if row["table"] == table):
            self.bank.hold_until(0)
        self._words = self.bank.words
        self.reset()

    def __getitem__(self, name: str) -> int:
        return self._words[self._places[name]]

    def __setitem__(self, name: str, value: int) -> None:
        self._words[self._places[name]] = value & WORD

    @property
    def values(self) -> dict[str, int]:
        """Every value by its name; setting them keeps those that are not named."""
        return {name: self[name] for name in self._places}

    @values.setter
    def values(self, values: Mapping[str, int]) -> None:
        for name, value in values.items():
            self[name] = value

    @property
    def answering(self) -> tuple[int, ...]:
        """Whether, how long and counting what the bank may answer, as the words it begins with."""
        return tuple(self._words[:HEADER])

    @answering.setter
    def answering(self, words: Sequence[int]) -> None:
        self._words[:HEADER] = array("I", words)

    def reset(self) -> None:
        """Give every register its reset value."""
        for name, register in self._registers.items():
            self[name] = register.reset

    def change(self, name: str, bits: int, mask: int = WORD) -> None:
        """Write `bits` where `mask` is set and the table allows it."""
        register = self._registers[name]
        mask &= register.writable
        value = self[name] & ~mask | bits & mask
        for bit, copy in register.follows:
            value = value & ~(1 << copy) | (value >> bit & 1) << copy
        self[name] = value


class RegisterBlock:
    """A `Peripheral` made of a table. By itself its registers remember; subclasses give single ones a life."""

    def __init__(self, table: str) -> None:
        self.table = table
        self.registers = RegisterFile(table)
        self._table = register_table(table)

    def read(self, offset: int, size: int) -> int | None:
        """Return a register, or the part of it that a narrow access names."""
        register = self._table.get(offset & ~3)
        if register is None:
            return None
        return self.fetch(register.name) >> 8 * (offset & 3) & (1 << 8 * size) - 1

    def write(self, offset: int, size: int, value: int) -> bool:
        """Change a register, or the part of it that a narrow access names."""
        register = self._table.get(offset & ~3)
        if register is None:
            return False
        shift = 8 * (offset & 3)
        mask = (1 << 8 * size) - 1 << shift & WORD
        self.store(register.name, value << shift & mask, mask)
        return True

    def fetch(self, name: str) -> int:
        """Return what reading a register gives, and do what reading it does."""
        return self.registers[name]

    def store(self, name: str, bits: int, mask: int) -> None:
        """Do what writing `bits` to the part `mask` of a register does."""
        self.registers.change(name, bits, mask)

    def reset(self) -> None:
        """Do what the chip's reset does to the block."""
        self.registers.reset()
