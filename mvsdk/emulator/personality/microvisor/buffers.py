"""Memory the application has lent the kernel: rings, log buffers. Each byte is lent once."""

from __future__ import annotations

from typing import ClassVar

from mvsdk.emulator.personality.microvisor.answers import Refused


class LentBuffers:
    """Which ranges of the application's RAM the kernel holds, and for whom. Holders have names and one range each."""

    STATE: ClassVar[tuple[str, ...]] = ("_ranges",)

    def __init__(self) -> None:
        self._ranges: dict[str, tuple[int, int]] = {}

    def check(self, address: int, length: int, holder: str = "") -> None:
        """Refuse with BUFFERALREADYINUSE if a byte of the range is lent to anyone but `holder`."""
        for other, (start, stop) in self._ranges.items():
            if other != holder and address < stop and start < address + length:
                raise Refused("BUFFERALREADYINUSE")

    def lend(self, address: int, length: int, holder: str) -> None:
        """Let `holder` have a range, in place of the one it had."""
        self._ranges[holder] = (address, address + length)

    def give_back(self, holder: str) -> None:
        """Let the application have the holder's range again."""
        del self._ranges[holder]

    def clear(self) -> None:
        """Give all of them back."""
        self._ranges.clear()
