"""Words as assembly text, from the `assembly` column of the table of encodings.

A template is UAL (Arm's unified assembler language) with fields in braces: `{d}` is a register or a number, as the
letter says, and `{ki:shifted}` hands the fields k and i, joined, to the function `_shifted` below. An instruction in an
IT block gets its condition behind the mnemonic. Spelling is that of the GNU tools, with which tests compare it. Special
registers are those of `special-registers.csv` (DDI0553, D1.2 and C2.4 MRS).
"""

from __future__ import annotations

import csv
import functools
import re
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mvsdk.emulator.core import Registers
from mvsdk.emulator.core.encodings import Encoding, find, is_wide

CONDITIONS = ("eq", "ne", "cs", "cc", "mi", "pl", "vs", "vc", "hi", "ls", "ge", "lt", "gt", "le", "", "")
_REGISTERS = (*(f"r{number}" for number in range(13)), "sp", "lr", "pc")
_REGISTER_FIELDS = frozenset("dnmtualh")
_SHIFTS = ("lsl", "lsr", "asr", "ror")
_FIELD = re.compile(r"{(\w+)(?::(\w+))?}")


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction of a listing. `encoding` is None where no instruction has this word."""

    address: int
    word: int
    width: int
    """In bits: 16 or 32."""
    text: str
    encoding: Encoding | None


@dataclass(frozen=True, slots=True)
class _Place:
    """What a field's text may depend on besides its value."""

    fields: Mapping[str, int]
    bits: int
    """How many the joined fields have."""
    address: int

    def relative(self, offset: int) -> str:
        """Return the target of a branch."""
        return f"0x{(self.address + 4 + offset) & 0xFFFF_FFFF:x}"

    def aligned(self, offset: int) -> str:
        """Return a PC-relative address; the PC counts from a whole word."""
        return f"0x{((self.address & ~3) + 4 + offset) & 0xFFFF_FFFF:x}"


Format = Callable[[int, _Place], str]
_FORMATS: dict[str, Format] = {}


def _format(function: Format) -> Format:
    """Register a format under the function's name, without the underscore."""
    _FORMATS[function.__name__.removeprefix("_")] = function
    return function


def disassemble(word: int, width: int, address: int = 0, it: int = 0) -> str:
    """Return the text of an instruction at `address`; `it` is ITSTATE before it, 0 outside an IT block."""
    encoding = find(word, width)
    if encoding is None:
        return f".inst.{'n' if width == 16 else 'w'} 0x{word:0{width // 4}x}"
    fields = encoding.decode(word)

    def text(match: re.Match[str]) -> str:
        names, form = match.groups()
        value, bits = _joined(encoding, fields, names)
        if names == "it":  # the flags change outside an IT block only
            return "" if it else "s"
        if form is not None:
            return _FORMATS[form](value, _Place(fields, bits, address))
        return _REGISTERS[value] if names in _REGISTER_FIELDS else str(value)

    mnemonic, space, operands = _FIELD.sub(text, encoding.assembly).partition(" ")
    if it and not encoding.lowering.startswith("bkpt"):  # which has no condition (DDI0553, C2.4 BKPT)
        name, dot, size = mnemonic.partition(".")
        mnemonic = name + CONDITIONS[it >> 4] + dot + size
    return mnemonic + space + operands


def listing(code: bytes, address: int, it: int = 0) -> Iterator[Instruction]:
    """Return the instructions of a piece of code, from ITSTATE `it` on; half an instruction at its end is left out."""
    offset = 0
    while offset + 2 <= len(code):
        word, width = int.from_bytes(code[offset : offset + 2], "little"), 16
        if is_wide(word):
            if offset + 4 > len(code):
                return
            word, width = word << 16 | int.from_bytes(code[offset + 2 : offset + 4], "little"), 32
        at = address + offset
        encoding = find(word, width)
        yield Instruction(at, word, width, disassemble(word, width, at, it), encoding)
        it = word & 0xFF if encoding is not None and encoding.name == "IT T1" else it_advance(it)
        offset += width // 8


def instruction_at(registers: Registers, read: Callable[[int, int], bytes]) -> str:
    """Return the text of the instruction that `registers` are about to execute, or "" where there is no memory.

    `read` returns so many bytes of an address, as `Core.read_memory` does.
    """
    try:
        code = read(registers.pc, 2)
        if is_wide(int.from_bytes(code, "little")):
            code += read(registers.pc + 2, 2)
    except LookupError:
        return ""
    it = registers.xpsr >> 25 & 3 | registers.xpsr >> 8 & 0xFC
    return next(listing(code, registers.pc, it)).text


def it_advance(it: int) -> int:
    """Return ITSTATE after one more instruction (DDI0553, E2.1 ITAdvance)."""
    return 0 if it & 7 == 0 else it & 0xE0 | it << 1 & 0x1F


def _joined(encoding: Encoding, fields: Mapping[str, int], names: str) -> tuple[int, int]:
    """Return several fields as one number, the first uppermost, and its bits; a field that is not there is 0."""
    value = bits = 0
    for name in names:
        width = len(encoding.fields.get(name, ()))
        value, bits = value << width | fields.get(name, 0), bits + width
    return value, bits


def _signed(value: int, bits: int) -> int:
    return value - (value >> (bits - 1) << bits)


@functools.cache
def _special_registers() -> dict[int, str]:
    with Path(__file__).with_name("special-registers.csv").open(newline="", encoding="utf-8") as file:
        return {int(row["number"]): row["name"] for row in csv.DictReader(file)}


# -- suffixes of the mnemonic -----------------------------------------------------------------------------------------


def _choice(name: str, *texts: str) -> None:
    """Register a format that chooses by the field's value."""
    _FORMATS[name] = lambda value, _: texts[value]


_choice("flags", "", "s")
_choice("nz", "", "n")
_choice("ied", "ie", "id")
_choice("if", "", "f", "i", "if")
_choice("wb", "", "!")
_choice("bh", "b", "h")
_choice("lsl1", "", ", lsl #1")
_choice("t", "", "t")
_choice("pkh", "bt", "tb")
_choice("bt", "bb", "bt", "tb", "tt")
_choice("bt1", "b", "t")
_choice("x", "", "x")
_choice("r", "", "r")
_choice("selcond", "eq", "vs", "ge", "gt")
_choice("f16pair", "f32.f16", "f16.f32")
_choice("e", "", "e")
_choice("su32", "u32", "s32")
_choice("rz", "r", "")
_choice("rmode", "a", "n", "p", "m")
_choice("cond", *CONDITIONS)


# -- numbers ----------------------------------------------------------------------------------------------------------


def _scaled(factor: int) -> None:
    """Register formats for multiples of `factor`: a number, one with a sign, and both as offsets in an address, where
    nothing is said of zero. The upper bit of what has a sign says "add"."""

    def signed(value: int, place: _Place) -> str:
        return f"{'' if value >> (place.bits - 1) else '-'}{_magnitude(value, place) * factor}"

    def displacement(value: int, place: _Place) -> str:
        text = signed(value, place)
        return "" if text == "0" else f", #{text}"

    _FORMATS[f"x{factor}"] = lambda value, _: str(value * factor)
    _FORMATS[f"offset{factor}"] = lambda value, _: f", #{value * factor}" if value else ""
    _FORMATS[f"signed{factor}"] = signed
    _FORMATS[f"displacement{factor}"] = displacement


def _magnitude(value: int, place: _Place) -> int:
    return value & (1 << (place.bits - 1)) - 1


for _factor in (1, 2, 4):
    _scaled(_factor)


@_format
def _shift(value: int, place: _Place) -> str:
    del place
    return str(value or 32)


@_format
def _imm16(value: int, place: _Place) -> str:
    del place
    return str(value)


@_format
def _plus1(value: int, place: _Place) -> str:
    del place
    return str(value + 1)


@_format
def _width(value: int, place: _Place) -> str:
    del value
    return str(place.fields["w"] - place.fields["i"] + 1)


@_format
def _expand(value: int, place: _Place) -> str:
    """T32ExpandImm (DDI0553, E2.1)."""
    del place
    byte = value & 0xFF
    if value >> 10 == 0:
        return str((byte, byte * 0x0001_0001, byte * 0x0100_0100, byte * 0x0101_0101)[value >> 8])
    rotation, number = value >> 7, 0x80 | value & 0x7F
    return str((number >> rotation | number << (32 - rotation)) & 0xFFFF_FFFF)


@_format
def _fpimm(value: int, place: _Place) -> str:
    """VFPExpandImm (DDI0553, E2.1)."""
    del place
    exponent = (0x80 if not value & 0x40 else 0x7C) | value >> 4 & 3
    word = value >> 7 << 31 | exponent << 23 | (value & 15) << 19
    number: float = struct.unpack("<f", struct.pack("<I", word))[0]
    return repr(number)


@_format
def _fbits(value: int, place: _Place) -> str:
    wide = value >> (place.bits - 1)
    return str((32 if wide else 16) - _magnitude(value, place))


# -- addresses --------------------------------------------------------------------------------------------------------


def _literal(value: int, place: _Place, factor: int) -> str:
    """Return a place in memory near the instruction, and its address as a comment; the upper bit says "add"."""
    offset = _magnitude(value, place) * factor
    negative = not value >> (place.bits - 1)
    return f"[pc, #{'-' if negative else ''}{offset}] @ {place.aligned(-offset if negative else offset)}"


@_format
def _literals(value: int, place: _Place) -> str:
    return _literal(value, place, 1)


@_format
def _literals4(value: int, place: _Place) -> str:
    return _literal(value, place, 4)


@_format
def _literal4(value: int, place: _Place) -> str:
    return f"[pc, #{value * 4}] @ {place.aligned(value * 4)}"


@_format
def _address4(value: int, place: _Place) -> str:
    return place.aligned(value * 4)


@_format
def _address1(value: int, place: _Place) -> str:
    return place.aligned(value)


@_format
def _addressminus(value: int, place: _Place) -> str:
    return place.aligned(-value)


@_format
def _forward(value: int, place: _Place) -> str:
    return place.relative(value * 2)


@_format
def _branch(value: int, place: _Place) -> str:
    return place.relative(_signed(value, place.bits) * 2)


@_format
def _branchj(value: int, place: _Place) -> str:
    """A branch whose second and third bit are turned over where its sign is clear (DDI0553, C2.4 BL)."""
    sign = value >> (place.bits - 1)
    return _branch(value if sign else value ^ 3 << (place.bits - 3), place)


# -- registers --------------------------------------------------------------------------------------------------------


def _ranges(name: str, numbers: list[int]) -> str:
    """Return a register list with runs joined, as `s0-s3`."""
    if len(numbers) == 1:
        return f"{{{name}{numbers[0]}}}"
    return f"{{{name}{numbers[0]}-{name}{numbers[-1]}}}" if numbers else "{}"


@_format
def _list(value: int, place: _Place) -> str:
    del place
    return "{" + ", ".join(name for number, name in enumerate(_REGISTERS) if value >> number & 1) + "}"


@_format
def _pushlist(value: int, place: _Place) -> str:
    return _list(value & 0xFF | value >> 8 << 14, place)


@_format
def _poplist(value: int, place: _Place) -> str:
    return _list(value & 0xFF | value >> 8 << 15, place)


@_format
def _stmlist(value: int, place: _Place) -> str:
    return _list(value & 0x1FFF | value >> 13 << 14, place)


@_format
def _ldmlist(value: int, place: _Place) -> str:
    return _list(value & 0x1FFF | value >> 13 << 14, place)


@_format
def _ldmbase(value: int, place: _Place) -> str:
    return _REGISTERS[value] + ("" if place.fields["l"] >> value & 1 else "!")


@_format
def _single(value: int, place: _Place) -> str:
    del place
    return f"s{value}"


@_format
def _singlenext(value: int, place: _Place) -> str:
    del place
    return f"s{value + 1}"


@_format
def _double(value: int, place: _Place) -> str:
    del place
    return f"d{value}"


@_format
def _slist(value: int, place: _Place) -> str:
    del place
    return _ranges("s", list(range(value >> 8, (value >> 8) + (value & 0xFF))))


@_format
def _dlist(value: int, place: _Place) -> str:
    del place
    return _ranges("d", list(range(value >> 8, (value >> 8) + (value & 0xFF) // 2)))


@_format
def _apsr(value: int, place: _Place) -> str:
    del place
    return "APSR_nzcv" if value == 15 else _REGISTERS[value]


@_format
def _sys(value: int, place: _Place) -> str:
    del place
    return _special_registers().get(value, str(value))


@_format
def _sysmask(value: int, place: _Place) -> str:
    name, mask = _special_registers().get(place.fields["y"], str(place.fields["y"])), place.fields["m"]
    suffix = {1: "_g", 2: "_nzcvq", 3: "_nzcvqg"}.get(mask, "") if place.fields["y"] < 4 else ""
    del value
    return name + suffix


@_format
def _barrier(value: int, place: _Place) -> str:
    del place
    return "sy" if value == 15 else f"#{value}"


# -- shifts of an operand ---------------------------------------------------------------------------------------------


@_format
def _shifted(value: int, place: _Place) -> str:
    del place
    kind, amount = value >> 5, value & 31
    if amount == 0:
        return ("", ", lsr #32", ", asr #32", ", rrx")[kind]
    return f", {_SHIFTS[kind]} #{amount}"


@_format
def _lsl(value: int, place: _Place) -> str:
    del place
    return f", lsl #{value}" if value else ""


@_format
def _pkhshift(value: int, place: _Place) -> str:
    del place
    amount = value & 31
    if value >> 5:
        return f", asr #{amount or 32}"
    return f", lsl #{amount}" if amount else ""


@_format
def _satshift(value: int, place: _Place) -> str:
    del place
    amount = value & 31
    if value >> 5:
        return f", asr #{amount}"
    return f", lsl #{amount}" if amount else ""


@_format
def _ror(value: int, place: _Place) -> str:
    del place
    return f", ror #{value * 8}" if value else ""


@_format
def _fixed(value: int, place: _Place) -> str:
    """The two types of a conversion between fixed and floating point: which way, sign, width."""
    del place
    kind = f"{'u' if value & 2 else 's'}{32 if value & 1 else 16}"
    return f"{kind}.f32" if value & 4 else f"f32.{kind}"


# -- IT ---------------------------------------------------------------------------------------------------------------


def _it_block(value: int, place: _Place) -> str:
    """`itte eq` and the like: for each instruction after the first whether it has the condition or its opposite."""
    del place
    condition, mask = value >> 4, value & 15
    length = 4 - ((mask & -mask).bit_length() - 1)
    letters = ("t" if mask >> (4 - number) & 1 == condition & 1 else "e" for number in range(1, length))
    return f"it{''.join(letters)} {CONDITIONS[condition] or 'al'}"


_FORMATS["itblock"] = _it_block
