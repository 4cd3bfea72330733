"""Laws of both flash memories: what the parts allow, what they refuse, and what an interruption leaves."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvsdk.flash_memory import (
    Cut,
    EccError,
    FlashContentError,
    FlashMemory,
    FlashRuleError,
    InternalFlash,
    Mess,
    NorFlash,
    Operation,
    PowerCut,
    PowerSupply,
)

PAGES = 3
MIDDLE = [Mess.TORN, Mess.SEEMS_DONE, Mess.SEEMS_UNDONE]
NOR_SIZE, INTERNAL_SIZE = PAGES * 4096, PAGES * 8192

NOR_STEP = st.tuples(st.integers(0, NOR_SIZE - 600), st.binary(max_size=600)) | st.integers(0, PAGES - 1)
QUAD_STEP = st.tuples(st.integers(0, INTERNAL_SIZE // 16 - 41), st.integers(0, 40)) | st.integers(0, PAGES - 1)


def nor(power: PowerSupply | None = None) -> NorFlash:
    """Return a small NOR chip."""
    return NorFlash(NOR_SIZE, power)


def internal(power: PowerSupply | None = None) -> InternalFlash:
    """Return a small internal flash."""
    return InternalFlash(INTERNAL_SIZE, power)


BOTH = pytest.mark.parametrize("make", [nor, internal])
Make = Callable[[PowerSupply | None], NorFlash | InternalFlash]


@given(st.lists(NOR_STEP, max_size=12))
def test_nor_is_an_array_of_bits_that_only_erasing_sets(steps: list[tuple[int, bytes] | int]) -> None:
    """Programming stores exactly its data or is refused because a bit would be set; erasing fills one sector."""
    chip, model = nor(), bytearray(b"\xff" * NOR_SIZE)
    for step in steps:
        if isinstance(step, int):
            chip.erase(step * 4096)
            model[step * 4096 : (step + 1) * 4096] = b"\xff" * 4096
            continue
        address, data = step
        old = model[address : address + len(data)]
        if any(new & ~was for was, new in zip(old, data, strict=True)):
            with pytest.raises(FlashRuleError, match="need bits set"):
                chip.program(address, data)
        else:
            chip.program(address, data)
            model[address : address + len(data)] = data
    assert chip.read(0, NOR_SIZE) == model


@given(st.lists(QUAD_STEP, max_size=12))
def test_a_quad_word_is_programmed_once_per_erase(steps: list[tuple[int, int] | int]) -> None:
    """Internal flash takes each quad-word once, all ones too, and refuses the second time without writing a thing."""
    flash, model, taken = internal(), bytearray(b"\xff" * INTERNAL_SIZE), set[int]()
    for number, step in enumerate(steps):
        if isinstance(step, int):
            flash.erase(step * 8192)
            model[step * 8192 : (step + 1) * 8192] = b"\xff" * 8192
            taken -= set(range(step * 512, (step + 1) * 512))
            continue
        first, count = step
        data = bytes([number if number % 3 else 0xFF]) * (16 * count)
        wanted = set(range(first, first + count))
        if taken & wanted:
            with pytest.raises(FlashRuleError, match="has been programmed"):
                flash.program(first * 16, data)
        else:
            flash.program(first * 16, data)
            taken |= wanted
            model[first * 16 : (first + count) * 16] = data
    assert flash.read(0, INTERNAL_SIZE) == model


def test_zeros_can_be_written_over_what_can_be_read() -> None:
    """A quad-word that was programmed takes zeros, and nothing else."""
    flash, _ = cut_while_writing(internal, Cut(5, Mess.TORN))
    with pytest.raises(FlashRuleError):
        flash.program(0, b"\xff" * 16)
    flash.program(0, bytes(16))
    with pytest.raises(FlashRuleError) as caught:
        flash.program(0, bytes(16) + b"\1" * 16)
    assert "0x10 has" in str(caught.value)
    assert flash.read(0, 16) == bytes(16)


@pytest.mark.parametrize(("address", "length"), [(8, 16), (16, 8), (1, 1)])
def test_internal_flash_takes_whole_quad_words(address: int, length: int) -> None:
    """What is not aligned to 16 bytes is refused."""
    with pytest.raises(FlashRuleError, match="quad-words"):
        internal().program(address, bytes(length))


@BOTH
@given(address=st.integers(-100, 40_000), length=st.integers(-10, 40_000))
def test_nobody_reaches_beyond_the_end(make: Make, address: int, length: int) -> None:
    """A range that is not in the memory is refused; one that is can be read."""
    flash = make(None)
    if min(address, length) >= 0 and address + length <= flash.size:
        assert flash.read(address, length) == b"\xff" * length
    else:
        with pytest.raises(FlashRuleError, match="not in the flash"):
            flash.read(address, length)


@BOTH
def test_only_whole_pages_are_erased(make: Make) -> None:
    """An address inside a page, or behind the last, is refused."""
    flash = make(None)
    for address in (1, flash.erase_size + 16, flash.size):
        with pytest.raises(FlashRuleError):
            flash.erase(address)


@BOTH
@given(pages=st.lists(st.integers(0, PAGES - 1), max_size=8))
def test_every_erasure_is_counted(make: Make, pages: list[int]) -> None:
    """Wear is how often each page was erased."""
    flash = make(None)
    for page in pages:
        flash.erase(page * flash.erase_size)
    assert flash.wear == {page: pages.count(page) for page in set(pages)}


def cut_while_writing(make: Make, cut: Cut) -> tuple[NorFlash | InternalFlash, PowerSupply]:
    """Write 1024 bytes of 0x5A over an erased page, cut off, and give power again."""
    power = PowerSupply(cut)
    flash = make(power)
    with pytest.raises(PowerCut):
        flash.program(0, b"\x5a" * 1024)
    with pytest.raises(PowerCut):
        flash.read(0, 1)
    power.restore()
    return flash, power


def readable(flash: FlashMemory, address: int, length: int) -> bytes | None:
    """Read, or return None for an ECC error."""
    try:
        return flash.read(address, length)
    except EccError:
        return None


@BOTH
@given(at=st.integers(0, 3), mess=st.sampled_from(Mess))
def test_a_cut_touches_one_operation(make: Make, at: int, mess: Mess) -> None:
    """What came before the interrupted operation is there, what comes after is not; `before` and `after` are exact."""
    flash, _ = cut_while_writing(make, Cut(at, mess))
    unit = 16 if isinstance(flash, InternalFlash) else 256
    assert flash.read(0, at * unit) == b"\x5a" * (at * unit)
    behind = (at + 1) * unit
    assert flash.read(behind, flash.size - behind) == b"\xff" * (flash.size - behind)
    exact = {Mess.BEFORE: b"\xff", Mess.SEEMS_UNDONE: b"\xff", Mess.AFTER: b"\x5a", Mess.SEEMS_DONE: b"\x5a"}
    if mess in exact:
        assert flash.read(at * unit, unit) == exact[mess] * unit


@BOTH
@pytest.mark.parametrize("mess", MIDDLE)
def test_marginal_cells_show_at_the_second_power_up(make: Make, mess: Mess) -> None:
    """After two power-ups all three kinds of interruption are the same: torn, neither old nor new."""
    flash, power = cut_while_writing(make, Cut(1, mess))
    power.restore()
    unit = 16 if isinstance(flash, InternalFlash) else 256
    found = readable(flash, unit, unit)
    assert found not in (b"\xff" * unit, b"\x5a" * unit)
    torn, _ = cut_while_writing(make, Cut(1, Mess.TORN))
    assert found == readable(torn, unit, unit)


def test_a_torn_quad_word_is_an_ecc_error_until_it_is_erased() -> None:
    """It cannot be read, the error names it, it cannot be programmed, and erasing its page mends it."""
    flash, _ = cut_while_writing(internal, Cut(5, Mess.TORN))
    with pytest.raises(EccError) as caught:
        flash.read(0, 1024)
    assert caught.value.address == 80
    with pytest.raises(FlashRuleError):
        flash.program(80, bytes(16))
    flash.erase(0)
    flash.program(80, bytes(16))
    assert flash.read(80, 16) == bytes(16)


@given(data=st.binary(min_size=1, max_size=256), seed=st.integers(0, 100))
def test_a_torn_nor_page_has_only_bits_that_were_to_be_cleared(data: bytes, seed: int) -> None:
    """An interrupted programming clears some of the bits it should, and no other."""
    power = PowerSupply(Cut(0, Mess.TORN))
    chip = NorFlash(NOR_SIZE, power, seed)
    with pytest.raises(PowerCut):
        chip.program(0, data)
    power.restore()
    assert all(found & wanted == wanted for found, wanted in zip(chip.read(0, len(data)), data, strict=True))


@BOTH
def test_a_half_erased_page_reads_differently_every_time(make: Make) -> None:
    """An interrupted erasure leaves a page that is neither what it was nor erased, and that does not stay the same."""
    power = PowerSupply()
    flash = make(power)
    flash.program(0, bytes(flash.erase_size))
    power.restore(Cut(0, Mess.TORN))
    with pytest.raises(PowerCut):
        flash.erase(0)
    power.restore()
    reads = [readable(flash, 0, flash.erase_size) for _ in range(2)]
    assert reads[0] != reads[1]
    assert not {bytes(flash.erase_size), b"\xff" * flash.erase_size} & set(reads)
    assert flash.wear == {0: 1}
    flash.erase(0)
    assert flash.read(0, flash.erase_size) == b"\xff" * flash.erase_size


@BOTH
@given(at=st.integers(0, 3), mess=st.sampled_from(Mess))
def test_what_is_saved_comes_back(make: Make, at: int, mess: Mess) -> None:
    """Whatever mess there is, a saved flash reads, wears and settles as the one it was saved from."""
    flash, power = cut_while_writing(make, Cut(at, mess))
    flash.erase(2 * flash.erase_size)
    other_power = PowerSupply()
    copy = make(other_power)
    copy.restore(flash.save())
    assert copy.state() == flash.state()
    for supply in (power, other_power):
        supply.restore()
    assert [readable(copy, 0, 2048) for _ in range(2)] == [readable(flash, 0, 2048) for _ in range(2)]
    assert copy.wear == flash.wear


@BOTH
@given(garbage=st.binary(max_size=100) | st.sampled_from([b"{}", b"[]", b'{"flash":{},"pages":{},"wear":{}}']))
def test_damaged_content_is_refused(make: Make, garbage: bytes) -> None:
    """What was not saved from such a flash is an error, and changes nothing."""
    flash = make(None)
    flash.program(0, bytes(16))
    before = flash.state()
    with pytest.raises(FlashContentError):
        flash.restore(garbage)
    with pytest.raises(FlashContentError):
        flash.restore(NorFlash(4096).save())
    assert flash.state() == before


@BOTH
def test_a_state_is_a_value(make: Make) -> None:
    """A state taken earlier does not change, and going back to it brings everything back."""
    flash = make(None)
    flash.program(0, bytes(512))
    state = flash.state()
    flash.erase(0)
    assert flash.state() != state
    flash.load(state)
    assert flash.read(0, 512) == bytes(512)


def test_memories_on_one_supply_count_together() -> None:
    """Operations of all memories have one order, and a listener hears of each call before it has an effect."""
    heard: list[tuple[int, int, bytes]] = []

    def listen(operation: Operation) -> None:
        heard.append((operation.first, operation.count, chip.read(0, 1)))

    power = PowerSupply(listener=listen)
    chip, flash = nor(power), internal(power)
    chip.program(0, bytes(300))
    flash.program(0, bytes(64))
    flash.erase(8192)
    assert [(first, count) for first, count, _ in heard] == [(0, 2), (2, 4), (6, 1)]
    assert heard[0][2] == b"\xff"
    assert power.operations == 7


def test_a_cut_before_the_beginning_cannot_be() -> None:
    """Operations are counted from 0."""
    with pytest.raises(ValueError, match="no operation -1"):
        Cut(-1, Mess.TORN)


def test_a_flash_of_broken_pages_cannot_be() -> None:
    """A size that is not whole pages is refused."""
    with pytest.raises(ValueError, match="cannot have pages"):
        NorFlash(5000)
