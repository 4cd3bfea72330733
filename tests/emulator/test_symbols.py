"""Laws of names and stack walks; `tests/e2e/test_emulate.py` shows them at work."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from mvsdk import boards
from mvsdk.bundle import Image, read_image
from mvsdk.emulator.core import Registers
from mvsdk.emulator.errors import SymbolsMismatchError, UnsignedImageError
from mvsdk.emulator.symbols import Symbols
from mvsdk.emulator.target import find_symbols, load_symbols, load_target
from mvsdk.emulator.unwind import backtrace
from tests.board_support.firmware import Elf, link

BOARD = boards.load()
SOURCE = "int helper(int x) { return x + 1; }\nint main(void) { for (;;) { helper(1); } }\n"


@pytest.fixture(scope="module")
def elf(tmp_path_factory: pytest.TempPathFactory) -> Elf:
    """A small program with symbols and debugging information."""
    return link(tmp_path_factory.mktemp("symbols"), {"main.c": SOURCE}, "-fno-inline", "-O0")


def registers(pc: int, lr: int = 0, sp: int = 0x2000_8000) -> Registers:
    """Registers of a guest that stopped at `pc`."""
    return Registers((0,) * 13 + (sp, lr, pc), 0, sp, 0, 0, 0, 0, 0, 0, 0)


def test_an_address_has_a_function_an_offset_and_a_line(elf: Elf) -> None:
    """An address inside a function is named by it, with the source line that made it."""
    symbols = load_symbols(elf.path, BOARD, read_image(elf.path, BOARD))
    place = symbols.place((elf.symbols["helper"] & ~1) + 2)
    assert (place.function, place.offset) == ("helper", 2)
    assert place.source == "main.c:1"


def test_an_address_of_nothing_has_no_name(elf: Elf) -> None:
    """Addresses outside every function are shown as they are."""
    symbols = load_symbols(elf.path, BOARD, read_image(elf.path, BOARD))
    assert str(symbols.place(0x2000_0000)) == "0x20000000 ?"


def test_damaged_debugging_information_costs_names_and_nothing_else(elf: Elf) -> None:
    """Whatever bytes of the debugging sections are changed, places and walks never raise."""
    data, image = elf.path.read_bytes(), read_image(elf.path, BOARD)
    start = data.rindex(b"main.c")
    chance = random.Random(1)  # noqa: S311 - reproducible damage
    for _ in range(60):
        damaged = bytearray(data)
        for _ in range(100):
            damaged[chance.randrange(0x1_0000 % len(data), start)] ^= 1 << chance.randrange(8)
        try:
            symbols = Symbols(bytes(damaged), image, image)
        except SymbolsMismatchError:
            continue
        for name in ("helper", "main"):
            list(backtrace(symbols, registers(elf.symbols[name] & ~1, elf.symbols["main"]), lambda _a, n: bytes(n)))


def test_a_walk_through_a_wild_stack_ends(elf: Elf) -> None:
    """A stack that cannot be read, or leads in circles, ends the walk instead of the run."""
    symbols = load_symbols(elf.path, BOARD, read_image(elf.path, BOARD))

    def nothing(address: int, size: int) -> bytes:
        raise LookupError(address, size)

    assert len(list(backtrace(symbols, registers(elf.symbols["main"] & ~1), nothing))) >= 1
    circle = (elf.symbols["main"] | 1).to_bytes(4, "little")
    assert len(list(backtrace(symbols, registers(elf.symbols["main"] & ~1), lambda _a, _n: circle))) <= 64


def test_symbols_must_be_those_of_the_image(elf: Elf, tmp_path: Path) -> None:
    """An ELF of other bytes, and a file that is no ELF, are refused when named and ignored when found."""
    other = Image(b"\0" * 100)
    with pytest.raises(SymbolsMismatchError):
        load_symbols(elf.path, BOARD, other)
    text = tmp_path / "app.elf"
    text.write_text("not an ELF")
    with pytest.raises(SymbolsMismatchError):
        load_symbols(text, BOARD, other)
    assert find_symbols(tmp_path / "app.zip", BOARD, other) is None


def test_a_file_is_taken_for_what_it_is(elf: Elf, tmp_path: Path) -> None:
    """An ELF under any name is a bare image: refused without leave, read with it."""
    unnamed = tmp_path / "firmware"
    unnamed.write_bytes(elf.path.read_bytes())
    with pytest.raises(UnsignedImageError):
        load_target(unnamed, BOARD, ())
    assert load_target(unnamed, BOARD, (), allow_unsigned=True).image == read_image(elf.path, BOARD)
