"""Which guest memory a call touches: what a kernel must check before it serves the call.

A range is an allegation of the guest's. Nothing here has been looked up in any memory map, and nothing wraps: a range
may end beyond the 32-bit address space, which is for the checker to refuse.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
