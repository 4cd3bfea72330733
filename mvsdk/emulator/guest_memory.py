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
        self._ram = board.ram
        self._flash = board.flash

    def allows(self, address: int, length: int, *, write: bool) -> bool:
        """Say whether every byte of the range is the application's own, and writable if asked. Empty ranges are."""
        if length == 0:
            return True
        return self._ram.contains(address, length) or (not write and self._flash.contains(address, length))

    def read(self, address: int, length: int) -> bytes:
        """Return bytes of a range that `allows` has accepted."""
        return self._core.read_memory(address, length) if length else b""

    def write(self, address: int, data: bytes) -> None:
        """Change bytes of a range that `allows` has accepted for writing."""
        if data:
            self._core.write_memory(address, data)
