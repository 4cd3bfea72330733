"""The external NOR flash, a common SPI part (Winbond W25Q128JV data sheet, 8.2 "Instructions").

4 KB sectors are erased at once, up to 256 bytes within a page programmed at once. Any byte can be programmed, and
again: that clears bits and never sets one. Data that would need a bit to be set is refused here; the part would quietly
store something else. There are no check bits: an interrupted programming leaves some bits cleared and others not.
"""

from __future__ import annotations

from dataclasses import replace

from mvsdk.flash_memory.cells import Page, PagedFlash
from mvsdk.flash_memory.errors import FlashRuleError
from mvsdk.flash_memory.power import PowerSupply

SECTOR = 4096
PROGRAM_PAGE = 256
ENDURANCE = 100_000
"""How often a sector can be erased (data sheet, 9.2 "Operating ranges")."""


class NorFlash(PagedFlash):
    """A NOR chip of so many bytes, erased at first."""

    def __init__(self, size: int, power: PowerSupply | None = None, seed: int = 0) -> None:
        super().__init__(size, SECTOR, 1, PROGRAM_PAGE, power, seed)

    def _check_program(self, address: int, data: bytes) -> None:
        position = 0
        while position < len(data):
            number, start = divmod(address + position, SECTOR)
            piece = data[position : position + SECTOR - start]
            page = self.page(number)
            if page is not self._blank and not page.half_erased:
                old = page.data[start : start + len(piece)]
                if old.count(0xFF) != len(old) and _cleared(old, piece) != piece:
                    raise FlashRuleError(
                        f"the data at {address + position:#x} need bits set that are cleared there",
                        "erase the sector first",
                    )
            position += len(piece)

    def _programmed(self, page: Page, start: int, data: bytes) -> Page:
        stop = start + len(data)
        old = page.data[start:stop]
        new = data if old.count(0xFF) == len(old) else _cleared(old, data)
        return replace(page, data=page.data[:start] + new + page.data[stop:])

    def _found(self, data: bytes) -> Page:
        return Page(data)

    def _torn(self, page: Page, start: int, data: bytes, noise: bytes) -> Page:
        # Some bytes are done; of the others some bits.
        whole = noise[-1] * len(data) // 256
        masks = bytes(whole) + noise[whole : len(data)]
        partly = int.from_bytes(data, "little") | int.from_bytes(masks, "little")
        return self._programmed(page, start, partly.to_bytes(len(data), "little"))

    def _readable(self, number: int, start: int, stop: int) -> bytes:
        page = self.page(number)
        content = self._fickle(number, page) if page.half_erased else page.data
        return content[start:stop]


def _cleared(old: bytes, new: bytes) -> bytes:
    both = int.from_bytes(old, "little") & int.from_bytes(new, "little")
    return both.to_bytes(len(old), "little")
