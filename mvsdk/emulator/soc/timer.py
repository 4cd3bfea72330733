"""The timers: basic, general-purpose and advanced, as counters with flags and interrupts (RM0456, chapters 54 to 57).

Modelled: counting up, prescaler, auto-reload with and without preload, repetition, update events by overflow and by
UG, one-pulse mode, compare flags of channels in output modes, PWM among them. What the tables call "kept only" can be
written and read and does nothing: counting down, capture, external clocks, triggers, DMA, outputs on pins.
Nothing is counted: a register is computed from the cycle when it is read, and only an interrupt that is enabled is
waited for.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import ClassVar

from mvsdk.emulator.soc.counter import Counter, Settings
from mvsdk.emulator.soc.registers import WORD, RegisterBlock, rows
from mvsdk.emulator.soc.wiring import Alarm, InterruptLine, Wiring

CEN, UDIS, URS, OPM, ARPE, UIFREMAP = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 7, 1 << 11
UIF, UG = 1 << 0, 1 << 0
_COMPARE_FLAGS = 0b11110
_REGISTERS_OF_BASIC_TIMERS = frozenset({"CR1", "CR2", "DIER", "SR", "EGR", "CNT", "PSC", "ARR"})


@dataclass(frozen=True, slots=True)
class TimerKind:
    """One row of `timers.csv`: what tells this timer from the others. `update` and `compare` are interrupts."""

    name: str
    bus: str
    bits: int
    channels: int
    repeats: bool
    update: str
    compare: str


@cache
def timer_kinds() -> tuple[TimerKind, ...]:
    """Return the chip's timers."""
    return tuple(
        TimerKind(
            row["timer"],
            row["bus"],
            int(row["bits"]),
            int(row["channels"]),
            row["repeats"] == "yes",
            row["update"],
            row["compare"],
        )
        for row in rows("timers")
    )


class Timer(RegisterBlock):
    """One timer. `interrupts` are the numbers of the update and the compare interrupt, which may be the same."""

    STATE: ClassVar[tuple[str, ...]] = ("_preload", "_counter", "_lines", "_alarm")

    def __init__(self, kind: TimerKind, wiring: Wiring, interrupts: tuple[int, int]) -> None:
        super().__init__("timer")
        self._kind = kind
        self._wiring = wiring
        self._mask = (1 << kind.bits) - 1
        self._cycles = max(1, wiring.clocks.sysclk // _clock(kind, wiring))
        self._lines = {number: InterruptLine(wiring, number) for number in interrupts}
        self._flags_of = dict.fromkeys(interrupts, 0)
        self._flags_of[interrupts[0]] |= UIF
        self._flags_of[interrupts[1]] |= _COMPARE_FLAGS
        self._alarm = Alarm(wiring, lambda _: self._settle())
        self.reset()

    def reset(self) -> None:
        """Stop, and forget everything."""
        super().reset()
        self.registers["ARR"] = self._mask
        self._preload = self._preloaded()
        self._counter = Counter(
            self._mask, self._preload, self._preloads, self._on_update, self._on_match, origin=self._wiring.cycle
        )
        self._settle()

    # -- registers -----------------------------------------------------------------------------------------------------

    def read(self, offset: int, size: int) -> int | None:
        """Return a register; a basic timer has fewer."""
        return super().read(offset, size) if self._has(offset) else None

    def write(self, offset: int, size: int, value: int) -> bool:
        """Change a register; a basic timer has fewer."""
        return super().write(offset, size, value) if self._has(offset) else False

    def _has(self, offset: int) -> bool:
        register = self._table.get(offset & ~3)
        return register is not None and (self._kind.channels > 0 or register.name in _REGISTERS_OF_BASIC_TIMERS)

    def fetch(self, name: str) -> int:
        """Return a register as it stands at this cycle."""
        self._counter.advance(self._wiring.cycle)
        if name != "CNT":
            return super().fetch(name)
        remapped = self.registers["CR1"] & UIFREMAP and self.registers["SR"] & UIF
        return self._counter.value | (1 << 31 if remapped else 0)

    def store(self, name: str, bits: int, mask: int) -> None:
        """Change a register; what is not preloaded works at once."""
        counter = self._counter
        counter.advance(self._wiring.cycle)
        match name:
            case "SR":
                self.registers["SR"] &= bits | ~mask
            case "EGR":
                self._generate(bits)
            case "CNT":
                counter.value = (counter.value & ~mask | bits) & self._mask
                counter.origin = self._wiring.cycle
            case _:
                super().store(name, bits & (self._mask if name[:3] in {"ARR", "CCR"} else WORD), mask)
                self._apply(name)
        self._settle()

    def _generate(self, events: int) -> None:
        self.registers["SR"] |= events & self._channel_flags()
        if not events & UG:
            return
        self._counter.restart(self._wiring.cycle)
        if not self.registers["CR1"] & (UDIS | URS):
            self.registers["SR"] |= UIF

    def _apply(self, name: str) -> None:
        """Put in force what a register holds, as far as it is not preloaded."""
        counter, old = self._counter, self._counter.settings
        self._preload = new = self._preloaded()
        if name == "CR1":
            starts = bool(self.registers["CR1"] & CEN)
            if starts and not counter.running:
                counter.origin = self._wiring.cycle
            counter.running = starts
        limit = old.limit if self.registers["CR1"] & ARPE else new.limit
        preloaded = self._preloaded_channels()
        compares = {
            channel: old.compares.get(channel, value) if channel in preloaded else value
            for channel, value in new.compares.items()
        }
        counter.settings = Settings(old.step, limit, old.repetition, compares)

    # -- what registers mean -------------------------------------------------------------------------------------------

    def _preloads(self) -> Settings | None:
        return None if self.registers["CR1"] & UDIS else self._preload

    def _preloaded(self) -> Settings:
        registers = self.registers
        return Settings(
            (registers["PSC"] + 1) * self._cycles,
            registers["ARR"],
            registers["RCR"] & 0xFFFF if self._kind.repeats else 0,
            {channel: registers[f"CCR{channel}"] for channel in self._output_channels()},
        )

    def _mode(self, channel: int) -> int:
        """Return a channel's byte of CCMR1 or CCMR2: CCxS in bits 0 and 1, OCxPE in bit 3."""
        return self.registers["CCMR1" if channel <= 2 else "CCMR2"] >> (0 if channel % 2 else 8) & 0xFF

    def _output_channels(self) -> list[int]:
        return [channel for channel in range(1, self._kind.channels + 1) if self._mode(channel) & 3 == 0]

    def _preloaded_channels(self) -> set[int]:
        return {channel for channel in self._output_channels() if self._mode(channel) & 8}

    def _channel_flags(self) -> int:
        return (1 << self._kind.channels) - 1 << 1

    # -- what happens --------------------------------------------------------------------------------------------------

    def _on_update(self) -> bool:
        self.registers["SR"] |= UIF
        if self.registers["CR1"] & OPM:
            self.registers["CR1"] &= ~CEN
            return False
        return True

    def _on_match(self, channel: int) -> None:
        self.registers["SR"] |= 1 << channel

    def _settle(self) -> None:
        """Drive the interrupt lines, and wait for the next flag that would change them."""
        counter = self._counter
        counter.advance(self._wiring.cycle)
        raised = self.registers["SR"] & self.registers["DIER"]
        for number, line in self._lines.items():
            line.set(bool(raised & self._flags_of[number]))
        self._alarm.set(min(self._awaited(), default=None) if not counter.blocked else None)

    def _awaited(self) -> list[int]:
        awaited = self.registers["DIER"] & ~self.registers["SR"]
        cycles = [
            self._counter.next_match(channel) for channel in self._counter.settings.compares if awaited >> channel & 1
        ]
        if awaited & UIF and not self.registers["CR1"] & UDIS:
            cycles.append(self._counter.next_update())
        return cycles


def _clock(kind: TimerKind, wiring: Wiring) -> int:
    """Return the timer's clock: its bus's, doubled where the bus is slower than the processor (RM0456, 11.4)."""
    bus = wiring.clocks.pclk1 if kind.bus == "pclk1" else wiring.clocks.pclk2
    return bus if bus == wiring.clocks.hclk else 2 * bus
