"""Which guest memory a call touches: what a kernel must check before it serves the call.

A range is an allegation of the guest's. Nothing here has been looked up in any memory map, and nothing wraps: a range
may end beyond the 32-bit address space, which is for the checker to refuse.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mvsdk.abi.model import CType, Field, Parameter, Struct, Syscall


class PointerRange(NamedTuple):
    """`length` bytes (at least 1) from `address` (0 is NULL, and no exception) that a pointer covers.

    `name` is the parameter or field, `type` what lies there, once or several times.
    """

    address: int
    length: int
    needs_write: bool
    name: str
    type: CType


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a call, ready to be taken from the registers: its own, and how many bytes a pointer covers."""

    register: int
    mask: int
    pointer: bool
    needs_write: bool
    fixed: int
    """Bytes covered, where no other argument says how many."""
    count_register: int
    count_mask: int
    """Of the argument that counts what is covered; 0 where there is none."""
    unit: int

    def length(self, registers: Sequence[int]) -> int:
        """Return how many bytes the pointer covers."""
        return (registers[self.count_register] & self.count_mask) * self.unit + self.fixed


def arguments_of(syscall: Syscall) -> tuple[Argument, ...]:
    """Return the arguments of a call in order; what they cover is what `pointer_ranges` says, worked out beforehand."""
    by_name = {parameter.name: parameter for parameter in syscall.parameters}

    def mask(parameter: Parameter) -> int:
        return (1 << 8 * parameter.type.size) - 1

    def argument(number: int, parameter: Parameter) -> Argument:
        extent, pointer = parameter.extent, parameter.type.kind == "pointer"
        count = by_name[extent] if isinstance(extent, str) else None
        return Argument(
            register=number,
            mask=mask(parameter),
            pointer=pointer,
            needs_write=parameter.direction.writes,
            fixed=extent if pointer and isinstance(extent, int) else 0,
            count_register=0 if count is None else syscall.parameters.index(count),
            count_mask=0 if count is None else mask(count),
            unit=parameter.unit,
        )

    return tuple(argument(number, parameter) for number, parameter in enumerate(syscall.parameters))


def pointer_ranges(syscall: Syscall, registers: Sequence[int]) -> list[PointerRange]:
    """Return what the pointer parameters of a call cover, in register order; `registers` are r0 to r3.

    A pointer that covers nothing, because its count is 0, has no range and may be anything. What pointers inside
    structs cover is found with `field_ranges`, once the struct itself has been checked and read.
    """
    return _ranges(syscall.pointers, syscall.arguments(registers))


def field_ranges(struct: Struct, values: Mapping[str, int]) -> list[PointerRange]:
    """Return what the pointers in a struct cover, in field order; `values` as `Struct.unpack` returns them.

    A pointer that covers nothing, or that may be NULL and is, has no range.
    """
    return _ranges((field for field in struct.pointers if values[field.name] or not field.optional), values)


def _ranges(pointers: Iterable[Parameter | Field], values: Mapping[str, int]) -> list[PointerRange]:
    ranges: list[PointerRange] = []
    for pointer in pointers:
        extent, pointee = pointer.extent, pointer.type.pointee
        length = values[extent] * pointer.unit if isinstance(extent, str) else extent
        if length and pointee is not None:
            ranges.append(PointerRange(values[pointer.name], length, pointer.direction.writes, pointer.name, pointee))
    return ranges
