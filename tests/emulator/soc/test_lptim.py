"""Laws of the low-power timers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvsdk.emulator.events import PwmChanged
from mvsdk.emulator.soc.lptim import Lptim
from mvsdk.emulator.soc.triggers import Listener, TriggerLines
from mvsdk.testing import FakeWiring
from tests.emulator.soc.block import Block
from tests.emulator.soc.chip_bench import IRQ, ChipBench, ChipBlock

ENABLE, SNGSTRT, CNTSTRT, COUNTRST, RSTARE = 1, 2, 4, 8, 16
CC1IF, ARRM, EXTTRIG, CMP1OK, ARROK, UP, DOWN, UE, REPOK = (1 << bit for bit in range(9))
DIEROK = 1 << 24
CCIPR1, CCIPR3 = 0xE0, 0xE8
COUNT = 40
"""Cycles of a count on MSIK, the kernel clock after a reset: 160 MHz / 4 MHz."""


def lptim(name: str = "LPTIM1", *, start: int = CNTSTRT, **registers: int) -> tuple[ChipBench, ChipBlock]:
    """Set up a timer as the vendor's functions do: configure, enable, write ARR and the rest, start."""
    bench = ChipBench()
    block = bench.block(name, "lptim")
    for register in ("CFGR", "CCMR1"):
        block[register] = registers.pop(register, 0)
    block["CR"] = ENABLE
    for register, value in registers.items():
        block[register] = value
    block["ICR"] = 0xFFFF_FFFF
    if start:
        block["CR"] = ENABLE | start
    return bench, block


def pulse(bench: ChipBench, port: str, pin: int) -> None:
    """Put a high and a low level on a pin."""
    bench.chip.drive_pin(port, pin, True)
    bench.chip.drive_pin(port, pin, False)


def test_writes_are_confirmed() -> None:
    """ARR, CCR1, RCR and DIER set their flags, which ICR clears, and which interrupt when enabled."""
    bench, block = lptim(start=0)
    for register, flag in (("ARR", ARROK), ("CCR1", CMP1OK), ("RCR", REPOK), ("DIER", DIEROK)):
        block[register] = 9 if register != "DIER" else ARROK
        assert block["ISR"] == flag
        block["ICR"] = flag
        assert block["ISR"] == 0
    block["ARR"] = 5
    assert bench.raised() == {IRQ["LPTIM1"]}


def test_registers_change_in_their_state_only() -> None:
    """CFGR changes while the timer is disabled, ARR and CCR1 while it is enabled."""
    bench = ChipBench()
    block = bench.block("LPTIM1", "lptim")
    block["ARR"] = block["CCR1"] = 7
    assert (block["ARR"], block["CCR1"]) == (1, 0)
    block["CR"] = ENABLE
    block["CFGR"] = 7 << 9
    block["ARR"] = 7
    assert (block["CFGR"], block["ARR"]) == (0, 7)


def test_it_counts_its_kernel_clock() -> None:
    """CNT, ARRM at ARR and UE one count later come in counts of the kernel clock, divided by PRESC."""
    bench, block = lptim(CFGR=2 << 9, ARR=9)
    bench.wiring.advance(9 * 4 * COUNT)
    assert (block["CNT"], block["ISR"] & (ARRM | UE)) == (9, ARRM)
    bench.wiring.advance(4 * COUNT)
    assert (block["CNT"], block["ISR"] & (ARRM | UE)) == (0, ARRM | UE)


@pytest.mark.parametrize(
    ("name", "register", "shift", "code", "hertz"),
    [
        ("LPTIM1", CCIPR3, 10, 3, 32768),
        ("LPTIM1", CCIPR3, 10, 1, 32000),
        ("LPTIM2", CCIPR1, 18, 0, 160_000_000),
        ("LPTIM2", CCIPR1, 18, 2, 16_000_000),
        ("LPTIM3", CCIPR3, 8, 3, 32768),
        ("LPTIM4", CCIPR3, 8, 0, 4_000_000),
    ],
)
def test_rcc_selects_the_kernel_clock(name: str, register: int, shift: int, code: int, hertz: int) -> None:
    """A second is as many counts as the selected clock has in it."""
    bench = ChipBench()
    bench.chip.rcc.poke(register, 3 << shift, code << shift)
    block = bench.block(name, "lptim")
    block["CR"] = ENABLE
    block["ARR"] = 0xFFFF
    block["CR"] = ENABLE | CNTSTRT
    bench.wiring.advance(160_000_000)
    assert block["CNT"] == hertz % 0x1_0000


def test_interrupts_come_at_their_counts() -> None:
    """Compare and reload interrupts rise at the exact cycles, period after period, and nothing else is waited for."""
    bench, block = lptim(ARR=99, CCR1=30, DIER=CC1IF | ARRM)
    for _ in range(4):
        bench.wiring.advance(50 * COUNT)
        block["ICR"] = 0xFF
    rises = [cycle // COUNT for cycle, number, level in bench.wiring.changes if level and number == IRQ["LPTIM1"]]
    assert rises == [30, 99, 130, 199]
    block["DIER"] = 0
    assert not bench.wiring.waiting


def test_a_single_counting_ends_and_can_be_begun_again() -> None:
    """SNGSTRT counts one period and stops at 0; another one counts again; with WAVE there is only one."""
    bench, block = lptim(start=SNGSTRT, ARR=9)
    bench.wiring.advance(100 * COUNT)
    assert (block["CNT"], bool(block["ISR"] & ARRM)) == (0, True)
    block["ICR"] = ARRM
    block["CR"] = ENABLE | SNGSTRT
    bench.wiring.advance(5 * COUNT)
    assert block["CNT"] == 5
    bench, block = lptim(start=SNGSTRT, CFGR=1 << 20, ARR=9)
    bench.wiring.advance(100 * COUNT)
    block["CR"] = ENABLE | SNGSTRT
    bench.wiring.advance(5 * COUNT)
    assert block["CNT"] == 0


def test_repetition_thins_out_update_events() -> None:
    """With RCR = 2 UE comes every third period; ARRM comes every period."""
    bench, block = lptim(RCR=2, ARR=9, start=0)
    block["CR"] = 0
    block["RCR"] = 2
    block["CR"] = ENABLE
    block["ARR"] = 9
    block["DIER"] = UE
    block["CR"] = ENABLE | CNTSTRT
    found = []
    for period in range(1, 10):
        bench.wiring.advance(10 * COUNT)
        assert block["ISR"] & ARRM
        if block["ISR"] & UE:
            found.append(period)
        block["ICR"] = 0xFFF
    assert len(found) in {3, 4}
    assert found[1] - found[0] == found[2] - found[1] == 3


def test_the_counter_is_reset_by_command_and_by_reading() -> None:
    """COUNTRST begins anew; with RSTARE every reading of CNT does."""
    bench, block = lptim(ARR=999)
    bench.wiring.advance(50 * COUNT)
    block["CR"] = ENABLE | COUNTRST
    assert block["CNT"] == 0
    block["CR"] = ENABLE | RSTARE
    bench.wiring.advance(7 * COUNT)
    assert [block["CNT"], block["CNT"]] == [7, 0]


def test_disabling_ends_everything() -> None:
    """Without ENABLE the counter is 0, and it does not go on by itself."""
    bench, block = lptim(ARR=99, DIER=ARRM)
    bench.wiring.advance(50 * COUNT)
    block["CR"] = 0
    assert not bench.wiring.waiting
    block["CR"] = ENABLE
    bench.wiring.advance(50 * COUNT)
    assert block["CNT"] == 0


def test_a_preloaded_period_waits_for_the_next() -> None:
    """With PRELOAD a new ARR counts from the next period on; without, at once."""
    for preload, value in ((1 << 22, 8), (0, 3)):
        bench, block = lptim(CFGR=preload, ARR=9)
        bench.wiring.advance(2 * COUNT)
        block["ARR"] = 4
        bench.wiring.advance(6 * COUNT)
        assert block["CNT"] == value
        bench.wiring.advance(2 * COUNT)
        assert block["CNT"] == 0
        bench.wiring.advance(5 * COUNT)
        assert block["CNT"] == 0


def test_a_pin_starts_it_and_a_time_out_starts_it_anew() -> None:
    """With TRIGEN a rising edge of ETR starts; with TIMOUT each further one begins anew, so that no match comes."""
    bench, block = lptim(CFGR=1 << 17 | 1 << 19, ARR=99, CCR1=50)
    bench.give("GPIOC", 3, 1)
    bench.wiring.advance(1000 * COUNT)
    assert block["CNT"] == 0
    for _ in range(3):
        pulse(bench, "GPIOC", 3)
        bench.wiring.advance(40 * COUNT)
    assert (block["CNT"], block["ISR"] & (CC1IF | EXTTRIG)) == (40, EXTTRIG)
    bench.wiring.advance(10 * COUNT)
    assert block["ISR"] & CC1IF


def test_it_counts_edges_of_a_pin() -> None:
    """With CKSEL the counter counts pulses on IN1 and nothing else."""
    bench, block = lptim(CFGR=1, ARR=99)
    bench.give("GPIOC", 0, 1)
    bench.wiring.advance(1000)
    for _ in range(5):
        pulse(bench, "GPIOC", 0)
    assert block["CNT"] == 5


def test_an_encoder_counts_both_ways() -> None:
    """On both edges of both inputs, with UP and DOWN at a change of direction; LPTIM3 has no encoder."""
    bench, block = lptim(CFGR=1 << 24 | 2 << 1, ARR=99)
    bench.give("GPIOC", 0, 1)
    bench.give("GPIOC", 2, 1)
    turn = ((0, True), (2, True), (0, False), (2, False))
    for pin, level in turn:
        bench.chip.drive_pin("GPIOC", pin, level)
    assert (block["CNT"], block["ISR"] & (UP | DOWN)) == (4, 0)
    for pin, level in ((2, True), (0, True), (2, False), (0, False)):
        bench.chip.drive_pin("GPIOC", pin, level)
    assert (block["CNT"], block["ISR"] & (UP | DOWN)) == (0, DOWN)


def test_a_channel_captures() -> None:
    """An edge of CH1 stores the counter; a second one before it was read is marked."""
    bench, block = lptim(ARR=0xFFFF, CCMR1=0b11)
    bench.give("GPIOB", 2, 1)
    bench.wiring.advance(70 * COUNT)
    pulse(bench, "GPIOB", 2)
    assert block["ISR"] & CC1IF
    bench.wiring.advance(30 * COUNT)
    pulse(bench, "GPIOB", 2)
    assert block["ISR"] & 1 << 12
    assert block["CCR1"] == 100
    assert block["ISR"] & CC1IF == 0


def test_a_channel_drives_its_pin() -> None:
    """A compare output is high beyond the compare value, for half a period of 100 counts with CCR1 = 49."""
    bench, _ = lptim(ARR=99, CCR1=49, CCMR1=0b10)
    seen: list[tuple[int, bool]] = []
    bench.give("GPIOB", 2, 1)
    bench.chip.watch_pin("GPIOB", 2, lambda cycle, level: seen.append((cycle // COUNT, level)))
    bench.wiring.advance(250 * COUNT)
    assert seen == [(50, True), (100, False), (150, True), (200, False), (250, True)]
    waves = [event for event in bench.wiring.events if isinstance(event, PwmChanged)]
    assert [(wave.signal, wave.hertz, wave.duty) for wave in waves] == [("LPTIM1_CH1", 40_000, 0.5)]


@pytest.mark.parametrize(("row", "line"), [(0, "LPTIM1_CH1"), (3, "LPTIM4_OUT")])
def test_an_output_is_a_trigger_for_others(row: int, line: str) -> None:
    """Who listens to an output hears it rise beyond the compare value; unheard it makes no appointment."""
    wiring, lines = FakeWiring(), TriggerLines()
    name, _, _ = line.partition("_")
    timer = Lptim(
        name, wiring, 0, channels=1 if row == 3 else 2, encoder=False, clock=lambda: 4_000_000, triggers=lines
    )
    block = Block(timer, "lptim")
    for register, value in (("CCMR1", 2), ("CR", ENABLE), ("ARR", 99), ("CCR1", 49), ("CR", ENABLE | CNTSTRT)):
        block[register] = value
    assert not wiring.waiting
    heard: list[int] = []
    lines.connect(line, Listener(lambda: True, lambda: heard.append(wiring.cycle // COUNT), lambda: None))
    lines.wishes_changed(line)
    wiring.advance(200 * COUNT)
    assert heard == [50, 150]


def test_an_alarm_of_the_clock_starts_it() -> None:
    """TRIGSEL = 1 starts the timer by alarm A of the real-time clock."""
    bench, block = lptim(CFGR=1 << 13 | 1 << 17, ARR=0xFFFF)
    bench.chip.rcc.poke(0xF0, 0, 1 | 1 << 8 | 1 << 15)
    rtc = bench.block("RTC", "rtc")
    rtc["ALRMAR"], rtc["CR"] = 0x8080_8080, 1 << 8
    bench.wiring.advance(160_000_000 - 1_000_000)
    assert block["CNT"] == 0
    bench.wiring.advance(2_000_000)
    assert block["ISR"] & EXTTRIG
    assert block["CNT"] == pytest.approx(1_000_000 / COUNT, abs=5)


def test_update_events_ask_for_dma() -> None:
    """With UEDE every update event asks."""
    bench, _ = lptim(ARR=9, DIER=1 << 23)
    asked: list[str] = []

    def served(name: str) -> None:
        asked.append(name)
        bench.wiring.requests.served(name)

    bench.wiring.requests.listen(served)
    bench.wiring.advance(30 * COUNT)
    assert asked == ["LPTIM1_UE"] * 3


@given(
    writes=st.lists(
        st.tuples(
            st.sampled_from(["LPTIM1", "LPTIM2", "LPTIM3", "LPTIM4"]),
            st.sampled_from(["ICR", "DIER", "CFGR", "CR", "CCR1", "ARR", "RCR", "CCMR1", "CCR2"]),
            st.sampled_from([0, 1, 3, 5, 0xFFFF_FFFF]) | st.integers(0, 0xFFFF_FFFF),
            st.integers(0, 100_000),
        ),
        max_size=30,
    )
)
def test_nothing_written_does_any_harm(writes: list[tuple[str, str, int, int]]) -> None:
    """Any words at any times leave a counter within its width, and a reset ends it all."""
    bench = ChipBench()
    for name, register, value, pause in writes:
        block = bench.block(name, "lptim")
        block[register] = value
        bench.wiring.advance(pause)
        assert 0 <= block["CNT"] <= 0xFFFF
    bench.chip.reset()
    assert not bench.wiring.waiting
    assert bench.raised() == set()
