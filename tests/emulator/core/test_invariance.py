"""The rule that must never break: what a guest does does not depend on how its run was cut into pieces."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mvsdk.emulator.core import Core, StopReason
from tests.emulator.core.conftest import MakeCore
from tests.emulator.guest import CODE, DEVICE, Machine, Program, assemble

END, SHORT_END = 12_000, 2_000

# Everything that could depend on where a run stops: SysTick, two interrupts that preempt each other, PendSV, masks,
# IT blocks, device accesses, reads of the time, exclusive accesses, floating point, sleep.
BUSY = f"""
        ldr r5, =0x20000100
        ldr r6, ={DEVICE:#x}
        ldr r9, =gateway
        ldr r0, =0xE000ED88
        ldr r1, =0x00F00000
        str r1, [r0]
        ldr r4, =0xE000E010
        movw r0, #457
        str r0, [r4, #4]
        str r0, [r4, #8]
        movs r0, #7
        str r0, [r4]
        ldr r0, =0xE000E100
        movs r1, #3
        str r1, [r0]
        ldr r0, =0xE000E400
        ldr r1, =0x00004080
        str r1, [r0]
        ldr r0, =0xE000ED20
        ldr r1, =0xA0F00000
        str r1, [r0]
        vmov.f32 s1, #1.5
    loop:
        movs r7, #40
    1:  mov r0, r7
        bl mix
        ldr r0, [r4, #8]
        bl mix
        ands r1, r7, #3
        itete eq
        ldreq r2, [r6]
        addne r2, r2, #3
        streq r2, [r6, #4]
        lslne r2, r2, #1
        ldr r3, =0xE000E200
        itt eq
        moveq r0, #2
        streq r0, [r3]
        ldr r0, [r5, #20]
        add r2, r2, r0
        nop
        add r2, r2, r0, lsl #3
        cpsid i
        ldr r0, [r5]
        adds r0, r0, r2
        str r0, [r5]
        cpsie i
        movs r1, #0x60
        msr basepri, r1
        vmul.f32 s2, s1, s1
        ldr r0, [r5, #4]
        bl mix
        movs r1, #0
        msr basepri, r1
    2:  ldrex r0, [r5, #8]
        adds r0, #1
        b 3f
    3:  strex r1, r0, [r5, #8]
        cmp r1, #0
        bne 2b
        subs r7, #1
        bne 1b
        movs r0, #1
        ldr r1, [r5, #12]
        blx r9
        wfi
        b loop
        .thumb_func
    mix: ldr r3, [r5, #12]
        movw r2, #16807
        mla r3, r3, r2, r0
        ror r3, r3, #7
        str r3, [r5, #12]
        bx lr
        .thumb_func
    tick: push {{r4, lr}}
        ldr r0, [r5, #16]
        adds r0, #1
        str r0, [r5, #16]
        ands r1, r0, #3
        itt eq
        ldreq r1, =0xE000ED04
        moveq r2, #1 << 28
        it eq
        streq r2, [r1]
        vadd.f32 s1, s1, s1
        pop {{r4, pc}}
        .thumb_func
    pendsv: push {{r4, lr}}
        ldr r0, [r5, #16]
        bl mix
        pop {{r4, pc}}
        .thumb_func
    low: push {{r4, lr}}
        ldr r4, =0xE000E010
        ldr r0, [r4, #8]
        bl mix
        movs r4, #30
    1:  subs r4, #1
        bne 1b
        pop {{r4, pc}}
        .thumb_func
    high: ldr r0, [r5, #20]
        adds r0, #1
        str r0, [r5, #20]
        bx lr
"""
VECTORS = {14: "pendsv", 15: "tick", 16: "low", 17: "high"}


@dataclass(frozen=True)
class Plan:
    """What arrives when: interrupts at cycles. These are inputs, the same however a run is cut."""

    arrivals: tuple[tuple[int, int], ...]


def busy_program() -> Program:
    """Return the program of this module."""
    return assemble(BUSY)


def advance(core: Core, until: int, log: list[tuple[int, ...]], cuts: Sequence[int]) -> None:
    """Run to `until`, stopping at every cut on the way, answering calls with the time."""
    for target in (*sorted(cut for cut in cuts if core.cycle < cut < until), until):
        while core.cycle < target:
            stop = core.run(target)
            if stop.reason is StopReason.GATEWAY:
                log.append((core.cycle, *core.gateway_call()))
                core.gateway_return(core.cycle)
            elif stop.reason is StopReason.IDLE:
                core.skip_to(target)
            else:
                assert stop.reason in (StopReason.DEADLINE, StopReason.BREAKPOINT)


def digest(machine: Machine, log: list[tuple[int, ...]]) -> str:
    """Return a hash of everything the guest is and did."""
    return hashlib.sha256(machine.core.save() + repr((log, machine.device.log)).encode()).hexdigest()


def outcome(make_core: MakeCore, plan: Plan, cuts: Sequence[int] = (), breakpoints: Sequence[int] = ()) -> str:
    """Run the program through the plan and return the hash of its end."""
    machine = Machine(make_core(), busy_program(), VECTORS)
    machine.core.set_breakpoints(breakpoints)
    log: list[tuple[int, ...]] = []
    for cycle, irq in sorted(plan.arrivals):
        advance(machine.core, cycle, log, cuts)
        machine.core.pend(irq)
    advance(machine.core, END, log, cuts)
    machine.core.set_breakpoints([])
    while machine.core.run(END + 600).reason is not StopReason.DEADLINE:
        machine.core.skip_to(END + 600)
    return digest(machine, log)


plans = st.builds(
    Plan,
    st.lists(st.tuples(st.integers(1, END - 1), st.sampled_from([0, 1])), max_size=12).map(tuple),
)
cut_lists = st.lists(st.integers(1, END - 1), max_size=60)
relaxed = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


@relaxed
@given(plan=plans, cuts=cut_lists)
def test_cutting_a_run_changes_nothing(make_core: MakeCore, plan: Plan, cuts: list[int]) -> None:
    """A run cut anywhere ends in the same state, memory, calls and device accesses as one in a single piece."""
    assert outcome(make_core, plan, cuts) == outcome(make_core, plan)


@relaxed
@given(plan=plans, cuts=cut_lists, where=st.lists(st.integers(0, 150), min_size=1, max_size=6))
def test_breakpoints_change_nothing(make_core: MakeCore, plan: Plan, cuts: list[int], where: list[int]) -> None:
    """A run that stops at breakpoints in the middle of everything ends as one without."""
    program = busy_program()
    body = [CODE + 2 * offset for offset in where]
    breakpoints = [address for address in body if address < CODE + len(program.code)]
    assert outcome(make_core, plan, cuts, breakpoints) == outcome(make_core, plan)


@pytest.mark.parametrize("step", [1, 7, 64, 1000])
def test_running_in_steps_changes_nothing(make_core: MakeCore, step: int) -> None:
    """A run in many equal pieces, down to one cycle, ends as one in a single piece."""
    plan = Plan(((3000, 0), (3001, 1), (7000, 1)))
    assert outcome(make_core, plan, range(1, END, step)) == outcome(make_core, plan)


@relaxed
@given(plan=plans, cut=st.integers(1, END - 1), breakpoint_at=st.integers(0, 150))
def test_a_saved_state_has_the_same_future(make_core: MakeCore, plan: Plan, cut: int, breakpoint_at: int) -> None:
    """A core loaded with a saved state goes on exactly as the one it was taken of, wherever that was stopped."""
    machine = Machine(make_core(), busy_program(), VECTORS)
    log: list[tuple[int, ...]] = []
    advance(machine.core, cut, log, ())
    machine.core.set_breakpoints([CODE + 2 * breakpoint_at])
    machine.core.run(cut + 500)
    machine.core.set_breakpoints([])
    twin = Machine(make_core(), busy_program(), VECTORS)
    twin.core.run(77)
    twin.core.load(machine.core.save())
    assert twin.core.save() == machine.core.save()
    machine.device.log.clear()
    twin.device.log.clear()
    ends = []
    for one in (machine, twin):
        calls: list[tuple[int, ...]] = []
        for _, irq in plan.arrivals:
            advance(one.core, one.core.cycle + 300, calls, ())
            one.core.pend(irq)
        advance(one.core, one.core.cycle + 3000, calls, ())
        ends.append(digest(one, calls))
    assert ends[0] == ends[1]


halfwords = st.one_of(
    st.integers(0x0000, 0x44FF),  # arithmetic
    st.integers(0xD000, 0xD7FF),  # conditional branches
    st.integers(0x6000, 0x6FFF),  # loads and stores
    st.sampled_from([0xB662, 0xB672, 0xDF00, 0xBF30, 0xBF20, 0xBF00]),  # masks, SVC, WFI, WFE
    st.sampled_from([0xBF08, 0xBF14, 0xBF0C, 0xBF15]),  # IT
    st.integers(0x0000, 0xFFFF),
)


RANDOM = f"""
        ldr r1, =0xE000ED24
        ldr r2, =0x00070000
        str r2, [r1]
        ldr r4, =0xE000E010
        str r0, [r4, #4]
        str r0, [r4, #8]
        movs r0, #7
        str r0, [r4]
        ldr r1, ={DEVICE}
        ldr r2, =0x20000100
        ldr r3, =0xE000ED00
        b random
        .ltorg
        .balign 4
        .thumb_func
    random: .space 200
        .thumb_func
    handler: adds r5, #1
        bx lr
"""


def ends_of_random_code(make_core: MakeCore, code: bytes, reload: int, cuts: Sequence[int]) -> tuple[object, ...]:
    """Run random code with SysTick on, faults handled by the same code; return what came of it."""
    vectors = {4: "handler", 5: "random", 6: "handler", 11: "handler", 15: "handler"}
    machine = Machine(make_core(), assemble(RANDOM), vectors)
    machine.core.write_memory(machine.program["random"] & ~1, code)
    machine.core.write_register("r0", reload)
    for target in (*sorted(cuts), SHORT_END):
        while machine.core.cycle < target:
            reason = machine.core.run(target).reason
            if reason is StopReason.IDLE:
                machine.core.skip_to(target)
            elif reason not in (StopReason.DEADLINE, StopReason.BREAKPOINT):
                return reason, machine.core.cycle, machine.device.log, machine.core.save()
    return machine.core.cycle, machine.device.log, machine.core.save()


@settings(parent=relaxed, max_examples=60)
@given(
    code=st.lists(halfwords, min_size=4, max_size=80),
    cuts=st.lists(st.integers(1, SHORT_END - 1), max_size=30),
    reload=st.integers(20, 600),
)
def test_cutting_random_code_changes_nothing(
    make_core: MakeCore, code: list[int], cuts: list[int], reload: int
) -> None:
    """Whatever the code is, cuts leave no trace."""
    data = b"".join(halfword.to_bytes(2, "little") for halfword in code)
    assert ends_of_random_code(make_core, data, reload, cuts) == ends_of_random_code(make_core, data, reload, ())
