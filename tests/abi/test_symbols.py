"""The link-time symbols: what the assembler makes of them, and what a linked program does with them."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import Symbol, SymbolTableSection

from mvsdk import abi
from mvsdk.resources import shared

Cross = Callable[..., subprocess.CompletedProcess[str]]

SUPPORT = shared("board-support") / "microvisor"
TARGET = ("-mcpu=cortex-m33", "-mthumb", "-mfloat-abi=soft")


FLASH = 0x08000000


def symbol_table(path: Path) -> list[Symbol]:
    """Return the symbols of an ELF file."""
    with path.open("rb") as file:
        table = ELFFile(file).get_section_by_name(".symtab")
        assert isinstance(table, SymbolTableSection)
        return list(table.iter_symbols())


def section(path: Path, name: str) -> bytes:
    """Return the bytes of a section of an ELF file."""
    with path.open("rb") as file:
        found = ELFFile(file).get_section_by_name(name)
        assert found is not None
        return bytes(found.data())


@pytest.fixture
def symbols(tmp_path: Path, cross: Cross) -> Path:
    """The assembled symbols."""
    done = cross("gcc", *TARGET, "-c", str(SUPPORT / "mv_syscalls.S"), "-o", "symbols.o")
    assert (done.returncode, done.stderr) == (0, "")
    return tmp_path / "symbols.o"


@pytest.fixture
def program(symbols: Path, tmp_path: Path, cross: Cross) -> Path:
    """A program in flash that calls every one of them."""
    calls = "".join(f"void {name}(void);\n" for name in abi.load().syscalls)
    body = "".join(f"    {name}();\n" for name in abi.load().syscalls)
    (tmp_path / "main.c").write_text(f"{calls}void start(void);\nvoid start(void)\n{{\n{body}}}\n")
    linked = cross(
        *("gcc", *TARGET, "-nostdlib", f"-Wl,-Ttext={FLASH:#x},--entry=start,--fatal-warnings"),
        *("main.c", symbols.name, "-o", "main.elf"),
    )
    assert (linked.returncode, linked.stderr) == (0, "")
    return tmp_path / "main.elf"


def test_each_call_is_an_absolute_thumb_function(symbols: Path) -> None:
    """The symbols are the calls: global, absolute, of type FUNC, 8 bytes long, with bit 0 of the address set."""
    found = {symbol.name: symbol for symbol in symbol_table(symbols) if symbol["st_info"]["bind"] == "STB_GLOBAL"}
    assert found.keys() == abi.load().syscalls.keys()
    for name, symbol in found.items():
        assert symbol["st_info"]["type"] == "STT_FUNC"
        assert symbol["st_shndx"] == "SHN_ABS"
        assert symbol["st_size"] == 8
        assert symbol["st_value"] == abi.load().syscalls[name].address | 1


def test_they_take_no_memory(symbols: Path) -> None:
    """Linking the symbols adds no byte of code or data."""
    assert [len(section(symbols, name)) for name in (".text", ".data", ".bss")] == [0, 0, 0]


def test_calls_go_through_veneers_to_the_thumb_address(program: Path) -> None:
    """From flash every gateway is out of a branch's reach: a veneer loads its address, bit 0 set, into pc."""
    code = section(program, ".text")
    veneers = {symbol.name: symbol["st_value"] & ~1 for symbol in symbol_table(program)}
    for name, call in abi.load().syscalls.items():
        offset = veneers[f"__{name}_veneer"] - FLASH
        instruction, literal = code[offset : offset + 4], code[offset + 4 : offset + 8]
        assert instruction == bytes.fromhex("5ff800f0")  # ldr.w pc, [pc]
        assert int.from_bytes(literal, "little") == call.address | 1
