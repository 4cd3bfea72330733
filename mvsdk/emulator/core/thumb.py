"""Just enough Thumb decoding to walk a run of code: instruction lengths, IT state, and who touches memory.

Source: Armv8-M ARM (DDI 0553), C2.2 "Instruction set encoding", B3.5.1 "ITSTATE".
"""

from collections.abc import Iterator
from typing import NamedTuple

WFE = frozenset({0xBF20, 0xF3AF_8002})
SEV = frozenset({0xBF40, 0xF3AF_8004})


class Instruction(NamedTuple):
    """One instruction of a walk: where it is, its bits, its bytes, and the IT state it executes under."""

    offset: int
    bits: int
    length: int
    it: int


def walk(code: bytes, it: int = 0) -> Iterator[Instruction]:
    """Yield the instructions of straight-line `code`, the first of which executes under IT state `it`."""
    offset = 0
    while offset + 2 <= len(code):
        bits = int.from_bytes(code[offset : offset + 2], "little")
        length = 4 if bits >= 0xE800 else 2
        if length == 4:
            bits = bits << 16 | int.from_bytes(code[offset + 2 : offset + 4], "little")
        yield Instruction(offset, bits, length, it)
        offset += length
        it = bits & 0xFF if length == 2 and bits & 0xFF00 == 0xBF00 and bits & 0xF else advance(it)


def advance(it: int) -> int:
    """Return the IT state after one instruction under `it`."""
    return (it & 0xE0) | (it << 1 & 0x1F) if it & 0x7 else 0


def alone(it: int) -> int:
    """Return the IT state of a block of one instruction with the same condition as the next one of `it`."""
    return (it & 0xF0) | 0x8 if it else 0


def it_of(xpsr: int) -> int:
    """Return the IT state held in an xPSR."""
    return (xpsr >> 8 & 0xFC) | (xpsr >> 25 & 3)


def with_it(xpsr: int, it: int) -> int:
    """Return `xpsr` with its IT state replaced."""
    return (xpsr & ~0x0600_FC00) | (it & 0xFC) << 8 | (it & 3) << 25


def touches_memory(instruction: Instruction) -> bool:
    """Tell whether the instruction may load or store; no load or store is missed, a few others are let through."""
    if instruction.length == 4:
        return instruction.bits >> 25 in (0x74, 0x76, 0x7C, 0x7E)
    top = instruction.bits >> 11
    return top == 0b01001 or 0b01010 <= top <= 0b10011 or top in (0b11000, 0b11001) or instruction.bits >> 12 == 0xB


def ends_block(instruction: Instruction) -> bool:
    """Tell whether Unicorn ends a block after the instruction although it does not branch."""
    bits = instruction.bits
    if instruction.length == 2:
        return bits >> 8 == 0xDF or bits >> 5 == 0x5B3 or bits in (0xBF10, 0xBF20, 0xBF30)  # SVC, CPS, YIELD, WFE, WFI
    return 0xF380 <= bits >> 16 <= 0xF3BF or bits & 0xFFF0_0FFF == 0xEEE0_0A10  # MSR, hints, barriers, VMSR
