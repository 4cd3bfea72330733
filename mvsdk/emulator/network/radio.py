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
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
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
EARLIEST_US = 1_000
"""How much later than it came an answer lands at least: never inside the call that asked for it."""
PATIENCE_US = 30_000_000
"""How long an answer is awaited at most; the kernel gives up no later."""
SLUMBER_S = 0.05
"""How long a device that nothing is due for waits for its peers before it looks around."""
LOOK_US = 1_000_000
"""How often a link without outages is asked whether it has any now."""
SINGLE = (HttpAnswer, ConfigAnswer)
"""Answers after which nothing can follow."""
_Key = tuple[int, type[Answer], int | None]
"""What an answer is told by: its channel, its kind, and which of several requests it is to."""


@dataclass(frozen=True, slots=True)
class _Awaited:
    """A request that is under way: the cycle it was sent at, and how long the link takes for it and for the way back,
    but for the bytes that come."""

    cycle: int
    travel_us: int


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
        self._awaited: defaultdict[_Key, deque[_Awaited]] = defaultdict(deque)
        self._landed: dict[int, int] = {}
        """The cycle of the last thing that came for a channel."""
        self._lost: set[int] = set()
        """Channels whose loss is on its way: what they still send is in vain."""
        self._live: set[int] = set()
        """Channels whose other side has spoken by itself, and may again."""
        self._anchor: tuple[int, float] | None = None
        """A cycle and a moment of the host that belong together, while the device is not to be ahead."""
        self._linger_until = 0.0
        self._taking = False
        self._next_look = 0
        """The cycle from which on the next outage may be planned."""
        for answer in device.kernel.channels.stranded():
            device.inputs.now(Arrival(answer))
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
        exchange = request.exchange
        if isinstance(request, Close):
            self._forget(exchange)
            self._lost.discard(exchange)
        elif exchange in self._lost:
            return
        elif request.ANSWER is not None:
            cycle = self._device.core.cycle
            self._anchor = self._anchor or (cycle, self._now())
            key = exchange, request.ANSWER, getattr(request, "correlation", None)
            self._awaited[key].append(_Awaited(cycle, self.weather.round_trip_us(wire_size(request))))
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
            self._give_up(cycle)
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

    def slumber(self) -> bool:
        """Wait a while for a device that nothing is due for; False if nobody is there who could wake it."""
        if not self._live:
            return False
        self._await(SLUMBER_S)
        return True

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
        exchange, now = answer.exchange, self._device.core.cycle
        asked = self._asked(answer)
        cycle, travel_us = (now, self.weather.one_way_us()) if asked is None else (asked.cycle, asked.travel_us)
        delay_us = after_us + travel_us + self.weather.reception_us(wire_size(answer))
        landing = max(cycle + delay_us * self._cycles_per_us, now + EARLIEST_US * self._cycles_per_us)
        if not after_us:  # what a script holds back holds back nothing else
            landing = self._landed[exchange] = max(landing, self._landed.get(exchange, 0))
        if isinstance(answer, Lost) and not after_us:
            self._forget(exchange)
            self._lost.add(exchange)
        elif not self._taking and not isinstance(answer, SINGLE):
            self._live.add(exchange)
            self._linger_until = self._now() + LINGER_S
            self._anchor = self._anchor or (now, self._now())
        self._device.inputs.at_cycle(landing, Arrival(answer))

    def _asked(self, answer: Answer) -> _Awaited | None:
        """Return the request that this answers; None for what nobody asked for."""
        key = answer.exchange, type(answer), getattr(answer, "correlation", None)
        if key not in self._awaited:
            return None
        requests = self._awaited[key]
        request = requests.popleft()
        if not requests:
            del self._awaited[key]
        return request

    def _give_up(self, cycle: int) -> None:
        """Await nothing any longer than for a time."""
        latest = cycle - PATIENCE_US * self._cycles_per_us
        for key, requests in list(self._awaited.items()):
            while requests and requests[0].cycle < latest:
                requests.popleft()
            if not requests:
                del self._awaited[key]

    def _forget(self, exchange: int) -> None:
        """Await nothing for a channel any more."""
        self._landed.pop(exchange, None)
        self._live.discard(exchange)
        for key in [key for key in self._awaited if key[0] == exchange]:
            del self._awaited[key]

    # -- the link ------------------------------------------------------------------------------------------------------

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
