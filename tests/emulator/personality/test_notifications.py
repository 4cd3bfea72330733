"""Laws of notification centres."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvsdk.emulator.core import StopReason
from mvsdk.testing import Call, Compute, ScriptedCore
from tests.emulator.personality.kernel import ABI, BOARD, FLASH, RAM, Guest, Kernel, call, one_call, words

TIM8_BRK = 51
PARAMS, HANDLE, RING = RAM, RAM + 0x40, RAM + 0x100
READABLE = ABI.enums["MvEventType"].members["MV_EVENTTYPE_CHANNELDATAREADABLE"]


def setup(core: ScriptedCore, irq: int = TIM8_BRK, ring: int = RING, size: int = 64, handle: int = HANDLE) -> Call:
    """Lay out the parameters and name the call."""
    core.write_memory(PARAMS, words(irq, ring, size))
    return call("mvSetupNotifications", PARAMS, handle)


def word(core: ScriptedCore, address: int) -> int:
    """Read a word of guest memory."""
    return int.from_bytes(core.read_memory(address, 4), "little")


def refusal(irq: int = TIM8_BRK, ring: int = RING, size: int = 64) -> str:
    """Return the status of setting one centre up on a fresh device."""
    return one_call("mvSetupNotifications", PARAMS, HANDLE, memory={PARAMS: words(irq, ring, size)})


@pytest.mark.parametrize(
    ("irq", "ring", "size", "status"),
    [
        (TIM8_BRK, RING, 32, "OKAY"),
        (TIM8_BRK, RING + 4, 32, "OKAY"),
        (TIM8_BRK, FLASH, 32, "PARAMETERFAULT"),
        (TIM8_BRK, RAM + 0x8_0000 - 16, 32, "PARAMETERFAULT"),
        (TIM8_BRK, 0xFFFF_FFF0, 32, "PARAMETERFAULT"),
        (TIM8_BRK, RING, 16, "INVALIDBUFFERSIZE"),
        (TIM8_BRK, RING, 40, "INVALIDBUFFERSIZE"),
        (TIM8_BRK, RING, 0, "INVALIDBUFFERSIZE"),
        (125, RING, 32, "INVALIDINTERRUPT"),
        (0xFFFF_FFFF, RING, 32, "INVALIDINTERRUPT"),
        *[(irq, RING, 32, "INVALIDINTERRUPT") for irq in sorted(BOARD.kernel_interrupts)],
    ],
)
def test_every_documented_reason_to_refuse_a_centre(irq: int, ring: int, size: int, status: str) -> None:
    """A ring must be the application's own RAM, hold whole records and at least two, on an interrupt it may use."""
    assert refusal(irq, ring, size) == status


def test_rings_may_not_overlap_and_an_interrupt_serves_one_centre() -> None:
    """A second centre is refused on the same memory, then on the same interrupt."""
    statuses: list[int] = []

    def guest(core: ScriptedCore) -> Guest:
        statuses.append((yield setup(core)))
        statuses.append((yield setup(core, irq=TIM8_BRK + 1, ring=RING + 48)))
        statuses.append((yield setup(core, ring=RING + 64)))

    Kernel(guest)
    names = [(ABI.status.name_of(status) or "").removeprefix("MV_STATUS_") for status in statuses]
    assert names == ["OKAY", "BUFFERALREADYINUSE", "INVALIDINTERRUPT"]


def test_there_are_thirty_two_centres() -> None:
    """The thirty-third centre is refused, and one more fits after another was closed."""
    statuses: list[int] = []

    def guest(core: ScriptedCore) -> Guest:
        usable = [irq for irq in BOARD.interrupts if irq not in BOARD.kernel_interrupts]
        for number, irq in enumerate(usable[:33]):
            statuses.append((yield setup(core, irq, RING + 32 * number, 32, HANDLE + 4 * (number % 2))))
        statuses.append((yield call("mvCloseNotifications", HANDLE)))
        statuses.append((yield setup(core, usable[40], RING + 32 * 40, 32)))

    Kernel(guest)
    assert statuses[:32] == [0] * 32
    assert ABI.status.name_of(statuses[32]) == "MV_STATUS_TOOMANYNOTIFICATIONBUFFERS"
    assert statuses[33:] == [0, 0]


@given(count=st.integers(2, 5), posts=st.integers(0, 12))
def test_records_go_round_the_ring_from_index_0(count: int, posts: int) -> None:
    """Record n lands at index n modulo the ring's length, whole, and pends the interrupt once."""
    rings: list[bytes] = []

    def guest(core: ScriptedCore) -> Guest:
        yield setup(core, size=16 * count)
        for number in range(posts):
            core.pending.clear()
            yield call("mvTempTriggerNotification", word(core, HANDLE), READABLE, number)
        rings.append(core.read_memory(RING, 16 * count))

    core = Kernel(guest).core
    assert core.pended == [TIM8_BRK] * posts
    expected = {number % count: number for number in range(posts)}
    for index, number in expected.items():
        microseconds, event_type, tag = struct.unpack_from("<QII", rings[0], 16 * index)
        assert (event_type, tag) == (READABLE, number)
        assert microseconds > 0


def test_a_record_waits_until_the_last_interrupt_was_taken() -> None:
    """With the interrupt enabled and still pending, the next record is held back: one interrupt a record."""
    seen: list[tuple[int, int]] = []

    def guest(core: ScriptedCore) -> Guest:
        yield setup(core)
        core.enabled.add(TIM8_BRK)
        handle = word(core, HANDLE)
        yield call("mvTempTriggerNotification", handle, READABLE, 1)
        yield call("mvTempTriggerNotification", handle, READABLE, 2)
        yield Compute(160_000)
        seen.append((word(core, RING + 12), word(core, RING + 28)))
        core.pending.clear()
        yield Compute(160_000)
        seen.append((word(core, RING + 12), word(core, RING + 28)))

    assert Kernel(guest).core.pended == [TIM8_BRK, TIM8_BRK]
    assert seen == [(1, 0), (1, 2)]


def test_records_do_not_wait_for_ever() -> None:
    """An application that leaves its interrupt pending, and so polls the ring, gets the second record all the same."""
    seen: list[int] = []

    def guest(core: ScriptedCore) -> Guest:
        yield setup(core)
        core.enabled.add(TIM8_BRK)
        for tag in (1, 2):
            yield call("mvTempTriggerNotification", word(core, HANDLE), READABLE, tag)
        yield Compute(5_000_000 * 160)
        seen.append(word(core, RING + 28))

    Kernel(guest, until_us=6_000_000)
    assert seen == [2]


def test_closing_zeroes_the_handle_and_ends_the_records() -> None:
    """After mvCloseNotifications the handle variable is zero, the old value is invalid, and nothing is written."""
    statuses: list[int] = []

    def guest(core: ScriptedCore) -> Guest:
        yield setup(core)
        old = word(core, HANDLE)
        statuses.append((yield call("mvCloseNotifications", HANDLE)))
        statuses.append(word(core, HANDLE))
        statuses.append((yield call("mvTempTriggerNotification", old, READABLE, 1)))

    assert Kernel(guest).core.pended == []
    assert statuses[:2] == [0, 0]
    assert ABI.status.name_of(statuses[2]) == "MV_STATUS_INVALIDHANDLE"


@pytest.mark.parametrize("name", ["mvTempTriggerNotification", "mvCloseNotifications"])
def test_a_handle_of_nothing_is_invalid(name: str) -> None:
    """Zero and a made-up number name no centre."""
    for handle in (0, 0x1234_5678):
        argument = HANDLE if name == "mvCloseNotifications" else handle
        assert one_call(name, argument, 2, 3, memory={HANDLE: words(handle)}) == "INVALIDHANDLE"


def test_a_refused_setup_leaves_the_handle_alone() -> None:
    """The handle variable keeps its value when no centre was made."""
    left: list[int] = []

    def guest(core: ScriptedCore) -> Guest:
        core.write_memory(HANDLE, words(0xDEAD_BEEF))
        yield setup(core, irq=3)
        left.append(word(core, HANDLE))

    Kernel(guest)
    assert left == [0xDEAD_BEEF]


def test_handles_differ_from_seed_to_seed_and_repeat_with_one() -> None:
    """Handles are random, but the same seed gives the same ones."""

    def handle(seed: int) -> int:
        found: list[int] = []

        def guest(core: ScriptedCore) -> Guest:
            yield setup(core)
            found.append(word(core, HANDLE))

        Kernel(guest, seed=seed)
        return found[0]

    assert handle(1) == handle(1) != handle(2)


def test_the_stop_reasons_are_the_seams() -> None:
    """A script that ends is a guest that sleeps for ever."""

    def guest(_core: ScriptedCore) -> Guest:
        yield Compute(1)

    core = ScriptedCore(guest)
    core.reset(0)
    assert core.run(10).reason is StopReason.IDLE
