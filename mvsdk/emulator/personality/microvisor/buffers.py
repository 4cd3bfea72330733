"""Memory the application has lent the kernel: rings, log buffers. Each byte is lent once."""

from __future__ import annotations

from mvsdk.emulator.personality.microvisor.answers import Refused


class LentBuffers:
    """Which ranges of the application's RAM the kernel holds, and for whom. Objects hold one range each."""

    def __init__(self) -> None:
        self._ranges: dict[object, range] = {}

    def check(self, address: int, length: int, holder: object = None) -> None:
        """Refuse with BUFFERALREADYINUSE if a byte of the range is lent to anyone but `holder`."""
        for other, held in self._ranges.items():
            if other is not holder and address < held.stop and held.start < address + length:
                raise Refused("BUFFERALREADYINUSE")

    def lend(self, address: int, length: int, holder: object) -> None:
        """Let `holder` have a range, in place of the one it had."""
        self._ranges[holder] = range(address, address + length)

    def give_back(self, holder: object) -> None:
        """Let the application have the holder's range again."""
        del self._ranges[holder]

    def clear(self) -> None:
        """Give all of them back."""
        self._ranges.clear()
