"""mvTemporaryStructTest: the kernel's own test of how structs arrive, still there although no header declares it."""

from __future__ import annotations

from mvsdk.abi import Abi
from mvsdk.emulator.guest_memory import GuestMemory
from mvsdk.emulator.personality.microvisor.answers import GuestPointer, Refused, answers, field_pointers

VERSION = 1


class StructTest:
    """The version must be 1 and the struct inside the struct be readable; the values do not matter (inferred)."""

    def __init__(self, memory: GuestMemory, abi: Abi) -> None:
        self._memory = memory
        self._struct = abi.structs["MvTemporaryTestVersionedStruct"]

    @answers("mvTemporaryStructTest")
    def take(self, struct: GuestPointer) -> None:
        """Look at the struct and at what it points at."""
        values = self._struct.unpack(struct.read())
        if values["version"] != VERSION:
            raise Refused("UNSUPPORTEDSTRUCTUREVERSION")
        for _, pointer in field_pointers(self._memory, self._struct, values):
            pointer.read()
