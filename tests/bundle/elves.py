"""ELF files made by hand (System V ABI, ELF-32), right and wrong."""

from __future__ import annotations

import struct
from dataclasses import dataclass

LOAD, ALLOCATED, PROGRAM_BITS, NO_BITS, STRINGS = 1, 2, 1, 8, 3


@dataclass
class Segment:
    """A segment with its bytes; in memory it may be longer."""

    virtual: int
    physical: int
    data: bytes
    memory: int | None = None


@dataclass
class Section:
    """A section of `size` bytes at a virtual address, inside segment `segment` or without bytes."""

    name: str
    address: int
    size: int
    segment: int = 0
    kind: int = PROGRAM_BITS
    flags: int = ALLOCATED


def elf(
    segments: list[Segment],
    sections: list[Section] | None = None,
    *,
    machine: int = 40,
    kind: int = 2,
    order: str = "<",
    bits: int = 32,
) -> bytes:
    """Return an ELF file; machine 40 is ARM, kind 2 an executable."""
    offset = 52 + 32 * len(segments)
    offsets, body, headers = [], b"", b""
    for segment in segments:
        offsets.append(offset + len(body))
        size = len(segment.data)
        memory = size if segment.memory is None else segment.memory
        headers += struct.pack(f"{order}8I", LOAD, offsets[-1], segment.virtual, segment.physical, size, memory, 5, 4)
        body += segment.data
    strings = b"\0" + b"".join(section.name.encode() + b"\0" for section in sections or []) + b".shstrtab\0"
    table, count = b"", 0
    if sections is not None:
        table = bytes(40)
        for section in sections:
            at = offsets[section.segment] + section.address - segments[section.segment].virtual
            name = strings.index(b"\0" + section.name.encode() + b"\0") + 1
            table += struct.pack(
                f"{order}10I", name, section.kind, section.flags, section.address, at, section.size, 0, 0, 1, 0
            )
        strings_at = offset + len(body)
        name = strings.index(b".shstrtab")
        table += struct.pack(f"{order}10I", name, STRINGS, 0, 0, strings_at, len(strings), 0, 0, 1, 0)
        count = len(sections) + 2
        body += strings
    identification = b"\x7fELF" + bytes([1 if bits == 32 else 2, 1 if order == "<" else 2, 1]).ljust(12, b"\0")
    header = struct.pack(
        f"{order}2H5I6H", kind, machine, 1, 0x08000201, 52, offset + len(body) if count else 0, 0,
        52, 32, len(segments), 40, count, max(count - 1, 0),
    )  # fmt: skip
    return identification + header + headers + body + table
