"""Channels that carry one request and its one answer: HTTP and config fetch.

The answer, or that there will be none, is told by exactly one CHANNELDATAREADABLE: sample applications lose count of
their records with any more (inferred), so there is never a word about space for writing, and CHANNELNOTCONNECTED only
when the other side is really gone.
"""

from __future__ import annotations

from typing import ClassVar

from mvsdk.emulator.network.exchanges import Answer, Close, Request
from mvsdk.emulator.personality.microvisor.answers import Refused
from mvsdk.emulator.personality.microvisor.channels import Channel, Channels


class SingleExchange(Channel):
    """Such a channel: `tried` once the application has made a request, good or bad, and `answer` once there is one.

    Who gets no answer in time gives itself one, so that a device without a network is as well-defined as any.
    """

    STATE: ClassVar[tuple[str, ...]] = ("tried", "answer", "_request", "_patience")

    def __init__(self, channels: Channels) -> None:
        super().__init__(channels)
        self.tried = False
        self.answer: Answer | None = None
        self._request: Request | None = None
        """What is under way."""
        self._patience = self.host.alarm(lambda _: self._give_up())

    def failure(self, request: Request) -> Answer:
        """Return what the application is told when nobody answers."""
        raise NotImplementedError

    def fitted(self, request: Request, answer: Answer) -> Answer | None:
        """Return an answer as it fits into the receive buffer, None for one that does not belong to the request.

        Peers keep to the room they are told of; a recording of something else may not.
        """
        raise NotImplementedError

    def stranded(self) -> Answer | None:
        """A request that is under way fails; an answer that has come, and a channel that was not used, stay."""
        return None if self._request is None else self.failure(self._request)

    def try_now(self) -> bool:
        """Note that the application makes a request; return whether it is the first."""
        first, self.tried = not self.tried, True
        return first

    def check_first(self, *, first: bool) -> None:
        """Refuse a request if the other side is gone, or if it is not the first."""
        self.check_connected()
        if not first:
            raise Refused("REQUESTALREADYSENT")

    def ask(self, request: Request, patience_us: int) -> None:
        """Let the request leave; its answer is awaited for so long."""
        self._request = request
        self._patience.set(self.host.cycle_after(patience_us))
        self.send(request)

    def arrived(self, answer: Answer) -> None:
        """Take the answer. What nobody asked for is in vain, and so is a second one."""
        if self._request is None:
            return
        fitted = self.fitted(self._request, answer)
        if fitted is not None:
            self._take(fitted)

    def ended(self) -> None:
        """Await nothing any more."""
        self._request = None
        self._patience.set(None)

    def _give_up(self) -> None:
        if self._request is not None:
            self.send(Close(self.exchange))
            self._take(self.failure(self._request))

    def _take(self, answer: Answer) -> None:
        self.ended()
        self.answer = answer
        self.notify("CHANNELDATAREADABLE")
