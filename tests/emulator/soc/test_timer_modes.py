"""Laws of what timers do beside counting up: other directions, pins, encoders, each other, DMA and breaks."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvsdk.emulator.events import LedChanged, PwmChanged
from mvsdk.emulator.soc.registers import offsets
from mvsdk.emulator.soc.timer import Timer
from mvsdk.emulator.soc.timer_kinds import timer_kinds
from mvsdk.emulator.soc.triggers import Listener, TriggerLines
from mvsdk.testing import FakeWiring
from tests.emulator.soc.block import Block
from tests.emulator.soc.chip_bench import IRQ, ChipBench, ChipBlock

CEN, URS, OPM, DIR, ARPE = 1, 4, 8, 0x10, 0x80
CENTRE = {1: 0x20, 2: 0x40, 3: 0x60}
UIF, CC1, CC2, COM, TIF, BIF = 1, 2, 4, 0x20, 0x40, 0x80
UG = 1
MOE, BKE, BKP, AOE = 1 << 15, 1 << 12, 1 << 13, 1 << 14


def timer(name: str = "TIM2", **registers: int) -> tuple[ChipBench, ChipBlock]:
    """Make a chip and set up one of its timers; CR1 comes last."""
    bench = ChipBench()
    block = bench.block(name, "timer")
    set_up(block, **registers)
    return bench, block


def set_up(block: ChipBlock, **registers: int) -> None:
    """Write registers, load what is preloaded, let it interrupt, and start."""
    control, enables = registers.pop("CR1", 0), registers.pop("DIER", 0)
    for register, value in registers.items():
        block[register] = value
    block["CR1"] = control & ~CEN
    block["EGR"] = UG
    block["SR"] = 0
    block["DIER"] = enables
    block["CR1"] = control


def edges(bench: ChipBench, port: str, pin: int) -> list[tuple[int, bool]]:
    """Collect the edges of a pin from now on."""
    seen: list[tuple[int, bool]] = []
    bench.chip.watch_pin(port, pin, lambda cycle, level: seen.append((cycle, level)))
    return seen


# -- counting ----------------------------------------------------------------------------------------------------------


def test_counting_down_starts_at_the_limit_and_underflows() -> None:
    """With DIR the counter goes from ARR to 0, and the update comes as it begins anew."""
    bench, block = timer(ARR=9, DIER=UIF, CR1=CEN | DIR)
    assert block["CNT"] == 9
    bench.wiring.advance(9)
    assert (block["CNT"], block["SR"] & UIF) == (0, 0)
    bench.wiring.advance(1)
    assert (block["CNT"], block["SR"] & UIF) == (9, UIF)
    assert IRQ["TIM2"] in bench.raised()


@pytest.mark.parametrize(("mode", "flagged"), [(1, [17]), (2, [3]), (3, [3, 17])])
def test_a_centred_counter_flags_in_the_directions_it_is_told(mode: int, flagged: list[int]) -> None:
    """CNT rises to ARR and falls to 0, DIR shows which, updates come at both ends, and CMS selects the flags."""
    bench, block = timer(ARR=10, CCR1=3, DIER=CC1, CR1=CEN | CENTRE[mode])
    values, found = [], []
    for tick in range(1, 21):
        bench.wiring.advance(1)
        values.append(block["CNT"])
        assert bool(block["CR1"] & DIR) == (10 <= tick < 20)
        if block["SR"] & CC1:
            found.append(tick)
        assert bool(block["SR"] & UIF) == (tick in {10, 20})
        block["SR"] = 0
    assert values == [*range(1, 11), *range(9, -1, -1)]
    assert found == flagged
    assert [cycle for cycle, number, level in bench.wiring.changes if level and number == IRQ["TIM2"]] == flagged


def test_every_second_turn_of_a_centred_counter_can_be_the_update() -> None:
    """With RCR = 1 an update comes once a period."""
    bench, _ = timer("TIM1", ARR=10, RCR=1, DIER=UIF, CR1=CEN | CENTRE[1])
    block = bench.block("TIM1", "timer")
    for _ in range(3):
        bench.wiring.advance(20)
        block["SR"] = 0
    assert [cycle for cycle, number, up in bench.wiring.changes if up and number == IRQ["TIM1_UP"]] == [20, 40, 60]


def test_small_timers_count_up_whatever_they_are_told() -> None:
    """TIM6 and TIM16 have no direction."""
    for name in ("TIM6", "TIM16"):
        bench, block = timer(name, ARR=9, CR1=CEN | DIR)
        bench.wiring.advance(3)
        assert block["CNT"] == 3


# -- outputs -----------------------------------------------------------------------------------------------------------


def pwm(mode: int, compare: int, **more: int) -> tuple[ChipBench, ChipBlock]:
    """Set up channel 1 of TIM2 on PA5, ten counts a period."""
    modes = mode << 4 & 0x70 | (mode >> 3) << 16 | 8
    settings = {"ARR": 9, "CCMR1": modes, "CCER": 1, "CCR1": compare, "CR1": CEN | ARPE}
    bench, block = timer("TIM2", **settings | more)
    bench.give("GPIOA", 5, 1)
    return bench, block


@pytest.mark.parametrize(("mode", "inverted", "high"), [(6, 0, 3), (7, 0, 7), (6, 2, 7), (7, 2, 3)])
def test_a_pwm_pin_is_high_for_its_part_of_the_period(mode: int, inverted: int, high: int) -> None:
    """IDR of the pin shows the channel at every moment: CCR counts of ARR + 1, the rest in mode 2 or inverted."""
    bench, _ = pwm(mode, 3, CCER=1 | inverted)
    gpio = bench.block("GPIOA", "gpio")
    levels = []
    for _ in range(40):
        levels.append(gpio["IDR"] >> 5 & 1)
        bench.wiring.advance(1)
    assert sum(levels) == 4 * high
    assert levels[:10] * 4 == levels


def test_a_watched_pin_tells_every_edge_at_its_cycle() -> None:
    """An observer sees each edge of a PWM; without one no appointment is made."""
    bench, _ = pwm(6, 3)
    assert not bench.wiring.waiting
    seen = edges(bench, "GPIOA", 5)
    bench.wiring.advance(25)
    assert seen == [(3, False), (10, True), (13, False), (20, True), (23, False)]


def test_an_exti_line_hears_the_edges_of_a_timers_pin() -> None:
    """A line that listens to the pin pends at each rising edge, and only then are edges followed."""
    bench, _ = pwm(6, 3)
    exti = bench.block("EXTI", "exti")
    exti["IMR1"] = 1 << 5
    assert not bench.wiring.waiting
    exti["RTSR1"] = 1 << 5
    bench.wiring.advance(9)
    assert exti["RPR1"] == 0
    bench.wiring.advance(1)
    assert exti["RPR1"] == 1 << 5
    assert bench.raised() == {IRQ["EXTI5"]}
    exti["RTSR1"] = 0
    assert not bench.wiring.waiting


def test_a_pwm_is_told_when_it_changes() -> None:
    """`PwmChanged` says frequency and duty once for every setting, and 0 Hz when the channel is switched off."""
    bench, block = pwm(6, 3)
    block["CCR1"] = 5
    block["CCR1"] = 5
    block["CCR1"] = 10
    block["CCER"] = 0
    told = [(event.hertz, event.duty) for event in bench.wiring.events if isinstance(event, PwmChanged)]
    assert told == [(16e6, 0.3), (16e6, 0.5), (0, 1), (0, 0)]
    lights = [event.on for event in bench.wiring.events if isinstance(event, LedChanged)]
    assert lights == [True, False]


def test_a_centred_pwm_is_symmetric() -> None:
    """In centre-aligned mode the active part lies around the update, 2 * CCR long."""
    bench, _ = pwm(6, 3, ARR=10, CR1=CEN | ARPE | CENTRE[1])
    seen = edges(bench, "GPIOA", 5)
    bench.wiring.advance(40)
    assert seen == [(3, False), (17, True), (23, False), (37, True)]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [(1, [(4, True)]), (2, []), (3, [(4, True), (14, False), (24, True)]), (4, []), (0, [])],
)
def test_compare_modes_act_on_a_match(mode: int, expected: list[tuple[int, bool]]) -> None:
    """Active, inactive, toggle, forced and frozen channels do at the match what they say."""
    bench, _ = pwm(mode, 4)
    seen = edges(bench, "GPIOA", 5)
    bench.wiring.advance(30)
    assert seen == expected


def test_a_forced_level_is_there_at_once_and_stays() -> None:
    """Force active and force inactive set the pin without a match; frozen keeps it."""
    bench, block = pwm(5, 4)
    gpio = bench.block("GPIOA", "gpio")
    assert gpio["IDR"] >> 5 & 1
    block["CCMR1"] = 0
    bench.wiring.advance(30)
    assert gpio["IDR"] >> 5 & 1
    block["CCMR1"] = 4 << 4
    assert not gpio["IDR"] >> 5 & 1


def test_toggling_is_right_after_a_long_absence() -> None:
    """A toggle channel that nobody looked at for thousands of periods stands as if it had been followed."""
    for periods in (4000, 4001):
        bench, _ = pwm(3, 4)
        bench.wiring.advance(10 * periods + 5)
        assert bench.block("GPIOA", "gpio")["IDR"] >> 5 & 1 == (periods + 1) % 2


def test_a_disabled_channel_lets_go_of_its_pin() -> None:
    """Without CCxE, and without the alternate function, the pull resistor decides."""
    bench, block = pwm(5, 4)
    gpio = bench.block("GPIOA", "gpio")
    block["CCER"] = 0
    assert not gpio["IDR"] >> 5 & 1
    gpio["PUPDR"] = 1 << 10
    assert gpio["IDR"] >> 5 & 1
    block["CCER"] = 3
    assert not gpio["IDR"] >> 5 & 1
    gpio["MODER"] = 0
    assert gpio["IDR"] >> 5 & 1


def test_combined_modes_join_two_channels() -> None:
    """Combined PWM mode 2 is the AND of both channels: high between two compare values."""
    bench, block = timer(ARR=9, CCR1=2, CCR2=6, CCER=1, CR1=CEN)
    block["CCMR1"] = 1 << 16 | 5 << 4 | 6 << 12
    bench.give("GPIOA", 5, 1)
    seen = edges(bench, "GPIOA", 5)
    bench.wiring.advance(20)
    assert seen == [(2, True), (6, False), (12, True), (16, False)]


def test_an_advanced_timer_needs_its_main_output() -> None:
    """TIM1 drives its pins only with MOE, and complementary pins are opposite while both are enabled."""
    bench, block = timer("TIM1", ARR=9, CCR1=3, CCMR1=0x68, CCER=0b101, CR1=CEN)
    bench.give("GPIOA", 8, 1)
    bench.give("GPIOA", 7, 1)
    seen, opposite = edges(bench, "GPIOA", 8), edges(bench, "GPIOA", 7)
    bench.wiring.advance(10)
    assert (seen, opposite) == ([], [])
    block["BDTR"] = MOE
    bench.wiring.advance(10)
    assert seen == [(10, True), (13, False), (20, True)]
    assert opposite == [(13, True), (20, False)]


# -- inputs ------------------------------------------------------------------------------------------------------------


def test_a_pulse_is_measured_by_capture() -> None:
    """Both edges of a pulse on PA0 are captured: rising on channel 1, falling, crossed, on channel 2."""
    bench, block = timer(ARR=0xFFFF_FFFF, CCMR1=0x0201, CCER=0x31, DIER=CC2, CR1=CEN)
    bench.give("GPIOA", 0, 1)
    bench.wiring.advance(100)
    bench.chip.drive_pin("GPIOA", 0, True)
    assert block["SR"] & (CC1 | CC2) == CC1
    bench.wiring.advance(40)
    bench.chip.drive_pin("GPIOA", 0, False)
    assert IRQ["TIM2"] in bench.raised()
    assert (block["CCR1"], block["CCR2"]) == (100, 140)
    assert block["SR"] & (CC1 | CC2) == 0, "reading the value clears the flag"
    assert IRQ["TIM2"] not in bench.raised()


def test_a_capture_that_nobody_read_is_marked() -> None:
    """A second capture sets CC1OF, which a written zero clears; CCR1 cannot be written."""
    bench, block = timer(ARR=0xFFFF, CCMR1=1, CCER=1, CR1=CEN)
    bench.give("GPIOA", 0, 1)
    for _ in range(2):
        bench.wiring.advance(10)
        bench.chip.drive_pin("GPIOA", 0, True)
        bench.chip.drive_pin("GPIOA", 0, False)
    assert block["SR"] & (1 << 9 | CC1) == 1 << 9 | CC1
    block["CCR1"] = 7
    assert block["CCR1"] == 20
    block["SR"] = ~(1 << 9)
    assert block["SR"] & 1 << 9 == 0


@pytest.mark.parametrize(("prescaler", "captures"), [(0, 8), (1, 4), (2, 2), (3, 1)])
def test_capture_prescalers_let_through_every_nth_edge(prescaler: int, captures: int) -> None:
    """ICxPSC counts edges: 1, 2, 4 or 8."""
    bench, block = timer(ARR=0xFFFF, CCMR1=1 | prescaler << 2, CCER=1, CR1=CEN)
    bench.give("GPIOA", 0, 1)
    found = 0
    for _ in range(8):
        bench.chip.drive_pin("GPIOA", 0, True)
        bench.chip.drive_pin("GPIOA", 0, False)
        found += bool(block["SR"] & CC1)
        block["SR"] = 0
    assert found == captures


QUADRATURE = [(True, False), (True, True), (False, True), (False, False)]


def turn(bench: ChipBench, steps: int) -> None:
    """Turn an encoder on PA0 and PA1 by quarter steps; negative turns back. It begins where both are low."""
    for step in range(abs(steps)):
        position = (step if steps > 0 else -2 - step) % 4
        for pin, level in enumerate(QUADRATURE[position]):
            bench.chip.drive_pin("GPIOA", pin, level)


@pytest.mark.parametrize(("mode", "counts"), [(1, 10), (2, 10), (3, 20), (14 | 0, 5), (15, 5)])
def test_an_encoder_counts_both_ways(mode: int, counts: int) -> None:
    """Modes on one input count two edges a cycle, mode 3 all four, the last two modes one; DIR shows the way."""
    bench, block = timer(ARR=0xFFFF, CCMR1=0x0101, SMCR=mode & 7 | (mode >> 3) << 16, CR1=CEN)
    bench.give("GPIOA", 0, 1)
    bench.give("GPIOA", 1, 1)
    turn(bench, 20)
    assert (block["CNT"], block["CR1"] & DIR) == (counts, 0)
    turn(bench, -20)
    assert block["CNT"] == (0 if mode < 14 else block["CNT"])
    assert block["CR1"] & DIR
    bench.wiring.advance(1000)
    turn(bench, -4)
    assert block["SR"] & UIF or mode >= 14


def test_an_encoder_with_a_direction_line() -> None:
    """In clock plus direction mode TI2 clocks and TI1 says which way."""
    bench, block = timer(ARR=99, CCMR1=0x0101, SMCR=1 << 16 | 3, CR1=CEN)
    bench.give("GPIOA", 0, 1)
    bench.give("GPIOA", 1, 1)
    for direction, pulses in ((False, 5), (True, 2)):
        bench.chip.drive_pin("GPIOA", 0, direction)
        for _ in range(pulses):
            bench.chip.drive_pin("GPIOA", 1, True)
            bench.chip.drive_pin("GPIOA", 1, False)
    assert block["CNT"] == 3


@pytest.mark.parametrize("selection", [5, 4])
def test_external_clock_mode_1_counts_edges_of_a_pin(selection: int) -> None:
    """With SMS = 7 the counter counts edges of TI1, rising ones or both, and time alone does not move it."""
    bench, block = timer(ARR=5, CCMR1=1, SMCR=7 | selection << 4, CR1=CEN)
    bench.give("GPIOA", 0, 1)
    bench.wiring.advance(1000)
    for _ in range(3):
        bench.chip.drive_pin("GPIOA", 0, True)
        bench.chip.drive_pin("GPIOA", 0, False)
    assert (block["CNT"], block["SR"] & UIF) == ((3, 0) if selection == 5 else (0, UIF))


def test_external_clock_mode_2_counts_etr_with_its_prescaler() -> None:
    """With ECE the counter counts every second rising edge of ETR when ETPS says so."""
    bench, block = timer(ARR=99, PSC=0, SMCR=1 << 14 | 1 << 12, CR1=CEN)
    bench.give("GPIOA", 5, 2)
    for _ in range(6):
        bench.chip.drive_pin("GPIOA", 5, True)
        bench.chip.drive_pin("GPIOA", 5, False)
    assert block["CNT"] == 3


def test_a_break_switches_the_outputs_off() -> None:
    """An active break input clears MOE, sets BIF and interrupts; with AOE the next update switches on again."""
    bench, block = timer("TIM1", ARR=99, CCR1=50, CCMR1=0x68, CCER=1, BDTR=MOE | BKE | BKP | AOE, DIER=BIF, CR1=CEN)
    bench.give("GPIOB", 12, 1)
    assert block["BDTR"] & MOE
    bench.chip.drive_pin("GPIOB", 12, True)
    assert not block["BDTR"] & MOE
    assert block["SR"] & BIF
    assert bench.raised() == {IRQ["TIM1_BRK"]}
    bench.chip.drive_pin("GPIOB", 12, False)
    bench.wiring.advance(100)
    assert block["BDTR"] & MOE
    block["SR"] = 0
    assert bench.raised() == set()
    block["EGR"] = BIF
    assert (block["BDTR"] & MOE, block["SR"] & BIF) == (0, BIF)


# -- other timers ------------------------------------------------------------------------------------------------------

ITR_TIM3 = 2


def pair(master: dict[str, int], slave: dict[str, int]) -> tuple[ChipBench, ChipBlock, ChipBlock]:
    """Set up TIM3 as a master and TIM2 as its slave, on ITR2."""
    bench = ChipBench()
    leading, following = bench.block("TIM3", "timer"), bench.block("TIM2", "timer")
    set_up(following, **slave)
    set_up(leading, **master)
    return bench, leading, following


def test_a_slave_counts_its_masters_updates() -> None:
    """MMS = update and external clock mode 1 make a prescaler of the master; the slave's interrupt comes exactly."""
    bench, _, slave = pair(
        {"ARR": 99, "CR2": 2 << 4, "CR1": CEN},
        {"ARR": 4, "SMCR": 7 | ITR_TIM3 << 4, "DIER": UIF, "CR1": CEN},
    )
    start = slave["CNT"]
    bench.wiring.advance(299)
    assert slave["CNT"] - start == 2
    bench.wiring.advance(1000)
    rises = [cycle for cycle, number, up in bench.wiring.changes if up and number == IRQ["TIM2"]]
    assert rises == [(5 - start) * 100]


def test_a_slave_is_reset_by_its_master() -> None:
    """In reset mode each update of the master begins the slave anew; URS keeps UIF clear, TIF tells."""
    bench, _, slave = pair(
        {"ARR": 49, "CR2": 2 << 4, "CR1": CEN},
        {"ARR": 999, "SMCR": 4 | ITR_TIM3 << 4, "CR1": CEN | URS},
    )
    bench.wiring.advance(70)
    assert slave["CNT"] == 20
    assert slave["SR"] & (UIF | TIF) == TIF


def test_a_slave_is_gated_by_its_masters_channel() -> None:
    """In gated mode the slave counts while OC1REF of the master is high."""
    bench, _, slave = pair(
        {"ARR": 9, "CCR1": 4, "CCMR1": 0x60, "CR2": 4 << 4, "CR1": CEN},
        {"ARR": 999, "SMCR": 5 | ITR_TIM3 << 4, "CR1": CEN},
    )
    bench.wiring.advance(100)
    assert slave["CNT"] == 40


def test_a_slave_is_started_by_its_masters_enable() -> None:
    """In trigger mode the slave starts with the master's CEN, sets TIF and interrupts."""
    bench = ChipBench()
    master, slave = bench.block("TIM3", "timer"), bench.block("TIM2", "timer")
    slave["SMCR"], slave["DIER"] = 6 | ITR_TIM3 << 4, TIF
    master["CR2"] = 1 << 4
    bench.wiring.advance(50)
    assert slave["CNT"] == 0
    master["CR1"] = CEN
    bench.wiring.advance(30)
    assert (slave["CNT"], slave["CR1"] & CEN) == (30, CEN)
    assert bench.raised() == {IRQ["TIM2"]}


@pytest.mark.parametrize(
    ("name", "line", "control", "rises"),
    [
        ("TIM1", "TIM1_TRGO2", 2 << 20, [10, 20]),
        ("TIM1", "TIM1_TRGO2", 3 << 20, [4, 14]),
        ("TIM1", "TIM1_TRGO2", 4 << 20, [10, 20]),
        ("TIM3", "TIM3_CH1", 0, [10, 20]),
        ("TIM3", "TIM3_TRGO", 3 << 4, [4, 14]),
        ("TIM16", "TIM16_OC1", 0, [10, 20]),
        ("TIM6", "TIM6_TRGO", 2 << 4, [10, 20]),
    ],
)
def test_every_trigger_line_rises_when_it_should(name: str, line: str, control: int, rises: list[int]) -> None:
    """Trigger outputs and channels reach whoever listens, at their cycles; unheard they make no appointment."""
    wiring, lines = FakeWiring(), TriggerLines()
    kind = next(kind for kind in timer_kinds() if kind.name == name)
    block = Block(Timer(kind, wiring, dict.fromkeys(kind.interrupts, 0), lines), "timer")
    settings = {"ARR": 9, "CR2": control, "CCR1": 4, "CCMR1": 0x60}
    for register, value in settings.items() if name != "TIM6" else (("ARR", 9), ("CR2", control)):
        block[register] = value
    block["CR1"] = CEN
    assert not wiring.waiting
    heard: list[int] = []
    lines.connect(line, Listener(lambda: True, lambda: heard.append(wiring.cycle), lambda: None))
    lines.wishes_changed(line)
    wiring.advance(23)
    assert heard == rises


def test_a_timer_is_no_trigger_of_its_own() -> None:
    """ITR1 of TIM2 is reserved: its own output is not connected to it."""
    bench, block = timer(ARR=9, CR2=2 << 4, SMCR=4 | 1 << 4, CR1=CEN)
    bench.wiring.advance(25)
    assert (block["CNT"], block["SR"] & TIF) == (5, 0)


def test_timers_that_trigger_each_other_do_not_hang() -> None:
    """Two timers that reset each other at their updates go on."""
    bench = ChipBench()
    one, other = bench.block("TIM2", "timer"), bench.block("TIM3", "timer")
    set_up(one, ARR=9, CR2=2 << 4, SMCR=4 | 2 << 4, CR1=CEN)
    set_up(other, ARR=14, CR2=2 << 4, SMCR=4 | 1 << 4, CR1=CEN)
    bench.wiring.advance(1000)
    one["EGR"] = UG
    assert (one["CNT"], other["CNT"]) == (0, 0)


# -- DMA ---------------------------------------------------------------------------------------------------------------


def test_events_ask_for_dma_each_time() -> None:
    """UDE and CC1DE ask at every update and match, whatever the flags."""
    bench, _ = timer(ARR=9, CCR1=4, DIER=1 << 8 | 1 << 9, CR1=CEN)
    asked: list[tuple[int, str]] = []

    def served(name: str) -> None:
        asked.append((bench.wiring.cycle, name))
        bench.wiring.requests.served(name)

    bench.wiring.requests.listen(served)
    bench.wiring.advance(20)
    assert asked == [(4, "TIM2_CH1"), (10, "TIM2_UP"), (14, "TIM2_CH1"), (20, "TIM2_UP")]


def test_a_controller_may_write_to_the_timer_at_once() -> None:
    """New compare values that a request is answered with, right at the update, make each period's pulse."""
    bench, block = pwm(6, 3)
    seen = edges(bench, "GPIOA", 5)
    values = iter([5, 7, 2, 4])

    def served(name: str) -> None:
        bench.wiring.requests.served(name)
        block["CCR1"] = next(values)

    bench.wiring.requests.listen(served)
    block["DIER"] = 1 << 8
    bench.wiring.advance(39)
    assert [cycle for cycle, level in seen if not level] == [3, 13, 25, 37]


def test_a_burst_register_goes_through_the_registers_it_names() -> None:
    """DMAR stands for DBL + 1 registers from DBA on, one after the other."""
    _, block = timer()
    block["DCR"] = 2 << 8 | 13
    for value in (10, 20, 30, 11):
        block["DMAR"] = value
    assert [block[f"CCR{channel}"] for channel in (1, 2, 3)] == [11, 20, 30]


@given(
    limit=st.integers(1, 30),
    compare=st.integers(0, 32),
    control=st.sampled_from([0, DIR, *CENTRE.values()]),
    mode=st.sampled_from([1, 2, 3, 6, 7]),
    looks=st.lists(st.integers(1, 500), max_size=6),
)
def test_looking_at_a_pin_changes_nothing(limit: int, compare: int, control: int, mode: int, looks: list[int]) -> None:
    """Edges seen by a watcher, and the end, do not depend on when anything was read."""
    ends = []
    for pauses in ([sum(looks)], looks):
        bench, block = pwm(mode, compare, ARR=limit, CR1=CEN | control)
        seen = edges(bench, "GPIOA", 5)
        for cycles in pauses:
            bench.wiring.advance(cycles)
            assert block["CNT"] <= limit
        ends.append((seen, block["CNT"], block["SR"], block["CR1"], bench.block("GPIOA", "gpio")["IDR"]))
        assert all(before[1] != after[1] for before, after in pairwise(seen))
    assert ends[0] == ends[1]


@given(
    limit=st.integers(1, 12),
    compare=st.integers(0, 14),
    control=st.sampled_from([0, DIR, *CENTRE.values()]),
    mode=st.sampled_from([3, 6, 7]),
    moment=st.integers(0, 200),
)
def test_a_pin_read_late_is_the_pin_watched(limit: int, compare: int, control: int, mode: int, moment: int) -> None:
    """A level computed when it is read is the level that a watcher followed edge by edge."""
    levels = []
    for watched in (False, True):
        bench, _ = pwm(mode, compare, ARR=limit, CR1=CEN | control)
        if watched:
            edges(bench, "GPIOA", 5)
        bench.wiring.advance(moment)
        levels.append(bench.block("GPIOA", "gpio")["IDR"] >> 5 & 1)
    assert levels[0] == levels[1]


TIMERS = ("TIM1", "TIM2", "TIM3", "TIM8", "TIM15", "TIM16")
REGISTERS = tuple(offsets("timer"))
WRITES = st.tuples(
    st.sampled_from(TIMERS),
    st.sampled_from(REGISTERS),
    st.sampled_from([0, 1, 2, 0x41, 0x68, 0x0101, 0x2027, 0xFFFF_FFFF]) | st.integers(0, 0xFFFF_FFFF),
    st.integers(0, 400),
)
PINS = [("GPIOA", 0, 1), ("GPIOA", 1, 1), ("GPIOA", 5, 1), ("GPIOA", 6, 2), ("GPIOA", 8, 1), ("GPIOB", 12, 1)]


@settings(max_examples=150)
@given(writes=st.lists(WRITES, max_size=30), levels=st.lists(st.sampled_from(PINS), max_size=30), watched=st.booleans())
def test_nothing_written_does_any_harm(
    writes: list[tuple[str, str, int, int]], levels: list[tuple[str, int, int]], watched: bool
) -> None:
    """Any words in any registers, with pins driven and watched, leave counters within their widths; a reset ends it."""
    bench = ChipBench()
    for port, pin, function in PINS:
        bench.give(port, pin, function)
        if watched:
            edges(bench, port, pin)
    for (name, register, value, pause), (port, pin, _) in zip(writes, [*levels, *[PINS[0]] * 30], strict=False):
        block = bench.block(name, "timer")
        block[register] = value
        bench.chip.drive_pin(port, pin, bool(value & 1))
        bench.wiring.advance(pause)
        assert 0 <= block["CNT"] <= 0xFFFF_FFFF
    bench.chip.reset()
    assert not bench.wiring.waiting
    assert bench.raised() == set()
