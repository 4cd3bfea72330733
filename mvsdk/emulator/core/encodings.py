"""The instruction set as data: what `encodings.csv` says about every encoding the core executes.

One row is one encoding of the Armv8-M ARM (DDI0553), chapter C2.4. In a pattern `0` and `1` are fixed bits, and the
bits that carry the same letter are one field, most significant bit first. Where several rows match a word, the last
one rules, as the manual's "SEE ..." notes do. A word that no row matches is UNDEFINED, and so is one for which the
row's `unpredictable` condition holds: the core faults rather than guesses.

`assembly` is the text of the instruction, which `disassemble` explains.

Conditions are expressions over the fields and over `inside` (in an IT block) and `last` (outside, or last in one).
"""

from __future__ import annotations

import ast
import csv
import functools
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

TABLE = Path(__file__).with_name("encodings.csv")

_OPERATORS: dict[type[ast.AST], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Mod: operator.mod,
    ast.FloorDiv: operator.floordiv,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.Gt: operator.gt,
}


@dataclass(frozen=True, slots=True)
class Encoding:
    """One encoding: its name, how its bits are laid out, and which words of it are not allowed."""

    name: str
    pattern: str
    assembly: str
    lowering: str
    unpredictable: str
    feature: str
    section: str
    mask: int
    match: int
    fields: Mapping[str, tuple[int, ...]] = field(hash=False)
    """Bit positions of each field, most significant first."""

    @property
    def width(self) -> int:
        """The size in bits, 16 or 32; of 32 the first halfword is the upper."""
        return len(self.pattern)

    def matches(self, word: int) -> bool:
        """Tell whether the fixed bits of `word` are this encoding's."""
        return word & self.mask == self.match

    def decode(self, word: int) -> dict[str, int]:
        """Return the value of every field in `word`."""
        return {name: _gather(word, bits) for name, bits in self.fields.items()}

    def encode(self, values: Mapping[str, int]) -> int:
        """Return the word with these field values; a field left out is 0."""
        word = self.match
        for name, bits in self.fields.items():
            value = values.get(name, 0)
            for place, bit in enumerate(reversed(bits)):
                word |= (value >> place & 1) << bit
        return word

    def is_unpredictable(self, word: int, *, inside: bool = False, last: bool = True) -> bool:
        """Tell whether the architecture leaves `word` open at this place relative to an IT block."""
        if not self.unpredictable:
            return False
        names = self.decode(word) | {"inside": int(inside), "last": int(last)}
        return bool(_evaluate(_parsed(self.unpredictable), names))


def _gather(word: int, bits: tuple[int, ...]) -> int:
    return functools.reduce(lambda value, bit: value << 1 | word >> bit & 1, bits, 0)


@functools.cache
def _parsed(condition: str) -> ast.expr:
    return ast.parse(condition, mode="eval").body


def _evaluate(node: ast.AST, names: Mapping[str, int]) -> int:  # noqa: PLR0911 - one for each kind of node
    """Return the value of a condition; the grammar is what the table needs and no more."""
    match node:
        case ast.Constant(value=int(value)):
            return value
        case ast.Name(id=name):
            return names[name]
        case ast.BoolOp(op=ast.And(), values=parts):
            return int(all(_evaluate(part, names) for part in parts))
        case ast.BoolOp(op=ast.Or(), values=parts):
            return int(any(_evaluate(part, names) for part in parts))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return int(not _evaluate(operand, names))
        case ast.BinOp(left=left, op=op, right=right) | ast.Compare(left=left, ops=[op], comparators=[right]):
            return int(_OPERATORS[type(op)](_evaluate(left, names), _evaluate(right, names)))
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return _CALLS[name](*(_evaluate(argument, names) for argument in arguments))
        case _:
            raise ValueError(f"not understood in a condition: {ast.unparse(node)}")


def _lowest(registers: int, number: int) -> int:
    """Tell whether `number` is the lowest register of the list."""
    return int(registers & -registers == 1 << number)


def _bad_constant(value: int) -> int:
    """Tell whether a modified immediate is one of the UNPREDICTABLE ones (DDI0553, T32ExpandImm)."""
    return int(value >> 10 == 0 and value >> 8 != 0 and value & 0xFF == 0)


_CALLS: dict[str, Callable[..., int]] = {
    "bit": lambda value, number: value >> number & 1,
    "bitcount": int.bit_count,
    "lowest": _lowest,
    "badconst": _bad_constant,
}


def _parse(row: Mapping[str, str]) -> Encoding:
    """Return the encoding that one row describes."""
    pattern = row["pattern"]
    fields: dict[str, tuple[int, ...]] = {}
    mask = match = 0
    for place, symbol in enumerate(pattern):
        bit = len(pattern) - 1 - place
        if symbol in "01":
            mask |= 1 << bit
            match |= int(symbol) << bit
        else:
            fields[symbol] = (*fields.get(symbol, ()), bit)
    return Encoding(**row, mask=mask, match=match, fields=fields)


@functools.cache
def load() -> tuple[Encoding, ...]:
    """Return every encoding, in the order of the table."""
    with TABLE.open(newline="", encoding="utf-8") as file:
        return tuple(_parse(row) for row in csv.DictReader(file))


@functools.cache
def _by_width(width: int) -> tuple[Encoding, ...]:
    return tuple(encoding for encoding in reversed(load()) if encoding.width == width)


def is_wide(halfword: int) -> bool:
    """Tell whether an instruction that begins with `halfword` has 32 bits (DDI0553, T32 encodings)."""
    return halfword >> 11 in (0b11101, 0b11110, 0b11111)


@functools.cache
def _overruling(encoding: Encoding) -> tuple[Encoding, ...]:
    rows = load()
    later = rows[rows.index(encoding) + 1 :]
    return tuple(
        row
        for row in later
        if row.width == encoding.width and (row.match ^ encoding.match) & row.mask & encoding.mask == 0
    )


def rules(encoding: Encoding, word: int) -> bool:
    """Tell whether `word` is of this encoding, and no later row of the table claims it."""
    return encoding.matches(word) and not any(row.matches(word) for row in _overruling(encoding))


def find(word: int, width: int) -> Encoding | None:
    """Return the encoding of a word of `width` bits, or None where it is UNDEFINED."""
    return next((encoding for encoding in _by_width(width) if encoding.matches(word)), None)
