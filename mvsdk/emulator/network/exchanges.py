"""What an application's channels and the world say to each other, as plain values.

Everything that belongs to one channel carries its number, `exchange`: the kernel counts the channels it opens, so a
number is never used twice in a device's life. Outcomes are named as the ABI's enums name them, without their prefixes
(`enums.csv` of the database). Requests that have an answer say which by `ANSWER`; while one is awaited, the
device's time does not run ahead of the host's. What may hold credentials or secrets is not shown by `repr`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, ClassVar, Literal

HttpResult = Literal[
    "OK",
    "UNSUPPORTEDURISCHEME",
    "UNSUPPORTEDMETHOD",
    "INVALIDHEADERS",
    "INVALIDTIMEOUT",
    "REQUESTFAILED",
    "RESPONSETOOLARGE",
]
"""MvHttpResult."""
ConfigResult = Literal["OK", "RESPONSETOOLARGE"]
"""MvConfigFetchResult."""
ConfigItemResult = Literal["OK", "KEYNOTFOUND", "SERVERERROR"]
"""MvConfigKeyFetchResult."""
MqttState = Literal[
    "REQUESTCOMPLETED",
    "INVALIDPARAMETERS",
    "ALREADYCONNECTED",
    "NOTCONNECTED",
    "NXDOMAIN",
    "UNKNOWNCA",
    "CERTIFICATEEXPIRED",
    "SOCKETERROR",
    "CONNECTIONCIRCUITBREAKER",
]
"""MvMqttRequestState."""
Closure = Literal[
    "CHANNELCLOSEDBYSERVER",
    "CHANNELRESETBYSERVER",
    "NETWORKDISCONNECTED",
    "CONNECTIONTERMINATED",
    "UNEXPECTEDLYTERMINATED",
]
"""MvClosureReason, as far as the world is the cause."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Something a channel is sent."""

    exchange: int


@dataclass(frozen=True, slots=True)
class Request:
    """Something a channel sends."""

    ANSWER: ClassVar[type[Answer] | None] = None
    """What answers it; None where nothing does."""
    exchange: int


# -- any channel -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Close(Request):
    """The channel is gone: whatever is under way for it is in vain, and its connection is to end."""


@dataclass(frozen=True, slots=True)
class Lost(Answer):
    """The other side of the channel is gone. Nothing follows."""

    closure: Closure


@dataclass(frozen=True, slots=True)
class Later(Answer):
    """An answer that a scripted peer holds back for so many microseconds of device time; channels never see it."""

    answer: Answer
    after_us: int


# -- HTTP ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HttpAnswer(Answer):
    """Its outcome. `headers` are lines "Name: value" of printable ASCII; with another result than OK there is nothing
    else."""

    result: HttpResult
    status: int = 0
    headers: tuple[bytes, ...] = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class HttpRequest(Request):
    """One request, as the application wrote it: nothing in it has been checked but its size.

    `headers` are lines "Name: value". `room` is how many bytes an answer may take, counted by `http_size`.
    """

    ANSWER: ClassVar[type[Answer] | None] = HttpAnswer

    method: bytes
    url: bytes
    headers: tuple[bytes, ...] = field(repr=False)
    body: bytes = field(repr=False)
    timeout_ms: int
    room: int


# -- config and secrets ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ConfigItem:
    """One value that is asked for: `scope` "account" or "device", `store` "config" or "secret"."""

    scope: Literal["account", "device"]
    store: Literal["config", "secret"]
    key: str


@dataclass(frozen=True, slots=True)
class ConfigAnswer(Answer):
    """Their values, in the same order; an item that was not found has none."""

    result: ConfigResult
    items: tuple[tuple[ConfigItemResult, bytes], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class ConfigRequest(Request):
    """Values that are asked for. `room` is how many bytes an answer may take, counted by `config_size`."""

    ANSWER: ClassVar[type[Answer] | None] = ConfigAnswer

    items: tuple[ConfigItem, ...]
    room: int


# -- MQTT ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MqttWill:
    """What the broker publishes when the connection is lost."""

    topic: bytes
    payload: bytes
    qos: int
    retain: bool


@dataclass(frozen=True, slots=True)
class MqttConnected(Answer):
    """The outcome: with REQUESTCOMPLETED the broker's reason code, 0 for success."""

    state: MqttState
    reason: int = 0


@dataclass(frozen=True, slots=True)
class MqttConnect(Request):
    """Connect to a broker, by TLS.

    `protocol` is 4 for version 3.1.1 and 5 for version 5, `keepalive` in seconds. Certificates are DER, and the key
    PKCS#8 DER; without `authorities` those that the host trusts are trusted.
    """

    ANSWER: ClassVar[type[Answer] | None] = MqttConnected

    protocol: Literal[4, 5]
    host: bytes
    port: int
    client_id: bytes
    username: bytes | None
    password: bytes | None = field(repr=False)
    authorities: tuple[bytes, ...] = field(repr=False)
    certificates: tuple[bytes, ...] = field(repr=False)
    key: bytes = field(repr=False)
    keepalive: int
    clean_start: bool
    will: MqttWill | None


@dataclass(frozen=True, slots=True)
class MqttSubscription:
    """One topic filter; the last three mean something in version 5 only."""

    topic: bytes
    qos: int
    no_local: bool
    retain_as_published: bool
    retain_handling: int


@dataclass(frozen=True, slots=True)
class MqttSubscribed(Answer):
    """The outcome, with a reason code for each topic."""

    correlation: int
    state: MqttState
    reasons: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class MqttSubscribe(Request):
    """Subscribe to topics."""

    ANSWER: ClassVar[type[Answer] | None] = MqttSubscribed

    correlation: int
    subscriptions: tuple[MqttSubscription, ...]


@dataclass(frozen=True, slots=True)
class MqttUnsubscribed(Answer):
    """The outcome, with a reason code for each topic; version 3.1.1 has none, they are 0 then."""

    correlation: int
    state: MqttState
    reasons: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class MqttUnsubscribe(Request):
    """Unsubscribe from topics."""

    ANSWER: ClassVar[type[Answer] | None] = MqttUnsubscribed

    correlation: int
    topics: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class MqttPublished(Answer):
    """The outcome: for QoS 0 once it is sent, else once the broker has acknowledged it."""

    correlation: int
    state: MqttState
    reason: int = 0


@dataclass(frozen=True, slots=True)
class MqttPublish(Request):
    """Publish a message."""

    ANSWER: ClassVar[type[Answer] | None] = MqttPublished

    correlation: int
    topic: bytes
    payload: bytes
    qos: int
    retain: bool


@dataclass(frozen=True, slots=True)
class MqttMessage(Answer):
    """A message from the broker. `number` names it for `MqttAcknowledge`; the device says `MqttTaken` when the
    application has it."""

    number: int
    topic: bytes
    payload: bytes
    qos: int
    retain: bool


@dataclass(frozen=True, slots=True)
class MqttAcknowledge(Request):
    """The application has dealt with a message: the broker need not send it again."""

    number: int


@dataclass(frozen=True, slots=True)
class MqttTaken(Request):
    """The application has taken the oldest message that it had not: another one may come."""


@dataclass(frozen=True, slots=True)
class MqttDisconnected(Answer):
    """The connection has ended: as asked, or because the broker said so with a reason code (version 5). If nobody asked
    for it, `Lost` follows."""

    state: MqttState
    code: int = 0


@dataclass(frozen=True, slots=True)
class MqttDisconnect(Request):
    """Part from the broker in good order."""

    ANSWER: ClassVar[type[Answer] | None] = MqttDisconnected


# -- streams of bytes ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StreamOpened(Answer):
    """It is connected."""


@dataclass(frozen=True, slots=True)
class StreamOpen(Request):
    """Connect to what the emulator was told an endpoint stands for. `room` is how many bytes may come."""

    ANSWER: ClassVar[type[Answer] | None] = StreamOpened

    endpoint: bytes
    room: int


@dataclass(frozen=True, slots=True)
class StreamTaken(Answer):
    """So many bytes more have left: there is room for others."""

    count: int


@dataclass(frozen=True, slots=True)
class StreamWrite(Request):
    """Bytes for the other side."""

    ANSWER: ClassVar[type[Answer] | None] = StreamTaken

    data: bytes


@dataclass(frozen=True, slots=True)
class StreamData(Answer):
    """Bytes from the other side; never more than there is room for."""

    data: bytes


@dataclass(frozen=True, slots=True)
class StreamRoom(Request):
    """So many bytes more may come."""

    count: int


ANSWERS: dict[str, type[Answer]] = {
    kind.__name__: kind
    for kind in (
        Lost, HttpAnswer, ConfigAnswer, MqttConnected, MqttSubscribed, MqttUnsubscribed, MqttPublished, MqttMessage,
        MqttDisconnected, StreamOpened, StreamTaken, StreamData,
    )
}  # fmt: skip
NUMBER_SIZE = 4


def wire_size(value: object) -> int:
    """Return about how many bytes a request or an answer takes on the link: those in it, and a few for each number."""
    if isinstance(value, bytes | str):
        return len(value)
    if isinstance(value, tuple):
        return sum(map(wire_size, value))
    if is_dataclass(value):
        return sum(wire_size(getattr(value, field.name)) for field in fields(value))
    return 0 if value is None else NUMBER_SIZE


LONGEST_CONFIG_KEY = 100
"""Characters (REST API, parameter Key)."""
LONGEST_HTTP_TIMEOUT_MS = 10_000
"""SDK header `mv_syscalls.h`, MvHttpRequest."""
LINE_OVERHEAD = 4
"""Bytes that a header, a status line, a key or a value takes beside its own: its length (inferred; the kernel's own
encoding is not published)."""


def http_size(answer: HttpAnswer) -> int:
    """Return how many bytes of the receive buffer an answer takes (inferred): status, body, and every header's."""
    return sum(len(line) + LINE_OVERHEAD for line in (*answer.headers, answer.body)) + LINE_OVERHEAD


def config_size(answer: ConfigAnswer) -> int:
    """Return how many bytes of the receive buffer an answer takes (inferred)."""
    return sum(len(value) + LINE_OVERHEAD for _, value in answer.items) + LINE_OVERHEAD


def answer_as_dict(answer: Answer) -> dict[str, Any]:
    """Return an answer as plain data: its kind and its fields, bytes as base64."""
    import msgspec

    return {"kind": type(answer).__name__, **msgspec.to_builtins(answer)}


def answer_from_dict(data: object) -> Answer:
    """Return the answer that plain data stands for. Raises `ValueError` for data that is none."""
    import msgspec

    name = data.get("kind") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(name, str) or name not in ANSWERS:
        raise ValueError(f"the kinds of answer are {', '.join(ANSWERS)}")
    values = {key: value for key, value in data.items() if key != "kind"}
    kind = ANSWERS[name]
    if values.keys() != {field.name for field in fields(kind)}:
        raise ValueError(f"{kind.__name__} has {', '.join(field.name for field in fields(kind))}")
    answer = msgspec.convert(values, kind)
    if not all(0 <= number < 1 << 32 for number in _numbers(answer)):
        raise ValueError(f"the numbers of {kind.__name__} have 32 bits")
    return answer


def _numbers(answer: Answer) -> Iterator[int]:
    for entry in fields(answer):
        value = getattr(answer, entry.name)
        yield from (number for number in (value if isinstance(value, tuple) else (value,)) if isinstance(number, int))
