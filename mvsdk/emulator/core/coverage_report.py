"""Which encodings a guest executes: a core that counts, and a report of what it counted.

A counting core executes one instruction at a time, so it is some hundred times slower, and does exactly the same. Where
an interrupt is taken before an instruction, that instruction is counted once more and the handler's first one is not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from mvsdk.emulator.core import Stop, StopReason
from mvsdk.emulator.core.disassemble import listing
from mvsdk.emulator.core.encodings import Encoding, load
from mvsdk.emulator.core.native_core import NativeCore


class CountingCore(NativeCore):
    """A core that counts the encodings it executes; a `Device` takes it as it takes any other."""

    def __init__(self, interrupts: int = 480) -> None:
        del interrupts
        self.executed: Counter[str] = Counter()
        """How often each encoding was executed, by its name."""
        self._names: dict[tuple[int, bytes], str | None] = {}

    def run(self, until: int) -> Stop:
        """Execute until cycle `until` instruction by instruction; see `Core.run`."""
        while True:
            name = self._next()
            before = self.cycle
            stop = super().run(min(before + 1, until))
            if name is not None and self.cycle > before:
                self.executed[name] += 1
            if stop.reason is StopReason.IDLE and stop.wake_cycle is not None and stop.wake_cycle < until:
                self.skip_to(stop.wake_cycle)
            elif stop.reason is not StopReason.DEADLINE or self.cycle >= until:
                return stop

    def _next(self) -> str | None:
        """Return the name of the encoding at the program counter; None where there is no instruction."""
        at = self.register_values()[0][15]
        try:
            code = self.read_memory(at, 4)
        except LookupError:
            return None
        key = (at, code)
        if key not in self._names:
            encoding = next((line.encoding for line in listing(code, at)), None)
            self._names[key] = None if encoding is None else encoding.name
        return self._names[key]


def never(executed: Counter[str]) -> list[Encoding]:
    """Return the encodings that were not executed, in the order of the table."""
    return [encoding for encoding in load() if not executed[encoding.name]]


def report(executed: Counter[str]) -> Iterator[str]:
    """Return lines: how many encodings were executed, how often each, the most frequent first, and which were not."""
    rows = load()
    missing = never(executed)
    yield f"{len(rows) - len(missing)} of {len(rows)} encodings, {sum(executed.values())} instructions"
    yield from (f"{count:12}  {name}" for name, count in executed.most_common())
    yield from (f"{'never':>12}  {encoding.name}" for encoding in missing)
