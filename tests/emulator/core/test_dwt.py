"""The data watchpoint and trace unit: its counter and its four comparators."""

from __future__ import annotations

import pytest

from mvsdk.emulator.core import StopReason
from tests.emulator.core import debugger as d
from tests.emulator.core.conftest import MakeCore
from tests.emulator.core.debugger import Debugger
from tests.emulator.guest import RAM, Machine, assemble

WHERE = RAM + 0x100
PROGRAM = f"""
    ldr r4, ={WHERE:#x}
    ldr r1, =0x11223344
    strb r1, [r4, #-1]
    byte: strb r1, [r4, #2]
    half: strh r1, [r4]
    load: ldr r0, [r4]
    word: str r1, [r4]
    last: str r1, [r4, #4]
    end: b end
"""


def start(make_core: MakeCore, body: str = PROGRAM, vectors: dict[int, str] | None = None) -> tuple[Machine, Debugger]:
    """Return a machine with a debugger attached."""
    machine = Machine(make_core(), assemble(body), vectors)
    debugger = Debugger(machine.core)
    debugger.control()
    return machine, debugger


def places(machine: Machine, debugger: Debugger) -> list[str]:
    """Run through the program, and return after which instructions the core halted."""
    names = {machine.program[name]: name for name in ("byte", "half", "load", "word", "last", "end")}
    order = list(names.values())
    found = []
    while machine.run(500).reason is StopReason.DEBUG_STATE:
        assert debugger.why() == d.DWTTRAP
        found.append(order[order.index(names[machine.core.registers().pc]) - 1])
        debugger.control()
    return found


def test_registers_say_what_there_is(make_core: MakeCore) -> None:
    """Four comparators, a cycle counter, no profiling counters, no trace packets; kinds as on a Cortex-M33."""
    _, debugger = start(make_core)
    assert debugger.read(d.DWT_CTRL) == 0x4D00_0000
    assert [debugger.function(index) >> 27 for index in range(4)] == [0x0B, 0x1E, 0x0A, 0x1A]
    for offset in (0x08, 0x0C, 0x10, 0x14, 0x18, 0x60):
        debugger.write(d.DWT_CTRL + offset, 0xFFFF_FFFF)
        assert debugger.read(d.DWT_CTRL + offset) == 0


def test_a_kind_that_a_comparator_does_not_have_never_matches(make_core: MakeCore) -> None:
    """Written to FUNCTION it reads as no kind at all."""
    _, debugger = start(make_core)
    able = [[kind for kind in range(16) if _keeps(debugger, index, kind)] for index in range(4)]
    common = [0, 2, 4, 5, 6, 12, 13, 14]
    assert able == [
        sorted([1, *common]),
        sorted([3, 7, 8, 9, 10, 11, *common]),
        common,
        sorted([3, 7, *common]),
    ]


def _keeps(debugger: Debugger, index: int, kind: int) -> bool:
    debugger.write(d.DWT_FUNCTION + 16 * index, kind)
    return debugger.function(index) & 15 == kind


@pytest.mark.parametrize(
    ("kind", "size", "offset", "expected"),
    [
        (d.DATA, d.WORD, 0, ["byte", "half", "load", "word"]),
        (d.DATA_WRITE, d.WORD, 0, ["byte", "half", "word"]),
        (d.DATA_READ, d.WORD, 0, ["load"]),
        (d.DATA, d.BYTE, 2, ["byte", "load", "word"]),
        (d.DATA_WRITE, d.HALFWORD, 1, ["half", "word"]),
        (d.DATA_WRITE, d.WORD, 7, ["last"]),
    ],
)
def test_data_addresses(make_core: MakeCore, kind: int, size: int, offset: int, expected: list[str]) -> None:
    """A comparator of data halts after each access that touches its 1, 2 or 4 bytes in its direction."""
    machine, debugger = start(make_core)
    debugger.compare(2, WHERE + offset, kind | size | d.DEBUG_EVENT)
    assert places(machine, debugger) == expected
    assert debugger.function(2) & d.MATCHED
    assert not debugger.function(2) & d.MATCHED, "reading clears it"


def test_a_range_of_data(make_core: MakeCore) -> None:
    """The limit of comparator 3 makes comparator 2 a range, ends included."""
    machine, debugger = start(make_core)
    debugger.compare(2, WHERE + 3, d.DATA_WRITE | d.DEBUG_EVENT)
    debugger.compare(3, WHERE + 4, d.DATA_LIMIT)
    assert places(machine, debugger) == ["word", "last"]
    assert debugger.function(2) & debugger.function(3) & d.MATCHED


def test_a_linked_value(make_core: MakeCore) -> None:
    """Comparator 1 adds to the address of comparator 0 the value; the address alone does not halt."""
    machine, debugger = start(make_core)
    debugger.compare(0, WHERE, d.DATA_WRITE | d.WORD)
    debugger.compare(1, 0x1122_3344, d.LINKED_VALUE | d.WORD | d.DEBUG_EVENT)
    assert places(machine, debugger) == ["word"]
    machine, debugger = start(make_core)
    debugger.compare(0, WHERE, d.DATA | d.WORD)
    debugger.compare(1, 0x44, d.LINKED_VALUE | d.BYTE | d.DEBUG_EVENT)
    assert places(machine, debugger) == ["byte", "half", "load", "word"]


def test_a_value_anywhere(make_core: MakeCore) -> None:
    """A comparator of values halts wherever the value is written or read."""
    machine, debugger = start(make_core)
    debugger.compare(1, 0x3344, d.VALUE + 1 | d.HALFWORD | d.DEBUG_EVENT)
    assert places(machine, debugger) == ["half", "word", "last"]


def test_instruction_addresses(make_core: MakeCore) -> None:
    """A comparator of instructions halts before the one it finds, and a range before each of its instructions."""
    machine, debugger = start(make_core)
    debugger.compare(2, machine.program["load"], d.INSTRUCTION | d.HALFWORD | d.DEBUG_EVENT)
    assert machine.run(100).reason is StopReason.DEBUG_STATE
    assert machine.at("load")
    assert debugger.why() == d.DWTTRAP
    debugger.compare(2, machine.program["word"], d.INSTRUCTION | d.HALFWORD | d.DEBUG_EVENT)
    debugger.compare(3, machine.program["last"], d.INSTRUCTION_LIMIT | d.HALFWORD)
    for place in ("word", "last"):
        debugger.control()
        assert machine.run(200).reason is StopReason.DEBUG_STATE
        assert machine.at(place)
        debugger.write(d.DWT_COMP + 32, debugger.read(d.DWT_COMP + 32) + 2)


@pytest.mark.parametrize("piece", [1, 3, 1000])
def test_a_count_of_cycles(make_core: MakeCore, piece: int) -> None:
    """Comparator 0 halts at the first boundary at which CYCCNT has reached its value, however a run is cut."""
    machine, debugger = start(make_core, "nop\n 1: adds r0, #1\n b 1b")
    debugger.compare(0, 77, d.CYCLE | d.DEBUG_EVENT)
    debugger.write(d.DWT_CYCCNT, 10)
    debugger.write(d.DWT_CTRL, 1)
    while machine.run(machine.core.cycle + piece).reason is StopReason.DEADLINE:
        assert machine.core.cycle < 1000
    assert machine.core.cycle == 67
    assert debugger.read(d.DWT_CYCCNT) == 77
    assert debugger.why() == d.DWTTRAP
    debugger.control()
    assert machine.run(10_000).reason is StopReason.DEADLINE, "it comes again after two to the power of 32 cycles only"


def test_a_count_of_cycles_ends_a_sleep(make_core: MakeCore) -> None:
    """A sleeping core tells when the count will halt it, and is awake then."""
    machine, debugger = start(make_core, "wfi\n after: b .")
    debugger.compare(0, 500, d.CYCLE | d.DEBUG_EVENT)
    debugger.write(d.DWT_CTRL, 1)
    stop = machine.run(100)
    assert (stop.reason, stop.wake_cycle) == (StopReason.IDLE, 500)
    assert machine.run(600).reason is StopReason.DEBUG_STATE
    assert (machine.core.cycle, machine.at("after")) == (500, True)


def test_a_match_without_an_event_is_noted(make_core: MakeCore) -> None:
    """Other actions than the debug event set MATCHED and let the guest be; so does an event that nobody listens to."""
    for function, attached in ((0, True), (2 << 4, True), (d.DEBUG_EVENT, False)):
        machine, debugger = start(make_core)
        if not attached:
            debugger.write(d.DHCSR, d.DBGKEY)
        debugger.compare(0, WHERE, d.DATA | d.WORD | function)
        debugger.compare(1, machine.program["load"], d.INSTRUCTION | d.HALFWORD | function)
        debugger.compare(2, WHERE + 64, d.DATA | d.WORD | function)
        assert machine.run(500).reason is StopReason.DEADLINE
        matched = [bool(debugger.function(index) & d.MATCHED) for index in range(4)]
        assert matched == [True, True, False, False]
        assert debugger.why() == 0


def test_without_trcena_nothing_matches(make_core: MakeCore) -> None:
    """DEMCR.TRCENA switches the unit."""
    machine, debugger = start(make_core)
    debugger.compare(0, WHERE, d.DATA | d.WORD | d.DEBUG_EVENT)
    debugger.compare(2, machine.program["load"], d.INSTRUCTION | d.HALFWORD | d.DEBUG_EVENT)
    debugger.write(d.DEMCR, 0)
    assert machine.run(500).reason is StopReason.DEADLINE
    assert not any(debugger.function(index) & d.MATCHED for index in range(4))


def test_a_guest_watches_its_own_stack(make_core: MakeCore) -> None:
    """A program that sets a comparator and its monitor is told of the access, after it."""
    body = f"""
        ldr r0, ={d.DEMCR:#x}
        ldr r1, ={d.MON_EN | d.TRCENA:#x}
        str r1, [r0]
        ldr r0, ={d.DWT_CTRL:#x}
        ldr r4, ={WHERE:#x}
        str r4, [r0, #0x30]
        ldr r1, ={d.DATA_WRITE | d.WORD | d.DEBUG_EVENT:#x}
        str r1, [r0, #0x38]
        str r4, [r4, #4]
        str r4, [r4]
        after: b .
        .ltorg
        .thumb_func
        monitor: adds r7, #1
        ldr r6, [sp, #24]
        ldr r5, =0xE000ED30
        ldr r5, [r5]
        bx lr
    """
    machine = Machine(make_core(), assemble(body), {d.DEBUG_MONITOR: "monitor"})
    assert machine.run(500).reason is StopReason.DEADLINE
    assert (machine.r(5), machine.r(6), machine.r(7)) == (d.DWTTRAP, machine.program["after"], 1)
