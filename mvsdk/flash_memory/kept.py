"""Flash whose content outlasts the process, in a storage that anybody may provide."""

from __future__ import annotations

from typing import Protocol

from mvsdk.flash_memory.cells import FlashState, PagedFlash
from mvsdk.flash_memory.errors import FlashContentError
from mvsdk.flash_memory.power import PowerCut


class Storage(Protocol):
    """Bytes that last, such as a `bytearray`, a file or an `mmap`. Slices are always of plain start and stop within the
    length. One that is to survive its process being killed replaces a slice within a page whole or not at all."""

    def __len__(self) -> int:
        """Return how many bytes there are."""

    def __getitem__(self, where: slice, /) -> bytes | bytearray:
        """Return bytes."""

    def __setitem__(self, where: slice, data: bytes, /) -> None:
        """Replace bytes by as many others."""


class KeptFlash:
    """A `FlashMemory` that is `flash`, with the content that `storage` has.

    That is read once, when this is made: a quad-word that is not all ones counts as programmed, and no page as worn.
    Whatever changes is written there page by page, in the order of the operations, so that a process which is killed
    leaves what a loss of power between two operations leaves. Of a mess, bytes are kept: a torn quad-word is erased
    the next time, and a half-erased page reads the same always.
    Raises `FlashContentError` for a storage of another size.
    """

    def __init__(self, flash: PagedFlash, storage: Storage) -> None:
        if len(storage) != flash.size:
            raise FlashContentError(
                f"the storage has {len(storage)} bytes, the flash {flash.size}", "give the storage of such a flash"
            )
        self._flash = flash
        self._storage = storage
        page = flash.erase_size
        flash.hold({start // page: bytes(storage[start : start + page]) for start in range(0, flash.size, page)})

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return self._flash.size

    @property
    def erase_size(self) -> int:
        """The page that is erased at once."""
        return self._flash.erase_size

    @property
    def program_size(self) -> int:
        """What address and length of a `program` must be multiples of."""
        return self._flash.program_size

    def read(self, address: int, length: int) -> bytes:
        """See `FlashMemory`."""
        return self._flash.read(address, length)

    def program(self, address: int, data: bytes) -> None:
        """See `FlashMemory`."""
        try:
            self._flash.program(address, data)
        except PowerCut:
            self._write(address, len(data))
            raise
        self._write(address, len(data))

    def erase(self, address: int) -> None:
        """See `FlashMemory`."""
        try:
            self._flash.erase(address)
        except PowerCut:
            self._write(address, self.erase_size)
            raise
        self._write(address, self.erase_size)

    def state(self) -> FlashState:
        """Return everything there is, cheaply."""
        return self._flash.state()

    def load(self, state: FlashState) -> None:
        """Become what `state` says, of such a flash. The storage is written where it differs."""
        before, after = self._flash.state().pages, state.pages
        self._flash.load(state)
        for number in sorted(before.keys() | after.keys()):
            if before.get(number) != after.get(number):
                self._write(number * self.erase_size, self.erase_size)

    def _write(self, address: int, length: int) -> None:
        """Keep what the cells hold, page by page."""
        end = address + length
        while address < end:
            number, start = divmod(address, self.erase_size)
            stop = min(end, address - start + self.erase_size)
            self._storage[address:stop] = self._flash.page(number).data[start : start + stop - address]
            address = stop
