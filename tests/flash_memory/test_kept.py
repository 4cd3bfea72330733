"""Laws of flash that is kept: what the storage holds is what the flash holds, at every instant."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvsdk.flash_memory import (
    Cut,
    FlashContentError,
    FlashRuleError,
    InternalFlash,
    KeptFlash,
    Mess,
    NorFlash,
    PowerCut,
    PowerSupply,
)

PAGES = 3
Flash = InternalFlash | NorFlash
Make = Callable[[PowerSupply | None], Flash]
Step = int | tuple[int, int]


def nor(power: PowerSupply | None = None) -> NorFlash:
    """Return a small NOR chip."""
    return NorFlash(PAGES * 4096, power)


def internal(power: PowerSupply | None = None) -> InternalFlash:
    """Return a small internal flash."""
    return InternalFlash(PAGES * 8192, power)


BOTH = pytest.mark.parametrize("make", [nor, internal])
STEPS = st.lists(st.integers(0, PAGES - 1) | st.tuples(st.integers(0, 700), st.integers(0, 600)), max_size=8)


class Killed(BaseException):
    """The process is gone."""


class Doomed(bytearray):
    """A storage whose process is killed before write number `last`."""

    last: int | None = None
    writes = 0

    def __setitem__(self, where: object, data: object) -> None:
        if self.writes == self.last:
            raise Killed
        self.writes += 1
        super().__setitem__(where, data)  # type: ignore[call-overload]


def erased(make: Make) -> Doomed:
    """Return an erased storage for such a flash."""
    return Doomed(b"\xff" * make(None).size)


def carry_out(flash: Flash | KeptFlash, steps: list[Step]) -> None:
    """Erase pages by number; program 16 bytes times a count at 16 times a place, as far as the part takes it."""
    for number, step in enumerate(steps):
        try:
            if isinstance(step, int):
                flash.erase(step * flash.erase_size)
            else:
                place, count = step
                flash.program(place * 16, bytes([number]) * 16 * count)
        except FlashRuleError:
            continue


@BOTH
@given(steps=STEPS)
def test_it_is_the_flash_it_stands_on(make: Make, steps: list[Step]) -> None:
    """Whatever is done, it holds what a flash without storage holds, and so does the storage."""
    storage, plain = erased(make), make(None)
    kept = KeptFlash(make(None), storage)
    carry_out(kept, steps)
    carry_out(plain, steps)
    assert kept.state() == plain.state()
    assert kept.read(0, kept.size) == plain.read(0, plain.size) == bytes(storage)


@BOTH
@given(steps=STEPS)
def test_what_was_kept_comes_back(make: Make, steps: list[Step]) -> None:
    """Another flash on the same storage reads the same, and refuses what the first refused."""
    storage = erased(make)
    first = KeptFlash(make(None), storage)
    carry_out(first, [step for step in steps if isinstance(step, int) or step[1]])
    second = KeptFlash(make(None), storage)
    assert second.read(0, second.size) == first.read(0, first.size)
    for start in range(0, second.size, second.erase_size):
        blank = second.read(start, 16) == b"\xff" * 16
        if blank:
            second.program(start, b"\xff" * 16)
        else:
            with pytest.raises(FlashRuleError):
                second.program(start, b"\xff" * 16)


@BOTH
@given(steps=STEPS, last=st.integers(0, 12))
def test_a_killed_process_is_a_loss_of_power_between_two_operations(make: Make, steps: list[Step], last: int) -> None:
    """Wherever the writing ends, the storage holds what some number of whole operations leaves."""
    storage = erased(make)
    flash = KeptFlash(make(None), storage)
    storage.last = last
    try:
        carry_out(flash, steps)
    except Killed:
        power = PowerSupply()
        carry_out(make(power), steps)
        assert any(bytes(storage) == after(make, steps, count) for count in range(power.operations + 1))
    else:
        assert bytes(storage) == flash.read(0, flash.size)


def after(make: Make, steps: list[Step], operations: int) -> bytes:
    """Return the content that the first so many operations leave."""
    power = PowerSupply(Cut(operations, Mess.BEFORE))
    flash = make(power)
    try:
        carry_out(flash, steps)
    except PowerCut:
        power.restore()
    return flash.read(0, flash.size)


@BOTH
@pytest.mark.parametrize("mess", Mess)
@pytest.mark.parametrize("erasing", [False, True])
def test_a_cut_inside_is_kept_as_bytes(make: Make, mess: Mess, erasing: bool) -> None:
    """When its power fails, the storage holds the cells as they are; a torn quad-word's are erased."""
    power = PowerSupply()
    storage = erased(make)
    flash = make(power)
    kept = KeptFlash(flash, storage)
    kept.program(0, bytes(1024))
    power.restore(Cut(2, mess))
    with pytest.raises(PowerCut):
        carry_out(kept, [1, 2, 0] if erasing else [1, 2, (64, 32)])
    power.restore()
    held = bytes(storage)
    assert held == b"".join(flash.page(number).data for number in range(PAGES))
    assert KeptFlash(make(None), storage).read(0, kept.size) == held


@BOTH
def test_erased_pages_cost_nothing(make: Make) -> None:
    """Of an erased storage no page is kept in memory, and none is written."""
    storage = erased(make)
    kept = KeptFlash(make(None), storage)
    assert not kept.state().pages
    kept.program(0, b"")
    with pytest.raises(FlashRuleError):
        kept.program(kept.size - 16, bytes(32))
    assert storage.writes == 0


@BOTH
def test_another_state_is_kept_too(make: Make) -> None:
    """Loading a state writes the pages that differ, and no others."""
    storage = erased(make)
    kept = KeptFlash(make(None), storage)
    kept.program(0, bytes(32))
    state = kept.state()
    kept.erase(0)
    kept.program(2 * kept.erase_size, bytes(32))
    kept.load(state)
    assert (bytes(storage), storage.writes) == (kept.read(0, kept.size), 5)
    assert kept.read(0, 32) == bytes(32)
    assert KeptFlash(make(None), storage).state().pages == state.pages


@BOTH
@pytest.mark.parametrize("size", [0, 4096, PAGES * 8192 + 1])
def test_a_storage_of_the_wrong_size_is_refused(make: Make, size: int) -> None:
    """A flash's content has the flash's size."""
    with pytest.raises(FlashContentError, match=f"{size} bytes"):
        KeptFlash(make(None), bytearray(size))
