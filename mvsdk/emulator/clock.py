"""Virtual time: what is to happen at which cycle, in an order that never depends on the host."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

Action = Callable[[], None]


@dataclass(order=True, slots=True)
class _Entry:
    cycle: int
    number: int
    action: Action = field(compare=False)


class Schedule:
    """Actions waiting for their cycle. Two for the same cycle happen in the order they were given."""

    def __init__(self) -> None:
        self._entries: list[_Entry] = []
        self._numbers = itertools.count()

    def at(self, cycle: int, action: Action) -> None:
        """Let `action` happen once `cycle` is reached."""
        heapq.heappush(self._entries, _Entry(cycle, next(self._numbers), action))

    @property
    def next_cycle(self) -> int | None:
        """The cycle of the next action; None when nothing waits."""
        return self._entries[0].cycle if self._entries else None

    def run_due(self, cycle: int) -> None:
        """Carry out everything due at `cycle`, in order, including what is added for that cycle meanwhile."""
        while self._entries and self._entries[0].cycle <= cycle:
            heapq.heappop(self._entries).action()

    def clear(self) -> None:
        """Forget everything that waits."""
        self._entries.clear()
