"""Reset, deadlines, gateways, breakpoints, halting, memory and devices."""

import pytest

from mvsdk.emulator.core import BusFault, Core, StopReason
from mvsdk.errors import EmulatorError
from tests.emulator.core.conftest import MakeCore
from tests.emulator.guest import (
    CODE,
    DEVICE,
    FLASH,
    GATEWAY,
    GATEWAYS,
    RAM,
    STACK_TOP,
    Machine,
    assemble,
    call_log,
    compile_c,
)  # fmt: skip

SPIN = assemble("1: adds r0, #1\n b 1b")


def test_reset_loads_stack_pointer_and_program_counter_from_the_vector_table(make_core: MakeCore) -> None:
    """Reset takes MSP and PC from the table and puts the other registers to their architectural values."""
    registers = Machine(make_core(), SPIN).core.registers()
    assert (registers.sp, registers.msp, registers.pc) == (STACK_TOP, STACK_TOP, CODE)
    assert registers.lr == 0xFFFF_FFFF
    assert registers.xpsr == 0x0100_0000
    assert (registers.control, registers.primask, registers.basepri, registers.faultmask) == (0, 0, 0, 0)
    assert (registers.psp, registers.msplim, registers.psplim) == (0, 0, 0)


def test_reset_sets_vtor(make_core: MakeCore) -> None:
    """A guest that never wrote VTOR reads the address of the table it was reset with."""
    machine = Machine(make_core(), assemble("ldr r0, =0xE000ED08\n ldr r1, [r0]\n bkpt"))
    machine.run()
    assert machine.r(1) == FLASH


def test_reset_puts_back_what_the_guest_changed(make_core: MakeCore) -> None:
    """Masks, stacks, mode, limits and private peripherals do not survive a reset; time does."""
    body = """
        movs r0, #1
        cpsid i
        cpsid f
        msr psp, r0
        ldr r1, =0x20001000
        msr psplim, r1
        msr msplim, r1
        ldr r1, =0xE000E010
        movs r2, #7
        str r2, [r1, #4]
        str r2, [r1]
        movs r2, #3
        msr control, r2
        isb
        bkpt
    """
    machine = Machine(make_core(), assemble(body))
    fresh = machine.core.registers()
    assert machine.run().reason is StopReason.BREAKPOINT
    cycle = machine.core.cycle
    assert machine.core.registers().control == 3
    machine.core.reset(FLASH)
    assert machine.core.registers() == fresh
    assert machine.core.cycle == cycle
    again = Machine(make_core(), SPIN).core
    assert machine.core.registers() == again.registers()


def test_reset_needs_a_vector_table(make_core: MakeCore) -> None:
    """A reset with the table outside memory is refused."""
    machine = Machine(make_core(), SPIN)
    with pytest.raises(LookupError):
        machine.core.reset(0x3000_0000)


def test_deadline_is_kept_and_never_early(make_core: MakeCore) -> None:
    """A run without events ends with DEADLINE at the cycle asked for or within one block after it."""
    machine = Machine(make_core(), SPIN)
    for until in (1, 2, 10, 1000, 1001, 50_000):
        assert machine.run(until).reason is StopReason.DEADLINE
        assert until <= machine.core.cycle < until + 512


@pytest.mark.parametrize("branch", ["ldr.w pc, [r1]", "ldmia.w r1, {r4, pc}", "tbb [r2, r3]", "pop.w {r5, pc}"])
def test_a_wide_branch_across_the_deadline_is_the_last_instruction(make_core: MakeCore, branch: str) -> None:
    """What begins before the deadline ends it, one cycle late at most, wherever a branch leads and however often."""
    body = f"""
        adr r1, 2f
        adr r2, 3f
        movs r3, #0
        ldr r0, 2f
        1: push {{r0, r6}}
        mov r6, sp
        str r0, [r6]
        str r0, [r6, #4]
        mov r1, sp
        {branch}
        3: .byte (4f - 3b) / 2, 0
        .thumb_func
        4: ldr r6, =0x20001000
        mov sp, r6
        adds r7, #1
        adds r7, #1
        b 1b
        .align 2
        2: .word 4b + 1, 4b + 1
    """
    machine = Machine(make_core(), assemble(body))
    while machine.core.cycle < 300:
        until = machine.core.cycle + 1
        assert machine.core.run(until).reason is StopReason.DEADLINE
        assert until <= machine.core.cycle <= until + 1
    assert machine.r(7) > 20


def test_a_deadline_in_the_past_executes_nothing(make_core: MakeCore) -> None:
    """Running until a cycle that is over changes nothing."""
    machine = Machine(make_core(), SPIN)
    machine.run(100)
    before = machine.core.save()
    assert machine.run(50).reason is StopReason.DEADLINE
    assert machine.core.save() == before


def test_skip_to_moves_time_forwards_only(make_core: MakeCore) -> None:
    """Time may be moved on without executing, and never back."""
    machine = Machine(make_core(), SPIN)
    machine.core.skip_to(1234)
    assert machine.core.cycle == 1234
    machine.core.skip_to(1000)
    assert machine.core.cycle == 1234
    assert machine.r(0) == 0


def test_gateway_stops_before_anything_there_executes(make_core: MakeCore) -> None:
    """At a gateway the address and the first four arguments are handed over, and time stands."""
    body = "movs r0,#1\n movs r1,#2\n movs r2,#3\n movs r3,#4\n ldr r4,=gateway\n blx r4\n mov r5,r0\n bkpt"
    machine = Machine(make_core(), assemble(body))
    assert machine.run().reason is StopReason.GATEWAY
    assert machine.core.gateway_call() == (GATEWAY, 1, 2, 3, 4)
    assert machine.core.registers().pc == GATEWAY
    assert machine.run().reason is StopReason.GATEWAY
    machine.core.gateway_return(0xFFFF_FFFF)
    assert machine.run().reason is StopReason.BREAKPOINT
    assert machine.r(5) == 0xFFFF_FFFF


def test_all_gateways_are_told_apart(make_core: MakeCore) -> None:
    """Each gateway address reports itself."""
    body = "ldr r4, =gateway\n 1: blx r4\n adds r4, #8\n b 1b"
    machine = Machine(make_core(), assemble(body))
    for address in GATEWAYS:
        assert machine.run().reason is StopReason.GATEWAY
        assert machine.core.gateway_call()[0] == address
        machine.core.gateway_return(0)
    assert machine.run().reason is StopReason.FAULT


def test_a_gateway_may_lie_in_memory(make_core: MakeCore) -> None:
    """A gateway inside mapped memory stops the run like any other, also when execution falls into it."""
    program = assemble("movs r0, #9\n bl here\n mov r6, r0\n bkpt\n nop\n .thumb_func\n here: bkpt 1")
    machine = Machine(make_core(), program)
    machine.core.trap([program["here"] & ~1])
    machine.core.reset(FLASH)
    assert machine.run().reason is StopReason.GATEWAY
    assert machine.core.gateway_call()[:2] == (program["here"] & ~1, 9)
    machine.core.gateway_return(11)
    assert machine.run().reason is StopReason.BREAKPOINT
    assert machine.r(6) == 11


def test_a_gateway_can_be_called_as_a_tail_call_from_a_handler(make_core: MakeCore) -> None:
    """Answering a call whose return address is an EXC_RETURN value returns from the exception."""
    body = """
        svc #0
        movs r7, #1
        bkpt
        .thumb_func
        handler: ldr r1, =gateway
        bx r1
    """
    machine = Machine(make_core(), assemble(body), {11: "handler"})
    assert machine.run().reason is StopReason.GATEWAY
    assert machine.core.registers().exception == 11
    machine.core.gateway_return(5)
    assert machine.run().reason is StopReason.BREAKPOINT
    assert machine.core.registers().exception == 0
    assert (machine.r(7), machine.r(0)) == (1, 0)


def test_there_is_nothing_behind_a_gateway(make_core: MakeCore) -> None:
    """Reading a gateway is a bus fault, after it was called too; what lies beside it does not execute."""
    machine = Machine(make_core(), assemble("ldr r0, =gateway\n blx r0\n ldr r0, =gateway\n ldrb r1, [r0]\n bkpt"))
    assert machine.run().reason is StopReason.GATEWAY
    machine.core.gateway_return(0)
    stop = machine.run()
    assert stop.reason is StopReason.FAULT
    assert stop.fault is not None
    assert stop.fault.bfar == GATEWAY | 1
    machine = Machine(make_core(), assemble("ldr r0, =gateway + 4\n bx r0"))
    assert machine.run().reason is StopReason.FAULT
    with pytest.raises(LookupError):
        machine.core.read_memory(GATEWAY, 4)


def test_a_gateway_called_without_the_thumb_bit_is_a_fault(make_core: MakeCore) -> None:
    """A branch to the even address of a gateway leaves Thumb state, which is a fault and no call."""
    machine = Machine(make_core(), assemble("ldr r0, =gateway\n bic r0, #1\n bx r0"))
    assert machine.run().reason is StopReason.FAULT


def test_breakpoints_stop_before_the_instruction_and_are_stepped_over(make_core: MakeCore) -> None:
    """A breakpoint is hit once each time its instruction is about to execute, also in the middle of a block."""
    program = assemble("1: adds r0, #1\n .thumb_func\n inner: adds r1, #1\n adds r2, #1\n b 1b")
    machine = Machine(make_core(), program)
    machine.core.set_breakpoints([program["inner"] & ~1])
    for turn in range(1, 6):
        assert machine.run().reason is StopReason.BREAKPOINT
        assert machine.at("inner")
        assert [machine.r(n) for n in range(3)] == [turn, turn - 1, turn - 1]
    machine.core.set_breakpoints([])
    assert machine.run(1000).reason is StopReason.DEADLINE


def test_breakpoints_inside_an_it_block_change_nothing(make_core: MakeCore) -> None:
    """A conditional instruction that executes can be stopped at, and the rest keeps its conditions."""
    body = """
        movs r0, #1
        cmp r0, #1
        itttt eq
        addeq r1, #1
        .thumb_func
        inner: addeq r2, #2
        addeq r3, #3
        addeq r4, #4
        itee ne
        addne r5, #5
        .thumb_func
        second: addeq r6, #6
        addeq r7, #7
        bkpt
    """
    program = assemble(body)
    machine = Machine(make_core(), program)
    machine.core.set_breakpoints([program["inner"] & ~1, program["second"] & ~1])
    assert machine.run().reason is StopReason.BREAKPOINT
    assert machine.at("inner")
    assert [machine.r(n) for n in range(1, 5)] == [1, 0, 0, 0]
    assert machine.run().reason is StopReason.BREAKPOINT
    assert machine.at("second")
    assert [machine.r(n) for n in range(1, 8)] == [1, 2, 3, 4, 0, 0, 0]
    assert machine.run().reason is StopReason.BREAKPOINT
    assert [machine.r(n) for n in range(1, 8)] == [1, 2, 3, 4, 0, 6, 7]


def test_a_breakpoint_in_an_it_block_that_straddles_a_kilobyte_changes_nothing(make_core: MakeCore) -> None:
    """Where a block must end inside an IT block, the conditions still hold after a stop."""
    filler = "nop\n" * 508
    body = f"""
        movs r0, #1
        cmp r0, #1
        {filler}
        itttt ne
        addne r1, #1
        addne r2, #2
        .thumb_func
        inner: addne r3, #3
        addne r4, #4
        ittt eq
        addeq r5, #5
        addeq r6, #6
        .thumb_func
        executed: addeq r7, #7
        bkpt
    """
    for shift in range(6):
        program = assemble("b 1f\n" + "nop\n" * shift + "1:\n" + body)
        machine = Machine(make_core(), program)
        machine.core.set_breakpoints([program["inner"] & ~1, program["executed"] & ~1])
        assert machine.run().reason is StopReason.BREAKPOINT
        if machine.at("inner"):  # an implementation may stop at an instruction whose condition fails
            assert machine.run().reason is StopReason.BREAKPOINT
        assert machine.at("executed")
        assert machine.run().reason is StopReason.BREAKPOINT
        assert [machine.r(n) for n in range(1, 8)] == [0, 0, 0, 0, 5, 6, 7]


@pytest.mark.parametrize("instruction", ["msreq basepri, r0", "svceq #0", "wfeeq", "vmsreq fpscr, r0"])
def test_a_breakpoint_behind_what_ends_a_block_in_an_it_block(make_core: MakeCore, instruction: str) -> None:
    """Conditions hold after a stop behind an instruction that changes the processor's state."""
    body = f"""
        ldr r4, =0xE000ED88
        ldr r5, =0x00F00000
        str r5, [r4]
        sev
        movs r0, #0
        svc #0
        itete eq
        {instruction}
        addne r1, #1
        .thumb_func
        inner: addeq r2, #2
        addne r3, #3
        bkpt
        .thumb_func
        handler: bx lr
    """
    program = assemble(body)
    machine = Machine(make_core(), program, {11: "handler"})
    machine.core.set_breakpoints([program["inner"] & ~1])
    assert machine.run().reason is StopReason.BREAKPOINT
    assert machine.at("inner")
    assert machine.run().reason is StopReason.BREAKPOINT
    assert [machine.r(n) for n in range(1, 4)] == [0, 2, 0]


def test_bkpt_stops_and_is_skipped_by_the_next_run(make_core: MakeCore) -> None:
    """A BKPT instruction stops like a breakpoint; running on goes behind it."""
    machine = Machine(make_core(), assemble("movs r0,#1\n .thumb_func\n there: bkpt 0xAB\n movs r0,#2\n bkpt"))
    assert machine.run().reason is StopReason.BREAKPOINT
    assert machine.at("there")
    assert machine.r(0) == 1
    assert machine.run().reason is StopReason.BREAKPOINT
    assert machine.r(0) == 2


def test_a_debugger_may_go_elsewhere_from_a_breakpoint(make_core: MakeCore) -> None:
    """Writing the program counter leaves a breakpoint, or the middle of a block, without a trace."""
    program = assemble("nop\n .thumb_func\n inner: nop\n bkpt\n .thumb_func\n other: movs r0, #3\n bkpt")
    machine = Machine(make_core(), program)
    machine.core.set_breakpoints([program["inner"] & ~1])
    machine.run()
    machine.core.write_register("r15", program["other"])
    assert machine.run().reason is StopReason.BREAKPOINT
    assert machine.r(0) == 3


class Halting:
    """A device whose write halts the core."""

    def __init__(self, core: Core) -> None:
        self.core = core

    def read(self, _offset: int, _size: int) -> int:
        """Answer a read."""
        return 0

    def write(self, _offset: int, _size: int, _value: int) -> None:
        """Halt."""
        self.core.halt()


def test_halt_ends_the_run_soon_and_the_next_goes_on(make_core: MakeCore) -> None:
    """A device can end a run; nothing is lost or repeated."""
    core = make_core()
    core.map_device(0x5000_0000, 0x1000, Halting(core))
    body = "ldr r0,=0x50000000\n 1: adds r1,#1\n str r1,[r0]\n b 2f\n 2: adds r2,#1\n cmp r1,#3\n bne 1b\n bkpt"
    machine = Machine(core, assemble(body))
    for turn in (1, 2, 3):
        assert machine.run().reason is StopReason.HALTED
        assert machine.r(1) == turn
        assert machine.r(2) == turn - 1
    assert machine.run().reason is StopReason.BREAKPOINT
    assert machine.r(2) == 3


def test_devices_see_offset_size_and_value(make_core: MakeCore) -> None:
    """Loads and stores of each width reach a device as they are, doublewords and multiples as words."""
    body = """
        ldr r0, =0x40000000
        ldr r1, =0x11223344
        str r1, [r0, #4]
        strh r1, [r0, #10]
        strb r1, [r0, #13]
        ldr r2, [r0, #16]
        ldrh r3, [r0, #20]
        ldrb r4, [r0, #22]
        ldrsh r5, [r0, #20]
        ldrd r6, r7, [r0, #16]
        bkpt
    """
    machine = Machine(make_core(), assemble(body))
    machine.device.answers = {16: 0xCAFE_BABE, 20: 0xFFFE, 22: 0x80}
    machine.run()
    assert machine.device.log == [
        ("write", 4, 4, 0x11223344),
        ("write", 10, 2, 0x3344),
        ("write", 13, 1, 0x44),
        ("read", 16, 4, 0xCAFE_BABE),
        ("read", 20, 2, 0xFFFE),
        ("read", 22, 1, 0x80),
        ("read", 20, 2, 0xFFFE),
        ("read", 16, 4, 0xCAFE_BABE),
        ("read", 20, 4, 0xFFFE),
    ]
    assert machine.core.registers().r[2:8] == (0xCAFE_BABE, 0xFFFE, 0x80, 0xFFFF_FFFE, 0xCAFE_BABE, 0xFFFE)


def test_a_device_access_in_an_it_block_does_not_disturb_it(make_core: MakeCore) -> None:
    """Conditions hold across device accesses, also in the code that called."""
    body = """
        ldr r0, =0x40000000
        bl touch
        itt eq
        addeq r5, #1
        addeq r5, #1
        ite ne
        addne r6, #1
        addeq r7, #1
        bkpt
        touch: cmp r0, r0
        ittt eq
        ldreq r1, [r0]
        streq r1, [r0, #4]
        bxeq lr
    """
    machine = Machine(make_core(), assemble(body))
    machine.run()
    assert [machine.r(n) for n in (5, 6, 7)] == [2, 0, 1]
    assert len(machine.device.log) == 2


def test_a_failing_device_model_is_not_hidden(make_core: MakeCore) -> None:
    """An exception of a device model that is not a bus fault comes out of `run`."""

    class Broken(Halting):
        def read(self, _offset: int, _size: int) -> int:
            raise RuntimeError("broken model")

    core = make_core()
    core.map_device(0x5000_0000, 0x1000, Broken(core))
    machine = Machine(core, assemble("movs r1,#1\n ldr r0,=0x50000000\n ldr r1,[r0]\n svc #0\n bkpt"))
    with pytest.raises(RuntimeError, match="broken model"):
        machine.run()


def test_memory_is_read_and_written_as_a_debugger_does(make_core: MakeCore) -> None:
    """All mapped memory can be read and changed from outside, read-only memory too; elsewhere there is none."""
    machine = Machine(make_core(), SPIN)
    machine.core.write_memory(RAM + 3, b"hello")
    assert machine.core.read_memory(RAM + 2, 7) == b"\0hello\0"
    machine.core.write_memory(FLASH + 0x1_0000, b"rom")
    assert machine.core.read_memory(FLASH + 0x1_0000, 3) == b"rom"
    for address in (0x3000_0000, DEVICE, FLASH - 1, STACK_TOP):
        with pytest.raises(LookupError):
            machine.core.read_memory(address, 1)
        with pytest.raises(LookupError):
            machine.core.write_memory(address, b"x")
    with pytest.raises(LookupError):
        machine.core.read_memory(STACK_TOP - 2, 4)
    machine.core.write_memory(RAM, b"")
    assert machine.core.read_memory(RAM, 0) == b""


def test_adjacent_memories_are_one(make_core: MakeCore) -> None:
    """Two memories side by side can be read, written and executed across their border."""
    core = make_core()
    core.map_memory(0x6000_0000, 0x1000, writable=True)
    core.map_memory(0x6000_1000, 0x1000, writable=True)
    machine = Machine(core, assemble("ldr r0,=0x60000ffd\n bx r0\n nop"))
    core.write_memory(0x6000_0FFC, bytes.fromhex("2a20 4ff0 2b01 00be"))  # movs r0,#42; mov.w r1,#43; bkpt
    assert core.read_memory(0x6000_0FFC, 8) == bytes.fromhex("2a20 4ff0 2b01 00be")
    assert machine.run().reason is StopReason.BREAKPOINT
    assert (machine.r(0), machine.r(1)) == (42, 43)


def test_code_written_after_it_ran_is_executed_as_written(make_core: MakeCore) -> None:
    """Changing code, from outside or by the guest itself, takes effect at its next execution."""
    body = """
        ldr r4, =0x20000001
        ldr r5, =0x47702001
        ldr r6, =0x20000000
        str r5, [r6]
        blx r4
        mov r7, r0
        adds r5, #1
        str r5, [r6]
        blx r4
        bkpt
        blx r4
        bkpt
    """
    machine = Machine(make_core(), assemble(body))
    machine.run()
    assert (machine.r(7), machine.r(0)) == (1, 2)
    machine.core.write_memory(RAM, bytes.fromhex("03207047"))
    machine.run()
    assert machine.r(0) == 3


def test_registers_can_be_written_and_read_back(make_core: MakeCore) -> None:
    """Every register name of the seam can be written; the stack pointers stay two."""
    core = Machine(make_core(), SPIN).core
    for number in (*range(13), 14):
        core.write_register(f"r{number}", 0x1000_0000 + number)
    core.write_register("psp", 0x2000_1000)
    core.write_register("msp", 0x2000_2000)
    for name, value in {"primask": 1, "basepri": 0x50, "faultmask": 1, "msplim": 0x100, "psplim": 0x200}.items():
        core.write_register(name, value)
    core.write_register("xpsr", 0xF100_0000)
    registers = core.registers()
    assert registers.r[:13] == tuple(0x1000_0000 + number for number in range(13))
    assert (registers.lr, registers.sp, registers.msp, registers.psp) == (
        0x1000_000E, 0x2000_2000, 0x2000_2000, 0x2000_1000,
    )  # fmt: skip
    assert (registers.primask, registers.basepri, registers.faultmask) == (1, 0x50, 1)
    assert (registers.msplim, registers.psplim, registers.xpsr) == (0x100, 0x200, 0xF100_0000)
    core.write_register("control", 2)
    core.write_register("r13", 0x2000_3000)
    assert (core.registers().sp, core.registers().msp, core.registers().psp) == (0x2000_3000, 0x2000_2000, 0x2000_3000)
    for name in ("r16", "sp", "", "rx"):
        with pytest.raises(ValueError, match="no register"):
            core.write_register(name, 0)


def test_registers_of_an_unprivileged_thread_are_shown_truly(make_core: MakeCore) -> None:
    """A debugger sees masks and both stack pointers although the guest itself may not."""
    body = """
        ldr r0, =0x20001000
        msr psp, r0
        movs r0, #0x40
        msr basepri, r0
        movs r0, #3
        msr control, r0
        isb
        mrs r1, basepri
        bkpt
    """
    machine = Machine(make_core(), assemble(body))
    machine.run()
    registers = machine.core.registers()
    assert registers.r[1] == 0
    assert (registers.msp, registers.psp, registers.basepri) == (STACK_TOP, 0x2000_1000, 0x40)


def test_compiled_c_runs(make_core: MakeCore) -> None:
    """A program out of the compiler computes what it should, through a gateway and back."""
    source = """
        typedef unsigned u32;
        u32 gateway(u32, u32, u32, u32);
        static u32 crc(const unsigned char *data, u32 length) {
            u32 value = 0xFFFFFFFFu;
            while (length--) {
                value ^= *data++;
                for (int bit = 0; bit < 8; bit++) value = value >> 1 ^ (value & 1 ? 0xEDB88320u : 0);
            }
            return ~value;
        }
        int main(void) {
            for (u32 n = 0;; n++) gateway(n, crc((const unsigned char *)"123456789", 9), n * n, n / 3);
        }
    """
    machine = Machine(make_core(), compile_c(source))
    calls = call_log(machine, 5000)
    assert [call[1:] for call in calls[:4]] == [(GATEWAY, n, 0xCBF4_3926, n * n, n // 3) for n in range(4)]
    assert len(calls) > 4


def test_bus_fault_of_a_device_is_its_own_exception() -> None:
    """The exception a device raises for a failing access is a plain exception and carries nothing."""
    assert issubclass(BusFault, Exception)


def test_ranges_that_overlap_are_refused(make_core: MakeCore) -> None:
    """Memory, devices and gateways must not lie on each other, and the error says what was asked for."""
    core = make_core()
    core.map_memory(RAM, 0x1000, writable=True)
    with pytest.raises(EmulatorError, match="0x20000000"):
        core.map_memory(RAM, 0x2000, writable=True)
    with pytest.raises(EmulatorError, match="0x20000000"):
        core.map_device(RAM, 0x1000, Halting(core))
    with pytest.raises(EmulatorError, match="0x40000100"):
        core.map_memory(0x4000_0100, 0x1000, writable=True)


@pytest.mark.parametrize("branch", ["bleq aside", "beq.w aside"])
def test_a_branch_in_an_it_block_is_decided_anew_each_time(make_core: MakeCore, branch: str) -> None:
    """One place goes both ways as its condition says, whichever way it went first."""
    body = f"""
            movs r0, #6
        again:
            movs r1, #1
            tst r0, r1
            itt eq
            addeq r2, #1
            {branch}
            adds r3, #1
        back:
            subs r0, #1
            bne again
            bkpt
            .thumb_func
        aside:
            adds r4, #1
            b back
    """
    machine = Machine(make_core(), assemble(body))
    machine.core.write_register("r2", 0)
    assert machine.run().reason is StopReason.BREAKPOINT
    assert [machine.r(number) for number in (2, 3, 4)] == [3, 3, 3]
