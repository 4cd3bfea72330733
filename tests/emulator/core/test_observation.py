"""Counters, coverage and traces: exact, however a run is cut, and of no effect on the guest."""

import random
import struct
from collections.abc import Callable

import pytest

from mvsdk.emulator.core import StopReason
from mvsdk.emulator.core.native_core import NativeCore
from mvsdk.emulator.core.observation import BranchOutcome, ExecutedInstruction
from tests.emulator.core.small_guest import (
    BKPT,
    BX_LR,
    CODE,
    DEVICE,
    FLASH,
    HANDLER,
    NOP,
    PAGE,
    RAM,
    SPIN,
    SVC,
    Answering,
    constant,
    halfwords,
    start,
)  # fmt: skip

WFI = 0xBF30
COUNTED = range(CODE, CODE + PAGE // 4, 2)


def executed_at(core: NativeCore) -> list[int]:
    """Return the offsets from CODE of the halfwords that were covered."""
    coverage = core.coverage()
    return [address - CODE for address in COUNTED if coverage.was_executed(address)]


def outcomes(core: NativeCore) -> list[tuple[int, bool, bool]]:
    """Return offset from CODE, taken and passed of each branch that was executed."""
    return [(branch.address - CODE, branch.taken, branch.passed) for branch in core.coverage().branches()]


def addresses(core: NativeCore) -> list[int]:
    """Return the traced offsets from CODE."""
    return [line.address - CODE for line in core.instruction_trace()]


# -- one instruction at a time ---------------------------------------------------------------------------------------


def random_code(seed: int) -> bytes:
    """Return code of loops, calls, IT blocks, supervisor calls, device accesses and tables, that goes on for ever."""
    choice = random.Random(seed)  # noqa: S311 - reproducible on purpose
    parts: list[int] = [*constant(3, RAM), *constant(4, DEVICE), 0x2500, 0x2600]
    for _ in range(15):
        parts += choice.choice(
            [
                (0x3501,),  # adds r5, #1
                (NOP, NOP),
                (0x6819, 0x3101, 0x6019),  # through RAM
                (0x6821,),  # ldr r1, [r4]
                (SVC,),
                (0x0769, 0xD400, 0x3601),  # lsls r1, r5, #29; bmi over; adds r6, #1
                (0x07E9, 0xBF48, 0x3601),  # lsls r1, r5, #31; it mi; addmi r6, #1
                (0x07E9, 0xBF48, 0xE000, 0x3601),  # it mi; b over
                (0x07A9, 0xBF4C, 0x3601, 0x3602),  # ite mi
                (0xB101,),  # cbz r1, over nothing
                (0xF04F, 0x0203, 0x3A01, 0xD1FD),  # mov.w r2, #3; 1: subs r2, #1; bne 1b
                (0xF000, 0xF801, 0xE000, BX_LR),  # bl over; b past; bx lr
            ]
        )
    back = len(parts) - 10
    return halfwords(*parts, 0xE000 | (-(back + 2) & 0x7FF))


def stepped(core: NativeCore, until: int) -> list[ExecutedInstruction]:
    """Run a core an instruction at a time and return where each began. An exception's entry takes no time."""
    lines = []
    while core.cycle < until:
        before = core.cycle
        core.run(before)  # what is pending is taken
        line = ExecutedInstruction(before, core.registers().pc)
        assert core.run(before + 1).reason is StopReason.DEADLINE
        if core.cycle > before:
            lines.append(line)
    return lines


@pytest.mark.parametrize("seed", range(12))
def test_a_trace_a_count_and_coverage_are_those_of_single_steps(seed: int) -> None:
    """What is traced, counted and covered in one run is what a core goes through an instruction at a time."""
    code = random_code(seed)
    core = start(code, device=Answering(lambda: 3))
    core.trace_instructions(10_000)
    core.record_coverage(True)
    core.count_instructions(True)
    core.run(3000)
    expected = [line for line in stepped(start(code, device=Answering(lambda: 3)), 3000) if line.cycle < core.cycle]
    assert [line.address for line in core.instruction_trace()] == [line.address for line in expected]
    assert list(core.instruction_trace()) == expected
    assert core.counters.instructions == len(expected)
    halves = {line.address for line in expected}
    covered = {address for address in COUNTED if core.coverage().was_executed(address)}
    widths = {address: 2 if core.read_memory(address, 2)[1] >> 3 < 0x1D else 4 for address in halves}
    assert covered == {address + offset for address, width in widths.items() for offset in range(0, width, 2)} & set(
        COUNTED
    )


@pytest.mark.parametrize("seed", range(12))
def test_observing_changes_nothing_and_cuts_change_no_observation(seed: int) -> None:
    """State, trace, count and coverage are the same however the run is cut, and the state is that of nobody looking."""
    code = random_code(seed)
    cores = []
    for piece in (5000, 7, 1):
        core = start(code, device=Answering(lambda: 3))
        core.trace_instructions(50)
        core.record_coverage(True)
        core.count_instructions(True)
        while core.cycle < 5000:
            core.run(min(core.cycle + piece, 5000))
            if piece == 7:
                core.restore(core.snapshot())
        cores.append(core)
    plain = start(code, device=Answering(lambda: 3))
    plain.run(5000)
    for core in cores:
        assert core.save() == plain.save()
        assert core.instruction_trace() == cores[0].instruction_trace()
        assert core.coverage() == cores[0].coverage()
        assert core.counters.instructions == cores[0].counters.instructions


# -- what counts as executed -----------------------------------------------------------------------------------------


def test_an_instruction_that_faults_was_not_executed() -> None:
    """A block that ends in a fault covers what came before the instruction that failed."""
    core = start(halfwords(*constant(0, 0x6000_0000), NOP, 0x6801, NOP, SPIN))  # ldr r1, [r0]
    core.record_coverage(True)
    core.count_instructions(True)
    core.trace_instructions(9)
    assert core.run(100).reason is StopReason.FAULT
    assert executed_at(core) == [0, 2, 4, 6, 8]
    assert core.counters.instructions == 3
    assert addresses(core) == [0, 4, 8]


def test_what_lies_behind_a_deadline_was_not_executed() -> None:
    """A run covers instructions up to where it was stopped, and the next one goes on from there."""
    core = start(halfwords(NOP, NOP, NOP, NOP, SPIN))
    core.record_coverage(True)
    core.run(2)
    assert executed_at(core) == [0, 2]
    core.run(3)
    assert executed_at(core) == [0, 2, 4]


def test_a_breakpoint_covers_nothing_until_it_is_passed() -> None:
    """At a breakpoint nothing there was executed; going on executes it, and a BKPT instruction too."""
    core = start(halfwords(NOP, NOP, BKPT, SPIN))
    core.record_coverage(True)
    core.count_instructions(True)
    core.set_breakpoints([CODE + 2])
    core.run(100)
    assert executed_at(core) == [0]
    core.run(100)
    assert executed_at(core) == [0, 2]
    core.run(core.cycle + 1)
    assert executed_at(core) == [0, 2, 4]
    assert core.counters.instructions == 3


def test_branches_are_told_by_what_they_did() -> None:
    """Each conditional branch says whether it was ever taken and ever passed; others are no outcomes."""
    # 0: movs r0, #3; 1: subs r0, #1; bne 1b; cbz r0, +; nop; +: beq on; nop; on: lsls r1, r0, #1; it ne; bxne lr; b .
    code = halfwords(0x2003, 0x3801, 0xD1FD, 0xB100, NOP, 0xD000, NOP, 0x0041, 0xBF18, BX_LR, 0xE7FF, SPIN)
    core = start(code)
    core.record_coverage(True)
    core.run(100)
    assert outcomes(core) == [(4, True, True), (6, True, False), (10, True, False), (18, False, True)]
    assert executed_at(core) == [0, 2, 4, 6, 10, 14, 16, 18, 20, 22]
    assert next(core.coverage().branches()) == BranchOutcome(CODE + 4, taken=True, passed=True)


def test_a_supervisor_call_is_executed_once_it_is_taken() -> None:
    """An SVC is covered, counted and traced when its exception is entered."""
    core = start(halfwords(SVC, SPIN))
    core.record_coverage(True)
    core.count_instructions(True)
    core.trace_instructions(3)
    core.run(3)
    assert core.instruction_trace() == tuple(
        ExecutedInstruction(cycle, address) for cycle, address in enumerate((CODE, HANDLER, CODE + 2))
    )
    assert core.counters.supervisor_calls == core.counters.exceptions == 1


def test_coverage_survives_what_happens_to_code_and_state() -> None:
    """Going back, loading, and changing the code forget nothing that was covered."""
    core = start(halfwords(*constant(3, RAM | 1), 0x4798, SPIN))
    core.write_memory(RAM, halfwords(0x2001, BX_LR))
    core.record_coverage(True)
    kept, saved = core.snapshot(), core.save()
    core.run(100)
    before = core.coverage()
    core.restore(kept)
    core.load(saved)
    core.write_memory(RAM, halfwords(BX_LR))
    assert core.coverage() == before
    assert core.coverage().was_executed(RAM + 2)
    core.run(100)
    assert core.coverage() == before


def test_memory_mapped_while_coverage_is_recorded_is_covered() -> None:
    """Ranges that come later have their place in the coverage, too."""
    core = start(halfwords(SPIN))
    core.record_coverage(True)
    core.map_memory(RAM + PAGE, PAGE, writable=True)
    core.write_memory(RAM + PAGE, halfwords(SPIN))
    core.write_register("r15", RAM + PAGE)
    core.run(core.cycle + 10)
    assert core.coverage().was_executed(RAM + PAGE)
    assert [part.base for part in core.coverage().ranges] == [FLASH, RAM, RAM + PAGE]


def test_what_is_not_recorded_is_not_there() -> None:
    """Coverage and traces are empty before they are switched on and after they are switched off; counts stand."""
    core = start(halfwords(NOP, SPIN))
    core.run(10)
    assert core.coverage().ranges == ()
    assert core.instruction_trace() == ()
    assert core.counters.instructions == 0
    core.count_instructions(True)
    core.record_coverage(True)
    core.trace_instructions(4)
    core.run(20)
    counted = core.counters.instructions
    assert counted > 0
    core.count_instructions(False)
    core.record_coverage(False)
    core.trace_instructions(0)
    core.run(30)
    assert core.coverage().ranges == ()
    assert core.instruction_trace() == ()
    assert core.counters.instructions == counted
    assert not core.coverage().was_executed(CODE)


def test_a_trace_keeps_the_last_of_a_long_spin() -> None:
    """A branch to itself is traced turn by turn, at its cycles, however long it spins and however it is cut."""
    whole, cut = start(halfwords(NOP, SPIN)), start(halfwords(NOP, SPIN))
    for core in (whole, cut):
        core.trace_instructions(5)
        core.count_instructions(True)
    whole.run(100_000)
    for until in range(0, 100_001, 777):
        cut.run(until)
    cut.run(100_000)
    assert whole.instruction_trace() == cut.instruction_trace()
    assert [line.cycle for line in whole.instruction_trace()] == list(range(99_995, 100_000))
    assert {line.address for line in whole.instruction_trace()} == {CODE + 2}
    assert whole.counters.instructions == cut.counters.instructions == 100_000


def test_a_wide_branch_to_itself_is_traced_too() -> None:
    """The turns of a branch of two halfwords begin two cycles apart."""
    core = start(halfwords(0xF7FF, 0xBFFE))
    core.trace_instructions(100)
    core.run(30)
    assert [line.cycle for line in core.instruction_trace()] == list(range(0, 30, 2))


def test_counters_count_what_happens() -> None:
    """Exceptions, calls, stops, accesses and sleeps are counted where they happen, and going back takes none away."""
    code = halfwords(*constant(4, DEVICE), 0x6821, 0x6021, 0x7021, SVC, *constant(0, 0x00C0_0001), 0x4780, WFI, SPIN)
    core = start(code, device=Answering(lambda: 0))
    kept = core.snapshot()
    for times in (1, 2):
        assert core.run(1000).reason is StopReason.GATEWAY
        core.gateway_return(0)
        assert core.run(1000).reason is StopReason.IDLE
        counters = core.counters
        assert (counters.device_reads, counters.device_writes) == (times, 2 * times)
        assert (counters.supervisor_calls, counters.exceptions) == (times, times)
        assert (counters.gateway_stops, counters.sleeps) == (times, times)
        core.restore(kept)
    assert core.counters == counters


@pytest.mark.parametrize(
    "switch",
    [
        lambda core: core.record_coverage(True),
        lambda core: core.trace_instructions(5),
        lambda core: core.count_instructions(True),
        lambda core: core.fork(lambda device: device),
    ],
    ids=["coverage", "trace", "count", "fork"],
)
def test_nothing_is_switched_from_inside_a_run(switch: Callable[[NativeCore], object]) -> None:
    """The executor in use is not taken away from under an instruction."""

    def misuse() -> int:
        switch(core)
        return 0

    core = start(halfwords(*constant(0, DEVICE), 0x6801, SPIN), device=Answering(misuse))
    with pytest.raises(RuntimeError, match="inside run"):
        core.run(100)


@pytest.mark.parametrize("length", [-1, 1 << 62, 1 << 70])
def test_a_trace_has_a_length_that_there_is_memory_for(length: int) -> None:
    """Negative lengths and such as no memory holds are refused, and the trace goes on as it was."""
    core = start(halfwords(SPIN))
    core.trace_instructions(2)
    with pytest.raises((ValueError, OverflowError, MemoryError)):
        core.trace_instructions(length)
    core.run(10)
    assert len(core.instruction_trace()) == 2


def test_a_table_branch_and_a_load_of_the_pc_are_traced() -> None:
    """Indirect branches are executed like all others."""
    # tbb [pc, r0] with one entry; then ldr pc, [pc, #0]
    code = (
        halfwords(0x2000, 0xE8DF, 0xF000, 0x0001, 0xF8DF, 0xF000) + struct.pack("<I", (CODE + 16) | 1) + halfwords(SPIN)
    )
    core = start(code)
    core.trace_instructions(4)
    core.run(6)
    assert addresses(core)[:3] == [0, 2, 8]
    assert addresses(core)[3] == 16
