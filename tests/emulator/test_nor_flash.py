"""Laws of the external NOR flash chip and of its storage in memory."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvsdk.emulator.nor_flash import NorFlash, SparseStorage, chip_facts

FACTS = chip_facts()
SECTOR = FACTS.sector_size
SPAN = 4 * SECTOR
"""The part of the chip the examples touch."""

PROGRAM = st.tuples(st.integers(0, SPAN), st.binary(max_size=300))
ERASE = st.tuples(st.integers(0, 3), st.integers(0, 2))


@given(steps=st.lists(st.one_of(PROGRAM, ERASE), max_size=10))
def test_the_chip_is_an_array_of_bits_that_only_erasing_sets(steps: list[tuple[int, bytes] | tuple[int, int]]) -> None:
    """After any steps the content is what and-ing and filling a plain array gives."""
    chip, model = NorFlash(), bytearray(b"\xff" * (SPAN + 0x1000))
    for where, what in steps:
        if isinstance(what, bytes):
            chip.program(where, what)
            for index, byte in enumerate(what):
                model[where + index] &= byte
        else:
            chip.erase(where * SECTOR, what * SECTOR)
            model[where * SECTOR : (where + what) * SECTOR] = b"\xff" * (what * SECTOR)
    assert chip.read(0, len(model)) == model


@given(
    pieces=st.lists(st.tuples(st.integers(0, 200), st.binary(max_size=56)), max_size=10),
    start=st.integers(0, 256),
    length=st.integers(0, 256),
)
def test_sparse_storage_is_a_bytearray(pieces: list[tuple[int, bytes]], start: int, length: int) -> None:
    """Whatever is stored where, every slice reads as a plain array's would."""
    sparse, plain = SparseStorage(256, 16), bytearray(b"\xff" * 256)
    for where, data in pieces:
        sparse[where : where + len(data)] = data
        plain[where : where + len(data)] = data
    stop = min(256, start + length)
    assert sparse[start:stop] == plain[start:stop]
    assert len(sparse) == len(plain)


def test_a_storage_of_the_wrong_size_is_refused() -> None:
    """A chip's content has the chip's size."""
    with pytest.raises(ValueError, match="16 bytes"):
        NorFlash(bytearray(16))


def test_nothing_takes_no_time() -> None:
    """Ranges of length 0 cost nothing."""
    assert (FACTS.read_us(0), FACTS.program_us(3, 0), FACTS.erase_us(0)) == (0, 0, 0)
