"""One connection to a broker, on a thread of its own, through paho.

The thread alone speaks to the library. It connects, carries out requests and tells what comes, until the broker, the
application or a limit ends it; it never connects anew by itself. What the library cannot keep from one connection to
the next is in `Unfinished`: messages of quality of service 2 that the application has been given and not acknowledged,
which the broker considers delivered.
"""

from __future__ import annotations

import selectors
import socket
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mvsdk.emulator.network import mqtt_topics as topics
from mvsdk.emulator.network.exchanges import (
    Answer,
    Lost,
    MqttAcknowledge,
    MqttConnect,
    MqttConnected,
    MqttDisconnect,
    MqttDisconnected,
    MqttMessage,
    MqttPublish,
    MqttPublished,
    MqttState,
    MqttSubscribe,
    MqttSubscribed,
    MqttTaken,
    MqttUnsubscribe,
    MqttUnsubscribed,
    Request,
)
from mvsdk.emulator.network.line import Line
from mvsdk.emulator.network.mqtt_library import CONNECT_S, is_acceptable, make_client, send_connect
from mvsdk.emulator.network.mqtt_tls import LARGEST_PACKET, UnusableCredentialsError, shut, state_of
from mvsdk.emulator.network.peers import Reply

if TYPE_CHECKING:
    from paho.mqtt.client import Client

MOST_UNTAKEN, MOST_UNTAKEN_BYTES = 256, 4 * LARGEST_PACKET
"""How far the application may be behind until the circuit breaker cuts the connection (inferred)."""
MOST_PACKET_IDENTIFIERS = 65_535
READS = 64
"""Packets that are read before requests have their turn."""
_REFUSALS = {132: 1, 133: 2, 136: 3, 134: 4, 135: 5}
"""The library tells the return codes of version 3.1.1 as version 5's reason codes."""

Key = tuple[bytes, int, bytes, int]


class Unfinished:
    """What is left of sessions that are to be taken up again, for the last few."""

    MOST_SESSIONS = 16

    def __init__(self) -> None:
        self._sessions: OrderedDict[Key, dict[int, MqttMessage]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: Key) -> dict[int, MqttMessage]:
        """Return what is left of a session, by packet identifier, and forget it."""
        with self._lock:
            return self._sessions.pop(key, {})

    def keep(self, key: Key, messages: dict[int, MqttMessage]) -> None:
        """Remember what is left of a session."""
        with self._lock:
            self._sessions[key] = messages
            if len(self._sessions) > self.MOST_SESSIONS:
                self._sessions.popitem(last=False)


class MqttConnection:
    """One connection, from `start` until its thread ends. `trusted` is a file of further authorities."""

    def __init__(self, request: MqttConnect, reply: Reply, trusted: Path | None, unfinished: Unfinished) -> None:
        self._request = request
        self._exchange = request.exchange
        self._reply = reply
        self._trusted = trusted
        self._unfinished = unfinished
        self._key: Key = (request.host, request.port, request.client_id, request.protocol)
        self._lock = threading.Lock()
        self._requests: deque[Request] = deque()
        self._over = False
        self._dropped = False
        self._line = Line()
        self._reached = False
        """Whether the CONNECT packet has left. Until then the line is cut to end the connection."""
        self._wake, self._woken = socket.socketpair()
        self._roused = False
        self._connected = False
        self._leaving = False
        self._answered = False
        """Whether the connection's outcome has been told."""
        self._last_words: list[Answer] = []
        """What is told at the end: why the broker is gone."""
        self._numbers = 0
        self._unacknowledged: dict[int, tuple[int, int]] = {}
        self._half_done: dict[int, MqttMessage] = {}
        """Messages of quality of service 2 that were given to the application, by packet identifier."""
        self._untaken: deque[int] = deque()
        self._untaken_bytes = 0
        self._subscribing: dict[int, MqttSubscribe] = {}
        self._unsubscribing: dict[int, MqttUnsubscribe] = {}
        self._publishing: dict[int, MqttPublish] = {}
        self._published_at_once: dict[int, int] = {}
        self._thread = threading.Thread(target=self._run, name=f"mqtt {self._exchange}", daemon=True)

    # -- from any thread ---------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to connect."""
        self._thread.start()

    def give(self, request: Request) -> bool:
        """Have a request carried out; False if the connection is over."""
        with self._lock:
            if isinstance(request, MqttTaken):
                if self._untaken:
                    self._untaken_bytes -= self._untaken.popleft()
            elif not self._over:
                self._requests.append(request)
                self._rouse()
            return not self._over

    def drop(self) -> None:
        """End the connection without parting from the broker, as if the device were gone: its will is published."""
        with self._lock:
            self._dropped = True
            if not self._reached:
                self._line.cut()
            if not self._over:
                self._rouse()

    def join(self, seconds: float) -> None:
        """Wait for the thread's end, so long at most."""
        self._thread.join(seconds)

    @property
    def alive(self) -> bool:
        """Whether the thread has not ended yet."""
        return self._thread.is_alive()

    def _rouse(self) -> None:
        """Have the thread look up, once however often it is called before it does."""
        if not self._roused:
            self._roused = True
            self._wake.send(b"\0")

    # -- the thread --------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            client = self._connect()
            if client is not None:
                self._serve(client)
        finally:
            self._end()

    def _connect(self) -> Client | None:
        """Connect as far as a CONNECT packet that has been sent; None, and the outcome told, if that fails."""
        if not is_acceptable(self._request):
            self._fail("INVALIDPARAMETERS")
            return None
        try:
            client = make_client(self._request, self._trusted, self._line)
            client.on_connect = self._on_connect
            client.on_message = self._on_message
            client.on_subscribe = self._on_subscribe
            client.on_unsubscribe = self._on_unsubscribe
            client.on_publish = self._on_publish
            client.on_disconnect = self._on_disconnect
            send_connect(client, self._request)
        except UnusableCredentialsError:
            self._fail("INVALIDPARAMETERS")
            return None
        except (OSError, ValueError) as error:
            self._fail(state_of(error))
            return None
        with self._lock:
            self._reached = True
        return client

    def _serve(self, client: Client) -> None:
        deadline = time.monotonic() + CONNECT_S
        watched = 0
        with selectors.DefaultSelector() as selector:
            selector.register(self._woken, selectors.EVENT_READ)
            while self._goes_on(client) and (self._connected or time.monotonic() < deadline):
                connection: Any = client.socket()
                wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if client.want_write() else 0)
                if not watched:
                    selector.register(connection, wanted)
                elif wanted != watched:
                    selector.modify(connection, wanted)
                watched = wanted
                ready = [key.fileobj for key, _ in selector.select(0 if connection.pending() else 1)]
                if self._woken in ready:
                    self._woken.recv(1)
                    with self._lock:
                        self._roused = False
                self._carry_out_all(client)
                if connection in ready or connection.pending():
                    self._read(client, connection)
                if client.want_write():
                    client.loop_write()
                client.loop_misc()
        # What was asked before the channel was closed is still done: an acknowledgement, or parting in good order.
        self._carry_out_all(client)
        if client.socket() is not None:
            shut(client.socket())
            client.loop_read()

    def _goes_on(self, client: Client) -> bool:
        return client.socket() is not None and not self._dropped and not self._last_words

    def _read(self, client: Client, connection: Any) -> None:  # noqa: ANN401 - the library's sockets are of several types
        from paho.mqtt.enums import MQTTErrorCode

        for _ in range(READS):
            if not self._goes_on(client):
                return
            result = client.loop_read()
            if result == MQTTErrorCode.MQTT_ERR_PROTOCOL:
                self._cut()
            if result != MQTTErrorCode.MQTT_ERR_SUCCESS or not connection.pending():
                return

    def _end(self) -> None:
        """Tell how it ended, and leave nothing behind."""
        with self._lock:
            self._over = True
            requests, self._requests = list(self._requests), deque()
            self._wake.close()
            self._woken.close()
        self._line.cut()
        self._line.close()
        if not self._request.clean_start and self._half_done:
            self._unfinished.keep(self._key, self._half_done)
        if self._leaving:
            # What the broker has not answered before is not answered any more.
            under_way = (*self._subscribing.values(), *self._unsubscribing.values(), *self._publishing.values())
            requests = [*under_way, *requests]
        for request in requests:
            tell_not_connected(request, self._reply)
        if not self._answered:
            self._fail("SOCKETERROR")
        elif self._leaving:
            self._reply(MqttDisconnected(self._exchange, "REQUESTCOMPLETED"))
        elif self._connected:
            for answer in self._last_words or [Lost(self._exchange, "CHANNELRESETBYSERVER")]:
                self._reply(answer)

    def _fail(self, state: MqttState) -> None:
        self._answered = True
        self._reply(MqttConnected(self._exchange, state))

    def _cut(self, state: MqttState | None = None) -> None:
        """Have nothing more to do with a broker that keeps to no rules, or sends too much."""
        if not self._last_words:
            told = [] if state is None else [MqttDisconnected(self._exchange, state)]
            self._last_words = [*told, Lost(self._exchange, "CONNECTIONTERMINATED")]

    # -- requests ----------------------------------------------------------------------------------------------------

    def _carry_out_all(self, client: Client) -> None:
        while True:
            with self._lock:
                if not self._requests or client.socket() is None:
                    return
                request = self._requests.popleft()
            self._carry_out(client, request)

    def _carry_out(self, client: Client, request: Request) -> None:
        match request:
            case MqttAcknowledge() if request.number in self._unacknowledged:
                packet, qos = self._unacknowledged.pop(request.number)
                self._half_done.pop(packet, None)
                client.ack(packet, qos)
            case _ if not self._connected:
                tell_not_connected(request, self._reply)
            case MqttSubscribe():
                self._subscribe(client, request)
            case MqttUnsubscribe():
                self._unsubscribe(client, request)
            case MqttPublish():
                self._publish(client, request)
            case MqttDisconnect():
                self._leaving = True
                client.disconnect()

    def _subscribe(self, client: Client, request: MqttSubscribe) -> None:
        from paho.mqtt.subscribeoptions import SubscribeOptions

        wanted = request.subscriptions
        if not wanted or not all(
            topics.is_filter(one.topic) and one.qos <= 2 and one.retain_handling <= 2 for one in wanted
        ):
            self._reply(MqttSubscribed(self._exchange, request.correlation, "INVALIDPARAMETERS"))
            return
        if self._request.protocol == 5:
            _, packet = client.subscribe(
                [
                    (
                        one.topic.decode(),
                        SubscribeOptions(one.qos, one.no_local, one.retain_as_published, one.retain_handling),
                    )
                    for one in wanted
                ]
            )
        else:
            _, packet = client.subscribe([(one.topic.decode(), one.qos) for one in wanted])
        if packet is not None:
            self._subscribing[packet] = request

    def _unsubscribe(self, client: Client, request: MqttUnsubscribe) -> None:
        if not request.topics or not all(map(topics.is_filter, request.topics)):
            self._reply(MqttUnsubscribed(self._exchange, request.correlation, "INVALIDPARAMETERS"))
            return
        _, packet = client.unsubscribe([topic.decode() for topic in request.topics])
        if packet is not None:
            self._unsubscribing[packet] = request

    def _publish(self, client: Client, request: MqttPublish) -> None:
        if not topics.is_name(request.topic) or request.qos > 2:
            self._reply(MqttPublished(self._exchange, request.correlation, "INVALIDPARAMETERS"))
            return
        packet = client.publish(request.topic.decode(), request.payload, request.qos, request.retain).mid
        if packet in self._published_at_once:
            reason = self._published_at_once.pop(packet)
            self._reply(MqttPublished(self._exchange, request.correlation, "REQUESTCOMPLETED", reason))
        else:
            self._publishing[packet] = request

    # -- what the library tells --------------------------------------------------------------------------------------

    def _on_connect(self, _client: object, _data: object, flags: Any, reason: Any, _properties: object) -> None:  # noqa: ANN401
        left = self._unfinished.take(self._key)
        if self._answered:
            self._cut()
            return
        self._answered = True
        self._connected = not reason.is_failure
        code = reason.value if self._request.protocol == 5 else _REFUSALS.get(reason.value, reason.value)
        self._reply(MqttConnected(self._exchange, "REQUESTCOMPLETED", code))
        if self._connected and flags.session_present and not self._request.clean_start:
            for packet, message in left.items():
                self._tell_message(replace(message, exchange=self._exchange, number=self._next_number()), packet)

    def _on_message(self, _client: object, _data: object, message: Any) -> None:  # noqa: ANN401
        try:
            topic = message.topic.encode()
        except UnicodeDecodeError:
            topic = b""
        if not self._connected or not topics.is_name(topic):
            self._cut()
        elif message.qos < 2 or message.mid not in self._half_done:
            number = self._next_number()
            payload, retain = bytes(message.payload), bool(message.retain)
            self._tell_message(MqttMessage(self._exchange, number, topic, payload, message.qos, retain), message.mid)

    def _tell_message(self, message: MqttMessage, packet: int) -> None:
        if message.qos == 2:
            self._half_done[packet] = message
        if message.qos:
            self._unacknowledged[message.number] = packet, message.qos
        size = len(message.topic) + len(message.payload)
        with self._lock:
            self._untaken.append(size)
            self._untaken_bytes += size
            behind = len(self._untaken) > MOST_UNTAKEN or self._untaken_bytes > MOST_UNTAKEN_BYTES
        if behind or len(self._unacknowledged) > MOST_PACKET_IDENTIFIERS:
            self._cut("CONNECTIONCIRCUITBREAKER")
        else:
            self._reply(message)

    def _next_number(self) -> int:
        self._numbers = (self._numbers + 1) & 0xFFFF_FFFF
        return self._numbers

    def _on_subscribe(self, _client: object, _data: object, packet: int, reasons: Any, _properties: object) -> None:  # noqa: ANN401
        request = self._subscribing.pop(packet, None)
        if request is None or len(reasons) != len(request.subscriptions):
            self._cut()
            return
        codes = tuple(reason.value for reason in reasons)
        self._reply(MqttSubscribed(self._exchange, request.correlation, "REQUESTCOMPLETED", codes))

    def _on_unsubscribe(self, _client: object, _data: object, packet: int, reasons: Any, _properties: object) -> None:  # noqa: ANN401
        request = self._unsubscribing.pop(packet, None)
        codes = tuple(reason.value for reason in reasons)
        if request is not None and self._request.protocol != 5:
            codes = (0,) * len(request.topics)
        if request is None or len(codes) != len(request.topics):
            self._cut()
            return
        self._reply(MqttUnsubscribed(self._exchange, request.correlation, "REQUESTCOMPLETED", codes))

    def _on_publish(self, _client: object, _data: object, packet: int, reason: Any, _properties: object) -> None:  # noqa: ANN401
        request = self._publishing.pop(packet, None)
        if request is None:
            # It was sent before the library has said which it is.
            self._published_at_once[packet] = reason.value
        else:
            self._reply(MqttPublished(self._exchange, request.correlation, "REQUESTCOMPLETED", reason.value))

    def _on_disconnect(self, _client: object, _data: object, flags: Any, reason: Any, _properties: object) -> None:  # noqa: ANN401
        if flags.is_disconnect_packet_from_server and not self._last_words:
            self._last_words = [
                MqttDisconnected(self._exchange, "REQUESTCOMPLETED", reason.value),
                Lost(self._exchange, "CHANNELCLOSEDBYSERVER"),
            ]


_UNANSWERED: dict[type[Request], Callable[[Any], Answer]] = {
    MqttSubscribe: lambda request: MqttSubscribed(request.exchange, request.correlation, "NOTCONNECTED"),
    MqttUnsubscribe: lambda request: MqttUnsubscribed(request.exchange, request.correlation, "NOTCONNECTED"),
    MqttPublish: lambda request: MqttPublished(request.exchange, request.correlation, "NOTCONNECTED"),
    MqttDisconnect: lambda request: MqttDisconnected(request.exchange, "NOTCONNECTED"),
}


def tell_not_connected(request: Request, reply: Reply) -> None:
    """Answer a request that there is no broker for, if it has an answer."""
    answer = _UNANSWERED.get(type(request))
    if answer is not None:
        reply(answer(request))
