"""SysTick, the cycle counter and the identification registers, as the guest sees them."""

import pytest

from mvsdk import boards
from mvsdk.emulator.core import StopReason, new_core
from tests.emulator.core.conftest import MakeCore
from tests.emulator.guest import Machine, assemble, call_log

SYSTICK = "ldr r4, =0xE000E010\n"
REPORT = "ldr r5, =gateway\n"


def start(make_core: MakeCore, body: str, vectors: dict[int, str] | None = None) -> Machine:
    """Return a machine whose program has SysTick's base in r4 and the gateway in r5."""
    return Machine(make_core(), assemble(f"{SYSTICK}{REPORT}{body}"), vectors)


def test_systick_counts_down_with_the_processor_clock(make_core: MakeCore) -> None:
    """With CLKSOURCE set the counter loses one per cycle, and reloads one tick after zero."""
    body = """
        movw r0, #999
        str r0, [r4, #4]
        str r0, [r4, #8]
        movs r0, #5
        str r0, [r4]
        isb
        1: ldr r0, [r4, #8]
        blx r5
        b 1b
    """
    machine = start(make_core, body)
    samples = [(call[0], call[2]) for call in call_log(machine, 5000)]
    assert len(samples) > 500
    (first_cycle, first_value), *rest = samples
    for cycle, value in rest:
        assert value == (first_value - (cycle - first_cycle)) % 1000


def test_systick_counts_eighths_without_clksource(make_core: MakeCore) -> None:
    """With CLKSOURCE clear the counter runs at an eighth of the processor clock."""
    body = """
        ldr r0, =0xFFFFFF
        str r0, [r4, #4]
        str r0, [r4, #8]
        movs r0, #1
        str r0, [r4]
        isb
        1: ldr r0, [r4, #8]
        blx r5
        b 1b
    """
    machine = start(make_core, body)
    samples = [(call[0], call[2]) for call in call_log(machine, 20_000)][1:]
    (first_cycle, first_value), (last_cycle, last_value) = samples[0], samples[-1]
    assert abs((first_value - last_value) - (last_cycle - first_cycle) / 8) <= 1


@pytest.mark.parametrize("reload", [50, 99, 1000, 4321])
def test_systick_interrupts_every_period(make_core: MakeCore, reload: int) -> None:
    """The exception comes every reload + 1 cycles, no more than a block late, and never drifts."""
    body = f"""
        ldr r0, ={reload}
        str r0, [r4, #4]
        str r0, [r4, #8]
        movs r0, #7
        str r0, [r4]
        1: b 1b
        .thumb_func
        tick: bx r5
    """
    machine = start(make_core, body, {15: "tick"})
    cycles = [call[0] for call in call_log(machine, 100 * (reload + 1))]
    assert len(cycles) in (98, 99, 100)
    periods = {cycle // (reload + 1) for cycle in (at - cycles[0] + reload // 2 for at in cycles)}
    assert periods == set(range(len(cycles)))


def test_countflag_is_set_at_zero_and_cleared_by_reading(make_core: MakeCore) -> None:
    """COUNTFLAG tells once per wrap, without any interrupt; writing the counter clears it too."""
    body = """
        movs r0, #99
        str r0, [r4, #4]
        str r0, [r4, #8]
        movs r0, #5
        str r0, [r4]
        isb
        ldr r6, [r4]
        movs r1, #60
        1: subs r1, #1
        bne 1b
        ldr r7, [r4]
        ldr r8, [r4]
        movs r1, #60
        1: subs r1, #1
        bne 1b
        str r1, [r4, #8]
        isb
        ldr r9, [r4]
        bkpt
    """
    machine = start(make_core, body)
    machine.run()
    assert machine.core.registers().r[6:10] == (5, 0x1_0005, 5, 5)
    assert not machine.core.registers().exception


def test_systick_without_reload_fires_once_at_most(make_core: MakeCore) -> None:
    """Reload 0 lets the counter run out and stand."""
    body = """
        movs r0, #100
        str r0, [r4, #4]
        str r0, [r4, #8]
        movs r0, #7
        str r0, [r4]
        isb
        movs r0, #200
        1: subs r0, #1
        bne 1b
        str r0, [r4, #4]
        1: b 1b
        .thumb_func
        tick: adds r7, #1
        bx lr
    """
    machine = start(make_core, body, {15: "tick"})
    machine.run(10_000)
    assert 1 <= machine.r(7) <= 7


def test_a_late_handler_loses_ticks_but_not_the_grid(make_core: MakeCore) -> None:
    """While the exception is pending further wraps are lost; later ones are on time."""
    body = """
        movw r0, #999
        str r0, [r4, #4]
        str r0, [r4, #8]
        movs r0, #7
        str r0, [r4]
        cpsid i
        movw r1, #3000
        1: subs r1, #1
        bne 1b
        cpsie i
        1: b 1b
        .thumb_func
        tick: bx r5
    """
    machine = start(make_core, body, {15: "tick"})
    cycles = [call[0] for call in call_log(machine, 20_500)]
    assert cycles[0] > 6000
    assert len(cycles) == 1 + (20_500 - cycles[0]) // 1000
    assert len({(cycle // 100) % 10 for cycle in cycles[1:]}) == 1


def test_the_pending_bit_of_systick_can_be_set_and_cleared(make_core: MakeCore) -> None:
    """PENDSTSET and PENDSTCLR act on the exception without the counter."""
    body = """
        ldr r0, =0xE000ED04
        mov r1, #1 << 26
        cpsid i
        str r1, [r0]
        ldr r6, [r0]
        lsr r1, #1
        str r1, [r0]
        ldr r7, [r0]
        cpsie i
        bkpt
    """
    machine = start(make_core, body)
    assert machine.run().reason is StopReason.BREAKPOINT
    assert machine.core.registers().r[6:8] == (1 << 26 | 15 << 12, 0)


@pytest.mark.parametrize("cut", [8000, 1000, 8])
def test_clearing_the_pending_bit_drops_past_ticks_and_no_later_one(make_core: MakeCore, cut: int) -> None:
    """After PENDSTCLR the next tick comes at its time, however the run is cut, though one was pending for periods."""
    body = """
        movw r0, #999
        cpsid i
        str r0, [r4, #4]
        str r0, [r4, #8]
        movs r0, #7
        str r0, [r4]
        ldr r1, =0xE000ED04
        mov r2, #1 << 25
        movw r3, #1500
        2: subs r3, #1
        bne 2b
        str r2, [r1]
        cpsie i
        1: b 1b
        .thumb_func
        tick: bx r5
    """
    machine = start(make_core, body, {15: "tick"})
    calls = [call for end in range(cut, 8001, cut) for call in call_log(machine, end)]
    assert [call[0] // 1000 for call in calls] == [4, 5, 6, 7]
    assert {call[0] % 1000 for call in calls} == {calls[0][0] % 1000}
    assert calls[0][0] % 1000 < 20  # the program's first instructions come before the timer starts


def test_the_cycle_counter_counts_cycles(make_core: MakeCore) -> None:
    """CYCCNT, once enabled and cleared as drivers do, moves with time, wraps and stands when disabled."""
    body = """
        ldr r0, =0xE000EDFC
        ldr r1, =0x01000000
        str r1, [r0]
        ldr r0, =0xE0001000
        mvn r1, #99
        str r1, [r0, #4]
        ldr r2, [r0]
        orr r2, #1
        str r2, [r0]
        isb
        ldr r0, [r0, #4]
        blx r5
        movs r1, #100
        1: subs r1, #1
        bne 1b
        ldr r0, =0xE0001000
        ldr r0, [r0, #4]
        blx r5
        ldr r0, =0xE0001000
        movs r2, #0
        str r2, [r0]
        isb
        ldr r6, [r0, #4]
        movs r1, #100
        1: subs r1, #1
        bne 1b
        ldr r7, [r0, #4]
        bkpt
    """
    machine = start(make_core, body)
    first, second = call_log(machine, 10_000)
    assert first[2] > 0xFFFF_FF00
    assert (second[2] - first[2]) % (1 << 32) == pytest.approx(second[0] - first[0], abs=8)
    assert machine.r(6) == machine.r(7)


@pytest.mark.parametrize(
    ("address", "value"),
    [
        (0xE000_ED00, 0x410F_D214),  # CPUID: Cortex-M33 r0p4
        (0xE000_E004, 0x0000_000E),  # ICTR: 480 lines
        (0xE000_ED14, 0x0000_0201),  # CCR
        (0xE000_EF40, 0x1011_0021),  # MVFR0
        (0xE000_EF48, 0x0000_0040),  # MVFR2
        (0xE000_ED7C, 0x8000_C000),  # CTR
        (0xE000_E100, 0x0000_0000),
        (0xE000_E380, 0x0000_0000),  # NVIC_ITNS: not for non-secure code
        (0xE000_EDD0, 0x0000_0000),  # SAU_CTRL: not for non-secure code
        (0xE000_ED20, 0x0000_0000),
        (0xE00F_FFFC, 0x0000_00B1),  # the ROM table, CIDR3
        (0xE004_0FFC, 0x0000_0000),  # a TPIU, not there
    ],
)
def test_identification_and_unknown_registers(make_core: MakeCore, address: int, value: int) -> None:
    """Read-only registers answer the M33's values, unknown ones zero, and writes to either change nothing."""
    body = f"ldr r0, ={address}\n ldr r6, [r0]\n mvn r1, #0\n str r1, [r0]\n isb\n ldr r7, [r0]\n bkpt"
    machine = start(make_core, body)
    assert machine.run().reason is StopReason.BREAKPOINT
    assert machine.r(6) == value
    assert machine.r(7) == value or address in (0xE000_ED14, 0xE000_E100, 0xE000_ED20)


@pytest.mark.parametrize(
    ("address", "readback"),
    [
        (0xE000_ED08, 0xFFFF_FF80),  # VTOR
        (0xE000_ED10, 0x0000_0016),  # SCR
        (0xE000_ED88, 0x00F0_FFFF),  # CPACR
        (0xE000_E014, 0x00FF_FFFF),  # SYST_RVR
        (0xE000_EF38, 0xFFFF_FFF8),  # FPCAR
        (0xE000_E43C, 0xF0F0_F0F0),  # NVIC_IPR15
        (0xE000_E5DC, 0xF0F0_F0F0),  # NVIC_IPR119, the last
        (0xE000_E5E0, 0x0000_0000),
        (0xE000_ED18, 0x00F0_F0F0),  # SHPR1: SecureFault is not ours
        (0xE000_ED1C, 0xF000_0000),  # SHPR2
        (0xE000_ED20, 0xF0F0_00F0),  # SHPR3, DebugMonitor included
        (0xE000_EDA0, 0xFFFF_FFEF),  # MPU_RLAR: PXN came with Armv8.1-M
        (0xE000_0E80, 0x007F_0F3F),  # ITM_TCR
        (0xE000_2000, 0x1000_0081),  # FP_CTRL
        (0xE000_E13C, 0x0000_0000),  # beyond ISER14
        (0xE000_E138, 0xFFFF_FFFF),  # ISER14
    ],
)
def test_writable_bits(make_core: MakeCore, address: int, readback: int) -> None:
    """Registers written with all ones keep the bits that exist."""
    machine = start(make_core, f"ldr r0, ={address}\n mvn r1, #0\n str r1, [r0]\n isb\n ldr r7, [r0]\n bkpt")
    machine.run()
    assert machine.r(7) == readback


def test_narrow_writes_keep_the_rest(make_core: MakeCore) -> None:
    """A byte or halfword written to a register that holds a value leaves its other bytes."""
    body = """
        ldr r0, =0xE000ED88
        ldr r1, =0x00F00000
        str r1, [r0]
        movs r1, #0x0F
        strb r1, [r0]
        strb r1, [r0, #1]
        ldr r6, [r0]
        ldrh r7, [r0, #2]
        bkpt
    """
    machine = start(make_core, body)
    machine.run()
    assert (machine.r(6), machine.r(7)) == (0x00F0_0F0F, 0x00F0)


def test_interrupts_that_the_chip_does_not_have_are_not_there() -> None:
    """A core with as many lines as the board says so in ICTR; what lies beyond reads as zero and takes no writes."""
    core = new_core(boards.load().interrupt_lines)
    assert core.debug_read(0xE000_E004, 4) == 3  # lines in groups of 32, minus one
    for address in (0xE000_E10C, 0xE000_E20C):
        core.debug_write(address, 4, 0xFFFF_FFFF)
        assert core.debug_read(address, 4) == 0x1FFF_FFFF  # 96 to 124
    core.debug_write(0xE000_E47C, 4, 0xFFFF_FFFF)
    assert core.debug_read(0xE000_E47C, 4) == 0x0000_00F0  # 124, then 125 to 127
    with pytest.raises(ValueError, match="no interrupt 125"):
        core.pend(125)
