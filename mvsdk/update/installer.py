"""Making internal flash what a slot says, page by page; after any cut it is simply done again.

A page that was begun is noted in the journal before it is touched. After a loss of power that page is in doubt whatever
it reads as, and is written anew; the pages before it are done, and those behind it were not touched.
"""

from __future__ import annotations

from collections.abc import Callable

from mvsdk.errors import UpdateError
from mvsdk.update.download import Policy
from mvsdk.update.hardware import Hardware, read_or_none, write_page
from mvsdk.update.slots import Bundle, wanted_page


class WornOutError(UpdateError):
    """A bundle cannot be brought into internal flash."""


class Installer:
    """Brings one verified bundle into internal flash. `begun` is the page that was begun last, -1 for none."""

    def __init__(self, hardware: Hardware, policy: Policy, bundle: Bundle, begun: int) -> None:
        self._hardware, self._policy = hardware, policy
        self.bundle = bundle
        self._doubtful = begun if begun >= 0 else None
        self._next = 0
        self._erased: int | None = None
        self._failures = 0

    def memory(self) -> tuple[object, ...]:
        """Return what its next step depends on, apart from flash and journal."""
        return (self._doubtful, self._next, self._erased, self._failures)

    def step(self, begin: Callable[[int], None]) -> bool:
        """Erase or write one page, and tell whether all are done. `begin` is told a page before it is touched.

        Raises WornOutError when a page does not take what it is given.
        """
        if self._erased is not None:
            self._write(self._erased)
            return False
        if self._doubtful is not None:
            self._erase(self._doubtful)
            return False
        number = self._first_different()
        if number is None:
            return True
        begin(number)
        self._erase(number)
        return False

    def _first_different(self) -> int | None:
        flash, size = self._hardware.internal, self._hardware.internal.erase_size
        for number in range(self._next, self._hardware.board.flash.size // size):
            if read_or_none(flash, number * size, size) != wanted_page(self._hardware, self.bundle, number):
                return number
        return None

    def _erase(self, number: int) -> None:
        flash = self._hardware.internal
        flash.erase(number * flash.erase_size)
        self._erased, self._doubtful, self._next = number, None, number

    def _write(self, number: int) -> None:
        flash = self._hardware.internal
        self._erased = None
        if write_page(flash, number * flash.erase_size, wanted_page(self._hardware, self.bundle, number)):
            self._next, self._failures = number + 1, 0
            return
        self._failures += 1
        if self._failures >= self._policy.page_attempts:
            raise WornOutError(f"page {number} of internal flash does not keep what is written to it")
        self._doubtful = number
