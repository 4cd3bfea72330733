"""Laws of the timers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvsdk.boards import Clocks
from mvsdk.emulator.soc.timer import Timer
from mvsdk.emulator.soc.timer_kinds import timer_kinds
from mvsdk.emulator.soc.triggers import TriggerLines
from mvsdk.testing import FakeWiring
from tests.emulator.soc.block import Block

KINDS = {kind.name: kind for kind in timer_kinds()}
UPDATE, COMPARE = 49, 50
INTERRUPTS = {"update": UPDATE, "compare": COMPARE}
CEN, UDIS, URS, OPM, ARPE, UIFREMAP = 1, 2, 4, 8, 0x80, 0x800
UIF, CC1, CC2 = 1, 2, 4
UG = 1


def timer(name: str = "TIM6", *, clocks: Clocks | None = None) -> tuple[Block, FakeWiring]:
    """Make one timer on its own."""
    wiring = FakeWiring(clocks)
    return Block(alone(name, wiring), "timer"), wiring


def alone(name: str, wiring: FakeWiring) -> Timer:
    """Make one timer that is connected to nothing but its interrupts."""
    return Timer(KINDS[name], wiring, INTERRUPTS, TriggerLines())


def ticking(name: str = "TIM6") -> tuple[Block, FakeWiring]:
    """Make a timer that updates every 1,000 counts of 160 cycles, as the vendor's tick does."""
    registers, wiring = timer(name)
    registers["PSC"], registers["ARR"] = 159, 999
    registers["EGR"] = UG
    registers["SR"] = 0
    registers["CR1"] = CEN
    return registers, wiring


def test_an_update_comes_every_period() -> None:
    """UIF is set once (PSC + 1) * (ARR + 1) clocks have passed, and not before."""
    registers, wiring = ticking()
    wiring.advance(159_999)
    assert registers["SR"] == 0
    assert registers["CNT"] == 999
    wiring.advance(1)
    assert registers["SR"] == UIF
    assert registers["CNT"] == 0


def test_the_interrupt_line_follows_flag_and_enable() -> None:
    """The line is high exactly while UIF and UIE are both set, at the exact cycles, period after period."""
    registers, wiring = ticking()
    registers["DIER"] = UIF
    for _ in range(3):
        wiring.advance(160_000)
        assert wiring.lines[UPDATE]
        registers["SR"] = ~UIF & 0xFFFF_FFFF
        assert not wiring.lines[UPDATE]
    assert [cycle for cycle, _, level in wiring.changes if level] == [160_000, 320_000, 480_000]


def test_nothing_is_waited_for_that_nobody_asked_for() -> None:
    """Without an enabled interrupt a running timer makes no appointment."""
    registers, wiring = ticking()
    assert not wiring.waiting
    registers["DIER"] = UIF
    assert wiring.waiting
    registers["DIER"] = 0
    assert not wiring.waiting


def test_status_bits_are_cleared_by_zeros_and_not_set_by_ones() -> None:
    """Writing SR keeps the bits written as 1 and clears the others."""
    registers, wiring = ticking("TIM2")
    wiring.advance(200_000)
    before = registers["SR"]
    assert before & UIF
    registers["SR"] = 0xFFFF_FFFF
    assert registers["SR"] == before
    registers["SR"] = ~UIF & 0xFFFF_FFFF
    assert registers["SR"] == before & ~UIF


def test_the_prescaler_waits_for_an_update() -> None:
    """A new PSC works from the next update event on, and at once after UG."""
    registers, wiring = timer()
    registers["ARR"] = 9
    registers["CR1"] = CEN
    registers["PSC"] = 9
    wiring.advance(5)
    assert registers["CNT"] == 5
    wiring.advance(5 + 50)
    assert registers["CNT"] == 5
    registers["EGR"] = UG
    registers["PSC"] = 0
    wiring.advance(10)
    assert registers["CNT"] == 1


@pytest.mark.parametrize(("preload", "at_ten"), [(0, 10 % 5), (ARPE, 10)])
def test_a_new_limit_works_at_once_unless_preloaded(preload: int, at_ten: int) -> None:
    """ARR is in force when written without ARPE, and from the next update on with it."""
    registers, wiring = timer()
    registers["ARR"] = 19
    registers["EGR"] = UG
    registers["CR1"] = CEN | preload
    registers["ARR"] = 4
    wiring.advance(10)
    assert registers["CNT"] == at_ten
    wiring.advance(10 + 7)
    assert registers["CNT"] == 7 % 5


def test_update_generation_sets_the_flag_unless_told_otherwise() -> None:
    """UG sets UIF and begins at 0; with URS or UDIS it only begins at 0."""
    registers, wiring = timer()
    registers["CR1"] = CEN
    wiring.advance(100)
    registers["EGR"] = UG
    assert (registers["SR"], registers["CNT"]) == (UIF, 0)
    for quiet in (URS, UDIS):
        registers["CR1"] = CEN | quiet
        registers["SR"] = 0
        registers["EGR"] = UG
        assert (registers["SR"], registers["CNT"]) == (0, 0)


def test_disabled_updates_do_not_happen() -> None:
    """With UDIS the counter goes round without a flag."""
    registers, wiring = timer()
    registers["ARR"], registers["CR1"] = 9, CEN | UDIS
    wiring.advance(25)
    assert (registers["SR"], registers["CNT"]) == (0, 5)


def test_one_pulse_stops_at_its_update() -> None:
    """With OPM the first update clears CEN and the counter stays at 0."""
    registers, wiring = timer()
    registers["ARR"] = 9
    registers["DIER"] = UIF
    registers["CR1"] = CEN | OPM
    wiring.advance(1000)
    assert registers["CR1"] & CEN == 0
    assert registers["CNT"] == 0
    assert [cycle for cycle, _, level in wiring.changes if level] == [10]


def test_a_stopped_counter_keeps_its_value() -> None:
    """Clearing CEN freezes CNT; setting it goes on from there."""
    registers, wiring = timer()
    registers["CR1"] = CEN
    wiring.advance(40)
    registers["CR1"] = 0
    wiring.advance(1000)
    assert registers["CNT"] == 40
    registers["CR1"] = CEN
    wiring.advance(2)
    assert registers["CNT"] == 42


def test_writing_the_counter_moves_it() -> None:
    """CNT counts on from what is written."""
    registers, wiring = timer()
    registers["CR1"] = CEN
    registers["CNT"] = 0xFFF0
    wiring.advance(0x10)
    assert (registers["CNT"], registers["SR"]) == (0, UIF)


def test_the_counter_can_show_the_flag() -> None:
    """With UIFREMAP bit 31 of CNT is UIF."""
    registers, wiring = timer()
    registers["ARR"], registers["CR1"] = 9, CEN | UIFREMAP
    wiring.advance(10)
    assert registers["CNT"] == 1 << 31


def test_compare_flags_come_with_their_values() -> None:
    """CCxIF is set when the counter reaches CCRx, and raises the compare interrupt when enabled."""
    registers, wiring = timer("TIM1")
    registers["ARR"], registers["CCR1"], registers["CCR2"] = 99, 30, 60
    registers["DIER"] = CC1 | CC2
    registers["CR1"] = CEN
    wiring.advance(30)
    assert registers["SR"] & (CC1 | CC2) == CC1
    registers["SR"] = 0
    wiring.advance(30)
    assert registers["SR"] & (CC1 | CC2) == CC2
    assert [(cycle, number) for cycle, number, level in wiring.changes if level] == [(30, COMPARE), (60, COMPARE)]


def test_a_pwm_channel_flags_every_period() -> None:
    """In PWM mode with preload, each period sets CC1IF at the compare value and UIF at its end."""
    registers, wiring = timer("TIM2")
    registers["ARR"], registers["CCMR1"], registers["CCER"], registers["CCR1"] = 99, 0x68, 1, 25
    registers["EGR"] = UG
    registers["SR"] = 0
    registers["DIER"] = UIF | CC1
    registers["CR1"] = CEN | ARPE
    flags = []
    for _ in range(4):
        wiring.advance(25)
        flags.append(registers["SR"] & (UIF | CC1))
        registers["SR"] = 0
    wiring.advance(25)
    assert flags == [CC1, 0, 0, UIF]
    assert registers["SR"] == CC1


def test_a_preloaded_compare_value_waits_for_the_update() -> None:
    """With OC1PE a new CCR1 works from the next period on; without it, at once."""
    registers, wiring = timer("TIM2")
    registers["ARR"], registers["CCMR1"] = 99, 0x68
    registers["CCR1"] = 50
    registers["EGR"] = UG
    registers["CR1"] = CEN
    registers["CCR1"] = 20
    registers["SR"] = 0
    wiring.advance(30)
    assert registers["SR"] & CC1 == 0
    wiring.advance(30)
    assert registers["SR"] & CC1
    wiring.advance(40)
    registers["SR"] = 0
    wiring.advance(20)
    assert registers["SR"] & CC1


def test_a_channel_that_captures_does_not_compare() -> None:
    """A channel set up as an input sets no compare flag."""
    registers, wiring = timer("TIM3")
    registers["ARR"], registers["CCMR1"], registers["CCR1"] = 99, 1, 10
    registers["CR1"] = CEN
    wiring.advance(50)
    assert registers["SR"] & CC1 == 0


def test_repetition_thins_out_updates() -> None:
    """With RCR = 2 every third overflow is an update."""
    registers, wiring = timer("TIM1")
    registers["ARR"], registers["RCR"] = 9, 2
    registers["EGR"] = UG
    registers["SR"] = 0
    registers["DIER"] = UIF
    registers["CR1"] = CEN
    for _ in range(2):
        wiring.advance(30)
        registers["SR"] = 0
    assert [cycle for cycle, _, level in wiring.changes if level] == [30, 60]


def test_widths_differ() -> None:
    """TIM2 counts to 32 bits, TIM6 to 16; a basic timer has no compare registers."""
    wide, _ = timer("TIM2")
    narrow, _ = timer("TIM6")
    assert (wide["ARR"], narrow["ARR"]) == (0xFFFF_FFFF, 0xFFFF)
    basic = alone("TIM6", FakeWiring())
    assert basic.read(0x34, 4) is None
    assert not basic.write(0x34, 4, 1)


def test_a_slow_bus_doubles_the_timer_clock() -> None:
    """Where the bus runs at a quarter of the processor clock, a timer counts every second cycle."""
    registers, wiring = timer(clocks=Clocks(160_000_000, 160_000_000, 40_000_000, 160_000_000))
    registers["CR1"] = CEN
    wiring.advance(100)
    assert registers["CNT"] == 50


def test_a_reset_stops_it_and_lowers_the_line() -> None:
    """After a reset nothing is left: registers, count, interrupt, appointment."""
    wiring = FakeWiring()
    peripheral = alone("TIM6", wiring)
    registers = Block(peripheral, "timer")
    registers["ARR"], registers["DIER"], registers["CR1"] = 9, UIF, CEN
    wiring.advance(15)
    peripheral.reset()
    assert not wiring.lines[UPDATE]
    assert not wiring.waiting
    wiring.advance(1000)
    assert [registers[name] for name in ("CR1", "DIER", "SR", "CNT", "ARR")] == [0, 0, 0, 0, 0xFFFF]


@given(looks=st.lists(st.integers(1, 3000), max_size=10), limit=st.integers(1, 40), compare=st.integers(0, 40))
def test_looking_changes_nothing(looks: list[int], limit: int, compare: int) -> None:
    """Reading registers at any cycles on the way changes neither interrupts nor what is read at the end."""
    ends = []
    for pauses in ([sum(looks) + 10], [*looks, 10]):
        registers, wiring = timer("TIM2")
        registers["ARR"], registers["CCR1"], registers["DIER"], registers["CR1"] = limit, compare, UIF | CC1, CEN
        for cycles in pauses:
            wiring.advance(cycles)
            assert registers["CNT"] <= limit
        ends.append((wiring.changes, registers["CNT"], registers["SR"]))
    assert ends[0] == ends[1]
