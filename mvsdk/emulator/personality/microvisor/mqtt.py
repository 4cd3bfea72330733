"""MQTT: mvMqttRequestConnect, …Subscribe, …Unsubscribe, …Publish and …Disconnect, mvMqttAcknowledgeMessage,
mvMqttGetNextReadableDataType, and the calls that read what it names.

The order of the checks is that of each call's list: pointers, those inside structs too, before the handle. Calls that
read take what is first in the queue or nothing: WRONGDATAREQUESTED if that is of another kind, RESPONSENOTPRESENT if
nothing is there (both inferred), CHANNELCLOSED only if nothing is there and nothing will come. What is refused stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from mvsdk.abi import Abi
from mvsdk.emulator.network.exchanges import (
    MqttAcknowledge,
    MqttConnected,
    MqttDisconnect,
    MqttDisconnected,
    MqttMessage,
    MqttPublished,
    MqttSubscribed,
    MqttUnsubscribed,
    Request,
)
from mvsdk.emulator.personality.microvisor.answers import GuestPointer, Refused, answers, field_pointers
from mvsdk.emulator.personality.microvisor.channels import Channels
from mvsdk.emulator.personality.microvisor.mqtt_channel import Item, LostMessage, MqttChannel, Response
from mvsdk.emulator.personality.microvisor.mqtt_requests import (
    MOST_ELEMENTS,
    MqttRequests,
    publish_size,
    subscribe_size,
    unsubscribe_size,
)

READABLE: dict[type[Item], str] = {
    MqttMessage: "MESSAGERECEIVED",
    LostMessage: "MESSAGELOST",
    MqttConnected: "CONNECTRESPONSE",
    MqttSubscribed: "SUBSCRIBERESPONSE",
    MqttUnsubscribed: "UNSUBSCRIBERESPONSE",
    MqttPublished: "PUBLISHRESPONSE",
    MqttDisconnected: "DISCONNECTRESPONSE",
}
"""MvMqttReadableDataType."""
REASON_BYTES = 4
_I = TypeVar("_I", bound=Item)


class Mqtt:
    """The calls on channels to MQTT brokers. Another kind of channel is an invalid handle."""

    def __init__(self, channels: Channels) -> None:
        self._abi: Abi = channels.abi
        self._memory = channels.host.memory
        self._handles = channels.handles
        self._requests = MqttRequests(self._memory, self._abi)
        self._states = self._abi.enums["MvMqttRequestState"].members
        self._types = self._abi.enums["MvMqttReadableDataType"].members
        self._lost_reasons = self._abi.enums["MvMqttLostMessageReason"].members
        channels.keep(MqttChannel)

    # -- requests ----------------------------------------------------------------------------------------------------

    @answers("mvMqttRequestConnect")
    def connect(self, handle: int, request: GuestPointer) -> None:
        """Ask for a session. What is refused has not been asked for, so a better request may follow (inferred)."""
        with self._late_fault_spoils(handle):
            wishes = self._requests.read_connect(request)
        channel = self._open_channel(handle)
        if channel.asked:
            raise Refused("REQUESTALREADYSENT")
        self._requests.check_connect(wishes)
        _check_size(wishes.size, channel)
        channel.asked = True
        wanted = self._requests.connect(channel.exchange, wishes)
        if wanted is None:
            channel.refuse(MqttConnected(channel.exchange, "INVALIDPARAMETERS"))
        else:
            channel.ask(wanted, MqttConnected(channel.exchange, "SOCKETERROR"))

    @answers("mvMqttRequestSubscribe")
    def subscribe(self, handle: int, request: GuestPointer) -> None:
        """Ask for the messages of some topics."""
        with self._late_fault_spoils(handle):
            wanted = self._requests.read_subscribe(self._exchange(handle), request)
        channel = self._open_channel(handle)
        channel.check_in_flight(MqttSubscribed)
        if len(wanted.subscriptions) > MOST_ELEMENTS:
            raise Refused("TOOMANYELEMENTS")
        _check_size(subscribe_size(wanted), channel)
        _ask(channel, wanted, MqttSubscribed(channel.exchange, wanted.correlation, "NOTCONNECTED"))

    @answers("mvMqttRequestUnsubscribe")
    def unsubscribe(self, handle: int, request: GuestPointer) -> None:
        """Ask for the messages of some topics no longer."""
        with self._late_fault_spoils(handle):
            wanted = self._requests.read_unsubscribe(self._exchange(handle), request)
        channel = self._open_channel(handle)
        channel.check_in_flight(MqttUnsubscribed)
        if len(wanted.topics) > MOST_ELEMENTS:
            raise Refused("TOOMANYELEMENTS")
        _check_size(unsubscribe_size(wanted), channel)
        _ask(channel, wanted, MqttUnsubscribed(channel.exchange, wanted.correlation, "NOTCONNECTED"))

    @answers("mvMqttRequestPublish")
    def publish(self, handle: int, request: GuestPointer) -> None:
        """Ask for a message to be published."""
        with self._late_fault_spoils(handle):
            wanted = self._requests.read_publish(self._exchange(handle), request)
        channel = self._open_channel(handle)
        channel.check_in_flight(MqttPublished)
        _check_size(publish_size(wanted), channel)
        _ask(channel, wanted, MqttPublished(channel.exchange, wanted.correlation, "NOTCONNECTED"))

    @answers("mvMqttAcknowledgeMessage")
    def acknowledge(self, handle: int, correlation: int) -> None:
        """Let the broker know that a message need not come again. A message that needs no acknowledgement, or is not
        known, makes no difference (inferred)."""
        channel = self._open_channel(handle)
        channel.check_acknowledgement()
        if channel.connected:
            channel.send(MqttAcknowledge(channel.exchange, correlation))

    @answers("mvMqttRequestDisconnect")
    def disconnect(self, handle: int) -> None:
        """Ask for the end of the session. The channel stays until it is closed, and its queue can be read."""
        channel = self._open_channel(handle)
        channel.check_in_flight(MqttDisconnected)
        _ask(channel, MqttDisconnect(channel.exchange), MqttDisconnected(channel.exchange, "NOTCONNECTED"))

    # -- what came ---------------------------------------------------------------------------------------------------

    @answers("mvMqttGetNextReadableDataType")
    def next_readable(self, handle: int, out: GuestPointer) -> None:
        """Say what is first in the queue; NONE if nothing is."""
        channel = self._handles.find(handle, MqttChannel)
        if channel.queue:
            name = READABLE[type(channel.queue[0])]
        else:
            channel.check_connected()
            name = "NONE"
        out.write_word(self._types["MV_MQTTREADABLEDATATYPE_" + name])

    @answers("mvMqttReadConnectResponse")
    def read_connect(self, handle: int, out: GuestPointer) -> None:
        """Take the outcome of connecting."""
        channel, response = self._first(handle, MqttConnected)
        self._write_struct(out, "MvMqttConnectResponse", response, reason_code=response.reason)
        channel.take()

    @answers("mvMqttReadPublishResponse")
    def read_publish(self, handle: int, out: GuestPointer) -> None:
        """Take the outcome of publishing."""
        channel, response = self._first(handle, MqttPublished)
        codes = {"reason_code": response.reason, "correlation_id": response.correlation}
        self._write_struct(out, "MvMqttPublishResponse", response, **codes)
        channel.take()

    @answers("mvMqttReadDisconnectResponse")
    def read_disconnect(self, handle: int, out: GuestPointer) -> None:
        """Take the end of the session: the outcome of asking for it, or the broker's own doing."""
        channel, response = self._first(handle, MqttDisconnected)
        self._write_struct(out, "MvMqttDisconnectResponse", response, disconnect_code=response.code)
        channel.take()

    @answers("mvMqttReadSubscribeResponse")
    def read_subscribe(self, handle: int, out: GuestPointer) -> None:
        """Take the outcome of subscribing."""
        self._read_reasons(handle, out, "MvMqttSubscribeResponse", MqttSubscribed)

    @answers("mvMqttReadUnsubscribeResponse")
    def read_unsubscribe(self, handle: int, out: GuestPointer) -> None:
        """Take the outcome of unsubscribing."""
        self._read_reasons(handle, out, "MvMqttUnsubscribeResponse", MqttUnsubscribed)

    @answers("mvMqttReceiveMessage")
    def receive(self, handle: int, out: GuestPointer) -> None:
        """Take a message."""
        values, pointers = self._out_pointers("MvMqttMessage", out)
        channel, message = self._first(handle, MqttMessage)
        texts = {"topic": message.topic, "payload": message.payload}
        _check_room(values, texts)
        _write_texts(pointers, texts)
        pointers["correlation_id"].write_word(message.number)
        pointers["qos"].write_word(message.qos)
        pointers["retain"].write_word(message.retain)
        channel.take()

    @answers("mvMqttReceiveLostMessageInfo")
    def receive_lost(self, handle: int, out: GuestPointer) -> None:
        """Take the news that a message was lost. Its length is that of the payload (inferred)."""
        values, pointers = self._out_pointers("MvMqttLostMessageInfo", out)
        channel, lost = self._first(handle, LostMessage)
        texts = {"topic": lost.topic}
        _check_room(values, texts)
        _write_texts(pointers, texts)
        reason = "MV_MQTTLOSTMESSAGEREASON_DEVICERECEIVEBUFFERTOOSMALL"
        pointers["reason"].write_word(self._lost_reasons[reason])
        pointers["message_len"].write_word(lost.length)
        channel.take()

    # -- in common ---------------------------------------------------------------------------------------------------

    def _read_reasons(
        self, handle: int, out: GuestPointer, struct: str, kind: type[MqttSubscribed | MqttUnsubscribed]
    ) -> None:
        """Take an outcome with a reason code for each topic.

        The header counts the array's bytes and the sample its elements: a number that is enough as either will do, and
        then all that is written is proven.
        """
        values, pointers = self._out_pointers(struct, out)
        channel, response = self._first(handle, kind)
        if values["reason_codes_size"] < len(response.reasons):
            raise Refused("INVALIDBUFFERSIZE")
        codes = b"".join(reason.to_bytes(REASON_BYTES, "little") for reason in response.reasons)
        if not self._memory.allows(values["reason_codes"], len(codes), write=True):
            raise Refused("LATEFAULT")
        self._memory.write(values["reason_codes"], codes)
        pointers["request_state"].write_word(self._states["MV_MQTTREQUESTSTATE_" + response.state])
        pointers["correlation_id"].write_word(response.correlation)
        pointers["reason_codes_len"].write_word(len(response.reasons))
        channel.take()

    def _open_channel(self, handle: int) -> MqttChannel:
        channel = self._handles.find(handle, MqttChannel)
        channel.check_connected()
        return channel

    def _exchange(self, handle: int) -> int:
        """Return the number of a channel; 0 while it is not known to be one."""
        return self._handles.find(handle, MqttChannel).exchange if self._handles.holds(handle, MqttChannel) else 0

    def _first(self, handle: int, kind: type[_I]) -> tuple[MqttChannel, _I]:
        channel = self._handles.find(handle, MqttChannel)
        item = channel.first()
        if not isinstance(item, kind):
            raise Refused("WRONGDATAREQUESTED")
        return channel, item

    @contextmanager
    def _late_fault_spoils(self, handle: int) -> Iterator[None]:
        """Let a LATEFAULT leave the channel, if there is one, of no further use."""
        try:
            yield
        except Refused as refusal:
            if refusal.status == "LATEFAULT" and self._handles.holds(handle, MqttChannel):
                self._handles.find(handle, MqttChannel).spoil()
            raise

    def _out_pointers(self, struct: str, out: GuestPointer) -> tuple[dict[str, int], dict[str, GuestPointer]]:
        """Read a struct of pointers to write through, all proven."""
        kind = self._abi.structs[struct]
        values = kind.unpack(out.read())
        return values, dict(field_pointers(self._memory, kind, values, "LATEFAULT"))

    def _write_struct(self, out: GuestPointer, struct: str, response: Response, **codes: int) -> None:
        state = self._states["MV_MQTTREQUESTSTATE_" + response.state]
        out.write(self._abi.structs[struct].pack({"request_state": state, **codes}))


def _ask(channel: MqttChannel, request: Request, otherwise: Response) -> None:
    """Let a request leave; without a session nobody need be asked."""
    if channel.connected:
        channel.ask(request, otherwise)
    else:
        channel.refuse(otherwise)


def _check_size(size: int, channel: MqttChannel) -> None:
    """Refuse what the send buffer has no room for (inferred: it is listed for HTTP and config requests only)."""
    if size > channel.send_size:
        raise Refused("INVALIDBUFFERSIZE")


def _check_room(values: dict[str, int], texts: dict[str, bytes]) -> None:
    if any(len(text) > values[f"{name}.size"] for name, text in texts.items()):
        raise Refused("INVALIDBUFFERSIZE")


def _write_texts(pointers: dict[str, GuestPointer], texts: dict[str, bytes]) -> None:
    for name, text in texts.items():
        if text:
            pointers[f"{name}.data"].write(text)
        pointers[f"{name}.length"].write_word(len(text))
