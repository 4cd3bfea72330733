"""The types a board's description is read into. All of them are values: frozen, comparable, without behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

CORE_VECTORS = 16
"""Words of the core at the head of a vector table (Armv8-M ARM, vector tables)."""


@dataclass(frozen=True, slots=True)
class MemoryRegion:
    """A range of addresses. `access` holds the application's rights: any of "r", "w", "x", or "" for none."""

    name: str
    base: int
    size: int
    access: str

    @property
    def end(self) -> int:
        """The first address behind the region."""
        return self.base + self.size

    def contains(self, address: int, length: int = 1) -> bool:
        """Tell whether all `length` bytes from `address` lie in the region. A length of 0 asks about the place only."""
        return self.base <= address and address + length <= self.end

    def overlaps(self, other: MemoryRegion) -> bool:
        """Tell whether the two regions share a byte."""
        return self.base < other.end and other.base < self.end


@dataclass(frozen=True, slots=True)
class Peripheral:
    """A block of registers: where non-secure code finds it, and its secure alias."""

    name: str
    base: int
    secure_alias: int


@dataclass(frozen=True, slots=True)
class RccRegister:
    """A register of the kernel's clock controller, reached through mvPeriphPeek32 and mvPeriphPoke32 only."""

    name: str
    address: int
    readable: bool
    writable: bool


@dataclass(frozen=True, slots=True)
class Clocks:
    """What the kernel sets up before the application starts, in Hz."""

    sysclk: int
    hclk: int
    pclk1: int
    pclk2: int


@dataclass(frozen=True, slots=True)
class Pin:
    """One pin of a GPIO port; `port` is a peripheral's name."""

    name: str
    port: str
    pin: int


class Led(Pin):
    """A light, on while its pin is high."""

    __slots__ = ()


class Button(Pin):
    """A push button."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Board:
    """A board as its application sees it.

    Interrupts are numbered as in CMSIS: 0 and up for the chip's own, negative for the core's exceptions.
    """

    name: str
    title: str
    cpu: str
    flash: MemoryRegion
    ram: MemoryRegion
    gateways: MemoryRegion
    """Where the system calls are entered. Call only."""
    reserved: tuple[MemoryRegion, ...]
    """Ranges the secure side owns; a non-secure access faults."""
    interrupts: Mapping[int, str]
    exceptions: Mapping[int, str]
    handlers: Mapping[int, str]
    """The C function that serves each interrupt and exception."""
    kernel_interrupts: frozenset[int]
    """Interrupts no application can use."""
    vector_words: int
    """Length of the vector table: 16 words of the core, one for each interrupt."""
    priority_bits: int
    peripherals: tuple[Peripheral, ...]
    rcc_registers: tuple[RccRegister, ...]
    clocks: Clocks
    leds: tuple[Led, ...]
    buttons: tuple[Button, ...]
    directory: Path
    """Where the board's linker script, start-up and headers are."""

    @property
    def interrupt_lines(self) -> int:
        """How many interrupts the chip's NVIC has."""
        return self.vector_words - CORE_VECTORS
