"""Laws of the radio: when answers land, and what the device's time does meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvsdk.emulator.device import Device
from mvsdk.emulator.events import Event
from mvsdk.emulator.network.exchanges import (
    Answer,
    HttpAnswer,
    Lost,
    MqttMessage,
    Request,
    StreamData,
    StreamOpened,
    StreamTaken,
    StreamWrite,
    answer_as_dict,
    answer_from_dict,
)
from mvsdk.emulator.network.peers import Reply
from mvsdk.emulator.network.radio import Radio
from mvsdk.emulator.network.scripted import ScriptedPeers
from mvsdk.emulator.network.weather import LinkProfile, Weather
from mvsdk.testing import ScriptedCore, Sleep
from tests.emulator.personality.kernel import BOARD, PLAUSIBLE, RAM, Guest, call, word
from tests.emulator.personality.networked import CHANNEL, IRQ, OUT, Record, must, online, records, wait

DATA = RAM + 0x20000


def writer(told: list[Record], lengths: tuple[int, ...] = (5,)) -> Callable[[ScriptedCore], Guest]:
    """Return a guest that opens a channel of bytes, writes, and sleeps until something comes."""

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "OPAQUEBYTES")
        for length in lengths:
            core.write_memory(DATA, bytes(range(length)))
            yield from must(call("mvWriteChannel", word(core, CHANNEL), DATA, length, OUT))
        while True:
            yield Sleep()
            core.pending.discard(IRQ)
            told[:] = records(core)

    return guest


class SlowPeers:
    """Answers from a thread of its own, when it is told to."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.may_answer = threading.Event()
        self._threads: list[threading.Thread] = []

    def send(self, request: Request, reply: Reply) -> None:
        """Answer a write with an echo, later."""
        if isinstance(request, StreamWrite):
            self._threads.append(threading.Thread(target=self._answer, args=(request, reply)))
            self._threads[-1].start()
            self.asked.set()
        elif request.ANSWER is StreamOpened:
            reply(StreamOpened(request.exchange))

    def _answer(self, request: StreamWrite, reply: Reply) -> None:
        self.may_answer.wait(10)
        reply(StreamTaken(request.exchange, len(request.data)))
        reply(StreamData(request.exchange, request.data))

    def close(self) -> None:
        """End the threads."""
        self.may_answer.set()
        for thread in self._threads:
            thread.join()


def test_an_answer_lands_as_late_as_the_link_takes() -> None:
    """With peers that answer at once the answer comes after one latency there and one back, to the microsecond."""
    told: list[Record] = []
    device = Device(BOARD, PLAUSIBLE, ScriptedCore(writer(told)))
    peers = ScriptedPeers()
    peers.stream("somewhere")
    with Radio(device, peers, Weather(LinkProfile(latency_ms=70))):
        device.run(1_000_000)
    assert [record.event for record in told] == ["CHANNELDATAREADABLE"]
    # The other side speaks by itself, in answer to what it was sent: one latency after the writing was taken.
    assert 70_000 <= told[0].time_us < 141_000


def test_the_host_is_waited_for_while_an_answer_is_awaited() -> None:
    """The device's time goes no further than the host's until the answer is there, and then runs free again."""
    clock = [0.0]
    told: list[Record] = []
    device = Device(BOARD, PLAUSIBLE, ScriptedCore(writer(told)))
    peers = SlowPeers()

    def now() -> float:
        clock[0] += 0.001
        if clock[0] >= 3.0:
            peers.may_answer.set()
        return clock[0]

    with Radio(device, peers, now=now):
        device.run(3600_000_000)
    assert [record.event for record in told] == ["CHANNELDATAREADABLE"]
    assert 2_900_000 <= told[0].time_us <= 60_000_000
    assert device.time_us == 3600_000_000
    assert clock[0] < 120


def test_a_device_can_be_stopped_while_it_waits() -> None:
    """`stop` from another thread ends a run that waits for an answer that never comes."""
    device = Device(BOARD, PLAUSIBLE, ScriptedCore(writer([])))
    peers = SlowPeers()

    def stop() -> None:
        peers.asked.wait(10)
        device.stop()

    stopper = threading.Thread(target=stop)
    with Radio(device, peers, now=lambda: 0.0):
        stopper.start()
        end = device.run(3600_000_000)
        stopper.join()
    assert end.name == "STOPPED"
    assert device.time_us < 1_000_000


def test_the_other_side_hears_of_a_connection_that_the_link_has_reset() -> None:
    """Nobody keeps a connection for a channel that is lost, whoever lost it; and it hears so once."""

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "OPAQUEBYTES")
        core.write_memory(DATA, b"hello")
        yield from must(call("mvWriteChannel", word(core, CHANNEL), DATA, 5, OUT))
        while not records(core):
            yield Sleep()
            core.pending.discard(IRQ)
        assert [record.event for record in records(core)] == ["CHANNELNOTCONNECTED"]
        yield from must(call("mvCloseChannel", CHANNEL))

    device = Device(BOARD, PLAUSIBLE, ScriptedCore(guest))
    peers = ScriptedPeers()
    peers.stream("somewhere")

    class Bad(Weather):
        """Resets every connection that is used."""

        def fate(self, request: Request) -> Answer | None:
            return Lost(request.exchange, "CHANNELRESETBYSERVER") if isinstance(request, StreamWrite) else None

    with Radio(device, peers, Bad()):
        device.run(60_000_000)
    assert [type(request).__name__ for request in peers.requests] == ["StreamOpen", "Close"]


@pytest.mark.parametrize("seed", range(3))
def test_the_same_seed_gives_the_same_weather(seed: int) -> None:
    """With scripted peers and a link that loses and jitters, two runs end in the same state; another seed's do not."""

    def run(seed: int) -> tuple[list[Event], str]:
        events: list[Event] = []
        device = Device(BOARD, PLAUSIBLE, ScriptedCore(writer([], (5, 9, 17, 33))), observers=[events.append])
        peers = ScriptedPeers()
        peers.stream("somewhere")
        flaky = LinkProfile(latency_ms=40, jitter_ms=300, up_kbit_s=10, outage_every_s=20, outage_s=3, reset=0.2)
        with Radio(device, peers, Weather(flaky, seed)):
            device.run(60_000_000)
        return events, device.state_hash()

    assert run(seed) == run(seed)
    assert run(seed)[1] != run(seed + 100)[1]


def test_a_saved_device_finds_its_channels_lost() -> None:
    """Whoever was connected when a device was saved is gone when it goes on; the application hears of it."""
    told: list[Record] = []

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "OPAQUEBYTES")
        yield from wait(core, 100)
        told.extend(records(core))

    device = Device(BOARD, PLAUSIBLE, ScriptedCore(guest))
    device.run(20_000)
    with Radio(device, ScriptedPeers()):
        device.run(1_000_000)
    assert [record.event for record in told] == ["CHANNELNOTCONNECTED"]


def test_slow_links_take_as_long_as_their_bytes() -> None:
    """At 8 kbit/s a thousand bytes take a second each way, on top of the latency."""
    weather = Weather(LinkProfile(latency_ms=10, up_kbit_s=8, down_kbit_s=8))
    assert weather.round_trip_us(1000) == 1_000_000 + 20_000
    assert weather.reception_us(500) == 500_000
    assert weather.one_way_us() == 10_000


EXAMPLES: list[Answer] = [
    Lost(3, "CHANNELRESETBYSERVER"),
    HttpAnswer(1, "OK", 200, (b"A: b", b"C: \xff"), b"\x00\x01"),
    MqttMessage(2, 7, b"a/b", b"\x80", 1, True),
]


@pytest.mark.parametrize("answer", EXAMPLES)
def test_an_answer_is_plain_data_and_back(answer: Answer) -> None:
    """What a recording keeps of an answer is that answer again."""
    assert answer_from_dict(answer_as_dict(answer)) == answer


HOLDS_AN_ANSWER = answer_as_dict(HttpAnswer(1, "OK", 200, (b"A: b",), b"body"))
JUNK = st.none() | st.booleans() | st.floats() | st.lists(st.integers(), max_size=2) | st.just("no base64!")


@given(field=st.sampled_from(sorted(HOLDS_AN_ANSWER)), junk=JUNK)
def test_what_is_no_answer_is_refused(field: str, junk: object) -> None:
    """A field of another type than the answer's is an error, never an answer of wrong types."""
    with pytest.raises(ValueError, match=r"Expected|kinds of answer|Invalid"):
        answer_from_dict(HOLDS_AN_ANSWER | {field: [junk] if field == "headers" else junk})


@pytest.mark.parametrize("data", [None, [], {}, {"kind": "Lost"}, {"kind": "Lost", "exchange": 1, "closure": "no"}])
def test_what_lacks_something_is_refused(data: object) -> None:
    """Missing or unknown fields and outcomes are errors."""
    with pytest.raises(ValueError, match=r"has|kinds of answer|Invalid"):
        answer_from_dict(data)
