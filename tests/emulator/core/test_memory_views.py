"""Views of a core's memory: they copy nothing, stay true, and never lead nowhere."""

import gc
import weakref

import pytest

from mvsdk.emulator.core.memory_image import MemoryImage
from mvsdk.emulator.core.native_core import NativeCore
from tests.emulator.core.small_guest import (
    BX_LR,
    CODE,
    DEVICE,
    FLASH,
    PAGE,
    RAM,
    SPIN,
    Answering,
    constant,
    halfwords,
    start,
)  # fmt: skip

# 1: ldr r1, [r3]; adds r1, #1; str r1, [r3]; adds r0, #1; b 1b
COUNTING = halfwords(*constant(3, RAM), 0x6819, 0x3101, 0x6019, 0x3001, 0xE7FA)
CALLING = halfwords(*constant(3, RAM | 1), 0x4798, 0xE7FD)  # 1: blx r3; b 1b


def test_a_view_shows_what_the_guest_writes() -> None:
    """What a guest stores is in the view at once, before and after going back to another state."""
    core = start(COUNTING)
    view = core.memory_view(RAM, 8)
    assert view.readonly
    assert bytes(view) == bytes(8)
    kept, saved = core.snapshot(), core.save()
    core.run(100)
    assert bytes(view) == core.read_memory(RAM, 8) != bytes(8)
    core.restore(kept)
    assert bytes(view) == bytes(8)
    core.run(100)
    core.load(saved)
    assert bytes(view) == bytes(8)
    core.run(50)
    assert bytes(view) == core.read_memory(RAM, 8) != bytes(8)
    core.write_memory(RAM, b"debugger")
    assert bytes(view) == b"debugger"


def test_a_read_only_view_cannot_be_written() -> None:
    """Only a view asked for as writable is."""
    view = start(COUNTING).memory_view(RAM, 8)
    with pytest.raises(TypeError):
        view[0] = 1


def test_what_is_written_to_a_view_is_what_the_guest_loads() -> None:
    """A writable view is the memory: written between runs, it is loaded in the next."""
    core = start(COUNTING)
    core.run(20)
    with core.memory_view(RAM, 8, writable=True) as view:
        for value in (7, 1000, 5):
            view[:4] = value.to_bytes(4, "little")
            core.write_register("r15", CODE + 8)
            core.run(core.cycle + 3)
            assert core.registers().r[1] == value + 1
            assert int.from_bytes(view[:4], "little") == value + 1


def test_a_view_of_an_image_is_of_the_cores_own_pages() -> None:
    """Writing through a view of flash changes this core's flash and no image."""
    image = MemoryImage(b"abc", PAGE)
    cores = [NativeCore() for _ in range(2)]
    for core in cores:
        core.map_memory(FLASH, PAGE, writable=False, contents=image)
    seen = cores[1].memory_view(FLASH, 3)
    with cores[0].memory_view(FLASH, 3, writable=True) as view:
        assert bytes(view) == b"abc"
        view[0] = ord("x")
    assert cores[0].read_memory(FLASH, 3) == b"xbc"
    assert cores[1].read_memory(FLASH, 3) == bytes(seen) == b"abc"


@pytest.mark.parametrize("released", [False, True], ids=["open", "released"])
def test_code_written_through_a_view_is_what_runs(released: bool) -> None:
    """Code that was executed before is executed as the view has it since, whether the view is still open or not."""
    core = start(CALLING)
    view = core.memory_view(RAM, 4, writable=True)
    for expected in (1, 2, 3):
        if released:
            view = core.memory_view(RAM, 4, writable=True)
        view[:] = halfwords(0x2000 | expected, BX_LR)
        if released:
            view.release()
        core.run(core.cycle + 40)
        assert core.registers().r[0] == expected


def test_code_written_by_a_device_through_a_view_is_what_runs() -> None:
    """A device that changes code through its view while it answers changes what is executed after the access."""
    device = Answering()
    # 1: blx r3; ldr r2, [r4]; blx r3; b 1b
    core = start(halfwords(*constant(3, RAM | 1), *constant(4, DEVICE), 0x4798, 0x6822, 0x4798, SPIN), device=device)
    core.write_memory(RAM, halfwords(0x3001, BX_LR))
    view = core.memory_view(RAM, 4, writable=True)

    def answer() -> int:
        view[:2] = halfwords(0x3010)
        return 0

    device.answer = answer
    core.run(100)
    assert core.registers().r[0] == 0x11


def test_a_snapshot_is_not_what_a_view_says_later() -> None:
    """A page with a writable view is copied into every snapshot, and going back shows in the view."""
    core = start(COUNTING)
    view = core.memory_view(RAM, 4, writable=True)
    kept = []
    for value in (b"one.", b"two.", b"six."):
        view[:] = value
        kept.append(core.snapshot())
    view[:] = b"last"
    for value, snapshot in zip((b"one.", b"two.", b"six."), kept, strict=True):
        core.restore(snapshot)
        assert bytes(view) == core.read_memory(RAM, 4) == value
        view[:] = b"else"
    core.restore(kept[0])
    assert core.read_memory(RAM, 4) == b"one."


def test_a_view_outlives_whoever_made_it() -> None:
    """The memory is there for as long as a view, or a part of one, is."""
    core = start(COUNTING)
    core.write_memory(RAM, b"still there")
    part = core.memory_view(RAM, 100)[:11]
    del core
    gc.collect()
    assert bytes(part) == b"still there"


def test_a_core_a_device_and_a_view_that_hold_each_other_are_collected() -> None:
    """A device that keeps a view of its core keeps neither alive."""

    class Holding(Answering):
        view: memoryview

    device = Holding()
    core = start(COUNTING, device=device)
    device.view = core.memory_view(RAM, 8, writable=True)
    gone = weakref.ref(device)
    del core, device
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize(
    ("address", "size"),
    [(RAM + PAGE - 4, 8), (RAM - 4, 8), (DEVICE, 4), (0x6000_0000, 1), (RAM, 1 << 31), (0xFFFF_FFFF, 1)],
)
def test_a_view_lies_in_one_memory(address: int, size: int) -> None:
    """Where not all of it is memory of one range there is no view."""
    core = start(COUNTING)
    with pytest.raises(LookupError):
        core.memory_view(address, size)


@pytest.mark.parametrize("size", [-1, 1 << 32])
def test_a_view_has_a_size_that_memory_can_have(size: int) -> None:
    """A negative size, or one beyond the address space, is refused."""
    with pytest.raises((OverflowError, LookupError, ValueError)):
        start(COUNTING).memory_view(RAM, size)


def test_memory_may_be_written_with_a_view_of_itself() -> None:
    """What is written is what the source was when the write began."""
    core = start(COUNTING)
    core.write_memory(RAM, b"0123456789")
    core.write_memory(RAM + 2, core.memory_view(RAM, 8))
    assert core.read_memory(RAM, 10) == b"0101234567"


def test_many_views_of_a_page_are_released_in_any_order() -> None:
    """A page is as if never seen once nobody sees it, whoever let go first."""
    core = start(COUNTING)
    views = [core.memory_view(RAM + 4 * index, 4, writable=index % 2 == 0) for index in range(6)]
    for index in (3, 0, 5, 2, 1, 4):
        views[index].release()
        core.restore(core.snapshot())
        core.run(core.cycle + 20)
    straight = start(COUNTING)
    straight.run(core.cycle)
    assert straight.save() == core.save()
