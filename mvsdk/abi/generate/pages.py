"""The reference pages: one per call, an index, and one for the types they use."""

from __future__ import annotations

from collections.abc import Iterable

from mvsdk.abi.generate.text import covers, origin, prototype
from mvsdk.abi.model import Abi, CType, Enum, Handle, Struct, Syscall

_TYPES = "types.md"


def render_pages(abi: Abi) -> dict[str, str]:
    """Return the text of every page by its file name."""
    pages = {"index.md": _index(abi), _TYPES: _types(abi)}
    pages |= {f"{call.name}.md": _call(abi, call) for call in abi.syscalls.values()}
    return {name: f"<!-- {origin(abi)} -->\n\n{text}" for name, text in pages.items()}


def _index(abi: Abi) -> str:
    calls = sorted(abi.syscalls.values(), key=lambda call: call.name)
    rows = ((f"[{call.name}]({call.name}.md)", f"`{call.address:#010x}`", call.summary) for call in calls)
    return (
        f"# The {len(calls)} system calls of {abi.name}\n\n"
        f"Every call returns [{_heading(abi.status)}]({_TYPES}#{_anchor(abi.status)}); the types are described on "
        f"[a page of their own]({_TYPES}).\n\n" + _table(("Call", "Gateway", "What it does"), rows)
    )


def _call(abi: Abi, call: Syscall) -> str:
    sections = [
        f"# {call.name}",
        call.summary,
        f"```c\n#include <{call.header}>\n\n{prototype(call)};\n```",
        f"Gateway: `{call.address:#010x}`. [All calls](index.md)",
        "## Arguments",
        _arguments(call) if call.parameters else "None.",
        "## Statuses",
        _table(("Status", "When"), ((f"`{status.name}`", status.when) for status in call.statuses)).rstrip(),
        f"All there are: {_link(abi.status)}.",
    ]
    used = _used(call)
    if used:
        sections += ["## Types", "\n".join(f"- {_link(item)}: {item.note}" for item in used)]
    return "\n\n".join(sections) + "\n"


def _arguments(call: Syscall) -> str:
    rows = (
        (
            f"r{item.register}",
            f"`{item.name}`",
            f"`{item.type.spelling}`",
            item.direction.value,
            covers(item),
            item.note,
        )
        for item in call.parameters
    )
    return _table(("Register", "Name", "Type", "Direction", "Covers", "Meaning"), rows).rstrip()


def _used(call: Syscall) -> list[Enum | Handle | Struct]:
    """Return the types a call's arguments are made of, each once, outermost first."""
    used: list[Enum | Handle | Struct] = []
    waiting = [item.type for item in call.parameters]
    while waiting:
        definition = _definition(waiting.pop(0))
        if definition is not None and definition not in used:
            used.append(definition)
            if isinstance(definition, Struct):
                waiting += (field.type for field in definition.fields)
    return used


def _definition(ctype: CType) -> Enum | Handle | Struct | None:
    return ctype.definition if ctype.pointee is None else _definition(ctype.pointee)


def _types(abi: Abi) -> str:
    sections = [f"# The types of {abi.name}'s system calls", "[All calls](index.md)", "## Handles"]
    sections += (f"### {_heading(handle)}\n\nA 32-bit value that {handle.note}." for handle in abi.handles.values())
    sections.append("## Enums")
    sections += (_enum(enum) for enum in abi.enums.values())
    sections.append("## Structs")
    sections += (_struct(struct) for struct in abi.structs.values())
    return "\n\n".join(sections) + "\n"


def _enum(enum: Enum) -> str:
    rows = ((f"`{name}`", f"`{value:#x}`", enum.meanings[name]) for name, value in enum.members.items())
    width = f"{enum.size} byte{'s' if enum.size > 1 else ''}"
    return f"### {_heading(enum)}\n\n{enum.note} ({width})\n\n" + _table(("Name", "Value", "Meaning"), rows).rstrip()


def _struct(struct: Struct) -> str:
    rows = (
        (
            str(field.offset),
            str(field.size),
            f"`{field.name}`",
            _spelling(field.type),
            field.direction.value if field.type.pointee else "",
            covers(field),
            field.note,
        )
        for field in struct.fields
    )
    head = ("Offset", "Size", "Field", "Type", "Direction", "Covers", "Meaning")
    return (
        f"### {_heading(struct)}\n\n{struct.note} ({struct.size} bytes, aligned to {struct.alignment})\n\n"
        + _table(head, rows).rstrip()
    )


def _spelling(ctype: CType) -> str:
    definition = _definition(ctype)
    return f"`{ctype.spelling}`" if definition is None else f"[`{ctype.spelling}`](#{_anchor(definition)})"


def _heading(item: Enum | Handle | Struct) -> str:
    match item:
        case Enum():
            return f"enum {item.name}"
        case Struct():
            return f"struct {item.name}"
        case Handle():
            return item.name


def _anchor(item: Enum | Handle | Struct) -> str:
    return _heading(item).lower().replace(" ", "-")


def _link(item: Enum | Handle | Struct) -> str:
    return f"[{_heading(item)}]({_TYPES}#{_anchor(item)})"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *(tuple(cell.replace("|", "\\|") for cell in row) for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
