"""Debug state and CoreDebug, as a debugger and as the guest see them."""

from __future__ import annotations

import pytest

from mvsdk.emulator.core import StopReason, Vector
from tests.emulator.core import debugger as d
from tests.emulator.core.conftest import MakeCore
from tests.emulator.core.debugger import Debugger
from tests.emulator.guest import FLASH, GATEWAY, RAM, STACK_TOP, Machine, assemble

COUNT = "movs r0, #0\n loop: adds r0, #1\n b loop"
SHCSR = 0xE000_ED24


def start(make_core: MakeCore, body: str, vectors: dict[int, str] | None = None) -> tuple[Machine, Debugger]:
    """Return a machine and its debugger, not yet attached."""
    machine = Machine(make_core(), assemble(body), vectors)
    return machine, Debugger(machine.core)


def test_a_halted_core_executes_nothing_until_it_is_let_go(make_core: MakeCore) -> None:
    """C_HALT puts the core into Debug state at once; a run says so and changes nothing; C_HALT = 0 lets it go on."""
    machine, debugger = start(make_core, COUNT)
    machine.run(100)
    debugger.control(d.HALT)
    before = machine.core.save()
    assert machine.run(200).reason is StopReason.DEBUG_STATE
    assert machine.core.save() == before
    assert debugger.halted
    assert debugger.why() == d.HALTED
    debugger.control()
    assert machine.run(200).reason is StopReason.DEADLINE
    assert machine.core.cycle >= 200


def test_without_the_key_dhcsr_is_not_written(make_core: MakeCore) -> None:
    """A write to DHCSR without 0xA05F in its upper half is no write."""
    machine, debugger = start(make_core, COUNT)
    debugger.write(d.DHCSR, d.DEBUGEN | d.HALT)
    assert debugger.read(d.DHCSR) & 0xF == 0
    assert machine.run(50).reason is StopReason.DEADLINE


def test_taking_debug_away_lets_the_core_go_on(make_core: MakeCore) -> None:
    """With C_DEBUGEN the other controls and Debug state end."""
    machine, debugger = start(make_core, COUNT)
    debugger.control(d.HALT)
    debugger.write(d.DHCSR, d.DBGKEY)
    assert debugger.read(d.DHCSR) & 0x2_000F == 0
    assert machine.run(50).reason is StopReason.DEADLINE


def test_a_guest_cannot_enable_halting_debug(make_core: MakeCore) -> None:
    """C_DEBUGEN is the debugger's: software's write of DHCSR is ignored until it is set, and then may halt."""
    body = """
        ldr r0, =0xE000EDF0
        ldr r1, =0xA05F0003
        str r1, [r0]
        ldr r2, [r0]
        nop
        b .
    """
    machine, debugger = start(make_core, body)
    assert machine.run(100).reason is StopReason.DEADLINE
    assert machine.r(2) & 0x2_000F == 0
    machine, debugger = start(make_core, body)
    debugger.control()
    assert machine.run(100).reason is StopReason.DEBUG_STATE
    assert machine.r(2) == 0
    assert debugger.why() == d.HALTED


def test_all_registers_can_be_read_and_written_through_dcrsr(make_core: MakeCore) -> None:
    """What a debugger writes through DCRDR and DCRSR it reads back, with the bits that exist."""
    _, debugger = start(make_core, "1: b 1b")
    debugger.control(d.HALT)
    whole = {number: 0x1111_1111 * (number % 15) + 4 & ~3 for number in (*range(13), 14)}
    exact = {
        d.R_PC: 0x0800_1234,
        d.R_XPSR: 0x6100_0000,
        d.R_MSP: RAM + 0x800,
        d.R_PSP: RAM + 0x400,
        d.R_MASKS: 0x0201_5001,
        30: RAM + 0x40,
        31: RAM + 0x80,
        d.R_FPSCR: 0x0300_0001,
        d.R_S0: 0x3F80_0000,
        d.R_S0 + 31: 0x4000_0000,
    }
    for number, value in (whole | exact).items():
        debugger.set_register(number, value)
    assert {number: debugger.register(number) for number in whole | exact} == whole | exact
    assert debugger.register(13) == RAM + 0x400, "CONTROL.SPSEL makes it the process stack"
    debugger.set_register(13, RAM + 0x203)
    assert debugger.register(d.R_PSP) == RAM + 0x200
    assert [debugger.register(number) for number in (26, 28, 34, 50, 127)] == [0] * 5


def test_registers_of_a_running_core_are_not_transferred(make_core: MakeCore) -> None:
    """DCRSR does nothing outside Debug state, nor for software; DCRDR is a word that both share."""
    body = """
        ldr r0, =0xE000EDF4
        ldr r1, =0x12345678
        str r1, [r0, #4]
        movs r2, #0
        str r2, [r0]
        ldr r3, [r0, #4]
        b .
    """
    machine, debugger = start(make_core, body)
    debugger.control()
    machine.run(100)
    assert machine.r(3) == 0x1234_5678
    debugger.write(d.DCRSR, 1)
    assert debugger.read(d.DCRDR) == 0x1234_5678


def test_c_step_executes_one_instruction(make_core: MakeCore) -> None:
    """C_STEP without C_HALT executes one instruction and halts again; a 32-bit one and a branch are one each."""
    machine, debugger = start(make_core, "main2: movw r0, #0x1234\n b target\n nop\n target: nop\n b .")
    debugger.control(d.HALT)
    debugger.why()
    seen = []
    for _ in range(3):
        debugger.control(d.STEP)
        assert machine.run(1000).reason is StopReason.DEBUG_STATE
        assert debugger.why() == d.HALTED
        seen.append(debugger.register(d.R_PC))
    target = machine.program["target"] & ~1
    assert seen == [target - 4, target, target + 2]
    assert machine.core.cycle == 4


def test_a_step_takes_a_pending_interrupt_unless_masked(make_core: MakeCore) -> None:
    """With an interrupt pending a step ends at its handler's first instruction; with C_MASKINTS it is not taken."""
    for bits, expected in ((0, "handler"), (d.MASKINTS, "second")):
        machine, debugger = start(make_core, "nop\n second: b .\n .thumb_func\n handler: nop\n bx lr", {16: "handler"})
        machine.core.set_enabled(0, True)
        debugger.control(d.HALT | bits)
        machine.core.pend(0)
        debugger.control(d.STEP | bits)
        machine.run(1000)
        assert machine.at(expected)
        icsr = debugger.read(0xE000_ED04) >> 12 & 0x1FF
        assert icsr == 0, "masked interrupts do not show as pending either"


def test_a_step_of_a_faulting_instruction_ends_in_the_handler(make_core: MakeCore) -> None:
    """The step of an instruction that faults is the fault's entry."""
    body = f"""
        ldr r0, ={SHCSR}
        ldr r1, =0x70000
        str r1, [r0]
        failing: udf #0
        .thumb_func
        handler: nop
    """
    machine, debugger = start(make_core, body, {6: "handler"})
    debugger.control()
    for _ in range(4):
        debugger.control(d.STEP)
        machine.run(1000)
    assert machine.at("handler")
    assert machine.core.registers().exception == 6


def test_sticky_bits_are_told_once(make_core: MakeCore) -> None:
    """S_RESET_ST tells of a reset since the last look, S_RETIRE_ST of an instruction; the guest's look is none."""
    machine, debugger = start(make_core, "ldr r0, =0xE000EDF0\n ldr r1, [r0]\n ldr r2, [r0]\n 1: b 1b")
    machine.run(20)
    assert machine.r(1) & machine.r(2) & d.S_RESET_ST
    first, second = debugger.read(d.DHCSR), debugger.read(d.DHCSR)
    assert first & (d.S_RESET_ST | d.S_RETIRE_ST) == d.S_RESET_ST | d.S_RETIRE_ST
    assert second & (d.S_RESET_ST | d.S_RETIRE_ST) == 0
    machine.run(40)
    assert debugger.read(d.DHCSR) & (d.S_RESET_ST | d.S_RETIRE_ST) == d.S_RETIRE_ST


def test_halting_ends_a_sleep(make_core: MakeCore) -> None:
    """S_SLEEP tells of a sleep; a halt wakes, and the core goes on behind the WFI."""
    machine, debugger = start(make_core, "wfi\n after: b .")
    debugger.control()
    assert machine.run(100).reason is StopReason.IDLE
    assert debugger.read(d.DHCSR) & d.S_SLEEP
    debugger.control(d.HALT)
    assert not debugger.read(d.DHCSR) & d.S_SLEEP
    assert machine.at("after")


def test_timers_stand_in_debug_state(make_core: MakeCore) -> None:
    """SysTick and CYCCNT do not count the time that passes in Debug state."""
    body = """
        ldr r0, =0xE000EDFC
        ldr r1, =0x01000000
        str r1, [r0]
        ldr r0, =0xE0001000
        movs r1, #1
        str r1, [r0]
        ldr r0, =0xE000E010
        ldr r1, =0xFFFFFF
        str r1, [r0, #4]
        movs r1, #5
        str r1, [r0]
        b .
    """
    machine, debugger = start(make_core, body)
    machine.run(1000)
    debugger.control(d.HALT)
    before = debugger.read(0xE000_E018), debugger.read(d.DWT_CYCCNT)
    machine.core.skip_to(50_000)
    assert (debugger.read(0xE000_E018), debugger.read(d.DWT_CYCCNT)) == before
    debugger.control()
    machine.run(50_100)
    assert before[0] - debugger.read(0xE000_E018) == debugger.read(d.DWT_CYCCNT) - before[1] == 100


CATCHES = {
    Vector.HARD_FAULT: ("cpsid i\n svc #0", 3),
    Vector.MEM_MANAGE: ("ldr r1, =0xE0000000\n bx r1", 4),
    Vector.BUS_FAULT: ("ldr r1, =0x60000000\n ldr r1, [r1]", 5),
    Vector.STATE: ("udf #0", 6),
    Vector.NO_COPROCESSOR: ("cdp p0, #0, c0, c0, c0, #0", 6),
    Vector.CHECK: ("ldr r1, =0xE000ED14\n mov r2, #0x10\n str r2, [r1]\n movs r2, #0\n udiv r0, r0, r2", 6),
    Vector.ENTRY_OR_RETURN: ("ldr r1, =0x60001000\n mov sp, r1\n svc #0", 5),
}


@pytest.mark.parametrize("vector", CATCHES)
def test_a_caught_vector_halts_at_the_handler(make_core: MakeCore, vector: Vector) -> None:
    """A fault of the kind that is caught halts the core before its handler's first instruction; no other does."""
    body, exception = CATCHES[vector]
    program = f"""
        ldr r0, ={SHCSR}
        ldr r1, =0x70000
        str r1, [r0]
        {body}
        .ltorg
        .thumb_func
        handler: mov r11, #1
        b .
    """
    for caught in (vector, ~vector & Vector(0x7F1) & ~Vector.ENTRY_OR_RETURN):
        machine, debugger = start(make_core, program, dict.fromkeys((3, 4, 5, 6), "handler"))
        if vector is Vector.ENTRY_OR_RETURN and caught is not vector:
            continue
        machine.core.catch_vectors(caught)
        stop = machine.run(200).reason
        if caught is not vector:
            assert stop is (StopReason.FAULT if vector is Vector.HARD_FAULT else StopReason.DEADLINE)
            continue
        assert stop is StopReason.DEBUG_STATE
        assert machine.at("handler")
        assert machine.core.registers().exception == exception
        assert debugger.why() == d.VCATCH
        debugger.control()
        machine.run(machine.core.cycle + 5)
        assert machine.r(11) == 1, "and the handler runs when it is let go"


def test_a_reset_can_be_caught_and_leaves_the_debugger_its_settings(make_core: MakeCore) -> None:
    """Reset with VC_CORERESET halts at the first instruction; breakpoints, comparators and TRCENA live through it."""
    machine, debugger = start(make_core, "nop\n here: nop\n b .")
    machine.core.catch_vectors(Vector.RESET)
    debugger.breakpoint(3, machine.program["here"] & ~1)
    debugger.compare(1, RAM, d.DATA | d.WORD | d.DEBUG_EVENT)
    debugger.write(0xE000_ED0C, 0x05FA_0004)
    assert machine.run().reason is StopReason.RESET
    machine.core.reset(FLASH)
    assert machine.run().reason is StopReason.DEBUG_STATE
    assert machine.at("main")
    assert debugger.why() == d.VCATCH
    assert debugger.read(d.DEMCR) == d.TRCENA | 1
    assert debugger.function(1) & 0xFFF == d.DATA | d.WORD | d.DEBUG_EVENT
    debugger.control()
    assert machine.run().reason is StopReason.DEBUG_STATE
    assert machine.at("here")
    assert debugger.why() == d.BKPT


def test_a_reset_without_a_debugger_is_like_a_new_core(make_core: MakeCore) -> None:
    """With C_DEBUGEN clear a reset gives every debug register its reset value."""
    machine, debugger = start(make_core, "nop\n b .")
    fresh = machine.core.save()
    debugger.breakpoint(0, 0x0800_0000)
    debugger.compare(0, 5, d.CYCLE)
    debugger.write(d.DCRDR, 77)
    machine.core.reset(FLASH)
    assert machine.core.save() == fresh


def test_a_debugger_reaches_memory_devices_and_registers(make_core: MakeCore) -> None:
    """Its accesses go through the bus like a memory access port's: aligned, past the MPU, and with bus errors."""
    machine, debugger = start(make_core, "b .")
    core = machine.core
    core.debug_write(RAM + 1, 1, 0xAB)
    core.debug_write(RAM + 2, 2, 0xCDEF)
    assert debugger.read(RAM) == 0xCDEF_AB00
    machine.device.answers[8] = 0x1234
    assert core.debug_read(0x4000_0008, 2) == 0x1234
    core.debug_write(0x4000_0004, 1, 7)
    assert machine.device.log[-1] == ("write", 4, 1, 7)
    assert debugger.read(FLASH) == STACK_TOP
    debugger.write(0xE000_ED94, 1)
    assert debugger.read(FLASH) == STACK_TOP, "no region of the MPU lets anybody through"
    machine.device.refuse.add(0x10)
    for address in (FLASH, GATEWAY, 0x6000_0000, 0x4000_0010):
        with pytest.raises(Exception, match="nothing answers") as raised:
            debugger.write(address, 0)
        assert type(raised.value).__name__ == "BusFault"
    for address, size in ((RAM + 2, 4), (RAM + 1, 2), (RAM, 3), (RAM, 8)):
        with pytest.raises(ValueError, match="1, 2 or 4 bytes"):
            core.debug_read(address, size)


def test_code_that_a_debugger_writes_is_executed(make_core: MakeCore) -> None:
    """An instruction changed through the debugger's bus is the one that runs next, decoded before or not."""
    machine, debugger = start(make_core, f"ldr r4, ={RAM + 0x101:#x}\n bx r4")
    machine.core.write_memory(RAM + 0x100, bytes.fromhex("0130fde7"))  # adds r0, #1; b .-2
    machine.run(100)
    assert machine.r(0) > 10
    debugger.write(RAM + 0x100, 0xE7FE_2063)
    machine.run(120)
    machine.core.write_register("r15", RAM + 0x100)
    machine.run(200)
    assert machine.r(0) == 0x63


@pytest.mark.parametrize("cut", [1, 1000])
def test_the_guest_sees_what_it_has_retired_however_its_run_is_cut(make_core: MakeCore, cut: int) -> None:
    """S_RETIRE_ST counts the instructions just before the guest's look, and there are none before the very first."""
    first = start(make_core, "ldr r1, [r0]\n 1: b 1b")[0]
    later = start(make_core, "nop\n ldr r1, [r0]\n 1: b 1b")[0]
    for machine in (first, later):
        machine.core.write_register("r0", d.DHCSR)
        for until in range(cut, 20 + cut, cut):
            machine.core.run(until)
    assert not first.r(1) & d.S_RETIRE_ST
    assert later.r(1) & d.S_RETIRE_ST
