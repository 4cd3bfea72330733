"""Somebody else at a broker: hears everything, and says something now and then. Not our own client, but paho alone."""

from __future__ import annotations

import queue
import ssl
from dataclasses import dataclass
from types import TracebackType

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from tests.emulator.network.mosquitto_server import PASSWORD, PATIENCE_S, USER, Mosquitto


@dataclass(frozen=True)
class Heard:
    """A message."""

    topic: str
    payload: str
    retained: bool


class Observer:
    """A client that has subscribed to everything. It connects again when the broker is back."""

    def __init__(self, broker: Mosquitto) -> None:
        self.heard: queue.SimpleQueue[Heard] = queue.SimpleQueue()
        self._broker = broker
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.username_pw_set(USER.decode(), PASSWORD.decode())
        self._client.tls_set_context(ssl.create_default_context(cafile=broker.folder / "authority.pem"))
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self._ready: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._client.on_subscribe = lambda *_: self._ready.put(None)
        self._client.on_message = self._hear

    def __enter__(self) -> Observer:
        self._client.connect("127.0.0.1", self._broker.port)
        self._client.loop_start()
        self._ready.get(timeout=PATIENCE_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def say(self, topic: str, payload: str, *, retain: bool = False) -> None:
        """Publish a message, and wait until the broker has it."""
        self._client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(PATIENCE_S)

    def await_message(self, topic: str, payload: str | None = None) -> Heard:
        """Return the next message on a topic, with that payload if one is given. Others are passed over."""
        while True:
            heard = self.heard.get(timeout=PATIENCE_S)
            if heard.topic == topic and payload in {None, heard.payload}:
                return heard

    def hear_until(self, topic: str, payload: str) -> list[Heard]:
        """Return everything up to a certain message, and that."""
        heard = [self.heard.get(timeout=PATIENCE_S)]
        while (heard[-1].topic, heard[-1].payload) != (topic, payload):
            heard.append(self.heard.get(timeout=PATIENCE_S))
        return heard

    def _hear(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        self.heard.put(Heard(message.topic, message.payload.decode(), message.retain))
