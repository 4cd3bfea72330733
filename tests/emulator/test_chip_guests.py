"""Laws of the chip under compiled firmware: what it was written for on the real part happens here."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvsdk.emulator.bus_devices.mcp9808 import ADDRESS, Mcp9808
from mvsdk.emulator.core import new_core
from mvsdk.emulator.device import RESTART_US, Device, End
from mvsdk.emulator.events import (
    ClockMissing,
    Event,
    LedChanged,
    LogLine,
    PwmChanged,
    RegisterNotModelled,
    Started,
    UartOutput,
)
from tests.emulator.chip_guests import (
    ALARM_CLOCK,
    BOARD,
    BUTTON,
    ECHO,
    HELLO,
    LOW_POWER_TIMER,
    PWM,
    PWM_INPUT,
    TEMPERATURE,
    TICK,
    WATCHDOG,
    guest,
)

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


def test_a_timer_measures_another_over_a_wire() -> None:
    """PWM input mode measures period and duty of what another timer's pin sends over a wire between two pins."""
    bench = Bench(PWM_INPUT)
    chip = bench.device.chip
    chip.watch_pin("GPIOA", 5, lambda cycle, level: chip.drive_pin("GPIOA", 6, level))
    bench.device.run(10_000)
    assert bench.logged() == ["30 % of 16 kHz"]
    waves = [(event.signal, event.hertz, event.duty) for event in bench.events if isinstance(event, PwmChanged)]
    assert waves == [("TIM2_CH1", 16_000, 0.3), ("TIM2_CH1", 0, 0)]


def test_a_low_power_timer_ticks_through_sleep() -> None:
    """LPTIM1 on LSE interrupts a sleeping guest once a second."""
    bench = Bench(LOW_POWER_TIMER)
    bench.device.run(10_500_000)
    assert bench.logged() == ["second"] * 10
    stamps = [event.time_us for event in bench.events if isinstance(event, LogLine)]
    assert all(later - earlier == pytest.approx(1_000_000, abs=50) for earlier, later in pairwise(stamps))


def test_the_clock_goes_on_and_wakes_the_device() -> None:
    """An alarm interrupts at midnight; Standby ends by the wake-up timer each hour, time and backup registers go on."""
    bench = Bench(ALARM_CLOCK)
    bench.device.run(4 * 3_600_000_000)
    assert bench.logged() == ["clock not set", "midnight", "00:00:00 01", "01:00:00 01", "02:00:00 01", "03:00:00 01"]
    reasons = [event.wake_reason for event in bench.events if isinstance(event, Started)]
    assert reasons == ["COLDBOOT"] + ["DEEPSLEEPAPPLICATIONRTC"] * 3


def test_a_wake_up_pin_ends_standby() -> None:
    """With WKUP2 on the user button, a press wakes the device, which finds SBF and WUF2."""
    source = """
        int main(void)
        {
            log_start();
            log_text(REG(PWR_BASE, 0x38) & 4u ? REG(PWR_BASE, 0x44) & 2u ? "woken by WKUP2" : "woken" : "fresh");
            REG(PWR_BASE, 0x1C) = 1u << 2;
            REG(PWR_BASE, 0x14) = 1u << 1;
            (void)mvDeepSleep(0);
            for (;;) { __WFI(); }
        }
    """
    bench = Bench(source)
    assert bench.device.run(1_000) is End.TIME
    bench.device.chip.press(BOARD.buttons[0], pressed=True)
    bench.device.run(20_000)
    assert bench.logged() == ["fresh", "woken by WKUP2"]
    assert [event.wake_reason for event in bench.events if isinstance(event, Started)][1] == "DEEPSLEEPAPPLICATION"


@pytest.mark.parametrize("mode", [0, 2, 4, 6])
def test_low_power_modes_by_wfi_are_plain_sleep(mode: int) -> None:
    """Stop, Standby and Shutdown entered with LPMS, SLEEPDEEP and WFI end with the next interrupt, nothing lost."""
    source = f"""
        int main(void)
        {{
            static volatile uint32_t kept = 7u;
            log_start();
            tick_start();
            REG(PWR_BASE, 0x00) = (REG(PWR_BASE, 0x00) & ~7u) | {mode}u;
            SCB->SCR |= (1u << 2);
            __DSB();
            __WFI();
            SCB->SCR &= ~(1u << 2);
            log_text(kept == 7u && ticks == 1u && REG(PWR_BASE, 0x38) == 0u ? "slept a tick" : "lost");
            for (;;) {{ __WFI(); }}
        }}
    """
    bench = Bench(source)
    bench.device.run(10_000)
    assert bench.logged() == ["slept a tick"]


def test_a_stop_mode_of_the_kernel_leaves_its_flag() -> None:
    """After mvPowerSave with a Stop mode STOPF is set, after Sleep it is not, and CSSF clears it."""
    source = """
        int main(void)
        {
            log_start();
            tick_start();
            (void)mvPowerSave(0);
            log_text(REG(PWR_BASE, 0x38) ? "stopped" : "slept");
            (void)mvPowerSave(3);
            log_text(REG(PWR_BASE, 0x38) == 2u ? "stopped" : "slept");
            REG(PWR_BASE, 0x38) = 1u;
            log_text(REG(PWR_BASE, 0x38) ? "stopped" : "slept");
            for (;;) { __WFI(); }
        }
    """
    bench = Bench(source)
    bench.device.run(10_000)
    assert bench.logged() == ["slept", "stopped", "slept"]


@pytest.mark.parametrize(("enable", "works"), [("mvPeriphPoke32(RCC_BASE + 0x9Cu, 1u, 1u)", True), ("0", False)])
def test_gated_clocks_show_what_a_guest_forgot(enable: str, works: bool) -> None:
    """With `gate_clocks` a timer counts only once its clock is enabled by a poke."""
    source = f"""
        int main(void)
        {{
            log_start();
            (void)({enable});
            REG(TIM2_BASE, CR1) = 1u;
            log_text(REG(TIM2_BASE, CR1) == 1u ? "works" : "dead");
            for (;;) {{ __WFI(); }}
        }}
    """
    events: list[Event] = []
    Device(BOARD, guest(source), new_core(), gate_clocks=True, observers=[events.append]).run(1_000)
    assert [event.text for event in events if isinstance(event, LogLine)] == ["works" if works else "dead"]
    assert [event.peripheral for event in events if isinstance(event, ClockMissing)] == ([] if works else ["TIM2"])


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
    source=st.sampled_from([TICK, ECHO, PWM, PWM_INPUT, LOW_POWER_TIMER, WATCHDOG, TEMPERATURE]),
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
        ends.append((bench.events, bench.device.core.snapshot()))
    assert ends[0] == ends[1]
