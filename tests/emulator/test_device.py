"""Laws of the whole device, with compiled guests on the real core."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvsdk import boards
from mvsdk.bundle import Image, read_image
from mvsdk.emulator.core import Watchpoint, new_core
from mvsdk.emulator.device import Device, End, WakeSource
from mvsdk.emulator.errors import NotExecutableError
from mvsdk.emulator.events import Event, LedChanged, LogLine, RegisterNotModelled, Started
from mvsdk.emulator.pace import run_in_real_time
from mvsdk.resources import shared
from tests.board_support.firmware import link

BOARD = boards.load()
BLINKY = shared("templates") / "blinky" / "src"


@functools.cache
def image(source: str) -> Image:
    """Compile one file against the board support."""
    with tempfile.TemporaryDirectory() as folder:
        return read_image(link(Path(folder), {"main.c": source}).path, BOARD)


@functools.cache
def blinky() -> Image:
    """Compile the default template."""
    sources = {file.name: file.read_text(encoding="utf-8").replace("@name@", "blinky") for file in BLINKY.iterdir()}
    with tempfile.TemporaryDirectory() as folder:
        return read_image(link(Path(folder), sources).path, BOARD)


def device(what: Image, events: list[Event]) -> Device:
    """Make a device that tells its events to a list."""
    return Device(BOARD, what, new_core(), observers=[events.append])


def logged(source: str, until_us: int = 1_000_000) -> list[str]:
    """Run a program and return what it logged."""
    events: list[Event] = []
    device(image(source), events).run(until_us)
    return [event.text for event in events if isinstance(event, LogLine)]


@settings(max_examples=20)
@given(cuts=st.lists(st.integers(1, 700_000), max_size=12))
def test_a_run_does_not_depend_on_how_it_is_cut(cuts: list[int]) -> None:
    """Stopping at any moments on the way changes neither the events nor the state at the end."""
    whole: list[Event] = []
    straight = device(blinky(), whole)
    straight.run(700_000)
    parts: list[Event] = []
    cut = device(blinky(), parts)
    for moment in sorted(cuts):
        assert cut.run(moment) is End.TIME
    cut.run(700_000)
    assert parts == whole
    assert cut.core.snapshot() == straight.core.snapshot()


def test_watching_and_halting_change_nothing() -> None:
    """A device that watchpoints and a debugger's halts stop, and that goes on, ends as one that nobody looked at."""
    dhcsr, key, dfsr = 0xE000_EDF0, 0xA05F_0000, 0xE000_ED30
    whole: list[Event] = []
    straight = device(blinky(), whole)
    straight.run(700_000)
    parts: list[Event] = []
    watched = device(blinky(), parts)
    watched.run(1_000)
    watched.core.set_watchpoints([Watchpoint(watched.core.registers().sp - 64, 64)])
    stops = 0
    while watched.run(700_000) is End.STOPPED:
        stops += 1
        if stops % 5 == 0:
            watched.core.debug_write(dhcsr, 4, key | 3)
            assert watched.run(700_000) is End.STOPPED
            watched.core.debug_write(dhcsr, 4, key)
            watched.core.debug_write(dfsr, 4, 1)
    assert stops > 10
    assert parts == whole
    assert watched.core.snapshot() == straight.core.snapshot()


def test_tracing_changes_nothing() -> None:
    """With and without a trace the guest does the same at the same time."""
    plain: list[Event] = []
    traced: list[Event] = []
    device(blinky(), plain).run(1_500_000)
    Device(BOARD, blinky(), new_core(), trace_calls=True, observers=[traced.append]).run(1_500_000)
    assert [event for event in traced if event.kind != "syscall"] == plain


def test_stop_ends_the_run_at_the_event() -> None:
    """An observer that calls stop gets control back before anything else happens, and the run can go on."""
    events: list[Event] = []
    stopper = Device(
        BOARD,
        blinky(),
        new_core(),
        observers=[events.append, lambda event: stopper.stop() if isinstance(event, LedChanged) else None],
    )
    assert stopper.run(5_000_000) is End.STOPPED
    assert isinstance(events[-1], LedChanged)
    assert stopper.run(5_000_000) is End.STOPPED
    assert [event.on for event in events if isinstance(event, LedChanged)] == [True, False]


def test_ram_survives_a_restart_and_the_wake_reason_changes() -> None:
    """After SYSRESETREQ or mvRestart the application starts again with its RAM as it was."""
    source = """
        #include "mv_syscalls.h"
        #include "stm32u585.h"
        static uint8_t buffer[512] __attribute__((aligned(512)));
        __attribute__((section(".noinit"))) static volatile uint32_t lives;
        int main(void) {
            enum MvWakeReason reason;
            (void)mvServerLoggingInit(buffer, sizeof buffer);
            (void)mvGetWakeReason(&reason);
            uint8_t letter = (uint8_t)('0' + reason);
            (void)mvServerLog(&letter, 1);
            if (reason == MV_WAKEREASON_COLDBOOT) { (void)mvRestart(MV_RESTARTMODE_AUTOAPPLYUPDATE); }
            for (;;) { __WFI(); }
        }
    """
    assert logged(source) == ["0", "2"]


def test_power_save_returns_with_the_tick() -> None:
    """An application that sleeps with mvPowerSave is woken by SysTick, whose handler runs before the call returns."""
    source = """
        #include "mv_syscalls.h"
        #include "stm32u585.h"
        static uint8_t buffer[512] __attribute__((aligned(512)));
        static volatile uint8_t ticks;
        void SysTick_Handler(void) { ticks++; }
        int main(void) {
            (void)mvServerLoggingInit(buffer, sizeof buffer);
            *(volatile uint32_t *)0xE000E014 = 1599999;
            *(volatile uint32_t *)0xE000E018 = 0;
            *(volatile uint32_t *)0xE000E010 = 7;
            for (;;) {
                if (mvPowerSave(MV_POWERSAVINGMODE_SLEEP) != MV_STATUS_OKAY) { return 1; }
                uint8_t letter = (uint8_t)('0' + ticks);
                (void)mvServerLog(&letter, 1);
            }
        }
    """
    assert logged(source, until_us=35_000) == ["1", "2", "3"]


def test_a_fast_interrupt_is_taken() -> None:
    """An interrupt that was made fast and enabled by the kernel runs its handler from the application's table."""
    source = """
        #include "mv_syscalls.h"
        #include "stm32u585.h"
        static uint8_t buffer[512] __attribute__((aligned(512)));
        void TIM2_IRQHandler(void) { (void)mvServerLog((const uint8_t *)"fast", 4); }
        int main(void) {
            (void)mvServerLoggingInit(buffer, sizeof buffer);
            if (mvSetFastInterrupt(45) != MV_STATUS_OKAY || mvEnableFastInterrupt(45) != MV_STATUS_OKAY) { return 1; }
            *(volatile uint32_t *)0xE000EF00 = 45;
            __asm volatile("dsb\\nisb");
            (void)mvServerLog((const uint8_t *)"then", 4);
            for (;;) { __WFI(); }
        }
    """
    assert logged(source) == ["fast", "then"]


def test_deep_sleep_and_a_wake_source() -> None:
    """On the real core too the application starts anew, with the reason of what woke it."""
    source = """
        #include "mv_syscalls.h"
        #include "stm32u585.h"
        static uint8_t buffer[512] __attribute__((aligned(512)));
        int main(void) {
            enum MvWakeReason reason;
            (void)mvServerLoggingInit(buffer, sizeof buffer);
            (void)mvGetWakeReason(&reason);
            uint8_t letter = (uint8_t)('A' + reason);
            (void)mvServerLog(&letter, 1);
            if (reason == MV_WAKEREASON_COLDBOOT) { (void)mvDeepSleep(MV_DEEPSLEEPMODE_STANDBY); }
            for (;;) { __WFI(); }
        }
    """
    events: list[Event] = []
    sleeper = device(image(source), events)
    assert sleeper.run() is End.ASLEEP
    sleeper.wake(WakeSource.RTC)
    assert sleeper.run() is End.ASLEEP
    assert [event.text for event in events if isinstance(event, LogLine)] == ["A", "P"]


def test_an_unmodelled_register_is_told_and_harmless() -> None:
    """A program that touches a peripheral without a model goes on, and the observers hear which."""
    source = """
        #include <stdint.h>
        int main(void) {
            *(volatile uint32_t *)0x4000A408 = 1;
            *(volatile uint32_t *)0x4000A408 = 2;
            for (;;) { __asm volatile("wfi"); }
        }
    """
    events: list[Event] = []
    assert device(image(source), events).run() is End.ASLEEP
    assert [event for event in events if isinstance(event, RegisterNotModelled)] == [
        RegisterNotModelled(events[-1].time_us, "FDCAN1", 0x4000_A408, "write")
    ]


@pytest.mark.parametrize(
    "data", [b"\0" * 128, b"\xff" * 128, b"short", b"\0\0\x08\x20" + b"\x40\0\0\x08" + b"\0" * 128]
)
def test_an_image_without_a_vector_table_does_not_start(data: bytes) -> None:
    """No stack, no code, too short, or an even reset vector: the device is not made."""
    with pytest.raises(NotExecutableError):
        device(Image(data), [])


def test_real_time_is_waited_for() -> None:
    """Paced by a clock, the device never runs ahead of it by more than one step."""
    clock = [0.0]
    ahead: list[float] = []
    events: list[Event] = []
    target = device(blinky(), events)

    def sleep(seconds: float) -> None:
        ahead.append(seconds)
        clock[0] += seconds

    assert run_in_real_time(target, 300_000, now=lambda: clock[0], sleep=sleep) is End.TIME
    assert clock[0] == pytest.approx(0.3)
    assert max(ahead) <= 0.011


def test_real_time_lets_a_sleeper_sleep() -> None:
    """In real time a guest that sleeps for ever just sleeps until the time is over."""
    source = 'int main(void) { for (;;) { __asm volatile("wfi"); } }'
    assert run_in_real_time(device(image(source), []), 50_000, now=lambda: 0.0, sleep=lambda _: None) is End.TIME


def test_the_first_event_is_the_start() -> None:
    """A device tells that its application starts before anything else, at time 0."""
    events: list[Event] = []
    device(blinky(), events)
    assert events == [Started(0, "COLDBOOT")]
