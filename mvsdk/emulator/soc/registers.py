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
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import ClassVar

from mvsdk.emulator.core.register_bank import HEADER, RegisterBank
from mvsdk.emulator.saving import Loading, Plain, Saving

WORD = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class Register:
    """One row of a table."""

    name: str
    offset: int
    reset: int
    writable: int
    follows: tuple[tuple[int, int], ...]


@cache
def rows(table: str) -> tuple[Mapping[str, str], ...]:
    """Return the rows of `table`.csv beside this file."""
    with files(__package__).joinpath(f"{table}.csv").open(encoding="utf-8") as file:
        return tuple(csv.DictReader(file))


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


@cache
def _counts(table: str) -> bool:
    """Return whether the core reads a counter in a table's block."""
    return any(row["reads"] == "counter" for row in rows("native") if row["table"] == table)


class RegisterFile:
    """The values of a table's registers, by name.

    `bank` holds them, and what the core has to know besides to answer by itself. The values of a block with a counter
    hold as long as its peripheral says, all others until it changes them.
    """

    def __init__(self, table: str) -> None:
        self._registers = {register.name: register for register in register_table(table).values()}
        self._places = places(table)
        self.bank = RegisterBank(len(self._places))
        if _counts(table):
            self.bank.hold_until(0)
        self._words = self.bank.words
        self.reset()

    def __contains__(self, name: str) -> bool:
        return name in self._registers

    def __iter__(self) -> Iterator[str]:
        return iter(self._registers)

    def __getitem__(self, name: str) -> int:
        return self._words[self._places[name]]

    def __setitem__(self, name: str, value: int) -> None:
        self._words[self._places[name]] = value & WORD

    def saved_state(self, save: Saving) -> Plain:
        """Return every value by its name, and what the bank may answer: how long and counting what."""
        values: dict[str, Plain] = {name: self[name] for name in self._places}
        return {"answering": list(self._words[:HEADER]), **values}

    def load_state(self, data: Plain, load: Loading) -> None:
        """Take all of it, in the words that the core shares."""
        if not isinstance(data, dict) or data.keys() != {"answering", *self._places}:
            raise ValueError("a block has other registers")
        answering = data["answering"]
        if not isinstance(answering, list) or len(answering) != HEADER:
            raise ValueError(f"{str(answering)[:80]} says nothing of what a block's bank answers")
        self._words[:HEADER] = array("I", [_word(word, "a bank") for word in answering])
        for name in self._places:
            self[name] = _word(data[name], name)

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


def _word(value: object, name: str) -> int:
    if type(value) is int and 0 <= value <= WORD:
        return value
    raise ValueError(f"{value!r} is no 32-bit word of {name}")


class RegisterBlock:
    """A `Peripheral` made of a table. By itself its registers remember; subclasses give single ones a life."""

    STATE: ClassVar[tuple[str, ...]] = ("registers",)

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
