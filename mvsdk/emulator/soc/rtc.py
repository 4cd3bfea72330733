"""The real-time clock (RM0456, chapter 63), in the backup domain.

It counts while RCC_BDCR has a clock selected for it and enabled, over restarts of the application and through deep
sleep; after a cold boot it shows the first of January 2000 and INITS is 0. Nothing is counted: time is computed from
the cycle, and an alarm or the wake-up timer is waited for only while it is switched on and its flag is clear.

Choices: DBP does not protect it, since the vendor's functions for Microvisor cannot set it (inferred: the kernel keeps
the backup domain open); synchronisation takes two ticks of its clock; calibration is kept only; flags do not wait for
anybody's EXTI. An interrupt that is enabled wakes the device from deep sleep.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import ClassVar

from mvsdk.emulator.saving import Plain
from mvsdk.emulator.soc.registers import WORD, RegisterBlock
from mvsdk.emulator.soc.rtc_calendar import (
    Moment,
    date_register,
    moment_of,
    next_alarm,
    time_register,
)
from mvsdk.emulator.soc.tick_clock import TickClock
from mvsdk.emulator.soc.triggers import TriggerLines
from mvsdk.emulator.soc.wiring import Alarm, InterruptLine, Wiring

WUTWF, SHPF, INITS, RSF, INITF, INIT = 1 << 2, 1 << 3, 1 << 4, 1 << 5, 1 << 6, 1 << 7
TSEDGE, BYPSHAD, FMT, SSRUIE = 1 << 3, 1 << 5, 1 << 6, 1 << 7
ALRAE, ALRBE, WUTE, TSE, ALRAIE, ALRBIE, WUTIE, TSIE = (1 << bit for bit in range(8, 16))
ADD1H, SUB1H, ITSE = 1 << 16, 1 << 17, 1 << 24
ALRAF, ALRBF, WUTF, TSF, TSOVF, ITSF, SSRUF = (1 << bit for bit in range(7))
_INTERRUPTS = {ALRAF: ALRAIE, ALRBF: ALRBIE, WUTF: WUTIE, TSF: TSIE, TSOVF: TSIE, ITSF: TSIE, SSRUF: SSRUIE}
_SYNCHRONISATION = 2
"""Ticks of the clock from a request to its answer."""
_RESERVED_ONES = 0b11
_KEYS = (0xCA, 0x53)
_LATEST = 1 << 53
"""No clock of ours ticks more often, and a saved one that has is damaged."""
_BINARY, _CALENDAR = 1, 0
_HOUR = 3600
_PROTECTED = frozenset({"TR", "DR", "PRER", "CALR", "SHIFTR"})
_PROTECTED_BITS = {"ICSR": 0x1F80, "CR": FMT | ADD1H | SUB1H | 1 << 4}
_INITIALISED = frozenset({"TR", "DR", "PRER"})
_ALARMS = (
    (ALRAF, ALRAE, "ALRMAR", "ALRMASSR", "ALRABINR", "RTC_ALRA"),
    (ALRBF, ALRBE, "ALRMBR", "ALRMBSSR", "ALRBBINR", "RTC_ALRB"),
)


class Rtc(RegisterBlock):
    """The block. `woken` is called when an interrupt of its own begins, for whoever sleeps deeply."""

    STATE: ClassVar[tuple[str, ...]] = (
        "_clock",
        "_line",
        "_alarms",
        "_wake_up",
        "_underflow",
        "_time",
        "_date",
        "_since",
        "_keys",
        "_init_since",
        "_synchronised_at",
        "_frozen",
        "_wake_up_since",
        "_pin",
    )

    def __init__(self, wiring: Wiring, interrupt: int, triggers: TriggerLines, woken: Callable[[], None]) -> None:
        super().__init__("rtc")
        self._wiring = wiring
        self._triggers = triggers
        self._woken = woken
        self._line = InterruptLine(wiring, interrupt)
        self._clock = TickClock(1, wiring.clocks.sysclk, wiring.cycle)
        self._alarms = {row[0]: Alarm(wiring, partial(self._alarm_met, row[0], row[5])) for row in _ALARMS}
        self._wake_up = Alarm(wiring, lambda _: self._woke_up())
        self._underflow = Alarm(wiring, lambda _: self._ring(SSRUF, ""))
        for row in _ALARMS:
            triggers.source(row[5], lambda: False, self._settle)
        self._pin = False
        self.reset_backup_domain()

    def reset(self) -> None:
        """Go on: the backup domain outlives a reset of the chip."""

    def reset_backup_domain(self) -> None:
        """Forget everything, as RCC_BDCR.BDRST does."""
        super().reset()
        self._clock.stop_at(0)
        self._time, self._date = self.registers["TR"], self.registers["DR"]
        self._since = 0
        self._keys: list[int] = []
        self._init_since: int | None = None
        self._synchronised_at = 0
        self._frozen: tuple[int, int] | None = None
        self._wake_up_since = 0
        self._settle()

    def select_clock(self, hz: int) -> None:
        """Hear which clock RCC gives it, 0 Hz for none."""
        cycle = self._wiring.cycle
        self._clock.run(cycle, False)
        if hz:
            self._clock.retune(cycle, hz)
            self._clock.run(cycle, True)
        self._settle()

    # -- what the battery keeps ----------------------------------------------------------------------------------------

    @property
    def calendar(self) -> Plain:
        """What there is beside the registers and does not depend on the cycle, as plain data. Times are ticks."""
        return {
            "ticks": self._now(),
            "time": self._time,
            "date": self._date,
            "set_at": self._since,
            "initialising_since": self._init_since,
            "synchronised_at": self._synchronised_at,
            "wake_up_since": self._wake_up_since,
            "keys": list(self._keys),
            "pin": self._pin,
        }

    def restore_calendar(self, data: Plain) -> None:
        """Go on from where `calendar` stood. `ValueError` for data that is none. Registers must be back before."""
        match data:
            case {
                "ticks": int() as ticks,
                "time": int() as time,
                "date": int() as date,
                "set_at": int() as since,
                "initialising_since": None | int() as initialising,
                "synchronised_at": int() as synchronised,
                "wake_up_since": int() as wake_up,
                "keys": [*keys],
                "pin": bool() as pin,
                **rest,
            } if not rest and all(0 <= word <= WORD for word in (time, date)) and 0 <= ticks <= _LATEST >= abs(since):
                self._clock.stand_at(self._wiring.cycle, ticks)
                self._time, self._date, self._since = time, date, since
                self._init_since, self._synchronised_at, self._wake_up_since = initialising, synchronised, wake_up
                self._keys = [key & 0xFF for key in keys if isinstance(key, int)]
                self._pin = pin
                self._frozen = None
            case _:
                raise ValueError(f"{str(data)[:80]} is no calendar")
        self._settle()

    # -- time ----------------------------------------------------------------------------------------------------------

    def _now(self) -> int:
        return self._clock.at(self._wiring.cycle)

    def _mode(self) -> int:
        """Return ICSR.BIN: 0 for a calendar, 1 for a binary counter, 2 and 3 for both."""
        return self.registers["ICSR"] >> 8 & 3

    def _ticks_each(self) -> int:
        """Return the ticks of the clock in one of the sub-second counter's."""
        return (self.registers["PRER"] >> 16 & 0x7F) + 1

    def _parts(self) -> int:
        """Return how many sub-seconds make a second."""
        if self._mode() == _CALENDAR:
            return (self.registers["PRER"] & 0x7FFF) + 1
        return 1 << 8 + (self.registers["ICSR"] >> 10 & 7)

    def _elapsed(self) -> int:
        """Return the sub-seconds since the calendar was set; in initialisation mode it stands."""
        return 0 if self.registers["ICSR"] & INIT else (self._now() - self._since) // self._ticks_each()

    def _tick_of(self, elapsed: int) -> int:
        return self._since + elapsed * self._ticks_each()

    def _moment(self) -> Moment:
        start = moment_of(self._time, self._date, half_days=self._half_days())
        return start if self._mode() == _BINARY else start.later(self._elapsed() // self._parts())

    def _half_days(self) -> bool:
        return bool(self.registers["CR"] & FMT)

    def _subseconds(self) -> int:
        """Return SSR: a down-counter of 15 bits beside the calendar, of 32 in the binary modes."""
        elapsed = self._elapsed()
        if self._mode() == _CALENDAR:
            return self._parts() - 1 - elapsed % self._parts()
        return -1 - elapsed & WORD

    def _shown(self) -> tuple[int, int]:
        """Return TR and DR. What was set shows as it was written until the calendar has moved."""
        if self._mode() == _BINARY or self._elapsed() // self._parts() == 0:
            return self._time, self._date
        moment = self._moment()
        return time_register(moment, half_days=self._half_days()), date_register(moment)

    def _rebase(self) -> None:
        """Set the calendar to what it shows, so that how it counts may change."""
        moved = self._elapsed() // self._parts()
        self._time, self._date = self._shown()
        self._since = self._tick_of(moved * self._parts())

    # -- registers -----------------------------------------------------------------------------------------------------

    def fetch(self, name: str) -> int:
        """Return a register; the shadow registers of time and date stay together (RM0456, "Reading the calendar")."""
        match name:
            case "TR" | "DR" | "SSR":
                return self._read_calendar(name)
            case "ICSR":
                return self._status()
            case "MISR":
                return self._raised()
        return super().fetch(name)

    def _read_calendar(self, name: str) -> int:
        if self.registers["CR"] & BYPSHAD:
            return self._subseconds() if name == "SSR" else self._shown()[name == "DR"]
        shown = self._frozen or self._shown()
        self._frozen = None if name == "DR" else shown
        return self._subseconds() if name == "SSR" else shown[name == "DR"]

    def _status(self) -> int:
        status = self.registers["ICSR"] & 0x1F80
        status |= INITF if self._init_since is not None and self._now() >= self._init_since + _SYNCHRONISATION else 0
        status |= INITS if self._shown()[1] >> 16 & 0xFF else 0
        status |= WUTWF if not self.registers["CR"] & WUTE else 0
        synchronised = self._clock.running and self._now() >= self._synchronised_at and not status & INIT
        shadows = not self.registers["CR"] & BYPSHAD
        return status | _RESERVED_ONES | (RSF if synchronised and shadows else 0)

    def store(self, name: str, bits: int, mask: int) -> None:
        """Change a register, as far as the write protection lets it."""
        if name == "WPR":
            self._keys = [*self._keys, bits & 0xFF][-2:]
        elif name == "SCR":
            self.registers["SR"] &= ~bits
        else:
            protected = WORD if name in _PROTECTED else _PROTECTED_BITS.get(name, 0)
            if tuple(self._keys) != _KEYS:
                mask &= ~protected
            self._write(name, bits & mask, mask)
        self._settle()

    def _write(self, name: str, bits: int, mask: int) -> None:
        if not mask or (name in _INITIALISED and not self.registers["ICSR"] & INIT):
            return
        match name:
            case "TR" | "DR":
                super().store(name, bits, mask)
                self._time, self._date = self.registers["TR"], self.registers["DR"]
            case "ICSR":
                self._initialise(bits, mask)
            case "SHIFTR":
                self._shift(bits)
            case "CR":
                self._control(bits, mask)
            case _:
                super().store(name, bits, mask)

    def _initialise(self, bits: int, mask: int) -> None:
        was = self.registers["ICSR"] & INIT
        if mask & RSF and not bits & RSF:
            self._synchronised_at = self._now() + _SYNCHRONISATION
            self._frozen = None
        if mask & INIT and bits & INIT and not was:
            self._rebase()
            self.registers["TR"], self.registers["DR"] = self._time, self._date
            self._init_since = self._now()
        self.registers.change("ICSR", bits, mask if was else mask & ~0x1F00)
        if was and not self.registers["ICSR"] & INIT:
            self._init_since, self._since = None, self._now()
            self._synchronised_at = self._now() + _SYNCHRONISATION

    def _shift(self, bits: int) -> None:
        """Delay the calendar by SUBFS sub-seconds, and put it forward by a second with ADD1S."""
        forward = self._parts() if bits >> 31 else 0
        self._since += ((bits & 0x7FFF) - forward) * self._ticks_each()
        self._synchronised_at = self._now() + _SYNCHRONISATION

    def _control(self, bits: int, mask: int) -> None:
        before = self.registers["CR"]
        if (bits ^ before) & mask & FMT:
            moment = self._moment()
            self._rebase()
            self._time = time_register(moment, half_days=bool(bits & FMT))
        self.registers.change("CR", bits & ~(ADD1H | SUB1H), mask)
        hours = bool(bits & mask & ADD1H) - bool(bits & mask & SUB1H)
        if hours > 0 or (hours < 0 and self._moment().second >= _HOUR):
            self._rebase()
            moment = moment_of(self._time, self._date, half_days=self._half_days()).later(_HOUR * hours)
            self._time, self._date = time_register(moment, half_days=self._half_days()), date_register(moment)
        if self.registers["CR"] & ~before & WUTE:
            self._wake_up_since = self._now()

    # -- time stamps ---------------------------------------------------------------------------------------------------

    def pin_changed(self, level: bool) -> None:
        """Hear of the level of RTC_TS, which is PC13."""
        edge = level != self._pin
        self._pin = level
        if edge and self.registers["CR"] & TSE and level == (not self.registers["CR"] & TSEDGE):
            if self.registers["SR"] & TSF:
                self.registers["SR"] |= TSOVF
            else:
                time, date = self._shown()
                self.registers["TSTR"], self.registers["TSDR"] = time, date & 0xFFFF
                self.registers["TSSSR"] = self._subseconds()
                self.registers["SR"] |= TSF
            self._settle()

    # -- alarms --------------------------------------------------------------------------------------------------------

    def _alarm_met(self, flag: int, trigger: str, cycle: int) -> None:
        self._ring(flag, trigger)

    def _ring(self, flag: int, trigger: str) -> None:
        self.registers["SR"] |= flag
        self._settle()
        self._triggers.pulse(trigger)

    def _raised(self) -> int:
        status, enables = self.registers["SR"], self.registers["CR"]
        return sum(flag for flag, enable in _INTERRUPTS.items() if status & flag and enables & enable)

    def _settle(self) -> None:
        """Drive the line, wake whoever sleeps, and wait for what comes next."""
        raised = bool(self._raised())
        self._line.set(raised)
        if raised:
            self._woken()
        stands = not self._clock.running or bool(self.registers["ICSR"] & INIT)
        for row in _ALARMS:
            self._set(self._alarms[row[0]], None if stands else self._next_alarm(*row))
        self._set(self._wake_up, None if not self._clock.running else self._next_wake_up())
        underflows = self.registers["CR"] & SSRUIE and not self.registers["SR"] & SSRUF and self._mode() != _CALENDAR
        self._set(self._underflow, self._tick_of((self._elapsed() >> 32) + 1 << 32) if underflows else None)

    def _set(self, alarm: Alarm, tick: int | None) -> None:
        alarm.set(None if tick is None else self._clock.cycle_of(tick))

    def _next_alarm(self, flag: int, enable: int, date: str, part: str, binary: str, trigger: str) -> int | None:
        """Return the tick at which an alarm is met next; None for one that nobody waits for."""
        if not self.registers["CR"] & enable:
            return None
        if self.registers["SR"] & flag and not self._triggers.wanted(trigger):
            return None
        bits = self.registers[part] >> 24 & 0x3F
        if self._mode() == _BINARY:
            mask = WORD if bits >= 32 else (1 << bits) - 1
            to_go = (self._subseconds() - self.registers[binary] - 1 & mask) + 1
            return self._tick_of(self._elapsed() + to_go)
        elapsed = self._next_meeting(self.registers[date], self.registers[part] & 0x7FFF, bits)
        return None if elapsed is None else self._tick_of(elapsed)

    def _next_meeting(self, alarm: int, value: int, bits: int) -> int | None:
        """Return the next sub-second, counted since the calendar was set, at which date, time and part are met."""
        parts = self._parts()
        start = moment_of(self._time, self._date, half_days=self._half_days())
        elapsed = self._elapsed() + 1
        for _ in range(2):
            wait = next_alarm(alarm, start.later(elapsed // parts), half_days=self._half_days())
            if wait is None:
                return None
            if wait:
                elapsed = (elapsed // parts + wait) * parts
            met = self._meeting_in_second(elapsed, value, bits)
            if met is not None:
                return met
            elapsed = (elapsed // parts + 1) * parts
        return None

    def _meeting_in_second(self, elapsed: int, value: int, bits: int) -> int | None:
        """Return the first sub-second from `elapsed` on, in its second, whose lowest bits are those of `value`.

        Without bits to compare an alarm is met as a second begins.
        """
        parts = self._parts()
        left = parts - 1 - elapsed % parts
        if not bits:
            return elapsed if left == parts - 1 else None
        ahead = left - value & (1 << bits) - 1
        return elapsed + ahead if ahead <= left else None

    def _woke_up(self) -> None:
        """Set the wake-up flag, or clear it by itself where WUTOCLR says when (RM0456, RTC_WUTR)."""
        if self.registers["SR"] & WUTF:
            self.registers["SR"] &= ~WUTF
            self._settle()
        else:
            self._ring(WUTF, "RTC_WUT")

    def _next_wake_up(self) -> int | None:
        """Return the tick of the wake-up timer's next reload, or of its clearing its own flag."""
        clear_at = self.registers["WUTR"] >> 16
        if not self.registers["CR"] & WUTE or (self.registers["SR"] & WUTF and not clear_at):
            return None
        selection, reload = self.registers["CR"] & 7, self.registers["WUTR"] & 0xFFFF
        if selection < 4:
            step, first = 16 >> selection, self._wake_up_since
        else:
            step = self._ticks_each() * self._parts()
            first = self._wake_up_since - (self._wake_up_since - self._since) % step
            reload += 0x1_0000 if selection >= 6 else 0
        length = (reload + 1) * step
        begun = first + (self._now() - first) // length * length
        if self.registers["SR"] & WUTF:
            return max(self._now() + 1, begun + max(0, reload - clear_at) * step)
        return begun + length
