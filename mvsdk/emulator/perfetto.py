"""A run as a trace that Perfetto (ui.perfetto.dev) and chrome://tracing open, on the device's own time.

The file is a JSON array of events in the Trace Event Format. Its tracks: system calls, one track for the application,
one for each exception handler, and one for each task, told apart by the stack limit (PSPLIM) that kernels set; sleep;
interrupt lines, each as long as it is high; the application's lives and deep sleeps; LEDs as counters; log lines and
what serial ports send as instants. Events reach the file as they happen; both programs read a file that was cut off.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType
from typing import Any

from mvsdk.emulator.device import Device
from mvsdk.emulator.events import (
    DeepSleepBegan,
    Event,
    FactoryLogLine,
    Faulted,
    HandlerEntered,
    HandlerLeft,
    InterruptLineChanged,
    LedChanged,
    LogLine,
    SleepBegan,
    SleepEnded,
    Started,
    SystemCall,
    UartOutput,
)
from mvsdk.files import OutputError

_PROCESS = 1
_LIFE, _OUTPUT, _APPLICATION, _SLEEP = 1, 2, 3, 4
_FIRST_HANDLER, _FIRST_LINE, _FIRST_TASK = 100, 1000, 10_000
_SPSEL = 1 << 1
"""CONTROL.SPSEL: thread mode runs on the process stack (Armv8-M ARM, D1.2: CONTROL)."""


class PerfettoTrace:
    """An observer that writes the file. `device` is where it looks who makes a call; set it before it runs."""

    def __init__(self, path: Path) -> None:
        """Begin the file. Raises `OutputError`."""
        self.device: Device | None = None
        try:
            self._file = path.open("w", encoding="utf-8")
        except OSError as error:
            what = f"cannot write {path}: {error.strerror or error}"
            raise OutputError(what, "give a path in a folder that exists and is yours") from error
        self._tracks: dict[int, str] = {}
        self._life: str | None = None
        self._tasks: dict[int, int] = {}
        self._open: list[tuple[int, str]] = []
        self._file.write("[\n")
        self._write({"ph": "M", "name": "process_name", "args": {"name": "device"}})

    def __enter__(self) -> PerfettoTrace:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        end = self.device.time_us if self.device is not None else 0
        if self._life is not None:
            self._write({"ph": "E", "tid": _LIFE, "ts": end, "name": self._life})
        self._file.write(json.dumps({"ph": "M", "pid": _PROCESS, "name": "trace_ended", "args": {}}) + "\n]\n")
        self._file.close()

    def __call__(self, event: Event) -> None:
        """Write one event."""
        match event:
            case SystemCall():
                self._call(event)
            case InterruptLineChanged():
                track = self._track(_FIRST_LINE + event.interrupt, event.name)
                self._write({"ph": "B" if event.high else "E", "tid": track, "ts": event.time_us, "name": event.name})
            case HandlerEntered() | HandlerLeft():
                self._handler(event)
            case SleepBegan():
                self._write({"ph": "B", "tid": self._track(_SLEEP, "sleep"), "ts": event.time_us, "name": "asleep"})
                self._open.append((_SLEEP, "asleep"))
            case SleepEnded():
                self._end(_SLEEP, "asleep", event.time_us)
            case LedChanged():
                name = f"LED {event.name}"
                self._write({"ph": "C", "ts": event.time_us, "name": name, "args": {"on": int(event.on)}})
            case Started():
                self._begin(event.time_us, f"application ({event.wake_reason})")
            case DeepSleepBegan():
                self._begin(event.time_us, f"deep sleep ({event.mode})")
            case Faulted():
                self._begin(event.time_us, "stopped by a fault")
            case LogLine() | FactoryLogLine():
                self._instant(event.time_us, event.text, "log")
            case UartOutput():
                self._instant(event.time_us, event.text, event.port)

    def _call(self, event: SystemCall) -> None:
        lasts = self.device.call_us if self.device is not None else 0
        arguments = {"call": str(event.call), "result": str(event.result)}
        track = self._caller()
        self._write(
            {"ph": "X", "tid": track, "ts": event.time_us, "dur": lasts, "name": event.call.name, "args": arguments}
        )

    def _handler(self, event: HandlerEntered | HandlerLeft) -> None:
        track = self._track(_FIRST_HANDLER + event.exception, f"handler of {event.name}")
        if isinstance(event, HandlerLeft):
            self._end(track, event.name, event.time_us)
            return
        self._write({"ph": "B", "tid": track, "ts": event.time_us, "name": event.name})
        self._open.append((track, event.name))

    def _end(self, track: int, name: str, time_us: int) -> None:
        """End what began on a track; what began before the file did is passed over."""
        if (track, name) in self._open:
            self._open.remove((track, name))
            self._write({"ph": "E", "tid": track, "ts": time_us, "name": name})

    def _caller(self) -> int:
        """Find the track of whoever makes the present call."""
        if self.device is None:
            return self._track(_APPLICATION, "application")
        registers = self.device.core.registers()
        if registers.exception:
            return self._track(_FIRST_HANDLER + registers.exception, f"handler {registers.exception}")
        if registers.control & _SPSEL:
            number = self._tasks.setdefault(registers.psplim, len(self._tasks))
            name = f"task with stack above {registers.psplim:#010x}" if registers.psplim else "process stack"
            return self._track(_FIRST_TASK + number, name)
        return self._track(_APPLICATION, "application")

    def _begin(self, time_us: int, name: str) -> None:
        """Let one state of the application end, with all that went on in it, and the next begin."""
        for open_track, open_name in reversed(self._open.copy()):
            self._end(open_track, open_name, time_us)
        track = self._track(_LIFE, "state")
        if self._life is not None:
            self._write({"ph": "E", "tid": track, "ts": time_us, "name": self._life})
        self._write({"ph": "B", "tid": track, "ts": time_us, "name": name})
        self._life = name

    def _instant(self, time_us: int, text: str, category: str) -> None:
        track = self._track(_OUTPUT, "output")
        self._write({"ph": "i", "s": "t", "tid": track, "ts": time_us, "name": text, "cat": category})

    def _track(self, number: int, name: str) -> int:
        if number not in self._tracks:
            self._tracks[number] = name
            self._write({"ph": "M", "tid": number, "name": "thread_name", "args": {"name": name}})
        return number

    def _write(self, event: dict[str, Any]) -> None:
        self._file.write(json.dumps({"pid": _PROCESS, **event}) + ",\n")
