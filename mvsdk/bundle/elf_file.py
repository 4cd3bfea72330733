"""ELF programs as pieces of an image.

What goes to flash is what objcopy would put there: the sections that are allocated and have bytes in the file, each at
its load address, which is its segment's physical address plus its place in the segment. Segments as a whole would not
do: the linker may let the first one begin with the ELF header, and fills alignment gaps with zeros. A program stripped
of its section headers is taken by segments.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from mvsdk.bundle.errors import ImageFormatError
from mvsdk.bundle.image import Piece

if TYPE_CHECKING:
    from elftools.elf.elffile import ELFFile
    from elftools.elf.segments import Segment

_ALLOCATED = 0x2  # SHF_ALLOC


def pieces(path: Path, data: bytes) -> list[Piece]:
    """Return what the program loads. Raises ImageFormatError for a damaged file, another processor, an object file."""
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile

    try:
        elf = ELFFile(io.BytesIO(data))
        _check_kind(path, elf)
        segments = [
            segment for segment in elf.iter_segments() if segment["p_type"] == "PT_LOAD" and segment["p_filesz"]
        ]
        return _by_section(path, data, elf, segments) or _by_segment(path, data, segments)
    except ELFError as error:
        raise ImageFormatError(f"{path} is a damaged ELF file: {error}", "build the application again") from error


def _check_kind(path: Path, elf: ELFFile) -> None:
    machine = str(elf["e_machine"]).removeprefix("EM_")
    order = "little" if elf.little_endian else "big"
    if (machine, elf.elfclass, order) != ("ARM", 32, "little"):
        raise ImageFormatError(
            f"{path} is a program for another processor: {machine}, {elf.elfclass} bits, {order} endian",
            "build it for the Cortex-M33 with arm-none-eabi-gcc",
        )
    if elf["e_type"] != "ET_EXEC":
        kind = str(elf["e_type"]).removeprefix("ET_")
        raise ImageFormatError(f"{path} is an ELF file of type {kind}, not a linked program", "give the linked program")


def _by_section(path: Path, data: bytes, elf: ELFFile, segments: list[Segment]) -> list[Piece]:
    found = []
    for section in elf.iter_sections():
        if not section["sh_flags"] & _ALLOCATED or section["sh_type"] == "SHT_NOBITS" or not section["sh_size"]:
            continue
        segment = next((segment for segment in segments if segment.section_in_segment(section)), None)
        if segment is None:
            continue
        address = segment["p_paddr"] + section["sh_addr"] - segment["p_vaddr"]
        name = f"section {section.name}"
        found.append(Piece(address, _bytes(path, data, section["sh_offset"], section["sh_size"], name), name))
    return found


def _by_segment(path: Path, data: bytes, segments: list[Segment]) -> list[Piece]:
    return [
        Piece(
            segment["p_paddr"],
            _bytes(path, data, segment["p_offset"], segment["p_filesz"], f"segment {index}"),
            f"segment {index}",
        )
        for index, segment in enumerate(segments)
    ]


def _bytes(path: Path, data: bytes, offset: int, size: int, name: str) -> bytes:
    if offset + size > len(data):
        what = f"{path} is cut off: {name} ends at byte {offset + size} of {len(data)}"
        raise ImageFormatError(what, "build the application again")
    return data[offset : offset + size]
