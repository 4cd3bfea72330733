"""The low-power timers (RM0456, chapter 58): a 16-bit counter on a kernel clock of its own or on a pin.

Modelled: prescaler, continuous and single counting, start by software, by a pin or by the real-time clock, time-out
mode, compare outputs, capture, repetition, encoders, interrupts, DMA requests. What is written to ARR, CCRx, RCR and
DIER is in force, and told by its flag, at once; with PRELOAD it is in force from the next period on.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import ClassVar

from mvsdk.emulator.soc.counter import Counter, Settings
from mvsdk.emulator.soc.pin_functions import Pins, Route
from mvsdk.emulator.soc.registers import RegisterBlock
from mvsdk.emulator.soc.tick_clock import TickClock
from mvsdk.emulator.soc.timer_outputs import Waveform
from mvsdk.emulator.soc.triggers import Listener, TriggerLines
from mvsdk.emulator.soc.wiring import Alarm, InterruptLine, Wiring

ENABLE, SNGSTRT, CNTSTRT, COUNTRST, RSTARE = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 4
CC1IF, ARRM, EXTTRIG, CMP1OK, ARROK, UP, DOWN, UE, REPOK = (1 << bit for bit in range(9))
CC2IF, CMP2OK, DIEROK = 1 << 9, 1 << 19, 1 << 24
_OVERCAPTURE = {1: 1 << 12, 2: 1 << 13}
_CKSEL, _TIMEOUT, _WAVE, _PRELOAD, _COUNTMODE, _ENCODER = 1 << 0, 1 << 19, 1 << 20, 1 << 22, 1 << 23, 1 << 24
_UE_REQUEST, _CAPTURE_REQUESTS = 1 << 23, {1: 1 << 16, 2: 1 << 25}
_INTERRUPTS = 0x0008_33FF
_PERIOD = 0
"""The compare channel that stands for ARR."""
_FLAGS = {_PERIOD: ARRM, 1: CC1IF, 2: CC2IF}
_TRIGGERS = ("ETR", "RTC_ALRA", "RTC_ALRB")
"""What CFGR.TRIGSEL selects, as far as it has a source here: the pin, and the alarms of the real-time clock."""
_RISING, _FALLING, _BOTH = 1, 2, 3
_EITHER_EDGE = 2
_CONFIRMED = {"ARR": ARROK, "CCR1": CMP1OK, "CCR2": CMP2OK, "RCR": REPOK, "DIER": DIEROK}


class Lptim(RegisterBlock):
    """One low-power timer, LPTIM1 to LPTIM4. `clock` returns its kernel clock in Hz."""

    STATE: ClassVar[tuple[str, ...]] = (
        "_clock",
        "_preload",
        "_counter",
        "_line",
        "_alarm",
        "_levels",
        "_captures",
        "_awaits_trigger",
        "_ran_once",
        "_routes",
        "_followed",
    )
    NOT_STATE: ClassVar[tuple[str, ...]] = ("_pins", "_asked")

    def __init__(
        self,
        name: str,
        wiring: Wiring,
        interrupt: int,
        *,
        channels: int,
        encoder: bool,
        clock: Callable[[], int],
        triggers: TriggerLines,
    ) -> None:
        super().__init__("lptim")
        self._name = name
        self._wiring = wiring
        self._channels = channels
        self._has_encoder = encoder
        self._kernel_clock = clock
        self._triggers = triggers
        self._line = InterruptLine(wiring, interrupt)
        self._alarm = Alarm(wiring, lambda _: self._settle())
        self._clock = TickClock(clock(), wiring.clocks.sysclk, wiring.cycle)
        self._preload = Settings(1, 1)
        self._counter = Counter(0xFFFF, self._preload, lambda: self._preload, self._on_update, self._on_match)
        self._levels: dict[str, bool] = {}
        self._routes: list[Route] = []
        self._pins: Pins | None = None
        for number, line in enumerate(_TRIGGERS[1:], 1):
            triggers.connect(line, self._listener(number))
        self._followed: dict[str, bool] = {}
        for signal in self._outputs():
            triggers.source(f"{name}_{signal}", partial(self._line_level, signal), self._wishes_changed)
        self.reset()

    def reset(self) -> None:
        """Stop, and forget everything but the levels of pins."""
        super().reset()
        self._stop()
        self._settle()

    def _stop(self) -> None:
        self._clock.stop_at(0)
        self._preload = self._preloaded()
        self._counter.reset(self._preload, 0)
        self._counter.stopped = True
        self._captures = [0, 0]
        self._awaits_trigger = False
        self._ran_once = False
        self._asked: list[str] = []

    def _listener(self, number: int) -> Listener:
        return Listener(
            wanted=lambda: self._trigger_edges() != 0 and self.registers["CFGR"] >> 13 & 7 == number,
            rose=lambda: self._from_outside(True),
            fell=lambda: self._from_outside(False),
        )

    def _outputs(self) -> list[str]:
        """Return the names of its outputs; the timer with only one calls it otherwise."""
        return ["OUT"] if self._channels == 1 else ["CH1", "CH2"]

    def _line_level(self, signal: str) -> bool:
        return bool(self._level(signal))

    def _wishes_changed(self) -> None:
        """See anew which of its outputs somebody listens to as a trigger."""
        self._counter.advance(self._now())
        self._followed = {
            signal: self._followed.get(signal, self._line_level(signal))
            for signal in self._outputs()
            if self._triggers.wanted(f"{self._name}_{signal}")
        }
        self._settle()

    def _from_outside(self, level: bool) -> None:
        self._counter.advance(self._now())
        self._triggered(level)
        self._settle()

    # -- registers -----------------------------------------------------------------------------------------------------

    def fetch(self, name: str) -> int:
        """Return a register as it stands at this cycle."""
        self._counter.advance(self._now())
        if name == "CNT":
            value = self._counter.value
            if self.registers["CR"] & RSTARE:
                self._counter.place(0, self._now())
                self._settle()
            return value
        if name in {"CCR1", "CCR2"} and self._captures_on(int(name[3])):
            self.registers["ISR"] &= ~_FLAGS[int(name[3])]
            self._settle()
        return super().fetch(name)

    def store(self, name: str, bits: int, mask: int) -> None:
        """Change a register, where the timer's being enabled or disabled allows it (RM0456, chapter 58)."""
        self._counter.advance(self._now())
        enabled = bool(self.registers["CR"] & ENABLE)
        match name:
            case "ICR":
                self.registers["ISR"] &= ~bits
            case "CR":
                self._control(bits | self.registers["CR"] & ~mask)
            case "CFGR" | "CFGR2" if enabled:
                return
            case "CCR1" | "CCR2" | "ARR" if not enabled or self._is_captured(name):
                return
            case _:
                super().store(name, bits, mask)
                self.registers["ISR"] |= _CONFIRMED.get(name, 0)
                self._apply()
                for line in _TRIGGERS[1:] if name == "CFGR" else ():
                    self._triggers.wishes_changed(line)
        self._settle()
        if self._routes and self._pins is not None and name not in {"ICR", "DIER"}:
            self._pins.waveforms_changed(self._name)

    def _is_captured(self, name: str) -> bool:
        return name != "ARR" and self._captures_on(int(name[3]))

    def _control(self, bits: int) -> None:
        was_enabled = self.registers["CR"] & ENABLE
        self.registers["CR"] = bits & (ENABLE | RSTARE)
        if not bits & ENABLE:
            self._stop()
            return
        if not was_enabled:
            self._clock.retune(self._wiring.cycle, self._kernel_clock())
            self._preload = self._preloaded()
            self._counter.settings = self._preload
            return
        if bits & COUNTRST:
            self._counter.place(0, self._now())
        if bits & (SNGSTRT | CNTSTRT):
            self._counter.one_pulse = not bits & CNTSTRT
            self._awaits_trigger = self._trigger_edges() != 0
            if not self._awaits_trigger:
                self._start()

    def _start(self) -> None:
        """Count; in set-once mode a single counting is the only one."""
        if self._counter.one_pulse and self.registers["CFGR"] & _WAVE and self._ran_once:
            return
        if self._counter.stopped:
            self._counter.stopped = False
            self._counter.origin = self._now()
        self._clock.run(self._wiring.cycle, not self._counts_edges())

    def _apply(self) -> None:
        self._preload = self._preloaded()
        if not self.registers["CFGR"] & _PRELOAD or not self._clock.running:
            self._counter.settings = self._preload

    def _preloaded(self) -> Settings:
        registers = self.registers
        compares = {_PERIOD: registers["ARR"]} | {
            channel: registers[f"CCR{channel}"]
            for channel in range(1, self._channels + 1)
            if not self._captures_on(channel)
        }
        return Settings(1 << (registers["CFGR"] >> 9 & 7), registers["ARR"], registers["RCR"], compares)

    # -- what registers mean -------------------------------------------------------------------------------------------

    def _now(self) -> int:
        return self._clock.at(self._wiring.cycle)

    def _channel_half(self, channel: int) -> int:
        """Return a channel's half of CCMR1: CCxSEL, CCxE, CCxP, ICxPSC in bits 0, 1, 2-3, 8-9."""
        return self.registers["CCMR1"] >> 16 * (channel - 1) & 0xFFFF

    def _captures_on(self, channel: int) -> bool:
        return bool(self._channel_half(channel) & 1)

    def _trigger_edges(self) -> int:
        """Return CFGR.TRIGEN: 0 for a start by software, or the edges that start."""
        return self.registers["CFGR"] >> 17 & 3

    def _encodes(self) -> bool:
        return self._has_encoder and bool(self.registers["CFGR"] & _ENCODER)

    def _counts_edges(self) -> bool:
        return bool(self.registers["CFGR"] & (_CKSEL | _COUNTMODE)) or self._encodes()

    # -- what happens to the counter -----------------------------------------------------------------------------------

    def _on_update(self) -> None:
        self.registers["ISR"] |= UE
        if self.registers["DIER"] & _UE_REQUEST:
            self._asked.append(f"{self._name}_UE")
        if self._counter.stopped:
            self._ran_once = True
            self._clock.stop_at(self._counter.origin)

    def _on_match(self, channel: int, down: bool, times: int) -> None:
        self.registers["ISR"] |= _FLAGS[channel]

    # -- inputs --------------------------------------------------------------------------------------------------------

    def input_changed(self, signal: str, level: bool) -> None:
        """Hear of the level of one of its input pins: "IN1", "IN2", "ETR", "CH1", "CH2"."""
        if self._levels.get(signal, False) == level:
            return
        self._counter.advance(self._now())
        self._levels[signal] = level
        if signal == "ETR":
            if self.registers["CFGR"] >> 13 & 7 == 0:
                self._triggered(level)
        elif signal.startswith("CH"):
            self._capture_edge(int(signal[2]), level)
        else:
            self._clocked(signal, level)
        self._settle()

    def _triggered(self, level: bool) -> None:
        """Do what an edge of the external trigger does: start, or begin anew in time-out mode."""
        edges = self._trigger_edges()
        if not edges & (_RISING if level else _FALLING) or not self.registers["CR"] & ENABLE:
            return
        if self._awaits_trigger:
            self._awaits_trigger = False
            self.registers["ISR"] |= EXTTRIG
            self._start()
        elif self.registers["CFGR"] & _TIMEOUT and self._clock.running:
            self._counter.place(0, self._now())
            self.registers["ISR"] |= EXTTRIG

    def _clocked(self, signal: str, level: bool) -> None:
        """Count an edge of IN1, or one of both inputs of an encoder. CKPOL says which edges count."""
        if not self.registers["CR"] & ENABLE or not self._counts_edges() or self._counter.stopped:
            return
        polarity = self.registers["CFGR"] >> 1 & 3
        if polarity != _EITHER_EDGE and level != (polarity == 0):
            return
        if self._encodes():
            self._turn(signal, level)
        elif signal == "IN1":
            self._count_edge()

    def _turn(self, signal: str, level: bool) -> None:
        other = self._levels.get("IN2" if signal == "IN1" else "IN1", False)
        down = (level == other) ^ (signal == "IN2")
        if down != self._counter.down:
            self._counter.down = down
            self.registers["ISR"] |= DOWN if down else UP
        self._count_edge()

    def _count_edge(self) -> None:
        self._clock.tick()
        self._counter.advance(self._now())

    def _capture_edge(self, channel: int, level: bool) -> None:
        half = self._channel_half(channel)
        polarity = half >> 2 & 3
        if channel > self._channels or half & 3 != 3 or polarity not in {0 if level else 1, _BOTH}:
            return
        self._captures[channel - 1] += 1
        if self._captures[channel - 1] >> (half >> 8 & 3) == 0:
            return
        self._captures[channel - 1] = 0
        if self.registers["ISR"] & _FLAGS[channel]:
            self.registers["ISR"] |= _OVERCAPTURE[channel]
        self.registers[f"CCR{channel}"] = self._counter.value
        self.registers["ISR"] |= _FLAGS[channel]
        if self.registers["DIER"] & _CAPTURE_REQUESTS[channel]:
            self._asked.append(f"{self._name}_IC{channel}")

    # -- outputs -------------------------------------------------------------------------------------------------------

    def route(self, routes: list[Route], pins: Pins) -> None:
        """See `PinUser.route`."""
        for _, port, pin in set(self._routes) - set(routes):
            pins.drive(port, pin, None)
        self._routes, self._pins = routes, pins
        self._settle()

    def refresh(self) -> None:
        """Bring the levels of its pins to this cycle."""
        self._settle()

    def _level(self, signal: str) -> bool | None:
        """Return the level of "CH1", "CH2" or, of LPTIM4, "OUT": high beyond the compare value."""
        channel = 1 if signal == "OUT" else int(signal[2])
        half = self._channel_half(channel)
        if half & 3 != 2 or not self.registers["CR"] & ENABLE:
            return None
        beyond = self._counter.value > self._counter.settings.compares[channel]
        if self._ran_once and self.registers["CFGR"] & _WAVE:
            beyond = True
        return beyond ^ bool(half >> 2 & 1)

    def waveform(self, signal: str) -> Waveform | None:
        """Return what an output shows over time; None while it drives nothing."""
        level = self._level(signal)
        limit = self.registers["ARR"]
        if level is None or not self._clock.running or not limit or self._counter.one_pulse:
            return None if level is None else Waveform(0, float(level))
        channel = 1 if signal == "OUT" else int(signal[2])
        duty = max(0, limit - self.registers[f"CCR{channel}"]) / (limit + 1)
        duty = 1 - duty if self._channel_half(channel) >> 2 & 1 else duty
        return Waveform(
            self._clock.hz / ((limit + 1) << (self.registers["CFGR"] >> 9 & 7)) if 0 < duty < 1 else 0, duty
        )

    # -- what others see -----------------------------------------------------------------------------------------------

    def _settle(self) -> None:
        """Drive the line and the pins, and wait for the next moment somebody hears of."""
        self._counter.advance(self._now())
        self._line.set(bool(self.registers["ISR"] & self.registers["DIER"] & _INTERRUPTS))
        if self._pins is not None:
            for signal, port, pin in self._routes:
                self._pins.drive(port, pin, self._level(signal))
        for signal, before in self._followed.items():
            self._followed[signal] = level = self._line_level(signal)
            if level != before:
                (self._triggers.rise if level else self._triggers.fall)(f"{self._name}_{signal}")
        waits = self._clock.running and not self._counter.blocked
        ticks = self._awaited() if waits else []
        self._alarm.set(self._clock.cycle_of(min(ticks)) if ticks else None)
        # Last of all: a controller may write to this very timer at once.
        asked, self._asked = self._asked, []
        for name in asked:
            self._wiring.requests.pulse(name)

    def _awaited(self) -> list[int]:
        awaited = self.registers["DIER"] & ~self.registers["ISR"]
        pins = self._pins
        seen = [signal for signal, port, pin in self._routes if pins is not None and pins.edges_wanted(port, pin)]
        watched = {1 if signal == "OUT" else int(signal[2]) for signal in (*seen, *self._followed)}
        ticks = [
            self._counter.next_match(channel)
            for channel in self._counter.settings.compares
            if awaited & _FLAGS[channel]
        ]
        if watched:
            # A level changes with the count after the compare value, and with the next period.
            ticks += [self._counter.next_turn(), *(self._after_match(channel) for channel in watched)]
        if awaited & UE or self.registers["DIER"] & _UE_REQUEST or (self._routes and self._counter.one_pulse):
            ticks.append(self._counter.next_update())
        return ticks

    def _after_match(self, channel: int) -> int:
        counter = self._counter
        ahead = counter.settings.compares.get(channel, 0) + 1 - counter.value
        return counter.origin + ahead * counter.settings.step if ahead > 0 else counter.next_turn()
