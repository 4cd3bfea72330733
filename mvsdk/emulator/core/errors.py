"""What can go wrong with the processor itself, as opposed to with the guest that runs on it.

EmulatorError
├── MemoryMapError     a range cannot be put into the address space
└── RegisterBankError  registers cannot be bound as they are described
"""

from mvsdk.errors import EmulatorError


class MemoryMapError(EmulatorError):
    """A range cannot be put into the address space: it is not whole pages of 4096 bytes, or not all of it is free."""

    def __init__(self, base: int, size: int) -> None:
        super().__init__(
            f"cannot map 0x{size:X} bytes at 0x{base:08X}",
            "ranges are whole pages of 4096 bytes and must not lie on each other; check the board's memory map",
        )


class RegisterBankError(EmulatorError):
    """Registers cannot be bound: their place is none, or their description contradicts itself. Nothing was bound."""

    def __init__(self, base: int, problem: str) -> None:
        super().__init__(
            f"cannot bind registers at 0x{base:08X}: {problem}",
            "a bank is 1024 bytes of a device range, bound once; compare its registers with the words it has",
        )
