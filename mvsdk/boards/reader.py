"""Reading `board-support/<board>/` into a `Board`: every value checked, every problem named by file and key."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from mvsdk.boards.board import CORE_VECTORS, Board, Button, Clocks, Led, MemoryRegion, Pin
from mvsdk.boards.errors import BoardFileError, UnknownBoardError
from mvsdk.boards.tables import Interrupt, read_interrupts, read_peripherals, read_rcc_registers
from mvsdk.boards.toml_file import Section, read_toml
from mvsdk.resources import shared

DEFAULT = "stm32u585"
DESCRIPTION = "board.toml"
PINS_OF_A_PORT = 16

P = TypeVar("P", bound=Pin)


def available() -> tuple[str, ...]:
    """Return the names of all boards, sorted."""
    return tuple(sorted(file.parent.name for file in shared("board-support").glob(f"*/{DESCRIPTION}")))


def load(name: str = DEFAULT) -> Board:
    """Return the board of that name, read once per process.

    Raises `UnknownBoardError` if there is none and `BoardFileError` if its files are wrong.
    """
    return _load(name)


@functools.cache
def _load(name: str) -> Board:
    known = available()
    if name not in known:
        raise UnknownBoardError(name, known)
    return read(shared("board-support") / name)


def read(directory: Path) -> Board:
    """Return the board described in `directory`. Raises `BoardFileError` on the first thing that is wrong."""
    top = read_toml(directory / DESCRIPTION)
    name = top.text("name")
    if name != directory.name:
        raise top.error("name", f"{name!r} is not the name of its folder, {directory.name!r}")
    vector_words = top.integer("vector_words")
    tables = top.section("tables")
    interrupts = read_interrupts(directory / tables.text("interrupts"), vector_words - CORE_VECTORS)
    peripherals = read_peripherals(directory / tables.text("peripherals"))
    rcc_registers = read_rcc_registers(directory / tables.text("rcc_registers"))
    memory = top.section("memory")
    ports = {peripheral.name for peripheral in peripherals}
    board = Board(
        name=name,
        title=top.text("title"),
        cpu=top.text("cpu"),
        flash=_region("flash", memory.section("flash")),
        ram=_region("ram", memory.section("ram")),
        gateways=_region("gateways", memory.section("gateways")),
        reserved=tuple(_reserved(section) for section in top.sections("reserved")),
        interrupts=MappingProxyType({entry.number: entry.name for entry in interrupts if entry.number >= 0}),
        exceptions=MappingProxyType({entry.number: entry.name for entry in interrupts if entry.number < 0}),
        handlers=MappingProxyType({entry.number: entry.handler for entry in interrupts}),
        kernel_interrupts=_kernel_interrupts(top.section("kernel"), interrupts),
        vector_words=vector_words,
        priority_bits=top.integer("priority_bits"),
        peripherals=peripherals,
        rcc_registers=rcc_registers,
        clocks=_clocks(top.section("clocks")),
        leds=tuple(_pin(Led, section, ports) for section in top.sections("leds")),
        buttons=tuple(_pin(Button, section, ports) for section in top.sections("buttons")),
        directory=directory,
    )
    for section in (tables, memory, top):
        section.finish()
    _check_regions(board, directory / DESCRIPTION)
    return board


def _region(name: str, section: Section) -> MemoryRegion:
    access = section.text("access")
    if not access or set(access) - set("rwx"):
        raise section.error("access", f'{access!r} is not made of "r", "w" and "x"')
    region = MemoryRegion(name, section.integer("base"), _size(section), access)
    section.finish()
    return region


def _reserved(section: Section) -> MemoryRegion:
    region = MemoryRegion(section.text("name"), section.integer("base"), _size(section), access="")
    section.finish()
    return region


def _size(section: Section) -> int:
    base, size = section.integer("base"), section.integer("size")
    if size == 0 or base + size > 1 << 32:
        raise section.error("size", f"{size:#x} bytes from {base:#010x} are no range of 32-bit addresses")
    return size


def _check_regions(board: Board, file: Path) -> None:
    for owned in (board.flash, board.ram):
        for reserved in board.reserved:
            if owned.overlaps(reserved):
                raise BoardFileError(file, f"memory.{owned.name}", f"overlaps the reserved {reserved.name!r}")
    if board.flash.overlaps(board.ram):
        raise BoardFileError(file, "memory.ram", "overlaps the flash")


def _kernel_interrupts(section: Section, interrupts: Iterable[Interrupt]) -> frozenset[int]:
    numbers = section.integers("interrupts")
    section.finish()
    unknown = sorted(set(numbers) - {entry.number for entry in interrupts})
    if unknown:
        raise section.error("interrupts", f"{unknown[0]} is no interrupt of the board")
    return frozenset(numbers)


def _clocks(section: Section) -> Clocks:
    clocks = Clocks(*(section.integer(name) for name in ("sysclk", "hclk", "pclk1", "pclk2")))
    section.finish()
    return clocks


def _pin(kind: type[P], section: Section, ports: set[str]) -> P:
    port, pin = section.text("port"), section.integer("pin")
    if port not in ports:
        raise section.error("port", f"{port!r} is no peripheral of the board")
    if pin >= PINS_OF_A_PORT:
        raise section.error("pin", f"{pin} is not in 0 to {PINS_OF_A_PORT - 1}")
    made = kind(section.text("name"), port, pin)
    section.finish()
    return made
