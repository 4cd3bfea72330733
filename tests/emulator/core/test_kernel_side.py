"""What a kernel's side does to a processor: puts it to sleep, enables interrupts, reads VTOR."""

from __future__ import annotations

import pytest

from mvsdk.emulator.core import StopReason
from tests.emulator.core.conftest import MakeCore
from tests.emulator.guest import FLASH, GATEWAY, Machine, assemble

CALL = f"ldr r4, ={GATEWAY | 1:#x}\n blx r4\n"
HANDLER = "\n .thumb_func\n handler: adds r7, #1\n bx lr\n"
VECTORS = {15: "handler", 16: "handler"}


def called(make_core: MakeCore, before: str = "", after: str = "movs r6, #1\n bkpt") -> Machine:
    """Return a machine that stands at a gateway."""
    machine = Machine(make_core(), assemble(before + CALL + after + HANDLER), VECTORS)
    assert machine.run().reason is StopReason.GATEWAY
    return machine


@pytest.mark.parametrize("returned_first", [True, False])
def test_a_guest_put_to_sleep_goes_on_after_an_interrupt(make_core: MakeCore, returned_first: bool) -> None:
    """Nothing is executed until an enabled interrupt is pending; its handler runs first, then the caller goes on."""
    machine = called(make_core)
    core = machine.core
    if returned_first:
        core.gateway_return(5)
        core.sleep()
    else:
        core.sleep()
        core.gateway_return(5)
    core.pend(0)
    assert machine.run().reason is StopReason.IDLE
    core.set_enabled(0, True)
    assert machine.run().reason is StopReason.BREAKPOINT
    assert (machine.r(0), machine.r(6), machine.r(7)) == (5, 1, 1)


def test_primask_lets_it_wake_without_the_handler(make_core: MakeCore) -> None:
    """As with WFI, a masked interrupt ends the sleep and stays pending."""
    machine = called(make_core, "cpsid i\n")
    machine.core.set_enabled(0, True)
    machine.core.gateway_return(0)
    machine.core.sleep()
    assert machine.run().reason is StopReason.IDLE
    machine.core.pend(0)
    assert machine.run().reason is StopReason.BREAKPOINT
    assert (machine.r(6), machine.r(7)) == (1, 0)
    assert machine.core.interrupt(0).pending


def test_enabling_is_what_the_guest_itself_could_do(make_core: MakeCore) -> None:
    """The enable bit is set and cleared, seen by the guest in NVIC_ISER, and others stay as they are."""
    machine = called(make_core, after="ldr r0, =0xE000E100\n ldr r5, [r0]\n bkpt")
    for irq in (1, 4, 7):
        machine.core.set_enabled(irq, True)
    machine.core.set_enabled(4, False)
    machine.core.gateway_return(0)
    machine.run()
    assert machine.r(5) == 1 << 1 | 1 << 7
    assert [machine.core.interrupt(irq).enabled for irq in (1, 4, 7)] == [True, False, True]


def test_a_disabled_interrupt_is_not_taken(make_core: MakeCore) -> None:
    """What was enabled and is disabled again waits."""
    machine = called(make_core)
    machine.core.set_enabled(0, True)
    machine.core.set_enabled(0, False)
    machine.core.pend(0)
    machine.core.gateway_return(0)
    assert machine.run().reason is StopReason.BREAKPOINT
    assert machine.r(7) == 0


def test_vtor_is_told_as_it_stands(make_core: MakeCore) -> None:
    """It is the table of the reset, until the guest writes another."""
    machine = called(make_core)
    assert machine.core.vector_table == FLASH
    machine = called(make_core, "ldr r0, =0xE000ED08\n ldr r1, =0x20001000\n str r1, [r0]\n")
    assert machine.core.vector_table == 0x2000_1000
