"""Taking exceptions and returning from them: priorities, masks, stacks, frames, modes."""

import struct

import pytest

from mvsdk.emulator.core import InterruptState, StopReason
from tests.emulator.core.conftest import MakeCore
from tests.emulator.guest import FLASH, RAM, STACK_TOP, Machine, assemble

NOTES = """
    .macro note n           @ append a number to the log at the beginning of RAM; uses r0 to r2
    ldr r0, =0x20000000
    ldr r1, [r0]
    adds r1, #4
    str r1, [r0]
    movs r2, #\\n
    str r2, [r0, r1]
    .endm
    .macro poke address, value
    ldr r0, =\\address
    ldr r1, =\\value
    str r1, [r0]
    .endm
    .macro handler name, n
    .thumb_func
    \\name: note \\n
    bx lr
    .endm
"""
ISER, ICER, ISPR, ICPR, IABR, IPR = 0xE000E100, 0xE000E180, 0xE000E200, 0xE000E280, 0xE000E300, 0xE000E400
ICSR, AIRCR, SHPR2, SHPR3, SHCSR, STIR = 0xE000ED04, 0xE000ED0C, 0xE000ED1C, 0xE000ED20, 0xE000ED24, 0xE000EF00
PENDSVSET, NMIPENDSET = 1 << 28, 1 << 31


def start(make_core: MakeCore, body: str, vectors: dict[int, str] | None = None) -> Machine:
    """Return a machine with a program that may use the macros above."""
    return Machine(make_core(), assemble(f"{NOTES}\n{body}"), vectors)


def log(machine: Machine) -> list[int]:
    """Return the numbers noted so far."""
    return machine.words(RAM + 4, machine.word(RAM) // 4)


def test_svc_enters_svcall_and_returns_behind_it(make_core: MakeCore) -> None:
    """SVC is taken at once, its immediate can be read at the stacked address, and everything comes back."""
    body = """
        movs r0, #10
        movs r1, #11
        movs r2, #12
        movs r3, #13
        mov r12, r3
        svc #0x42
        bkpt
        .thumb_func
        handler: ldr r4, [sp, #24]
        subs r4, #2
        ldrb r5, [r4]
        mrs r6, ipsr
        movs r0, #0
        movs r1, #0
        movs r2, #0
        movs r3, #0
        mov r12, r3
        mov r7, lr
        bx lr
    """
    machine = start(make_core, body, {11: "handler"})
    assert machine.run().reason is StopReason.BREAKPOINT
    registers = machine.core.registers()
    assert registers.r[:4] == (10, 11, 12, 13)
    assert registers.r[12] == 13
    assert (registers.r[5], registers.r[6]) == (0x42, 11)
    assert registers.r[7] & 0xFFFF_FF9C == 0xFFFF_FF98  # to thread mode, basic frame, main stack
    assert registers.sp == STACK_TOP
    assert registers.exception == 0


def test_the_stacked_frame_is_the_architectures(make_core: MakeCore) -> None:
    """The frame holds r0 to r3, r12, lr, return address and xPSR, in that order, on an 8-byte boundary."""
    body = """
        ldr r0, =0x20001000
        mov sp, r0
        movs r0, #1
        movs r1, #2
        movs r2, #3
        movs r3, #4
        movs r4, #5
        mov r12, r4
        ldr r4, =0x12345678
        mov lr, r4
        movs r4, #0
        svc #0
        .thumb_func
        after: bkpt
        .thumb_func
        handler: bkpt
    """
    machine = start(make_core, body, {11: "handler"})
    machine.run()
    assert machine.r(13) == 0x2000_1000 - 32
    after = machine.program["after"] & ~1
    assert machine.words(0x2000_1000 - 32, 8) == [1, 2, 3, 4, 5, 0x1234_5678, after, 0x4100_0000]


@pytest.mark.parametrize("sp", [0x2000_1000, 0x2000_1004])
def test_frames_are_aligned_to_eight_bytes(make_core: MakeCore, sp: int) -> None:
    """A stack that is only word-aligned is padded at entry, says so in the frame, and is restored at return."""
    body = f"""
        ldr r0, ={sp}
        mov sp, r0
        svc #0
        bkpt
        .thumb_func
        handler: mov r4, sp
        ldr r5, [sp, #28]
        bx lr
    """
    machine = start(make_core, body, {11: "handler"})
    machine.run()
    assert machine.r(4) == (sp & ~7) - 32
    assert bool(machine.r(5) & 1 << 9) == bool(sp & 4)
    assert machine.r(13) == sp


def test_flags_and_it_state_come_back(make_core: MakeCore) -> None:
    """An interrupt between two instructions leaves flags, saturation and GE bits as they were."""
    body = """
        ldr r0, =0xE000E100
        movs r1, #1
        str r1, [r0]
        ldr r0, =0xF80F0000
        msr apsr_nzcvqg, r0
        ldr r2, =0xE000E200
        str r1, [r2]
        isb
        mrs r3, apsr
        bkpt
        .thumb_func
        handler: movs r0, #0
        msr apsr_nzcvqg, r0
        bx lr
    """
    machine = start(make_core, body, {16: "handler"})
    machine.run()
    assert machine.r(3) == 0xF80F_0000


def test_process_stack_takes_the_frame_and_handlers_use_the_main_stack(make_core: MakeCore) -> None:
    """A thread on PSP is stacked there; the handler runs on MSP; EXC_RETURN says so."""
    body = """
        ldr r0, =0x20002000
        msr psp, r0
        movs r0, #2
        msr control, r0
        isb
        mov r4, sp
        svc #0
        mov r8, sp
        bkpt
        .thumb_func
        handler: mov r5, sp
        mrs r6, psp
        mov r7, lr
        mrs r9, control
        bx lr
    """
    machine = start(make_core, body, {11: "handler"})
    machine.run()
    registers = machine.core.registers()
    assert registers.r[4:7] == (0x2000_2000, STACK_TOP, 0x2000_2000 - 32)
    assert registers.r[7] & 0xFFFF_FF9C == 0xFFFF_FF9C
    assert (registers.r[8], registers.r[9] & 2) == (0x2000_2000, 0)
    assert (registers.msp, registers.psp, registers.control) == (STACK_TOP, 0x2000_2000, 2)


@pytest.mark.parametrize("exc_return", [0xFFFF_FFFD, 0xFFFF_FFBC, 0xFFFF_FFBD, 0xFFFF_FF9D])
def test_a_first_task_can_be_started_by_exception_return(make_core: MakeCore, exc_return: int) -> None:
    """As a kernel does: a frame made by hand on PSP is popped by any EXC_RETURN value of the family."""
    body = f"""
        svc #2
        .thumb_func
        task: mov r8, sp
        mrs r9, control
        bkpt
        .thumb_func
        handler: ldr r0, =0x20002000
        ldr r1, =task
        str r1, [r0, #24]
        ldr r1, =0x01000000
        str r1, [r0, #28]
        movs r1, #77
        str r1, [r0]
        msr psp, r0
        movs r1, #0
        msr basepri, r1
        ldr lr, ={exc_return}
        bx lr
    """
    machine = start(make_core, body, {11: "handler"})
    assert machine.run().reason is StopReason.BREAKPOINT
    assert (machine.r(0), machine.r(8), machine.r(9)) == (77, 0x2000_2020, 2)
    assert machine.core.registers().exception == 0


def test_exception_return_by_pop_and_by_load_multiple(make_core: MakeCore) -> None:
    """POP {pc} and LDM with pc return from an exception like BX."""
    body = """
        svc #0
        adds r7, #1
        svc #1
        adds r7, #1
        bkpt
        .thumb_func
        handler: push {r4, lr}
        cmp r7, #0
        it eq
        popeq {r4, pc}
        ldmia sp!, {r4, pc}
    """
    machine = start(make_core, body, {11: "handler"})
    machine.run()
    assert machine.r(7) == 2


def test_unprivileged_threads_get_privilege_in_handlers_only(make_core: MakeCore) -> None:
    """CONTROL.nPRIV holds in thread mode, is suspended in a handler, and cannot be dropped by the thread itself."""
    body = """
        movs r0, #1
        msr control, r0
        isb
        movs r0, #0
        msr control, r0
        isb
        mrs r4, control
        cpsid i
        svc #0
        cpsid i
        mrs r7, primask
        bkpt
        .thumb_func
        handler: mrs r5, primask
        cpsid i
        mrs r6, primask
        cpsie i
        bx lr
    """
    machine = start(make_core, body, {11: "handler"})
    machine.run()
    assert machine.core.registers().r[4:8] == (1, 0, 1, 0)
    assert machine.core.registers().primask == 0


def test_more_urgent_interrupts_preempt_and_others_wait(make_core: MakeCore) -> None:
    """A handler is preempted by a smaller priority value and by nothing else; the rest follow in order."""
    body = f"""
        poke {ISER:#x}, 7
        poke {IPR:#x}, 0x00408040
        poke {ISPR:#x}, 2
        isb
        note 9
        bkpt
        handler irq0, 1
        .thumb_func
        irq1: push {{r4, lr}}
        note 10
        poke {ISPR:#x}, 5
        isb
        note 11
        pop {{r4, pc}}
        handler irq2, 3
    """
    # IRQ 1 has 0x80, IRQ 0 has 0x40, IRQ 2 has 0x40: both preempt IRQ 1, the lower number first.
    machine = start(make_core, body, {16: "irq0", 17: "irq1", 18: "irq2"})
    machine.run()
    assert log(machine) == [10, 1, 3, 11, 9]


def test_equal_and_lower_priorities_do_not_preempt(make_core: MakeCore) -> None:
    """An interrupt as urgent as the running handler, or less, is taken after it, without going back to the thread."""
    body = f"""
        poke {ISER:#x}, 7
        poke {IPR:#x}, 0x00604040
        poke {ISPR:#x}, 1
        isb
        note 9
        bkpt
        .thumb_func
        irq0: push {{r4, lr}}
        poke {ISPR:#x}, 6
        isb
        note 1
        pop {{r4, pc}}
        handler irq1, 2
        handler irq2, 3
    """
    machine = start(make_core, body, {16: "irq0", 17: "irq1", 18: "irq2"})
    machine.run()
    assert log(machine) == [1, 2, 3, 9]


def test_priority_grouping_separates_preemption_from_order(make_core: MakeCore) -> None:
    """Bits below the group do not preempt, and decide who is first."""
    body = f"""
        poke {AIRCR:#x}, 0x05FA0600
        poke {ISER:#x}, 7
        poke {IPR:#x}, 0x00102030
        poke {ISPR:#x}, 1
        isb
        note 9
        bkpt
        .thumb_func
        irq0: push {{r4, lr}}
        poke {ISPR:#x}, 6
        isb
        note 1
        pop {{r4, pc}}
        handler irq1, 2
        handler irq2, 3
    """
    machine = start(make_core, body, {16: "irq0", 17: "irq1", 18: "irq2"})
    machine.run()
    assert log(machine) == [1, 3, 2, 9]


def test_only_four_priority_bits_exist(make_core: MakeCore) -> None:
    """Priority bytes written with 0xFF read back as 0xF0, whole or byte by byte, in NVIC and SHPR."""
    body = f"""
        ldr r0, ={IPR:#x}
        ldr r1, =0xFFFFFFFF
        str r1, [r0]
        ldr r2, [r0]
        strb r1, [r0, #5]
        ldr r3, [r0, #4]
        ldrb r4, [r0, #5]
        ldr r0, ={SHPR2:#x}
        strb r1, [r0, #3]
        ldrb r5, [r0, #3]
        str r1, [r0, #4]
        ldr r6, [r0, #4]
        ldrh r7, [r0, #6]
        bkpt
    """
    machine = start(make_core, body)
    machine.run()
    assert machine.core.registers().r[2:8] == (0xF0F0_F0F0, 0xF000, 0xF0, 0xF0, 0xF0F0_00F0, 0xF0F0)


def test_a_disabled_interrupt_stays_pending_until_enabled(make_core: MakeCore) -> None:
    """Pending and enabled are two things."""
    body = f"""
        poke {ISPR:#x}, 1
        isb
        note 1
        ldr r3, ={ISPR:#x}
        ldr r4, [r3]
        poke {ISER:#x}, 1
        isb
        note 3
        ldr r5, [r3]
        bkpt
        handler irq0, 2
    """
    machine = start(make_core, body, {16: "irq0"})
    machine.run()
    assert log(machine) == [1, 2, 3]
    assert (machine.r(4), machine.r(5)) == (1, 0)


def test_pending_can_be_cleared_and_interrupts_disabled(make_core: MakeCore) -> None:
    """ICPR withdraws a pending interrupt, ICER disables one; both read back."""
    body = f"""
        cpsid i
        poke {ISER:#x}, 0x30
        poke {ISPR:#x}, 0x30
        poke {ICPR:#x}, 0x10
        poke {ICER:#x}, 0x20
        ldr r0, ={ISER:#x}
        ldr r4, [r0]
        ldr r5, [r0, #0x80]
        ldr r6, [r0, #0x100]
        ldr r7, [r0, #0x180]
        cpsie i
        isb
        note 1
        bkpt
        handler irq4, 2
        handler irq5, 3
    """
    machine = start(make_core, body, {20: "irq4", 21: "irq5"})
    machine.run()
    assert machine.core.registers().r[4:8] == (0x10, 0x10, 0x20, 0x20)
    assert log(machine) == [1]


UNMASKING = {
    "cpsie": ("cpsid i", "cpsie i"),
    "msr primask": ("movs r3, #1\n msr primask, r3", "movs r3, #0\n msr primask, r3"),
    "faultmask": ("cpsid f", "cpsie f"),
    "basepri": ("movs r3, #0x40\n msr basepri, r3", "movs r3, #0\n msr basepri, r3"),
    "basepri, partly": ("movs r3, #0x40\n msr basepri, r3", "movs r3, #0x60\n msr basepri, r3"),
    "basepri_max": ("movs r3, #0x40\n msr basepri_max, r3", "movs r3, #0\n msr basepri, r3"),
}


@pytest.mark.parametrize("name", UNMASKING)
def test_masks_hold_interrupts_back_and_release_them_at_once(make_core: MakeCore, name: str) -> None:
    """What a mask held back is taken before the instruction behind the unmasking one."""
    mask, unmask = UNMASKING[name]
    body = f"""
        poke {ISER:#x}, 1
        poke {IPR:#x}, 0x50
        {mask}
        poke {ISPR:#x}, 1
        isb
        note 1
        movs r5, #0
        {unmask}
        mov r6, r5
        note 3
        bkpt
        .thumb_func
        irq0: movs r5, #1
        note 2
        bx lr
    """
    machine = start(make_core, body, {16: "irq0"})
    machine.run()
    assert log(machine) == [1, 2, 3]
    assert machine.r(6) == 1


def test_a_mask_taken_back_by_an_unprivileged_thread_is_not(make_core: MakeCore) -> None:
    """Masks outlive the privilege that set them: an unprivileged thread can neither see nor lift them."""
    body = f"""
        poke {ISER:#x}, 1
        cpsid i
        poke {ISPR:#x}, 1
        movs r0, #1
        msr control, r0
        isb
        cpsie i
        movs r0, #0
        1: adds r0, #1
        cmp r0, #50
        bne 1b
        bkpt
        handler irq0, 2
    """
    machine = start(make_core, body, {16: "irq0"})
    machine.run()
    assert log(machine) == []
    assert machine.core.registers().primask == 1


def test_basepri_does_not_mask_what_is_more_urgent(make_core: MakeCore) -> None:
    """BASEPRI masks its own priority and lesser ones; priority 0 is never masked by it."""
    body = f"""
        poke {ISER:#x}, 7
        poke {IPR:#x}, 0x00403000
        movs r3, #0x40
        msr basepri, r3
        poke {ISPR:#x}, 7
        isb
        note 9
        bkpt
        handler irq0, 1
        handler irq1, 2
        handler irq2, 3
    """
    machine = start(make_core, body, {16: "irq0", 17: "irq1", 18: "irq2"})
    machine.run()
    assert log(machine) == [1, 2, 9]


def test_nmi_passes_every_mask(make_core: MakeCore) -> None:
    """PRIMASK and FAULTMASK do not hold an NMI back."""
    body = f"""
        cpsid i
        cpsid f
        poke {ICSR:#x}, {NMIPENDSET:#x}
        isb
        note 1
        mrs r7, faultmask
        bkpt
        handler nmi, 2
    """
    machine = start(make_core, body, {2: "nmi"})
    machine.run()
    assert log(machine) == [2, 1]
    assert machine.r(7) == 1


def test_faultmask_is_lifted_by_exception_return(make_core: MakeCore) -> None:
    """Returning from any exception but NMI clears FAULTMASK."""
    body = """
        svc #0
        mrs r7, faultmask
        bkpt
        .thumb_func
        handler: cpsid f
        mrs r6, faultmask
        bx lr
    """
    machine = start(make_core, body, {11: "handler"})
    machine.run()
    assert (machine.r(6), machine.r(7)) == (1, 0)


def test_pendsv_set_in_a_handler_runs_after_it(make_core: MakeCore) -> None:
    """The context-switch idiom: PendSV at the lowest priority follows the last handler, before the thread."""
    body = f"""
        poke {SHPR3:#x}, 0xF0F00000
        poke {ISER:#x}, 1
        poke {ISPR:#x}, 1
        isb
        note 9
        bkpt
        .thumb_func
        irq0: push {{r4, lr}}
        poke {ICSR:#x}, {PENDSVSET:#x}
        note 1
        pop {{r4, pc}}
        handler pendsv, 2
    """
    machine = start(make_core, body, {14: "pendsv", 16: "irq0"})
    machine.run()
    assert log(machine) == [1, 2, 9]


def test_pendsv_from_the_thread_is_taken_by_the_next_barrier(make_core: MakeCore) -> None:
    """The yield idiom: after the store and its barriers, PendSV has run."""
    body = f"""
        poke {SHPR3:#x}, 0x00F00000
        poke {ICSR:#x}, {PENDSVSET:#x}
        dsb
        isb
        note 2
        ldr r0, ={ICSR:#x}
        ldr r7, [r0]
        bkpt
        handler pendsv, 1
    """
    machine = start(make_core, body, {14: "pendsv"})
    machine.run()
    assert log(machine) == [1, 2]
    assert machine.r(7) == 0


def test_tail_chaining_leaves_the_stack_alone(make_core: MakeCore) -> None:
    """Going from one handler to the next neither pops nor pushes, and keeps EXC_RETURN."""
    body = f"""
        poke {ISER:#x}, 3
        cpsid i
        poke {ISPR:#x}, 3
        cpsie i
        isb
        bkpt
        .thumb_func
        irq0: mov r4, sp
        mov r5, lr
        movs r0, #99
        bx lr
        .thumb_func
        irq1: mov r6, sp
        mov r7, lr
        mov r8, r0
        bx lr
    """
    machine = start(make_core, body, {16: "irq0", 17: "irq1"})
    machine.run()
    registers = machine.core.registers()
    assert registers.r[4] == registers.r[6] == STACK_TOP - 32
    assert registers.r[5] == registers.r[7]
    assert registers.r[8] == 99
    assert registers.r[0] == ISPR


def test_a_level_that_stays_high_pends_again(make_core: MakeCore) -> None:
    """An interrupt line that is still high when its handler returns is taken again; once low it is not."""
    body = f"""
        poke {ISER:#x}, 8
        1: b 1b
        .thumb_func
        irq3: adds r7, #1
        ldr r0, =gateway
        bx r0
    """
    machine = start(make_core, body, {19: "irq3"})
    core = machine.core
    machine.run(50)
    core.set_line(3, True)
    for turn in range(1, 4):
        assert core.run(core.cycle + 100).reason is StopReason.GATEWAY
        assert machine.r(7) == turn
        core.gateway_return(0)
    assert core.run(core.cycle + 100).reason is StopReason.GATEWAY
    core.set_line(3, False)
    core.gateway_return(0)
    assert core.run(core.cycle + 100).reason is StopReason.DEADLINE
    assert machine.r(7) == 4
    assert core.interrupt(3) == InterruptState(enabled=True, pending=False, active=False)


def test_pend_from_outside_is_taken_once(make_core: MakeCore) -> None:
    """A pended interrupt runs its handler one time, with its number in IPSR, and is active meanwhile."""
    body = f"""
        poke {ISER + 4 * 14:#x}, 0x80000000
        1: b 1b
        .thumb_func
        last: mrs r7, ipsr
        adds r6, #1
        bkpt
        bx lr
    """
    machine = start(make_core, body, {16 + 479: "last"})
    machine.run(100)
    machine.core.pend(479)
    assert machine.core.interrupt(479) == InterruptState(enabled=True, pending=True, active=False)
    assert machine.run(1000).reason is StopReason.BREAKPOINT
    assert (machine.r(6), machine.r(7)) == (1, 495)
    assert machine.core.interrupt(479) == InterruptState(enabled=True, pending=False, active=True)
    assert machine.run(2000).reason is StopReason.DEADLINE
    assert machine.r(6) == 1
    assert machine.core.interrupt(479) == InterruptState(enabled=True, pending=False, active=False)


def test_interrupt_numbers_are_checked(make_core: MakeCore) -> None:
    """There are 480 interrupts."""
    core = make_core()
    for irq in (-1, 480):
        with pytest.raises(ValueError, match="no interrupt"):
            core.pend(irq)
        with pytest.raises(ValueError, match="no interrupt"):
            core.set_line(irq, True)
        with pytest.raises(ValueError, match="no interrupt"):
            core.interrupt(irq)


def test_a_device_can_pend_while_the_guest_runs(make_core: MakeCore) -> None:
    """An interrupt raised by a device during an access is taken at the end of that piece of straight-line code."""
    core = make_core()

    class Raising:
        def read(self, _offset: int, _size: int) -> int:
            return 0

        def write(self, _offset: int, _size: int, value: int) -> None:
            core.pend(value)

    core.map_device(0x5000_0000, 0x1000, Raising())
    body = f"""
        poke {ISER:#x}, 0x20
        poke 0x50000000, 5
        b 1f
        1: note 2
        bkpt
        handler irq5, 1
    """
    machine = Machine(core, assemble(f"{NOTES}{body}"), {21: "irq5"})
    machine.run()
    assert log(machine) == [1, 2]


def test_icsr_shows_what_is_active_and_pending(make_core: MakeCore) -> None:
    """VECTACTIVE, RETTOBASE, VECTPENDING and ISRPENDING follow nesting."""
    body = f"""
        poke {ISER:#x}, 7
        poke {IPR:#x}, 0x00802040
        poke {ISPR:#x}, 1
        isb
        bkpt
        .thumb_func
        irq0: ldr r4, ={ICSR:#x}
        ldr r5, [r4]
        poke {ISPR:#x}, 6
        isb
        ldr r7, [r4]
        bkpt
        bx lr
        .thumb_func
        irq1: ldr r6, [r4]
        ldr r8, ={IABR:#x}
        ldr r8, [r8]
        bx lr
        handler irq2, 3
    """
    machine = start(make_core, body, {16: "irq0", 17: "irq1", 18: "irq2"})
    machine.run()
    registers = machine.core.registers()
    base, pending, external = 1 << 11, 18 << 12, 1 << 22
    assert registers.r[5] == 16 | base
    assert registers.r[6] == 17 | pending | external
    assert registers.r[7] == 16 | base | pending | external
    assert registers.r[8] == 3


def test_stir_pends_an_interrupt(make_core: MakeCore) -> None:
    """Writing a number to STIR pends that interrupt, for unprivileged code if CCR allows it."""
    body = f"""
        poke {ISER:#x}, 4
        poke {STIR:#x}, 2
        isb
        poke 0xE000ED14, 0x203
        movs r0, #1
        msr control, r0
        isb
        poke {STIR:#x}, 2
        isb
        bkpt
        handler irq2, 1
    """
    machine = start(make_core, body, {18: "irq2"})
    machine.run()
    assert log(machine) == [1, 1]


def test_floating_point_registers_survive_an_exception(make_core: MakeCore) -> None:
    """With a floating-point context the frame has 26 words, EXC_RETURN says so, and s0 to s15 and FPSCR come back."""
    body = """
        poke 0xE000ED88, 0x00F00000
        vmov.f32 s0, #1.0
        vmov.f32 s15, #2.0
        ldr r0, =0x03000000
        vmsr fpscr, r0
        mrs r4, control
        svc #0
        vmrs r0, fpscr
        vmov r1, s0
        vmov r2, s15
        mrs r8, control
        mov r9, sp
        bkpt
        .thumb_func
        handler: mov r5, sp
        mov r6, lr
        mrs r7, control
        vmov.f32 s0, #4.0
        vmov.f32 s15, #5.0
        movs r0, #0
        vmsr fpscr, r0
        bx lr
    """
    machine = start(make_core, body, {11: "handler"})
    machine.run()
    registers = machine.core.registers()
    assert registers.r[4] & 4
    assert registers.r[5] == STACK_TOP - 104
    assert registers.r[6] & 1 << 4 == 0
    assert registers.r[7] & 4 == 0
    one, two = (struct.unpack("<I", struct.pack("<f", value))[0] for value in (1.0, 2.0))
    assert registers.r[:3] == (0x0300_0000, one, two)
    assert registers.r[8] & 4
    assert registers.r[9] == STACK_TOP


def test_exclusive_access_does_not_span_an_exception(make_core: MakeCore) -> None:
    """An exception between LDREX and STREX makes the store fail."""
    body = """
        ldr r4, =0x20000100
        ldrex r5, [r4]
        strex r6, r5, [r4]
        ldrex r5, [r4]
        svc #0
        strex r7, r5, [r4]
        bkpt
        .thumb_func
        handler: bx lr
    """
    machine = start(make_core, body, {11: "handler"})
    machine.run()
    assert (machine.r(6), machine.r(7)) == (0, 1)


def test_vtor_is_followed_at_once(make_core: MakeCore) -> None:
    """A vector table moved by the guest is used from the next exception on."""
    body = f"""
        ldr r0, =0x20001000
        ldr r1, =other
        str r1, [r0, #44]
        poke 0xE000ED08, 0x20001000
        svc #0
        bkpt
        handler usual, 1
        handler other, 2
        .word {FLASH}
    """
    machine = start(make_core, body, {11: "usual"})
    machine.run()
    assert log(machine) == [2]


def test_system_reset_request_stops_the_run(make_core: MakeCore) -> None:
    """SYSRESETREQ with the key ends the run with RESET; without the key nothing happens."""
    body = f"""
        poke {AIRCR:#x}, 0x00000004
        dsb
        movs r7, #1
        poke {AIRCR:#x}, 0x05FA0004
        dsb
        1: b 1b
    """
    machine = start(make_core, body)
    assert machine.run().reason is StopReason.RESET
    assert machine.r(7) == 1
    machine.core.reset(FLASH)
    assert machine.run().reason is StopReason.RESET


def test_aircr_reads_its_key_status_and_group(make_core: MakeCore) -> None:
    """AIRCR reads 0xFA05 on top and the priority grouping; a write without the key is ignored."""
    body = f"""
        ldr r0, ={AIRCR:#x}
        ldr r4, [r0]
        ldr r1, =0x05FA0300
        str r1, [r0]
        ldr r5, [r0]
        ldr r1, =0x00000700
        str r1, [r0]
        ldr r6, [r0]
        bkpt
    """
    machine = start(make_core, body)
    machine.run()
    assert machine.core.registers().r[4:7] == (0xFA05_0000, 0xFA05_0300, 0xFA05_0300)


def test_shcsr_can_pend_svcall(make_core: MakeCore) -> None:
    """The system handler state register reads back enables and pends what it may pend."""
    body = f"""
        cpsid i
        poke {SHCSR:#x}, 0x00078000
        ldr r4, [r0]
        cpsie i
        isb
        ldr r0, ={SHCSR:#x}
        ldr r5, [r0]
        bkpt
        .thumb_func
        handler: ldr r0, ={SHCSR:#x}
        ldr r6, [r0]
        bx lr
    """
    machine = start(make_core, body, {11: "handler"})
    machine.run()
    assert machine.core.registers().r[4:7] == (0x0007_8000, 0x0007_0000, 0x0007_0080)
