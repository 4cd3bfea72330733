"""Wiring for a peripheral on its own: time that a test moves by hand, and a record of what the peripheral did.

wiring = FakeWiring()
timer = Timer(kind, wiring, (49, 49))
wiring.advance(16_000)                  # cycles pass; everything due happens at its cycle
assert wiring.lines[49]
"""

from __future__ import annotations

import itertools

from mvsdk.boards import Clocks
from mvsdk.emulator.clock import Action, Appointment, Schedule
from mvsdk.emulator.events import Event
from mvsdk.emulator.soc.requests import DmaRequests


class FakeWiring:
    """A `Wiring`. Every change of an interrupt line is kept with its cycle; random words are 1, 2, 3 and so on.

    `memory` is what a bus master reaches, 64 KiB at `MEMORY`.
    """

    MEMORY = 0x2000_0000

    def __init__(self, clocks: Clocks | None = None) -> None:
        self.clocks = clocks or Clocks(160_000_000, 160_000_000, 160_000_000, 160_000_000)
        self.requests = DmaRequests()
        self.memory = bytearray(0x1_0000)
        self.cycle = 0
        self.lines: dict[int, bool] = {}
        """The level of every line that was ever driven."""
        self.changes: list[tuple[int, int, bool]] = []
        """(cycle, interrupt, level), in order."""
        self.events: list[Event] = []
        self.resets: list[tuple[int, int]] = []
        """(cycle, flag) of every reset by a watchdog."""
        self.nmis: list[int] = []
        """The cycle of every non-maskable interrupt."""
        self.wakes: list[tuple[int, str]] = []
        """(cycle, source) of everything that would end a deep sleep."""
        self._schedule = Schedule()
        self._words = itertools.count(1)

    @property
    def time_us(self) -> int:
        """Microseconds since the beginning."""
        return self.cycle * 1_000_000 // self.clocks.sysclk

    @property
    def waiting(self) -> bool:
        """Whether any appointment waits."""
        return self._schedule.next_cycle is not None

    def advance(self, cycles: int, most: int | None = None) -> None:
        """Let time pass, if `most` is given no longer than until that many appointments were kept."""
        end, kept = self.cycle + cycles, 0
        while (due := self._schedule.next_cycle) is not None and due <= end:
            if kept == most:
                return
            self.cycle = max(self.cycle, due)
            self._schedule.run_due(self.cycle)
            kept += 1
        self.cycle = end

    def at(self, cycle: int, action: Action) -> Appointment:
        """Make an appointment."""
        return self._schedule.at(cycle, action)

    def set_line(self, interrupt: int, level: bool) -> None:
        """Remember the level."""
        self.lines[interrupt] = level
        self.changes.append((self.cycle, interrupt, level))

    def tell(self, event: Event) -> None:
        """Keep the event."""
        self.events.append(event)

    def random_word(self) -> int:
        """Return the next number."""
        return next(self._words)

    def read_memory(self, address: int, length: int) -> bytes:
        """Return bytes of `memory`."""
        offset = self._offset(address, length)
        return bytes(self.memory[offset : offset + length])

    def write_memory(self, address: int, data: bytes) -> None:
        """Change bytes of `memory`."""
        offset = self._offset(address, len(data))
        self.memory[offset : offset + len(data)] = data

    def _offset(self, address: int, length: int) -> int:
        offset = address - self.MEMORY
        if offset < 0 or offset + length > len(self.memory):
            raise LookupError(f"no memory at 0x{address:08x}")
        return offset

    def wake(self, source: str) -> None:
        """Remember what would have woken the device."""
        self.wakes.append((self.cycle, source))

    def raise_nmi(self) -> None:
        """Remember the interrupt."""
        self.nmis.append(self.cycle)

    def watchdog_reset(self, flag: int) -> None:
        """Remember the reset."""
        self.resets.append((self.cycle, flag))
