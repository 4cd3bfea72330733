"""Memory images: what several cores have together, and what each has of its own."""

import gc
import struct
import threading
import weakref

import pytest

from mvsdk.emulator.core import StopReason
from mvsdk.emulator.core.errors import MemoryMapError
from mvsdk.emulator.core.memory_image import MemoryImage
from mvsdk.emulator.core.native_core import NativeCore
from tests.emulator.core.small_guest import BX_LR, CODE, FLASH, NOP, PAGE, RAM, SPIN, constant, halfwords

SIZE = 4 * PAGE
# r0 counts in RAM and in a register: 1: ldr r1, [r3]; adds r1, #1; str r1, [r3]; adds r0, #1; b 1b
COUNTING = halfwords(*constant(3, RAM), 0x6819, 0x3101, 0x6019, 0x3001, 0xE7FA)


def image_of(code: bytes = COUNTING, *, base: int = FLASH, size: int = SIZE) -> MemoryImage:
    """Return an image with a vector table whose reset vector leads to `code`."""
    vectors = struct.pack("<2I", RAM + PAGE, (base + 0x200) | 1).ljust(0x200, b"\0")
    return MemoryImage(vectors + code, size)


def started(image: MemoryImage, *, base: int = FLASH) -> NativeCore:
    """Return a core at the reset vector of an image."""
    core = NativeCore()
    core.map_memory(base, image.size, writable=False, contents=image)
    core.map_memory(RAM, PAGE, writable=True)
    core.reset(base)
    return core


def test_images_of_the_same_contents_are_one() -> None:
    """Whoever asks for the same contents gets the same image, for as long as anybody has it."""
    image = MemoryImage(b"abc", PAGE)
    assert MemoryImage(bytes(bytearray(b"abc")), PAGE) is image
    assert MemoryImage(b"abc", PAGE, fill=0) is not image
    assert MemoryImage(b"abc", 2 * PAGE) is not image
    gone = weakref.ref(image)
    del image
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize(
    ("data", "size", "fill"),
    [(b"", 0, 0), (b"", 100, 0), (b"", -PAGE, 0), (bytes(PAGE + 1), PAGE, 0), (b"", PAGE, 256)],
)
def test_an_image_is_whole_pages_that_hold_its_data(data: bytes, size: int, fill: int) -> None:
    """Sizes that are no pages, data that does not fit and a fill that is no byte are refused."""
    with pytest.raises(ValueError, match=r".+"):
        MemoryImage(data, size, fill)


def test_memory_holds_its_image_and_the_fill_behind() -> None:
    """What is mapped with contents reads as data followed by the fill, and is as long as the image."""
    core = NativeCore()
    core.map_memory(FLASH, SIZE, writable=False, contents=MemoryImage(b"abc", SIZE, fill=0x5A))
    assert core.read_memory(FLASH, SIZE) == b"abc".ljust(SIZE, b"\x5a")
    with pytest.raises(MemoryMapError, match="contents"):
        core.map_memory(RAM, PAGE, writable=True, contents=MemoryImage(b"abc", SIZE))


def test_a_guest_cannot_change_its_image() -> None:
    """A store into read-only contents is the bus error that it is anywhere."""
    core = started(image_of(halfwords(*constant(0, FLASH), 0x6001, SPIN)))
    assert core.run(100).reason is StopReason.FAULT
    assert core.fault_status()[3] == FLASH


def test_a_writable_image_is_each_cores_own_once_written() -> None:
    """Memory that begins as an image may be RAM; what one core stores no other one loads."""
    image = MemoryImage(bytes(range(256)), PAGE)
    cores = [started(image_of()) for _ in range(2)]
    for core in cores:
        core.map_memory(0x3000_0000, PAGE, writable=True, contents=image)
    cores[0].write_register("r3", 0x3000_0000)
    cores[0].write_register("r15", CODE + 8)
    cores[0].run(50)
    assert cores[0].read_memory(0x3000_0000, 4) != bytes(range(4))
    assert cores[1].read_memory(0x3000_0000, 256) == bytes(range(256))


def test_what_a_debugger_writes_into_flash_is_that_cores_alone() -> None:
    """Code changed in one core is executed there as changed, and elsewhere as the image has it."""
    one, other = started(image_of()), started(image_of())
    one.run(100)
    other.run(100)
    assert one.registers() == other.registers()
    one.write_memory(CODE + 14, halfwords(0x3005))  # adds r0, #5
    one.run(200)
    other.run(200)
    before = other.registers().r[0]
    assert one.registers().r[0] > before
    third = started(image_of())
    third.run(200)
    assert third.registers().r[0] == before


def test_code_of_an_image_is_decoded_once() -> None:
    """What one core has decoded of an image no other core with it decodes again."""
    one, other = started(image_of()), started(image_of())
    one.run(1000)
    other.run(1000)
    assert one.counters.blocks_decoded > 0
    assert other.counters.blocks_decoded == 0
    assert one.save() == other.save()


def test_a_breakpoint_is_that_cores_alone() -> None:
    """A breakpoint on shared code stops the core it was set in, whoever decoded the code, and no other one."""
    one, other, third = started(image_of()), started(image_of()), started(image_of())
    one.set_breakpoints([CODE + 12])
    assert one.run(1000).reason is StopReason.BREAKPOINT
    assert other.run(1000).reason is StopReason.DEADLINE
    other.set_breakpoints([CODE + 10])
    assert other.run(2000).reason is StopReason.BREAKPOINT
    assert other.registers().pc == CODE + 10
    assert third.run(1000).reason is StopReason.DEADLINE
    one.set_breakpoints([])
    one.run(1000)
    assert one.save() == third.save()


def test_an_image_at_another_base_is_other_code() -> None:
    """The same image at two addresses is executed right at both: what depends on the address is not shared."""
    code = halfwords(0x4800, SPIN, 0x1234, 0x5678)  # ldr r0, [pc]
    address = halfwords(0xA000, SPIN)  # adr r0, here + 4
    for body, expected in ((code, lambda _: 0x5678_1234), (address, lambda base: base + 0x204)):
        image = MemoryImage(bytes(0x200) + body, SIZE)
        for base in (FLASH, FLASH + PAGE, 0x1000_0000):
            core = NativeCore()
            core.map_memory(base, SIZE, writable=False, contents=image)
            core.write_register("r15", base + 0x200)
            core.run(10)
            assert core.registers().r[0] == expected(base)


def test_code_that_leaves_an_image_is_not_the_images() -> None:
    """A block that goes on behind the end of the image is executed as each core has it there."""
    image = MemoryImage(halfwords(NOP) * (PAGE // 2), PAGE)
    for expected in (1, 2):
        core = NativeCore()
        core.map_memory(FLASH, PAGE, writable=False, contents=image)
        core.map_memory(FLASH + PAGE, PAGE, writable=False)
        core.write_memory(FLASH + PAGE, halfwords(0x2000 | expected, SPIN))
        core.write_register("r15", FLASH + PAGE - 8)
        core.run(10)
        assert core.registers().r[0] == expected


def test_what_a_core_was_laid_out_with_lives_as_long_as_the_core() -> None:
    """An image is there for the next core while any core has it, and gone with the last one."""
    core = started(image_of())
    twin = core.fork(lambda device: device)
    known = weakref.ref(image_of())
    assert known() is image_of()
    del core
    gc.collect()
    assert known() is image_of()
    twin.run(100)
    del twin
    gc.collect()
    assert known() is None


def test_cores_with_one_image_run_at_once_and_end_alike() -> None:
    """Any number of threads may run cores of one image, with breakpoints and without, decoding it at the same time."""
    functions = halfwords(*(0x3001, BX_LR) * 200)
    calls = b"".join(
        struct.pack("<2H", 0xF000 | (offset >> 12 & 0x3FF), 0xF800 | (offset >> 1 & 0x7FF))
        for offset in (0x400 - (0x200 + 4 * index) - 4 + 4 * index for index in range(100))
    )
    body = (calls + halfwords(0xE000 | (-(len(calls) + 4) // 2 & 0x7FF))).ljust(0x200, b"\0") + functions
    alone = started(image_of(body))
    alone.run(20_000)
    expected = alone.save()
    del alone
    gc.collect()
    for _ in range(5):
        cores = [started(image_of(body)) for _ in range(6)]
        cores[0].set_breakpoints([FLASH + 0x440])
        results: dict[int, bytes] = {}

        def go_through(index: int, core: NativeCore, results: dict[int, bytes]) -> None:
            while core.cycle < 20_000:
                core.run(20_000)
            results[index] = core.save()

        threads = [threading.Thread(target=go_through, args=(index, core, results)) for index, core in enumerate(cores)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert set(results.values()) == {expected}
        del cores, threads
        gc.collect()
