"""What GDB is told of the device before it asks anything else: its registers, in groups, and its memory.

Sources: GDB manual, "Target Description Format" with "ARM Features" (names and sizes that GDB knows), and "Memory Map
Format"; Armv8-M ARM (DDI0553), B3.
"""

from __future__ import annotations

from dataclasses import dataclass

from mvsdk.boards import Board
from mvsdk.emulator.core import Registers

SPECIAL = ("msp", "psp", "msplim", "psplim", "primask", "basepri", "faultmask", "control")
"""Registers beyond those that every Arm debugger shows, named as in `Registers`."""
_DOUBLES, _FPSCR = 16, 32
_BOTH_STACKS = frozenset(("msp", "psp"))


@dataclass(frozen=True, slots=True)
class Register:
    """One register as GDB numbers them: by its place in `REGISTERS`."""

    name: str
    bits: int
    gdb_type: str
    group: str


CORE = (
    *(Register(f"r{number}", 32, "uint32", "general") for number in range(13)),
    Register("sp", 32, "data_ptr", "general"),
    Register("lr", 32, "uint32", "general"),
    Register("pc", 32, "code_ptr", "general"),
    Register("xpsr", 32, "xpsr", "general"),
)
FLOATING = (
    *(Register(f"d{number}", 64, "ieee_double", "float") for number in range(_DOUBLES)),
    Register("fpscr", 32, "int", "float"),
)
SYSTEM = tuple(Register(name, 32, "data_ptr" if name in _BOTH_STACKS else "uint32", "special") for name in SPECIAL)
REGISTERS = CORE + FLOATING + SYSTEM
XPSR = 16
_XPSR_FIELDS = (
    ("exception", 0, 8), ("ICI_IT_low", 10, 15), ("GE", 16, 19), ("T", 24, 24), ("ICI_IT_high", 25, 26), ("Q", 27, 27),
    ("V", 28, 28), ("C", 29, 29), ("Z", 30, 30), ("N", 31, 31),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Values:
    """All registers of one moment: the core's, and s0 to s31 with FPSCR as bits."""

    core: Registers
    floating: tuple[int, ...]

    def of(self, number: int) -> bytes:
        """Return one register, its lowest byte first."""
        name = REGISTERS[number].name
        if number < XPSR:
            value = self.core.r[number]
        elif name[0] == "d":
            low = 2 * int(name[1:])
            return b"".join(word.to_bytes(4, "little") for word in self.floating[low : low + 2])
        else:
            value = self.floating[_FPSCR] if name == "fpscr" else getattr(self.core, name)
        return int(value).to_bytes(4, "little")

    def all(self) -> bytes:
        """Return all of them, as the packet `g` does."""
        return b"".join(self.of(number) for number in range(len(REGISTERS)))


def target_description() -> str:
    """Return the registers in GDB's XML."""
    fields = "".join(f'<field name="{name}" start="{low}" end="{high}"/>' for name, low, high in _XPSR_FIELDS)
    features = (
        ("org.gnu.gdb.arm.m-profile", f'<flags id="xpsr" size="4">{fields}</flags>', CORE),
        ("org.gnu.gdb.arm.vfp", "", FLOATING),
        ("org.gnu.gdb.arm.m-system", "", tuple(register for register in SYSTEM if register.name in _BOTH_STACKS)),
        ("mvsdk.arm.special", "", tuple(register for register in SYSTEM if register.name not in _BOTH_STACKS)),
    )
    body = "".join(
        f'<feature name="{name}">{types}{"".join(_element(each) for each in registers)}</feature>'
        for name, types, registers in features
    )
    return (
        '<?xml version="1.0"?><!DOCTYPE target SYSTEM "gdb-target.dtd"><target version="1.0">'
        f"<architecture>arm</architecture>{body}</target>"
    )


def _element(register: Register) -> str:
    return (
        f'<reg name="{register.name}" bitsize="{register.bits}" regnum="{REGISTERS.index(register)}"'
        f' type="{register.gdb_type}" group="{register.group}"/>'
    )


def memory_map(board: Board) -> str:
    """Return in GDB's XML what can be written and what cannot: all the world around the flash may hold registers."""
    flash, gateways = board.flash, board.gateways
    rom = sorted(((flash.base, flash.end), (gateways.base, gateways.end)))
    edges, at = [], 0
    for base, end in rom:
        edges += [("ram", at, base), ("rom", base, end)]
        at = end
    edges.append(("ram", at, 1 << 32))
    regions = "".join(
        f'<memory type="{kind}" start="{base:#x}" length="{end - base:#x}"/>' for kind, base, end in edges
    )
    return (
        '<?xml version="1.0"?><!DOCTYPE memory-map PUBLIC "+//IDN gnu.org//DTD GDB Memory Map V1.0//EN"'
        f' "http://sourceware.org/gdb/gdb-memory-map.dtd"><memory-map>{regions}</memory-map>'
    )
