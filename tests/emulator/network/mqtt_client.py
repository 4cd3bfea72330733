"""A channel's view of brokers: sends requests to peers and waits for what comes."""

from __future__ import annotations

import itertools
import queue
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from mvsdk.emulator.network.exchanges import (
    Answer,
    Close,
    MqttAcknowledge,
    MqttConnect,
    MqttConnected,
    MqttDisconnect,
    MqttDisconnected,
    MqttMessage,
    MqttPublish,
    MqttPublished,
    MqttSubscribe,
    MqttSubscribed,
    MqttSubscription,
    MqttTaken,
    MqttUnsubscribe,
    MqttUnsubscribed,
    MqttWill,
    Request,
)
from mvsdk.emulator.network.mqtt_peer import MqttPeers
from tests.emulator.network.mosquitto_server import PASSWORD, PATIENCE_S, USER

_A = TypeVar("_A", bound=Answer)
_exchanges: Iterator[int] = itertools.count(1)


def connect_request(  # noqa: D103
    port: int,
    *,
    protocol: int = 5,
    host: bytes = b"127.0.0.1",
    client_id: bytes = b"device-1",
    username: bytes | None = USER,
    password: bytes | None = PASSWORD,
    authorities: tuple[bytes, ...] = (),
    certificates: tuple[bytes, ...] = (),
    key: bytes = b"",
    keepalive: int = 60,
    clean_start: bool = True,
    will: MqttWill | None = None,
    exchange: int = 1,
) -> MqttConnect:
    return MqttConnect(
        exchange,
        5 if protocol == 5 else 4,
        host,
        port,
        client_id,
        username,
        password,
        authorities,
        certificates,
        key,
        keepalive,
        clean_start,
        will,
    )


@dataclass
class MqttClient:
    """One channel."""

    peers: MqttPeers
    exchange: int = field(default_factory=lambda: next(_exchanges))
    answers: queue.SimpleQueue[Answer] = field(default_factory=queue.SimpleQueue)

    def send(self, request: Request) -> None:
        """Send anything."""
        self.peers.send(request, self.answers.put)

    def expect(self, kind: type[_A]) -> _A:
        """Return the next answer, which must be of a kind."""
        answer = self.answers.get(timeout=PATIENCE_S)
        assert isinstance(answer, kind), answer
        return answer

    def connect(self, port: int, **options: object) -> MqttConnected:
        """Connect, and return the outcome."""
        self.send(connect_request(port, exchange=self.exchange, **options))  # type: ignore[arg-type]
        return self.expect(MqttConnected)

    def subscribe(self, *wanted: MqttSubscription | bytes) -> MqttSubscribed:
        """Subscribe, with quality of service 2 and no options unless asked for."""
        subscriptions = tuple(
            MqttSubscription(one, 2, False, False, 0) if isinstance(one, bytes) else one for one in wanted
        )
        self.send(MqttSubscribe(self.exchange, 7, subscriptions))
        return self.expect(MqttSubscribed)

    def unsubscribe(self, *topics: bytes) -> MqttUnsubscribed:
        """Unsubscribe."""
        self.send(MqttUnsubscribe(self.exchange, 8, topics))
        return self.expect(MqttUnsubscribed)

    def publish(self, topic: bytes, payload: bytes, qos: int = 0, retain: bool = False) -> MqttPublished:
        """Publish."""
        self.send(MqttPublish(self.exchange, 9, topic, payload, qos, retain))
        return self.expect(MqttPublished)

    def receive(self, *, acknowledge: bool = True) -> MqttMessage:
        """Return the next message."""
        message = self.expect(MqttMessage)
        self.send(MqttTaken(self.exchange))
        if acknowledge:
            self.send(MqttAcknowledge(self.exchange, message.number))
        return message

    def disconnect(self) -> MqttDisconnected:
        """Part in good order."""
        self.send(MqttDisconnect(self.exchange))
        return self.expect(MqttDisconnected)

    def drop(self) -> None:
        """Be gone."""
        self.send(Close(self.exchange))
