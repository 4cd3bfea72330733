"""Images: the bytes of an application for flash, from its first address on, and the files they come from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mvsdk.bundle.errors import ImageFileError, ImageFormatError, ImagePlacementError

if TYPE_CHECKING:
    from mvsdk.boards import Board, MemoryRegion

REGION_SIZE = 0x100000
"""Bytes of flash that the one layer of a bundle covers (bundle format, "ROM image")."""
ERASED = b"\xff"
"""What flash holds where nothing is written."""


@dataclass(frozen=True, slots=True)
class Image:
    """The bytes of an application from the start of its flash. At least one, and fewer than REGION_SIZE.

    Raises ImageFileError for none, ImagePlacementError for too many.
    """

    data: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not self.data:
            raise ImageFileError("the image is empty", "build the application first")
        if len(self.data) >= REGION_SIZE:
            what = f"the image has {len(self.data)} bytes and must have fewer than {REGION_SIZE}"
            raise ImagePlacementError(what, "make the application smaller; `mvsdk build` shows what takes the room")

    @property
    def sha256(self) -> str:
        """The SHA-256 of its bytes in hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True, slots=True)
class Piece:
    """Some bytes at an address, and what to call them in an error."""

    address: int
    data: bytes
    name: str


def read_image(path: Path, board: Board) -> Image:
    """Read an image from an ELF (.elf, .axf, .out, or none of the known suffixes), raw (.bin) or Intel HEX (.hex) file.

    Gaps hold 0xFF, also from the start of flash to the lowest address. Raises ImageFileError, ImageFormatError for a
    damaged file or another processor, ImagePlacementError for bytes outside the board's flash.
    """
    data = _read(path)
    suffix = path.suffix.lower()
    if suffix == ".bin":
        return Image(data)
    if suffix in (".hex", ".ihex", ".ihx"):
        from mvsdk.bundle.hex_file import pieces
    elif data.startswith(b"\x7fELF") or suffix in (".elf", ".axf", ".out"):
        from mvsdk.bundle.elf_file import pieces
    else:
        what = f"{path} is neither an ELF file nor named .bin or .hex"
        raise ImageFormatError(what, "give the program as .elf, .bin or .hex")
    return Image(_placed(path, pieces(path, data), board.flash))


def _read(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ImageFileError(f"cannot read {path}: {error.strerror or error}", "check the path of the image") from error
    if not data:
        raise ImageFileError(f"{path} is empty", "build the application again")
    return data


def _placed(path: Path, pieces: Iterable[Piece], flash: MemoryRegion) -> bytes:
    """Return the bytes from the start of flash to the end of the last piece."""
    ordered = sorted(pieces, key=lambda piece: piece.address)
    if not ordered:
        raise ImageFileError(f"{path} holds nothing for flash", "check that it is a linked program")
    image = bytearray()
    for piece in ordered:
        offset = piece.address - flash.base
        place = f"{piece.name} ({len(piece.data)} bytes at {piece.address:#010x})"
        if not flash.contains(piece.address, len(piece.data)):
            raise ImagePlacementError(
                f"{path}: {place} lies outside the application's flash ({flash.base:#010x} to {flash.end:#010x})",
                "check the linker script; what goes to RAM needs a load address in flash (AT> FLASH)",
            )
        if offset < len(image):
            raise ImageFormatError(f"{path}: {place} overlaps what comes before it", "check the linker script")
        image += ERASED * (offset - len(image)) + piece.data
    return bytes(image)
