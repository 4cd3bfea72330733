"""Corners of the system control space, of protection, of frames and of branches."""

from __future__ import annotations

import pytest

from mvsdk.emulator.core import StopReason
from mvsdk.emulator.core.native_core import NativeCore
from tests.emulator.core.conftest import MakeCore
from tests.emulator.guest import CODE, FLASH, GATEWAY, RAM, STACK_TOP, Machine, assemble

IACCVIOL, DACCVIOL, MSTKERR, MMARVALID = 1, 1 << 1, 1 << 4, 1 << 7
PRECISERR, BFARVALID = 1 << 9, 1 << 15
UNDEFINSTR, INVSTATE, NOCP, STKOF, UNALIGNED = 1 << 16, 1 << 17, 1 << 19, 1 << 20, 1 << 24
VECTTBL, FORCED = 1 << 1, 1 << 30
CFSR, MMFAR, BFAR, SHCSR, MPU_CTRL, MPU_RNR, MPU_RBAR, MPU_RLAR = (
    0xE000_E000 + offset for offset in (0xD28, 0xD34, 0xD38, 0xD24, 0xD94, 0xD98, 0xD9C, 0xDA0)
)
HANDLER = """
    b .
    .ltorg
    .thumb_func
    handler: adds r7, #1
    b .
"""
OPEN, READ_ONLY, NEVER, PRIVILEGED_ONLY = 2, 6, 3, 0
REST = (0x0000_0000, 0x1FFF_FFFF, OPEN), (0x2000_1000, 0x2003_FFFF, NEVER)


def start(
    make_core: MakeCore, body: str, vectors: dict[int, str] | None = None, *, take_hardfault: bool = False
) -> Machine:
    """Return a machine."""
    machine = Machine(make_core(), assemble(body), vectors)
    if take_hardfault:
        assert isinstance(machine.core, NativeCore)
        machine.core.take_hardfault = True
    return machine


def status(machine: Machine, until: int = 1000) -> int:
    """Run into a fault that ends the run, and return its CFSR."""
    stop = machine.run(until)
    assert stop.fault is not None, stop
    return stop.fault.cfsr


def set_regions(machine: Machine, regions: tuple[tuple[int, int, int], ...], control: int) -> None:
    """Set up regions of the MPU by first and last address and the low bits of RBAR, and its control register."""
    for number in range(8):
        first, last, rights = regions[number] if number < len(regions) else (0, 0, 0)
        machine.core.debug_write(MPU_RNR, 4, number)
        machine.core.debug_write(MPU_RBAR, 4, first | rights)
        machine.core.debug_write(MPU_RLAR, 4, last & ~31 | (number < len(regions)))
    machine.core.debug_write(0xE000_EDC0, 4, 0xFF)
    machine.core.debug_write(MPU_CTRL, 4, control)


# -- protection -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rights", "user", "reads", "writes"),
    [
        (OPEN | 1, False, True, True),
        (OPEN | 1, True, True, True),
        (PRIVILEGED_ONLY | 1, False, True, True),
        (PRIVILEGED_ONLY | 1, True, False, False),
        (READ_ONLY | 1, False, True, False),
        (READ_ONLY | 1, True, True, False),
        (4 | 1, False, True, False),
        (4 | 1, True, False, False),
    ],
)
@pytest.mark.parametrize("writing", [False, True])
def test_access_permissions_hold(
    make_core: MakeCore, rights: int, user: bool, reads: bool, writes: bool, writing: bool
) -> None:
    """AP says who reads and who writes; what it forbids is DACCVIOL with the access's own address in MMFAR."""
    drop = "movs r0, #1\n msr control, r0\n isb\n" if user else ""
    access = "str r1, [r4, #0x44]" if writing else "ldr r1, [r4, #0x44]"
    machine = start(make_core, f"{drop} ldr r4, ={RAM:#x}\n {access}\n b .")
    set_regions(machine, ((RAM, RAM + 0xFFF, rights), *REST), 1)
    if writes if writing else reads:
        assert machine.run(100).reason is StopReason.DEADLINE
    else:
        assert status(machine) == DACCVIOL | MMARVALID
        assert machine.core.debug_read(MMFAR, 4) == RAM + 0x44


def test_overlapping_regions_permit_nothing(make_core: MakeCore) -> None:
    """An address that two regions hold is no region's, PRIVDEFENA or not; beside the overlap each holds its own."""
    for where, allowed in ((0x1E0, True), (0x200, False), (0x2FF, False), (0x300, True)):
        machine = start(make_core, f"ldr r4, ={RAM + where:#x}\n ldrb r0, [r4]\n b .")
        set_regions(machine, (*REST, (RAM, RAM + 0x2FF, OPEN), (RAM + 0x200, RAM + 0xFFF, OPEN)), 5)
        stop = machine.run(100)
        assert (stop.reason is StopReason.DEADLINE) is allowed
        if not allowed:
            assert machine.core.debug_read(MMFAR, 4) == RAM + where


def test_a_region_ends_at_its_last_byte(make_core: MakeCore) -> None:
    """Regions are of 32 bytes and up; an access that leaves one half way fails, at its own address."""
    machine = start(make_core, f"ldr r4, ={RAM + 0x3E:#x}\n ldrh r0, [r4]\n failing: ldr r0, [r4]\n b .")
    set_regions(machine, (*REST, (RAM, RAM + 0x3F, OPEN)), 1)
    assert status(machine) == DACCVIOL | MMARVALID
    assert machine.at("failing")


def test_privdefena_is_for_privileged_code_alone(make_core: MakeCore) -> None:
    """Outside all regions privileged code has the default map with PRIVDEFENA, and nothing without; others nothing."""
    for control, user, allowed in ((5, False, True), (1, False, False), (5, True, False)):
        drop = "movs r0, #1\n msr control, r0\n isb\n" if user else ""
        machine = start(make_core, f"{drop} ldr r4, ={RAM:#x}\n ldr r0, [r4]\n b .")
        set_regions(machine, ((0, 0x1FFF_FFFF, OPEN),), control)
        assert (machine.run(100).reason is StopReason.DEADLINE) is allowed


def test_hfnmiena_says_whether_faultmask_switches_the_mpu_off(make_core: MakeCore) -> None:
    """At a negative priority the default map holds, unless HFNMIENA is set."""
    for control, allowed in ((1, True), (3, False)):
        machine = start(make_core, f"cpsid f\n ldr r4, ={RAM:#x}\n ldr r0, [r4]\n b .")
        set_regions(machine, ((0, 0x1FFF_FFFF, OPEN),), control)
        assert (machine.run(100).reason is StopReason.DEADLINE) is allowed


def test_execute_never_and_a_missing_right_to_read_forbid_to_execute(make_core: MakeCore) -> None:
    """XN is IACCVIOL, without an address, at the instruction that would be executed."""
    for rights, allowed in ((OPEN, True), (NEVER, False)):
        machine = start(make_core, f"ldr r4, ={RAM | 1:#x}\n bx r4")
        machine.core.write_memory(RAM, b"\xfe\xe7")
        set_regions(machine, ((0, 0x1FFF_FFFF, OPEN), (RAM, RAM + 0xFFF, rights)), 1)
        if allowed:
            assert machine.run(100).reason is StopReason.DEADLINE
        else:
            assert status(machine) == IACCVIOL
            assert machine.core.registers().pc == RAM


def test_armv8_0_has_no_pxn(make_core: MakeCore) -> None:
    """Bit 4 of RLAR is reserved on this core: it reads as zero, and privileged code executes all the same."""
    machine = start(make_core, f"ldr r4, ={RAM | 1:#x}\n bx r4")
    machine.core.write_memory(RAM, b"\xfe\xe7")
    set_regions(machine, ((0, 0x1FFF_FFFF, OPEN), (RAM, RAM + 0xFFF, OPEN)), 1)
    machine.core.debug_write(MPU_RNR, 4, 1)
    machine.core.debug_write(MPU_RLAR, 4, RAM + 0xFE0 | 0x11)
    assert machine.core.debug_read(MPU_RLAR, 4) == RAM + 0xFE0 | 1
    assert machine.run(100).reason is StopReason.DEADLINE


def test_the_aliases_are_the_other_regions_of_the_group(make_core: MakeCore) -> None:
    """RBAR_A1 to RLAR_A3 are regions 1 to 3 of the group of four that RNR is in, whichever of them RNR names."""
    core = start(make_core, "b .").core
    for number in (2, 5):
        core.debug_write(MPU_RNR, 4, number)
        for alias in range(1, 4):
            core.debug_write(MPU_RBAR + 8 * alias, 4, (number & ~3) << 8 | alias << 5)
            core.debug_write(MPU_RLAR + 8 * alias, 4, 0x100 + (alias << 5))
    for number in (1, 2, 3, 5, 6, 7):
        core.debug_write(MPU_RNR, 4, number)
        assert core.debug_read(MPU_RBAR, 4) == (number & ~3) << 8 | (number & 3) << 5
        assert core.debug_read(MPU_RLAR, 4) == 0x100 + ((number & 3) << 5)
    core.debug_write(MPU_RNR, 4, 0x0F)
    assert core.debug_read(MPU_RNR, 4) == 7
    assert core.debug_read(0xE000_ED90, 4) == 8 << 8


def test_vectors_are_read_past_the_mpu(make_core: MakeCore) -> None:
    """An exception's vector is read by the default map: a table that no region holds is no fault."""
    machine = start(make_core, f"svc #0{HANDLER}", {11: "handler"})
    set_regions(machine, ((CODE, CODE + 0xFFFF, OPEN), (RAM, STACK_TOP - 1, NEVER)), 1)
    machine.run(100)
    assert machine.r(7) == 1


# -- faults at negative priority, and of the vector table -------------------------------------------------------------


@pytest.mark.parametrize(
    "access", ["ldr r0, [r4]", "str r0, [r4]", "ldmia r4, {r0, r1}", "ldrd r0, r1, [r4]", "strt r0, [r4]"]
)
def test_bfhfnmign_lets_a_bus_error_pass_at_negative_priority(make_core: MakeCore, access: str) -> None:
    """With it and FAULTMASK a failed access leaves its status and goes on; without one of the two it faults."""
    body = """
        ldr r1, =0xE000ED14
        mov r2, #{ignore}
        str r2, [r1]
        cps{mask} f
        ldr r4, =0x60000000
        movs r0, #7
        failing: {access}
        mov r8, #1
        b .
    """
    for ignore, mask, passes in ((256, "id", True), (0, "id", False), (256, "ie", False)):
        machine = start(make_core, body.format(ignore=ignore, mask=mask, access=access))
        stop = machine.run(100)
        assert (stop.reason is StopReason.DEADLINE) is passes
        assert machine.r(8) == int(passes)
        assert machine.core.debug_read(CFSR, 4) == PRECISERR | BFARVALID
        assert machine.core.debug_read(BFAR, 4) in (0x6000_0000, 0x6000_0004)


def test_a_vector_that_cannot_be_read_is_a_hard_fault(make_core: MakeCore) -> None:
    """VECTTBL, with the exception still pending; where not even HardFault's can be read the processor locks up."""
    body = f"cpsid i\n ldr r0, =0xE000E280\n b .{HANDLER}"
    machine = start(make_core, body, {3: "handler"}, take_hardfault=True)
    # A table at the end of memory holds HardFault's vector, and not that of interrupt 16.
    table = STACK_TOP - 0x80
    machine.core.write_memory(table + 12, (machine.program["handler"] | 1).to_bytes(4, "little"))
    machine.core.write_register("msp", RAM + 0x1000)
    machine.core.debug_write(0xE000_ED08, 4, table)
    machine.core.set_enabled(16, True)
    machine.core.pend(16)
    machine.core.write_register("primask", 0)
    machine.run(5)
    machine.core.write_register("primask", 0)
    assert machine.run(100).reason is StopReason.DEADLINE
    assert machine.core.registers().exception == 3
    assert machine.core.interrupt(16).pending
    assert machine.core.debug_read(0xE000_ED2C, 4) == VECTTBL
    machine = start(make_core, body, {3: "handler"}, take_hardfault=True)
    machine.core.debug_write(0xE000_ED08, 4, 0x6000_0000)
    machine.core.write_register("primask", 0)
    machine.core.write_register("r15", machine.program["handler"])
    machine.core.set_enabled(16, True)
    machine.core.pend(16)
    stop = machine.run(100)
    assert stop.fault is not None
    assert stop.fault.hfsr == VECTTBL


def test_lock_up_ends_a_run_where_hardfaults_are_taken(make_core: MakeCore) -> None:
    """A fault in the HardFault handler, or with FAULTMASK, is FAULT at its own instruction, with the handler active."""
    body = f"{{mask}} udf #0{HANDLER.replace('b .', 'failing: udf #1', 2).replace('failing: ', '', 1)}"
    machine = start(make_core, body.format(mask=""), {3: "handler"}, take_hardfault=True)
    assert status(machine) == UNDEFINSTR
    assert machine.at("failing")
    assert machine.core.registers().exception == 3
    again = machine.core.snapshot()
    assert status(machine) == UNDEFINSTR
    assert machine.core.snapshot() == again


# -- floating-point frames --------------------------------------------------------------------------------------------

FP_ON = "ldr r0, =0xE000ED88\n mov r1, #0xF00000\n str r1, [r0]\n isb\n"


def test_a_lazy_save_is_held_against_the_limit_by_its_own_address(make_core: MakeCore) -> None:
    """SPLIMVIOL is about where the floating-point registers would go, which can be above the limit of a frame below."""
    for below, violation in ((0x58, 0), (0x30, 1 << 9)):
        body = f"""
            {FP_ON}
            vmov s0, r0
            mov r0, sp
            subs r0, #{below}
            msr msplim, r0
            svc #0
            {HANDLER}
        """
        machine = start(make_core, body, {6: "handler"})
        machine.core.debug_write(SHCSR, 4, 7 << 16)
        machine.core.debug_write(0xE000_ED1C, 4, 0xF000_0000)
        machine.core.write_register("msp", STACK_TOP - 0x100)
        stop = machine.run(200)
        assert stop.fault is None or stop.fault.cfsr == STKOF
        assert machine.core.debug_read(0xE000_EF34, 4) & 1 << 9 == violation


def test_an_eager_save_that_may_not_be_leaves_the_registers(make_core: MakeCore) -> None:
    """Where the code has lost its right to the unit the entry is a NOCP fault, and the registers stay as they are."""
    body = f"""
        {FP_ON}
        ldr r2, =0xE000EF34
        mov r3, #0x80000000
        str r3, [r2]
        ldr r4, =0x3F800000
        vmov s0, r4
        movs r1, #0
        str r1, [r0]
        svc #0
        {HANDLER}
    """
    machine = start(make_core, body, {6: "handler", 11: "handler"})
    machine.core.debug_write(SHCSR, 4, 7 << 16)
    machine.run(200)
    assert machine.core.debug_read(CFSR, 4) == NOCP
    assert isinstance(machine.core, NativeCore)
    assert machine.core.floating_point()[0] == 0x3F80_0000


# -- registers --------------------------------------------------------------------------------------------------------


def test_writing_systick_corner_values(make_core: MakeCore) -> None:
    """RVR keeps 24 bits, CVR is cleared by any value with COUNTFLAG, and an RVR of 0 stops the next lap."""
    core = start(make_core, "1: b 1b").core
    core.debug_write(0xE000_E014, 4, 0xFFFF_FFFF)
    core.debug_write(0xE000_E018, 4, 0x1234)
    core.debug_write(0xE000_E010, 4, 5)
    assert core.debug_read(0xE000_E018, 4) == 0
    core.run(1)
    assert core.debug_read(0xE000_E018, 4) == 0xFF_FFFF
    core.debug_write(0xE000_E014, 4, 3)
    core.debug_write(0xE000_E018, 4, 0)
    core.run(9)
    assert core.debug_read(0xE000_E010, 4) == 0x1_0005, "a debugger's look leaves COUNTFLAG"
    assert core.debug_read(0xE000_E010, 4) == 0x1_0005
    core.debug_write(0xE000_E014, 4, 0)
    core.run(50)
    assert core.debug_read(0xE000_E018, 4) == 0


def test_the_nvic_has_the_interrupts_it_was_made_with() -> None:
    """Bits and priorities of lines that do not exist stay zero, at the edge of a register too."""
    machine = Machine(NativeCore(interrupts=33), assemble("b ."))
    core = machine.core
    for base in (0xE000_E100, 0xE000_E200):
        for index in range(3):
            core.debug_write(base + 4 * index, 4, 0xFFFF_FFFF)
        assert [core.debug_read(base + 4 * index, 4) for index in range(3)] == [0xFFFF_FFFF, 1, 0]
    core.debug_write(0xE000_E420, 4, 0xFFFF_FFFF)
    assert core.debug_read(0xE000_E420, 4) == 0xF0
    assert core.debug_read(0xE000_E004, 4) == 1
    core.debug_write(0xE000_EF00, 4, 40)
    assert core.debug_read(0xE000_E204, 4) == 1


def test_the_strongest_of_equals_is_the_lowest(make_core: MakeCore) -> None:
    """Of pending exceptions of one priority the lowest number is taken first, system exceptions among them."""
    body = f"cpsid i\n b .{HANDLER}"
    machine = start(make_core, body, dict.fromkeys((12, 14, 15, 16, 47), "handler"))
    core = machine.core
    machine.run(10)
    for irq in (31, 0):
        core.set_enabled(irq, True)
        core.pend(irq)
    for expected, pended in ((16, 0), (15, 1 << 26), (14, 1 << 28)):
        core.debug_write(0xE000_ED04, 4, pended)
        assert core.debug_read(0xE000_ED04, 4) >> 12 & 0x1FF == expected
    core.debug_write(0xE000_EDFC, 4, 3 << 16)
    assert core.debug_read(0xE000_ED04, 4) >> 12 & 0x1FF == 12


# -- branches ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "branch", ["bx r4", "blx r4", "push {r4}\n pop {pc}", "mov r5, sp\n str r4, [r5, #-4]!\n ldmia r5, {pc}"]
)
def test_a_branch_that_leaves_thumb_state_faults_at_its_target(make_core: MakeCore, branch: str) -> None:
    """An even target clears T: INVSTATE at the target, the branch itself done."""
    machine = start(make_core, f"ldr r4, =target\n bic r4, #1\n {branch}\n .balign 4\n .thumb_func\n target: b .")
    assert status(machine) == INVSTATE
    assert machine.at("target")


def test_blx_through_its_own_link_register(make_core: MakeCore) -> None:
    """BLX LR goes where LR pointed, and leaves the return address with bit 0 set."""
    machine = start(make_core, "ldr lr, =there\n blx lr\n back: b .\n .thumb_func\n there: mov r0, lr\n b .")
    machine.run(50)
    assert machine.r(0) == machine.program["back"] | 1


def test_table_branches_reach_both_ends(make_core: MakeCore) -> None:
    """TBB and TBH add twice the entry, unsigned, to the address behind them, with the PC as the table too."""
    body = """
        movs r0, #2
        tbb [pc, r0]
        table: .byte 2, 2, (far - table) / 2, 2
        b .
        .space 500
        far: movs r1, #1
        movs r0, #1
        tbh [pc, r0, lsl #1]
        wide: .hword 0, (further - wide) / 2
        .space 131000
        further: movs r2, #1
        b .
    """
    machine = start(make_core, body)
    machine.run(50)
    assert machine.core.registers().r[1:3] == (1, 1)


def test_a_table_branch_outside_memory_faults_at_itself(make_core: MakeCore) -> None:
    """The entry that cannot be read is a bus error with its address; one at an odd address of halfwords is read."""
    machine = start(make_core, "ldr r4, =0x60000000\n movs r0, #4\n failing: tbh [r4, r0, lsl #1]\n b .")
    assert status(machine) == PRECISERR | BFARVALID
    assert machine.at("failing")
    assert machine.core.debug_read(BFAR, 4) == 0x6000_0008


def test_push_and_pop_at_the_edge_of_the_stack(make_core: MakeCore) -> None:
    """A push that would pass the limit moves nothing; one that ends on it is done; a pop never minds the limit."""
    body = """
        mov r0, sp
        subs r0, #16
        msr msplim, r0
        push {r0-r3}
        failing: push {r0}
    """
    machine = start(make_core, body)
    assert status(machine) == STKOF
    assert machine.at("failing")
    assert machine.core.registers().sp == STACK_TOP - 16
    machine = start(make_core, f"{body.replace('failing: push {r0}', 'pop {r4-r7}')}\n b .")
    assert machine.run(50).reason is StopReason.DEADLINE
    assert machine.core.registers().sp == STACK_TOP


def test_an_even_gateway_is_not_called(make_core: MakeCore) -> None:
    """A branch to a gateway without bit 0 is an invalid state there, not a call and not a bus error."""
    machine = start(make_core, f"ldr r4, ={GATEWAY:#x}\n bx r4")
    assert status(machine) == INVSTATE
    assert machine.core.registers().pc == GATEWAY


@pytest.mark.parametrize("between", ["svc #0", "clrex", "str r0, [r4]", "ldrex r0, [r5]"])
def test_the_exclusive_monitor(make_core: MakeCore, between: str) -> None:
    """A store-exclusive fails after an exception, CLREX, or a load-exclusive elsewhere, not after a plain store."""
    body = f"""
        ldr r4, ={RAM:#x}
        add r5, r4, #64
        ldrex r0, [r4]
        {between}
        strex r6, r0, [r4]
        strex r7, r0, [r4]
        b .
        .thumb_func
        handler: bx lr
    """
    machine = start(make_core, body, {11: "handler"})
    machine.run(100)
    assert machine.core.registers().r[6:8] == (int(not between.startswith("str")), 1)
    assert machine.core.debug_read(FLASH, 4) == STACK_TOP
