"""The C header: the same names, types and sizes as the official one, in our own words."""

from __future__ import annotations

from pathlib import Path

from mvsdk.abi.generate.text import comment, declaration, origin, prototype
from mvsdk.abi.model import Abi, Direction, Enum, Field, Handle, Struct, Syscall
from mvsdk.abi.structs import version_of

_DIRECTIONS = {
    Direction.IN: "in",
    Direction.OUT: "out",
    Direction.INOUT: "in,out",
    Direction.RETAIN: "out",
}

_PEDANTIC_OFF = """\
/* Constants beyond int and unions without a name are part of the interface, whatever -Wpedantic thinks of them. */
#ifdef __GNUC__
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#endif"""

_PEDANTIC_ON = """\
#ifdef __GNUC__
#pragma GCC diagnostic pop
#endif"""


def render_header(abi: Abi) -> str:
    """Return the header's text: handles, enums, structs, calls, and assertions about sizes and offsets."""
    name = next(iter(abi.syscalls.values())).header
    guard = Path(name).name.upper().replace(".", "_")
    parts = [
        f"/*\n * {origin(abi)}\n */",
        f"#ifndef {guard}\n#define {guard}",
        "#include <stdint.h>",
        '#ifdef __cplusplus\nextern "C" {\n#endif',
        *map(_handle, abi.handles.values()),
        _PEDANTIC_OFF,
        *map(_enum, abi.enums.values()),
        *map(_struct, abi.structs.values()),
        *(_call(call) for call in sorted(abi.syscalls.values(), key=lambda call: call.address)),
        _PEDANTIC_ON,
        "#ifdef __cplusplus\n}\n#endif",
        _assertions(abi, f"{guard.removesuffix('_H')}_ASSERT"),
        "#endif",
    ]
    return "\n\n".join(parts) + "\n"


def _handle(handle: Handle) -> str:
    return f"{comment([handle.note])}\ntypedef struct {handle.tag} *{handle.name};"


def _enum(enum: Enum) -> str:
    lines = [comment([enum.note]), f"enum {enum.name} {{"]
    for name, value in {**enum.members, enum.sentinel: enum.sentinel_value}.items():
        lines += [comment([enum.meanings[name]], "    "), f"    {name} = {value:#x},"]
    return "\n".join([*lines, "};"])


def _struct(struct: Struct) -> str:
    lines = [comment([struct.note]), f"struct {struct.name} {{"]
    plain = [field for field in struct.fields if not version_of(field.name)]
    versioned = struct.fields[len(plain) :]
    lines += _fields(plain, "    ")
    if versioned:
        version = version_of(versioned[0].name)
        lines += ["    union {", "        struct {", *_fields(versioned, " " * 12), f"        }} {version};", "    };"]
    return "\n".join([*lines, "};"])


def _fields(fields: list[Field] | tuple[Field, ...], indent: str) -> list[str]:
    lines: list[str] = []
    for field in fields:
        name = field.name.rpartition(".")[2]
        lines += [comment([field.note], indent), f"{indent}{declaration(field.type.spelling, name)};"]
    return lines


def _call(call: Syscall) -> str:
    lines = [call.summary, ""]
    lines += (f"@param[{_DIRECTIONS[item.direction]}] {item.name} {item.note}" for item in call.parameters)
    lines += (f"@retval {status.name} {status.when}" for status in call.statuses)
    return f"{comment(lines)}\n{prototype(call)};"


def _assertions(abi: Abi, macro: str) -> str:
    """Return compile-time proofs of the layout. Other targets, such as a host that runs unit tests, are left alone."""
    lines = [
        "/* The kernel's view of every type, checked where the code is compiled for it. */",
        "#if defined(__arm__) && defined(__GNUC__)",
        "#if defined(__cplusplus) && __cplusplus >= 201103L",
        f"#define {macro}(condition, text) static_assert(condition, text)",
        "#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L",
        f"#define {macro}(condition, text) _Static_assert(condition, text)",
        "#endif",
        "#endif",
        f"#ifdef {macro}",
    ]
    for enum in abi.enums.values():
        what = f'"enum {enum.name} must have size {enum.size}: compile with -fshort-enums"'
        lines.append(f"{macro}(sizeof(enum {enum.name}) == {enum.size}, {what});")
    for struct in abi.structs.values():
        tag = f"struct {struct.name}"
        lines.append(f'{macro}(sizeof({tag}) == {struct.size}, "size of {tag}");')
        lines += (
            f'{macro}(__builtin_offsetof({tag}, {field.name}) == {field.offset}, "{struct.name}.{field.name}");'
            for field in struct.fields
        )
    return "\n".join([*lines, f"#undef {macro}", "#endif"])
