"""Channels of opaque bytes: mvReadChannel, mvReadChannelComplete, mvWriteChannel, mvWriteChannelStream.

Each buffer is a ring. What arrives lies in the receive buffer until the application says it has consumed it; it reads
the bytes where they lie, up to the buffer's end, and the rest after that. What is written lies in the send buffer
until it has left.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from mvsdk.emulator.network.exchanges import Answer, StreamData, StreamOpen, StreamRoom, StreamTaken, StreamWrite
from mvsdk.emulator.personality.microvisor.answers import GuestPointer, Refused, answers
from mvsdk.emulator.personality.microvisor.channels import Channel, Channels

LONGEST_ENDPOINT = 255
"""Bytes (inferred)."""


class StreamChannel(Channel):
    """A channel of opaque bytes. `first` is where the oldest unread byte lies, `unread` how many there are, `unsent`
    how many still lie in the send buffer."""

    STATE: ClassVar[tuple[str, ...]] = ("first", "unread", "next_write", "unsent", "_wants_space")
    TYPE = "OPAQUEBYTES"

    def __init__(self, channels: Channels) -> None:
        super().__init__(channels)
        self.first, self.unread = 0, 0
        self.next_write, self.unsent = 0, 0
        self._wants_space = False

    def check_endpoint(self, endpoint: bytes) -> None:
        """It is opened to somewhere; where that is, the emulator has been told."""
        if not endpoint or len(endpoint) > LONGEST_ENDPOINT:
            raise Refused("UNKNOWNCHANNELENDPOINT")

    def opened(self, endpoint: bytes) -> None:
        """Connect."""
        self.send(StreamOpen(self.exchange, endpoint, self.receive_size))

    def arrived(self, answer: Answer) -> None:
        """Take bytes, or hear that there is space for more."""
        if isinstance(answer, StreamData):
            self._take(answer.data)
        elif isinstance(answer, StreamTaken):
            self.unsent = max(0, self.unsent - answer.count)
            if self._wants_space:
                self._wants_space = False
                self.notify("CHANNELDATAWRITESPACE")

    @property
    def space(self) -> int:
        """How many bytes can be written now."""
        return self.send_size - self.unsent

    def write(self, data: bytes) -> None:
        """Let bytes leave, for which there is space."""
        self._put(self.send_address, self.send_size, self.next_write, data)
        self.next_write = (self.next_write + len(data)) % self.send_size
        self.unsent += len(data)
        self.send(StreamWrite(self.exchange, data))

    def await_space(self) -> None:
        """Tell the application when there is space again."""
        self._wants_space = True

    def consume(self, count: int) -> None:
        """Forget bytes that the application has read; more than there are counts as all."""
        count = min(count, self.unread)
        self.first = (self.first + count) % self.receive_size
        self.unread -= count
        if count:
            self.send(StreamRoom(self.exchange, count))

    def _take(self, data: bytes) -> None:
        """Bytes beyond the room there is can only come from a recording of something else."""
        data = data[: self.receive_size - self.unread]
        self._put(self.receive_address, self.receive_size, (self.first + self.unread) % self.receive_size, data)
        self.unread += len(data)
        self.notify("CHANNELDATAREADABLE")

    def _put(self, base: int, size: int, at: int, data: bytes) -> None:
        until_end = size - at
        self.host.memory.write(base + at, data[:until_end])
        self.host.memory.write(base, data[until_end:])


class Streams:
    """The calls on channels of opaque bytes. Another kind of channel is an invalid handle."""

    def __init__(self, channels: Channels) -> None:
        self._handles = channels.handles
        channels.keep(StreamChannel)

    @answers("mvReadChannel")
    def read(self, handle: int, pointer_out: GuestPointer, length_out: GuestPointer) -> None:
        """Say where the oldest bytes lie and how many lie there in one piece. What came before the other side was gone
        can still be read."""
        channel = self._handles.find(handle, StreamChannel)
        if not channel.unread:
            channel.check_connected()
        pointer_out.write_word(channel.receive_address + channel.first)
        length_out.write_word(min(channel.unread, channel.receive_size - channel.first))

    @answers("mvReadChannelComplete")
    def read_complete(self, handle: int, consumed: int) -> None:
        """Take back the oldest bytes."""
        channel = self._handles.find(handle, StreamChannel)
        if not channel.unread:
            channel.check_connected()
        channel.consume(consumed)

    def _handle_first(self, registers: Sequence[int]) -> None:
        self._handles.find(registers[0], StreamChannel)

    @answers("mvWriteChannelStream", before_pointers=_handle_first)
    def write_stream(self, handle: int, data: GuestPointer, _length: int, written_out: GuestPointer) -> None:
        """Take as much as there is space for."""
        channel = self._handles.find(handle, StreamChannel)
        channel.check_connected()
        taken = data.read()[: channel.space]
        if len(taken) < data.length:
            channel.await_space()
        if taken:
            channel.write(taken)
        written_out.write_word(len(taken))

    @answers("mvWriteChannel", before_pointers=_handle_first)
    def write(self, handle: int, data: GuestPointer, _length: int, available_out: GuestPointer) -> None:
        """Take all or nothing, and say how much space is left."""
        channel = self._handles.find(handle, StreamChannel)
        channel.check_connected()
        if data.length > channel.space:
            channel.await_space()
            raise Refused("INVALIDBUFFERSIZE")
        if data.length:
            channel.write(data.read())
        available_out.write_word(channel.space)
