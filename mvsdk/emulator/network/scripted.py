"""Peers that do as they are told: servers for tests, in Python or from a file (`peers_file.py`).

They answer at once, or after so much of the device's time, so a run with them is as fast as one without a network and
always the same. What was asked of them last is kept in `requests`.

    peers = ScriptedPeers()
    peers.http("GET", "https://api.example.com/time", body=b'{"hour": 12}')
    peers.config.device_secret["api-key"] = "sesame"
    broker = peers.mqtt("broker.example.com")
    broker.after_subscribe("commands/#", Message("commands/led", b"on"), after_us=2_000_000)
    Radio(device, peers)
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace

from mvsdk.emulator.network import http_rules
from mvsdk.emulator.network.config_file import ConfigValues
from mvsdk.emulator.network.exchanges import (
    Answer,
    Close,
    Closure,
    ConfigRequest,
    HttpAnswer,
    HttpRequest,
    HttpResult,
    Later,
    Lost,
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
    MqttUnsubscribe,
    MqttUnsubscribed,
    Request,
    StreamData,
    StreamOpen,
    StreamOpened,
    StreamTaken,
    StreamWrite,
    http_size,
)
from mvsdk.emulator.network.peers import Reply, refuse

NOT_AUTHORISED = {4: 5, 5: 0x87}
"""The reason code for wrong credentials, by protocol (MQTT 3.1.1: 3.2.2.3; MQTT 5: 3.2.2.2)."""
KEPT = 10_000
"""How many requests, messages and bytes are kept for whoever asks for them: the last ones."""
NO_SUBSCRIPTION = 0x11
"""Nothing to unsubscribe from (MQTT 5: 3.11.3)."""


@dataclass
class HttpScript:
    """What a server says to requests for one URL. A URL that ends in "*" stands for all that begin so. After `times`
    answers it is used up."""

    method: str
    url: str
    answer: HttpAnswer
    after_us: int = 0
    times: int | None = None

    def fits(self, request: HttpRequest) -> bool:
        """Whether it is for such a request."""
        url = request.url.decode("utf-8", "replace")
        same = url.startswith(self.url[:-1]) if self.url.endswith("*") else url == self.url
        return same and request.method == self.method.encode("ascii") and self.times != 0


@dataclass(frozen=True, slots=True)
class Message:
    """A message a scripted broker sends."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False


@dataclass(frozen=True, slots=True)
class _Reaction:
    topic: str
    message: Message | None
    after_us: int
    lost: Closure | None = None


class ScriptedBroker:
    """A broker with one client, which passes on what the client publishes to what it subscribed to itself."""

    def __init__(self, host: str, port: int, username: str | None, password: str | None) -> None:
        self.host = host
        self.port = port
        self._credentials = (_encoded(username), _encoded(password))
        self._reactions: dict[type[Request], list[_Reaction]] = {MqttSubscribe: [], MqttPublish: []}
        self._state: MqttState = "REQUESTCOMPLETED"
        self._reason = 0
        self._subscriptions: dict[int, dict[bytes, int]] = {}
        self._protocols: dict[int, int] = {}
        self._numbers = 0
        self.published: deque[Message] = deque(maxlen=KEPT)
        """What the client has published last."""

    def refuse(self, state: MqttState = "REQUESTCOMPLETED", reason: int = 0) -> None:
        """Let connecting fail from now on: with a state of its own, or with the broker's reason code."""
        self._state, self._reason = state, reason

    def after_subscribe(self, topic: str, message: Message, after_us: int = 0) -> None:
        """Send a message once the client subscribes to just this topic filter."""
        self._reactions[MqttSubscribe].append(_Reaction(topic, message, after_us))

    def after_publish(self, topic: str, message: Message, after_us: int = 0) -> None:
        """Send a message whenever the client publishes to a topic that fits this filter."""
        self._reactions[MqttPublish].append(_Reaction(topic, message, after_us))

    def lose_after_publish(self, topic: str, closure: Closure = "CHANNELRESETBYSERVER", after_us: int = 0) -> None:
        """Cut the connection when the client publishes to a topic that fits this filter."""
        self._reactions[MqttPublish].append(_Reaction(topic, None, after_us, closure))

    def send(self, request: Request, reply: Reply) -> None:
        """Do what a broker does."""
        exchange = request.exchange
        match request:
            case MqttConnect():
                self._connect(request, reply)
            case Close():
                self._subscriptions.pop(exchange, None)
                self._protocols.pop(exchange, None)
            case MqttSubscribe():
                for subscription in request.subscriptions:
                    self._subscriptions[exchange][subscription.topic] = subscription.qos
                reasons = tuple(subscription.qos for subscription in request.subscriptions)
                reply(MqttSubscribed(exchange, request.correlation, "REQUESTCOMPLETED", reasons))
                for subscription in request.subscriptions:
                    self._react(request, subscription.topic.decode("utf-8", "replace"), reply, exactly=True)
            case MqttUnsubscribe():
                known = [self._subscriptions[exchange].pop(topic, None) is not None for topic in request.topics]
                missing = NO_SUBSCRIPTION if self._protocols[exchange] == 5 else 0
                reasons = tuple(0 if was_there else missing for was_there in known)
                reply(MqttUnsubscribed(exchange, request.correlation, "REQUESTCOMPLETED", reasons))
            case MqttPublish():
                self._publish(request, reply)
            case MqttDisconnect():
                reply(MqttDisconnected(exchange, "REQUESTCOMPLETED"))

    def _connect(self, request: MqttConnect, reply: Reply) -> None:
        reason = self._reason
        if self._credentials not in {(None, None), (request.username, request.password)}:
            reason = NOT_AUTHORISED[request.protocol]
        if self._state == "REQUESTCOMPLETED" and not reason:
            self._subscriptions[request.exchange] = {}
            self._protocols[request.exchange] = request.protocol
        reply(MqttConnected(request.exchange, self._state, reason))

    def _publish(self, request: MqttPublish, reply: Reply) -> None:
        topic = request.topic.decode("utf-8", "replace")
        message = Message(topic, request.payload, request.qos, request.retain)
        self.published.append(message)
        reply(MqttPublished(request.exchange, request.correlation, "REQUESTCOMPLETED"))
        self._deliver(request.exchange, message, 0, reply)
        self._react(request, topic, reply, exactly=False)

    def _react(self, request: MqttSubscribe | MqttPublish, topic: str, reply: Reply, *, exactly: bool) -> None:
        for reaction in self._reactions[type(request)]:
            if not (reaction.topic == topic if exactly else _matches(reaction.topic, topic)):
                continue
            if reaction.message is not None:
                self._deliver(request.exchange, reaction.message, reaction.after_us, reply)
            if reaction.lost is not None:
                lost = Lost(request.exchange, reaction.lost)
                reply(Later(request.exchange, lost, reaction.after_us))

    def _deliver(self, exchange: int, message: Message, after_us: int, reply: Reply) -> None:
        """Send a message to a client that has a subscription for it, with the lower of both qualities of service."""
        granted = [
            qos
            for topic, qos in self._subscriptions.get(exchange, {}).items()
            if _matches(topic.decode("utf-8", "replace"), message.topic)
        ]
        if granted:
            self._numbers += 1
            qos = min(message.qos, max(granted))
            topic = message.topic.encode("utf-8")
            answer = MqttMessage(exchange, self._numbers, topic, message.payload, qos, message.retain)
            reply(Later(exchange, answer, after_us) if after_us else answer)

    def close(self) -> None:
        """There is nothing to end."""


def _matches(wanted: str, topic: str) -> bool:
    """Say whether a topic fits a topic filter."""
    from paho.mqtt.client import topic_matches_sub

    return topic_matches_sub(wanted, topic)


def _encoded(text: str | None) -> bytes | None:
    return None if text is None else text.encode("utf-8")


class ScriptedStream:
    """The other end of an endpoint: an echo, or one that says its lines one after the other, each when something has
    come."""

    def __init__(self, endpoint: str, lines: tuple[bytes, ...] | None) -> None:
        self.endpoint = endpoint
        self._lines = lines
        self._said: dict[int, int] = {}
        self.received = bytearray()
        """What the application has written last."""

    def send(self, request: Request, reply: Reply) -> None:
        """Answer what is written."""
        match request:
            case StreamOpen():
                self._said[request.exchange] = 0
                reply(StreamOpened(request.exchange))
            case StreamWrite():
                self.received += request.data
                del self.received[:-KEPT]
                reply(StreamTaken(request.exchange, len(request.data)))
                line = self._line(request)
                if line:
                    reply(StreamData(request.exchange, line))
            case Close():
                self._said.pop(request.exchange, None)

    def _line(self, request: StreamWrite) -> bytes:
        if self._lines is None:
            return request.data
        number = self._said[request.exchange]
        self._said[request.exchange] = number + 1
        return self._lines[number] if number < len(self._lines) else b""

    def close(self) -> None:
        """There is nothing to end."""


class ScriptedPeers:
    """All the servers of a test. What nobody was told to answer fails as if there were no such host; what no server is
    asked to do fails as it does for real. `allow_http` lets requests go without TLS."""

    def __init__(self, *, allow_http: bool = False) -> None:
        self._allow_http = allow_http
        self.requests: deque[Request] = deque(maxlen=KEPT)
        """What the application has sent last, in order."""
        self.config = ConfigValues()
        """What config fetches find."""
        self._http: list[HttpScript] = []
        self._brokers: list[ScriptedBroker] = []
        self._streams: list[ScriptedStream] = []
        self._connected: dict[int, ScriptedBroker | ScriptedStream] = {}

    def http(
        self,
        method: str,
        url: str,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        result: HttpResult = "OK",
        after_us: int = 0,
        times: int | None = None,
    ) -> HttpScript:
        """Have requests answered. Of several entries that fit, the first that is not used up answers."""
        lines = tuple(f"{name}: {value}".encode("ascii") for name, value in (headers or {}).items())
        answer = HttpAnswer(0, result, status, lines, body) if result == "OK" else HttpAnswer(0, result)
        script = HttpScript(method, url, answer, after_us, times)
        self._http.append(script)
        return script

    def mqtt(
        self, host: str, port: int = 8883, *, username: str | None = None, password: str | None = None
    ) -> ScriptedBroker:
        """Have a broker; with a user name it wants just these credentials."""
        broker = ScriptedBroker(host, port, username, password)
        self._brokers.append(broker)
        return broker

    def stream(self, endpoint: str, *lines: bytes) -> ScriptedStream:
        """Have an endpoint for channels of bytes: an echo, if it is given no lines to say."""
        stream = ScriptedStream(endpoint, lines or None)
        self._streams.append(stream)
        return stream

    def send(self, request: Request, reply: Reply) -> None:
        """Answer as told."""
        self.requests.append(request)
        match request:
            case HttpRequest():
                self._answer_http(request, reply)
            case ConfigRequest():
                reply(self.config.answer(request))
            case MqttConnect() | StreamOpen():
                peer = self._find(request)
                if peer is None:
                    refuse(request, reply)
                else:
                    self._connected[request.exchange] = peer
                    peer.send(request, reply)
            case _:
                self._pass_on(request, reply)

    def _answer_http(self, request: HttpRequest, reply: Reply) -> None:
        verdict = http_rules.verdict(request, allow_http=self._allow_http)
        if verdict is not None:
            reply(HttpAnswer(request.exchange, verdict))
            return
        script = next((script for script in self._http if script.fits(request)), None)
        if script is None:
            refuse(request, reply)
            return
        if script.times is not None:
            script.times -= 1
        answer: Answer = replace(script.answer, exchange=request.exchange)
        if isinstance(answer, HttpAnswer) and http_size(answer) > request.room:
            answer = HttpAnswer(request.exchange, "RESPONSETOOLARGE")
        reply(Later(request.exchange, answer, script.after_us))

    def _find(self, request: MqttConnect | StreamOpen) -> ScriptedBroker | ScriptedStream | None:
        if isinstance(request, StreamOpen):
            name = request.endpoint.decode("utf-8", "replace")
            return next((stream for stream in self._streams if stream.endpoint == name), None)
        host = request.host.decode("utf-8", "replace")
        return next((broker for broker in self._brokers if (broker.host, broker.port) == (host, request.port)), None)

    def _pass_on(self, request: Request, reply: Reply) -> None:
        peer = self._connected.get(request.exchange)
        if isinstance(request, Close):
            self._connected.pop(request.exchange, None)
        if peer is not None:
            peer.send(request, reply)
        elif request.ANSWER is not None:
            refuse(request, reply)

    def close(self) -> None:
        """There is nothing to end."""
