"""What an application does on a channel to an MQTT broker, for scripted guests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mvsdk.testing import Call, ScriptedCore
from tests.emulator.personality.kernel import ABI, RAM, Guest, call, status_name, word, words
from tests.emulator.personality.networked import CHANNEL, IRQ, MS, must, wait

AREA, RESULTS, DATA = RAM + 0x30000, RAM + 0x50000, RAM + 0x60000
"""Where requests are laid out, results are written, and texts arrive."""
TYPES = {
    number: name.removeprefix("MV_MQTTREADABLEDATATYPE_")
    for name, number in ABI.enums["MvMqttReadableDataType"].members.items()
}
STATES = {
    number: name.removeprefix("MV_MQTTREQUESTSTATE_")
    for name, number in ABI.enums["MvMqttRequestState"].members.items()
}


@dataclass
class Layout:
    """Puts things into the guest's memory, one after the other."""

    core: ScriptedCore
    at: int = AREA

    def put(self, data: bytes) -> int:
        """Put bytes there and return where they are; NULL for none."""
        if not data:
            return 0
        address, self.at = self.at, self.at + (len(data) + 3) // 4 * 4
        self.core.write_memory(address, data)
        return address

    def struct(self, name: str, values: Mapping[str, Any]) -> int:
        """Put a struct there: bytes are a text, a tuple of bytes an array of texts, a mapping a struct to point at."""
        fields: dict[str, int] = {}
        for key, value in values.items():
            if isinstance(value, bytes):
                fields |= {f"{key}.data": self.put(value), f"{key}.length": len(value)}
            elif isinstance(value, tuple):
                texts = b"".join(words(self.put(text), len(text)) for text in value)
                fields |= {f"{key}.num_certs": len(value), f"{key}.certs": self.put(texts)}
            else:
                fields[key] = value
        return self.put(ABI.structs[name].pack(fields))


def connect_call(core: ScriptedCore, **options: Any) -> Call:  # noqa: ANN401
    """Lay out a connect request; `credentials` and `will` are mappings of fields."""
    layout = Layout(core)
    values: dict[str, Any] = {"protocol_version": 1, "host": b"broker.example", "port": 8883, "clientid": b"device"}
    credentials, will = options.pop("credentials", None), options.pop("will", None)
    values |= {"keepalive": 60} | options
    if credentials is not None:
        values["tls_credentials"] = layout.struct("MvTlsCredentials", credentials)
    if will is not None:
        values["will"] = layout.struct("MvMqttWill", will)
    return call("mvMqttRequestConnect", word(core, CHANNEL), layout.struct("MvMqttConnectRequest", values))


def subscribe_call(core: ScriptedCore, *topics: bytes, correlation: int = 1, **options: int) -> Call:
    """Lay out a subscribe request."""
    layout = Layout(core)
    elements = b"".join(
        ABI.structs["MvMqttSubscription"].pack({"topic.data": layout.put(t), "topic.length": len(t)} | options)
        for t in topics
    )
    array = layout.put(elements)
    values = {"correlation_id": correlation, "subscriptions": array, "num_subscriptions": len(topics)}
    return call("mvMqttRequestSubscribe", word(core, CHANNEL), layout.struct("MvMqttSubscribeRequest", values))


def unsubscribe_call(core: ScriptedCore, *topics: bytes, correlation: int = 1) -> Call:
    """Lay out an unsubscribe request."""
    layout = Layout(core)
    array = layout.put(b"".join(words(layout.put(topic), len(topic)) for topic in topics))
    values = {"correlation_id": correlation, "topics": array, "num_topics": len(topics)}
    return call("mvMqttRequestUnsubscribe", word(core, CHANNEL), layout.struct("MvMqttUnsubscribeRequest", values))


def publish_call(
    core: ScriptedCore, topic: bytes, payload: bytes = b"", *, correlation: int = 1, qos: int = 0, retain: int = 0
) -> Call:
    """Lay out a publish request."""
    values = {"topic": topic, "payload": payload}
    numbers = {"correlation_id": correlation, "desired_qos": qos, "retain": retain}
    address = Layout(core).struct("MvMqttPublishRequest", values | numbers)
    return call("mvMqttRequestPublish", word(core, CHANNEL), address)


@dataclass
class Heard:
    """What an application has read from its channel: kinds and contents, in order."""

    items: list[tuple[Any, ...]] = field(default_factory=list)

    def next_type(self, core: ScriptedCore) -> Guest:
        """Ask what can be read, and keep it as an item."""
        status = yield call("mvMqttGetNextReadableDataType", word(core, CHANNEL), RESULTS)
        self.items.append((TYPES[word(core, RESULTS)] if status == 0 else status_name(status),))

    def read_all(self, core: ScriptedCore) -> Guest:
        """Read whatever there is."""
        while True:
            yield from self.next_type(core)
            (kind,) = self.items.pop()
            if kind not in READERS:
                return
            yield from self.read(core, kind)

    def await_one(self, core: ScriptedCore, milliseconds: int = 10_000) -> Guest:
        """Wait until something can be read, and read it."""
        for _ in range(milliseconds):
            yield from self.next_type(core)
            (kind,) = self.items.pop()
            if kind in READERS:
                yield from self.read(core, kind)
                return
            yield from wait(core, 1)
        raise AssertionError("nothing came")

    def read(self, core: ScriptedCore, kind: str, room: int = 0x1000) -> Guest:
        """Read what is first with the call for a kind; what was refused is kept as its status."""
        name, struct = READERS[kind]
        values = out_values(kind, room)
        core.write_memory(AREA, ABI.structs[struct].pack(values))
        status = yield call(name, word(core, CHANNEL), AREA)
        if status:
            self.items.append((kind, status_name(status)))
        else:
            self.items.append((kind, *_result(core, kind, struct)))


READERS = {
    "CONNECTRESPONSE": ("mvMqttReadConnectResponse", "MvMqttConnectResponse"),
    "SUBSCRIBERESPONSE": ("mvMqttReadSubscribeResponse", "MvMqttSubscribeResponse"),
    "UNSUBSCRIBERESPONSE": ("mvMqttReadUnsubscribeResponse", "MvMqttUnsubscribeResponse"),
    "PUBLISHRESPONSE": ("mvMqttReadPublishResponse", "MvMqttPublishResponse"),
    "DISCONNECTRESPONSE": ("mvMqttReadDisconnectResponse", "MvMqttDisconnectResponse"),
    "MESSAGERECEIVED": ("mvMqttReceiveMessage", "MvMqttMessage"),
    "MESSAGELOST": ("mvMqttReceiveLostMessageInfo", "MvMqttLostMessageInfo"),
}


def out_values(kind: str, room: int) -> dict[str, int]:
    """Return where the parts of what is read are to be written; `room` is the size of arrays."""
    numbers = {
        name: RESULTS + 0x10 + 4 * index
        for index, name in enumerate(("request_state", "correlation_id", "reason_codes_len", "qos", "retain", "reason"))
    } | {"message_len": RESULTS + 0x40, "topic.length": RESULTS + 0x44, "payload.length": RESULTS + 0x48}
    texts = {"topic.data": DATA, "payload.data": DATA + 0x4000, "reason_codes": DATA}
    sizes = {"topic.size": room, "payload.size": room, "reason_codes_size": room}
    struct = ABI.structs[READERS[kind][1]]
    if kind in ("CONNECTRESPONSE", "PUBLISHRESPONSE", "DISCONNECTRESPONSE"):
        return {}
    return {leaf.name: (numbers | texts | sizes)[leaf.name] for leaf in struct.leaves}


def _result(core: ScriptedCore, kind: str, struct: str) -> tuple[Any, ...]:
    values = out_values(kind, 0)
    if not values:
        fields = ABI.structs[struct].unpack(core.read_memory(AREA, ABI.structs[struct].size))
        return (STATES[fields.pop("request_state")], *fields.values())

    def number(name: str) -> int:
        return word(core, values[name])

    def text(name: str) -> bytes:
        return core.read_memory(values[f"{name}.data"], number(f"{name}.length"))

    if kind == "MESSAGERECEIVED":
        retain = core.read_memory(values["retain"], 1)[0]
        return number("correlation_id"), text("topic"), text("payload"), number("qos"), retain
    if kind == "MESSAGELOST":
        return number("reason"), text("topic"), number("message_len")
    codes = core.read_memory(values["reason_codes"], 4 * number("reason_codes_len"))
    reasons = [int.from_bytes(codes[at : at + 4], "little") for at in range(0, len(codes), 4)]
    return STATES[number("request_state")], number("correlation_id"), reasons


def connected(core: ScriptedCore, heard: Heard) -> Guest:
    """Connect, and read that it succeeded."""
    yield from must(connect_call(core))
    yield from heard.await_one(core)
    assert heard.items.pop() == ("CONNECTRESPONSE", "REQUESTCOMPLETED", 0)
    core.pending.discard(IRQ)


__all__ = ["AREA", "DATA", "MS", "RESULTS", "Heard", "Layout", "connect_call", "connected"]
