"""Breakpoints: the seam's in IT blocks, the FPB's, and what becomes of them with a debugger, a monitor, or neither."""

from __future__ import annotations

import pytest

from mvsdk.emulator.core import StopReason
from tests.emulator.core import debugger as d
from tests.emulator.core.conftest import MakeCore
from tests.emulator.core.debugger import Debugger
from tests.emulator.guest import Machine, assemble

BLOCK = """
    movs r0, #{value}
    movs r1, #0
    cmp r0, #1
    itete eq
    first: addeq r1, #1
    second: addne r1, #2
    third: addeq.w r1, r1, #4
    fourth: addne r1, #8
    end: b end
"""
PLACES = ("first", "second", "third", "fourth")


def start(make_core: MakeCore, body: str, vectors: dict[int, str] | None = None) -> tuple[Machine, Debugger]:
    """Return a machine and its debugger."""
    machine = Machine(make_core(), assemble(body), vectors)
    return machine, Debugger(machine.core)


@pytest.mark.parametrize("value", [0, 1])
@pytest.mark.parametrize("piece", [1, 2, 1000])
def test_a_breakpoint_in_an_it_block_stops_whatever_the_condition(make_core: MakeCore, value: int, piece: int) -> None:
    """Every instruction of the block stops, executed or not, once, however the run is cut; the block does its work."""
    machine, _ = start(make_core, BLOCK.format(value=value))
    machine.core.set_breakpoints([machine.program[place] for place in PLACES])
    stops = []
    while machine.core.cycle < 100:
        if machine.run(machine.core.cycle + piece).reason is StopReason.BREAKPOINT:
            stops.append(machine.core.registers().pc)
    assert stops == [machine.program[place] for place in PLACES]
    assert machine.r(1) == (5 if value else 10)


@pytest.mark.parametrize("value", [0, 1])
def test_the_fpb_stops_in_an_it_block_too(make_core: MakeCore, value: int) -> None:
    """So do the debugger's comparators, which go on by having them taken away for a step."""
    machine, debugger = start(make_core, BLOCK.format(value=value))
    debugger.control()
    for index, place in enumerate(PLACES):
        debugger.breakpoint(index, machine.program[place])
    for index, place in enumerate(PLACES):
        assert machine.run(100).reason is StopReason.DEBUG_STATE
        assert machine.at(place)
        assert debugger.why() == d.BKPT
        assert machine.run(100).reason is StopReason.DEBUG_STATE
        debugger.control()
        assert machine.run(100).reason is StopReason.DEBUG_STATE, "it is found again"
        debugger.why()
        debugger.write(d.FP_COMP + 4 * index, 0)
        debugger.control()
    assert machine.run(100).reason is StopReason.DEADLINE
    assert machine.r(1) == (5 if value else 10)


def test_fpb_registers_are_those_of_version_2_with_eight_comparators(make_core: MakeCore) -> None:
    """FP_CTRL says so, is written with its key alone, and there is no remapping and no ninth comparator."""
    _, debugger = start(make_core, "b .")
    assert debugger.read(d.FP_CTRL) == 0x1000_0080
    debugger.write(d.FP_CTRL, 1)
    assert debugger.read(d.FP_CTRL) == 0x1000_0080
    debugger.write(d.FP_CTRL, 3)
    assert debugger.read(d.FP_CTRL) == 0x1000_0081
    for index in range(9):
        debugger.write(d.FP_COMP + 4 * index, 0x0800_1235)
    debugger.write(d.FP_CTRL + 4, ~0 & 0xFFFF_FFFF)
    assert [debugger.read(d.FP_COMP + 4 * index) for index in range(9)] == [0x0800_1235] * 8 + [0]
    assert debugger.read(d.FP_CTRL + 4) == 0


def test_fpb_breakpoints_that_nobody_listens_to_are_passed(make_core: MakeCore) -> None:
    """Without halting debug or a monitor a match of the FPB is ignored."""
    machine, debugger = start(make_core, "nop\n here: nop\n b .")
    debugger.breakpoint(0, machine.program["here"])
    assert machine.run(50).reason is StopReason.DEADLINE
    assert debugger.why() == 0


def test_a_bkpt_halts_a_debugged_core(make_core: MakeCore) -> None:
    """With C_DEBUGEN a BKPT is the debugger's: Debug state before it. Without, it is the seam's stop."""
    machine, debugger = start(make_core, "nop\n here: bkpt #1\n b .")
    assert machine.run(50).reason is StopReason.BREAKPOINT
    machine, debugger = start(make_core, "nop\n here: bkpt #1\n b .")
    debugger.control()
    assert machine.run(50).reason is StopReason.DEBUG_STATE
    assert machine.at("here")
    assert debugger.why() == d.BKPT


MONITOR = f"""
    ldr r0, ={d.DEMCR:#x}
    ldr r1, ={d.MON_EN | d.TRCENA:#x}
    str r1, [r0]
    ldr r6, =0x20000100
    {{body}}
    end: b end
    .ltorg
    .thumb_func
    monitor: adds r7, #1
    ldr r0, [sp, #24]
    str r0, [r6], #4
    ldr r2, =0xE000ED30
    ldr r1, [r2]
    str r1, [r2]
    str r1, [r6], #4
    {{answer}}
    bx lr
    .ltorg
"""
SKIP_BKPT = "adds r0, #2\n str r0, [sp, #24]"


def watched(make_core: MakeCore, body: str, answer: str) -> tuple[Machine, Debugger]:
    """Return a machine whose program enables its own monitor, which notes return address and DFSR."""
    return start(make_core, MONITOR.format(body=body, answer=answer), {d.DEBUG_MONITOR: "monitor"})


def test_a_bkpt_goes_to_the_monitor_that_the_guest_enables(make_core: MakeCore) -> None:
    """With MON_EN a BKPT raises DebugMonitor at itself, with DFSR.BKPT; the handler steps over it."""
    machine, _ = watched(make_core, "here: bkpt #0\n mov r8, #5", SKIP_BKPT)
    assert machine.run(200).reason is StopReason.DEADLINE
    assert machine.words(0x2000_0100, 2) == [machine.program["here"], d.BKPT]
    assert (machine.r(7), machine.r(8)) == (1, 5)


def test_a_monitor_that_is_too_weak_leaves_a_bkpt_to_the_seam(make_core: MakeCore) -> None:
    """With interrupts masked the monitor cannot take a BKPT."""
    machine, debugger = watched(make_core, "cpsid i\n here: bkpt #0\n mov r8, #5", SKIP_BKPT)
    assert machine.run(200).reason is StopReason.BREAKPOINT
    assert machine.at("here")
    assert debugger.why() == 0


def test_the_fpb_goes_to_the_monitor(make_core: MakeCore) -> None:
    """The guest's own breakpoint raises its monitor before the instruction, each time it comes there."""
    body = f"""
        ldr r2, ={d.FP_CTRL:#x}
        adr r3, here
        orr r3, #1
        str r3, [r2, #8]
        movs r3, #3
        str r3, [r2]
        isb
        movs r5, #2
        .align 2
        here: nop
        subs r5, #1
        bne here
    """
    disarm = f"ldr r2, ={d.FP_CTRL:#x}\n movs r3, #2\n str r3, [r2]"
    machine, _ = watched(make_core, body, disarm)
    assert machine.run(300).reason is StopReason.DEADLINE
    assert machine.r(7) == 1
    assert machine.words(0x2000_0100, 2) == [machine.program["here"], d.BKPT]


def test_mon_step_comes_back_after_every_instruction(make_core: MakeCore) -> None:
    """With MON_STEP the monitor follows each instruction of the code it was enabled for, with DFSR.HALTED."""
    body = f"""
        ldr r1, ={d.MON_EN | d.MON_STEP:#x}
        str r1, [r0]
        movs r5, #1
        movw r5, #0x1234
        b over
        nop
        over: nop
    """
    finish = f"cmp r7, #5\n bne 1f\n ldr r2, ={d.DEMCR:#x}\n movs r3, #0\n str r3, [r2]\n 1:"
    for piece in (1000, 1):
        machine, _ = watched(make_core, body, finish)
        while machine.core.cycle < 300:
            machine.run(min(machine.core.cycle + piece, 300))
        over = machine.program["over"]
        trace = machine.words(0x2000_0100, 10)
        assert trace[0::2] == [over - 8, over - 4, over, over + 2, machine.program["end"]]
        assert trace[1::2] == [d.HALTED] * 5


def test_mon_pend_raises_the_monitor(make_core: MakeCore) -> None:
    """MON_PEND sets and clears the exception's pending bit."""
    machine, debugger = watched(make_core, "cpsid i\n orr r2, r1, #0x20000\n str r2, [r0]\n ldr r3, [r0]\n cpsie i", "")
    assert machine.run(300).reason is StopReason.DEADLINE
    assert machine.r(7) == 1
    debugger.write(d.DEMCR, d.MON_EN | d.MON_PEND)
    assert debugger.read(d.DEMCR) & d.MON_PEND
    debugger.write(d.DEMCR, d.MON_EN)
    assert not debugger.read(d.DEMCR) & d.MON_PEND


def test_the_seams_breakpoint_and_the_fpbs_at_one_place_are_two_stops(make_core: MakeCore) -> None:
    """Going on from the seam's finds the debugger's; the instruction is executed after both."""
    machine, debugger = start(make_core, "nop\n here: movs r0, #1\n b .")
    debugger.control()
    debugger.breakpoint(0, machine.program["here"])
    machine.core.set_breakpoints([machine.program["here"]])
    assert machine.run(100).reason is StopReason.BREAKPOINT
    assert machine.run(100).reason is StopReason.DEBUG_STATE
    assert debugger.why() == d.BKPT
    debugger.write(d.FP_CTRL, 2)
    debugger.control()
    assert machine.run(100).reason is StopReason.BREAKPOINT
    assert machine.run(100).reason is StopReason.DEADLINE
    assert machine.r(0) == 1
