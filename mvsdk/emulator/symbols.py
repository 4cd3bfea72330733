"""Names and source lines for addresses, from an application's ELF."""

from __future__ import annotations

import bisect
import io
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mvsdk.bundle import Image
from mvsdk.emulator.errors import SymbolsMismatchError

if TYPE_CHECKING:
    from elftools.dwarf.dwarfinfo import DWARFInfo


@dataclass(frozen=True, slots=True)
class Place:
    """An address in words: the function it lies in, how far in, and the source line if known."""

    address: int
    function: str | None
    offset: int
    source: str | None

    def __str__(self) -> str:
        name = f"{self.function}+0x{self.offset:x}" if self.function else "?"
        return f"0x{self.address:08x} {name}" + (f" at {self.source}" if self.source else "")


@contextmanager
def reading_elf() -> Iterator[None]:
    """Turn everything that reading a damaged ELF can end in into a `LookupError`: pyelftools believes the file."""
    from elftools.common.exceptions import DWARFError, ELFError
    from elftools.construct import ConstructError

    damage = (ValueError, TypeError, AttributeError, ArithmeticError, AssertionError, NotImplementedError, LookupError)
    try:
        yield
    except (ELFError, DWARFError, ConstructError, *damage) as error:
        raise LookupError(f"the ELF cannot be read: {error}") from error


class Symbols:
    """The symbols of one ELF.

    `elf_image` is the flash image made from it; raises `SymbolsMismatchError` unless that is the image that runs, and
    for a symbol table that cannot be read. Damaged debugging information only means that lines are not known.
    """

    def __init__(self, elf: bytes, elf_image: Image, running: Image) -> None:
        if elf_image.data.rstrip(b"\xff") != running.data.rstrip(b"\xff"):
            raise SymbolsMismatchError(
                "the ELF for symbols is not the application that runs: their bytes differ",
                "build and bundle again, or name the right ELF with --symbols",
            )
        from elftools.elf.elffile import ELFFile

        try:
            with reading_elf():
                self._elf = ELFFile(io.BytesIO(elf))
                self._functions = sorted(self._read_functions())
        except LookupError as error:
            raise SymbolsMismatchError(
                f"the ELF for symbols is damaged: {error}", "build the application again"
            ) from error
        self._starts = [start for start, _, _ in self._functions]

    def _read_functions(self) -> Iterator[tuple[int, int, str]]:
        table: Any = self._elf.get_section_by_name(".symtab")
        for symbol in table.iter_symbols() if table is not None else ():
            if symbol["st_info"]["type"] == "STT_FUNC" and symbol["st_shndx"] != "SHN_UNDEF":
                yield symbol["st_value"] & ~1, symbol["st_size"], symbol.name

    @cached_property
    def dwarf(self) -> DWARFInfo | None:
        """The ELF's debugging information; None if it was stripped."""
        return self._elf.get_dwarf_info() if self._elf.has_dwarf_info() else None

    def code(self, start: int, stop: int) -> bytes:
        """Return the bytes of a range of addresses that the ELF loads; none where it loads nothing."""
        for segment in self._elf.iter_segments("PT_LOAD"):
            offset = start - segment["p_vaddr"]
            if offset >= 0 and stop - segment["p_vaddr"] <= segment["p_filesz"]:
                content: bytes = segment.data()[offset : offset + stop - start]
                return content
        return b""

    def place(self, address: int) -> Place:
        """Name an address."""
        index = bisect.bisect_right(self._starts, address) - 1
        if index >= 0:
            start, size, name = self._functions[index]
            if address < start + max(size, 2):
                try:
                    with reading_elf():
                        return Place(address, name, address - start, self._source(address))
                except LookupError:
                    return Place(address, name, address - start, None)
        return Place(address, None, 0, None)

    def _source(self, address: int) -> str | None:
        """Find the source line of an address, if the ELF carries line information."""
        ranges = self.dwarf.get_aranges() if self.dwarf is not None else None
        offset = ranges.cu_offset_at_addr(address) if ranges is not None else None
        if self.dwarf is None or offset is None:
            return None
        program = self.dwarf.line_program_for_CU(self.dwarf.get_CU_at(offset))
        if program is None:
            return None
        rows = [entry.state for entry in program.get_entries() if entry.state is not None]
        for row, following in itertools.pairwise(rows):
            if row.address <= address < following.address and not row.end_sequence:
                return f"{_file_name(program, row.file)}:{row.line}"
        return None


def _file_name(program: Any, index: int) -> str:  # noqa: ANN401 - pyelftools has no types
    files = program["file_entry"]
    # DWARF 5 counts files from 0, earlier versions from 1 (DWARF 5 §6.2.4.1).
    position = index if program["version"] >= 5 else index - 1
    name = files[position].name if 0 <= position < len(files) else b"?"
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
