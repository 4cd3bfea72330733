"""What an answer to a system call is made of: its arguments, its refusals, and the mark that says which call it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from mvsdk.abi import Struct
from mvsdk.abi.ranges import field_ranges
from mvsdk.emulator.guest_memory import GuestMemory


class Refused(Exception):  # noqa: N818 - not an error of ours: the guest is told a status
    """The call is refused with a status, named without its `MV_STATUS_` prefix. Nothing has been changed."""

    def __init__(self, status: str) -> None:
        super().__init__(status)
        self.status = status


class GuestPointer(NamedTuple):
    """A pointer argument whose whole range has been checked: holding one proves the kernel may use its `length` bytes
    in the direction the database gives (a range of length 0 proves nothing and is never followed)."""

    memory: GuestMemory
    address: int
    length: int

    def read(self) -> bytes:
        """Return the bytes pointed at."""
        return self.memory.read(self.address, self.length)

    def read_word(self) -> int:
        """Return the little-endian number pointed at."""
        return int.from_bytes(self.read(), "little")

    def write(self, data: bytes) -> None:
        """Write the first bytes of the range."""
        self.memory.write(self.address, data[: self.length])

    def write_word(self, value: int) -> None:
        """Write a little-endian number as wide as what is pointed at."""
        self.write(value.to_bytes(self.length, "little"))


def field_pointers(
    memory: GuestMemory, struct: Struct, values: Mapping[str, int], refusal: str = "PARAMETERFAULT"
) -> Iterator[tuple[str, GuestPointer]]:
    """Prove the pointers in a struct one after the other, in the fields' order, and return each with its field's name.

    A field that covers nothing is left out. Refuses with `refusal` at the first bad one, once it is its turn.
    """
    for covered in field_ranges(struct, values):
        if not memory.allows(covered.address, covered.length, write=covered.needs_write):
            raise Refused(refusal)
        yield covered.name, GuestPointer(memory, covered.address, covered.length)


Guard = Callable[[Any, Sequence[int]], None]
_F = TypeVar("_F", bound=Callable[..., None])


def answers(call: str, *, before_pointers: Guard | None = None) -> Callable[[_F], _F]:
    """Mark a method as the answer to `call`; its arguments are ints and `GuestPointer`s, in the call's order.

    `before_pointers` is a method that is given the registers and may refuse before any pointer is looked at, for the
    few calls whose documented order puts something before the pointers.
    """

    def mark(function: _F) -> _F:
        function.__dict__["answers"] = call
        function.__dict__["before_pointers"] = before_pointers
        return function

    return mark
