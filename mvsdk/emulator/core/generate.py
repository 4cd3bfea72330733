"""`python -m mvsdk.emulator.core.generate [--check]`: write the C decoder from the table of encodings.

The result, `native/decode_table.inc`, is committed, so that building the core needs no generator. With `--check`
nothing is written; the exit status tells whether the file is what the table says.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from mvsdk.emulator.core.encodings import Encoding, load

TARGET = Path(__file__).with_name("native") / "decode_table.inc"
BUCKET_SHIFT = 6
"""The decoder looks words up by the upper ten bits of their first halfword."""

_SYMBOLS = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Mod: "%",
    ast.FloorDiv: "/",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.Gt: ">",
}


def _value(node: ast.AST, fields: frozenset[str]) -> str:  # noqa: PLR0911 - one for each kind of node
    """Return the C expression, of type uint32_t, for a Python one."""
    match node:
        case ast.Constant(value=int(value)):
            return f"{value}u"
        case ast.Name(id="inside" | "last" as name):
            return f"x->{name}"
        case ast.Name(id=name):
            return f"f_{name}" if name in fields else f"K_{name}"
        case ast.BinOp(left=left, op=op, right=right):
            return f"({_value(left, fields)} {_SYMBOLS[type(op)]} {_value(right, fields)})"
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return f"(0u - {_value(operand, fields)})"
        case ast.IfExp(test=test, body=body, orelse=other):
            return f"({_condition(test, fields)} ? {_value(body, fields)} : {_value(other, fields)})"
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return f"{name}_of({', '.join(_value(argument, fields) for argument in arguments)})"
        case _:
            return f"({_condition(node, fields)} ? 1u : 0u)"


def _condition(node: ast.AST, fields: frozenset[str]) -> str:
    """Return the C expression for a truth value."""
    match node:
        case ast.BoolOp(op=op, values=parts):
            joined = (" && " if isinstance(op, ast.And) else " || ").join(_condition(part, fields) for part in parts)
            return f"({joined})"
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return f"!{_condition(operand, fields)}"
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return f"({_value(left, fields)} {_SYMBOLS[type(op)]} {_value(right, fields)})"
        case _:
            return f"({_value(node, fields)} != 0u)"


def _extract(bits: tuple[int, ...]) -> str:
    """Return the C expression that gathers a field from `w`, run of neighbouring bits by run."""
    runs: list[list[int]] = []
    for bit in bits:
        if runs and runs[-1][-1] == bit + 1:
            runs[-1].append(bit)
        else:
            runs.append([bit])
    parts = []
    place = len(bits)
    for run in runs:
        place -= len(run)
        taken = f"(w >> {run[-1]} & 0x{(1 << len(run)) - 1:X}u)"
        parts.append(f"{taken} << {place}" if place else taken)
    return " | ".join(parts)


def _row(number: int, encoding: Encoding) -> Iterator[str]:
    """Yield the C function that lowers one encoding."""
    fields = frozenset(encoding.fields)
    call = ast.parse(encoding.lowering, mode="eval").body
    assert isinstance(call, ast.Call)  # noqa: S101 - the table is ours, and a test reads all of it
    assert isinstance(call.func, ast.Name)  # noqa: S101
    arguments = ["x", *(_value(argument, fields) for argument in call.args)]
    lines = [f"    lower_{call.func.id}({', '.join(arguments)});"]
    if encoding.unpredictable:
        condition = _condition(ast.parse(encoding.unpredictable, mode="eval").body, fields)
        lines = [f"    if ({condition}) {{", "        lower_undefined(x);", "        return;", "    }", *lines]
    body = "\n".join(lines)
    used = [name for name in encoding.fields if f"f_{name}" in body]
    yield f"/* {encoding.name}; {encoding.section} */"
    yield f"static void lower_row_{number}(lowering *x, uint32_t w) {{"
    yield from (f"    const uint32_t f_{name} = {_extract(encoding.fields[name])};" for name in used)
    if not used:
        yield "    (void)w;"
    yield body
    yield "}"
    yield ""


def _buckets(rows: tuple[Encoding, ...]) -> Iterator[str]:
    """Yield the index: for each bucket of first halfwords the rows to try, the last of the table first."""
    candidates: list[int] = []
    starts = []
    for bucket in range(1 << (16 - BUCKET_SHIFT)):
        starts.append(len(candidates))
        for number in range(len(rows) - 1, -1, -1):
            shift = rows[number].width - 16 + BUCKET_SHIFT
            wide = bucket << BUCKET_SHIFT >> 11 >= 0b11101
            differing = (bucket ^ rows[number].match >> shift) & (rows[number].mask >> shift)
            if wide == (rows[number].width == 32) and differing == 0:
                candidates.append(number)
    starts.append(len(candidates))
    yield from _array("uint16_t", "decode_start", starts)
    yield from _array("uint16_t", "decode_candidate", candidates)


def _array(kind: str, name: str, values: list[int]) -> Iterator[str]:
    yield f"static const {kind} {name}[{len(values)}] = {{"
    for first in range(0, len(values), 16):
        yield "    " + ", ".join(map(str, values[first : first + 16])) + ","
    yield "};"
    yield ""


def text() -> str:
    """Return the generated file."""
    rows = load()
    lines = ["/* Made from encodings.csv by `python -m mvsdk.emulator.core.generate`; do not edit. */", ""]
    for number, encoding in enumerate(rows):
        lines += _row(number, encoding)
    lines.append(f"static const decode_row decode_rows[{len(rows)}] = {{")
    lines += [f"    {{0x{row.mask:08X}u, 0x{row.match:08X}u, lower_row_{number}}}," for number, row in enumerate(rows)]
    lines += ["};", "", *_buckets(rows)]
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Write the file, or with `--check` compare it; return the exit status."""
    if "--check" in arguments:
        return int(not TARGET.is_file() or TARGET.read_text(encoding="utf-8") != text())
    TARGET.write_text(text(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
