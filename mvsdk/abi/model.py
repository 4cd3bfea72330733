"""The typed objects an ABI consists of. They are made by `mvsdk.abi.database`, which checks them against each other.

Sizes, offsets and alignments are in bytes, as the procedure call standard for 32-bit Arm lays things out with enums of
the width their sentinel demands (the compiler's default for this target).
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from functools import cached_property
from typing import Literal

Kind = Literal["integer", "enum", "handle", "struct", "pointer", "void"]


class Direction(enum.Enum):
    """Which way what a pointer points at goes. Anything passed by value goes IN."""

    IN = "in"
    """The kernel reads it during the call."""
    OUT = "out"
    """The kernel writes it during the call; what was there does not matter."""
    INOUT = "inout"
    """The kernel reads it, then writes it."""
    RETAIN = "retain"
    """The kernel keeps it after the call and writes it when it likes, so it must be writable."""

    @property
    def writes(self) -> bool:
        """Whether the kernel may write what is pointed at."""
        return self is not Direction.IN


class Show(enum.Enum):
    """How a trace shows a value."""

    PLAIN = ""
    """By its type: integers in decimal, enums by name, bytes as text."""
    HEX = "hex"
    """An integer in hexadecimal: an address, a register, an identification."""
    SECRET = "secret"  # noqa: S105 - a word of the tables, not a password
    """Never itself: only its length and the beginning of its SHA-256."""


@dataclass(frozen=True, eq=False)
class Enum:
    """An enumeration. `members` has no sentinel; `flags` says that values are bits to be or-ed."""

    name: str
    size: int
    members: Mapping[str, int]
    meanings: Mapping[str, str]
    sentinel: str
    flags: bool
    note: str

    @property
    def sentinel_value(self) -> int:
        """The value of the sentinel: all ones in the enum's width."""
        return (1 << 8 * self.size) - 1

    def name_of(self, value: int) -> str | None:
        """Return the member with exactly this value, or None."""
        return self._names.get(value)

    @cached_property
    def _names(self) -> dict[int, str]:
        return {value: name for name, value in self.members.items()}


@dataclass(frozen=True, eq=False)
class Handle:
    """A handle type: in C a pointer to the never defined `struct <tag>`, to the kernel a 32-bit number."""

    name: str
    tag: str
    note: str


@dataclass(frozen=True, slots=True)
class CType:
    """A C type as the tables spell it.

    `name` is the enum, struct, handle or integer the spelling is built on, `definition` that enum, struct or handle
    (of a pointer: look at its pointee). `const` means that an object of this type may not be written: in
    `const uint8_t *` it is the pointee's, not the pointer's.
    """

    spelling: str
    kind: Kind
    size: int
    alignment: int
    name: str
    pointee: CType | None = None
    const: bool = False
    definition: Enum | Handle | Struct | None = dataclass_field(default=None, repr=False)

    @property
    def is_bytes(self) -> bool:
        """Whether this is a pointer to single bytes, or to void."""
        return self.pointee is not None and (self.pointee.kind, self.pointee.size) in (("integer", 1), ("void", 0))


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a call.

    Of a pointer, `extent` is how much it points at: a number of bytes, or the name of the sibling parameter that
    holds a count, where each count stands for `unit` bytes (1 if it counts bytes, the pointee's size if it counts
    elements). `extent` is None for what is not a pointer.
    """

    name: str
    register: int
    type: CType
    direction: Direction
    extent: int | str | None
    unit: int
    show: Show
    note: str


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a struct; `extent`, `unit` and `show` as in `Parameter`, naming sibling fields.

    `name` is as C code writes it after the struct, such as "v1.receive_buffer". `filled` names the pointer field
    through which the kernel tells how many elements of this buffer it wrote. `optional` means NULL is allowed
    although the pointer covers something.
    """

    name: str
    offset: int
    size: int
    type: CType
    direction: Direction
    extent: int | str | None
    unit: int
    filled: str | None
    optional: bool
    show: Show
    note: str


@dataclass(frozen=True, eq=False)
class Struct:
    """A struct. `fields` are as declared, `leaves` the same with structs inside it taken apart."""

    name: str
    size: int
    alignment: int
    fields: tuple[Field, ...]
    note: str

    @cached_property
    def leaves(self) -> tuple[Field, ...]:
        """Every field that is not itself a struct: offsets from the start, names and siblings with their full path."""
        leaves: list[Field] = []
        for field in self.fields:
            if isinstance(field.type.definition, Struct):
                leaves += (_inside(field, leaf) for leaf in field.type.definition.leaves)
            else:
                leaves.append(field)
        return tuple(leaves)

    @cached_property
    def pointers(self) -> tuple[Field, ...]:
        """The leaves that are pointers."""
        return tuple(leaf for leaf in self.leaves if leaf.type.kind == "pointer")

    @cached_property
    def text(self) -> Field | None:
        """The byte pointer this struct is all about, if its other fields only count those bytes."""
        pointers = [field for field in self.fields if field.type.is_bytes and isinstance(field.extent, str)]
        if len(pointers) != 1:
            return None
        pointer = pointers[0]
        counting = {pointer.name, pointer.extent, pointer.filled}
        return pointer if all(field.name in counting for field in self.fields) else None

    def unpack(self, data: bytes) -> dict[str, int]:
        """Return the leaves' values. Needs exactly `size` bytes; `ValueError` otherwise."""
        if len(data) != self.size:
            raise ValueError(f"struct {self.name} has {self.size} bytes, not {len(data)}")
        return dict(zip(self._leaf_names, self._codec.unpack(data), strict=True))

    def pack(self, values: Mapping[str, int]) -> bytes:
        """Return the struct's bytes: leaves by name, 0 where none is given and in the padding.

        `ValueError` for a name that is not a leaf, or a value that does not fit.
        """
        strangers = values.keys() - set(self._leaf_names)
        if strangers:
            raise ValueError(f"struct {self.name} has no field {min(strangers)!r}")
        try:
            return self._codec.pack(*(values.get(name, 0) for name in self._leaf_names))
        except struct.error as error:
            raise ValueError(f"struct {self.name}: a value does not fit its field: {error}") from error

    @cached_property
    def _leaf_names(self) -> tuple[str, ...]:
        return tuple(leaf.name for leaf in self.leaves)

    @cached_property
    def _codec(self) -> struct.Struct:
        layout, end = "<", 0
        for leaf in self.leaves:
            layout += f"{leaf.offset - end}x{_CODES[leaf.size]}"
            end = leaf.offset + leaf.size
        return struct.Struct(f"{layout}{self.size - end}x")


_CODES = {1: "B", 2: "H", 4: "I", 8: "Q"}


def _inside(outer: Field, leaf: Field) -> Field:
    """Return `leaf` of the struct that the field `outer` is, as seen from the struct around it."""
    return Field(
        name=f"{outer.name}.{leaf.name}",
        offset=outer.offset + leaf.offset,
        size=leaf.size,
        type=leaf.type,
        direction=leaf.direction,
        extent=f"{outer.name}.{leaf.extent}" if isinstance(leaf.extent, str) else leaf.extent,
        unit=leaf.unit,
        filled=f"{outer.name}.{leaf.filled}" if leaf.filled else None,
        optional=leaf.optional,
        show=leaf.show if outer.show is Show.PLAIN else outer.show,
        note=leaf.note,
    )


@dataclass(frozen=True, slots=True)
class Status:
    """A status a call is documented to return, and when."""

    name: str
    when: str


@dataclass(frozen=True, eq=False)
class Syscall:
    """One system call. `address` is the even address of its gateway; branches to it have bit 0 set."""

    name: str
    header: str
    condition: str
    returns: CType
    parameters: tuple[Parameter, ...]
    address: int
    statuses: tuple[Status, ...]
    summary: str

    @cached_property
    def pointers(self) -> tuple[Parameter, ...]:
        """The parameters that are pointers."""
        return tuple(parameter for parameter in self.parameters if parameter.type.kind == "pointer")

    @cached_property
    def thread_only(self) -> bool:
        """Whether an interrupt handler may not make it: the statuses say so in these words."""
        return any(status.when == "called from interrupt context" for status in self.statuses)

    def arguments(self, registers: Sequence[int]) -> dict[str, int]:
        """Return the arguments by name from r0 on, each cut to the width of its type as the callee would see it."""
        return {name: registers[number] & mask for number, (name, mask) in enumerate(self._masks)}

    @cached_property
    def _masks(self) -> tuple[tuple[str, int], ...]:
        return tuple((parameter.name, (1 << 8 * parameter.type.size) - 1) for parameter in self.parameters)


@dataclass(frozen=True, eq=False)
class Abi:
    """A whole system-call interface. `status` is the enum that every call returns."""

    name: str
    syscalls: Mapping[str, Syscall]
    by_address: Mapping[int, Syscall]
    enums: Mapping[str, Enum]
    structs: Mapping[str, Struct]
    handles: Mapping[str, Handle]
    status: Enum
