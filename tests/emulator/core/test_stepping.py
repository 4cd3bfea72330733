"""The seam's single step: exactly one instruction, or one exception."""

from __future__ import annotations

from mvsdk.emulator.core import Access, StopReason, Watchpoint
from tests.emulator.core.conftest import MakeCore
from tests.emulator.guest import GATEWAY, RAM, Machine, assemble

MIXED = """
    ldr r0, =0xE000ED88
    mov r1, #0xF00000
    str r1, [r0]
    movs r1, #0
    movs r0, #3
    ldr r4, =0x20000100
    loop:
    cmp r0, #2
    ite eq
    addeq r1, #1
    movwne r2, #0x1234
    str r0, [r4]
    bl function
    subs r0, #1
    bne loop
    svc #0
    end: b end
    .thumb_func
    function: push {r3, lr}
    vmov s0, r0
    vadd.f32 s1, s0, s0
    pop {r3, pc}
    .thumb_func
    handler: adds r5, #1
    bx lr
"""


def start(make_core: MakeCore, body: str, vectors: dict[int, str] | None = None) -> Machine:
    """Return a machine."""
    return Machine(make_core(), assemble(body), vectors)


def test_stepping_goes_where_running_goes(make_core: MakeCore) -> None:
    """A program stepped through ends in the state that a run to the same cycle leaves, one instruction at a time."""
    stepped = start(make_core, MIXED, {11: "handler"})
    places = []
    while not stepped.at("end"):
        before = stepped.core.cycle
        assert stepped.core.step().reason is StopReason.STEPPED
        assert stepped.core.cycle - before in (0, 1, 2)
        places.append(stepped.core.registers().pc)
    whole = start(make_core, MIXED, {11: "handler"})
    whole.run(stepped.core.cycle)
    assert whole.core.snapshot() == stepped.core.snapshot()
    assert len(places) == 6 + 3 * (7 + 5) + 2 + 2 - 1
    assert places.count(stepped.program["handler"] & ~1) == 1


def test_a_step_passes_its_own_breakpoint_and_stops_at_nothing_else(make_core: MakeCore) -> None:
    """Breakpoints do not stop a step, before or after; BKPT and gateways do."""
    machine = start(make_core, f"nop\n nop\n there: bkpt\n ldr r0, ={GATEWAY | 1:#x}\n bx r0")
    main = machine.program["main"] & ~1
    machine.core.set_breakpoints([main, main + 2])
    assert machine.core.step().reason is StopReason.STEPPED
    assert machine.core.step().reason is StopReason.STEPPED
    assert machine.core.step().reason is StopReason.BREAKPOINT
    assert machine.at("there")
    assert machine.core.step().reason is StopReason.STEPPED, "a BKPT that was told of is stepped over"
    assert [machine.core.step().reason for _ in range(2)] == [StopReason.STEPPED] * 2
    assert machine.core.step().reason is StopReason.GATEWAY


def test_a_step_takes_the_exception_that_is_pending(make_core: MakeCore) -> None:
    """With an interrupt pending the step is its entry; masked, it is the instruction, and the interrupt waits."""
    body = "nop\n nop\n b .\n .thumb_func\n handler: bx lr"
    machine = start(make_core, body, {16: "handler"})
    machine.core.set_enabled(0, True)
    machine.core.pend(0)
    assert machine.core.step(mask_interrupts=True).reason is StopReason.STEPPED
    assert machine.core.registers().pc == (machine.program["main"] & ~1) + 2
    assert machine.core.interrupt(0).pending
    assert machine.core.step().reason is StopReason.STEPPED
    assert machine.at("handler")
    assert machine.core.cycle == 1


def test_a_step_out_of_a_sleep(make_core: MakeCore) -> None:
    """Asleep for ever a step is IDLE; a sleep that SysTick ends, or an interrupt, it steps out of."""
    body = "wfi\n after: nop\n b .\n .thumb_func\n handler: bx lr"
    machine = start(make_core, body, {16: "handler"})
    assert machine.core.step().reason is StopReason.STEPPED
    assert machine.core.step().reason is StopReason.IDLE
    machine.core.set_enabled(0, True)
    machine.core.pend(0)
    assert machine.core.step(mask_interrupts=True).reason is StopReason.IDLE
    assert machine.core.step().reason is StopReason.STEPPED
    assert machine.at("handler")
    machine = start(
        make_core,
        "ldr r0, =0xE000E010\n movs r1, #99\n str r1, [r0, #4]\n movs r1, #7\n str r1, [r0]\n wfi\n after: b .\n"
        ".thumb_func\n handler: bx lr",
        {15: "handler"},
    )
    for _ in range(6):
        machine.core.step()
    assert machine.core.step().reason is StopReason.STEPPED
    assert machine.at("handler")
    assert machine.core.cycle > 99


def test_a_step_tells_of_a_watchpoint_and_a_fault(make_core: MakeCore) -> None:
    """An access that is waited for ends the step as it ends a run, and so does a fault that ends a run."""
    machine = start(make_core, f"ldr r0, ={RAM:#x}\n str r0, [r0]\n udf #0")
    machine.core.set_watchpoints([Watchpoint(RAM, 4)])
    machine.core.step()
    stop = machine.core.step()
    assert stop.reason is StopReason.WATCHPOINT
    assert stop.watch is not None
    assert stop.watch.access is Access.WRITE
    assert machine.core.step().reason is StopReason.FAULT


def test_a_step_that_took_an_exception_leaves_the_breakpoint_ahead(make_core: MakeCore) -> None:
    """A breakpoint on the instruction that an exception came before stops when the handler returns to it."""
    machine = start(make_core, "nop\n here: nop\n b .\n .thumb_func\n handler: bx lr", {16: "handler"})
    machine.core.set_enabled(0, True)
    machine.core.step()
    machine.core.set_breakpoints([machine.program["here"]])
    machine.core.pend(0)
    machine.core.step()
    assert machine.at("handler")
    assert machine.run(100).reason is StopReason.BREAKPOINT
    assert machine.at("here")
