"""Laws of the external NOR flash chip as an application meets it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvsdk.emulator.nor_flash import NorFlash, chip_facts
from mvsdk.flash_memory import FlashContentError

FACTS = chip_facts()
SECTOR = FACTS.sector_size
SPAN = 4 * SECTOR
"""The part of the chip the examples touch."""

PROGRAM = st.tuples(st.integers(0, SPAN), st.binary(max_size=300))
ERASE = st.tuples(st.integers(0, 3), st.integers(0, 2))


@given(steps=st.lists(st.one_of(PROGRAM, ERASE), max_size=10))
def test_the_chip_is_an_array_of_bits_that_only_erasing_sets(steps: list[tuple[int, bytes] | tuple[int, int]]) -> None:
    """After any steps the content is what and-ing and filling a plain array gives, in memory and in a storage."""
    storage = bytearray(b"\xff" * FACTS.application_size)
    chip, kept, model = NorFlash(), NorFlash(storage), bytearray(b"\xff" * (SPAN + 0x1000))
    for where, what in steps:
        if isinstance(what, bytes):
            for each in (chip, kept):
                each.program(where, what)
            for index, byte in enumerate(what):
                model[where + index] &= byte
        else:
            for each in (chip, kept):
                each.erase(where * SECTOR, what * SECTOR)
            model[where * SECTOR : (where + what) * SECTOR] = b"\xff" * (what * SECTOR)
    assert chip.read(0, len(model)) == kept.read(0, len(model)) == bytes(model) == bytes(storage[: len(model)])


def test_a_storage_of_the_wrong_size_is_refused() -> None:
    """A chip's content has the chip's size."""
    with pytest.raises(FlashContentError, match="16 bytes"):
        NorFlash(bytearray(16))


def test_nothing_takes_no_time() -> None:
    """Ranges of length 0 cost nothing."""
    assert (FACTS.read_us(0), FACTS.program_us(3, 0), FACTS.erase_us(0)) == (0, 0, 0)
