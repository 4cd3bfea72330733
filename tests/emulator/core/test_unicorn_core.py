"""What only the core on Unicorn promises: its cycle model, its two clocks, and what it does not spend time on."""

import functools

import pytest

from mvsdk.emulator.core import StopReason
from mvsdk.emulator.core.unicorn_core import UnicornCore
from tests.emulator.core.test_invariance import Plan, outcome
from tests.emulator.guest import Machine, assemble


@pytest.mark.parametrize("native_clock", [True, False])
def test_a_halfword_of_code_costs_a_cycle(native_clock: bool) -> None:
    """Time is what was executed: a known number of halfwords takes as many cycles."""
    body = "movs r0, #100\n 1: nop\n add.w r1, r1, #1\n subs r0, #1\n bne 1b\n ldr r2, =gateway\n blx r2"
    machine = Machine(UnicornCore(native_clock=native_clock), assemble(body))
    machine.run()
    assert machine.core.cycle == 1 + 100 * 5 + 2


def test_the_clock_in_python_counts_the_same() -> None:
    """Native and Python clock agree on every cycle, register and byte."""
    plan = Plan(((1234, 0), (5000, 1), (5001, 0)))
    assert outcome(UnicornCore, plan) == outcome(functools.partial(UnicornCore, native_clock=False), plan)


def test_a_masked_spin_passes_the_time_at_once() -> None:
    """An error handler that masks interrupts and spins, with SysTick pending, does not cost what it wastes."""
    body = """
        ldr r0, =0xE000E010
        movs r1, #99
        str r1, [r0, #4]
        str r1, [r0, #8]
        movs r1, #7
        str r1, [r0]
        cpsid i
        b .
    """
    machine = Machine(UnicornCore(), assemble(body))
    hour = 3600 * 160_000_000
    assert machine.run(hour).reason is StopReason.DEADLINE
    assert hour <= machine.core.cycle < hour + 512
