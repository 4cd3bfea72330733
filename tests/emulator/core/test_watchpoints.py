"""Watchpoints of the seam: precise, after the access, wherever a run is cut."""

from __future__ import annotations

import pytest

from mvsdk.emulator.core import Access, StopReason, WatchHit, Watchpoint
from tests.emulator.core.conftest import MakeCore
from tests.emulator.guest import DEVICE, RAM, Machine, assemble

BOTH = Access.READ | Access.WRITE
WHERE = RAM + 0x100
POINTER = f"ldr r4, ={WHERE:#x}\n ldr r1, =0x11223344\n"


def start(make_core: MakeCore, body: str, vectors: dict[int, str] | None = None) -> Machine:
    """Return a machine whose program has the watched address in r4 and 0x11223344 in r1."""
    return Machine(make_core(), assemble(POINTER + body), vectors)


def hit_of(machine: Machine, until: int = 10_000) -> WatchHit:
    """Run to a watchpoint, and return its access."""
    stop = machine.run(until)
    assert stop.reason is StopReason.WATCHPOINT
    assert stop.watch is not None
    return stop.watch


ACCESSES = {
    "str r1, [r4]": (WHERE, 4, Access.WRITE, 0x1122_3344),
    "strb r1, [r4, #3]": (WHERE + 3, 1, Access.WRITE, 0x44),
    "strh r1, [r4, #2]": (WHERE + 2, 2, Access.WRITE, 0x3344),
    "str r1, [r4, #1]": (WHERE + 1, 4, Access.WRITE, 0x1122_3344),
    "str r1, [r4, #-2]": (WHERE - 2, 4, Access.WRITE, 0x1122_3344),
    "strd r1, r1, [r4, #-4]": (WHERE, 4, Access.WRITE, 0x1122_3344),
    "stmia r4!, {r0, r1}": (WHERE, 4, Access.WRITE, 0),
    "stmdb r4, {r1}\n ldr r0, [r4]": (WHERE, 4, Access.READ, 0x5566_7788),
    "ldrb r0, [r4, #1]": (WHERE + 1, 1, Access.READ, 0x77),
    "ldrsh r0, [r4, #2]": (WHERE + 2, 2, Access.READ, 0x5566),
    "ldrd r2, r3, [r4]": (WHERE, 4, Access.READ, 0x5566_7788),
    "ldrex r0, [r4]": (WHERE, 4, Access.READ, 0x5566_7788),
    "lda r0, [r4]": (WHERE, 4, Access.READ, 0x5566_7788),
    "stl r1, [r4]": (WHERE, 4, Access.WRITE, 0x1122_3344),
    "ldrt r0, [r4]": (WHERE, 4, Access.READ, 0x5566_7788),
    "strt r1, [r4]": (WHERE, 4, Access.WRITE, 0x1122_3344),
    "mov sp, r4\n pop {r0}": (WHERE, 4, Access.READ, 0x5566_7788),
    "adds r4, #4\n mov sp, r4\n push {r1}": (WHERE, 4, Access.WRITE, 0x1122_3344),
    "tbb [r4, r0]": (WHERE, 1, Access.READ, 0x88),
}


@pytest.mark.parametrize("instruction", ACCESSES)
def test_every_kind_of_access_is_seen(make_core: MakeCore, instruction: str) -> None:
    """Whatever instruction reaches the range, the stop tells where, how wide, which way and what, and is after it."""
    *before, last = instruction.split("\n")
    body = "\n".join((*before, "watched:", last, "after: nop\n b ."))
    machine = start(make_core, body)
    machine.core.write_memory(WHERE, (0x5566_7788).to_bytes(4, "little"))
    machine.core.set_watchpoints([Watchpoint(WHERE, 4, BOTH)])
    hit = hit_of(machine)
    assert (hit.address, hit.size, hit.access, hit.value) == ACCESSES[instruction]
    assert hit.pc == machine.program["watched"]
    if not last.startswith("tb"):
        assert machine.at("after")


def test_what_is_beside_the_range_or_the_other_way_is_passed(make_core: MakeCore) -> None:
    """Neighbouring bytes of the same page do not stop a run, nor reads where writes are waited for."""
    body = "strb r1, [r4, #-1]\n strb r1, [r4, #4]\n ldr r0, [r4]\n str r1, [r4]\n after: b ."
    machine = start(make_core, body)
    machine.core.set_watchpoints([Watchpoint(WHERE, 4)])
    assert hit_of(machine).access is Access.WRITE
    assert machine.at("after")
    assert machine.run().reason is StopReason.DEADLINE


def test_a_value_is_waited_for_byte_by_byte(make_core: MakeCore) -> None:
    """With a value only an access that reaches all masked bytes, and shows it there, stops."""
    body = "str r0, [r4]\n strb r1, [r4]\n strh r1, [r4]\n here: str r1, [r4, #1]\n after: b ."
    machine = start(make_core, body)
    machine.core.set_watchpoints([Watchpoint(WHERE, 4, BOTH, value=0x0033_4499, mask=0x00FF_FF00)])
    assert hit_of(machine).pc == machine.program["here"]
    assert machine.at("after")


def test_a_watched_device_is_told_once(make_core: MakeCore) -> None:
    """A watchpoint on a device's register stops after the device has answered, and the access is not repeated."""
    machine = start(make_core, f"ldr r4, ={DEVICE:#x}\n str r1, [r4, #8]\n ldr r0, [r4, #12]\n b .")
    machine.core.set_watchpoints([Watchpoint(DEVICE + 8, 8, BOTH)])
    assert hit_of(machine).address == DEVICE + 8
    assert hit_of(machine).address == DEVICE + 12
    assert machine.run().reason is StopReason.DEADLINE
    assert [entry[:2] for entry in machine.device.log] == [("write", 8), ("read", 12)]


def test_private_registers_can_be_watched(make_core: MakeCore) -> None:
    """A watchpoint on a register of the system control space sees the guest's accesses, not the debugger's."""
    machine = start(make_core, "ldr r4, =0xE000ED08\n str r4, [r4]\n b .")
    machine.core.set_watchpoints([Watchpoint(0xE000_ED08, 4)])
    machine.core.debug_write(0xE000_ED08, 4, 0x0800_0000)
    assert hit_of(machine).value == 0xE000_ED08


def test_the_frame_of_an_exception_is_watched(make_core: MakeCore) -> None:
    """Stacking and unstacking are accesses; the address told is that of the interrupted instruction."""
    body = "adds r4, #0x20\n mov sp, r4\n svc #0\n after: b .\n .thumb_func\n handler: bx lr"
    machine = start(make_core, body, {11: "handler"})
    machine.core.set_watchpoints([Watchpoint(WHERE + 24, 4, BOTH)])
    entry = hit_of(machine)
    assert machine.at("handler")
    assert (entry.address, entry.access, entry.value) == (WHERE + 24, Access.WRITE, machine.program["after"])
    leaving = hit_of(machine)
    assert (leaving.access, leaving.pc) == (Access.READ, machine.program["handler"])
    assert machine.at("after")


def test_an_instruction_that_faults_half_way_is_taken_first(make_core: MakeCore) -> None:
    """Where a multiple access fails behind a watched word its fault is entered, and then the stop tells of the word."""
    body = """
        ldr r0, =0xE000ED24
        ldr r2, =0x70000
        str r2, [r0]
        ldr r4, =0x2003FFFC
        failing: ldmia r4, {r0, r1}
        b .
        .thumb_func
        handler: b .
    """
    machine = start(make_core, body, {5: "handler"})
    machine.core.set_watchpoints([Watchpoint(0x2003_FFFC, 4, Access.READ)])
    assert hit_of(machine).pc == machine.program["failing"]
    assert machine.at("handler")


STORES = """
    movs r2, #40
    loop:
    str r2, [r4]
    ldr r3, [r4, #4]
    subs r2, #1
    bne loop
    b .
"""


@pytest.mark.parametrize("piece", [1, 2, 3, 7])
def test_stops_are_the_same_however_a_run_is_cut(make_core: MakeCore, piece: int) -> None:
    """The same accesses stop at the same cycles whether a run is whole or in pieces, or goes through a snapshot."""

    def hits(cut: int) -> list[tuple[int, WatchHit]]:
        machine = start(make_core, STORES)
        machine.core.set_watchpoints([Watchpoint(WHERE, 8, BOTH)])
        found = []
        while machine.core.cycle < 2000:
            stop = machine.run(min(machine.core.cycle + cut, 2000))
            if stop.watch is not None:
                found.append((machine.core.cycle, stop.watch))
            if cut < 2000:
                machine.core.restore(machine.core.snapshot())
        return found

    assert len(hits(2000)) == 80
    assert hits(piece) == hits(2000)


def test_watching_changes_nothing(make_core: MakeCore) -> None:
    """With watchpoints that are never hit, or hit and gone on from, a guest ends in the same state."""
    states = []
    for watchpoints in ((), (Watchpoint(RAM, 0x1000, value=None),), (Watchpoint(WHERE, 4, BOTH),)):
        machine = start(make_core, STORES)
        machine.core.set_watchpoints(watchpoints)
        while machine.run(2000).reason is StopReason.WATCHPOINT:
            pass
        states.append(machine.core.snapshot())
    assert len(set(states)) == 1


def test_watchpoints_are_replaced_and_taken_away(make_core: MakeCore) -> None:
    """A new set takes the place of the old one, in the middle of a run too."""
    machine = start(make_core, STORES)
    machine.core.set_watchpoints([Watchpoint(WHERE, 4)])
    hit_of(machine)
    machine.core.set_watchpoints([Watchpoint(WHERE + 4, 4, Access.READ)])
    assert hit_of(machine).address == WHERE + 4
    machine.core.set_watchpoints([])
    assert machine.run(1000).reason is StopReason.DEADLINE


@pytest.mark.parametrize(
    "watchpoint",
    [
        Watchpoint(RAM, 0),
        Watchpoint(-1, 4),
        Watchpoint(0xFFFF_FFFE, 4),
        Watchpoint(1 << 32, 1),
        Watchpoint(RAM, 8, value=1),
    ],
)
def test_what_is_no_watchpoint_is_refused(make_core: MakeCore, watchpoint: Watchpoint) -> None:
    """An empty range, one outside the address space, or a value wider than a word is an error; the old set stays."""
    machine = start(make_core, STORES)
    machine.core.set_watchpoints([Watchpoint(WHERE, 4)])
    with pytest.raises(ValueError, match="watchpoint"):
        machine.core.set_watchpoints([watchpoint])
    hit_of(machine)
