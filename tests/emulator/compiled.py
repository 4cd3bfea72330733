"""Whole programs for the device, compiled from files or text with the board's support, and what they leave behind."""

from __future__ import annotations

import functools
import struct
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mvsdk import boards
from mvsdk.bundle import Image, read_image
from mvsdk.emulator.core import new_core
from mvsdk.emulator.device import Device
from mvsdk.emulator.events import Event, LogLine
from tests.board_support.firmware import FULL_LIBRARY, Elf, Flavour, link

BOARD = boards.load()
FIRMWARE = Path(__file__).with_name("firmware")
HARD_FLOAT = Flavour(float_abi="-mfloat-abi=hard", libc=FULL_LIBRARY.libc, optimisation="-O2")


@dataclass(frozen=True)
class Firmware:
    """A linked program: what the device takes, and where its variables are."""

    image: Image
    elf: Elf


@functools.cache
def firmware(*files: str, flavour: Flavour = HARD_FLOAT, options: tuple[str, ...] = ()) -> Firmware:
    """Compile files of the folder `firmware`."""
    sources = {Path(name).name: (FIRMWARE / name).read_text(encoding="utf-8") for name in files}
    return _linked(sources, flavour, options)


@functools.cache
def program(source: str, *, flavour: Flavour = HARD_FLOAT, options: tuple[str, ...] = ()) -> Firmware:
    """Compile one file given as text."""
    return _linked({"main.c": source}, flavour, options)


def _linked(sources: dict[str, str], flavour: Flavour, options: tuple[str, ...]) -> Firmware:
    with tempfile.TemporaryDirectory() as folder:
        elf = link(Path(folder), sources, *options, flavour=flavour)
        return Firmware(read_image(elf.path, BOARD), elf)


class Bench:
    """A device with a program, and everything it told."""

    def __init__(self, what: Firmware, **options: Any) -> None:  # noqa: ANN401 - handed on to the device
        self.events: list[Event] = []
        self.elf = what.elf
        self.device = Device(
            BOARD, what.image, new_core(BOARD.interrupt_lines), observers=[self.events.append], **options
        )

    def logged(self) -> list[str]:
        """Return the messages logged so far."""
        return [event.text for event in self.events if isinstance(event, LogLine)]

    def read(self, symbol: str, layout: str) -> tuple[Any, ...]:
        """Return a variable of the program, taken apart as `struct` does."""
        data = self.device.core.read_memory(self.elf.symbols[symbol], struct.calcsize(layout))
        return struct.unpack(layout, data)
