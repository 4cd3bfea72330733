"""Telling whoever waits that something changed, without saying what: the waiter looks itself.

A signal may come too often, never too seldom: waiters look once after they have subscribed.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Signals(Protocol):
    """Topics are short texts: "device UV…" (its row or commands), "records UV…" (what it said), "account AC…"
    (what concerns all of its devices)."""

    closed: bool
    """Whether the server stops: whoever waits looks at this first."""

    def send(self, topic: str) -> None:
        """Wake everybody who waits for a topic, here and in every server on the same database."""

    def close(self) -> None:
        """Wake everybody for good."""

    def subscribed(self, *topics: str) -> AbstractContextManager[asyncio.Event]:
        """While the context lasts, set the event whenever one of the topics is sent; the waiter clears it before it
        looks."""


class LocalSignals:
    """`Signals` within one process, on one event loop."""

    def __init__(self) -> None:
        self.closed = False
        self._waiters: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    def send(self, topic: str) -> None:
        """See `Signals.send`."""
        for event in self._waiters.get(topic, ()):
            event.set()

    def send_all(self) -> None:
        """Wake everybody, whatever they wait for."""
        for topic in list(self._waiters):
            self.send(topic)

    def close(self) -> None:
        """See `Signals.close`."""
        self.closed = True
        self.send_all()

    @contextmanager
    def subscribed(self, *topics: str) -> Iterator[asyncio.Event]:
        """See `Signals.subscribed`."""
        event = asyncio.Event()
        for topic in topics:
            self._waiters[topic].add(event)
        if self.closed:
            event.set()
        try:
            yield event
        finally:
            for topic in topics:
                self._waiters[topic].discard(event)
                if not self._waiters[topic]:
                    del self._waiters[topic]
