"""Laws of the trigger lines between peripherals of the whole chip: who starts whom."""

from __future__ import annotations

import pytest

from mvsdk.emulator.soc.registers import rows
from mvsdk.testing import FakeWiring
from tests.emulator.soc.chip_bench import ChipBench

RAM = FakeWiring.MEMORY
EN, TCF, SWREQ, RISING = 1, 1 << 8, 1 << 9, 1 << 24


def waiting_channel(bench: ChipBench, number: int, trigger: int) -> None:
    """Set a channel up to copy a word at a trigger."""
    channel = bench.block(f"GPDMA1_Channel{number}", "gpdma-channel")
    bench.wiring.write_memory(RAM, b"word")
    channel["CTR1"] = 2 << 16 | 2
    channel["CTR2"] = SWREQ | RISING | trigger << 16
    channel["CBR1"] = 4
    channel["CSAR"] = RAM
    channel["CDAR"] = RAM + 0x100 + 4 * number
    channel["CCR"] = EN


def input_pin(bench: ChipBench, pin: int) -> None:
    """Make a pin of port A a digital input, with its line set to rising edges."""
    bench.block("GPIOA", "gpio")["MODER"] = 0xABFF_FFFF & ~(3 << 2 * pin)
    bench.block("EXTI", "exti")["RTSR1"] = 1 << pin


def copied(bench: ChipBench, number: int) -> bool:
    """Say whether a channel has done its work."""
    return bench.wiring.read_memory(RAM + 0x100 + 4 * number, 4) == b"word"


def number_of(line: str) -> int:
    """Return the number by which a channel selects a line."""
    return next(int(row["number"]) for row in rows("gpdma-triggers") if row["line"] == line)


@pytest.mark.parametrize("line", range(8))
def test_an_edge_of_a_pin_moves_data(line: int) -> None:
    """Lines 0 to 7 of EXTI, with the edge they are set to, whatever their masks say."""
    bench = ChipBench()
    input_pin(bench, line)
    waiting_channel(bench, 3, number_of(f"EXTI_LINE{line}"))
    bench.chip.drive_pin("GPIOA", line, True)
    bench.wiring.advance(100)
    assert copied(bench, 3)


def test_a_timer_moves_data_at_every_update() -> None:
    """TRGO of TIM2 is followed as soon as a channel waits for it, though nothing else is enabled."""
    bench = ChipBench()
    timer = bench.block("TIM2", "timer")
    timer["ARR"], timer["CR2"], timer["CR1"] = 999, 2 << 4, 1
    waiting_channel(bench, 0, number_of("TIM2_TRGO"))
    bench.wiring.advance(999)
    assert not copied(bench, 0)
    bench.wiring.advance(100)
    assert copied(bench, 0)


def test_an_alarm_moves_data() -> None:
    """Alarm A of the real-time clock, met every second, needs no interrupt to be heard."""
    bench = ChipBench()
    bench.chip.rcc.poke(0xF0, 0, 1 | 1 << 8 | 1 << 15)
    rtc = bench.block("RTC", "rtc")
    rtc["WPR"], rtc["WPR"] = 0xCA, 0x53
    rtc["ALRMAR"], rtc["CR"] = 0x8080_8080, 1 << 8
    waiting_channel(bench, 0, number_of("RTC_ALRA"))
    bench.wiring.advance(2 * 160_000_000)
    assert copied(bench, 0)


def test_channels_follow_each_other() -> None:
    """The end of one channel's transfer starts another's."""
    bench = ChipBench()
    exti = bench.block("EXTI", "exti")
    waiting_channel(bench, 5, number_of("GPDMA1_CH2_TCF"))
    waiting_channel(bench, 2, number_of("EXTI_LINE1"))
    bench.wiring.advance(100)
    assert not copied(bench, 5)
    exti["SWIER1"] = 1 << 1
    bench.wiring.advance(100)
    assert copied(bench, 2)
    assert copied(bench, 5)


def converting(bench: ChipBench, code: int) -> None:
    """Let ADC1 convert channel 9 at each rising edge of a trigger."""
    adc = bench.block("ADC1", "adc1")
    adc["CR"] = 1 << 28
    bench.wiring.advance(10_000)
    adc["ISR"] = 0xFFFF_FFFF
    adc["PCSEL"], adc["SQR1"] = 1 << 9, 9 << 6
    adc["CFGR1"] = 1 << 10 | code << 5
    adc["CR"] = 1 << 28 | 1
    bench.wiring.advance(10_000)
    adc["CR"] = 1 << 28 | 1 | 4
    bench.wiring.advance(10_000)
    assert not adc["ISR"] & 4


def test_an_edge_of_a_pin_starts_a_conversion() -> None:
    """Line 11 of EXTI is the converter's trigger 6."""
    bench = ChipBench()
    input_pin(bench, 11)
    converting(bench, 6)
    bench.chip.drive_pin("GPIOA", 11, True)
    bench.wiring.advance(10_000)
    assert bench.block("ADC1", "adc1")["ISR"] & 4


@pytest.mark.parametrize(
    ("timer", "channel", "code"), [("TIM1", 1, 0), ("TIM2", 2, 3), ("TIM3", 4, 15), ("TIM4", 4, 5)]
)
def test_a_timers_channel_starts_a_conversion(timer: str, channel: int, code: int) -> None:
    """A channel's compare, in PWM, starts one conversion a period, with no pin and no interrupt."""
    bench = ChipBench()
    block = bench.block(timer, "timer")
    block["ARR"], block[f"CCR{channel}"] = 49_999, 25_000
    block[f"CCMR{(channel + 1) // 2}"] = 0x70 if channel % 2 else 0x7000
    block["CCER"] = 1 << 4 * (channel - 1)
    converting(bench, code)
    block["CR1"] = 1
    adc = bench.block("ADC1", "adc1")
    ends = []
    for _ in range(40):
        bench.wiring.advance(5_000)
        ends.append(bool(adc["ISR"] & 4))
        _ = adc["DR"]
    assert sum(ends) == 4
