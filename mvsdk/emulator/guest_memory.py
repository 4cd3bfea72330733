"""Guest memory as the kernel side may touch it: every address is an allegation until checked.

An application may name any 32-bit number as a pointer. `GuestMemory.allows` is the one place that says which of them
the kernel may follow: all of the application's RAM, and for reading also its flash.
"""

from __future__ import annotations

from mvsdk.boards import Board
from mvsdk.emulator.core import Core


class GuestMemory:
    """The application's own memory, reached through the processor's memory map."""

    def __init__(self, core: Core, board: Board) -> None:
        self._core = core
        self._ram, self._ram_end = board.ram.base, board.ram.end
        self._flash, self._flash_end = board.flash.base, board.flash.end

    def allows(self, address: int, length: int, *, write: bool) -> bool:
        """Say whether every byte of the range is the application's own, and writable if asked. Empty ranges are."""
        end = address + length
        if length == 0 or (self._ram <= address and end <= self._ram_end):
            return True
        return not write and self._flash <= address and end <= self._flash_end

    def read(self, address: int, length: int) -> bytes:
        """Return bytes of a range that `allows` has accepted."""
        return self._core.read_memory(address, length) if length else b""

    def write(self, address: int, data: bytes) -> None:
        """Change bytes of a range that `allows` has accepted for writing."""
        if data:
            self._core.write_memory(address, data)
