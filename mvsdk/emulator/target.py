"""From a file to what runs, and to its names: bundles are verified first, anything else must be asked for by name."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mvsdk.boards import Board
from mvsdk.bundle import Image, load, read_image, verify
from mvsdk.emulator.errors import SymbolsMismatchError, UnsignedImageError
from mvsdk.emulator.symbols import Symbols
from mvsdk.errors import BundleError
from mvsdk.keys import PublicKey

ELF_MAGIC, ZIP_MAGIC = b"\x7fELF", b"PK\x03\x04"
IMAGE_SUFFIXES = frozenset({".elf", ".axf", ".out", ".hex", ".ihex", ".ihx", ".bin"})


def load_image(path: Path, board: Board, trusted: Iterable[PublicKey], *, allow_unsigned: bool = False) -> Image:
    """Read and verify what is to run.

    A bundle must verify against `trusted`; with `allow_unsigned` one without a signature will do, and so will a bare
    ELF, Intel HEX or raw binary.
    Raises `BundleError` with the first thing wrong, `UnsignedImageError` for a bare image without `allow_unsigned`.
    """
    if not _is_image(path):
        return verify(load(path), board, trusted, allow_unsigned=allow_unsigned).image
    if not allow_unsigned:
        raise UnsignedImageError(
            f"{path} is a bare image: nobody signed it",
            "bundle it (`mvsdk bundle`), or run it as it is with --allow-unsigned",
        )
    return read_image(path, board)


def _is_image(path: Path) -> bool:
    """Tell an image from a bundle: by its first bytes, and where these say nothing, by its name."""
    start = _start(path)
    return start == ELF_MAGIC or (start != ZIP_MAGIC and path.suffix.lower() in IMAGE_SUFFIXES)


def _start(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(4)
    except OSError:
        return b""  # whoever reads it next says what is wrong


def load_symbols(elf: Path, board: Board, image: Image) -> Symbols:
    """Read the symbols of an ELF. Raises `SymbolsMismatchError` unless it is the very application in `image`."""
    if _start(elf) != ELF_MAGIC:
        raise SymbolsMismatchError(f"{elf} is no ELF file, and so has no symbols", "name the application's ELF")
    return Symbols(elf.read_bytes(), read_image(elf, board), image)


def find_symbols(path: Path, board: Board, image: Image) -> Symbols | None:
    """Look for the symbols of what runs from `path`: in itself or in the ELF beside it. None if it has none."""
    elf = path if _start(path) == ELF_MAGIC else path.with_suffix(".elf")
    try:
        return load_symbols(elf, board, image) if elf.is_file() else None
    except (BundleError, SymbolsMismatchError):
        return None
