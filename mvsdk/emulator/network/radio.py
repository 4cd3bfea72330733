"""The radio: joins a device and its peers, and keeps their times together.

What the application sends goes to the peers at once. What they answer becomes an `Arrival`, at the virtual instant at
which the link (`weather.py`) delivers it: as long after the request as the link takes, or as the peer took, whichever
is longer. While an answer is awaited the device's time does not run ahead of the host's, so that a slow server is slow
on the device, too, and no longer than that: a device that awaits nothing runs as fast as it can, and one whose peers
answer at once never waits.

Once a connection has been used, what else comes over it is given a moment to arrive (`LINGER_S`) before the device's
time runs free again.
"""

from __future__ import annotations

import queue
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from types import TracebackType

from mvsdk.emulator.device import Device
from mvsdk.emulator.inputs import Arrival, Link
from mvsdk.emulator.network.exchanges import (
    Answer,
    Close,
    ConfigAnswer,
    HttpAnswer,
    Later,
    Lost,
    Request,
    wire_size,
)
from mvsdk.emulator.network.peers import Peers
from mvsdk.emulator.network.weather import Weather

LINGER_S = 0.02
GRAIN_US = 1_000
"""How far the device goes at least before it looks at the host's clock again."""
LOOK_US = 1_000_000
"""How often a link without outages is asked whether it has any now."""
SINGLE = (HttpAnswer, ConfigAnswer)
"""Answers after which nothing can follow."""


class Radio:
    """One device's way to its peers. To be closed; that closes the peers.

    `now` is the host's time in seconds.
    """

    def __init__(
        self,
        device: Device,
        peers: Peers,
        weather: Weather | None = None,
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.weather = weather or Weather()
        """What the link does; may be changed at any time."""
        self._device = device
        self._peers = peers
        self._now = now
        self._cycles_per_us = device.cycle_at(1)
        self._come: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        self._awaited: defaultdict[int, Counter[type[Answer]]] = defaultdict(Counter)
        self._sent: dict[tuple[int, type[Answer]], deque[tuple[int, int]]] = {}
        self._landed: dict[int, int] = {}
        self._anchor: tuple[int, float] | None = None
        self._linger_until = 0.0
        self._taking = False
        self._next_look = 0
        """The cycle from which on the next outage may be planned."""
        self._lose_strangers()
        device.world = self

    def __enter__(self) -> Radio:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the device, and end every connection."""
        self._device.world = None
        self._peers.close()

    # -- what the device does ----------------------------------------------------------------------------------------

    def take(self, request: Request) -> None:
        """Pass on what the application sends."""
        cycle = self._device.core.cycle
        if isinstance(request, Close):
            self._forget(request.exchange)
        elif request.ANSWER is not None:
            if self._anchor is None:
                self._anchor = cycle, self._now()
            self._awaited[request.exchange][request.ANSWER] += 1
            key = request.exchange, request.ANSWER
            self._sent.setdefault(key, deque()).append((cycle, wire_size(request)))
        fate = self.weather.fate(request)
        self._taking = True
        try:
            if fate is None:
                self._peers.send(request, self._come.put)
            else:
                self._come.put(fate)
            self._collect()
        finally:
            self._taking = False

    def let_pass(self, cycle: int) -> int | None:
        """Make inputs of what has come, and say how far the device may go; `Device` calls this before it goes on."""
        if self._anchor is None and cycle < self._next_look and self._come.empty():
            return None
        self._collect()
        self._plan_outage(cycle)
        while self._anchor is not None:
            if not self._awaited and self._now() >= self._linger_until:
                self._anchor = None
                break
            start, started = self._anchor
            horizon = start + int((self._now() - started) * 1e6) * self._cycles_per_us
            missing_us = GRAIN_US - (horizon - cycle) // self._cycles_per_us
            if missing_us <= 0:
                return horizon
            if self._device.stopping:
                return cycle + 1
            self._await(missing_us / 1e6)
        return None

    # -- what comes ----------------------------------------------------------------------------------------------------

    def _await(self, seconds: float) -> None:
        try:
            self._arrive(self._come.get(timeout=seconds))
        except queue.Empty:
            return

    def _collect(self) -> None:
        while not self._come.empty():
            self._arrive(self._come.get())

    def _arrive(self, answer: Answer) -> None:
        """Let an answer land when the link delivers it, after whatever came before it on its channel."""
        answer, after_us = (answer.answer, answer.after_us) if isinstance(answer, Later) else (answer, 0)
        exchange = answer.exchange
        cycle, sent = self._asked(answer)
        delay = after_us * self._cycles_per_us + self.weather.delay_us(sent, wire_size(answer)) * self._cycles_per_us
        landing = max(cycle + delay, self._device.core.cycle + 1, self._landed.get(exchange, 0))
        self._landed[exchange] = landing
        if isinstance(answer, Lost):
            self._forget(exchange)
            if not after_us:
                # A connection that the link has reset is still there at its other end, and the application's closing of
                # a channel that is lost is told to nobody.
                self._peers.send(Close(exchange), self._come.put)
        elif not self._taking and not isinstance(answer, SINGLE):
            self._linger_until = self._now() + LINGER_S
            self._anchor = self._anchor or (self._device.core.cycle, self._now())
        self._device.inputs.at_cycle(landing, Arrival(answer))

    def _asked(self, answer: Answer) -> tuple[int, int]:
        """Return when what this answers was sent, and how many bytes that were. Who was not asked speaks now."""
        kind = type(answer)
        sent = self._sent.get((answer.exchange, kind))
        if not sent:
            return self._device.core.cycle, 0
        awaited = self._awaited[answer.exchange]
        awaited[kind] -= 1
        if awaited[kind] <= 0:
            del awaited[kind]
        if not awaited:
            del self._awaited[answer.exchange]
        earliest = sent.popleft()
        if not sent:
            del self._sent[answer.exchange, kind]
        return earliest

    def _forget(self, exchange: int) -> None:
        """Await nothing for a channel any more."""
        self._awaited.pop(exchange, None)
        self._landed.pop(exchange, None)
        for key in [key for key in self._sent if key[0] == exchange]:
            del self._sent[key]

    # -- the link ------------------------------------------------------------------------------------------------------

    def _lose_strangers(self) -> None:
        """Channels that were open when the device was saved have nobody at their other end."""
        for exchange in sorted(self._device.kernel.channels.connected):
            self._device.inputs.now(Arrival(Lost(exchange, "CONNECTIONTERMINATED")))

    def _plan_outage(self, cycle: int) -> None:
        """Once an outage is over, let the next one wait for its time; a link without any may get another profile."""
        if cycle < self._next_look:
            return
        outage = self.weather.next_outage_us()
        if outage is None:
            self._next_look = cycle + LOOK_US * self._cycles_per_us
            return
        free, length = outage
        begins = cycle + free * self._cycles_per_us
        self._next_look = begins + length * self._cycles_per_us
        self._device.inputs.at_cycle(begins, Link("down"))
        self._device.inputs.at_cycle(self._next_look, Link("up"))
