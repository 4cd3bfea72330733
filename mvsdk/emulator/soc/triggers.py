"""Trigger lines between peripherals: one peripheral's output starts, stops or clocks another.

A line has a name, such as "TIM3_TRGO". Whoever drives it is its source and knows its level; those who may listen are
connected when the chip is built, and say at any time whether they do, so that a source waits for nothing nobody hears.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Listener:
    """Who may listen to a line. `rose` and `fell` are called for edges; a pulse is a rise and a fall."""

    wanted: Callable[[], bool]
    rose: Callable[[], None]
    fell: Callable[[], None]


class TriggerLines:
    """All trigger lines of the chip. They hold no state: levels are their sources', wishes their listeners'."""

    NOT_STATE: ClassVar[tuple[str, ...]] = ("_listeners", "_sources")

    def __init__(self) -> None:
        self._listeners: dict[str, list[Listener]] = {}
        self._sources: dict[str, tuple[Callable[[], bool], Callable[[], None]]] = {}

    def source(self, name: str, level: Callable[[], bool], wishes_changed: Callable[[], None]) -> None:
        """Name the source of a line: how to ask its level, and whom to tell when other listeners want it."""
        self._sources[name] = (level, wishes_changed)

    def connect(self, name: str, listener: Listener) -> None:
        """Let somebody listen to a line, whether it has a source yet or not."""
        self._listeners.setdefault(name, []).append(listener)

    def wanted(self, name: str) -> bool:
        """Return whether anybody listens to a line at present."""
        return any(listener.wanted() for listener in self._listeners.get(name, ()))

    def level(self, name: str) -> bool:
        """Return the level of a line; a line without a source is low."""
        source = self._sources.get(name)
        return source is not None and source[0]()

    def wishes_changed(self, name: str) -> None:
        """Have a line's source look again whether it is wanted."""
        source = self._sources.get(name)
        if source is not None:
            source[1]()

    def rise(self, name: str) -> None:
        """Hear from a source that its line has risen."""
        for listener in self._listeners.get(name, ()):
            if listener.wanted():
                listener.rose()

    def fall(self, name: str) -> None:
        """Hear from a source that its line has fallen."""
        for listener in self._listeners.get(name, ()):
            if listener.wanted():
                listener.fell()

    def pulse(self, name: str) -> None:
        """Hear from a source that its line has risen and fallen."""
        self.rise(name)
        self.fall(name)
