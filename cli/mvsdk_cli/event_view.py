"""Showing a device's events: a line each for people, a JSON object each for scripts."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from typing import Any

import click

from mvsdk.emulator.events import (
    ClockMissing,
    DeepSleepBegan,
    DisplayChanged,
    Event,
    FactoryLogLine,
    FactoryTestEnded,
    Faulted,
    HandlerEntered,
    HandlerLeft,
    I2cTransferEnded,
    InterruptLineChanged,
    LedChanged,
    LogLine,
    PwmChanged,
    RegisterNotModelled,
    RestartAwaited,
    SleepBegan,
    SleepEnded,
    SpiTransferEnded,
    Started,
    SystemCall,
    UartOutput,
    UpdateAgreed,
    UpdateNoted,
)
from mvsdk.emulator.fault_status import causes
from mvsdk.emulator.symbols import Place
from mvsdk_cli.console import print_json, printable

Backtrace = Callable[[Faulted], list[Place]]
Caller = Callable[[int], Place]


class TextView:
    """Prints events as lines with the device's time in front."""

    def __init__(self, backtrace: Backtrace, caller: Caller, echo: Callable[[str], object] = click.echo) -> None:
        self._backtrace = backtrace
        self._caller = caller
        self._echo = echo

    def __call__(self, event: Event) -> None:
        """Print one event."""
        stamp = click.style(f"[{event.time_us // 1_000_000:5d}.{event.time_us % 1_000_000:06d}]", dim=True)
        for line in self._lines(event):
            self._echo(f"{stamp} {line}")

    def _lines(self, event: Event) -> list[str]:  # noqa: PLR0911, PLR0912 - one for each kind of event
        match event:
            case LogLine():
                return _text(event.text)
            case FactoryLogLine():
                return [click.style("factory: ", dim=True) + line for line in _text(event.text)]
            case LedChanged():
                return [f"LED {event.name} " + (click.style("● on", fg="green") if event.on else "○ off")]
            case DisplayChanged():
                return _picture(event)
            case PwmChanged():
                wave = f"{event.hertz:g} Hz, {event.duty:.1%} high" if event.hertz else "high" if event.duty else "low"
                return [f"{event.port} pin {event.pin} ({event.signal}): {wave}"]
            case I2cTransferEnded():
                answer = f"{event.written} bytes taken" if event.acknowledged else "not acknowledged"
                return [f"{event.bus}: transfer to 0x{event.address:02x} ended, {answer}{_given(event.received)}"]
            case SpiTransferEnded():
                return [f"{event.bus}: transfer ended{_given(event.received)}"]
            case UartOutput():
                return [f"{event.port}: {printable(event.text)}"]
            case SystemCall():
                place = self._caller(event.caller)
                where = f"  <{place.function}>" if place.function else ""
                return [click.style(f"{event.call} {event.result}", fg="cyan") + click.style(where, dim=True)]
            case InterruptLineChanged():
                return [click.style(f"{event.name} {'raised' if event.high else 'low'}", fg="magenta")]
            case HandlerEntered() | HandlerLeft():
                what = "entered" if isinstance(event, HandlerEntered) else "left"
                return [click.style(f"handler of {event.name} {what}", fg="magenta")]
            case SleepBegan() | SleepEnded():
                return [click.style("asleep" if isinstance(event, SleepBegan) else "awake", fg="blue")]
            case Started():
                return [click.style(f"application starts, wake reason {event.wake_reason}", dim=True)]
            case RegisterNotModelled():
                return [_note(f"{event.access} of {event.peripheral} 0x{event.address:08x} is not modelled")]
            case ClockMissing():
                return [
                    _note(
                        f"{event.access} of {event.peripheral} 0x{event.address:08x} without its clock: "
                        "enable it in RCC with mvPeriphPoke32"
                    )
                ]
            case Faulted():
                return _fault_report(event, self._backtrace(event))
            case RestartAwaited():
                return [_note(f"crash {event.crashes} in a row: it restarts in {event.delay_us / 1e6:.3f} s")]
            case UpdateAgreed():
                return [click.style("the application agrees to be replaced", dim=True)]
            case UpdateNoted():
                text = f": {printable(event.text)}" if event.text else ""
                return [click.style(f"update {event.what}{text}", fg="blue")]
            case DeepSleepBegan():
                return [click.style(f"deep sleep ({event.mode}): RAM is lost", dim=True)]
            case FactoryTestEnded():
                return [f"factory test {_verdict(event.status)}"]
        raise TypeError(event)


class JsonView:
    """Prints events as JSON objects, one a line, on standard output or with `err` on standard error."""

    def __init__(self, backtrace: Backtrace, caller: Caller, *, err: bool = False) -> None:
        self._backtrace = backtrace
        self._caller = caller
        self._err = err

    def __call__(self, event: Event) -> None:
        """Print one event."""
        document: dict[str, Any] = {"event": event.kind, "time_us": event.time_us}
        match event:
            case SystemCall():
                document |= event.call.as_dict() | event.result.as_dict()
                document["caller"] = dataclasses.asdict(self._caller(event.caller))
            case Faulted():
                document |= dataclasses.asdict(event)
                document["causes"] = causes(event.fault)
                document["backtrace"] = [dataclasses.asdict(place) for place in self._backtrace(event)]
            case _:
                document |= dataclasses.asdict(event)
        print_json(document, err=self._err)


def _text(text: str) -> list[str]:
    """Return a message's lines as they may be printed."""
    return [printable(line) for line in text.rstrip("\r\n").splitlines() or [""]]


def _given(received: tuple[int, ...]) -> str:
    return f", gave {bytes(received).hex(' ')}" if received else ""


def _picture(event: DisplayChanged) -> list[str]:
    """Return what a display shows, two lines of its picture in each line of text."""
    shown = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}
    blinks = f", blinks {event.blink_hz:g} times a second" if event.blink_hz else ""
    lines = [f"{event.name}: brightness {event.brightness}/16{blinks}"]
    for upper, lower in zip(event.picture[::2], event.picture[1::2], strict=True):
        cells = (shown[above == "#", below == "#"] for above, below in zip(upper, lower, strict=True))
        lines.append(f"  |{''.join(cells)}|")
    return lines


def _verdict(status: int) -> str:
    return click.style(f"failed with status {status}", fg="red") if status else click.style("passed", fg="green")


def _note(text: str) -> str:
    return click.style("note: ", fg="yellow") + text


def _fault_report(event: Faulted, backtrace: list[Place]) -> list[str]:
    registers = event.registers
    names = [f"r{number}" for number in range(13)] + ["sp", "lr", "pc"]
    cells = [f"{name:>4} {value:08x}" for name, value in zip(names, registers.r, strict=True)]
    cells += [f"xpsr {registers.xpsr:08x}", f" msp {registers.msp:08x}", f" psp {registers.psp:08x}"]
    lines = [click.style("HardFault: the application is stopped", fg="red", bold=True)]
    lines += [f"  {cause}" for cause in causes(event.fault)]
    lines += ["  " + "  ".join(cells[row : row + 4]) for row in range(0, len(cells), 4)]
    lines.append(f"  cfsr {event.fault.cfsr:08x}  hfsr {event.fault.hfsr:08x}")
    if event.instruction:
        lines.append(f"  at {registers.pc:08x}: {event.instruction}")
    return lines + _folded(backtrace)


def _folded(backtrace: list[Place]) -> list[str]:
    """Return a line for each frame, and one for all that repeat the frame before them."""
    lines: list[str] = []
    for number, (place, same) in enumerate((place, sum(1 for _ in run)) for place, run in itertools.groupby(backtrace)):
        lines.append(f"  #{number:<2} {place}")
        if same > 1:
            lines.append(f"      … and {same - 1} more calls from the same place")
    return lines
