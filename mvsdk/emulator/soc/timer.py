"""The timers: basic, general-purpose and advanced (RM0456, chapters 54 to 57).

Modelled: counting up, down and centred, by the internal clock, by pins and by other timers; preloads, repetition,
one-pulse mode; compare channels and their outputs (`timer_outputs`); capture, encoders, slaves and breaks
(`timer_inputs`); interrupts, DMA requests, trigger outputs. What `timer.csv` calls "kept only" can be written and read
and does nothing.
Nothing is counted: a register is computed from the cycle when it is read, and only what somebody hears of is waited
for: an interrupt that is enabled, a DMA request, a slave, an observer of a pin.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import ClassVar

from mvsdk.emulator.core.register_bank import NEVER
from mvsdk.emulator.soc.counter import Counter, Settings
from mvsdk.emulator.soc.pin_functions import Pins, Route
from mvsdk.emulator.soc.registers import WORD, RegisterBlock
from mvsdk.emulator.soc.tick_clock import TickClock
from mvsdk.emulator.soc.timer_inputs import (
    ECE,
    ENCODERS,
    EXTERNAL_CLOCK,
    GATED,
    GATED_AND_RESET,
    RESET,
    RESET_AND_TRIGGER,
    TRIGGER,
    InputActions,
    TimerInputs,
    internal_trigger,
    slave_mode,
    trigger_selection,
)
from mvsdk.emulator.soc.timer_kinds import TimerKind, missing_registers, trigger_inputs
from mvsdk.emulator.soc.timer_outputs import MOE, TimerOutputs, Waveform
from mvsdk.emulator.soc.triggers import Listener, TriggerLines
from mvsdk.emulator.soc.wiring import Alarm, InterruptLine, Wiring

CEN, UDIS, URS, OPM, DIR, CMS, ARPE, UIFREMAP = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 4, 3 << 5, 1 << 7, 1 << 11
UIF, COMIF, TIF, BIF, B2IF, SBIF = 1 << 0, 1 << 5, 1 << 6, 1 << 7, 1 << 8, 1 << 13
UG, COMG, TG, BG, B2G = 1 << 0, 1 << 5, 1 << 6, 1 << 7, 1 << 8
UDE, COMDE, TDE = 1 << 8, 1 << 13, 1 << 14
CCUS, AOE = 1 << 2, 1 << 14
FLAGS = {"update": UIF, "compare": 0b11110, "break": BIF | B2IF | SBIF, "trigger": COMIF | TIF}
_EXTRA_CHANNELS = {5: 1 << 16, 6: 1 << 17}
"""Channels without pins, and their flags in SR."""
_TRIGGER_WISHES = frozenset({"SMCR", "CR2", "CCMR1", "CCMR2"})
"""Registers that say whether the timer listens to other timers."""
_NO_WAVEFORM = frozenset({"SR", "EGR", "CNT", "DIER"})
"""Registers that a waveform does not depend on."""
_TRIGGER_RESET, _TRIGGER_ENABLE, _TRIGGER_UPDATE, _TRIGGER_COMPARE = 0, 1, 2, 3
_REFERENCE_TRIGGERS = {4: 1, 5: 2, 6: 3, 7: 4}
"""Codes of CR2.MMS that put a channel's reference on TRGO, and the channels."""


class Timer(RegisterBlock):
    """One timer. `interrupts` are the numbers of its interrupts by role; roles may share one."""

    STATE: ClassVar[tuple[str, ...]] = (
        "_preload",
        "_clock",
        "_counter",
        "_outputs",
        "_inputs",
        "_lines",
        "_alarm",
        "_followed",
        "_burst",
        "_routes",
    )
    NOT_STATE: ClassVar[tuple[str, ...]] = ("_pins", "_trigger_pulses", "_asked", "_settling")

    def __init__(
        self,
        kind: TimerKind,
        wiring: Wiring,
        interrupts: Mapping[str, int],
        triggers: TriggerLines,
    ) -> None:
        super().__init__("timer")
        self.kind = kind
        self._wiring = wiring
        self._triggers = triggers
        self._mask = (1 << kind.bits) - 1
        self._missing = missing_registers(kind.features)
        self._lines = {number: InterruptLine(wiring, number) for number in interrupts.values()}
        self._flags_of = dict.fromkeys(interrupts.values(), 0)
        for role, number in interrupts.items():
            self._flags_of[number] |= FLAGS[role]
        self._alarm = Alarm(wiring, lambda _: self._settle())
        self._clock = TickClock(kind.clock(wiring.clocks), wiring.clocks.sysclk, wiring.cycle)
        self._preload = Settings(1, self._mask)
        self._counter = Counter(self._mask, self._preload, self._preloads, self._on_update, self._on_match)
        self._outputs = TimerOutputs(kind, self.registers, self._counter)
        self._inputs = TimerInputs(
            self.registers, InputActions(self._capture, self._step, self._clocked, self._triggered, self._broken)
        )
        self._routes: list[Route] = []
        self._pins: Pins | None = None
        self._trigger_lines = self._trigger_names()
        self._followed: dict[str, bool] = {}
        self._trigger_pulses: list[str] = []
        self._asked: list[str] = []
        self._settling = False
        self._connect()
        self.reset()

    def reset(self) -> None:
        """Stop, and forget everything but the levels of pins."""
        super().reset()
        self.registers["ARR"] = self._mask
        self._clock.stop_at(0)
        self._preload = self._preloaded()
        self._counter.reset(self._preload, 0)
        self._outputs.reset()
        self._inputs.reset()
        self._trigger_pulses = []
        self._asked = []
        self._burst = 0
        self._settle()

    def _trigger_names(self) -> list[str]:
        """Return the trigger lines it is the source of; OC1 is what other timers call the only channel."""
        outputs = ["TRGO2"] if "second_break" in self.kind.features else []
        outputs += ["OC1"] if self.kind.channels == 1 else ["TRGO"]
        outputs += [f"CH{channel}" for channel in range(1, self.kind.channels + 1)]
        return [f"{self.kind.name}_{output}" for output in outputs]

    # -- connections ---------------------------------------------------------------------------------------------------

    def _connect(self) -> None:
        if "slave" in self.kind.features:
            for number, line in trigger_inputs(self.kind.name).items():
                self._triggers.connect(line, self._listener(number))
        for name in self._trigger_lines:
            self._triggers.source(name, partial(self._trigger_level, name), self._wishes_changed)

    def _wishes_changed(self) -> None:
        """See anew which of its trigger lines somebody listens to; the others are not followed."""
        self._counter.advance(self._now())
        self._followed = {
            name: self._followed.get(name, self._trigger_level(name))
            for name in self._trigger_lines
            if self._triggers.wanted(name)
        }
        self._settle()

    def _listener(self, number: int) -> Listener:
        return Listener(
            wanted=lambda: (
                internal_trigger(trigger_selection(self.registers["SMCR"])) == number and self._heeds_triggers()
            ),
            rose=lambda: self._triggered_from_outside(True),
            fell=lambda: self._triggered_from_outside(False),
        )

    def _heeds_triggers(self) -> bool:
        captures = self.registers["CCMR1"] & 0x0303, self.registers["CCMR2"] & 0x0303
        by_trigger = any(word & 0x3 == 0x3 or word & 0x300 == 0x300 for word in captures)
        return slave_mode(self.registers["SMCR"]) >= RESET or bool(self.registers["CR2"] & CCUS) or by_trigger

    def route(self, routes: list[Route], pins: Pins) -> None:
        """See `PinUser.route`."""
        for _, port, pin in set(self._routes) - set(routes):
            pins.drive(port, pin, None)
        self._routes, self._pins = routes, pins
        self._settle()

    def input_changed(self, signal: str, level: bool) -> None:
        """Hear of the level of one of its input pins: "CH1" to "CH4", "ETR", "BKIN", "BKIN2"."""
        self._counter.advance(self._now())
        self._inputs.changed(signal, level)
        self._settle()

    def refresh(self) -> None:
        """Bring the levels of its pins to this cycle."""
        self._settle()

    def waveform(self, signal: str) -> Waveform | None:
        """Return what an output shows with the values its registers ask for; None while it drives nothing."""
        return self._outputs.waveform(signal, self._hertz())

    def _hertz(self) -> float:
        """Return how often a second the counter will go round."""
        limit = self.registers["ARR"]
        if not self.registers["CR1"] & CEN or not limit or not self._clock.running:
            return 0
        steps = 2 * limit if self._counter.centred else limit + 1
        return self._clock.hz / ((self.registers["PSC"] + 1) * steps)

    # -- registers -----------------------------------------------------------------------------------------------------

    def read(self, offset: int, size: int) -> int | None:
        """Return a register; the smaller timers have fewer."""
        return super().read(offset, size) if self._has(offset) else None

    def write(self, offset: int, size: int, value: int) -> bool:
        """Change a register; the smaller timers have fewer."""
        return super().write(offset, size, value) if self._has(offset) else False

    def _has(self, offset: int) -> bool:
        register = self._table.get(offset & ~3)
        return register is not None and register.name not in self._missing

    def fetch(self, name: str) -> int:
        """Return a register as it stands at this cycle."""
        self._counter.advance(self._now())
        self._offer()
        match name:
            case "CNT":
                remapped = self.registers["CR1"] & UIFREMAP and self.registers["SR"] & UIF
                return self._counter.value | (1 << 31 if remapped else 0)
            case "CR1":
                return self.registers["CR1"] & ~DIR | (DIR if self._counter.down else 0)
            case "CCR1" | "CCR2" | "CCR3" | "CCR4" if not self._outputs.is_output(int(name[3])):
                self.registers["SR"] &= ~(1 << int(name[3]))
                self._settle()
            case "DMAR":
                return self.read(self._burst_offset(), 4) or 0
        return super().fetch(name)

    def store(self, name: str, bits: int, mask: int) -> None:
        """Change a register; what is not preloaded works at once."""
        counter = self._counter
        counter.advance(self._now())
        match name:
            case "SR":
                self.registers["SR"] &= bits | ~mask
            case "EGR":
                self._generate(bits)
            case "CNT":
                counter.place((counter.value & ~mask | bits) & self._mask, self._now())
            case "DMAR":
                self.write(self._burst_offset(), 4, bits)
            case "CCR1" | "CCR2" | "CCR3" | "CCR4" if not self._outputs.is_output(int(name[3])):
                return
            case _:
                super().store(name, bits & (self._mask if name == "ARR" or name[:3] == "CCR" else WORD), mask)
                self._apply(name)
        self._settle()
        if self._routes and self._pins is not None and name not in _NO_WAVEFORM:
            self._pins.waveforms_changed(self.kind.name)

    def _burst_offset(self) -> int:
        """Return the offset that DMAR stands for at present, and go on to the next ("DMA burst mode")."""
        control = self.registers["DCR"]
        offset = 4 * ((control & 0x1F) + self._burst)
        self._burst = (self._burst + 1) % ((control >> 8 & 0x1F) + 1)
        return offset if offset < 0x6C else 0

    def _generate(self, events: int) -> None:
        """Do what EGR asks for."""
        for channel in range(1, self.kind.channels + 1):
            if events >> channel & 1:
                if self._outputs.is_output(channel):
                    self._raise(1 << channel, f"CH{channel}", 1 << 8 + channel)
                else:
                    self._capture(channel)
        if events & COMG:
            self._raise(COMIF, "COM", COMDE)
        if events & TG:
            self._raise(TIF, "TRIG", TDE)
        if "breaks" in self.kind.features and events & (BG | B2G):
            self._break(BIF if events & BG else B2IF)
        if events & UG:
            self._restart()

    def _restart(self) -> None:
        """Begin anew, as UG and a slave's reset do."""
        self._counter.restart(self._now())
        if not self.registers["CR1"] & (UDIS | URS):
            self._raise(UIF, "UP", UDE)
        self._pulse_triggers(_TRIGGER_RESET)
        if not self.registers["CR1"] & UDIS:
            self._pulse_triggers(_TRIGGER_UPDATE)

    def _apply(self, name: str) -> None:
        """Put in force what a register holds, as far as it is not preloaded."""
        self._preload = new = self._preloaded()
        if name == "CR1":
            self._apply_control()
        elif name in {"CCMR1", "CCMR2"}:
            for channel in (1, 2) if name == "CCMR1" else (3, 4):
                self._outputs.mode_written(channel)
        elif name == "CCER":
            for channel in range(1, self.kind.channels + 1):
                if not self.registers["CCER"] >> 4 * (channel - 1) & 1:
                    self._inputs.restart_capture(channel)
        elif name in {"BDTR", "AF1", "AF2"}:
            self._inputs.check_breaks()
        elif name == "DCR":
            self._burst = 0
        if name in _TRIGGER_WISHES:
            self._apply_slave_mode()
        old = self._counter.settings
        limit = old.limit if self.registers["CR1"] & ARPE else new.limit
        compares = {
            channel: old.compares.get(channel, value) if self._preloads_channel(channel) else value
            for channel, value in new.compares.items()
        }
        self._counter.settings = Settings(old.step, limit, old.repetition, compares)
        self._counter.face()

    def _apply_control(self) -> None:
        control, counter = self.registers["CR1"], self._counter
        counter.one_pulse = bool(control & OPM)
        if control & CEN:
            counter.stopped = False
        if "down" in self.kind.features:
            counter.centred = bool(control & CMS)
            if not counter.centred and not self._encodes():
                counter.down = bool(control & DIR)
        self._run()

    def _apply_slave_mode(self) -> None:
        if "slave" in self.kind.features:
            for name in trigger_inputs(self.kind.name).values():
                self._triggers.wishes_changed(name)
        self._run()

    def _run(self) -> None:
        """Let the internal clock run if it is what the timer counts by, and nothing stops it."""
        smcr = self.registers["SMCR"]
        mode = slave_mode(smcr)
        runs = bool(self.registers["CR1"] & CEN) and not self._counter.stopped
        runs = runs and mode != EXTERNAL_CLOCK and mode not in ENCODERS and not smcr & ECE
        if mode in {GATED, GATED_AND_RESET}:
            runs = runs and self._trigger_input_level()
        self._clock.run(self._wiring.cycle, runs)

    def _trigger_input_level(self) -> bool:
        number = internal_trigger(trigger_selection(self.registers["SMCR"]))
        if number is None:
            return self._inputs.trigger_level
        return self._triggers.level(trigger_inputs(self.kind.name).get(number, ""))

    # -- what registers mean -------------------------------------------------------------------------------------------

    def _now(self) -> int:
        return self._clock.at(self._wiring.cycle)

    def _encodes(self) -> bool:
        return slave_mode(self.registers["SMCR"]) in ENCODERS

    def _preloads(self) -> Settings | None:
        return None if self.registers["CR1"] & UDIS else self._preload

    def _preloaded(self) -> Settings:
        registers = self.registers
        compares = {channel: registers[f"CCR{channel}"] for channel in self._compare_channels()}
        if "channel5" in self.kind.features:
            compares |= {channel: registers[f"CCR{channel}"] & 0xFFFF for channel in _EXTRA_CHANNELS}
        repetition = registers["RCR"] & (0xFFFF if "channel5" in self.kind.features else 0xFF)
        return Settings(registers["PSC"] + 1, registers["ARR"], repetition, compares)

    def _compare_channels(self) -> list[int]:
        return [channel for channel in range(1, self.kind.channels + 1) if self._outputs.is_output(channel)]

    def _preloads_channel(self, channel: int) -> bool:
        if channel in _EXTRA_CHANNELS:
            return bool(self.registers["CCMR3"] >> (3 if channel == 5 else 11) & 1)
        return bool(self._outputs.channel_byte(channel) & 8)

    def _trigger_mode(self, signal: str) -> int:
        """Return MMS or MMS2; a timer without the second trigger output has no bits for it."""
        control = self.registers["CR2"]
        return control >> 20 & 0xF if signal == "TRGO2" else control >> 4 & 7 | (control >> 25 & 1) << 3

    # -- what happens to the counter -----------------------------------------------------------------------------------

    def _raise(self, flag: int, request: str, enable: int) -> None:
        """Set a flag, and ask for DMA where that is enabled."""
        self.registers["SR"] |= flag
        if self.registers["DIER"] & enable:
            self._burst = 0
            self._asked.append(f"{self.kind.name}_{request}")

    def _on_update(self) -> None:
        self._raise(UIF, "UP", UDE)
        if self._counter.stopped:
            self.registers["CR1"] &= ~CEN
            self._clock.stop_at(self._counter.origin)
        self._pulse_triggers(_TRIGGER_UPDATE)
        if "breaks" in self.kind.features and self.registers["BDTR"] & AOE:
            self.registers["BDTR"] |= MOE
            self._inputs.check_breaks()

    def _on_match(self, channel: int, down: bool, times: int) -> None:
        if channel in _EXTRA_CHANNELS:
            self.registers["SR"] |= _EXTRA_CHANNELS[channel]
            return
        self._outputs.matched(channel, times)
        flagged_directions = self.registers["CR1"] >> 5 & 3 if self._counter.centred else 3
        if not flagged_directions & (1 if down else 2):
            return
        self._raise(1 << channel, f"CH{channel}", 1 << 8 + channel)
        if channel == 1:
            self._pulse_triggers(_TRIGGER_COMPARE)

    # -- what inputs do ------------------------------------------------------------------------------------------------

    def _capture(self, channel: int) -> None:
        flag = 1 << channel
        if self.registers["SR"] & flag:
            self.registers["SR"] |= 1 << 8 + channel
        self.registers[f"CCR{channel}"] = self._counter.value
        self._raise(flag, f"CH{channel}", 1 << 8 + channel)
        if channel == 1:
            self._pulse_triggers(_TRIGGER_COMPARE)

    def _clocked(self) -> None:
        """Count one edge of an external clock."""
        if self.registers["CR1"] & CEN and not self._clock.running:
            self._clock.tick()
            self._counter.advance(self._now())

    def _step(self, down: bool) -> None:
        """Count one edge of an encoder."""
        self._counter.down = down
        self._clocked()

    def _triggered_from_outside(self, level: bool) -> None:
        # Timers that trigger each other at once would do so for ever.
        if self._settling:
            return
        self._counter.advance(self._now())
        self._triggered(level)
        self._settle()

    def _triggered(self, level: bool) -> None:
        """Do what an edge of TRGI does."""
        mode = slave_mode(self.registers["SMCR"])
        if mode in {GATED, GATED_AND_RESET}:
            self._raise(TIF, "TRIG", TDE)
            if level and mode == GATED_AND_RESET:
                self._restart()
            self._run()
            return
        if not level:
            return
        if mode >= RESET and mode not in ENCODERS:
            self._raise(TIF, "TRIG", TDE)
        if mode in {RESET, RESET_AND_TRIGGER}:
            self._restart()
        if mode in {TRIGGER, RESET_AND_TRIGGER}:
            self.registers["CR1"] |= CEN
            self._counter.stopped = False
            self._run()
        if mode == EXTERNAL_CLOCK:
            self._clocked()
        if self.registers["CR2"] & CCUS:
            self._raise(COMIF, "COM", COMDE)
        self._inputs.captured_trigger()

    def _broken(self, number: int) -> None:
        self._break(BIF if number == 1 else B2IF)

    def _break(self, flag: int) -> None:
        self.registers["BDTR"] &= ~MOE
        self.registers["SR"] |= flag

    # -- what others see -----------------------------------------------------------------------------------------------

    def _settle(self) -> None:
        """Tell everybody what has changed up to this cycle, and wait for the next moment somebody will hear of."""
        self._settling = True
        self._counter.advance(self._now())
        raised = self._raised()
        for number, line in self._lines.items():
            line.set(bool(raised & self._flags_of[number]))
        if self._pins is not None:
            for signal, port, pin in self._routes:
                self._pins.drive(port, pin, self._outputs.level(signal))
        self._put_out_triggers()
        self._await_next()
        self._offer()
        self._settling = False
        self._ask_for_dma()

    def _offer(self) -> None:
        """Let the core answer by itself up to the next match or turn (`native.csv`)."""
        counter, clock, bank = self._counter, self._clock, self.registers.bank
        cycles, rest = divmod(self._wiring.clocks.sysclk, clock.hz)
        self.registers["CNT"] = counter.value
        if rest or self.registers["CR1"] & UIFREMAP:
            bank.hold_until(0)
        elif not clock.running or counter.blocked or counter.stopped:
            bank.hold_until(NEVER)
            bank.count(since=0, step=0)
        else:
            step = counter.settings.step
            ends = counter.next_turn(), counter.origin + (self._mask + 1 - counter.value) * step
            bank.hold_until(clock.cycle_of(min([*ends, *map(counter.next_match, counter.settings.compares)])) or 0)
            bank.count(clock.cycle_of(counter.origin) or 0, step * cycles, down=counter.down)

    def _ask_for_dma(self) -> None:
        """Ask for what events have asked for: last of all, since a controller may write to this very timer at once."""
        asked, self._asked = self._asked, []
        for name in asked:
            self._wiring.requests.pulse(name)

    def _raised(self) -> int:
        """Return the flags that interrupt. A second break and a system break share the first one's enable bit."""
        status, enables = self.registers["SR"], self.registers["DIER"]
        raised = status & enables & 0xFF
        return raised | status & (B2IF | SBIF) if enables & BIF else raised

    def _put_out_triggers(self) -> None:
        pulses, self._trigger_pulses = self._trigger_pulses, []
        for name, before in self._followed.items():
            level = self._trigger_level(name)
            self._followed[name] = level
            if level != before:
                (self._triggers.rise if level else self._triggers.fall)(name)
            elif name in pulses:
                self._triggers.pulse(name)

    def _trigger_level(self, name: str) -> bool:
        """Return the level of one of its trigger lines: TRGO and TRGO2 as CR2 selects, or a channel's reference."""
        signal = name.partition("_")[2]
        if not signal.startswith("TRGO"):
            channel = int(signal[2:])
            return self._outputs.is_output(channel) and self._outputs.reference(channel)
        mode = self._trigger_mode(signal)
        if mode == _TRIGGER_ENABLE:
            return bool(self.registers["CR1"] & CEN)
        followed = _REFERENCE_TRIGGERS.get(mode, 0)
        return 0 < followed <= self.kind.channels and self._outputs.reference(followed)

    def _pulse_triggers(self, event: int) -> None:
        """Let the trigger outputs that are set to an event pulse, once everything has settled."""
        for signal in ("TRGO", "TRGO2") if self._followed else ():
            if self._trigger_mode(signal) == event:
                self._trigger_pulses.append(f"{self.kind.name}_{signal}")

    def _await_next(self) -> None:
        counter = self._counter
        if counter.blocked or not self._clock.running:
            self._alarm.set(None)
            return
        ticks = self._awaited()
        self._alarm.set(self._clock.cycle_of(min(ticks)) if ticks else None)

    def _awaited(self) -> list[int]:
        """Return ticks at which something will happen that somebody hears of."""
        enables, status, counter = self.registers["DIER"], self.registers["SR"], self._counter
        awaited = enables & ~status | enables >> 8 & 0x1F
        ticks = self._awaited_matches(awaited) if self.kind.channels else []
        if not self.registers["CR1"] & UDIS and (awaited & UIF or self._awaits_update()):
            ticks.append(counter.next_update())
        return ticks

    def _awaited_matches(self, awaited: int) -> list[int]:
        counter, watched = self._counter, self._watched_channels()
        ticks = [counter.next_turn()] if watched else []
        if watched or awaited & FLAGS["compare"]:
            ticks += [
                counter.next_match(channel)
                for channel in counter.settings.compares
                if channel not in _EXTRA_CHANNELS and (awaited >> channel & 1 or channel in watched)
            ]
        return ticks

    def _awaits_update(self) -> bool:
        if self.registers["DIER"] & UDE or not self._followed:
            return False
        awaited = {_TRIGGER_UPDATE, _TRIGGER_ENABLE} if self.registers["CR1"] & OPM else {_TRIGGER_UPDATE}
        return any(
            self._trigger_mode(signal) in awaited
            for signal in ("TRGO", "TRGO2")
            if f"{self.kind.name}_{signal}" in self._followed
        )

    def _watched_channels(self) -> set[int]:
        """Return the channels whose references somebody sees every edge of."""
        watched = {
            int(signal[2]) for signal, port, pin in self._routes if self._pins and self._pins.edges_wanted(port, pin)
        }
        for name in self._followed:
            signal = name.partition("_")[2]
            if signal.startswith("TRGO"):
                mode = self._trigger_mode(signal)
                channel = 1 if mode == _TRIGGER_COMPARE else _REFERENCE_TRIGGERS.get(mode, 0)
                watched |= {channel} if 0 < channel <= self.kind.channels else set()
            else:
                watched.add(int(signal[2:]))
        return watched | self._partners(watched)

    def _partners(self, watched: set[int]) -> set[int]:
        """Return the channels that combined and asymmetric modes bring in."""
        return {
            channel + 1 if channel % 2 else channel - 1 for channel in watched if self._outputs.mode(channel) >= 12
        } & set(range(1, self.kind.channels + 1))
