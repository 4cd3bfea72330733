"""What a guest does wrong: where it is caught, what the fault registers say, who handles it."""

import pytest

from mvsdk.emulator.core import Fault, Stop, StopReason
from tests.emulator.core.conftest import MakeCore
from tests.emulator.guest import DEVICE, FLASH, RAM, STACK_TOP, Machine, assemble

FORCED, VECTTBL = 1 << 30, 1 << 1
IACCVIOL, IBUSERR, PRECISERR, UNSTKERR, STKERR, BFARVALID = 1, 1 << 8, 1 << 9, 1 << 11, 1 << 12, 1 << 15
UNDEFINSTR, INVSTATE, INVPC, NOCP, STKOF = 1 << 16, 1 << 17, 1 << 18, 1 << 19, 1 << 20
DATA = PRECISERR | BFARVALID
ENABLE_FAULTS = """
    ldr r0, =0xE000ED24
    ldr r1, =0x00070000
    str r1, [r0]
"""
NOWHERE = 0x3000_0000

# Each case: code up to the failing instruction, which is labelled; CFSR; BFAR if it is valid.
CASES = {
    "load from nowhere": ("ldr r0, =0x30000004\n failing: ldr r1, [r0]", DATA, NOWHERE + 4),
    "store to nowhere": ("ldr r0, =0x30000004\n failing: strb r1, [r0, #1]", DATA, NOWHERE + 5),
    "store to read-only memory": ("ldr r0, =0x08000100\n failing: str r1, [r0]", DATA, FLASH + 0x100),
    "push to nowhere": ("ldr r0, =0x30000010\n mov sp, r0\n failing: push {r1, r2}", DATA, NOWHERE + 8),
    "undefined": ("nop\n failing: udf #1", UNDEFINSTR, None),
    "undefined, wide": ("nop\n failing: udf.w #1", UNDEFINSTR, None),
    "coprocessor": ("nop\n failing: mcr p15, 0, r0, c1, c0, 0", NOCP, None),
    "leaving for non-secure state": ("ldr r0, =0x08000100\n failing: bxns r0", UNDEFINSTR, None),
    "leaving for nowhere": ("ldr r0, =0x30000100\n failing: bxns r0", UNDEFINSTR, None),
    "stack limit": ("ldr r0, =0x20001000\n msr msplim, r0\n mov sp, r0\n failing: push {r0}", STKOF, None),
    "device refuses a load": ("ldr r0, =0x40000000\n ldr r1,[r0]\n failing: ldr r2, [r0, #8]", DATA, DEVICE + 8),
    "device refuses a store": ("ldr r0, =0x40000008\n failing: strh r1, [r0]", DATA, DEVICE + 8),
}


def start(make_core: MakeCore, body: str, vectors: dict[int, str] | None = None) -> Machine:
    """Return a machine whose device refuses offset 8."""
    machine = Machine(make_core(), assemble(body.replace("failing:", ".thumb_func\nfailing:")), vectors)
    machine.device.refuse = {8, 9}
    return machine


def fault_of(stop: Stop) -> Fault:
    """Return the fault of a FAULT stop."""
    assert stop.reason is StopReason.FAULT
    assert stop.fault is not None
    return stop.fault


@pytest.mark.parametrize("name", CASES)
def test_an_unhandled_fault_stops_at_its_instruction(make_core: MakeCore, name: str) -> None:
    """Without a handler the fault escalates: nothing is stacked, the registers are those of the instruction."""
    code, cfsr, bfar = CASES[name]
    machine = start(make_core, f"movs r7, #1\n{code}\n movs r7, #2\n str r7, [sp, #-4]\n b .")
    fault = fault_of(machine.run())
    assert (fault.cfsr, fault.hfsr) == (cfsr, FORCED)
    assert bfar is None or fault.bfar == bfar
    assert machine.at("failing")
    registers = machine.core.registers()
    assert registers.r[7] == 1
    assert registers.exception == 0
    assert machine.core.read_memory(STACK_TOP - 104, 104) == bytes(104)


@pytest.mark.parametrize("name", CASES)
def test_an_enabled_fault_is_handled(make_core: MakeCore, name: str) -> None:
    """With its handler enabled, the fault is an exception with the failing instruction as its return address.

    Where the stack itself is the fault, so is the frame's: the handler is entered all the same, without a frame
    (Arm Cortex-M33 Devices Generic User Guide, 2.4.2).
    """
    code, cfsr, bfar = CASES[name]
    stack = "" if "limit" not in name else "movs r2, #0\n msr msplim, r2"
    body = f"""
        {ENABLE_FAULTS}
        {code}
        bkpt 1
        .thumb_func
        handler: {stack}
        mrs r4, ipsr
        ldr r0, =0xE000ED28
        ldr r5, [r0]
        ldr r6, [r0, #0x10]
        mov r8, sp
        bkpt 2
    """
    no_frame = name in ("push to nowhere", "stack limit")
    machine = start(make_core, body, dict.fromkeys((4, 5, 6), "handler"))
    assert machine.run().reason is StopReason.BREAKPOINT
    registers = machine.core.registers()
    assert registers.r[4] == (6 if cfsr >> 16 else 5)
    assert registers.r[5] & cfsr == cfsr if no_frame else registers.r[5] == cfsr
    assert bfar is None or registers.r[6] == bfar
    if not no_frame:
        assert machine.word(registers.r[8], 6) == machine.program["failing"] & ~1


@pytest.mark.parametrize(
    ("target", "cfsr"),
    [
        ("0x30000001", IBUSERR),
        ("0x00000001", IBUSERR),
        ("0x40000001", IACCVIOL),
        ("0xE000ED01", IACCVIOL),
        ("0xFFFFFFF9", IACCVIOL),
        ("0xFEFFFFFF", IACCVIOL),
    ],
)
def test_executing_where_there_is_no_code(make_core: MakeCore, target: str, cfsr: int) -> None:
    """A branch into nothing fails at its target, and an EXC_RETURN value is nothing in thread mode."""
    machine = start(make_core, f"ldr r0, ={target}\n ldr r1, =0x08000000\n blx r0\n b .")
    fault = fault_of(machine.run())
    assert (fault.cfsr, fault.hfsr) == (cfsr, FORCED)
    assert machine.core.registers().pc == int(target, 16) & ~1


@pytest.mark.parametrize("branch", ["bx r0", "blx r0", "push {r0}\n pop {pc}", "push {r0}\n ldr pc, [sp], #4"])
def test_leaving_thumb_state_is_an_invalid_state(make_core: MakeCore, branch: str) -> None:
    """A branch to an even address fails at the target with INVSTATE and the Thumb bit clear."""
    machine = start(make_core, f"ldr r0, =failing\n bic r0, #1\n {branch}\n failing: movs r7, #1\n b .")
    fault = fault_of(machine.run())
    assert fault.cfsr == INVSTATE
    assert machine.at("failing")
    assert machine.core.registers().xpsr >> 24 & 1 == 0


def test_a_missing_vector_table_entry_faults(make_core: MakeCore) -> None:
    """An exception whose vector cannot be read is a HardFault with VECTTBL."""
    machine = start(make_core, "ldr r0, =0xE000ED08\n ldr r1, =0x30000000\n str r1, [r0]\n svc #0\n b .")
    assert fault_of(machine.run()).hfsr & VECTTBL


def test_a_zero_vector_faults_in_the_handler(make_core: MakeCore) -> None:
    """A vector without the Thumb bit raises INVSTATE at the handler's first instruction, in handler mode.

    What cannot be fetched is not decoded: where there is no memory it is the bus error of the fetch.
    """
    for memory, status in ((True, INVSTATE), (False, IBUSERR)):
        machine = start(make_core, "svc #0\n b .")
        if memory:
            machine.core.map_memory(0, 4096, writable=False)
        assert fault_of(machine.run()).cfsr == status
        assert machine.core.registers().exception == 11


def test_svc_that_cannot_be_taken_is_a_hard_fault(make_core: MakeCore) -> None:
    """SVC with interrupts masked, or from a handler as urgent, escalates at the SVC itself."""
    machine = start(make_core, "cpsid i\n failing: svc #0\n b .")
    fault = fault_of(machine.run())
    assert (fault.cfsr, fault.hfsr) == (0, FORCED)
    assert machine.at("failing")
    machine = start(make_core, "svc #0\n b .\n .thumb_func\n handler: nop\n failing: svc #1", {11: "handler"})
    fault_of(machine.run())
    assert machine.at("failing")
    assert machine.core.registers().exception == 11


def test_a_fault_in_its_own_handler_escalates(make_core: MakeCore) -> None:
    """A UsageFault inside the UsageFault handler is a HardFault."""
    body = f"{ENABLE_FAULTS}\n udf #0\n b .\n .thumb_func\n handler: nop\n failing: udf #1"
    machine = start(make_core, body, {6: "handler"})
    assert fault_of(machine.run()).cfsr == UNDEFINSTR
    assert machine.at("failing")
    assert machine.core.registers().exception == 6


def test_masks_escalate_faults(make_core: MakeCore) -> None:
    """A fault whose handler is held back by PRIMASK is a HardFault."""
    machine = start(make_core, f"{ENABLE_FAULTS}\n cpsid i\n failing: udf #0", {6: "failing"})
    assert fault_of(machine.run()).hfsr == FORCED
    assert machine.core.registers().exception == 0


def test_a_handler_may_mend_and_retry_or_skip(make_core: MakeCore) -> None:
    """Returning from a fault handler executes the instruction again, or where the frame was bent to."""
    body = f"""
        {ENABLE_FAULTS}
        ldr r0, =0x30000000
        ldr r1, [r0]
        udf #0
        movs r6, #1
        bkpt
        .thumb_func
        mend: ldr r0, =0x20000000
        str r0, [sp]
        movs r4, #1
        bx lr
        .thumb_func
        skip: ldr r0, [sp, #24]
        adds r0, #2
        str r0, [sp, #24]
        movs r5, #1
        bx lr
    """
    machine = start(make_core, body, {5: "mend", 6: "skip"})
    assert machine.run().reason is StopReason.BREAKPOINT
    assert machine.core.registers().r[4:7] == (1, 1, 1)


def test_fault_status_is_cleared_by_writing_ones(make_core: MakeCore) -> None:
    """CFSR and HFSR keep what happened until ones are written, also to a byte or halfword of them."""
    body = f"""
        {ENABLE_FAULTS}
        ldr r0, =0x30000000
        ldr r1, [r0]
        udf #0
        ldr r0, =0xE000ED28
        ldr r4, [r0]
        movs r1, #0xFF
        strb r1, [r0, #1]
        ldr r5, [r0]
        movs r1, #1
        strh r1, [r0, #2]
        ldr r6, [r0]
        bkpt
        .thumb_func
        skip: ldr r0, [sp, #24]
        adds r0, #2
        str r0, [sp, #24]
        bx lr
    """
    machine = start(make_core, body, {5: "skip", 6: "skip"})
    machine.run()
    assert machine.core.registers().r[4:7] == (DATA | UNDEFINSTR, UNDEFINSTR, 0)


def test_a_stack_that_cannot_take_the_frame_raises_stkerr(make_core: MakeCore) -> None:
    """If stacking fails and the BusFault handler may run, it runs in place of the exception, which stays pending."""
    body = f"""
        {ENABLE_FAULTS}
        ldr r0, =0xE000ED18
        ldr r1, =0x00404040
        str r1, [r0]
        ldr r1, =0x80000000
        str r1, [r0, #4]
        ldr r0, =0x30001000
        msr psp, r0
        movs r0, #2
        msr control, r0
        isb
        svc #0
        b .
        .thumb_func
        handler: mrs r4, ipsr
        ldr r0, =0xE000ED24
        ldr r5, [r0]
        ldr r6, [r0, #4]
        mrs r7, psp
        bkpt
    """
    machine = start(make_core, body, {5: "handler"})
    assert machine.run().reason is StopReason.BREAKPOINT
    registers = machine.core.registers()
    assert (registers.r[4], registers.r[6], registers.r[7]) == (5, STKERR, 0x3000_0FE0)
    assert registers.r[5] & 1 << 15  # SVCALLPENDED


def test_stacking_below_the_limit_is_a_stack_overflow(make_core: MakeCore) -> None:
    """A frame that would cross the stack limit is not pushed; unhandled, the thread is shown as it was."""
    body = """
        ldr r0, =0x20001000
        msr psp, r0
        sub r1, r0, #16
        msr psplim, r1
        movs r0, #2
        msr control, r0
        isb
        failing: svc #0
        b .
        .thumb_func
        handler: b .
    """
    machine = start(make_core, body, {11: "handler"})
    fault = fault_of(machine.run())
    assert (fault.cfsr, fault.hfsr) == (STKOF, FORCED)
    assert machine.core.registers().psp == 0x2000_1000
    assert machine.core.registers().exception == 0
    assert machine.core.read_memory(0x2000_1000 - 32, 32) == bytes(32)


def test_exception_return_to_nowhere_is_an_unstacking_error(make_core: MakeCore) -> None:
    """A return whose frame cannot be read is UNSTKERR."""
    machine = start(
        make_core,
        "svc #0\n b .\n .thumb_func\n handler: ldr r0, =0x30000000\n msr psp, r0\n ldr lr, =0xFFFFFFBC\n bx lr",
        {11: "handler"},
    )
    assert fault_of(machine.run()).cfsr == UNSTKERR


@pytest.mark.parametrize("psr", ["0x01000003", "0x00000000"])
def test_exception_return_checks_the_frame(make_core: MakeCore, psr: str) -> None:
    """A return to thread mode with an exception number in the frame is INVPC; without Thumb bit it is INVSTATE."""
    body = f"svc #0\n b .\n .thumb_func\n handler: ldr r0, ={psr}\n str r0, [sp, #28]\n bx lr"
    machine = start(make_core, body, {11: "handler"})
    assert fault_of(machine.run()).cfsr == (INVPC if psr.endswith("3") else INVSTATE)


def test_returning_from_what_is_not_active_is_invalid(make_core: MakeCore) -> None:
    """A handler whose active bit was taken away returns into INVPC."""
    body = "svc #0\n b .\n .thumb_func\n handler: ldr r0, =0xE000ED24\n movs r1, #0\n str r1, [r0]\n isb\n bx lr"
    machine = start(make_core, body, {11: "handler"})
    assert fault_of(machine.run()).cfsr == INVPC


def test_private_peripherals_need_privilege(make_core: MakeCore) -> None:
    """An unprivileged access to the system control space is a precise bus fault."""
    body = """
        movs r0, #1
        msr control, r0
        isb
        ldr r0, =0xE000ED08
        movs r6, #1
        failing: ldr r1, [r0]
        movs r6, #2
        b .
    """
    machine = start(make_core, body)
    fault = fault_of(machine.run())
    assert (fault.cfsr, fault.bfar) == (DATA, 0xE000_ED08)
    assert machine.at("failing")
    assert machine.r(6) == 1


def test_a_refused_access_has_no_consequences(make_core: MakeCore) -> None:
    """Whatever stands behind a refused access in the same straight line of code does not happen."""
    body = """
        ldr r0, =0xE000ED88
        ldr r1, =0x00F00000
        str r1, [r0]
        ldr r0, =0x40000000
        ldr r1, =0x20000000
        movs r2, #5
        vmov.f32 s0, #1.0
        str r2, [r1]
        str r2, [r0]
        failing: ldr r3, [r0, #8]
        str r3, [r0, #12]
        adds r2, #1
        str r2, [r1, #4]
        push {r2}
        vmov.f32 s0, #2.0
        cpsid i
        b .
    """
    machine = start(make_core, body)
    fault_of(machine.run())
    assert machine.at("failing")
    assert machine.device.log == [("write", 0, 4, 5)]
    assert machine.words(RAM, 2) == [5, 0]
    assert (machine.r(2), machine.r(13), machine.core.registers().primask) == (5, STACK_TOP, 0)
    machine.device.refuse = set()
    machine.run(200)
    assert machine.device.log[1:] == [("read", 8, 4, 0), ("write", 12, 4, 0)]
    assert machine.words(RAM, 2) == [5, 6]


def test_a_refused_access_in_an_it_block_is_found(make_core: MakeCore) -> None:
    """The failing instruction is told from its neighbours that load the same address under other conditions."""
    body = """
        ldr r0, =0x40000008
        cmp r0, r0
        itete ne
        ldrne r1, [r0]
        moveq r2, #2
        ldrne r1, [r0]
        failing: ldreq r1, [r0]
        ittt eq
        moveq r3, #3
        moveq r4, #4
        moveq r5, #5
        bkpt
    """
    machine = start(make_core, body)
    fault_of(machine.run())
    assert machine.at("failing")
    assert machine.core.registers().r[2:6] == (2, 0, 0, 0)
    machine.device.refuse = set()
    assert machine.run().reason is StopReason.BREAKPOINT
    assert machine.core.registers().r[2:6] == (2, 3, 4, 5)


def test_running_on_after_a_fault_meets_it_again(make_core: MakeCore) -> None:
    """A fault is where it was until somebody changes something."""
    machine = start(make_core, "failing: udf #0")
    for _ in range(3):
        fault_of(machine.run())
        assert machine.at("failing")


FOLLOWING = {
    "the pointer was followed": ("ldr r0, [r0]\n failing: ldr r0, [r0]", {0: DEVICE + 8}),
    "the pointer moved on": ("ldr r1, [r0], #4\n ldr r1, [r0], #4\n failing: ldr r1, [r0]", {}),
    "other loads between": (
        "ldr r1, [r0]\n ldr r2, [sp, #-64]\n adds r0, #8\n ldr r3, [r4]\n failing: ldr r1, [r0]",
        {},
    ),
    "the same twice": ("adds r0, #8\n failing: ldr r1, [r0]\n ldr r1, [r0]", {}),
    "one of many": ("ldr r2, [sp, #-8]\n failing: ldm r0, {r1, r2, r3}\n ldr r2, [sp, #-8]", {}),
}


@pytest.mark.parametrize("name", FOLLOWING)
def test_a_refused_access_is_told_from_similar_ones(make_core: MakeCore, name: str) -> None:
    """The instruction that failed is found among others that look as if they could have."""
    code, answers = FOLLOWING[name]
    machine = start(make_core, f"ldr r0, =0x40000000\n mov r4, r0\n {code}\n b .")
    machine.device.answers = answers
    assert fault_of(machine.run()).bfar == DEVICE + 8
    assert machine.at("failing")


@pytest.mark.parametrize("store", ["streq r0, [r6]", "strdeq r0, r1, [r6]", "stmeq r6, {r0, r1}"])
def test_a_failing_store_in_an_it_block_ends_it(make_core: MakeCore, store: str) -> None:
    """What follows a failing store under the same condition does not happen, and happens after it was mended."""
    body = f"""
        ldr r6, =0x30000000
        movs r0, #1
        cmp r0, #1
        itttt eq
        addeq r1, #1
        failing: {store}
        addeq r3, #1
        addeq r4, #1
        bkpt
    """
    machine = start(make_core, body)
    fault_of(machine.run())
    assert machine.at("failing")
    assert [machine.r(n) for n in (1, 3, 4)] == [1, 0, 0]
    machine.core.write_register("r6", RAM)
    assert machine.run().reason is StopReason.BREAKPOINT
    assert [machine.r(n) for n in (1, 3, 4)] == [1, 1, 1]
