"""Channels: mvOpenChannel, mvCloseChannel, mvGetChannelClosureReason, and what all kinds of channel have in common.

A kind of channel is a subclass of `Channel` in the file of its family, which makes it known with `Channels.keep`. All
share the table of handles, so a channel of another kind is an invalid handle.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import ClassVar

from mvsdk.abi import Abi
from mvsdk.emulator.network.exchanges import Answer, Close, Lost, Request
from mvsdk.emulator.personality import Host
from mvsdk.emulator.personality.microvisor.answers import GuestPointer, Refused, answers, field_pointers
from mvsdk.emulator.personality.microvisor.buffers import LentBuffers
from mvsdk.emulator.personality.microvisor.handles import HandleTable
from mvsdk.emulator.personality.microvisor.network import Network, NetworkHold
from mvsdk.emulator.personality.microvisor.notifications import NotificationCentre, Subscriber

VERSION = 1
MOST_CHANNELS = 4
BUFFER_GRAIN = 512
"""Address and length of either buffer are multiples of this (documented for HTTP, inferred for the others)."""
MOST_OPENS, OPENS_WITHIN_US = 8, 1_000_000
"""How many opens may come in how long, whether or not they succeed (the length is inferred)."""


class Channel(Subscriber):
    """One channel: whom it tells, the buffers it was lent, and how it ended.

    What it sends leaves by `send`; what comes is told to `arrived`. When the other side is gone the channel stays until
    the application closes it, which may ask why before.
    """

    STATE: ClassVar[tuple[str, ...]] = (
        "exchange",
        "network",
        "receive_address",
        "receive_size",
        "send_address",
        "send_size",
        "closure",
    )
    TYPE: ClassVar[str]
    """The name of its MvChannelType, without the prefix."""

    def __init__(self, channels: Channels) -> None:
        super().__init__()
        self._channels = channels
        self.host = channels.host
        self.exchange = 0
        self.network = 0
        """The handle of the hold on the network it was opened with."""
        self.receive_address, self.receive_size = 0, 0
        self.send_address, self.send_size = 0, 0
        self.closure = "NONE"
        """The name of its MvClosureReason, without the prefix."""

    def check_endpoint(self, endpoint: bytes) -> None:
        """Refuse an endpoint that is none for this kind; the managed kinds have the empty one."""
        if endpoint:
            raise Refused("UNKNOWNCHANNELENDPOINT")

    def opened(self, endpoint: bytes) -> None:
        """Begin, once everything else is in place."""

    def arrived(self, answer: Answer) -> None:
        """Take an answer other than `Lost`."""
        raise NotImplementedError

    def ended(self) -> None:
        """Take back whatever waits for its moment: the channel is closed, by whomever."""

    def stranded(self) -> Answer | None:
        """Return what the application is told if the world that the channel was opened to is no more; None for
        nothing."""
        return Lost(self.exchange, "UNEXPECTEDLYTERMINATED")

    def check_connected(self) -> None:
        """Refuse with CHANNELCLOSED if the other side is gone."""
        if self.closure != "NONE":
            raise Refused("CHANNELCLOSED")

    def lose(self, closure: str) -> None:
        """Let the other side be gone. The application hears of it."""
        if self.closure == "NONE":
            self.closure = closure
            self.ended()
            self.notify("CHANNELNOTCONNECTED")

    def send(self, request: Request) -> None:
        """Let a request leave for the world."""
        self.host.send(request)

    def notify(self, event: str) -> None:
        """Tell the application: the name of an MvEventType, without the prefix."""
        self.post(self._channels.handles, self._channels.events["MV_EVENTTYPE_" + event])


class Channels:
    """The channels the application has, of all kinds."""

    STATE: ClassVar[tuple[str, ...]] = ("_exchanges", "_opens_us")
    NOT_STATE: ClassVar[tuple[str, ...]] = ("_kinds",)
    """Known before the device runs."""

    def __init__(self, host: Host, abi: Abi, handles: HandleTable, buffers: LentBuffers, network: Network) -> None:
        self.host = host
        self.abi = abi
        self.handles = handles
        self.events = abi.enums["MvEventType"].members
        self._params = abi.structs["MvOpenChannelParams"]
        self._types = abi.enums["MvChannelType"].members
        self._closures = abi.enums["MvClosureReason"].members
        self._buffers = buffers
        self._network = network
        self._kinds: dict[int, type[Channel]] = {}
        self._exchanges = 0
        self._opens_us: deque[int] = deque(maxlen=MOST_OPENS)
        network.disconnected = self.disconnect

    def keep(self, kind: type[Channel]) -> None:
        """Make a kind of channel known."""
        self._kinds[self._types["MV_CHANNELTYPE_" + kind.TYPE]] = kind
        self.handles.keep(f"channel {kind.TYPE}", kind, lambda: kind(self))

    def stop(self) -> None:
        """End an application's life: the world hears that its channels are gone."""
        for channel in self.handles.all(Channel):
            self._end(channel)
        self._opens_us.clear()

    def arrived(self, answer: Answer) -> None:
        """Give an answer to its channel. What comes for one that is closed is in vain."""
        channel = self.find(answer.exchange)
        if channel is None or channel.closure != "NONE":
            return
        if isinstance(answer, Lost):
            self._lose(channel, answer.closure)
        else:
            channel.arrived(answer)

    def stranded(self) -> Iterator[Answer]:
        """Yield what is to be told of channels that were opened to a world that is no more."""
        for channel in self.handles.all(Channel):
            answer = channel.stranded() if channel.closure == "NONE" else None
            if answer is not None:
                yield answer

    def find(self, exchange: int) -> Channel | None:
        """Return the channel with that number; None if the application has none."""
        return next((channel for channel in self.handles.all(Channel) if channel.exchange == exchange), None)

    @property
    def connected(self) -> frozenset[int]:
        """The numbers of the channels whose other side is there."""
        return frozenset(channel.exchange for channel in self.handles.all(Channel) if channel.closure == "NONE")

    def disconnect(self, hold: int | None) -> None:
        """Lose every channel, or those of one hold on the network: the device is no longer connected for them."""
        for channel in list(self.handles.all(Channel)):
            if (hold is None or channel.network == hold) and channel.closure == "NONE":
                self._lose(channel, "NETWORKDISCONNECTED")

    def _lose(self, channel: Channel, closure: str) -> None:
        """Let a channel's other side be gone, and the world hear that nothing follows."""
        self.host.send(Close(channel.exchange))
        channel.lose(closure)

    @answers("mvOpenChannel")
    def open(self, params: GuestPointer, handle_out: GuestPointer) -> None:
        """Open a channel. Its buffers belong to the kernel until it is closed."""
        values = self._params.unpack(params.read())
        pointers = dict(field_pointers(self.host.memory, self._params, values))
        if values["version"] != VERSION:
            raise Refused("UNSUPPORTEDSTRUCTUREVERSION")
        self.handles.find(values["v1.notification_handle"], NotificationCentre)
        self.handles.find(values["v1.network_handle"], NetworkHold)
        channel = self._made(values)
        endpoint = pointers["v1.endpoint.data"].read() if "v1.endpoint.data" in pointers else b""
        channel.check_endpoint(endpoint)
        if type(channel) is Channel:
            raise Refused("UNKNOWNCHANNELTYPE")
        self._check_free(channel)
        self._check_state()
        self._exchanges += 1
        channel.exchange = self._exchanges
        for holder, address, size in _lent(channel):
            self._buffers.lend(address, size, holder)
        handle_out.write_word(self.handles.add(channel))
        channel.opened(endpoint)

    @answers("mvCloseChannel")
    def close(self, handle: GuestPointer) -> None:
        """Close a channel, also one whose other side is gone already, and give its buffers back."""
        channel = self.handles.remove(handle.read_word(), Channel)
        self._end(channel)
        for holder, _, _ in _lent(channel):
            self._buffers.give_back(holder)
        handle.write_word(0)

    @answers("mvGetChannelClosureReason")
    def closure_reason(self, handle: int, out: GuestPointer) -> None:
        """Say why a channel's other side is gone; NONE while it is there."""
        closure = self.handles.find(handle, Channel).closure
        out.write_word(self._closures["MV_CLOSUREREASON_" + closure])

    def _end(self, channel: Channel) -> None:
        if channel.closure == "NONE":
            channel.closure = "CLOSEDBYAPPLICATION"
            channel.ended()
            self.host.send(Close(channel.exchange))

    def _made(self, values: dict[str, int]) -> Channel:
        """Make the channel that the parameters ask for, once its buffers are in order. One of a type that does not
        exist is a `Channel` and no more."""
        buffers = [(values[f"v1.{name}_buffer"], values[f"v1.{name}_buffer_len"]) for name in ("receive", "send")]
        if any(address % BUFFER_GRAIN for address, _ in buffers):
            raise Refused("INVALIDBUFFERALIGNMENT")
        if any(not size or size % BUFFER_GRAIN for _, size in buffers):
            raise Refused("INVALIDBUFFERSIZE")
        channel = self._kinds.get(values["v1.channel_type"], Channel)(self)
        channel.centre, channel.tag = values["v1.notification_handle"], values["v1.notification_tag"]
        channel.network = values["v1.network_handle"]
        (channel.receive_address, channel.receive_size), (channel.send_address, channel.send_size) = buffers
        return channel

    def _check_free(self, channel: Channel) -> None:
        """Refuse buffers that something else has, or that overlap (inferred: the list does not name the status)."""
        (_, receive, receive_size), (_, send, send_size) = _lent(channel)
        if receive < send + send_size and send < receive + receive_size:
            raise Refused("BUFFERALREADYINUSE")
        self._buffers.check(receive, receive_size)
        self._buffers.check(send, send_size)

    def _check_state(self) -> None:
        """Refuse what the kernel cannot do now."""
        if not self._network.online:
            raise Refused("NETWORKNOTCONNECTED")
        now = self.host.time_us
        if len(self._opens_us) == MOST_OPENS and now - self._opens_us[0] < OPENS_WITHIN_US:
            raise Refused("RATELIMITED")
        self._opens_us.append(now)
        if sum(1 for _ in self.handles.all(Channel)) >= MOST_CHANNELS:
            raise Refused("TOOMANYCHANNELS")


def _lent(channel: Channel) -> tuple[tuple[str, int, int], tuple[str, int, int]]:
    """Return the two buffers of a channel: who holds them, address and size."""
    return (
        (f"receive buffer of channel {channel.exchange}", channel.receive_address, channel.receive_size),
        (f"send buffer of channel {channel.exchange}", channel.send_address, channel.send_size),
    )
