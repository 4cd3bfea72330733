"""One channel to an MQTT broker: what is under way, and what waits to be read.

Whatever arrives is queued in the order it came, in the room that the receive buffer has; what does not fit yet waits
with the server until the application has read something. A message that would not fit an empty buffer is dropped and,
if the broker wants that, acknowledged; that it was lost is queued in its place. Every request is answered: if nobody
does within `ANSWER_US`, the kernel says what a server that is out of reach says.

Inferred, since nothing of it is published: all limits and times below but the one request of a kind that is serviced
at a time.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import ClassVar

from mvsdk.emulator.network.exchanges import (
    Answer,
    Close,
    MqttAcknowledge,
    MqttConnected,
    MqttDisconnected,
    MqttMessage,
    MqttPublished,
    MqttSubscribed,
    MqttTaken,
    MqttUnsubscribed,
    Request,
)
from mvsdk.emulator.personality.microvisor.answers import Refused
from mvsdk.emulator.personality.microvisor.channels import Channel, Channels

ITEM_OVERHEAD = 16
"""Bytes of the receive buffer that everything queued takes beside its texts and reason codes."""
ANSWER_US = 30_000_000
"""How long an answer is waited for."""
SOON_US = 100_000
"""How long the server takes to refuse what it need not ask a broker for."""
MOST_IN_FLIGHT: dict[type[Response], int] = {
    MqttSubscribed: 1,
    MqttUnsubscribed: 1,
    MqttPublished: 16,
    MqttDisconnected: 1,
}
"""How many requests with which outcome may be under way."""
MOST_ACKNOWLEDGEMENTS, ACKNOWLEDGEMENT_US = 64, 20_000
"""How many acknowledgements may be under way, and for how long one is."""


Response = MqttConnected | MqttSubscribed | MqttUnsubscribed | MqttPublished | MqttDisconnected


@dataclass(frozen=True, slots=True)
class LostMessage:
    """A message was larger than the receive buffer. Of its topic there is as much as the buffer takes."""

    topic: bytes
    length: int


@dataclass(frozen=True, slots=True)
class InFlight:
    """A request that is under way: its outcome if nobody answers until a cycle."""

    outcome: Response
    due: int


Item = Response | MqttMessage | LostMessage


class MqttChannel(Channel):
    """A channel to a broker, from a session not yet asked for to one that is over."""

    STATE: ClassVar[tuple[str, ...]] = (
        "asked",
        "connected",
        "_cut_off",
        "queue",
        "waiting",
        "_in_flight",
        "_acknowledged_us",
        "_deadline",
    )
    TYPE = "MQTT"

    def __init__(self, channels: Channels) -> None:
        super().__init__(channels)
        self.asked = False
        """Whether a connection has been asked for: once in a channel's life."""
        self.connected = False
        """Whether there is a session with the broker."""
        self._cut_off = False
        """Whether the broker has ended it without being asked; its loss is still to come."""
        self.queue: deque[Item] = deque()
        """What can be read, oldest first."""
        self.waiting: deque[Item] = deque()
        """What waits for room."""
        self._in_flight: list[InFlight] = []
        self._acknowledged_us: deque[int] = deque(maxlen=MOST_ACKNOWLEDGEMENTS)
        self._deadline = self.host.alarm(self._give_up)

    # -- requests ----------------------------------------------------------------------------------------------------

    def check_in_flight(self, outcome: type[Response]) -> None:
        """Refuse with RATELIMITED if no more requests with that outcome may be under way."""
        count = sum(isinstance(request.outcome, outcome) for request in self._in_flight)
        if count >= MOST_IN_FLIGHT[outcome]:
            raise Refused("RATELIMITED")

    def ask(self, request: Request, otherwise: Response) -> None:
        """Let a request leave; `otherwise` is its outcome if nobody answers."""
        self._wait(otherwise, ANSWER_US)
        self.send(request)

    def refuse(self, outcome: Response) -> None:
        """Let the server have an outcome of its own soon."""
        self._wait(outcome, SOON_US)

    def check_acknowledgement(self) -> None:
        """Refuse with RATELIMITED if no more acknowledgements may be under way; else there is one more."""
        now, sent = self.host.time_us, self._acknowledged_us
        if len(sent) == MOST_ACKNOWLEDGEMENTS and now - sent[0] < ACKNOWLEDGEMENT_US:
            raise Refused("RATELIMITED")
        sent.append(now)

    def spoil(self) -> None:
        """Be of no use any more but to be read from and closed: part of a request has left."""
        if self.closure == "NONE":
            self.send(Close(self.exchange))
            self.closure = "CONNECTIONTERMINATED"
            self.ended()

    # -- what comes --------------------------------------------------------------------------------------------------

    def arrived(self, answer: Answer) -> None:
        """Queue an answer that is waited for, a message, or that the broker has ended the session."""
        if isinstance(answer, MqttMessage):
            if self.connected:
                self._take_message(answer)
        elif isinstance(answer, MqttDisconnected):
            asked = self._settle(answer)
            if asked or self.connected:
                self._cut_off = not asked
                self._queue(answer)
                self._end_session()
        elif isinstance(answer, Response) and self._settle(answer):
            if isinstance(answer, MqttConnected):
                self.connected = answer.state == "REQUESTCOMPLETED" and not answer.reason
            self._queue(answer)

    def lose(self, closure: str) -> None:
        """Let the broker be gone. Before it was there that is the connection's outcome, and none of the channel's; once
        a session is over in good order it is nothing at all. Without a network the channel is gone in any case."""
        connecting = next((request for request in self._in_flight if isinstance(request.outcome, MqttConnected)), None)
        if connecting is not None:
            self._in_flight.remove(connecting)
            self._await_next()
            self._queue(connecting.outcome)
        if self.connected or self._cut_off or closure == "NETWORKDISCONNECTED":
            super().lose(closure)

    def ended(self) -> None:
        """Wait for nothing any more."""
        self.connected = False
        self._in_flight.clear()
        self._deadline.set(None)

    def _end_session(self) -> None:
        """Tell whoever still waits for an answer that there will be none."""
        self.connected = False
        for request in self._in_flight:
            self._queue(request.outcome)
        self._in_flight.clear()
        self._await_next()

    def _settle(self, answer: Answer) -> bool:
        """Forget the request that an answer is to; False if there is none."""
        for request in self._in_flight:
            same = getattr(request.outcome, "correlation", None) == getattr(answer, "correlation", None)
            if type(request.outcome) is type(answer) and same:
                self._in_flight.remove(request)
                self._await_next()
                return True
        return False

    def _wait(self, outcome: Response, delay_us: int) -> None:
        self._in_flight.append(InFlight(outcome, self.host.cycle_after(delay_us)))
        self._await_next()

    def _await_next(self) -> None:
        self._deadline.set(min((request.due for request in self._in_flight), default=None))

    def _give_up(self, cycle: int) -> None:
        """Queue the outcomes of requests that nobody has answered. A connection that comes later comes in vain."""
        for request in [request for request in self._in_flight if request.due <= cycle]:
            self._in_flight.remove(request)
            if isinstance(request.outcome, MqttConnected | MqttDisconnected):
                self.connected = False
                self.send(Close(self.exchange))
            self._queue(request.outcome)
        self._await_next()

    # -- the receive buffer ------------------------------------------------------------------------------------------

    def first(self) -> Item:
        """Return what can be read first. Refuses with CHANNELCLOSED if there is nothing and nothing will come, else
        with RESPONSENOTPRESENT."""
        if self.queue:
            return self.queue[0]
        self.check_connected()
        raise Refused("RESPONSENOTPRESENT")

    def take(self) -> None:
        """Forget what could be read first: what waits for room may have it now. If there is more the application is
        told again, since it may take one thing for each time it is told."""
        taken = self.queue.popleft()
        if isinstance(taken, MqttMessage | LostMessage) and self.connected:
            self.send(MqttTaken(self.exchange))
        while self.waiting and self._fits(self.waiting[0]):
            self.queue.append(self.waiting.popleft())
        if self.queue:
            self.notify("CHANNELDATAREADABLE")

    def _take_message(self, message: MqttMessage) -> None:
        if _size(message) <= self.receive_size:
            self._queue(message)
        else:
            room = self.receive_size - ITEM_OVERHEAD
            self._queue(LostMessage(message.topic[:room], len(message.payload)))
            if message.qos:
                # The application is told no number to acknowledge it by, and it would not fit the next time either.
                self.send(MqttAcknowledge(self.exchange, message.number))

    def _queue(self, item: Item) -> None:
        if self.waiting or not self._fits(item):
            self.waiting.append(item)
        else:
            self.queue.append(item)
            self.notify("CHANNELDATAREADABLE")

    def _fits(self, item: Item) -> bool:
        """An empty buffer takes anything: a response never has more reason codes than a request topics."""
        return not self.queue or sum(map(_size, self.queue)) + _size(item) <= self.receive_size


def _size(item: Item) -> int:
    """Return how many bytes of the receive buffer something takes."""
    match item:
        case MqttMessage():
            return ITEM_OVERHEAD + len(item.topic) + len(item.payload)
        case LostMessage():
            return ITEM_OVERHEAD + len(item.topic)
        case MqttSubscribed() | MqttUnsubscribed():
            return ITEM_OVERHEAD + 4 * len(item.reasons)
    return ITEM_OVERHEAD
