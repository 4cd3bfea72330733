"""The calendar of the real-time clock: BCD registers, and the arithmetic of moments and alarms.

A moment is a number of seconds since the beginning of 2000. Years are 0 to 99 and every fourth is a leap year; days of
the week go round by themselves, whatever the date (RM0456, chapter 63, "Real-time clock and calendar").
"""

from __future__ import annotations

from typing import NamedTuple

DAY = 86_400
_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_PM, _WDSEL = 1 << 22, 1 << 30
_ANY_DAY, _ANY_HOUR, _ANY_MINUTE, _ANY_SECOND = 1 << 31, 1 << 23, 1 << 15, 1 << 7
_LONGEST_WAIT_DAYS = 62
"""A day of a month comes again within two months, a day of the week within one."""


def from_bcd(value: int) -> int:
    """Return a two-digit number; digits above 9 count as they stand."""
    return (value >> 4) * 10 + (value & 0xF)


def to_bcd(value: int) -> int:
    """Return a number below 100 as two digits."""
    return value // 10 << 4 | value % 10


class Moment(NamedTuple):
    """A date and a time of day. `day` counts from the first of January 2000, `weekday` from 1."""

    day: int
    second: int
    weekday: int

    def later(self, seconds: int) -> Moment:
        """Return the moment so many seconds later, or earlier; after 99 years the calendar begins again."""
        days, second = divmod(self.second + seconds, DAY)
        return Moment((self.day + days) % _CENTURY, second, (self.weekday - 1 + days) % 7 + 1)


def _days_in(year: int, month: int) -> int:
    return 29 if month == 2 and year % 4 == 0 else _DAYS[month - 1]


_CENTURY = sum(_days_in(year, month) for year in range(100) for month in range(1, 13))


def day_number(year: int, month: int, day: int) -> int:
    """Return the days since the first of January 2000. What is out of range counts as the nearest that is in it."""
    year, month = min(year, 99), min(max(month, 1), 12)
    before = sum(_days_in(year, earlier) for earlier in range(1, month))
    return year * 365 + (year + 3) // 4 + before + min(max(day, 1), _days_in(year, month)) - 1


def date_of(day: int) -> tuple[int, int, int]:
    """Return year, month and day of a day number."""
    cycle, rest = divmod(day, 4 * 365 + 1)
    year = 4 * cycle + max(0, (rest - 1) // 365)
    rest = day - (year * 365 + (year + 3) // 4)
    month = 1
    while rest >= _days_in(year, month):
        rest -= _days_in(year, month)
        month += 1
    return year, month, rest + 1


def moment_of(time: int, date: int, *, half_days: bool) -> Moment:
    """Return the moment that TR and DR show; `half_days` is the 12-hour format."""
    day = day_number(from_bcd(date >> 16 & 0xFF), from_bcd(date >> 8 & 0x1F), from_bcd(date & 0x3F))
    hour = hour_of(time, half_days=half_days)
    second = min(hour, 23) * 3600 + min(from_bcd(time >> 8 & 0x7F), 59) * 60 + min(from_bcd(time & 0x7F), 59)
    return Moment(day, second, min(max(date >> 13 & 7, 1), 7))


def hour_of(time: int, *, half_days: bool) -> int:
    """Return the hour of the day in TR or in an alarm."""
    hour = from_bcd(time >> 16 & 0x3F)
    return hour % 12 + (12 if time & _PM else 0) if half_days else hour


def time_register(moment: Moment, *, half_days: bool) -> int:
    """Return what TR shows at a moment."""
    hour, minute, second = moment.second // 3600, moment.second // 60 % 60, moment.second % 60
    shown = (hour - 1) % 12 + 1 if half_days else hour
    afternoon = _PM if half_days and hour >= 12 else 0
    return afternoon | to_bcd(shown) << 16 | to_bcd(minute) << 8 | to_bcd(second)


def date_register(moment: Moment) -> int:
    """Return what DR shows at a moment."""
    year, month, day = date_of(moment.day)
    return to_bcd(year) << 16 | moment.weekday << 13 | to_bcd(month) << 8 | to_bcd(day)


def next_alarm(alarm: int, moment: Moment, *, half_days: bool) -> int | None:
    """Return in how many seconds an alarm register's date and time are met next, 0 for now; None for never."""
    for days in range(_LONGEST_WAIT_DAYS + 1):
        on = moment.later(days * DAY)
        if not _is_on_day(alarm, on):
            continue
        second = _next_second(alarm, 0 if days else moment.second, half_days=half_days)
        if second is not None:
            return days * DAY + second - moment.second
    return None


def _is_on_day(alarm: int, moment: Moment) -> bool:
    if alarm & _ANY_DAY:
        return True
    if alarm & _WDSEL:
        return (alarm >> 24 & 0xF) == moment.weekday
    return from_bcd(alarm >> 24 & 0x3F) == date_of(moment.day)[2]


def _next_second(alarm: int, start: int, *, half_days: bool) -> int | None:
    """Return the first matching second of a day from `start` on."""
    hours = range(24) if alarm & _ANY_HOUR else (hour_of(alarm, half_days=half_days),)
    minutes = range(60) if alarm & _ANY_MINUTE else (from_bcd(alarm >> 8 & 0x7F),)
    seconds = range(60) if alarm & _ANY_SECOND else (from_bcd(alarm & 0x7F),)
    if max(hours) > 23 or max(minutes) > 59 or max(seconds) > 59:
        return None
    for hour in hours:
        for minute in minutes:
            base = hour * 3600 + minute * 60
            if base + seconds[-1] >= start:
                return max(base + seconds[0], start) if len(seconds) > 1 else base + seconds[0]
    return None
