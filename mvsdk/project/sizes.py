"""How much of the board a program takes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mvsdk.project.errors import CompileError, reported_as

if TYPE_CHECKING:
    from mvsdk.boards import Board

WARN_FROM_PERCENT = 90


@dataclass(frozen=True)
class RegionUse:
    """Bytes used of a memory region of `limit` bytes; `most` is the largest number that still fits."""

    region: str
    used: int
    limit: int
    most: int

    @property
    def percent(self) -> float:
        """How full the region is."""
        return 100 * self.used / self.limit

    @property
    def fits(self) -> bool:
        """Whether the program can run on the board at all."""
        return self.used <= self.most

    @property
    def is_near_limit(self) -> bool:
        """Whether it is time to look for room."""
        return self.percent >= WARN_FROM_PERCENT


def measure(elf: Path, board: Board) -> tuple[RegionUse, ...]:
    """Return what the program takes of the board's flash and RAM.

    Flash is counted from its first byte to the last one loaded, which is the length of the image; an image must be
    smaller than the flash, never equal (Microvisor's bundler refuses 1 MiB). RAM is all that is reserved in it,
    initialised or not. Raises CompileError when the file is no ELF.
    """
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile

    flash_end = board.flash.base
    ram_used = 0
    try:
        with reported_as(CompileError, f"read {elf}", "try: mvsdk build --clean"), elf.open("rb") as file:
            for segment in ELFFile(file).iter_segments("PT_LOAD"):
                if segment["p_filesz"] and board.flash.contains(segment["p_paddr"]):
                    flash_end = max(flash_end, segment["p_paddr"] + segment["p_filesz"])
                if board.ram.contains(segment["p_vaddr"]):
                    ram_used += segment["p_memsz"]
    except ELFError as error:
        raise CompileError(f"{elf} is not an ELF file: {error}", "try: mvsdk build --clean") from error
    flash, ram = board.flash.size, board.ram.size
    return (
        RegionUse("Flash", flash_end - board.flash.base, flash, flash - 1),
        RegionUse("RAM", ram_used, ram, ram),
    )
