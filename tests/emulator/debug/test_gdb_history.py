"""Laws of going back: the past is what was, and looking at it changes nothing."""

from __future__ import annotations

import functools

import pytest

from mvsdk.emulator.core import Access, Watchpoint
from mvsdk.emulator.debug.debugger import Debugger, HaltReason
from mvsdk.emulator.debug.gdb_history import PastIsFixedError, Position, Timeline, Wishes, position
from mvsdk.emulator.device import Device, End
from mvsdk.emulator.inputs import Button, Reset
from tests.emulator.compiled import Bench, Firmware, program

COUNTING = """
#include "stm32u585.h"
volatile unsigned counter, ticks, spare;
__attribute__((noinline)) void count(void) { counter++; }
void SysTick_Handler(void) { ticks++; }
int main(void) {
    (void)spare;
    SysTick->LOAD = 90; SysTick->VAL = 0; SysTick->CTRL = 7;
    for (;;) { count(); if (counter % 8 == 0) __asm volatile("wfi"); }
}
"""
CALLING = """
#include "mv_syscalls.h"
volatile uint64_t now;
int main(void) { for (;;) { uint64_t read; (void)mvGetMicroseconds(&read); now = read; } }
"""
SLEEPING = """
#include "stm32u585.h"
volatile unsigned ticks;
void SysTick_Handler(void) { ticks++; }
int main(void) {
    SysTick->LOAD = 15999999; SysTick->VAL = 0; SysTick->CTRL = 7;
    for (;;) __asm volatile("wfi");
}
"""
FAR = 1 << 60


@functools.cache
def counting() -> Firmware:
    """A program with interrupts, sleep and a counter."""
    return program(COUNTING)


class Debugged:
    """A device with a timeline that stands before its first instruction."""

    def __init__(self, what: Firmware, **options: int) -> None:
        self.bench = Bench(what)
        self.device: Device = self.bench.device
        self.debugger = Debugger(self.device)
        self.timeline = Timeline(self.debugger, "test", **options)
        self.timeline.halt()

    def address(self, name: str) -> int:
        """Return where a variable or a function is."""
        return self.bench.elf.symbols[name] & ~1

    def value(self, name: str) -> int:
        """Return a variable as it is where we are."""
        return self.timeline.debugger.read(self.address(name), 4)

    def place(self) -> Position:
        """Return where we are."""
        return position(self.timeline.debugger)

    def run_until(self, until_us: int) -> End | None:
        """Go on to a moment, and stand there."""
        self.timeline.resume()
        end = self.timeline.run(until_us)
        self.timeline.halt()
        return end

    def step(self) -> None:
        """Go on by one instruction."""
        self.timeline.step()
        self.timeline.run(FAR)


@pytest.mark.parametrize("source", [COUNTING, CALLING], ids=["interrupts and sleep", "system calls"])
def test_stepping_back_comes_by_the_same_places(source: str) -> None:
    """Steps back lead through the places that the steps came by, in the other order."""
    debugged = Debugged(program(source))
    debugged.run_until(100)
    places = [debugged.place()]
    for _ in range(60):
        debugged.step()
        places.append(debugged.place())
    for place in reversed(places[:-1]):
        assert debugged.timeline.step_back()
        assert debugged.place() == place


@pytest.mark.parametrize("apart", [1_000_000, 1 << 40], ids=["many checkpoints", "one checkpoint"])
def test_a_sleep_is_one_step_back(apart: int) -> None:
    """However long it has lasted, a step back leads to where it began, and so does the sleep before it."""
    debugged = Debugged(program(SLEEPING), apart=apart)
    for millisecond in range(10, 251, 10):
        debugged.run_until(millisecond * 1_000)
    assert debugged.value("ticks") == 2
    assert debugged.timeline.step_back()
    assert debugged.timeline.debugger.read(debugged.place().registers.pc, 2) == 0xBF30
    assert debugged.timeline.device.time_us // 1_000 == 200
    while debugged.value("ticks") == 2:
        assert debugged.timeline.step_back()
    assert debugged.timeline.device.time_us // 1_000 == 200
    while debugged.timeline.device.time_us >= 200_000:
        assert debugged.timeline.step_back()
    assert debugged.timeline.device.time_us // 1_000 == 100


def test_going_back_and_on_again_ends_in_the_present_which_is_as_it_was() -> None:
    """The past runs on to the present and no further, and the device's state is what it would have been."""
    debugged = Debugged(counting())
    debugged.run_until(2_000)
    now, state = debugged.place(), debugged.device.state_hash()
    for _ in range(5):
        debugged.timeline.step_back()
    assert debugged.timeline.in_past
    assert debugged.run_until(FAR) is None
    assert not debugged.timeline.in_past
    assert debugged.place() == now
    assert debugged.device.state_hash() == state
    debugged.run_until(4_000)
    undisturbed = Bench(counting()).device
    undisturbed.run(4_000)
    assert debugged.device.state_hash() == undisturbed.state_hash()


def test_the_past_has_the_present_s_state_when_it_gets_there() -> None:
    """A past that is run to the present's cycle is, to its last bit, the present."""
    debugged = Debugged(counting())
    debugged.run_until(700)
    debugged.timeline.step_back()
    past = debugged.timeline.device
    debugged.timeline.debugger.resume()
    past.run_to_cycle(debugged.device.core.cycle)
    assert past is not debugged.device
    assert past.state_hash() == debugged.device.state_hash()


def test_running_back_halts_at_the_last_breakpoint() -> None:
    """Each run back ends one call of the function earlier, before its first instruction."""
    debugged = Debugged(counting())
    debugged.run_until(3_000)
    debugged.timeline.wish(Wishes(frozenset([debugged.address("count")])))
    counts = []
    for _ in range(3):
        halt = debugged.timeline.run_back()
        assert halt is not None
        assert halt.reason is HaltReason.BREAKPOINT
        assert debugged.place().registers.pc == debugged.address("count")
        counts.append(debugged.value("counter"))
    assert counts == [counts[0], counts[0] - 1, counts[0] - 2]


def test_running_back_halts_before_the_write_that_is_watched() -> None:
    """There the variable has still the value from before, and a step on gives it the other."""
    debugged = Debugged(counting())
    debugged.run_until(3_000)
    ticks = debugged.value("ticks")
    debugged.timeline.wish(Wishes(watchpoints=(Watchpoint(debugged.address("ticks"), 4, Access.WRITE),)))
    halt = debugged.timeline.run_back()
    assert halt is not None
    assert halt.reason is HaltReason.WATCHPOINT
    assert debugged.value("ticks") == ticks - 1
    debugged.timeline.wish(Wishes())
    debugged.step()
    assert debugged.value("ticks") == ticks


def test_history_begins_where_the_device_began_to_be_debugged() -> None:
    """Running back without anything to halt for ends there, and stepping back from there leads nowhere."""
    debugged = Debugged(counting())
    first = debugged.place()
    debugged.run_until(500)
    assert debugged.timeline.run_back() is None
    assert debugged.place() == first
    assert not debugged.timeline.step_back()


def test_inputs_happen_in_the_past_when_they_happened() -> None:
    """What reached the device is there in every past, and nowhere before."""
    debugged = Debugged(counting())
    debugged.device.inputs.at(600, Button("user", pressed=True))
    debugged.device.inputs.at(900, Reset())
    debugged.run_until(30_000)
    state = debugged.device.state_hash()
    debugged.timeline.step_back()
    past = debugged.timeline.device
    debugged.timeline.debugger.resume()
    past.run_to_cycle(debugged.device.core.cycle)
    assert past.state_hash() == state


def test_the_past_cannot_be_changed() -> None:
    """A write there is refused, and one in the present begins a new history."""
    debugged = Debugged(counting())
    debugged.run_until(500)
    debugged.timeline.step_back()
    with pytest.raises(PastIsFixedError):
        debugged.timeline.change()
    debugged.timeline.return_to_present()
    debugged.timeline.change().write_memory(debugged.address("spare"), b"\x07\0\0\0")
    assert debugged.timeline.begins_at is None
    here = debugged.place()
    debugged.run_until(700)
    assert debugged.timeline.run_back() is None
    assert debugged.place() == here
    assert debugged.value("spare") == 7


def test_a_long_history_is_thinned_out_and_still_whole() -> None:
    """However many checkpoints were dropped, every moment since the beginning can be gone back to."""
    debugged = Debugged(counting(), apart=1_000, kept=4)
    first = debugged.place()
    for part in range(1, 40):
        debugged.run_until(part * 100)
    debugged.timeline.wish(Wishes(frozenset([debugged.address("main")])))
    halt = debugged.timeline.run_back()
    assert halt is not None
    assert debugged.place().registers.pc == debugged.address("main")
    debugged.timeline.wish(Wishes())
    assert debugged.timeline.run_back() is None
    assert debugged.place() == first
