"""ADC1 with its 14 bits and ADC4 with its 12: voltages become numbers in the time it takes (RM0456, 33 and 34).

Modelled: regulator, calibration and readiness as drivers wait for them; sequences, single, continuous, discontinuous;
injected sequences of ADC1, which go first; software and trigger lines that start either; sampling and conversion times,
resolution, oversampling, alignment; overrun, waiting, the three watchdogs, every interrupt, DMA requests. Not modelled:
offsets, gain, differential inputs, the filters of watchdogs, calibration factors. The sampling's end is told together
with the conversion's.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import ClassVar

from mvsdk.emulator.soc.analogue import AnalogueInputs
from mvsdk.emulator.soc.registers import WORD, RegisterBlock, rows
from mvsdk.emulator.soc.triggers import Listener, TriggerLines
from mvsdk.emulator.soc.wiring import Alarm, InterruptLine, Wiring

ADEN, ADDIS, ADSTART, JADSTART, ADSTP, JADSTP = (1 << bit for bit in range(6))
ADVREGEN, DEEPPWD, ADCAL = 1 << 28, 1 << 29, 1 << 31
ADRDY, EOSMP, EOC, EOS, OVR, JEOC, JEOS, AWD1 = (1 << bit for bit in range(8))
EOCAL, LDORDY = 1 << 11, 1 << 12
_CLEARABLE = 0x1FFF & ~LDORDY
OVRMOD, CONT, AUTDLY, DISCEN, AWD1SGL, AWD1EN, JAWD1EN, JAUTO = (1 << bit for bit in (12, 13, 14, 16, 22, 23, 24, 25))
_RISING, _FALLING = 1, 2
"""Bits of EXTEN and JEXTEN; without either software starts."""
REGULATOR_US = 10
"""From ADVREGEN to LDORDY (inferred)."""
CALIBRATION_TICKS = 4096
"""Ticks of the converter's clock that a calibration takes (inferred)."""
_PRESCALERS = (1, 2, 4, 6, 8, 10, 12, 16, 32, 64, 128, 256)


@functools.cache
def _trigger_lines(adc: str) -> Mapping[tuple[str, int], str]:
    """Return the trigger lines of a converter by group ("regular", "injected") and code."""
    return {(row["group"], int(row["code"])): row["line"] for row in rows("adc-triggers") if row["adc"] == adc}


class Adc(RegisterBlock):
    """What both converters share. `clock` gives their kernel clock in Hz, `common` is the block that holds CCR,
    `triggers` are the lines that may start them.
    """

    STATE: ClassVar[tuple[str, ...]] = (
        "registers", "_line", "_converting", "_calibrating", "_regulating", "_flags", "_running", "_position",
        "_injecting", "_injected_position", "_going", "_heeded",
        "_unseen_since",
    )  # fmt: skip
    BITS: ClassVar[tuple[int, ...]]
    """Resolutions by CFGR1.RES."""
    HALF_TICKS: ClassVar[tuple[int, ...]]
    """Sampling times by their code, in half ticks."""
    BIT_TICKS: ClassVar[int]
    """Half ticks that a conversion takes beyond two for each bit."""

    def __init__(
        self,
        name: str,
        wiring: Wiring,
        interrupt: int,
        *,
        inputs: AnalogueInputs,
        common: RegisterBlock,
        triggers: TriggerLines,
        clock: Callable[[], int],
    ) -> None:
        super().__init__(name.lower())
        self._name = name
        self._wiring = wiring
        self._line = InterruptLine(wiring, interrupt)
        self._inputs = inputs
        self._common = common
        self._clock = clock
        self._converting = Alarm(wiring, self._converted)
        self._calibrating = Alarm(wiring, self._calibrated)
        self._regulating = Alarm(wiring, self._regulated)
        self._flags = 0
        self._running = 0
        self._position = 0
        self._injecting = False
        self._injected_position = 0
        self._going = {"regular": False, "injected": False}  # whether a trigger has started the group
        self._heeded: tuple[str, ...] = ()
        self._unseen_since: int | None = None
        self._triggers = triggers
        for line in sorted(set(_trigger_lines(name).values())):
            triggers.connect(line, self._listener(line))

    def reset(self) -> None:
        """Power down."""
        super().reset()
        for alarm in (self._converting, self._calibrating, self._regulating):
            alarm.set(None)
        self._flags = self._running = self._position = self._injected_position = 0
        self._injecting = False
        self._unseen_since = None
        self._going = dict.fromkeys(self._going, False)
        self._settle()

    # -- what differs --------------------------------------------------------------------------------------------------

    def _sequence(self) -> list[int]:
        """Return the channels of the regular sequence."""
        raise NotImplementedError

    def _injected(self) -> list[int]:
        """Return the channels of the injected sequence."""
        return []

    def _trigger(self, group: str) -> tuple[int, int]:
        """Return which edges of which line start a group; no edges mean that software does."""
        raise NotImplementedError

    def _injected_by_itself(self) -> bool:
        """Say whether the injected sequence follows the regular one."""
        return False

    def _sampling_code(self, channel: int) -> int:
        raise NotImplementedError

    def _oversampling(self, *, injected: bool) -> tuple[int, int, int]:
        """Return how many conversions are added up, and the shifts to the right and to the left that follow."""
        raise NotImplementedError

    def _limits(self, watchdog: int) -> tuple[int, int]:
        """Return the lowest and the highest number that watchdog 1 to 3 takes no notice of."""
        raise NotImplementedError

    def _wants_data_moved(self) -> bool:
        raise NotImplementedError

    def _connected(self, channel: int) -> bool:
        """Say whether a channel reaches the converter."""
        return True

    def _aligned(self, value: int) -> int:
        return value

    # -- registers -----------------------------------------------------------------------------------------------------

    def fetch(self, name: str) -> int:
        """Return a register; reading data takes the flag that announces them."""
        match name:
            case "ISR":
                return self._flags
            case "CR":
                busy = ADCAL if self._calibrating.due is not None else 0
                return self.registers["CR"] | self._running | busy
            case "DR":
                self._catch_up()
                self._flags &= ~EOC
                self._go_on(self._wiring.cycle)
                self._settle()
        return super().fetch(name)

    def store(self, name: str, bits: int, mask: int) -> None:
        """Change a register; CR starts and stops."""
        self._catch_up()
        match name:
            case "ISR":
                self._flags &= ~(bits & _CLEARABLE)
                self._go_on(self._wiring.cycle)
            case "CR":
                super().store(name, bits, mask)
                self._command(bits)
            case _:
                super().store(name, bits, mask)
        self._settle()

    def _command(self, bits: int) -> None:
        self._power(bits)
        if bits & ADCAL and self._flags & LDORDY and self._calibrating.due is None:
            self._calibrating.set(self._wiring.cycle + self._cycles(2 * CALIBRATION_TICKS))
        if bits & ADDIS and self._running & ADEN:  # beside ADEN, too, which reads as set and may be written back
            self._stop(ADEN | ADSTART | JADSTART)
            self._flags &= ~ADRDY
        elif bits & ADEN and self._flags & LDORDY and not self._running & ADEN:
            self._running |= ADEN
            self._flags |= ADRDY
        if self._running & ADEN:
            self._start(bits)
        if bits & ADSTP:
            self._stop(ADSTART)
        if bits & JADSTP:
            self._stop(JADSTART)

    def _power(self, bits: int) -> None:
        if not self.registers["CR"] & ADVREGEN:
            self._regulating.set(None)
            self._calibrating.set(None)
            self._stop(ADEN | ADSTART | JADSTART)
            self._flags &= ~(LDORDY | ADRDY)
        elif not self._flags & LDORDY and self._regulating.due is None:
            self._regulating.set(self._wiring.cycle + REGULATOR_US * self._wiring.clocks.sysclk // 1_000_000)

    def _regulated(self, _: int) -> None:
        self._flags |= LDORDY
        self._settle()

    def _calibrated(self, _: int) -> None:
        self._flags |= EOCAL
        self._settle()

    # -- converting ----------------------------------------------------------------------------------------------------

    def _start(self, bits: int) -> None:
        if bits & ADSTART and not self._running & ADSTART:
            self._running |= ADSTART
        if bits & JADSTART and self._injected() and not self._running & JADSTART:
            self._running |= JADSTART
            self._injected_position = 0
        self._go_on(self._wiring.cycle)

    def _stop(self, what: int) -> None:
        self._running &= ~what
        if what & ADSTART:
            self._position, self._going["regular"] = 0, False
        if what & JADSTART:
            self._going["injected"] = False
        if (what & JADSTART and self._injecting) or (what & ADSTART and not self._injecting):
            self._converting.set(None)
            self._injecting = False
            self._go_on(self._wiring.cycle)

    def _go_on(self, cycle: int) -> None:
        """Begin the next conversion, if there is one; an injected one interrupts a regular one, which is repeated."""
        if self._running & JADSTART and self._may_go("injected"):
            if not self._injecting:
                self._injecting = True
                self._converting.set(None)
            self._begin(cycle, self._injected()[self._injected_position])
        elif self._running & ADSTART and self._may_go("regular") and not self._held():
            sequence = self._sequence()
            if sequence and self._saturated() and self._converting.due is None:
                if self._unseen_since is None:
                    self._unseen_since = cycle
            elif sequence:
                self._begin(cycle, sequence[min(self._position, len(sequence) - 1)])

    def _saturated(self) -> bool:
        """Say whether conversions follow each other that change nothing: every flag is set and the number kept."""
        control, told = self.registers["CFGR1"], EOC | EOS | OVR
        watched = control & (AWD1EN | JAWD1EN) or self.registers["AWD2CR"] or self.registers["AWD3CR"]
        alone = not self._running & JADSTART and not self._injected_by_itself()
        steady = control & (CONT | OVRMOD | DISCEN) == CONT and self._flags & told == told
        return steady and alone and not watched and not self._wants_data_moved()

    def _catch_up(self) -> None:
        """Find the conversion that is under way now, after those that nobody could see."""
        since, self._unseen_since = self._unseen_since, None
        sequence = self._sequence()
        if since is None or not sequence:
            return
        durations = [self._duration(channel) for channel in sequence]
        now = self._wiring.cycle
        elapsed, position = (now - since) % sum(durations), min(self._position, len(sequence) - 1)
        while elapsed >= durations[position]:
            elapsed -= durations[position]
            position = (position + 1) % len(sequence)
        self._position = position
        self._converting.set(now - elapsed + durations[position])

    def _may_go(self, group: str) -> bool:
        """Say whether a group that is started need not wait for its trigger."""
        by_itself = group == "injected" and self._injected_by_itself()
        return by_itself or self._going[group] or not self._trigger(group)[0]

    def _listener(self, line: str) -> Listener:
        return Listener(
            wanted=lambda: line in self._lines_heeded(),
            rose=lambda: self._edge(line, _RISING),
            fell=lambda: self._edge(line, _FALLING),
        )

    def _lines_heeded(self) -> tuple[str, ...]:
        """Return the trigger lines that may start something."""
        lines = []
        for group, started in (("regular", ADSTART), ("injected", JADSTART)):
            edges, code = self._trigger(group)
            if self._running & started and edges:
                lines.append(_trigger_lines(self._name).get((group, code), ""))
        return tuple(lines)

    def _edge(self, line: str, edge: int) -> None:
        """Hear of an edge of a trigger line. A group that is going already takes no notice."""
        for group, started in (("regular", ADSTART), ("injected", JADSTART)):
            edges, code = self._trigger(group)
            if self._running & started and edges & edge and _trigger_lines(self._name).get((group, code)) == line:
                self._going[group] = True
        self._go_on(self._wiring.cycle)
        self._settle()

    def _held(self) -> bool:
        """Say whether the next conversion waits for the last one to be read."""
        return bool(self.registers["CFGR1"] & AUTDLY and self._flags & EOC)

    def _begin(self, cycle: int, channel: int) -> None:
        if self._converting.due is not None:
            return
        self._converting.set(cycle + self._duration(channel))

    def _duration(self, channel: int) -> int:
        half_ticks = self.HALF_TICKS[self._sampling_code(channel)] + 2 * self._bits() + self.BIT_TICKS
        ratio, _, _ = self._oversampling(injected=self._injecting)
        return self._cycles(half_ticks * ratio)

    def _bits(self) -> int:
        return self.BITS[self.registers["CFGR1"] >> 2 & 3]

    def _cycles(self, half_ticks: int) -> int:
        prescaler = _PRESCALERS[min(self._common.registers["CCR"] >> 18 & 0xF, len(_PRESCALERS) - 1)]
        return max(1, half_ticks * prescaler * self._wiring.clocks.sysclk // (2 * self._clock()))

    def _converted(self, cycle: int) -> None:
        """A conversion is over."""
        if self._injecting:
            self._end_injected()
        else:
            self._end_regular()
        self._go_on(cycle)
        self._settle()

    def _value(self, channel: int, *, injected: bool) -> int:
        """Return the number that a channel's voltage becomes, and let the watchdogs look at it."""
        full = (1 << self._bits()) - 1
        volts = self._inputs.volts(self._name, channel) if self._connected(channel) else 0.0
        single = min(max(round(volts / self._inputs.reference * full), 0), full)
        ratio, right, left = self._oversampling(injected=injected)
        value = (single * ratio >> right) << left & WORD
        compared = value if ratio > 1 else value << self.BITS[0] - self._bits()  # as if it had every bit
        for watchdog in (1, 2, 3):
            lowest, highest = self._limits(watchdog)
            if self._watched(watchdog, channel, injected=injected) and not lowest <= compared <= highest:
                self._flags |= AWD1 << watchdog - 1
                self._triggers.pulse(f"{self._name}_AWD{watchdog}")
        return value

    def _watched(self, watchdog: int, channel: int, *, injected: bool) -> bool:
        if watchdog > 1:
            return bool(self.registers[f"AWD{watchdog}CR"] >> channel & 1)
        control = self.registers["CFGR1"]
        if not control & (JAWD1EN if injected else AWD1EN):
            return False
        return not control & AWD1SGL or control >> 26 & 0x1F == channel

    def _end_regular(self) -> None:
        sequence, control = self._sequence(), self.registers["CFGR1"]
        if not sequence:
            return
        position = min(self._position, len(sequence) - 1)
        value = self._value(sequence[position], injected=False)
        if self._flags & EOC:
            self._flags |= OVR
        if not self._flags & EOC or control & OVRMOD:
            self.registers["DR"] = self._aligned(value)
        self._flags |= EOC | EOSMP
        self._position = position + 1
        if self._position == len(sequence):
            self._flags |= EOS
            self._position = 0
            if not control & CONT:
                self._rest("regular", ADSTART)
            if self._injected_by_itself():
                self._running |= JADSTART
                self._injected_position = 0
        elif control & DISCEN and self._position % self._discontinuous() == 0:
            self._rest("regular", ADSTART)

    def _rest(self, group: str, started: int) -> None:
        """End a group: one that software starts is over, one that a trigger starts waits for the next."""
        self._going[group] = False
        if not self._trigger(group)[0] or (group == "injected" and self._injected_by_itself()):
            self._running &= ~started

    def _discontinuous(self) -> int:
        return (self.registers["CFGR1"] >> 17 & 7) + 1

    def _end_injected(self) -> None:
        channels = self._injected()
        self._injected_position = min(self._injected_position, len(channels) - 1)
        value = self._value(channels[self._injected_position], injected=True)
        self._injected_position += 1
        self.registers[f"JDR{self._injected_position}"] = value
        self._flags |= JEOC | EOSMP
        if self._injected_position == len(channels):
            self._flags |= JEOS
            self._injected_position = 0
            self._rest("injected", JADSTART)
            self._injecting = False

    def _settle(self) -> None:
        """Drive the interrupt line and the request."""
        self._line.set(bool(self._flags & self.registers["IER"]))
        self._wiring.requests.set(self._name, bool(self._flags & EOC) and self._wants_data_moved())
        before, self._heeded = self._heeded, self._lines_heeded()
        if before != self._heeded:
            for line in dict.fromkeys(before + self._heeded):
                self._triggers.wishes_changed(line)


class Adc1(Adc):
    """The 14-bit converter."""

    BITS: ClassVar[tuple[int, ...]] = (14, 12, 10, 8)
    HALF_TICKS: ClassVar[tuple[int, ...]] = (10, 12, 24, 40, 72, 136, 782, 1628)
    BIT_TICKS: ClassVar[int] = 6

    def _sequence(self) -> list[int]:
        fields = [self.registers["SQR1"] >> 6 * place & 0x1F for place in range(1, 5)]
        for name in ("SQR2", "SQR3", "SQR4"):
            fields += [self.registers[name] >> 6 * place & 0x1F for place in range(5)]
        return fields[: (self.registers["SQR1"] & 0xF) + 1]

    def _injected(self) -> list[int]:
        control = self.registers["JSQR"]
        return [control >> shift & 0x1F for shift in (9, 15, 21, 27)][: (control & 3) + 1]

    def _trigger(self, group: str) -> tuple[int, int]:
        if group == "injected":
            return self.registers["JSQR"] >> 7 & 3, self.registers["JSQR"] >> 2 & 0x1F
        return self.registers["CFGR1"] >> 10 & 3, self.registers["CFGR1"] >> 5 & 0x1F

    def _injected_by_itself(self) -> bool:
        return bool(self.registers["CFGR1"] & JAUTO)

    def _sampling_code(self, channel: int) -> int:
        name, place = ("SMPR1", channel) if channel < 10 else ("SMPR2", channel - 10)
        return self.registers[name] >> 3 * place & 7

    def _oversampling(self, *, injected: bool) -> tuple[int, int, int]:
        control = self.registers["CFGR2"]
        left = control >> 28
        if not control & (1 << 1 if injected else 1 << 0):
            return 1, 0, left
        return (control >> 16 & 0x3FF) + 1, min(control >> 5 & 0xF, 11), left

    def _limits(self, watchdog: int) -> tuple[int, int]:
        return self.registers[f"LTR{watchdog}"] & 0x1FF_FFFF, self.registers[f"HTR{watchdog}"] & 0x1FF_FFFF

    def _wants_data_moved(self) -> bool:
        return bool(self.registers["CFGR1"] & 1)

    def _connected(self, channel: int) -> bool:
        return not self._inputs.is_pin(self._name, channel) or bool(self.registers["PCSEL"] >> channel & 1)


class Adc4(Adc):
    """The 12-bit converter."""

    BITS: ClassVar[tuple[int, ...]] = (12, 10, 8, 6)
    HALF_TICKS: ClassVar[tuple[int, ...]] = (3, 7, 15, 25, 39, 79, 159, 1629)
    BIT_TICKS: ClassVar[int] = 1

    def _sequence(self) -> list[int]:
        selected, control = self.registers["CHSELR"], self.registers["CFGR1"]
        if control >> 21 & 1:
            nibbles = [selected >> 4 * place & 0xF for place in range(8)]
            return nibbles[: nibbles.index(0xF)] if 0xF in nibbles else nibbles
        channels = [channel for channel in range(24) if selected >> channel & 1]
        return channels[::-1] if control >> 4 & 1 else channels

    def _trigger(self, group: str) -> tuple[int, int]:
        return self.registers["CFGR1"] >> 10 & 3, self.registers["CFGR1"] >> 6 & 7

    def _sampling_code(self, channel: int) -> int:
        times = self.registers["SMPR"]
        return times >> (4 if times >> 8 + channel & 1 else 0) & 7

    def _oversampling(self, *, injected: bool) -> tuple[int, int, int]:
        control = self.registers["CFGR2"]
        if not control & 1:
            return 1, 0, 0
        return 2 << (control >> 2 & 7), min(control >> 5 & 0xF, 8), 0

    def _limits(self, watchdog: int) -> tuple[int, int]:
        limits = self.registers[f"AWD{watchdog}TR"]
        return limits & 0xFFF, limits >> 16 & 0xFFF

    def _wants_data_moved(self) -> bool:
        return bool(self.registers["CFGR1"] & 1)

    def _discontinuous(self) -> int:
        return 1

    def _aligned(self, value: int) -> int:
        value &= 0xFFFF
        if not self.registers["CFGR1"] >> 5 & 1 or self.registers["CFGR2"] & 1:
            return value
        return value << 8 - self._bits() if self._bits() == 6 else value << 16 - self._bits()
