"""What can go wrong with the processor itself, as opposed to with the guest that runs on it.

EmulatorError
├── MemoryMapError      a range cannot be put into the address space
├── RegisterBankError   registers cannot be bound as they are described
└── StateMismatchError  a snapshot or a saved state is not one of such a core
"""

from mvsdk.errors import EmulatorError


class MemoryMapError(EmulatorError):
    """A range cannot be put into the address space: it is not whole pages of 4096 bytes, not all of it is free, or its
    contents are of another size."""

    def __init__(self, base: int, size: int, reason: str | None = None) -> None:
        super().__init__(
            f"cannot map 0x{size:X} bytes at 0x{base:08X}" + (f": {reason}" if reason else ""),
            "ranges are whole pages of 4096 bytes and must not lie on each other; check the board's memory map",
        )


class RegisterBankError(EmulatorError):
    """Registers cannot be bound: their place is none, or their description contradicts itself. Nothing was bound."""

    def __init__(self, base: int, problem: str) -> None:
        super().__init__(
            f"cannot bind registers at 0x{base:08X}: {problem}",
            "a bank is 1024 bytes of a device range, bound once; compare its registers with the words it has",
        )


class StateMismatchError(EmulatorError, ValueError):
    """A snapshot or saved state is not one of a core with this memory map, or is none at all. Nothing has changed."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} is not one of a core with this memory map and these interrupts",
            "use one that was made by this version of mvsdk, of a core laid out in the same way",
        )
