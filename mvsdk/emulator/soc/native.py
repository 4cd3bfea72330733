"""What the core answers by itself: the rows of `native.csv`, as descriptions the core understands.

A row stands for one register of a table, or by `*` for all the table's registers without a row of their own.

- `reads`: "yes" where a read gives the register's value and does nothing, "counter" where the bank's counter gives it;
  empty where the peripheral is asked.
- `writes`: what a write does, if that is all it does: "write" (by the table's `writable` and `follows`), "set",
  "clear", "toggle", "keep" (written zeros clear), "ignore"; several in their order, with `>>n` for bits that lie n
  places higher than those they are for, and `&mask`. "ODR: clear>>16 set" does it to another register. Empty where
  the peripheral is told.
- `told`: a mask, or the register or word with one: a write that would change such a bit is the peripheral's as well.
- `shows`: "IDR&driven": the bits chosen by the mask in `driven` appear in IDR at once.

The last two are about the register that changes. Names in small letters are words of the bank that no register shows;
the peripheral keeps them. The peripheral's code stays the reference: `tests/emulator/soc/test_native_registers.py`
compares the two.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache

from mvsdk.emulator.core.register_bank import BankRegister, Effect, Reads, Verb
from mvsdk.emulator.soc.registers import WORD, Register, places, register_table, rows

_EFFECT = re.compile(r"(?P<verb>write|set|clear|toggle|keep)(>>(?P<shift>\d+))?(&(?P<mask>0x[0-9a-f]+))?")
_READS = {"": Reads.DEVICE, "yes": Reads.WORD, "counter": Reads.COUNTER}
Row = Mapping[str, str]


@cache
def native_registers(table: str) -> Mapping[str, BankRegister]:
    """Return what the core answers of a table's registers, by name. `ValueError` for a row that makes no sense."""
    registers = {register.name: register for register in register_table(table).values()}
    written = {row["register"]: row for row in rows("native") if row["table"] == table}
    if unknown := written.keys() - registers.keys() - {"*"}:
        raise ValueError(f"native.csv: {table} has no {', '.join(sorted(unknown))}")
    default = written.get("*", {})
    every = {name: written.get(name, default) for name in registers}
    return {name: _describe(table, registers, name, every) for name, row in every.items() if row}


def _describe(table: str, registers: Mapping[str, Register], name: str, every: Mapping[str, Row]) -> BankRegister:
    row, words = every[name], places(table)
    target, _, effects = row["writes"].rpartition(": ")
    target = target or name
    told = every[target].get("told", "")
    shown, _, shown_mask = every[target].get("shows", "").partition("&")
    plain = "write" in effects
    return BankRegister(
        offset=registers[name].offset,
        word=words[name],
        reads=_READS[row["reads"]],
        effects=tuple(_effects(effects, registers[target].writable)) if effects else None,
        target=words[target],
        told=int(told, 16) if told.startswith("0x") else 0,
        told_word=words[told] if told and not told.startswith("0x") else None,
        shown=words[shown] if shown else None,
        shown_mask=words[shown_mask] if shown else None,
        follows=registers[target].follows if plain else (),
    )


def _effects(text: str, writable: int) -> Iterator[Effect]:
    for word in text.split():
        if word == "ignore":
            continue
        match = _EFFECT.fullmatch(word)
        if match is None:
            raise ValueError(f"native.csv: {word!r} is nothing that a write does")
        verb = Verb[match["verb"].upper()]
        mask = int(match["mask"], 16) if match["mask"] else writable if verb is Verb.WRITE else WORD
        yield Effect(verb, int(match["shift"] or 0), mask)
