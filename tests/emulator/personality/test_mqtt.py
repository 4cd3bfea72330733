"""Laws of channels to MQTT brokers, as the application meets them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvsdk.emulator.device import Device
from mvsdk.emulator.errors import InputError
from mvsdk.emulator.events import SystemCall
from mvsdk.emulator.inputs import Arrival, Link, as_dict, from_dict
from mvsdk.emulator.network.exchanges import (
    Answer,
    Close,
    Lost,
    MqttAcknowledge,
    MqttConnect,
    MqttConnected,
    MqttDisconnect,
    MqttDisconnected,
    MqttMessage,
    MqttPublish,
    MqttPublished,
    MqttSubscribe,
    MqttSubscribed,
    MqttSubscription,
    MqttTaken,
    MqttUnsubscribe,
    MqttUnsubscribed,
    MqttWill,
    Request,
)
from mvsdk.emulator.saving import load, save
from mvsdk.testing import Call, FakeWorld, ScriptedCore
from tests.emulator.personality.kernel import ABI, BOARD, PLAUSIBLE, Guest, Kernel, call, status_name, word
from tests.emulator.personality.mqtt_guest import (
    AREA,
    DATA,
    READERS,
    Heard,
    connect_call,
    connected,
    out_values,
    publish_call,
    subscribe_call,
    unsubscribe_call,
)
from tests.emulator.personality.networked import (
    CHANNEL,
    OUT,
    Record,
    Statuses,
    channel_call,
    must,
    online,
    records,
    wait,
)

OVERHEAD = 16
"""Of what is queued in the receive buffer."""


class Broker(FakeWorld):
    """A world that answers each request at once with what a function says, and keeps the requests."""

    def __init__(self, device: Device, answer: Callable[[Request], list[Answer]] = lambda request: []) -> None:
        super().__init__()
        self._device = device
        self._answer = answer

    def take(self, request: Request) -> None:
        """Keep it, and answer; whoever connects is accepted unless the function knows better."""
        self.requests.append(request)
        answers = self._answer(request)
        if isinstance(request, Close):
            return
        if isinstance(request, MqttConnect) and not answers:
            answers = [MqttConnected(request.exchange, "REQUESTCOMPLETED")]
        for answer in answers:
            self._device.inputs.now(Arrival(answer))


def run(
    guest: Callable[[ScriptedCore], Guest],
    answer: Callable[[Request], list[Answer]] = lambda request: [],
    until_us: int = 60_000_000,
) -> Broker:
    """Run a guest that has a broker, and return that."""
    device = Device(BOARD, PLAUSIBLE, ScriptedCore(guest))
    broker = device.world = Broker(device, answer)
    device.run(until_us)
    return broker


# -- connecting ------------------------------------------------------------------------------------------------------


def test_a_connect_request_arrives_as_it_was_written() -> None:
    """Every part of it, with credentials and will."""

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "MQTT", send_size=2048)
        request = connect_call(
            core,
            protocol_version=0,
            host=b"broker",
            port=1,
            clientid=b"me",
            keepalive=7,
            clean_start=1,
            credentials={
                "cacert": (b"root", b"other"),
                "clientcert.chain": (b"mine",),
                "clientcert.key": b"private",
            },
            will={"topic": b"will", "payload": b"gone", "qos": 1, "retain": 1},
        )
        yield from must(request)

    will = MqttWill(b"will", b"gone", 1, True)
    assert run(guest).requests == [
        MqttConnect(1, 4, b"broker", 1, b"me", None, None, (b"root", b"other"), (b"mine",), b"private", 7, True, will)
    ]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"credentials": {}},
        {"credentials": {"cacert": (b"root",)}},
        {"credentials": {"clientcert.chain": (b"mine",), "clientcert.key": b"private"}},
        {"authentication.method": 1, "authentication.username_password.username": b"me"},
        {"authentication.method": 1},
        {"authentication.method": 0, "authentication.username_password.password.data": 3},
        {
            "authentication.method": 0,
            "authentication.username_password.password.data": 3,
            "authentication.username_password.password.length": 99,
        },
    ],
)
def test_what_is_left_out_may_be_left_out(options: dict[str, object]) -> None:
    """No credentials, a zeroed half of them, no will, and no name and password if none are used."""
    heard = Heard()

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "MQTT")
        yield from must(connect_call(core, **options))
        yield from heard.await_one(core)

    (request,) = run(guest).requests
    assert isinstance(request, MqttConnect)
    expected = (b"me" if "authentication.username_password.username" in options else b"", b"")
    assert (request.username, request.password) == (expected if options.get("authentication.method") else (None, None))
    assert heard.items == [("CONNECTRESPONSE", "REQUESTCOMPLETED", 0)]


def test_a_channel_connects_once() -> None:
    """A second request is refused whether or not the first succeeded; one that was refused itself does not count."""
    statuses = Statuses()

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "MQTT")
        for options in ({"host": b""}, {}, {}):
            statuses.append(status_name((yield connect_call(core, **options))))

    broker = run(guest)
    assert statuses == ["REQUIREDELEMENTMISSING", "OKAY", "REQUESTALREADYSENT"]
    assert [type(request) for request in broker.requests] == [MqttConnect]


@pytest.mark.parametrize(
    "answer",
    [
        MqttConnected(1, "UNKNOWNCA"),
        MqttConnected(1, "REQUESTCOMPLETED", 0x87),
        Lost(1, "CONNECTIONTERMINATED"),
    ],
)
def test_a_failed_connect_is_a_response_and_nothing_else(answer: Answer) -> None:
    """The application is told once that something can be read; the channel is not lost, but it is not connected."""
    heard = Heard()
    told: list[str] = []

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "MQTT")
        yield from must(connect_call(core))
        yield from wait(core, 10)
        told.extend(record.event for record in records(core))
        yield from heard.read_all(core)
        yield from must(publish_call(core, b"a"))
        yield from heard.await_one(core)

    broker = run(guest, lambda request: [answer])
    state, reason = (answer.state, answer.reason) if isinstance(answer, MqttConnected) else ("SOCKETERROR", 0)
    assert told == ["CHANNELDATAREADABLE"]
    assert heard.items == [("CONNECTRESPONSE", state, reason), ("PUBLISHRESPONSE", "NOTCONNECTED", 1, 0)]
    assert [type(request) for request in broker.requests if not isinstance(request, Close)] == [MqttConnect]


@pytest.mark.parametrize("wrong", [{"protocol_version": 2}, {"authentication.method": 9}])
def test_versions_and_methods_there_are_not_are_invalid_parameters(wrong: dict[str, int]) -> None:
    """The call is accepted, the server's response says so, and no broker hears of it."""
    heard = Heard()

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "MQTT")
        yield from must(connect_call(core, **wrong))
        yield from heard.next_type(core)
        yield from heard.await_one(core)

    assert not [request for request in run(guest).requests if isinstance(request, MqttConnect)]
    assert heard.items == [("NONE",), ("CONNECTRESPONSE", "INVALIDPARAMETERS", 0)]


def test_a_device_alone_in_the_world_hears_so() -> None:
    """Without anybody to answer a connect request fails after half a minute, and what follows is not connected."""
    heard = Heard()

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "MQTT")
        yield from must(connect_call(core))
        yield from heard.await_one(core, 40_000)
        for make in (subscribe_call, unsubscribe_call):
            yield from must(make(core, b"a"))
            yield from heard.await_one(core)
        yield from must(call("mvMqttRequestDisconnect", word(core, CHANNEL)))
        yield from heard.await_one(core)

    device = Device(BOARD, PLAUSIBLE, ScriptedCore(guest))
    device.run(60_000_000)
    assert heard.items == [
        ("CONNECTRESPONSE", "SOCKETERROR", 0),
        ("SUBSCRIBERESPONSE", "NOTCONNECTED", 1, []),
        ("UNSUBSCRIBERESPONSE", "NOTCONNECTED", 1, []),
        ("DISCONNECTRESPONSE", "NOTCONNECTED", 0),
    ]


# -- requests and responses ------------------------------------------------------------------------------------------


def test_requests_arrive_as_they_were_written() -> None:
    """Topics, options, payloads, correlations, acknowledgements."""
    heard = Heard()

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "MQTT")
        yield from connected(core, heard)
        yield from must(subscribe_call(core, b"a", b"b/#", correlation=5, desired_qos=1, nl=1, rap=1, rh=2))
        yield from must(unsubscribe_call(core, b"a", b"", correlation=6))
        yield from must(publish_call(core, b"t", b"data", correlation=7, qos=2, retain=1))
        yield from must(publish_call(core, b"t", correlation=0xFFFF_FFFF, qos=9))
        yield from must(call("mvMqttAcknowledgeMessage", word(core, CHANNEL), 8))
        yield from must(call("mvMqttRequestDisconnect", word(core, CHANNEL)))

    assert run(guest, until_us=1_000_000).requests[1:] == [
        MqttSubscribe(1, 5, tuple(MqttSubscription(topic, 1, True, True, 2) for topic in (b"a", b"b/#"))),
        MqttUnsubscribe(1, 6, (b"a", b"")),
        MqttPublish(1, 7, b"t", b"data", 2, True),
        MqttPublish(1, 0xFFFF_FFFF, b"t", b"", 9, False),
        MqttAcknowledge(1, 8),
        MqttDisconnect(1),
    ]


def test_responses_may_come_out_of_order_and_only_to_requests() -> None:
    """They are matched by kind and correlation, and queued as they come; what nobody asked for is dropped."""
    heard = Heard()
    held: list[Answer] = []

    def answer(request: Request) -> list[Answer]:
        if isinstance(request, MqttPublish):
            held.insert(0, MqttPublished(1, request.correlation, "REQUESTCOMPLETED", request.correlation))
        if isinstance(request, MqttDisconnect):
            stray: list[Answer] = [MqttPublished(1, 9, "REQUESTCOMPLETED"), MqttSubscribed(1, 1, "REQUESTCOMPLETED")]
            return [
                *stray,
                *held,
                *held,
                MqttConnected(1, "REQUESTCOMPLETED"),
                MqttDisconnected(1, "REQUESTCOMPLETED", 4),
            ]
        return []

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "MQTT")
        yield from connected(core, heard)
        for correlation in (1, 2, 3):
            yield from must(publish_call(core, b"t", correlation=correlation))
        yield from must(call("mvMqttRequestDisconnect", word(core, CHANNEL)))
        yield from wait(core, 5)
        yield from heard.read_all(core)

    run(guest, answer)
    assert heard.items == [
        *[("PUBLISHRESPONSE", "REQUESTCOMPLETED", number, number) for number in (3, 2, 1)],
        ("DISCONNECTRESPONSE", "REQUESTCOMPLETED", 4),
    ]


@given(count=st.integers(0, 8), size=st.integers(0, 40))
@settings(max_examples=60)
def test_the_size_of_reason_codes_counts_bytes_or_elements(count: int, size: int) -> None:
    """An array is large enough if its size is, read as either; if not, the response stays."""
    reasons = tuple(range(count))
    heard = Heard()

    def answer(request: Request) -> list[Answer]:
        return [MqttSubscribed(1, 1, "REQUESTCOMPLETED", reasons)] if isinstance(request, MqttSubscribe) else []

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "MQTT")
        yield from connected(core, heard)
        yield from must(subscribe_call(core, b"a"))
        yield from wait(core, 2)
        yield from heard.read(core, "SUBSCRIBERESPONSE", room=size)
        yield from heard.read(core, "SUBSCRIBERESPONSE", room=100)

    run(guest, answer)
    good = ("SUBSCRIBERESPONSE", "REQUESTCOMPLETED", 1, list(reasons))
    if size >= count:
        assert heard.items == [good, ("SUBSCRIBERESPONSE", "RESPONSENOTPRESENT")]
    else:
        assert heard.items == [("SUBSCRIBERESPONSE", "INVALIDBUFFERSIZE"), good]


def test_what_is_under_way_is_limited_until_it_is_answered() -> None:
    """One subscribe, one unsubscribe, sixteen publishes and one disconnect; an answer makes room for another one."""
    statuses = Statuses()
    heard = Heard()

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "MQTT")
        yield from connected(core, heard)
        makes: list[tuple[Callable[..., Call], int, Answer]] = [
            (subscribe_call, 1, MqttSubscribed(1, 0, "REQUESTCOMPLETED", (0,))),
            (unsubscribe_call, 1, MqttUnsubscribed(1, 0, "REQUESTCOMPLETED", (0,))),
            (publish_call, 16, MqttPublished(1, 0, "REQUESTCOMPLETED")),
        ]
        for make, limit, answer in makes:
            for number in range(limit):
                yield from must(make(core, b"a", correlation=number))
            statuses.append(status_name((yield make(core, b"a", correlation=99))))
            device.inputs.now(Arrival(answer))
            yield from wait(core, 1)
            yield from must(make(core, b"a", correlation=99))
            statuses.append(status_name((yield make(core, b"a", correlation=100))))

    device = Device(BOARD, PLAUSIBLE, ScriptedCore(guest))
    device.world = Broker(device)
    device.run(10_000_000)
    assert statuses == ["RATELIMITED"] * 6


@pytest.mark.parametrize(
    ("make", "kind", "late"),
    [
        (publish_call, "PUBLISHRESPONSE", MqttPublished(1, 3, "REQUESTCOMPLETED")),
        (subscribe_call, "SUBSCRIBERESPONSE", MqttSubscribed(1, 3, "REQUESTCOMPLETED", (0,))),
        (unsubscribe_call, "UNSUBSCRIBERESPONSE", MqttUnsubscribed(1, 3, "REQUESTCOMPLETED", (0,))),
    ],
)
def test_requests_that_nobody_answers_are_not_connected_in_the_end(
    make: Callable[..., Call], kind: str, late: Answer
) -> None:
    """A broker that is silent for half a minute is as good as gone for the request; a late answer is dropped, also
    while another request of the kind is under way, and the session goes on."""
    heard = Heard()

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "MQTT")
        yield from connected(core, heard)
        yield from must(make(core, b"a", correlation=3))
        yield from heard.await_one(core, 31_000)
        for correlation in (4, 5):
            yield from must(make(core, b"a", correlation=correlation))
            device.inputs.now(Arrival(late))
            yield from wait(core, 1)
            yield from heard.next_type(core)
            device.inputs.now(Arrival(replace(late, correlation=correlation)))  # type: ignore[call-arg]
            yield from heard.await_one(core)

    device = Device(BOARD, PLAUSIBLE, ScriptedCore(guest))
    device.world = Broker(device)
    device.run(60_000_000)
    assert [item[:3] for item in heard.items] == [
        (kind, "NOTCONNECTED", 3),
        ("NONE",),
        (kind, "REQUESTCOMPLETED", 4),
        ("NONE",),
        (kind, "REQUESTCOMPLETED", 5),
    ]


def test_a_connection_or_parting_that_comes_too_late_comes_in_vain() -> None:
    """Once the kernel has given up either, the broker's answer makes no session and no second response."""
    heard, closes = Heard(), list[int]()

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "MQTT")
        yield from must(connect_call(core))
        yield from heard.await_one(core, 31_000)
        device.inputs.now(Arrival(MqttConnected(1, "REQUESTCOMPLETED")))
        yield from wait(core, 1)
        yield from heard.next_type(core)
        yield from must(publish_call(core, b"a"))
        yield from heard.await_one(core)
        yield from must(call("mvCloseChannel", CHANNEL))
        yield from must(channel_call(core, "MQTT"))
        yield from must(connect_call(core))
        device.inputs.now(Arrival(MqttConnected(2, "REQUESTCOMPLETED")))
        yield from heard.await_one(core)
        yield from must(call("mvMqttRequestDisconnect", word(core, CHANNEL)))
        yield from heard.await_one(core, 31_000)
        device.inputs.now(Arrival(MqttDisconnected(2, "REQUESTCOMPLETED")))
        yield from wait(core, 1)
        yield from heard.next_type(core)

    def silent(request: Request) -> list[Answer]:
        if isinstance(request, Close):
            closes.append(request.exchange)
        return [Lost(99, "CONNECTIONTERMINATED")]

    device = Device(BOARD, PLAUSIBLE, ScriptedCore(guest))
    device.world = Broker(device, silent)
    device.run(90_000_000)
    assert heard.items == [
        ("CONNECTRESPONSE", "SOCKETERROR", 0),
        ("NONE",),
        ("PUBLISHRESPONSE", "NOTCONNECTED", 1, 0),
        ("CONNECTRESPONSE", "REQUESTCOMPLETED", 0),
        ("DISCONNECTRESPONSE", "NOTCONNECTED", 0),
        ("NONE",),
    ]
    assert set(closes) == {1, 2}


# -- messages --------------------------------------------------------------------------------------------------------


def messages(*found: MqttMessage) -> Callable[[Request], list[Answer]]:
    """Return a broker that sends messages to whoever subscribes."""
    return lambda request: list(found) if isinstance(request, MqttSubscribe) else []


def test_a_message_is_read_once_and_whole() -> None:
    """All of its parts; the broker's side learns that it was taken, and when it is acknowledged."""
    heard = Heard()
    message = MqttMessage(1, 77, b"some/topic", b"\0data", 2, True)

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "MQTT")
        yield from connected(core, heard)
        yield from must(subscribe_call(core, b"#"))
        yield from wait(core, 1)
        yield from heard.read(core, "MESSAGERECEIVED", room=9)
        yield from heard.read_all(core)
        yield from must(call("mvMqttAcknowledgeMessage", word(core, CHANNEL), 77))

    broker = run(guest, messages(message))
    assert heard.items == [
        ("MESSAGERECEIVED", "INVALIDBUFFERSIZE"),
        ("MESSAGERECEIVED", 77, b"some/topic", b"\0data", 2, 1),
    ]
    assert broker.requests[2:] == [MqttTaken(1), MqttAcknowledge(1, 77)]


def test_only_what_is_first_can_be_read() -> None:
    """The call for anything else is refused and takes nothing, and with nothing there is no response."""
    heard = Heard()

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "MQTT")
        yield from must(connect_call(core))
        yield from wait(core, 1)
        for _ in range(2):
            for kind in READERS:
                yield from heard.read(core, kind)

    run(guest)
    first, *wrong = heard.items
    assert first == ("CONNECTRESPONSE", "REQUESTCOMPLETED", 0)
    assert wrong[:6] == [(kind, "RESPONSENOTPRESENT") for kind in list(READERS)[1:]]

    heard.items.clear()

    def other(core: ScriptedCore) -> Guest:
        yield from online(core, "MQTT")
        yield from must(connect_call(core))
        yield from wait(core, 1)
        for kind in reversed(READERS):
            yield from heard.read(core, kind)

    run(other)
    assert [item[1] for item in heard.items] == ["WRONGDATAREQUESTED"] * 6 + ["REQUESTCOMPLETED"]


@pytest.mark.parametrize("count", [1, 3, 5])
def test_who_reads_one_thing_for_each_record_reads_all(count: int) -> None:
    """Every arrival is told, and so is more after a read: there are at least as many records as things to read."""
    heard = Heard()
    told: list[int] = []

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "MQTT")
        yield from connected(core, heard)
        before = len(records(core))
        yield from must(subscribe_call(core, b"#"))
        yield from wait(core, 10)
        told.append(len(records(core)) - before)
        for _ in range(count):
            yield from heard.read(core, "MESSAGERECEIVED")
            yield from wait(core, 2)
        told.append(len(records(core)) - before)

    run(guest, messages(*(MqttMessage(1, number, b"t", b"x", 0, False) for number in range(count))))
    assert told == [count, count + count - 1]
    assert [item[1] for item in heard.items] == list(range(count))


@given(st.lists(st.tuples(st.integers(1, 600), st.integers(0, 700), st.integers(0, 2)), min_size=1, max_size=30))
@settings(max_examples=60)
def test_messages_come_in_order_however_large(sizes: list[tuple[int, int, int]]) -> None:
    """Those that fit an empty buffer are read, the others reported as lost and acknowledged for the application, which
    cannot, all in the order they came; no more is queued than the buffer holds."""
    heard = Heard()
    sent = [
        MqttMessage(1, number, b"t" * topic, bytes(length), qos, False)
        for number, (topic, length, qos) in enumerate(sizes)
    ]
    too_large = [message for message in sent if OVERHEAD + len(message.topic) + len(message.payload) > 512]

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "MQTT")
        yield from connected(core, heard)
        yield from must(subscribe_call(core, b"#"))
        yield from wait(core, 1)
        yield from heard.read_all(core)

    broker = run(guest, messages(*sent))
    expected = [
        ("MESSAGERECEIVED", message.number, message.topic, message.payload, message.qos, 0)
        if message not in too_large
        else ("MESSAGELOST", 0, message.topic[: 512 - OVERHEAD], len(message.payload))
        for message in sent
    ]
    assert heard.items == expected
    told = broker.requests[2:]
    assert [one for one in told if isinstance(one, MqttTaken)] == [MqttTaken(1)] * len(sent)
    acknowledged = [one.number for one in told if isinstance(one, MqttAcknowledge)]
    assert acknowledged == [message.number for message in too_large if message.qos]


# -- the end ---------------------------------------------------------------------------------------------------------


def test_what_has_arrived_can_be_read_after_the_loss() -> None:
    """The queue stays; requests are refused; once it is empty the channel is closed, and closing frees it."""
    heard, statuses = Heard(), Statuses()
    told: list[str] = []
    loss: list[Answer] = [
        MqttMessage(1, 1, b"t", b"x", 0, False),
        MqttDisconnected(1, "REQUESTCOMPLETED", 0x8E),
        Lost(1, "CHANNELCLOSEDBYSERVER"),
    ]

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "MQTT")
        yield from connected(core, heard)
        yield from must(publish_call(core, b"t"))
        yield from wait(core, 10)
        told.extend(record.event for record in records(core))
        for make in (publish_call, subscribe_call, unsubscribe_call):
            statuses.append(status_name((yield make(core, b"t"))))
        yield from statuses.call("mvMqttAcknowledgeMessage", word(core, CHANNEL), 1)
        yield from heard.read_all(core)
        yield from heard.next_type(core)
        yield from heard.read(core, "MESSAGERECEIVED")
        yield from statuses.call("mvCloseChannel", CHANNEL)
        yield from statuses.call("mvMqttGetNextReadableDataType", word(core, CHANNEL), OUT)

    run(guest, lambda request: loss if isinstance(request, MqttPublish) else [])
    assert heard.items == [
        ("MESSAGERECEIVED", 1, b"t", b"x", 0, 0),
        ("DISCONNECTRESPONSE", "REQUESTCOMPLETED", 0x8E),
        ("PUBLISHRESPONSE", "NOTCONNECTED", 1, 0),
        ("CHANNELCLOSED",),
        ("MESSAGERECEIVED", "CHANNELCLOSED"),
    ]
    assert statuses == ["CHANNELCLOSED"] * 4 + ["OKAY", "INVALIDHANDLE"]
    assert told.count("CHANNELNOTCONNECTED") == 1


def test_a_network_that_goes_ends_connecting_too() -> None:
    """The response says that it failed, and the channel is not connected."""
    heard = Heard()
    told: list[str] = []

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "MQTT")
        yield from must(connect_call(core))
        device.inputs.now(Link("down"))
        yield from wait(core, 3)
        told.extend(record.event for record in records(core))
        yield from heard.read_all(core)

    device = Device(BOARD, PLAUSIBLE, ScriptedCore(guest))
    device.run(1_000_000)
    assert heard.items == [("CONNECTRESPONSE", "SOCKETERROR", 0)]
    assert told == ["NETWORKSTATUSCHANGED", "CHANNELDATAREADABLE", "CHANNELNOTCONNECTED"]


def test_parting_in_good_order_is_no_loss() -> None:
    """There is a response and no CHANNELNOTCONNECTED, whatever the world says after it."""
    heard = Heard()
    told: list[str] = []

    def answer(request: Request) -> list[Answer]:
        if not isinstance(request, MqttDisconnect):
            return []
        message = MqttMessage(1, 1, b"t", b"late", 0, False)
        return [MqttDisconnected(1, "REQUESTCOMPLETED"), message, Lost(1, "CHANNELCLOSEDBYSERVER")]

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "MQTT")
        yield from connected(core, heard)
        yield from must(call("mvMqttRequestDisconnect", word(core, CHANNEL)))
        yield from wait(core, 3)
        told.extend(record.event for record in records(core))
        yield from heard.read_all(core)
        yield from heard.next_type(core)

    run(guest, answer)
    assert heard.items == [("DISCONNECTRESPONSE", "REQUESTCOMPLETED", 0), ("NONE",)]
    assert "CHANNELNOTCONNECTED" not in told


def test_a_late_fault_makes_the_channel_useless() -> None:
    """The world is told that it is gone, nothing more comes, every request is refused, and it can be closed."""
    statuses = Statuses()
    told: list[Record] = []

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "MQTT")
        yield from connected(core, Heard())
        before = len(records(core))
        request = publish_call(core, b"t", b"x")
        core.write_memory(request.r1 + 12, b"\0\0\0\0")
        statuses.append(status_name((yield request)))
        for make in (publish_call, subscribe_call, unsubscribe_call):
            statuses.append(status_name((yield make(core, b"t"))))
        yield from wait(core, 3)
        told.extend(records(core)[before:])
        yield from statuses.call("mvCloseChannel", CHANNEL)

    broker = run(guest, until_us=40_000_000)
    assert statuses == ["LATEFAULT"] + ["CHANNELCLOSED"] * 3 + ["OKAY"]
    assert told == []
    assert broker.requests[1:] == [Close(1)]


def test_structs_may_overlap_and_lie_anywhere() -> None:
    """Misaligned requests are read, and results written over each other, without harm."""
    statuses = Statuses()

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "MQTT")
        yield from connected(core, Heard())
        request = publish_call(core, b"t", b"x")
        data = core.read_memory(request.r1, 28)
        core.write_memory(AREA + 0x1001, data)
        yield from statuses.call("mvMqttRequestPublish", word(core, CHANNEL), AREA + 0x1001)
        yield from must(subscribe_call(core, b"#"))
        yield from wait(core, 1)
        values = dict.fromkeys(out_values("MESSAGERECEIVED", 0), DATA + 1) | {"topic.size": 4, "payload.size": 4}
        _, struct = READERS["MESSAGERECEIVED"]
        core.write_memory(DATA, ABI.structs[struct].pack(values))
        yield from statuses.call("mvMqttReceiveMessage", word(core, CHANNEL), DATA)

    run(guest, messages(MqttMessage(1, 1, b"t", b"x", 0, False)))
    assert statuses == ["OKAY", "OKAY"]


# -- keeping it ------------------------------------------------------------------------------------------------------


def test_a_channel_is_saved_with_all_that_waits() -> None:
    """Queue, what waits for room and what is under way come back, and time out when they would have."""

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "MQTT")
        yield from connected(core, Heard())
        yield from must(subscribe_call(core, b"#"))
        yield from must(publish_call(core, b"t"))
        yield from must(call("mvMqttAcknowledgeMessage", word(core, CHANNEL), 1))
        yield from wait(core, 1)

    waiting = [MqttMessage(1, number, b"t", bytes(300), 1, False) for number in range(4)]
    device = Device(BOARD, PLAUSIBLE, ScriptedCore(guest))
    device.world = Broker(device, messages(*waiting, MqttMessage(1, 9, b"t", bytes(900), 0, False)))
    device.run(1_000_000)
    state = save(device)
    other = Device(BOARD, PLAUSIBLE, ScriptedCore(guest))
    load(other, state)
    assert save(other) == state


@pytest.mark.parametrize(("name", "value"), [("number", 1 << 32), ("qos", -1), ("topic", 3), ("retain", "yes")])
def test_recordings_hold_only_what_can_arrive(name: str, value: object) -> None:
    """A message with a number that has no 32 bits, or a part of another kind, is refused before it is an input."""
    good = as_dict(Arrival(MqttMessage(1, 1, b"t", b"x", 0, False)))
    assert from_dict(good) == Arrival(MqttMessage(1, 1, b"t", b"x", 0, False))
    with pytest.raises(InputError):
        from_dict({"kind": "arrival", "answer": good["answer"] | {name: value}})


def test_secrets_are_not_in_traces() -> None:
    """Neither the password nor the private key of a connect request is told."""
    secrets = (b"open sesame", b"private key")

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "MQTT", send_size=2048)
        name = "authentication.username_password."
        yield connect_call(
            core, **{"authentication.method": 1, name + "username": b"me", name + "password": secrets[0]}
        )
        yield connect_call(core, credentials={"clientcert.chain": (b"mine",), "clientcert.key": secrets[1]})

    kernel = Kernel(guest, trace=True)
    told = [str(event) for event in kernel.events if isinstance(event, SystemCall)]
    assert sum("mvMqttRequestConnect" in line for line in told) == 2
    for secret in secrets:
        assert not [line for line in told if secret.decode() in line or secret.hex() in line]
