"""Virtual time: what is to happen at which cycle, in an order that never depends on the host."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

Action = Callable[[], object]


@dataclass(order=True, slots=True)
class Appointment:
    """An action that waits for its cycle."""

    cycle: int
    number: int
    action: Action = field(compare=False)
    cancelled: bool = field(compare=False, default=False)

    def cancel(self) -> None:
        """Let it not happen. Without effect once it has."""
        self.cancelled = True


class Schedule:
    """Actions waiting for their cycle. Two for the same cycle happen in the order they were given."""

    def __init__(self) -> None:
        self._entries: list[Appointment] = []
        self._numbers = itertools.count()

    def at(self, cycle: int, action: Action) -> Appointment:
        """Let `action` happen once `cycle` is reached."""
        appointment = Appointment(cycle, next(self._numbers), action)
        heapq.heappush(self._entries, appointment)
        return appointment

    @property
    def next_cycle(self) -> int | None:
        """The cycle of the next action; None when nothing waits."""
        while self._entries and self._entries[0].cancelled:
            heapq.heappop(self._entries)
        return self._entries[0].cycle if self._entries else None

    def run_due(self, cycle: int) -> None:
        """Carry out everything due at `cycle`, in order, including what is added for that cycle meanwhile."""
        while (due := self.next_cycle) is not None and due <= cycle:
            heapq.heappop(self._entries).action()

    @property
    def waiting(self) -> int:
        """How many actions wait."""
        return sum(not entry.cancelled for entry in self._entries)

    def clear(self) -> None:
        """Forget everything that waits."""
        self._entries.clear()
