"""Signals over PostgreSQL's LISTEN and NOTIFY, so that several servers on one database wake each other's waiters."""

from __future__ import annotations

import asyncio
import threading
from contextlib import AbstractContextManager, suppress
from typing import TYPE_CHECKING, Any

from mvsdk.cloud.signals import LocalSignals

if TYPE_CHECKING:
    import psycopg

CHANNEL = "mvsdk"
_RECONNECT_SECONDS = 1.0
_LOOK_SECONDS = 0.5


class PostgresqlSignals:
    """`Signals` of all servers on the database at `url`. Made on the loop its waiters run on.

    Two threads: one hears, one speaks; a connection that breaks is made again, and all waiters look once more then.
    """

    closed = False

    def __init__(self, url: str) -> None:
        self._url = url
        self._loop = asyncio.get_running_loop()
        self._local = LocalSignals()
        self._to_say: list[str] = []
        self._wanted = threading.Condition()
        self._threads = [
            threading.Thread(target=self._hear, name="signals heard", daemon=True),
            threading.Thread(target=self._speak, name="signals sent", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def send(self, topic: str) -> None:
        """See `Signals.send`. Waiters here are woken at once, those elsewhere a little later."""
        self._local.send(topic)
        with self._wanted:
            if topic not in self._to_say:
                self._to_say.append(topic)
            self._wanted.notify()

    def close(self) -> None:
        """See `Signals.close`."""
        self.closed = True
        self._local.close()
        with self._wanted:
            self._wanted.notify()

    def subscribed(self, *topics: str) -> AbstractContextManager[asyncio.Event]:
        """See `Signals.subscribed`."""
        return self._local.subscribed(*topics)

    def _speak(self) -> None:
        import psycopg

        while not self.closed:
            with suppress(psycopg.Error), psycopg.connect(self._url, autocommit=True) as connection:
                while not self.closed:
                    with self._wanted:
                        self._wanted.wait_for(lambda: self._to_say or self.closed)
                        topics, self._to_say = self._to_say, []
                    self._say(connection, topics)
            self._pause()

    def _say(self, connection: psycopg.Connection[Any], topics: list[str]) -> None:
        """Send topics; those that could not be sent are to be sent again."""
        try:
            while topics:
                connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, topics[0]))
                topics.pop(0)
        finally:
            with self._wanted:
                self._to_say = topics + self._to_say

    def _hear(self) -> None:
        import psycopg

        while not self.closed:
            with suppress(psycopg.Error), psycopg.connect(self._url, autocommit=True) as connection:
                connection.execute(f"LISTEN {CHANNEL}".encode())
                self._wake(None)
                while not self.closed:
                    for notification in connection.notifies(timeout=_LOOK_SECONDS):
                        self._wake(notification.payload)
            self._pause()

    def _wake(self, topic: str | None) -> None:
        """Wake the waiters of a topic, or all of them."""
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(*((self._local.send, topic) if topic else (self._local.send_all,)))

    def _pause(self) -> None:
        with self._wanted:
            self._wanted.wait_for(lambda: self.closed, _RECONNECT_SECONDS)
