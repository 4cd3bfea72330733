"""Laws of the real-time clock and the backup registers."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mvsdk.emulator.soc import rtc_calendar
from mvsdk.emulator.soc.rtc_calendar import Moment, date_of, date_register, day_number, next_alarm, time_register
from tests.emulator.soc.chip_bench import BASES, IRQ, ChipBench, ChipBlock

BDCR = 0xF0
LSE = 1 | 1 << 8 | 1 << 15
INIT, INITF, RSF, INITS, WUTWF = 1 << 7, 1 << 6, 1 << 5, 1 << 4, 1 << 2
ALRAE, ALRBE, WUTE, TSE, ALRAIE, ALRBIE, WUTIE = 1 << 8, 1 << 9, 1 << 10, 1 << 11, 1 << 12, 1 << 13, 1 << 14
FMT, BYPSHAD, SUB1H, ADD1H = 1 << 6, 1 << 5, 1 << 17, 1 << 16
EVERY_SECOND = 0x8080_8080
SECOND = 160_000_000
TICK = SECOND // 32768 + 1


def clock(time: int = 0x12_3456, date: int = 0x24_E715, **more: int) -> tuple[ChipBench, ChipBlock]:
    """Start the clock on LSE as the vendor's functions do; the date is Sunday the 15th of July 2024."""
    bench = ChipBench()
    bench.chip.rcc.poke(BDCR, 0, LSE)
    rtc = bench.block("RTC", "rtc")
    unlock(rtc)
    rtc["ICSR"] = INIT
    bench.wiring.advance(3 * TICK)
    assert rtc["ICSR"] & INITF
    for name, value in ({"PRER": 127 << 16 | 255, "TR": time, "DR": date} | more).items():
        rtc[name] = value
    rtc["ICSR"] = 0
    bench.wiring.advance(3 * TICK)
    return bench, rtc


def unlock(rtc: ChipBlock) -> None:
    """Write the key."""
    rtc["WPR"] = 0xCA
    rtc["WPR"] = 0x53


def to_second(bench: ChipBench, rtc: ChipBlock) -> None:
    """Go to just after the beginning of the next second."""
    bench.wiring.advance((rtc["SSR"] + 1) * SECOND // 256)
    rtc["ICSR"] = ~RSF & ~INIT
    bench.wiring.advance(3 * TICK)


# -- the calendar's arithmetic -----------------------------------------------------------------------------------------

DATES = st.dates(datetime.date(2000, 1, 1), datetime.date(2099, 12, 31))


@given(DATES)
def test_days_are_those_of_the_calendar(date: datetime.date) -> None:
    """Day numbers and dates are each other's inverse and agree with the library, leap years included."""
    number = (date - datetime.date(2000, 1, 1)).days
    assert day_number(date.year - 2000, date.month, date.day) == number
    assert date_of(number) == (date.year - 2000, date.month, date.day)


@given(st.integers(0, 0xFFFF_FFFF), st.integers(0, 0xFFFF_FFFF), st.booleans(), st.integers(-(10**10), 10**10))
def test_nothing_written_breaks_the_calendar(time: int, date: int, half_days: bool, seconds: int) -> None:
    """Any bits in TR and DR make some moment, and the registers of every later one hold decimal digits."""
    later = rtc_calendar.moment_of(time, date, half_days=half_days).later(seconds)
    shown, day = time_register(later, half_days=half_days), date_register(later)
    for digits in (shown & 0x3F_7F7F, day & 0xFF_1F3F):
        assert all(int(digit) <= 9 for digit in f"{digits:x}" if digit.isdigit())
    assert rtc_calendar.moment_of(shown, day, half_days=half_days) == later


@given(DATES, st.integers(0, 86_399), st.integers(0, 0xFFFF_FFFF), st.booleans())
@example(datetime.date(2024, 2, 28), 86_399, 0x2900_0000, False)
def test_an_alarm_is_met_where_the_calendar_shows_it(
    date: datetime.date, second: int, alarm: int, half_days: bool
) -> None:
    """At the moment `next_alarm` names, every field that is not masked shows the alarm's digits."""
    moment = Moment((date - datetime.date(2000, 1, 1)).days, second, date.isoweekday())
    wait = next_alarm(alarm, moment, half_days=half_days)
    if wait is None:
        return
    met = moment.later(wait)
    time = time_register(met, half_days=False)
    if not alarm >> 7 & 1:
        assert rtc_calendar.from_bcd(time & 0x7F) == rtc_calendar.from_bcd(alarm & 0x7F)
    if not alarm >> 15 & 1:
        assert rtc_calendar.from_bcd(time >> 8 & 0x7F) == rtc_calendar.from_bcd(alarm >> 8 & 0x7F)
    if not alarm >> 23 & 1:
        assert rtc_calendar.from_bcd(time >> 16) == rtc_calendar.hour_of(alarm, half_days=half_days)
    if not alarm >> 31 & 1 and alarm >> 30 & 1:
        assert met.weekday == alarm >> 24 & 0xF


@pytest.mark.parametrize(
    ("alarm", "wait"),
    [
        (EVERY_SECOND, 0),
        (0x8080_8059, 3),
        (0x8080_3500, 4),
        (0x8013_0000, 25 * 60 + 4),
        (0x8012_3456, 0),
        (0x8012_3455, 86_399),
        (0x1612_3456, 86_400),
        (1 << 30 | 0x0112_3456, 86_400),
        (0x1512_3455, 31 * 86_400 - 1),
        (0x8024_0000, None),
        (0x4080_8080, None),
    ],
)
def test_the_next_alarm(alarm: int, wait: int | None) -> None:
    """From Sunday the 15th of July 2024, 12:34:56."""
    moment = Moment(day_number(24, 7, 15), 12 * 3600 + 34 * 60 + 56, 7)
    assert next_alarm(alarm, moment, half_days=False) == wait


# -- the clock ---------------------------------------------------------------------------------------------------------


def test_a_cold_boot_shows_the_year_2000_and_stands() -> None:
    """Before anybody chose a clock the calendar shows the first of January 2000, INITS is 0, and nothing moves."""
    bench = ChipBench()
    rtc = bench.block("RTC", "rtc")
    bench.wiring.advance(100 * SECOND)
    assert (rtc["TR"], rtc["DR"], rtc["PRER"]) == (0, 0x2101, 0x7F_00FF)
    assert rtc["ICSR"] & (INITS | RSF) == 0


def test_it_counts_seconds_through_the_end_of_a_leap_february() -> None:
    """23:59:58 on the 28th of February 2024 becomes the 29th two seconds later, and a day of the week goes by."""
    bench, rtc = clock(0x23_5958, 0x24 << 16 | 3 << 13 | 0x02_28)
    assert (rtc["TR"], rtc["DR"]) == (0x23_5958, 0x24_6228)
    bench.wiring.advance(2 * SECOND)
    rtc["ICSR"] = ~RSF & ~INIT
    bench.wiring.advance(3 * TICK)
    assert (rtc["TR"], rtc["DR"]) == (0, 0x24_8229)
    assert rtc["ICSR"] & INITS


def test_sub_seconds_count_down() -> None:
    """SSR goes from PREDIV_S to 0 within a second."""
    bench, rtc = clock()
    to_second(bench, rtc)
    values = []
    for _ in range(257):
        values.append(rtc["SSR"])
        bench.wiring.advance(SECOND // 256)
    assert values == [*range(255, -1, -1), 255]


def test_write_protection() -> None:
    """Without the key neither INIT nor FMT changes; a wrong key locks again; alarms are not protected."""
    bench, rtc = clock()
    rtc["WPR"] = 0xFF
    rtc["ICSR"] = INIT
    rtc["CR"] = FMT | ALRAE
    assert (rtc["ICSR"] & INIT, rtc["CR"]) == (0, ALRAE)
    unlock(rtc)
    rtc["TR"] = 0x11_1111
    assert rtc["TR"] != 0x11_1111, "the calendar is set in initialisation mode only"
    rtc["ICSR"] = INIT
    assert rtc["ICSR"] & INITF == 0, "two ticks of the clock pass first"
    bench.wiring.advance(3 * TICK)
    assert rtc["ICSR"] & INITF


def test_time_and_date_are_read_as_one() -> None:
    """Reading TR holds DR until it is read too; BYPSHAD shows both as they are."""
    bench, rtc = clock(0x23_5959)
    assert rtc["TR"] == 0x23_5959
    bench.wiring.advance(SECOND)
    assert (rtc["TR"], rtc["DR"] & 0x3F) == (0x23_5959, 0x15)
    assert (rtc["TR"], rtc["DR"] & 0x3F) == (0, 0x16)
    rtc["CR"] = BYPSHAD
    bench.wiring.advance(SECOND)
    assert rtc["TR"] == 1
    bench.wiring.advance(SECOND)
    assert rtc["TR"] == 2


def test_synchronisation_is_told_after_two_ticks() -> None:
    """Clearing RSF sets it again once the shadow registers are new."""
    bench, rtc = clock()
    rtc["ICSR"] = ~RSF & ~INIT
    assert rtc["ICSR"] & RSF == 0
    bench.wiring.advance(3 * TICK)
    assert rtc["ICSR"] & RSF


@pytest.mark.parametrize(("full", "half"), [(0x00, 0x12), (0x11, 0x11), (0x12, 0x52), (0x23, 0x51)])
def test_half_days(full: int, half: int) -> None:
    """Changing FMT shows the same hour in the other format, midnight as 12 AM."""
    _, rtc = clock(full << 16)
    rtc["CR"] = FMT
    rtc["DR"]
    assert rtc["TR"] >> 16 == half
    rtc["DR"]
    rtc["CR"] = 0
    assert rtc["TR"] >> 16 == full


def test_summer_time() -> None:
    """ADD1H and SUB1H move the clock by an hour and read 0."""
    _, rtc = clock(0x23_3000)
    rtc["CR"] = ADD1H
    assert (rtc["CR"], rtc["TR"], rtc["DR"] & 0x3F) == (0, 0x00_3000, 0x16)
    rtc["CR"] = SUB1H
    assert rtc["TR"] == 0x00_3000, "between midnight and one nothing is subtracted"
    rtc["DR"]
    rtc["CR"] = ADD1H
    rtc["CR"] = SUB1H
    assert (rtc["TR"], rtc["DR"] & 0x3F) == (0x00_3000, 0x16)


def test_shifting_by_parts_of_a_second() -> None:
    """SUBFS delays the clock, ADD1S puts it forward: together they are the difference."""
    bench, rtc = clock()
    to_second(bench, rtc)
    before = rtc["TR"], rtc["SSR"], rtc["DR"]
    rtc["SHIFTR"] = 1 << 31 | 56
    assert rtc["SSR"] == 255 - (256 - 56)
    assert rtc["TR"] == before[0]
    rtc["DR"]
    bench.wiring.advance(57 * SECOND // 256)
    assert rtc["TR"] == before[0] + 1


# -- alarms and the wake-up timer --------------------------------------------------------------------------------------


def test_an_alarm_interrupts_and_would_wake_the_device() -> None:
    """At the alarm's second the flag is set, MISR shows it, the line rises and a deep sleep would end; SCR clears."""
    bench, rtc = clock()
    rtc["ALRMAR"] = 0x8012_3500
    rtc["CR"] = ALRAE | ALRAIE
    bench.wiring.advance(3 * SECOND)
    assert rtc["SR"] == 0
    bench.wiring.advance(SECOND)
    assert (rtc["SR"], rtc["MISR"], bench.raised()) == (1, 1, {IRQ["RTC"]})
    assert {source for _, source in bench.wiring.wakes} == {"rtc"}
    rtc["SCR"] = 1
    assert (rtc["SR"], bench.raised()) == (0, set())


def test_an_alarm_without_its_interrupt_only_sets_its_flag() -> None:
    """ALRBF is set, MISR stays 0 and nobody is woken."""
    bench, rtc = clock()
    rtc["ALRMBR"] = EVERY_SECOND
    rtc["CR"] = ALRBE
    bench.wiring.advance(SECOND)
    assert (rtc["SR"], rtc["MISR"], bench.raised(), bench.wiring.wakes) == (2, 0, set(), [])


@pytest.mark.parametrize(("bits", "times"), [(0, 4), (8, 4), (6, 16), (1, 512)])
def test_sub_second_masks(bits: int, times: int) -> None:
    """MASKSS compares so many bits of SSR: every second, or several times in one."""
    bench, rtc = clock()
    to_second(bench, rtc)
    rtc["ALRMAR"], rtc["ALRMASSR"] = EVERY_SECOND, bits << 24 | 5 & (1 << bits) - 1
    rtc["CR"] = ALRAE | ALRAIE
    found = []
    for _ in range(4 * 256):
        bench.wiring.advance(SECOND // 256)
        if rtc["SR"] & 1:
            found.append(rtc["SSR"])
            rtc["SCR"] = 1
    assert len(found) == times
    assert not bits or {value & (1 << bits) - 1 for value in found} == {5 & (1 << bits) - 1}


@pytest.mark.parametrize(
    ("selection", "reload", "seconds"), [(0, 2047, 1), (3, 16383, 1), (4, 4, 5), (6, 0, 65_537), (1, 0, 8 / 32768)]
)
def test_the_wake_up_timer(selection: int, reload: int, seconds: float) -> None:
    """WUTF comes every WUT + 1 counts of the clock that WUCKSEL divides, or of seconds."""
    bench, rtc = clock()
    to_second(bench, rtc)
    assert rtc["ICSR"] & WUTWF
    rtc["WUTR"] = reload
    start = bench.wiring.cycle
    rtc["CR"] = selection | WUTE | WUTIE
    assert not rtc["ICSR"] & WUTWF
    for _ in range(3):
        bench.wiring.advance(int(seconds * SECOND) + 1)
        rtc["SCR"] = 4
    rises = [cycle for cycle, number, level in bench.wiring.changes if level and number == IRQ["RTC"]]
    assert len(rises) in {2, 3}
    for index, cycle in enumerate(rises, 1):
        assert cycle - start == pytest.approx(index * seconds * SECOND, abs=10 * TICK)


def test_the_wake_up_flag_can_clear_itself() -> None:
    """With WUTOCLR the flag falls when the counter reaches it, and the next reload sets it again."""
    bench, rtc = clock()
    to_second(bench, rtc)
    rtc["WUTR"] = 1 << 16 | 3
    rtc["CR"] = 4 | WUTE | WUTIE
    bench.wiring.advance(11 * SECOND)
    changes = [(round(cycle / SECOND), level) for cycle, number, level in bench.wiring.changes]
    begun = changes[0][0]
    assert [(second - begun, level) for second, level in changes] == [(0, True), (2, False), (4, True), (6, False)]


def test_an_idle_clock_waits_for_nothing() -> None:
    """While neither alarm nor wake-up timer is on, the running clock makes no appointment."""
    bench, rtc = clock()
    assert not bench.wiring.waiting
    rtc["CR"] = WUTE
    assert bench.wiring.waiting


def test_a_time_stamp_is_taken_at_its_pin() -> None:
    """A rising edge of PC13 stores time and date; a second one only says that it was missed."""
    bench, rtc = clock()
    rtc["CR"] = TSE
    bench.chip.drive_pin("GPIOC", 13, True)
    assert (rtc["TSTR"], rtc["TSDR"], rtc["SR"]) == (0x12_3456, 0xE715, 1 << 3)
    bench.chip.drive_pin("GPIOC", 13, False)
    bench.wiring.advance(SECOND)
    bench.chip.drive_pin("GPIOC", 13, True)
    assert (rtc["TSTR"], rtc["SR"]) == (0x12_3456, 1 << 3 | 1 << 4)


def test_binary_mode_counts_down_32_bits() -> None:
    """With BIN = 1 SSR runs down from all ones and alarms compare its lowest bits."""
    bench, rtc = clock(ICSR=INIT | 1 << 8)
    rtc["ICSR"] = INIT | 1 << 8
    rtc["ICSR"] = 1 << 8
    start = rtc["SSR"]
    bench.wiring.advance(SECOND)
    assert start - rtc["SSR"] in {255, 256, 257}
    assert start >> 24 == 0xFF
    rtc["ALRABINR"], rtc["ALRMASSR"] = (rtc["SSR"] - 512) & 0xFFFF_FFFF, 32 << 24
    rtc["CR"] = ALRAE | ALRAIE
    bench.wiring.advance(2 * SECOND - SECOND // 128)
    assert rtc["SR"] == 0
    bench.wiring.advance(SECOND // 64)
    assert rtc["SR"] == 1


# -- the backup domain -------------------------------------------------------------------------------------------------


def test_a_reset_of_the_chip_does_not_stop_it() -> None:
    """Time, alarms and backup registers go on over a reset; BDRST ends them."""
    bench, rtc = clock()
    tamp = bench.block("TAMP", "tamp")
    rtc["ALRMAR"], rtc["CR"] = 0x8012_3500, ALRAE | ALRAIE
    tamp["BKP7R"] = 0xCAFE_F00D
    bench.wiring.advance(SECOND)
    bench.chip.reset()
    bench.wiring.advance(9 * SECOND)
    assert rtc["TR"] in {0x12_3505, 0x12_3506}
    assert (rtc["SR"], tamp["BKP7R"]) == (1, 0xCAFE_F00D)
    bench.chip.rcc.poke(BDCR, 0, 1 << 16)
    assert (rtc["TR"], rtc["SR"], tamp["BKP7R"], bench.chip.rcc.peek(BDCR)) == (0, 0, 0, 1 << 16)
    assert not bench.wiring.waiting


def test_backup_registers_and_the_monotonic_counter() -> None:
    """Each of 32 words is its own; BKERASE clears them all; any write to COUNT1R counts."""
    bench = ChipBench()
    tamp = bench.block("TAMP", "tamp")
    for number in range(32):
        tamp[f"BKP{number}R"] = number + 1
    assert [tamp[f"BKP{number}R"] for number in range(32)] == [*range(1, 33)]
    tamp["CR2"] = 1 << 23
    assert ([tamp[f"BKP{number}R"] for number in range(32)], tamp["CR2"]) == ([0] * 32, 0)
    tamp["COUNT1R"] = 77
    tamp["COUNT1R"] = 0
    assert tamp["COUNT1R"] == 2


@given(
    st.lists(
        st.tuples(
            st.integers(0, 0x1F),
            st.sampled_from([0, 0xCA, 0x53, INIT, EVERY_SECOND, 0xFFFF_FFFF]) | st.integers(0, 0xFFFF_FFFF),
            st.integers(0, 10**9),
        ),
        max_size=40,
    )
)
def test_nothing_written_does_any_harm(writes: list[tuple[int, int, int]]) -> None:
    """Any words in any registers, at any times, leave a clock that can be read."""
    bench, _ = clock()
    base = BASES["RTC"] - 0x4000_0000
    for word, value, pause in writes:
        if word % 3 == 0:
            bench.bus.write(base + 0x24, 4, 0xCA)
            bench.bus.write(base + 0x24, 4, 0x53)
        bench.bus.write(base + 4 * word, 4, value)
        bench.wiring.advance(pause)
        for offset in range(0, 0x78, 4):
            assert 0 <= bench.bus.read(base + offset, 4) <= 0xFFFF_FFFF
