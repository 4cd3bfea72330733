"""WFI, WFE and SEV: what ends a sleep, and what time does meanwhile."""

import pytest

from mvsdk.emulator.core import StopReason
from tests.emulator.core.conftest import MakeCore
from tests.emulator.guest import Machine, assemble

SYSTICK_ON = """
    ldr r0, =0xE000E010
    ldr r1, =9999
    str r1, [r0, #4]
    movs r1, #0
    str r1, [r0, #8]
    movs r1, #7
    str r1, [r0]
"""
HANDLER = "\n .thumb_func\n handler: adds r7, #1\n bx lr\n"


def start(make_core: MakeCore, body: str, vectors: dict[int, str] | None = None) -> Machine:
    """Return a machine with interrupt 0 enabled and both handlers counting in r7."""
    enable = "ldr r0, =0xE000E100\n movs r1, #1\n str r1, [r0]\n isb\n"
    return Machine(make_core(), assemble(enable + body + HANDLER), vectors or {15: "handler", 16: "handler"})


@pytest.mark.parametrize("instruction", ["wfi", "wfi.w", "wfe", "wfe.w"])
def test_sleep_is_idle_and_takes_no_time(make_core: MakeCore, instruction: str) -> None:
    """A guest asleep with nothing to wake it is IDLE at the cycle at which it fell asleep, for ever."""
    machine = start(make_core, f"{instruction}\n movs r6, #1\n bkpt")
    stop = machine.run()
    assert (stop.reason, stop.wake_cycle) == (StopReason.IDLE, None)
    cycle = machine.core.cycle
    machine.core.skip_to(cycle + 1_000_000)
    assert machine.run(cycle + 2_000_000).reason is StopReason.IDLE
    assert machine.core.cycle == cycle + 1_000_000
    assert machine.r(6) == 0


@pytest.mark.parametrize("instruction", ["wfi", "wfe"])
def test_an_interrupt_wakes_and_is_taken_first(make_core: MakeCore, instruction: str) -> None:
    """A pended interrupt ends the sleep; its handler runs before the instruction behind."""
    machine = start(make_core, f"{instruction}\n mov r6, r7\n bkpt")
    machine.run()
    machine.core.pend(0)
    assert machine.run().reason is StopReason.BREAKPOINT
    assert machine.r(6) == 1


def test_primask_does_not_keep_wfi_asleep(make_core: MakeCore) -> None:
    """WFI wakes for an interrupt that PRIMASK holds back; it is taken when the mask goes."""
    machine = start(make_core, "cpsid i\n wfi\n mov r5, r7\n cpsie i\n mov r6, r7\n bkpt")
    assert machine.run().reason is StopReason.IDLE
    machine.core.pend(0)
    assert machine.run().reason is StopReason.BREAKPOINT
    assert (machine.r(5), machine.r(6)) == (0, 1)


@pytest.mark.parametrize("mask", ["movs r3, #0x10\n msr basepri, r3", "cpsid f"])
def test_basepri_and_faultmask_keep_wfi_asleep(make_core: MakeCore, mask: str) -> None:
    """What BASEPRI or FAULTMASK hold back does not wake."""
    priority = "ldr r0, =0xE000E400\n movs r1, #0x20\n strb r1, [r0]\n"
    machine = start(make_core, f"{priority}{mask}\n wfi\n bkpt")
    assert machine.run().reason is StopReason.IDLE
    machine.core.pend(0)
    assert machine.run().reason is StopReason.IDLE


def test_a_disabled_interrupt_does_not_wake(make_core: MakeCore) -> None:
    """Only an enabled interrupt ends a sleep."""
    machine = start(make_core, "wfi\n bkpt")
    machine.run()
    machine.core.pend(1)
    assert machine.run().reason is StopReason.IDLE
    assert machine.core.interrupt(1).pending


def test_wfi_does_not_sleep_with_something_pending(make_core: MakeCore) -> None:
    """WFI with an interrupt pending goes on at once."""
    machine = start(make_core, "cpsid i\n ldr r0, =0xE000E200\n str r1, [r0]\n wfi\n movs r6, #1\n bkpt")
    assert machine.run().reason is StopReason.BREAKPOINT
    assert machine.r(6) == 1


def test_primask_keeps_wfe_asleep_unless_sevonpend(make_core: MakeCore) -> None:
    """WFE sleeps through a masked interrupt; with SEVONPEND becoming pending is an event."""
    for scr, reason in ((0, StopReason.IDLE), (0x10, StopReason.BREAKPOINT)):
        machine = start(make_core, f"ldr r0, =0xE000ED10\n movs r1, #{scr}\n str r1, [r0]\n cpsid i\n wfe\n bkpt")
        assert machine.run().reason is StopReason.IDLE
        machine.core.pend(0)
        assert machine.run().reason is reason


def test_sev_is_an_event_for_the_wfe_behind_it(make_core: MakeCore) -> None:
    """SEV, WFE, WFE sleeps once: the idiom that clears the event register first."""
    machine = start(make_core, "sev\n wfe\n movs r5, #1\n wfe\n movs r6, #1\n bkpt")
    assert machine.run().reason is StopReason.IDLE
    assert (machine.r(5), machine.r(6)) == (1, 0)


def test_an_exception_is_an_event(make_core: MakeCore) -> None:
    """After an exception the next WFE does not sleep, the one after it does."""
    machine = start(make_core, "svc #0\n wfe\n movs r5, #1\n wfe\n movs r6, #1\n bkpt", {11: "handler"})
    assert machine.run().reason is StopReason.IDLE
    assert (machine.r(5), machine.r(6)) == (1, 0)


def test_yield_and_other_hints_do_nothing(make_core: MakeCore) -> None:
    """Hints other than WFI and WFE are executed as NOP."""
    machine = start(make_core, "yield\n yield.w\n nop.w\n sev.w\n dbg #1\n csdb\n movs r6, #1\n bkpt")
    assert machine.run().reason is StopReason.BREAKPOINT
    assert machine.r(6) == 1


def test_systick_ends_a_sleep_inside_the_run(make_core: MakeCore) -> None:
    """If SysTick is what wakes next, time jumps to it and the guest runs on, tick for tick."""
    machine = start(make_core, SYSTICK_ON + "1: wfi\n b 1b")
    stop = machine.run(1_000_000)
    assert stop.reason is StopReason.IDLE
    assert machine.r(7) == 99
    assert stop.wake_cycle is not None
    assert stop.wake_cycle > 1_000_000
    machine.run(stop.wake_cycle + 20)
    assert machine.r(7) == 100


def test_wake_cycle_is_exact(make_core: MakeCore) -> None:
    """Time may be moved to the wake cycle by hand with the same effect, and one cycle less wakes nothing."""
    machine = start(make_core, SYSTICK_ON + "1: wfi\n b 1b")
    stop = machine.run(5000)
    assert stop.wake_cycle is not None
    machine.core.skip_to(stop.wake_cycle - 1)
    assert machine.run(stop.wake_cycle - 1).reason is StopReason.IDLE
    assert machine.r(7) == 0
    machine.core.skip_to(stop.wake_cycle)
    machine.run(stop.wake_cycle + 10)
    assert machine.r(7) == 1


def test_a_systick_that_cannot_wake_is_no_reason_to_jump(make_core: MakeCore) -> None:
    """A sleep with SysTick held back by BASEPRI stays IDLE and announces no wake."""
    priority = "ldr r0, =0xE000ED20\n ldr r1, =0x40000000\n str r1, [r0]\n movs r1, #0x40\n msr basepri, r1\n"
    machine = start(make_core, priority + SYSTICK_ON + "1: wfi\n b 1b")
    stop = machine.run(1_000_000)
    assert (stop.reason, stop.wake_cycle) == (StopReason.IDLE, None)
    assert machine.core.cycle < 100


def test_sleep_on_exit_sleeps_after_the_last_handler(make_core: MakeCore) -> None:
    """With SLEEPONEXIT the thread does not get a turn between interrupts."""
    body = "ldr r0, =0xE000ED10\n movs r1, #2\n str r1, [r0]\n wfi\n movs r6, #1\n bkpt"
    machine = start(make_core, body)
    machine.run()
    for turn in (1, 2, 3):
        machine.core.pend(0)
        assert machine.run().reason is StopReason.IDLE
        assert (machine.r(7), machine.r(6)) == (turn, 0)


def test_sleep_of_a_conditional_wfi(make_core: MakeCore) -> None:
    """A WFI whose condition fails does not sleep; one whose condition holds does."""
    machine = start(make_core, "cmp r0, r0\n it ne\n wfine\n movs r5, #1\n cmp r0, r0\n it eq\n wfieq\n movs r6, #1")
    assert machine.run().reason is StopReason.IDLE
    assert (machine.r(5), machine.r(6)) == (1, 0)


def test_halt_while_falling_asleep_loses_neither(make_core: MakeCore) -> None:
    """A halt in the very code that ends in WFI is reported, and the guest then sleeps."""
    core = make_core()

    class Halting:
        def read(self, _offset: int, _size: int) -> int:
            return 0

        def write(self, _offset: int, _size: int, _value: int) -> None:
            core.halt()

    core.map_device(0x5000_0000, 0x1000, Halting())
    machine = Machine(core, assemble("ldr r0, =0x50000000\n str r1, [r0]\n wfi\n movs r6, #1\n bkpt"))
    assert machine.run().reason is StopReason.HALTED
    assert machine.run().reason is StopReason.IDLE
    assert machine.r(6) == 0
