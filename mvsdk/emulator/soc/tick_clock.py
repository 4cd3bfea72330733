"""A clock that counts: which tick it is at any cycle, and at which cycle a tick will be.

Its ticks come from a source of any frequency, or one by one from outside. Nothing is counted while it runs.
"""

from __future__ import annotations

from typing import ClassVar


class TickClock:
    """Ticks of a clock of `hz`, on a processor of `sysclk` Hz. It stands at first."""

    STATE: ClassVar[tuple[str, ...]] = ("_hz", "_base", "_since", "_running")

    def __init__(self, hz: int, sysclk: int, cycle: int = 0) -> None:
        self._hz = hz
        self._sysclk = sysclk
        self._base = 0
        self._since = cycle
        self._running = False

    @property
    def running(self) -> bool:
        """Whether time makes it tick."""
        return self._running

    @property
    def hz(self) -> int:
        """Its frequency."""
        return self._hz

    def at(self, cycle: int) -> int:
        """Return the number of ticks up to a cycle."""
        if not self._running:
            return self._base
        return self._base + (cycle - self._since) * self._hz // self._sysclk

    def cycle_of(self, tick: int) -> int | None:
        """Return the first cycle at which it has ticked so often; None if time alone never gets there."""
        if not self._running:
            return None
        return self._since - (self._base - tick) * self._sysclk // self._hz

    def run(self, cycle: int, running: bool) -> None:
        """Let it tick by itself from this cycle on, or stop it."""
        if running != self._running:
            self._base, self._since, self._running = self.at(cycle), cycle, running

    def stop_at(self, tick: int) -> None:
        """Have it stand since that tick."""
        self._base, self._running = tick, False

    def stand_at(self, cycle: int, ticks: int) -> None:
        """Have ticked so often at this cycle, and go on from there."""
        self._base, self._since = ticks, cycle

    def retune(self, cycle: int, hz: int) -> None:
        """Let it tick at another frequency from this cycle on."""
        if hz != self._hz:
            self._base, self._since, self._hz = self.at(cycle), cycle, hz

    def tick(self, ticks: int = 1) -> None:
        """Let it tick by hand."""
        self._base += ticks
