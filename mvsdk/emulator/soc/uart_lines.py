"""What a serial port sends, gathered into lines for people to read."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from mvsdk.emulator.events import UartOutput
from mvsdk.emulator.soc.wiring import Alarm, Wiring

LONGEST = 256
SILENCE_US = 20_000
"""A line that does not end is told after this long without a character: a prompt, for example."""


class UartLines:
    """Tells `UartOutput` events for one port. Bytes that are not UTF-8 appear as escapes; line ends are left out."""

    STATE: ClassVar[tuple[str, ...]] = ("_line", "_silence", "_last")
    NOT_STATE: ClassVar[tuple[str, ...]] = ("_sinks",)

    def __init__(self, port: str, wiring: Wiring) -> None:
        self._port = port
        self._wiring = wiring
        self._line = bytearray()
        self._longest_silence = SILENCE_US * wiring.clocks.sysclk // 1_000_000
        self._silence = Alarm(wiring, self._silent)
        self._last = 0
        self._sinks: list[Callable[[int], None]] = []

    def listen(self, sink: Callable[[int], None]) -> None:
        """Let `sink` have every character too, as it was sent."""
        self._sinks.append(sink)

    def take(self, character: int) -> None:
        """Take one character."""
        for sink in self._sinks:
            sink(character & 0xFF)
        if character == ord("\n"):
            self._tell()
            return
        self._line.append(character & 0xFF)
        if len(self._line) >= LONGEST:
            self._tell()
            return
        self._last = self._wiring.cycle
        if self._silence.due is None:
            self._silence.set(self._last + self._longest_silence)

    def _silent(self, cycle: int) -> None:
        """Tell the line if nothing has come for so long; the alarm is not moved for every character."""
        due = self._last + self._longest_silence
        if due <= cycle:
            self._tell()
        else:
            self._silence.set(due)

    def flush(self) -> None:
        """Tell what has been sent so far."""
        if self._line:
            self._tell()

    def _tell(self) -> None:
        self._silence.set(None)
        text = self._line.removesuffix(b"\r").decode("utf-8", "backslashreplace")
        self._line.clear()
        self._wiring.tell(UartOutput(self._wiring.time_us, self._port, text))
