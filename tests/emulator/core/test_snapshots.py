"""States to go back to: snapshots within a process, forks, saved states, hashes."""

import struct
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvsdk.emulator.core import MmioDevice, StopReason
from mvsdk.emulator.core.errors import StateMismatchError
from mvsdk.emulator.core.memory_image import MemoryImage
from mvsdk.emulator.core.native_core import NativeCore
from tests.emulator.core.small_guest import (
    BKPT,
    CODE,
    DEVICE,
    FLASH,
    GATEWAY,
    NOP,
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


def with_pages(pages: int = 8) -> NativeCore:
    """Return a core with some pages of RAM and an image in flash, that counts."""
    core = NativeCore()
    vectors = struct.pack("<2I", RAM + PAGE, CODE | 1).ljust(0x200, b"\0")
    core.map_memory(FLASH, 2 * PAGE, writable=False, contents=MemoryImage(vectors + COUNTING, 2 * PAGE))
    core.map_memory(RAM, pages * PAGE, writable=True)
    core.reset(FLASH)
    return core


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(0, 8 * PAGE - 8), st.binary(min_size=1, max_size=8)),
        st.tuples(st.just("flash"), st.integers(0, 2 * PAGE - 8), st.binary(min_size=1, max_size=8)),
        st.tuples(st.just("run"), st.integers(1, 200), st.just(b"")),
        st.tuples(st.just("keep"), st.just(0), st.just(b"")),
        st.tuples(st.just("return"), st.integers(0, 5), st.just(b"")),
        st.tuples(st.just("fork"), st.just(0), st.just(b"")),
        st.tuples(st.just("load"), st.integers(0, 5), st.just(b"")),
    ),
    max_size=30,
)


@settings(max_examples=150, deadline=None)
@given(actions=ACTIONS)
def test_any_order_of_keeping_and_returning_is_what_saved_bytes_say(actions: list[tuple[str, int, bytes]]) -> None:
    """However writes, runs, snapshots, returns, forks and loads follow each other, every state is the one it was."""
    core = with_pages()
    kept = [(core.snapshot(), core.save(), core.state_hash())]
    for action, number, data in actions:
        if action == "write":
            core.write_memory(RAM + number, data)
        elif action == "flash":
            core.write_memory(FLASH + number, data)
        elif action == "run":
            core.run(core.cycle + number)
        elif action == "keep":
            kept.append((core.snapshot(), core.save(), core.state_hash()))
        elif action == "fork":
            before = core.save()
            other, core = core, core.fork(lambda device: device)
            other.run(other.cycle + 50)
            other.write_memory(RAM, b"something else")
            assert core.save() == before
        else:
            snapshot, saved, digest = kept[number % len(kept)]
            if action == "load":
                core.load(saved)
            else:
                core.restore(snapshot)
            assert core.save() == saved
            assert core.state_hash() == digest
    for snapshot, saved, digest in kept:
        core.restore(snapshot)
        assert (core.save(), core.state_hash()) == (saved, digest)


def test_a_snapshot_fits_another_core_with_the_same_map() -> None:
    """A snapshot of one core can be gone back to by another, whose image then is the first one's."""
    core = with_pages()
    core.run(500)
    kept = core.snapshot()
    twin = NativeCore()
    twin.map_memory(FLASH, 2 * PAGE, writable=False)
    twin.map_memory(RAM, 8 * PAGE, writable=True)
    twin.restore(kept)
    expected = core.save()
    core.run(1000)
    assert twin.save() == expected
    twin.run(1000)
    assert twin.save() == core.save()


@pytest.mark.parametrize(
    "other",
    [lambda: with_pages(7), lambda: NativeCore(interrupts=3), lambda: start(COUNTING)],
    ids=["other size", "other interrupts", "other map"],
)
def test_a_state_of_another_kind_of_core_is_refused(other: Callable[[], NativeCore]) -> None:
    """Snapshots and saved states of other memory maps raise, and change nothing."""
    core, stranger = with_pages(), other()
    before = core.save()
    with pytest.raises(StateMismatchError, match="memory map"):
        core.restore(stranger.snapshot())
    with pytest.raises(StateMismatchError, match="memory map"):
        core.load(stranger.save())
    assert core.save() == before


def test_what_is_no_snapshot_is_a_type_error() -> None:
    """Bytes are loaded, not restored."""
    core = with_pages()
    with pytest.raises(TypeError):
        core.restore(core.save())


def test_returning_decodes_nothing_anew_where_no_code_changed() -> None:
    """Only code in pages that differ is forgotten when a core goes back."""
    core = start(halfwords(*constant(3, RAM), 0x6819, 0x3101, 0x6019, 0x3001, 0xE7FA))
    core.run(100)
    kept = core.snapshot()
    core.run(200)
    decoded = core.counters.blocks_decoded
    for _ in range(5):
        core.restore(kept)
        core.run(200)
    assert core.counters.blocks_decoded == decoded


def test_returning_brings_back_the_code_that_was_there() -> None:
    """Code in a page that differs is executed as it was at the snapshot, wherever else code lies."""
    core = start(halfwords(*constant(3, RAM | 1), 0x4798, 0xE7FD))  # 1: blx r3; b 1b
    core.write_memory(RAM, halfwords(0x2001, 0x4770))
    core.run(50)
    kept = core.snapshot()
    core.write_memory(RAM, halfwords(0x2002, 0x4770))
    core.run(100)
    assert core.registers().r[0] == 2
    core.restore(kept)
    core.run(100)
    assert core.registers().r[0] == 1


def test_a_fork_asks_for_a_device_for_each_range_in_order() -> None:
    """Each device range of the fork is answered by what the caller says, asked in the order of mapping."""
    first, second = Answering(lambda: 1), Answering(lambda: 2)
    core = start(halfwords(*constant(3, DEVICE), 0x6818, 0xF8D3, 0x1000, SPIN), device=first)  # two loads
    core.map_device(DEVICE + PAGE, PAGE, second)
    asked: list[MmioDevice] = []

    def rebind(device: MmioDevice) -> MmioDevice:
        asked.append(device)
        return Answering(lambda: 40 + len(asked))

    twin = core.fork(rebind)
    assert asked == [first, second]
    twin.run(100)
    assert first.reads == 0
    assert twin.registers().r[0] == 42
    core.run(100)
    assert first.reads == 2


def test_a_fork_has_gateways_and_breakpoints_and_its_own_counters() -> None:
    """What stops the core stops its fork; what was counted of the one is not counted of the other."""
    core = start(halfwords(NOP, *constant(0, GATEWAY | 1), 0x4780, SPIN))
    core.set_breakpoints([CODE + 2])
    core.take_hardfault = True
    twin = core.fork(lambda device: device)
    assert twin.take_hardfault
    assert twin.run(100).reason is StopReason.BREAKPOINT
    assert twin.run(100).reason is StopReason.GATEWAY
    assert (twin.counters.gateway_stops, core.counters.gateway_stops) == (1, 0)
    assert type(twin) is type(core)


def test_a_fork_whose_device_cannot_be_had_raises_what_the_caller_raises() -> None:
    """An error of the caller's comes out, a device without verbs is refused, and the core goes on."""
    core = start(COUNTING)

    def fail(device: MmioDevice) -> MmioDevice:
        raise ZeroDivisionError(repr(device))

    with pytest.raises(ZeroDivisionError):
        core.fork(fail)
    with pytest.raises(AttributeError):
        core.fork(lambda _: object())  # type: ignore[arg-type,return-value]
    assert core.run(100).reason is StopReason.DEADLINE


def test_a_fork_whose_map_changes_meanwhile_is_refused() -> None:
    """A caller that maps another device while it is asked for the fork's gets no fork of either map."""
    core = start(COUNTING)

    def map_more(device: MmioDevice) -> MmioDevice:
        core.map_device(DEVICE + PAGE, PAGE, Answering())
        return device

    with pytest.raises(RuntimeError, match="changed"):
        core.fork(map_more)


def test_a_hash_depends_on_the_state_alone() -> None:
    """Cuts, breakpoints, snapshots, what is shared, decoded or observed leave the hash; a bit of state does not."""
    one, other = with_pages(), with_pages()
    one.run(1000)
    other.set_breakpoints([CODE + 10])
    other.record_coverage(True)
    other.trace_instructions(10)
    for until in range(100, 1001, 100):
        while other.cycle < until:
            other.run(until)
        other.restore(other.snapshot())
    assert one.state_hash() == other.state_hash()
    loaded = with_pages()
    loaded.load(one.save())
    assert loaded.state_hash() == one.state_hash()
    known = {one.state_hash()}
    changes: tuple[Callable[[], None], ...] = (
        lambda: one.write_register("r7", 1),
        lambda: one.write_register("primask", 1),
        lambda: one.write_register("xpsr", 0xF100_0000),
        lambda: one.write_floating_point(31, 1),
        lambda: one.pend(479),
        lambda: one.write_memory(RAM + 7 * PAGE, b"\x01"),
        lambda: one.write_memory(FLASH + PAGE, b"\x01"),
        lambda: one.skip_to(one.cycle + 1),
    )
    for change in changes:
        change()
        assert one.state_hash() not in known
        known.add(one.state_hash())


def test_a_hash_tells_a_bkpt_that_is_passed_from_one_that_is_not() -> None:
    """Before a BKPT and at it the next run differs, and so does the hash."""
    core = start(halfwords(NOP, BKPT, SPIN))
    core.run(1)
    before = core.state_hash()
    assert core.run(10).reason is StopReason.BREAKPOINT
    assert core.state_hash() != before
    loaded = start(halfwords(NOP, BKPT, SPIN))
    loaded.load(core.save())
    assert loaded.run(10).reason is StopReason.DEADLINE


def test_saved_states_are_in_the_documented_format() -> None:
    """Header, flags, registers and pages lie where docs/core.md says, little endian."""
    core = NativeCore(interrupts=7)
    core.map_memory(RAM, 4 * PAGE, writable=True)
    core.write_memory(RAM + PAGE, b"\x77" * PAGE)
    core.write_memory(RAM + 3 * PAGE, b"\x01")
    core.write_register("r15", RAM + 2)
    core.write_register("r1", 0x1234_5678)
    core.write_register("xpsr", 0xA100_0000)
    saved = core.save()
    assert saved[:8] == b"MVM33SAV"
    assert struct.unpack_from("<4I", saved, 8) == (1, 7, 1, 0)
    assert struct.unpack_from("<3I", saved, 24) == (0xA000_0000, 0, 0x1234_5678)
    registers = 24 + 4 + 15 * 4
    assert struct.unpack_from("<3I", saved, registers) == (0, 1, RAM + 2)
    pages = struct.pack("<4I", RAM, 4 * PAGE, PAGE, 0x77) + struct.pack("<2I", 3 * PAGE, 0x100)
    assert saved.endswith(pages + b"\x01".ljust(PAGE, b"\0") + b"\xff" * 4)
    assert len(saved) == 24 + 1324 + len(pages) + PAGE + 4


def test_an_image_survives_being_loaded() -> None:
    """A saved state loaded into a core of the same image decodes none of the image's code anew."""
    core, other = with_pages(), with_pages()
    core.run(500)
    other.run(100)
    other.load(core.save())
    core.run(1000)
    other.run(1000)
    assert other.save() == core.save()
    assert other.counters.blocks_decoded == 0
