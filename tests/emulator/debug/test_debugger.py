"""Laws of the debugger: what it may see and change of a device, and that it leaves no trace."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvsdk.bundle import Image
from mvsdk.emulator.core import Access, BusFault, Vector, Watchpoint, new_core
from mvsdk.emulator.crashes import RestartPolicy
from mvsdk.emulator.debug.debugger import Debugger, HaltReason
from mvsdk.emulator.device import CALL_CYCLES, Device, End
from mvsdk.emulator.events import Event, Faulted, LogLine
from tests.emulator.test_device import BOARD, blinky, image

UNTIL = 400_000
DEMCR, DWT_COMP, DWT_FUNCTION = 0xE000_EDFC, 0xE000_1020, 0xE000_1028
TRCENA, CYCLE_COUNT, CYCLE_MATCH, DATA_WRITE_WORD = 1 << 24, 1, 1 | 1 << 4, 5 | 1 << 4 | 2 << 10

COUNTER = """
    volatile unsigned counter;
    volatile float half = 0.5f;
    __attribute__((noinline)) void count(void) { counter++; half = half + 1.0f; }
    int main(void) { for (;;) count(); }
"""
CALLING = """
    #include "mv_syscalls.h"
    int main(void) { for (;;) { uint64_t now; (void)mvGetMicroseconds(&now); } }
"""
FAULTY = """
    int main(void) {
        for (volatile int i = 0; i < 100; i++) { }
        *(volatile int *)0x60000000 = 1;
        return 0;
    }
"""
UNDEFINED = """
    #include "stm32u585.h"
    void UsageFault_Handler(void) { for (;;) { } }
    int main(void) {
        *(volatile unsigned *)0xE000ED24 = 7u << 16;
        __asm volatile("udf #0");
        return 0;
    }
"""


def attached(what: Image, events: list[Event] | None = None) -> Debugger:
    """Return the debugger of a new device, with one client."""
    observers = [] if events is None else [events.append]
    debugger = Debugger(Device(BOARD, what, new_core(), observers=observers))
    debugger.attach("test")
    return debugger


def undisturbed(what: Image, cycle: int) -> str:
    """Return the hash of a device that nobody looked at."""
    device = Device(BOARD, what, new_core())
    device.run_to_cycle(cycle)
    return device.state_hash()


def halt_and_look(debugger: Debugger) -> None:
    """Halt, and look at everything."""
    debugger.halt()
    assert debugger.run(UNTIL) is End.STOPPED
    debugger.registers()
    debugger.floating_point()
    debugger.read_memory(BOARD.ram.base, 0x100)
    debugger.read(DEMCR, 4)
    debugger.resume()


def step_a_little(debugger: Debugger) -> None:
    """Step seven times."""
    for _ in range(7):
        debugger.step()
        assert debugger.run() is End.STOPPED
    debugger.resume()


def stop_at_breakpoints(debugger: Debugger) -> None:
    """Come to where it is now a second time, if it does."""
    debugger.set_breakpoints("test", [debugger.registers().pc])
    debugger.run(debugger.device.time_us + 1_000)
    debugger.set_breakpoints("test", [])
    debugger.resume()


def stop_at_accesses(debugger: Debugger) -> None:
    """Stop at three accesses of the stack."""
    debugger.set_watchpoints("test", [Watchpoint(debugger.registers().sp - 64, 64, Access.READ | Access.WRITE)])
    for _ in range(3):
        debugger.run(debugger.device.time_us + 1_000)
        debugger.resume()
    debugger.set_watchpoints("test", [])


def use_the_debug_hardware(debugger: Debugger) -> None:
    """Catch vectors, and let a comparator of the DWT find a count of cycles."""
    debugger.catch("test", Vector(0x7F1))
    debugger.write(DEMCR, 4, TRCENA)
    debugger.write(0xE000_1000, 4, debugger.read(0xE000_1000, 4) | CYCLE_COUNT)
    debugger.write(DWT_COMP, 4, 5_000)
    debugger.write(DWT_FUNCTION, 4, CYCLE_MATCH)
    debugger.run(debugger.device.time_us + 1_000)
    debugger.write(DWT_FUNCTION, 4, 0)
    debugger.resume()


def come_and_go(debugger: Debugger) -> None:
    """Detach while halted, and attach again."""
    debugger.catch("test", Vector.BUS_FAULT)
    debugger.halt()
    debugger.detach("test")
    assert debugger.halted is None
    debugger.attach("test")


DEEDS = [halt_and_look, step_a_little, stop_at_breakpoints, stop_at_accesses, use_the_debug_hardware, come_and_go]


@settings(max_examples=25, deadline=None)
@given(deeds=st.lists(st.tuples(st.integers(0, UNTIL // 10), st.sampled_from(DEEDS)), max_size=9))
def test_debugging_leaves_no_trace(deeds: list[tuple[int, Callable[[Debugger], None]]]) -> None:
    """Whatever a debugger looks at and wherever it halts, in a sleep or a call too, the end is the end without it."""
    debugger = attached(blinky())
    for pause, deed in deeds:
        debugger.run(min(UNTIL, debugger.device.time_us + pause))
        deed(debugger)
    if debugger.device.time_us < UNTIL:
        debugger.run(UNTIL)
    debugger.detach("test")
    later = debugger.device.core.cycle + 1_000_000
    debugger.device.run_to_cycle(later)
    assert debugger.device.state_hash() == undisturbed(blinky(), later)


def test_time_stands_while_halted() -> None:
    """A halted device does not run, however often it is asked to."""
    debugger = attached(image(COUNTER))
    debugger.run(100)
    debugger.halt()
    before = debugger.device.state_hash(), debugger.device.core.cycle
    for _ in range(3):
        assert debugger.run(10_000) is End.STOPPED
        assert debugger.device.run(10_000) is End.STOPPED
    assert (debugger.device.state_hash(), debugger.device.core.cycle) == before
    assert debugger.halted is not None
    assert debugger.halted.reason is HaltReason.REQUEST


def test_a_breakpoint_stops_each_time_it_is_come_to() -> None:
    """Going on from a breakpoint goes past it, wherever the halt came from, and every turn of the loop stops again."""
    debugger = attached(image(COUNTER))
    debugger.run(100)
    debugger.step()
    debugger.run()
    place = debugger.registers().pc
    debugger.set_breakpoints("test", [place])
    cycles = []
    for _ in range(3):
        debugger.resume()
        assert debugger.run(10_000) is End.STOPPED
        assert debugger.halted is not None
        assert debugger.halted.reason is HaltReason.BREAKPOINT
        assert debugger.registers().pc == place
        cycles.append(debugger.device.core.cycle)
    assert cycles[0] < cycles[1] < cycles[2]


def test_a_client_takes_only_its_own_breakpoints_with_it() -> None:
    """Two clients may want the same breakpoint; it lasts until the second one has left."""
    debugger = attached(image(COUNTER))
    debugger.attach("other")
    debugger.run(100)
    place = debugger.registers().pc
    for client in ("test", "other"):
        debugger.set_breakpoints(client, [place])
    debugger.detach("other")
    assert debugger.run(1_000) is End.STOPPED
    debugger.detach("test")
    assert debugger.run(1_000) is End.TIME


def test_a_step_is_one_instruction_or_one_call() -> None:
    """A step over a gateway answers the call and lets all its time pass; others move the clock by an instruction."""
    debugger = attached(image(CALLING))
    debugger.run(10_000)
    lengths = []
    for _ in range(100):
        before = debugger.device.core.cycle
        debugger.step()
        assert debugger.run() is End.STOPPED
        assert debugger.halted is not None
        assert debugger.halted.reason is HaltReason.STEP
        lengths.append(debugger.device.core.cycle - before)
    assert {length for length in lengths if length < 320} <= {1, 2}
    assert lengths.count(CALL_CYCLES) > 1


def test_a_masked_step_ends_with_the_sleep() -> None:
    """A step with interrupts masked comes out of a sleep with the interrupt that ends it."""
    debugger = attached(blinky())
    debugger.run(30_000)
    for _ in range(20):
        debugger.step(mask_interrupts=True)
        assert debugger.run(UNTIL) is End.STOPPED
        assert debugger.halted is not None
        assert debugger.halted.reason is HaltReason.STEP


def test_a_watchpoint_tells_the_access() -> None:
    """A write that somebody waits for halts the guest and says where, what and by which instruction."""
    debugger = attached(image(COUNTER))
    debugger.run(100)
    debugger.set_watchpoints("test", [Watchpoint(BOARD.ram.base, 0x1_0000)])
    assert debugger.run(10_000) is End.STOPPED
    assert debugger.halted is not None
    watch = debugger.halted.watch
    assert debugger.halted.reason is HaltReason.WATCHPOINT
    assert watch is not None
    assert int.from_bytes(debugger.read_memory(watch.address, watch.size), "little") == watch.value


def test_a_watchpoint_that_is_no_range_is_refused_and_the_others_stay() -> None:
    """Nothing changes with a set of watchpoints that cannot be."""
    debugger = attached(image(COUNTER))
    debugger.run(100)
    debugger.set_watchpoints("test", [Watchpoint(BOARD.ram.base, 0x1_0000)])
    with pytest.raises(ValueError, match="no range"):
        debugger.set_watchpoints("test", [Watchpoint(0xFFFF_FFFF, 2)])
    assert debugger.run(10_000) is End.STOPPED


def test_a_comparator_of_the_dwt_halts() -> None:
    """A debugger may use the chip's own comparators, as pyOCD does."""
    debugger = attached(image(COUNTER))
    debugger.run(100)
    debugger.set_watchpoints("test", [Watchpoint(BOARD.ram.base, 0x1_0000)])
    debugger.run(10_000)
    assert debugger.halted is not None
    assert debugger.halted.watch is not None
    debugger.set_watchpoints("test", [])
    debugger.write(DEMCR, 4, TRCENA)
    debugger.write(DWT_COMP, 4, debugger.halted.watch.address)
    debugger.write(DWT_FUNCTION, 4, DATA_WRITE_WORD)
    debugger.resume()
    assert debugger.run(10_000) is End.STOPPED
    assert debugger.halted.reason is HaltReason.WATCHPOINT


@pytest.mark.parametrize("policy", [None, RestartPolicy()])
def test_a_fault_can_be_looked_at_before_it_happens(policy: RestartPolicy | None) -> None:
    """Caught, the guest stands at the failing instruction before anybody hears of a fault; going on, it comes."""
    events: list[Event] = []
    debugger = Debugger(Device(BOARD, image(FAULTY), new_core(), restart_policy=policy, observers=[events.append]))
    debugger.attach("test")
    debugger.catch("test", Vector.HARD_FAULT)
    assert debugger.run(10_000) is End.STOPPED
    assert debugger.halted is not None
    assert debugger.halted.reason is HaltReason.FAULT
    assert debugger.halted.fault is not None
    assert debugger.halted.fault.bfar == 0x6000_0000
    assert not any(isinstance(event, Faulted) for event in events)
    debugger.resume()
    assert debugger.run(10_000) is (End.FAULT if policy is None else End.TIME)
    assert any(isinstance(event, Faulted) for event in events)


def test_a_caught_vector_halts_in_the_handler() -> None:
    """A fault that the application handles itself halts before its handler."""
    debugger = attached(image(UNDEFINED))
    debugger.catch("test", Vector.STATE)
    assert debugger.run(10_000) is End.STOPPED
    assert debugger.halted is not None
    assert debugger.halted.reason is HaltReason.VECTOR
    assert debugger.registers().exception == 6
    assert debugger.caught("test") is Vector.STATE


def test_a_bkpt_halts_while_somebody_debugs() -> None:
    """A BKPT instruction is a fault on its own and a breakpoint with a debugger, which can go on past it."""
    source = 'int main(void) { __asm volatile("bkpt #0"); for (;;) { } }'
    assert Device(BOARD, image(source), new_core()).run(1_000) is End.FAULT
    debugger = attached(image(source))
    assert debugger.run(1_000) is End.STOPPED
    assert debugger.halted is not None
    assert debugger.halted.reason is HaltReason.BREAKPOINT
    debugger.resume()
    assert debugger.run(1_000) is End.TIME


def test_a_reset_can_be_caught_or_halted() -> None:
    """After a reset the guest stands at its first instruction if that was asked for, and else runs."""
    debugger = attached(image(COUNTER))
    debugger.run(100)
    entry = int.from_bytes(debugger.read_memory(BOARD.flash.base + 4, 4), "little") & ~1
    debugger.reset()
    assert debugger.halted is None
    debugger.run(debugger.device.time_us + 100)
    debugger.reset(halt=True)
    assert debugger.halted is not None
    assert debugger.halted.reason is HaltReason.RESET
    assert debugger.registers().pc == entry
    debugger.resume()
    debugger.run(debugger.device.time_us + 100)
    debugger.catch("test", Vector.RESET)
    debugger.device.press_reset()
    assert debugger.run() is End.STOPPED
    assert debugger.registers().pc == entry
    assert debugger.resets == 3


def test_a_reset_does_not_swallow_a_stop() -> None:
    """Who told the device to stop is heard, whoever resets it meanwhile."""
    debugger = attached(image(COUNTER))
    debugger.device.stop()
    debugger.reset()
    assert debugger.device.stopping


def test_an_observer_can_halt_in_the_middle_of_a_run() -> None:
    """What halts at an event stands before the next instruction, with no time lost but the call's."""
    events: list[Event] = []
    device = Device(
        BOARD,
        blinky(),
        new_core(),
        observers=[events.append, lambda event: debugger.halt() if isinstance(event, LogLine) else None],
    )
    debugger = Debugger(device)
    debugger.attach("test")
    assert debugger.run(1_000_000) is End.STOPPED
    assert [event.kind for event in events][-1] == "log"


def test_registers_and_memory_can_be_changed() -> None:
    """What a debugger writes is what it reads and what the guest goes on with."""
    debugger = attached(image(COUNTER))
    debugger.run(100)
    debugger.halt()
    debugger.write_register("r4", 0x1234_5678)
    debugger.write_floating_point(3, 0x4048_0000)
    debugger.write_memory(BOARD.ram.base + 0x101, b"unaligned")
    assert debugger.registers().r[4] == 0x1234_5678
    assert debugger.floating_point()[3] == 0x4048_0000
    assert debugger.read_memory(BOARD.ram.base + 0x101, 9) == b"unaligned"


def test_nothing_answers_where_nothing_is() -> None:
    """A bus error is told, read-only memory stays, and registers of peripherals are read one by one."""
    debugger = attached(image(COUNTER))
    assert debugger.read_memory(0xE00F_F000, 6)
    for access in (
        lambda: debugger.read_memory(0x6000_0000, 4),
        lambda: debugger.write_memory(0x6000_0000, b"1234"),
        lambda: debugger.write_memory(BOARD.flash.base, b"1234"),
    ):
        with pytest.raises(BusFault):
            access()
