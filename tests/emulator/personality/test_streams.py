"""Laws of channels of opaque bytes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mvsdk.emulator.device import Device
from mvsdk.emulator.inputs import Arrival, Input
from mvsdk.emulator.network.exchanges import (
    Lost,
    StreamData,
    StreamOpen,
    StreamRoom,
    StreamTaken,
    StreamWrite,
)
from mvsdk.testing import FakeWorld, ScriptedCore
from tests.emulator.personality.kernel import BOARD, PLAUSIBLE, RAM, Guest, call, status_name, word
from tests.emulator.personality.networked import CHANNEL, OUT, RECEIVE, Statuses, must, online, records, wait
from tests.emulator.personality.test_channels import run

DATA = RAM + 0x20000


def read(core: ScriptedCore) -> tuple[int, bytes]:
    """Return where the application was told to read, and what lies there."""
    address, length = word(core, OUT), word(core, OUT + 4)
    return address, core.read_memory(address, length) if length else b""


def test_bytes_are_read_where_they_lie() -> None:
    """The pointer is into the receive buffer, one record comes for each arrival, and consumed bytes are gone."""
    found: list[tuple[int, bytes]] = []
    told: list[str] = []

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "OPAQUEBYTES")
        yield from wait(core, 100)
        for consumed in (3, 100):
            yield from must(call("mvReadChannel", word(core, CHANNEL), OUT, OUT + 4))
            found.append(read(core))
            yield from must(call("mvReadChannelComplete", word(core, CHANNEL), consumed))
        yield from must(call("mvReadChannel", word(core, CHANNEL), OUT, OUT + 4))
        found.append(read(core))
        told.extend(record.event for record in records(core))

    world = run(guest, (50_000, Arrival(StreamData(1, b"hello"))))
    assert found == [(RECEIVE, b"hello"), (RECEIVE + 3, b"lo"), (RECEIVE + 5, b"")]
    assert told == ["CHANNELDATAREADABLE"]
    assert world.requests[:1] == [StreamOpen(1, b"somewhere", 512)]
    assert [request for request in world.requests if isinstance(request, StreamRoom)] == [
        StreamRoom(1, 3),
        StreamRoom(1, 2),
    ]


@given(pieces=st.lists(st.binary(min_size=1, max_size=400), min_size=1, max_size=12), consumed=st.integers(1, 600))
def test_what_is_sent_in_any_pieces_is_read_in_order(pieces: list[bytes], consumed: int) -> None:
    """Whatever the pieces and however much is consumed at a time, the application reads the same bytes, round the
    buffer's end as well."""
    found = bytearray()

    class Server(FakeWorld):
        """Sends what there is room for."""

        def __init__(self) -> None:
            super().__init__()
            self.room = 512
            self.waiting = list(pieces)

        def take(self, request: object) -> None:
            if isinstance(request, StreamRoom):
                self.room += request.count
            while self.waiting and len(self.waiting[0]) <= self.room:
                piece = self.waiting.pop(0)
                self.room -= len(piece)
                device.inputs.now(Arrival(StreamData(1, piece)))

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "OPAQUEBYTES")
        for _ in range(3 * sum(map(len, pieces)) // consumed + 3 * len(pieces) + 5):
            yield from must(call("mvReadChannel", word(core, CHANNEL), OUT, OUT + 4))
            _, there = read(core)
            found.extend(there[:consumed])
            yield from must(call("mvReadChannelComplete", word(core, CHANNEL), min(consumed, len(there))))

    device = Device(BOARD, PLAUSIBLE, ScriptedCore(guest))
    device.world = Server()
    device.run(10_000_000)
    assert bytes(found) == b"".join(pieces)


def test_a_full_send_buffer_takes_what_fits_and_tells_when_there_is_space() -> None:
    """The stream call takes a part, the other all or nothing; once something has left, CHANNELDATAWRITESPACE comes."""
    found: list[object] = []
    told: list[str] = []

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "OPAQUEBYTES")
        handle = word(core, CHANNEL)
        core.write_memory(DATA, bytes(range(256)) * 3)
        yield from must(call("mvWriteChannel", handle, DATA, 0, OUT))
        found.append(word(core, OUT))
        yield from must(call("mvWriteChannelStream", handle, DATA, 700, OUT))
        found.append(word(core, OUT))
        core.write_memory(OUT, b"\xaa\xbb\xcc\xdd")
        found.append(status_name((yield call("mvWriteChannel", handle, DATA, 1, OUT))))
        found.append(word(core, OUT))
        yield from wait(core, 100)
        yield from must(call("mvWriteChannel", handle, DATA, 100, OUT))
        found.append(word(core, OUT))
        told.extend(record.event for record in records(core))

    world = run(guest, (50_000, Arrival(StreamTaken(1, 200))))
    assert found == [512, 512, "INVALIDBUFFERSIZE", 0xDDCCBBAA, 100]
    assert told == ["CHANNELDATAWRITESPACE"]
    written = [request.data for request in world.requests if isinstance(request, StreamWrite)]
    assert written == [(bytes(range(256)) * 3)[:512], bytes(range(100))]


def test_what_came_before_the_end_can_still_be_read() -> None:
    """Bytes that had arrived outlive the other side; once they are consumed the channel is closed."""
    found = Statuses()

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "OPAQUEBYTES")
        handle = word(core, CHANNEL)
        yield from wait(core, 100)
        yield from found.call("mvWriteChannel", handle, DATA, 1, OUT)
        yield from found.call("mvReadChannel", handle, OUT, OUT + 4)
        yield from found.call("mvReadChannelComplete", handle, 2)
        yield from found.call("mvReadChannel", handle, OUT, OUT + 4)

    inputs: list[tuple[int, Input]] = [
        (50_000, Arrival(StreamData(1, b"hi"))),
        (60_000, Arrival(Lost(1, "CHANNELCLOSEDBYSERVER"))),
    ]
    run(guest, *inputs)
    assert found == ["CHANNELCLOSED", "OKAY", "OKAY", "CHANNELCLOSED"]
