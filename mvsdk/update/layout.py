"""Where the agent keeps what, in the part of the external flash that is its own.

    journal    two pages, used in turns
    slot 0     manifest (64 KiB), then layers, each from the start of an erasable page on
    slot 1     the same

One slot holds the bundle that is installed, for restoring it; the other is where the next one is staged.
"""

from __future__ import annotations

from dataclasses import dataclass

from mvsdk.bundle.container import MANIFEST_LIMIT
from mvsdk.flash_memory import FlashMemory
from mvsdk.update.errors import LayoutError

_ROUNDING_PAGES = 16
"""Layers start at pages, so several need more room than their bytes."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Addresses in the external flash. All are multiples of `page`."""

    page: int
    journal: int
    slots: tuple[int, int]
    slot_size: int

    @classmethod
    def within(cls, external: FlashMemory, application_size: int, start: int = 0) -> Layout:
        """Lay out from `start` on for applications of so many bytes of flash. Raises LayoutError."""
        page = external.erase_size
        slot_size = cls._slot_size(application_size, page)
        first = start + 2 * page
        end = start + cls.needed(application_size, page)
        if start % page or end > external.size:
            raise LayoutError(
                f"the update area from {start:#x} to {end:#x} does not fit the external flash of {external.size:#x}",
                "give the kernel a larger part of the external flash",
            )
        return cls(page, start, (first, first + slot_size), slot_size)

    @classmethod
    def needed(cls, application_size: int, page: int) -> int:
        """Return how much external flash the agent takes for applications of so many bytes."""
        return 2 * page + 2 * cls._slot_size(application_size, page)

    @classmethod
    def _slot_size(cls, application_size: int, page: int) -> int:
        return MANIFEST_LIMIT + cls._rounded(application_size, page) + _ROUNDING_PAGES * page

    @property
    def capacity(self) -> int:
        """Bytes of layers that a slot holds."""
        return self.slot_size - MANIFEST_LIMIT

    def manifest(self, slot: int) -> int:
        """Return where a slot's manifest starts."""
        return self.slots[slot]

    def layers(self, slot: int) -> int:
        """Return where a slot's first layer starts."""
        return self.slots[slot] + MANIFEST_LIMIT

    def end(self, slot: int) -> int:
        """Return the first address behind a slot."""
        return self.slots[slot] + self.slot_size

    def rounded(self, size: int) -> int:
        """Return how many bytes `size` bytes take when they have their pages to themselves."""
        return self._rounded(size, self.page)

    @staticmethod
    def _rounded(size: int, page: int) -> int:
        return -(-size // page) * page
