"""The one protocol through which everybody above reads and writes flash."""

from __future__ import annotations

from typing import Protocol

ERASED = b"\xff"
"""What an erased byte reads as."""


class FlashMemory(Protocol):
    """A flash memory. Addresses are bytes from its start; sizes are bytes.

    Every call may raise PowerCut; reading and writing outside of the memory raises FlashRuleError.
    """

    @property
    def size(self) -> int:
        """How many bytes it has."""

    @property
    def erase_size(self) -> int:
        """The page that is erased at once."""

    @property
    def program_size(self) -> int:
        """What `address` and length of a `program` must be multiples of."""

    def read(self, address: int, length: int) -> bytes:
        """Return bytes. Raises EccError where they cannot be read."""

    def program(self, address: int, data: bytes) -> None:
        """Write bytes that are erased; what reaches over a page's end goes on in the next. Raises FlashRuleError."""

    def erase(self, address: int) -> None:
        """Erase the page that starts at `address`. Raises FlashRuleError when none starts there."""
