"""Laws of MQTT against a real broker."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mvsdk.emulator.errors import NetworkSettingError
from mvsdk.emulator.network.exchanges import (
    Lost,
    MqttAcknowledge,
    MqttConnected,
    MqttDisconnect,
    MqttDisconnected,
    MqttMessage,
    MqttPublish,
    MqttSubscription,
    MqttWill,
)
from mvsdk.emulator.network.mqtt_peer import MqttPeers
from tests.emulator.network.authority import Authority
from tests.emulator.network.mosquitto_server import PATIENCE_S, Mosquitto, mosquitto
from tests.emulator.network.mqtt_client import MqttClient, connect_request

BOTH = pytest.mark.parametrize("protocol", [4, 5])
NOT_AUTHORISED = {4: 5, 5: 0x87}
NO_SUBSCRIPTION = {4: 0, 5: 0x11}
TAKEN_OVER = 0x8E
P256, P192_2 = bytes.fromhex("06082a8648ce3d030107"), bytes.fromhex("06082a8648ce3d030102")
"""Names of curves in DER: one that is known to every library, and one that is not."""


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    """A broker for all laws of this file."""
    with mosquitto(tmp_path_factory.mktemp("mosquitto")) as running:
        yield running


@pytest.fixture
def peers(broker: Mosquitto) -> Iterator[MqttPeers]:
    """Peers that trust the broker's authority, and leave no thread behind."""
    found = MqttPeers(broker.folder / "authority.pem")
    yield found
    found.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("mqtt ")]


@pytest.fixture
def client(peers: MqttPeers) -> MqttClient:
    """A channel."""
    return MqttClient(peers)


def connected(peers: MqttPeers, broker: Mosquitto, **options: object) -> MqttClient:
    """Return a channel that is connected."""
    client = MqttClient(peers)
    assert client.connect(broker.port, **options) == MqttConnected(client.exchange, "REQUESTCOMPLETED", 0)
    return client


# -- connecting ------------------------------------------------------------------------------------------------------


@BOTH
def test_credentials_are_the_brokers_to_judge(broker: Mosquitto, peers: MqttPeers, protocol: int) -> None:
    """A wrong password is a completed request with the broker's own reason code, of the version that is spoken."""
    client = MqttClient(peers)
    refused = client.connect(broker.port, protocol=protocol, password=b"wrong")
    assert refused == MqttConnected(client.exchange, "REQUESTCOMPLETED", NOT_AUTHORISED[protocol])
    connected(peers, broker, protocol=protocol)


def test_failures_to_connect_are_told_apart(broker: Mosquitto, peers: MqttPeers, tmp_path: Path) -> None:
    """A host without address, an unknown authority, an expired certificate, another host's, and a closed port."""
    stranger = Authority(tmp_path, "stranger").own.der
    ours = broker.authority.own.der
    for port, options, state in (
        (broker.port, {"host": b"no-such-host.invalid"}, "NXDOMAIN"),
        (broker.port, {"host": b"x" * 300}, "NXDOMAIN"),
        (broker.port, {"host": b"a..b"}, "NXDOMAIN"),
        (broker.port, {"authorities": (stranger,)}, "UNKNOWNCA"),
        (broker.ports["expired"], {}, "CERTIFICATEEXPIRED"),
        (broker.ports["elsewhere"], {}, "SOCKETERROR"),
        (broker.ports["mutual"], {}, "SOCKETERROR"),
        (1, {}, "SOCKETERROR"),
        (broker.port, {"authorities": (stranger, ours)}, "REQUESTCOMPLETED"),
    ):
        assert MqttClient(peers).connect(port, **options).state == state, (port, options)


def test_the_host_alone_decides_whom_it_trusts(broker: Mosquitto) -> None:
    """Without a word about authorities, one that only the tests know is unknown."""
    peers = MqttPeers()
    assert MqttClient(peers).connect(broker.port).state == "UNKNOWNCA"
    peers.close()


@BOTH
def test_a_client_proves_itself_with_a_certificate(broker: Mosquitto, peers: MqttPeers, protocol: int) -> None:
    """Certificate and key in DER are enough for a broker that wants them."""
    own = broker.authority.issue("device-1")
    client = MqttClient(peers)
    outcome = client.connect(
        broker.ports["mutual"],
        protocol=protocol,
        username=None,
        password=None,
        authorities=(broker.authority.own.der,),
        certificates=(own.der, broker.authority.own.der),
        key=own.key_der,
    )
    assert outcome == MqttConnected(client.exchange, "REQUESTCOMPLETED", 0)


def test_unusable_credentials_are_invalid_parameters(broker: Mosquitto, peers: MqttPeers) -> None:
    """What is no certificate, no key, or the key of another certificate never reaches a broker."""
    own, other = broker.authority.issue("device-1"), broker.authority.issue("device-2")
    for options in (
        {"authorities": (b"nonsense",)},
        {"certificates": (b"nonsense",), "key": own.key_der},
        {"certificates": (own.der,), "key": b"nonsense"},
        {"certificates": (own.der,), "key": other.key_der},
        {"certificates": (own.der,), "key": own.key_der.replace(P256, P192_2)},
        {"host": b"\xff"},
        {"host": b"a\0b"},
        {"client_id": b"\xff"},
        {"username": b"\0"},
        {"password": bytes(65536)},
        {"keepalive": 65536},
        {"will": MqttWill(b"a/#", b"x", 0, False)},
        {"will": MqttWill(b"a", b"x", 3, False)},
        {"will": MqttWill(b"a", bytes(65536), 0, False)},
    ):
        assert MqttClient(peers).connect(broker.port, **options).state == "INVALIDPARAMETERS", options
    assert MqttClient(peers).connect(0).state == "INVALIDPARAMETERS"


def test_no_file_of_a_key_survives(broker: Mosquitto, tmp_path: Path) -> None:
    """The library reads keys from files; afterwards there are none, even of a key that is refused."""
    own = broker.authority.issue("device-1")
    code = (
        "import sys; from mvsdk.emulator.network.mqtt_tls import *\n"
        "from tests.emulator.network.mqtt_client import connect_request\n"
        f"own = {own.der!r}, {own.key_der!r}\n"
        "make_context(connect_request(1, certificates=own[:1], key=own[1]), None)\n"
        "try: make_context(connect_request(1, certificates=(b'x',), key=own[1]), None)\n"
        "except UnusableCredentialsError: print('refused')\n"
    )
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    run = subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True)
    assert run.stdout == "refused\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [None, b"", b"nonsense"])
def test_a_file_without_authorities_is_refused(tmp_path: Path, content: bytes | None) -> None:
    """Whoever names such a file hears of it before any application does."""
    file = tmp_path / "authority.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(NetworkSettingError, match=r"authority\.pem has no certificate authorities"):
        MqttPeers(file)


def test_secrets_are_not_shown() -> None:
    """A request to connect does not show password, key or certificates when it is written down."""
    request = connect_request(1, password=b"sesame", certificates=(b"cert",), key=b"private")
    assert not {word for word in ("sesame", "private", "cert'") if word in repr(request)}


# -- messages --------------------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_messages_go_both_ways(broker: Mosquitto, peers: MqttPeers, protocol: int, qos: int) -> None:
    """What one client publishes reaches the other with its topic, payload and quality of service."""
    listener = connected(peers, broker, protocol=protocol, client_id=b"listener")
    speaker = connected(peers, broker, protocol=protocol, client_id=b"speaker")
    assert listener.subscribe(MqttSubscription(b"a/+", qos, False, False, 0)).reasons == (qos,)
    for payload in (b"", b"one", bytes(100_000)):
        answer = speaker.publish(b"a/b", payload, qos)
        assert (answer.correlation, answer.state, answer.reason) == (9, "REQUESTCOMPLETED", 0)
        message = listener.receive()
        assert (message.topic, message.payload, message.qos) == (b"a/b", payload, qos)


@BOTH
def test_every_topic_has_its_reason_code(broker: Mosquitto, peers: MqttPeers, protocol: int) -> None:
    """Granted qualities of service on subscribing; on unsubscribing what version 5 says, and 0 in version 3.1.1."""
    client = connected(peers, broker, protocol=protocol)
    granted = client.subscribe(*(MqttSubscription(b"t/%d" % qos, qos, False, False, 0) for qos in (2, 0, 1)))
    assert (granted.correlation, granted.state, granted.reasons) == (7, "REQUESTCOMPLETED", (2, 0, 1))
    gone = client.unsubscribe(b"t/1", b"unknown")
    assert (gone.correlation, gone.state, gone.reasons) == (8, "REQUESTCOMPLETED", (0, NO_SUBSCRIPTION[protocol]))


@BOTH
@pytest.mark.parametrize("qos", [1, 2])
def test_only_what_is_acknowledged_is_not_delivered_again(
    broker: Mosquitto, peers: MqttPeers, protocol: int, qos: int
) -> None:
    """A session that is taken up again begins with the messages that were not acknowledged."""
    name = b"sleeper-%d-%d" % (protocol, qos)
    options = {"protocol": protocol, "client_id": name, "clean_start": False}
    first = connected(peers, broker, **options)
    first.subscribe(name)
    speaker = connected(peers, broker, client_id=name + b"-speaker")
    for payload in (b"kept", b"acknowledged"):
        speaker.publish(name, payload, qos)
    assert first.receive(acknowledge=False).payload == b"kept"
    assert first.receive(acknowledge=True).payload == b"acknowledged"
    first.disconnect()
    second = connected(peers, broker, **options)
    again = second.receive(acknowledge=True)
    assert (again.payload, again.qos) == (b"kept", qos)
    speaker.publish(name, b"new", qos)
    assert second.receive().payload == b"new"
    second.disconnect()
    third = connected(peers, broker, **options)
    speaker.publish(name, b"last", qos)
    assert third.receive().payload == b"last"


@BOTH
def test_a_clean_start_forgets(broker: Mosquitto, peers: MqttPeers, protocol: int) -> None:
    """After a clean start neither subscriptions nor messages of an earlier session are there."""
    name = b"forgetful-%d" % protocol
    first = connected(peers, broker, protocol=protocol, client_id=name, clean_start=False)
    first.subscribe(name)
    assert first.publish(name, b"old", 2).state == "REQUESTCOMPLETED"
    first.receive(acknowledge=False)
    first.disconnect()
    second = connected(peers, broker, protocol=protocol, client_id=name, clean_start=True)
    second.subscribe(name)
    second.publish(name, b"new", 0)
    assert second.receive().payload == b"new"


@BOTH
def test_retained_messages_come_with_the_subscription(broker: Mosquitto, peers: MqttPeers, protocol: int) -> None:
    """A retained message is delivered to later subscribers, marked; deleted, it no longer is."""
    topic = b"retained/%d" % protocol
    speaker = connected(peers, broker, protocol=protocol, client_id=b"speaker")
    speaker.publish(topic, b"state", 1, True)
    listener = connected(peers, broker, protocol=protocol, client_id=b"listener")
    listener.subscribe(topic)
    message = listener.receive()
    assert (message.payload, message.retain) == (b"state", True)
    speaker.publish(topic, b"", 1, True)
    assert listener.receive().retain is False


def test_options_of_subscriptions_are_honoured(broker: Mosquitto, peers: MqttPeers) -> None:
    """Version 5: no local, retain as published, and retain handling."""
    client = connected(peers, broker, client_id=b"choosy")
    client.publish(b"choosy/old", b"old", 1, True)
    client.subscribe(
        MqttSubscription(b"choosy/old", 0, False, False, 2), MqttSubscription(b"choosy/own", 0, True, False, 0)
    )
    client.subscribe(MqttSubscription(b"choosy/flag", 0, False, True, 0))
    client.publish(b"choosy/own", b"own")
    client.publish(b"choosy/flag", b"flag", 0, True)
    message = client.receive()
    assert (message.topic, message.retain) == (b"choosy/flag", True)


@BOTH
def test_a_will_is_published_unless_parting_in_good_order(broker: Mosquitto, peers: MqttPeers, protocol: int) -> None:
    """The will of a client that is gone is delivered, that of one that has parted is not."""
    listener = connected(peers, broker, protocol=protocol, client_id=b"heir")
    listener.subscribe(b"will/#")
    will = MqttWill(b"will/polite", b"never", 1, False)
    polite = connected(peers, broker, protocol=protocol, client_id=b"polite", will=will)
    assert polite.disconnect() == MqttDisconnected(polite.exchange, "REQUESTCOMPLETED", 0)
    will = MqttWill(b"will/gone", b"gone", 1, False)
    connected(peers, broker, protocol=protocol, client_id=b"gone", will=will).drop()
    assert listener.receive().topic == b"will/gone"


@BOTH
def test_topics_that_cannot_be_are_invalid_parameters(broker: Mosquitto, peers: MqttPeers, protocol: int) -> None:
    """Topics with NUL, wrong wildcards, no text at all, and qualities of service there are not: the session goes on."""
    client = connected(peers, broker, protocol=protocol)
    for topic in (b"", b"a\0b", b"\xff", b"a/#", b"+", bytes(65536)):
        assert client.publish(topic, b"x").state == "INVALIDPARAMETERS", topic
    assert client.publish(b"a", b"x", 3).state == "INVALIDPARAMETERS"
    for topic in (b"", b"a\0b", b"\xff", b"a#", b"#/a", b"a+/b"):
        assert client.subscribe(topic).state == "INVALIDPARAMETERS", topic
        assert client.unsubscribe(topic).state == "INVALIDPARAMETERS", topic
    assert client.subscribe(MqttSubscription(b"a", 3, False, False, 0)).state == "INVALIDPARAMETERS"
    assert client.subscribe(MqttSubscription(b"a", 0, False, False, 3)).state == "INVALIDPARAMETERS"
    assert client.subscribe().state == client.unsubscribe().state == "INVALIDPARAMETERS"
    assert client.publish(b"a", b"x", 2).state == "REQUESTCOMPLETED"


@BOTH
def test_what_was_asked_before_closing_is_done(broker: Mosquitto, peers: MqttPeers, protocol: int) -> None:
    """A channel that publishes, acknowledges and parts, and is closed at once, has done all three."""
    listener = connected(peers, broker, protocol=protocol, client_id=b"listener")
    listener.subscribe(b"hasty/#")
    will = MqttWill(b"hasty/will", b"never", 1, False)
    options = {"protocol": protocol, "client_id": b"hasty-%d" % protocol, "clean_start": False, "will": will}
    hasty = connected(peers, broker, **options)
    hasty.subscribe(b"for-hasty")
    listener.publish(b"for-hasty", b"first", 1)
    message = hasty.receive(acknowledge=False)
    hasty.send(MqttAcknowledge(hasty.exchange, message.number))
    hasty.send(MqttPublish(hasty.exchange, 1, b"hasty/word", b"x", 0, False))
    hasty.send(MqttDisconnect(hasty.exchange))
    hasty.drop()
    assert listener.receive().topic == b"hasty/word"
    again = connected(peers, broker, **options)
    listener.publish(b"for-hasty", b"second", 1)
    assert again.receive().payload == b"second"
    again.disconnect()
    listener.publish(b"hasty/word", b"y")
    assert listener.receive().payload == b"y"


# -- the end ---------------------------------------------------------------------------------------------------------


@BOTH
def test_a_killed_broker_is_a_loss(tmp_path: Path, protocol: int) -> None:
    """A broker that is killed is lost without a word; once it runs again a new channel connects."""
    with mosquitto(tmp_path) as broker:
        peers = MqttPeers(tmp_path / "authority.pem")
        client = connected(peers, broker, protocol=protocol)
        broker.stop(signal.SIGKILL)
        assert client.expect(Lost).closure == "CHANNELRESETBYSERVER"
        assert client.publish(b"a", b"x").state == "NOTCONNECTED"
        assert MqttClient(peers).connect(broker.port).state == "SOCKETERROR"
        broker.start()
        again = connected(peers, broker, protocol=protocol)
        assert again.publish(b"a", b"x", 1).state == "REQUESTCOMPLETED"
        peers.close()


@BOTH
def test_a_session_that_is_taken_over_ends(broker: Mosquitto, peers: MqttPeers, protocol: int) -> None:
    """A second connection of the same client ends the first; a broker of version 5 may say why before."""
    first = connected(peers, broker, protocol=protocol, client_id=b"twin")
    connected(peers, broker, protocol=protocol, client_id=b"twin")
    answer = first.answers.get(timeout=PATIENCE_S)
    if isinstance(answer, MqttDisconnected):
        assert (protocol, answer.code) == (5, TAKEN_OVER)
        answer = first.expect(Lost)
    assert isinstance(answer, Lost)


def test_after_parting_nothing_is_connected(broker: Mosquitto, peers: MqttPeers) -> None:
    """Requests of a channel that has parted, or never connected, are not connected; a second connect is refused."""
    client = connected(peers, broker)
    assert client.connect(broker.port).state == "ALREADYCONNECTED"
    client.disconnect()
    stranger = MqttClient(peers)
    for one in (client, stranger):
        assert one.publish(b"a", b"x").state == "NOTCONNECTED"
        assert one.subscribe(b"a").state == "NOTCONNECTED"
        assert one.unsubscribe(b"a").state == "NOTCONNECTED"
        assert one.disconnect().state == "NOTCONNECTED"


def test_an_application_that_does_not_read_is_cut_off(broker: Mosquitto, peers: MqttPeers) -> None:
    """Who is too many messages behind is disconnected by the circuit breaker, and others go on."""
    idle = connected(peers, broker, client_id=b"idle")
    idle.subscribe(MqttSubscription(b"flood", 0, False, False, 0))
    speaker = connected(peers, broker, client_id=b"speaker")
    for _ in range(400):
        speaker.send(MqttPublish(speaker.exchange, 1, b"flood", b"drop", 0, False))
    while isinstance(answer := idle.answers.get(timeout=PATIENCE_S), MqttMessage):
        pass
    assert answer == MqttDisconnected(idle.exchange, "CONNECTIONCIRCUITBREAKER", 0)
    assert idle.expect(Lost).closure == "CONNECTIONTERMINATED"
    while not speaker.answers.empty():
        speaker.answers.get()
    again = connected(peers, broker, client_id=b"other")
    assert again.publish(b"a", b"x", 1).state == "REQUESTCOMPLETED"


def test_nothing_is_left_of_connections(broker: Mosquitto, peers: MqttPeers) -> None:
    """However many channels come and go, in whatever way, threads and open files do not become more."""

    def one_of_each() -> None:
        own = broker.authority.issue("device-1")
        connected(peers, broker).disconnect()
        dropped = connected(peers, broker)
        dropped.drop()
        failed = MqttClient(peers)
        failed.connect(broker.ports["mutual"], certificates=(own.der,), key=own.key_der, username=b"")
        unknown, refused = MqttClient(peers), MqttClient(peers)
        unknown.connect(broker.ports["expired"])
        refused.connect(1)
        for client in (failed, unknown, refused):
            client.drop()
        peers.close()

    def left() -> tuple[int, int]:
        return sum(1 for _ in Path("/proc/self/fd").iterdir()), threading.active_count()

    one_of_each()
    before = left()
    for _ in range(8):
        one_of_each()
    assert left() == before
