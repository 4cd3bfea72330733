"""Laws of MQTT against brokers that keep to no rules: the channel hears of it, and nothing stays behind."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvsdk.emulator.network.exchanges import (
    Answer,
    Lost,
    MqttConnected,
    MqttDisconnect,
    MqttDisconnected,
    MqttMessage,
    MqttPublish,
    MqttPublished,
    MqttSubscribe,
    MqttSubscribed,
    MqttSubscription,
    MqttUnsubscribe,
    MqttUnsubscribed,
)
from mvsdk.emulator.network.mqtt_peer import MOST_THREADS, MqttPeers
from mvsdk.emulator.network.mqtt_tls import LARGEST_PACKET
from tests.emulator.network.authority import Authority
from tests.emulator.network.fake_broker import CONNACK, FakeBroker, endless, packet, publish
from tests.emulator.network.mosquitto_server import PATIENCE_S
from tests.emulator.network.mqtt_client import MqttClient, connect_request

BOTH = pytest.mark.parametrize("protocol", [4, 5])


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who signs the brokers' certificates."""
    return Authority(tmp_path_factory.mktemp("brokers"))


@pytest.fixture
def peers() -> Iterator[MqttPeers]:
    """Peers that leave no thread behind."""
    found = MqttPeers()
    yield found
    found.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("mqtt ")]


def heard(peers: MqttPeers, authority: Authority, script: Iterable[bytes], protocol: int) -> list[Answer]:
    """Connect to a broker with that script, and return all that the channel hears until it is lost."""
    client = MqttClient(peers)
    with FakeBroker(script, authority.server_context("127.0.0.1")) as broker:
        outcome = client.connect(broker.port, protocol=protocol, authorities=(authority.own.der,))
        answers: list[Answer] = [outcome]
        while (outcome.state, outcome.reason) == ("REQUESTCOMPLETED", 0) and not isinstance(answers[-1], Lost):
            answers.append(client.answers.get(timeout=PATIENCE_S))
    return answers


@BOTH
@pytest.mark.parametrize(
    "nonsense",
    [
        pytest.param(packet(0x30, b""), id="empty publish"),
        pytest.param(packet(0x30, b"\xff\xffa"), id="topic longer than the packet"),
        pytest.param(packet(0x36, b"\0\1a\0\1"), id="quality of service 3"),
        pytest.param(packet(0x32, b"\0\1a"), id="no packet identifier"),
        pytest.param(packet(0x40, b"\0"), id="half an acknowledgement"),
        pytest.param(packet(0x90, b"\0\7"), id="subscribed to nothing"),
        pytest.param(packet(0x90, b"\0\7\0\0"), id="subscribed to what was not asked for"),
        pytest.param(packet(0xB0, b"\0\7\0\0"), id="unsubscribed from what was not asked for"),
        pytest.param(packet(0x00, b""), id="a packet of no type"),
        pytest.param(packet(0xF0, b"\xff"), id="unknown reason"),
        pytest.param(b"\x30\xff\xff\xff\xff\x7f", id="length of five bytes"),
        pytest.param(b"\x30\xff\xff\xff\x7f" + bytes(10), id="packet of 256 MB"),
    ],
)
def test_nonsense_ends_the_connection(peers: MqttPeers, authority: Authority, protocol: int, nonsense: bytes) -> None:
    """A broker that says what it may not say is cut off, and the channel hears no more of it than that."""
    answers = heard(peers, authority, [CONNACK[protocol], nonsense], protocol)
    assert [type(answer) for answer in answers] == [MqttConnected, Lost]


@BOTH
@pytest.mark.parametrize("topic", [b"", b"a\0b", b"\xff", b"a/#", b"+"])
def test_impossible_topics_never_reach_the_application(
    peers: MqttPeers, authority: Authority, protocol: int, topic: bytes
) -> None:
    """Messages under topics with NUL, without text or with wildcards end the connection."""
    answers = heard(peers, authority, [CONNACK[protocol], publish(topic, b"x", protocol)], protocol)
    assert answers[1:] == [Lost(answers[0].exchange, "CONNECTIONTERMINATED")]


@BOTH
def test_a_packet_may_have_a_megabyte(peers: MqttPeers, authority: Authority, protocol: int) -> None:
    """A message of nearly the largest size arrives; one byte too many is not even read."""
    fits = publish(b"a", bytes(LARGEST_PACKET - 100), protocol)
    too_large = publish(b"a", bytes(LARGEST_PACKET), protocol)
    answers = heard(peers, authority, [CONNACK[protocol], fits, too_large], protocol)
    assert [type(answer) for answer in answers] == [MqttConnected, MqttMessage, Lost]


@BOTH
def test_a_flood_is_cut_off(peers: MqttPeers, authority: Authority, protocol: int) -> None:
    """However fast a broker sends, what nobody takes is bounded by the circuit breaker."""
    flood = endless(CONNACK[protocol], publish(b"a", bytes(1000), protocol))
    *messages, told, lost = heard(peers, authority, flood, protocol)[1:]
    assert {type(message) for message in messages} == {MqttMessage}
    assert len(messages) == 256
    assert (told, lost) == (
        MqttDisconnected(lost.exchange, "CONNECTIONCIRCUITBREAKER", 0),
        Lost(lost.exchange, "CONNECTIONTERMINATED"),
    )


@BOTH
@pytest.mark.parametrize("first", [b"", b"HTTP/1.1 400 Bad Request\r\n" * 9, packet(0x30, b"\0\1ax"), b"\x20"])
def test_who_does_not_accept_is_no_broker(peers: MqttPeers, authority: Authority, protocol: int, first: bytes) -> None:
    """A server that says something else than CONNACK, or nothing and goes, is an error of the socket."""
    client = MqttClient(peers)
    with FakeBroker([first] if first else [], authority.server_context("127.0.0.1")) as broker:
        if first in (b"", b"\x20"):
            # Neither of these ends by itself; the channel's end is what ends it.
            request = connect_request(
                broker.port, protocol=protocol, authorities=(authority.own.der,), exchange=client.exchange
            )
            client.send(request)
            assert broker.heard.wait(PATIENCE_S)
            client.drop()
            assert client.expect(MqttConnected).state == "SOCKETERROR"
        else:
            outcome = client.connect(broker.port, protocol=protocol, authorities=(authority.own.der,))
            assert outcome.state == "SOCKETERROR"


@BOTH
def test_who_parts_waits_for_no_answers(peers: MqttPeers, authority: Authority, protocol: int) -> None:
    """Requests that the broker has not answered before are not connected, and the parting is told last."""
    client = MqttClient(peers)
    with FakeBroker([CONNACK[protocol]], authority.server_context("127.0.0.1")) as broker:
        assert client.connect(broker.port, protocol=protocol, authorities=(authority.own.der,)).reason == 0
        client.send(MqttSubscribe(client.exchange, 1, (MqttSubscription(b"a", 0, False, False, 0),)))
        client.send(MqttUnsubscribe(client.exchange, 2, (b"a",)))
        client.send(MqttPublish(client.exchange, 3, b"a", b"x", 1, False))
        client.send(MqttDisconnect(client.exchange))
        unanswered = client.expect(MqttSubscribed), client.expect(MqttUnsubscribed), client.expect(MqttPublished)
        assert [(one.correlation, one.state) for one in unanswered] == [(n, "NOTCONNECTED") for n in (1, 2, 3)]
        assert client.expect(MqttDisconnected).state == "REQUESTCOMPLETED"


def test_connections_are_so_many_at_most(peers: MqttPeers) -> None:
    """One too many fails at once; closing lets all of them go, though the server has not said a word, and there is room
    again."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        port = silent.getsockname()[1]
        for _ in range(2):
            clients = [MqttClient(peers) for _ in range(MOST_THREADS)]
            for client in clients:
                client.send(connect_request(port, exchange=client.exchange))
            assert MqttClient(peers).connect(port).state == "SOCKETERROR"
            assert all(client.answers.empty() for client in clients)
            peers.close()
            assert not [thread for thread in threading.enumerate() if thread.name.startswith("mqtt ")]
            assert {client.expect(MqttConnected).state for client in clients} == {"SOCKETERROR"}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_even_what_nobody_has_thought_of_is_answered(peers: MqttPeers) -> None:
    """A request that breaks the thread is told to have failed."""
    client = MqttClient(peers)
    assert client.connect(1, host=None).state == "SOCKETERROR"


@pytest.mark.parametrize(("code", "reason"), [(1, None), (2, 2), (3, 3), (4, 4), (5, 5)])
def test_return_codes_of_version_3_are_its_own(
    peers: MqttPeers, authority: Authority, code: int, reason: int | None
) -> None:
    """The application is told version 3.1.1's return codes; a version that is not spoken is an error of the socket."""
    (outcome, *_) = heard(peers, authority, [b"\x20\x02\x00" + bytes([code])], 4)
    expected = ("SOCKETERROR", 0) if reason is None else ("REQUESTCOMPLETED", reason)
    assert isinstance(outcome, MqttConnected)
    assert (outcome.state, outcome.reason) == expected


@pytest.mark.parametrize("code", [0x8B, 0x8E])
def test_a_broker_that_parts_says_why(peers: MqttPeers, authority: Authority, code: int) -> None:
    """Version 5: the broker's code, for instance that the session was taken over, comes before the loss."""
    answers = heard(peers, authority, [CONNACK[5], packet(0xE0, bytes([code, 0]))], 5)
    assert answers[1:] == [
        MqttDisconnected(answers[0].exchange, "REQUESTCOMPLETED", code),
        Lost(answers[0].exchange, "CHANNELCLOSEDBYSERVER"),
    ]


@settings(max_examples=60)
@given(st.sampled_from([4, 5]), st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=5))
def test_no_bytes_break_a_connection(authority: Authority, protocol: int, parts: list[bytes]) -> None:
    """Whatever a broker says and then goes: the channel is told, and the thread ends."""
    peers = MqttPeers()
    client = MqttClient(peers)
    with FakeBroker([CONNACK[protocol], *parts], authority.server_context("127.0.0.1"), goes=True) as broker:
        assert client.connect(broker.port, protocol=protocol, authorities=(authority.own.der,)).reason == 0
        while not isinstance(client.answers.get(timeout=PATIENCE_S), Lost):
            pass
    peers.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("mqtt ")]
