"""Laws of guarded memory: writes reach its guard alone, reading is the memory's until the guard asks for it."""

from __future__ import annotations

import gc
import weakref

import pytest

from mvsdk.emulator.core import BusFault, StopReason
from mvsdk.emulator.core.native_core import NativeCore
from tests.emulator.core.small_guest import (
    CODE,
    DEVICE,
    FLASH,
    PAGE,
    RAM,
    STACK_TOP,
    Answering,
    constant,
    halfwords,
)

# r3 = FLASH + PAGE; 1: ldr r0, [r3]; str r1, [r3, #4]; adds r1, #1; b 1b
WRITING = halfwords(*constant(3, FLASH + PAGE), 0x6818, 0x6059, 0x3101, 0xE7FB)
# r3 = FLASH + PAGE + 3; 1: str r1, [r3]; b 1b
ACROSS = halfwords(*constant(3, FLASH + PAGE + 3), 0x6019, 0xE7FD)


def guarded(code: bytes, guard: Answering, *, writable: bool = False) -> NativeCore:
    """Return a core whose two pages of flash have a guard, at the first instruction of `code`."""
    core = NativeCore()
    core.map_memory(FLASH, 2 * PAGE, writable=writable)
    core.map_memory(RAM, PAGE, writable=True)
    core.write_memory(FLASH, STACK_TOP.to_bytes(4, "little") + (CODE | 1).to_bytes(4, "little"))
    core.write_memory(CODE, code)
    core.write_memory(FLASH + PAGE, b"held")
    core.guard_memory(FLASH, guard)
    core.reset(FLASH)
    return core


@pytest.mark.parametrize("writable", [False, True])
def test_writes_reach_the_guard_and_not_the_memory(writable: bool) -> None:
    """Every store is the guard's, with its offset in the memory; what is read is the memory's."""
    guard = Answering()
    core = guarded(WRITING, guard, writable=writable)
    before = core.read_memory(FLASH, 2 * PAGE)
    core.run(24)
    assert guard.writes[:3] == [(PAGE + 4, 0), (PAGE + 4, 1), (PAGE + 4, 2)]
    assert guard.reads == 0
    assert core.read_memory(FLASH, 2 * PAGE) == before
    assert core.registers().r[0] == int.from_bytes(b"held", "little")


def test_a_store_across_words_comes_in_bytes() -> None:
    """An unaligned store is made of bytes, as on the bus."""
    guard = Answering()
    guarded(ACROSS, guard).run(6)
    assert [offset for offset, _ in guard.writes[:4]] == [PAGE + 3, PAGE + 4, PAGE + 5, PAGE + 6]


def test_a_debuggers_write_is_the_guards_too() -> None:
    """What comes through the access port is a write like others; the host's own `write_memory` changes the memory."""
    guard = Answering()
    core = guarded(WRITING, guard)
    core.debug_write(FLASH + PAGE, 2, 0x1234)
    assert guard.writes == [(PAGE, 0x1234)]
    core.write_memory(FLASH + PAGE, b"host")
    assert core.read_memory(FLASH + PAGE, 4) == b"host"
    assert len(guard.writes) == 1


def test_reads_are_the_guards_where_it_asks_for_them() -> None:
    """Of a page that is asked for every data read is the guard's until it is no more; its neighbours' and fetches are
    not."""
    guard = Answering(lambda: 0x5A)
    core = guarded(WRITING, guard)
    core.run(12)
    core.guard_reads(FLASH + PAGE + 8, True)
    core.run(24)
    assert core.registers().r[0] == 0x5A
    assert core.debug_read(FLASH + PAGE, 1) == 0x5A
    assert core.debug_read(CODE, 2) == int.from_bytes(WRITING[:2], "little")
    asked = guard.reads
    core.guard_reads(FLASH + PAGE, False)
    core.run(36)
    assert (core.registers().r[0], guard.reads) == (int.from_bytes(b"held", "little"), asked)
    core.guard_reads(CODE, True)
    core.run(48)
    assert guard.reads == asked


def test_a_guard_may_refuse_and_may_change_the_memory() -> None:
    """A bus fault of the guard is the guest's; what it writes from inside its answer is what the guest reads next."""
    guard = Answering()
    core = guarded(WRITING, guard)
    guard.answer = lambda: core.write_memory(FLASH + PAGE, len(guard.writes).to_bytes(4, "little")) or 0  # type: ignore[func-returns-value]
    core.run(14)
    assert core.registers().r[0] in (1, 2)

    def refuse() -> int:
        raise BusFault

    guard.answer = refuse
    stop = core.run(100)
    assert stop.reason is StopReason.FAULT
    assert stop.fault is not None
    assert stop.fault.bfar == FLASH + PAGE + 4


def test_a_fork_has_a_guard_of_its_own() -> None:
    """A fork's writes go to the guard that it is given, and the pages that are asked for are the same."""
    first, second = Answering(), Answering(lambda: 7)
    core = guarded(WRITING, first)
    core.map_device(DEVICE, PAGE, Answering())
    core.guard_reads(FLASH + PAGE, True)
    rebound: list[object] = []

    def rebind(device: object) -> Answering:
        rebound.append(device)
        return second

    fork = core.fork(rebind)
    fork.run(14)
    assert rebound[0] is first
    assert len(rebound) == 2
    assert (first.writes, fork.registers().r[0]) == ([], 7)
    assert second.writes
    assert fork.state_hash() != core.state_hash()
    fork.restore(core.snapshot())
    assert fork.state_hash() == core.state_hash()


def test_only_memory_has_a_guard_and_only_one() -> None:
    """A place where no memory begins, a device, or memory that has a guard is refused."""
    core = guarded(WRITING, Answering())
    core.map_device(DEVICE, PAGE, Answering())
    for base in (FLASH, FLASH + PAGE, DEVICE, 0x1000_0000):
        with pytest.raises(ValueError, match="without a guard"):
            core.guard_memory(base, Answering())
    for address in (RAM, DEVICE, 0x1000_0000):
        with pytest.raises(ValueError, match="with a guard"):
            core.guard_reads(address, True)


def test_a_core_and_a_guard_that_hold_each_other_are_collected() -> None:
    """A guard does not keep its core alive for ever."""

    def seen_core() -> weakref.ref[NativeCore]:
        guard = Answering()
        core = guarded(WRITING, guard)
        guard.answer = lambda: core.cycle
        return weakref.ref(core)

    seen = seen_core()
    gc.collect()
    assert seen() is None
