"""The STM32U585's own flash (RM0456, "Embedded flash memory"; ST's HAL: the FLASH driver).

8 KB pages; written in quad-words of 16 bytes, each of which has 9 check bits and so can be programmed once per erase,
even when all ones were written; only zeros can be written over what can be read (RM0456, FLASH_NSSR.PROGERR). A
quad-word whose programming was interrupted has check bits that fit nothing: reading it is a double ECC error, which on
the device is an NMI.
"""

from __future__ import annotations

from dataclasses import replace

from mvsdk.flash_memory.cells import Page, PagedFlash
from mvsdk.flash_memory.errors import EccError, FlashRuleError
from mvsdk.flash_memory.memory import ERASED
from mvsdk.flash_memory.power import PowerSupply

PAGE = 8192
QUAD_WORD = 16
ENDURANCE = 10_000
"""How often a page can be erased (data sheet, "Flash memory characteristics")."""
_BLANK = ERASED * QUAD_WORD


class InternalFlash(PagedFlash):
    """So many bytes of the chip's flash, erased at first."""

    def __init__(self, size: int, power: PowerSupply | None = None, seed: int = 0) -> None:
        super().__init__(size, PAGE, QUAD_WORD, QUAD_WORD, power, seed)

    def _check_program(self, address: int, data: bytes) -> None:
        if address % QUAD_WORD or len(data) % QUAD_WORD:
            raise FlashRuleError(
                f"{len(data)} bytes at {address:#x} are not whole quad-words", f"align to {QUAD_WORD} bytes"
            )
        position = 0
        while position < len(data):
            number, start = divmod(address + position, PAGE)
            length = min(PAGE - start, len(data) - position)
            page = self.page(number)
            taken = page.programmed & _units(start, length)
            taken &= page.unreadable | ~_zeros(start, data[position : position + length]) if taken else 0
            if taken:
                first = number * PAGE + ((taken & -taken).bit_length() - 1) * QUAD_WORD
                raise FlashRuleError(
                    f"the quad-word at {first:#x} has been programmed since its page was erased", "erase the page first"
                )
            position += length

    def _programmed(self, page: Page, start: int, data: bytes) -> Page:
        content = page.data[:start] + data + page.data[start + len(data) :]
        return replace(page, data=content, programmed=page.programmed | _units(start, len(data)))

    def _found(self, data: bytes) -> Page:
        starts = range(0, PAGE, QUAD_WORD)
        written = (1 << unit for unit, start in enumerate(starts) if data[start : start + QUAD_WORD] != _BLANK)
        return Page(data, programmed=sum(written))

    def _torn(self, page: Page, start: int, data: bytes, noise: bytes) -> Page:
        units = _units(start, len(data))
        return replace(page, programmed=page.programmed | units, unreadable=page.unreadable | units)

    def _readable(self, number: int, start: int, stop: int) -> bytes:
        page = self.page(number)
        content = page.data
        if page.half_erased:
            content = self._fickle(number, page)
            if page.reads == 0:
                raise EccError(number * PAGE + start)
        bad = page.unreadable & _units(start, stop - start)
        if bad:
            raise EccError(number * PAGE + ((bad & -bad).bit_length() - 1) * QUAD_WORD)
        return content[start:stop]


def _zeros(start: int, data: bytes) -> int:
    """Return the bits of the quad-words in which `data`, from `start` in a page on, is all zeros."""
    first = start // QUAD_WORD
    words = range(0, len(data), QUAD_WORD)
    return sum(1 << first + word // QUAD_WORD for word in words if not any(data[word : word + QUAD_WORD]))


def _units(start: int, length: int) -> int:
    """Return the bits of the quad-words that a range within a page touches."""
    first, last = start // QUAD_WORD, -(-(start + length) // QUAD_WORD)
    return ((1 << (last - first)) - 1) << first
