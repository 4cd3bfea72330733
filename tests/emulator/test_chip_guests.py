"""Laws of the chip under compiled firmware: what it was written for on the real part happens here."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvsdk.emulator.bus_devices.mcp9808 import ADDRESS, Mcp9808
from mvsdk.emulator.core import new_core
from mvsdk.emulator.device import RESTART_US, Device, End
from mvsdk.emulator.events import Event, LedChanged, LogLine, RegisterNotModelled, Started, UartOutput
from tests.emulator.chip_guests import BOARD, BUTTON, ECHO, HELLO, PWM, TEMPERATURE, TICK, WATCHDOG, guest

CHARACTER_US = 87  # ten bits at 115200 baud


class Bench:
    """A device with a guest, and what it told."""

    def __init__(self, source: str, *, strict_mmio: bool = False) -> None:
        self.events: list[Event] = []
        self.device = Device(BOARD, guest(source), new_core(), strict_mmio=strict_mmio, observers=[self.events.append])

    def logged(self) -> list[str]:
        """Return the messages logged so far."""
        return [event.text for event in self.events if isinstance(event, LogLine)]

    def sent(self) -> list[str]:
        """Return the lines the serial port has sent so far."""
        return [event.text for event in self.events if isinstance(event, UartOutput) and event.port == "USART2"]


def test_a_millisecond_tick_makes_delays() -> None:
    """The vendor's tick on TIM6 and a delay loop keep the LED on for as many milliseconds as asked."""
    bench = Bench(TICK)
    bench.device.run(100_000)
    assert bench.logged() == ["done"]
    changes = [event for event in bench.events if isinstance(event, LedChanged)]
    assert [event.on for event in changes] == [True, False] * 3
    gaps = [later.time_us - earlier.time_us for earlier, later in pairwise(changes[1:])]
    assert all(gap == pytest.approx(11_000, abs=5) for gap in gaps)
    assert not any(isinstance(event, RegisterNotModelled) for event in bench.events)


def test_a_polling_driver_says_hello() -> None:
    """Start-up with acknowledge bits and a polled transmission give the line, at the speed of the line."""
    bench = Bench(HELLO, strict_mmio=True)
    bench.device.run(10_000)
    assert bench.sent() == ["hello"]
    told = next(event for event in bench.events if isinstance(event, UartOutput))
    assert told.time_us >= 7 * CHARACTER_US


def test_an_interrupt_driver_receives() -> None:
    """Characters sent to the port arrive by interrupt, and the answer comes back, line after line."""
    bench = Bench(ECHO)
    bench.device.run(5_000)
    for word in (b"one", b"two"):
        bench.device.chip.receive("USART2", word + b"\n")
        bench.device.run(bench.device.time_us + 10_000)
    assert bench.sent() == ["got one", "got two"]


def test_a_button_interrupts() -> None:
    """Each press of the user button wakes the guest by EXTI13; letting go does not."""
    bench = Bench(BUTTON)
    assert bench.device.run() is End.ASLEEP
    for pressed in (True, False, True):
        bench.device.chip.press(BOARD.buttons[0], pressed=pressed)
        bench.device.run()
    assert bench.logged() == ["pressed"] * 2


def test_a_pwm_channel_flags_once_a_period() -> None:
    """Compare and update interrupts of a PWM set-up come in pairs."""
    bench = Bench(PWM)
    bench.device.run(20_000)
    assert bench.logged() == ["five of each"]
    assert bench.events[-1].time_us == pytest.approx(5_000, abs=50)


def test_a_sensor_answers_on_i2c_and_an_absent_one_does_not() -> None:
    """A register read with a repeated start gives the temperature; an address without a device is not acknowledged."""
    bench = Bench(TEMPERATURE)
    bench.device.chip.connect_i2c("I2C1", ADDRESS, Mcp9808(celsius=37.5))
    bench.device.run(100_000)
    assert bench.logged() == ["nobody at 0x19", "37"]


def test_a_watchdog_restarts_the_application() -> None:
    """A sleeping guest is started anew when its watchdog expires, and finds the flag in RCC_CSR."""
    bench = Bench(WATCHDOG)
    bench.device.run(250_000)
    assert bench.logged()[:2] == ["power-on", "watchdog"]
    starts = [event.time_us for event in bench.events if isinstance(event, Started)]
    assert starts[1] == pytest.approx(100_000 + RESTART_US, abs=50)


def test_strict_mmio_faults_and_says_where() -> None:
    """With `strict_mmio` a register without a model is told and stops the application."""
    bench = Bench("int main(void) { REG(HASH_BASE, 0) = 1; for (;;) { __WFI(); } }", strict_mmio=True)
    assert bench.device.run() is End.FAULT
    assert [event.peripheral for event in bench.events if isinstance(event, RegisterNotModelled)] == ["HASH"]


def test_the_seed_decides_the_unique_id_and_the_random_numbers() -> None:
    """Another seed is another chip; the same seed the same one."""
    source = """
        int main(void)
        {
            log_start();
            REG(RNG_BASE, 0) = 4;
            while (!(REG(RNG_BASE, 4) & 1)) { }
            const uint32_t words[2] = { REG(RNG_BASE, 8), *(volatile uint32_t *)0x0BFA0700 };
            char text[17] = { 0 };
            for (int i = 0; i < 16; i++) { text[i] = (char)('a' + (words[i / 8] >> 4 * (i % 8) & 0xF)); }
            log_text(text);
            for (;;) { __WFI(); }
        }
    """
    texts = []
    for seed in (0, 0, 1):
        events: list[Event] = []
        Device(BOARD, guest(source), new_core(), seed=seed, observers=[events.append]).run(1_000)
        texts += [event.text for event in events if isinstance(event, LogLine)]
    assert texts[0] == texts[1]
    assert all(
        mine != other for mine, other in zip((texts[0][:8], texts[0][8:]), (texts[2][:8], texts[2][8:]), strict=True)
    )


@settings(max_examples=10)
@given(
    source=st.sampled_from([TICK, ECHO, PWM, WATCHDOG, TEMPERATURE]),
    cuts=st.lists(st.integers(1, 150_000), max_size=10),
)
def test_a_run_with_the_chip_does_not_depend_on_how_it_is_cut(source: str, cuts: list[int]) -> None:
    """Timers, serial ports and watchdogs do the same however a run is cut into pieces."""
    ends = []
    for moments in ([], sorted(cuts)):
        bench = Bench(source)
        bench.device.chip.receive("USART2", b"line one\nline two\n")
        bench.device.chip.connect_i2c("I2C1", ADDRESS, Mcp9808())
        for moment in moments:
            bench.device.run(moment)
        bench.device.run(150_000)
        ends.append((bench.events, bench.device.core.save()))
    assert ends[0] == ends[1]
