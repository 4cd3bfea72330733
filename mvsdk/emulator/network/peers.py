"""Who answers: the seam between the emulator and whatever it speaks to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from mvsdk.emulator.network.exchanges import (
    Answer,
    Close,
    ConfigAnswer,
    ConfigRequest,
    HttpAnswer,
    HttpRequest,
    Lost,
    MqttConnect,
    MqttConnected,
    Request,
    StreamOpen,
)

Reply = Callable[[Answer], None]
"""Where answers go. It may be called from any thread, at once or later, any number of times."""


class Peers(Protocol):
    """The servers that a device can reach, real or not."""

    def send(self, request: Request, reply: Reply) -> None:
        """Take a request, without waiting for anything. Whatever comes of it, now or later, goes to `reply`; every
        request that has an `ANSWER` is answered some time, or its exchange told `Lost`, unless it is closed before."""

    def close(self) -> None:
        """End every connection and every thread."""


class PeersByKind:
    """Peers made of others: one each for what channels can carry. What nobody is there for fails as if there were no
    such host."""

    def __init__(
        self,
        *,
        http: Peers | None = None,
        mqtt: Peers | None = None,
        config: Peers | None = None,
        streams: Peers | None = None,
    ) -> None:
        self._by_opening: dict[type[Request], Peers | None] = {
            HttpRequest: http,
            MqttConnect: mqtt,
            ConfigRequest: config,
            StreamOpen: streams,
        }
        self._by_exchange: dict[int, Peers] = {}

    def send(self, request: Request, reply: Reply) -> None:
        """Pass it on to whom the channel is connected."""
        peer = self._by_opening.get(type(request))
        if peer is not None:
            self._by_exchange[request.exchange] = peer
        peer = self._by_exchange.get(request.exchange)
        if isinstance(request, Close):
            self._by_exchange.pop(request.exchange, None)
        if peer is not None:
            peer.send(request, reply)
        elif not isinstance(request, Close):
            refuse(request, reply)

    def close(self) -> None:
        """End all of them."""
        for peer in set(self._by_opening.values()):
            if peer is not None:
                peer.close()


class NoPeers:
    """Nobody: every request fails as if there were no such host."""

    def send(self, request: Request, reply: Reply) -> None:
        """Let it fail."""
        if not isinstance(request, Close):
            refuse(request, reply)

    def close(self) -> None:
        """There is nothing to end."""


def refuse(request: Request, reply: Reply) -> None:
    """Answer as if there were no such host; what a channel says that has none is in vain."""
    match request:
        case HttpRequest(exchange=exchange):
            reply(HttpAnswer(exchange, "REQUESTFAILED"))
        case MqttConnect(exchange=exchange):
            reply(MqttConnected(exchange, "NXDOMAIN"))
        case ConfigRequest(exchange=exchange, items=items):
            reply(ConfigAnswer(exchange, "OK", (("SERVERERROR", b""),) * len(items)))
        case _:
            reply(Lost(request.exchange, "CONNECTIONTERMINATED"))
