"""Pieces of text that several generated files share."""

from __future__ import annotations

import textwrap

from mvsdk.abi.model import Abi, Field, Parameter, Syscall

WIDTH = 110


def origin(abi: Abi) -> str:
    """Return the sentence that every generated file starts with."""
    return (
        f"Generated from the tables in mvsdk/abi/{abi.name}. Do not edit: change the tables, then run "
        "`python -m mvsdk.abi.generate`."
    )


def declaration(spelling: str, name: str) -> str:
    """Return a C declaration, the star beside the name."""
    return f"{spelling}{name}" if spelling.endswith("*") else f"{spelling} {name}"


def prototype(call: Syscall) -> str:
    """Return a call's C prototype, without the semicolon."""
    parameters = ", ".join(declaration(item.type.spelling, item.name) for item in call.parameters)
    return f"{declaration(call.returns.spelling, call.name)}({parameters or 'void'})"


def covers(item: Parameter | Field) -> str:
    """Return in words how much a pointer covers, or an empty string for what is no pointer."""
    if item.type.pointee is None:
        return ""
    if isinstance(item.extent, int):
        return "one, or NULL" if isinstance(item, Field) and item.optional else "one"
    filled = f", `{item.filled}` tells how many were written" if isinstance(item, Field) and item.filled else ""
    if item.unit == 1:
        return f"`{item.extent}` bytes{filled}"
    return f"`{item.extent}` elements of {item.unit} bytes{filled}"


def comment(lines: list[str], indent: str = "") -> str:
    """Return a documentation comment, on one line if it fits."""
    single = f"{indent}/** {lines[0]} */"
    if len(lines) == 1 and len(single) <= WIDTH:
        return single
    body = [wrapped for line in lines for wrapped in _wrapped(line, f"{indent} * ")]
    return "\n".join([f"{indent}/**", *body, f"{indent} */"])


def _wrapped(line: str, indent: str) -> list[str]:
    hanging = indent + ("    " if line.startswith("@") else "")
    return textwrap.wrap(
        line, WIDTH, initial_indent=indent, subsequent_indent=hanging, break_long_words=False, break_on_hyphens=False
    ) or [indent.rstrip()]
