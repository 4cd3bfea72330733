"""From a file to what runs: bundles are verified first, anything else must be asked for by name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mvsdk.boards import Board
from mvsdk.bundle import Image, load, read_image, verify
from mvsdk.emulator.errors import UnsignedImageError
from mvsdk.emulator.symbols import Symbols
from mvsdk.errors import BundleError
from mvsdk.keys import PublicKey

ELF_SUFFIXES = frozenset({".elf", ".axf", ".out"})
IMAGE_SUFFIXES = ELF_SUFFIXES | {".hex", ".ihex", ".ihx", ".bin"}


@dataclass(frozen=True, slots=True)
class Target:
    """An application ready to run, and the ELF its names can be taken from."""

    image: Image
    elf: Path | None


def load_target(
    path: Path, board: Board, trusted: Iterable[PublicKey], *, allow_unsigned: bool = False, symbols: Path | None = None
) -> Target:
    """Read and verify what is to run.

    A bundle must verify against `trusted`; with `allow_unsigned` one without a signature will do, and so will a bare
    ELF, Intel HEX or raw binary. `symbols` names the ELF to take names from; a bare ELF brings its own, and beside a
    bundle `<name>.elf` is taken if it is the same application.
    Raises `BundleError` with the first thing wrong, `UnsignedImageError` for a bare image without `allow_unsigned`.
    """
    suffix = path.suffix.lower()
    if suffix in IMAGE_SUFFIXES:
        if not allow_unsigned:
            raise UnsignedImageError(
                f"{path} is a bare image: nobody signed it",
                "bundle it (`mvsdk bundle`), or run it as it is with --allow-unsigned",
            )
        own = path if suffix in ELF_SUFFIXES else None
        return Target(read_image(path, board), symbols or own)
    bundle = verify(load(path), board, trusted, allow_unsigned=allow_unsigned)
    return Target(bundle.image, symbols or _sibling_elf(path, bundle.image, board))


def load_symbols(target: Target, board: Board) -> Symbols | None:
    """Read the target's symbols; None if it has none. Raises `SymbolsMismatchError` for those of another program."""
    if target.elf is None:
        return None
    return Symbols(target.elf.read_bytes(), read_image(target.elf, board), target.image)


def _sibling_elf(bundle: Path, image: Image, board: Board) -> Path | None:
    """Return the ELF beside a bundle, if it is the very application in it."""
    elf = bundle.with_suffix(".elf")
    try:
        same = elf.is_file() and read_image(elf, board).data.rstrip(b"\xff") == image.data.rstrip(b"\xff")
    except BundleError:
        return None
    return elf if same else None
