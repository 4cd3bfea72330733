"""Laws of scripted peers, in Python and from a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from mvsdk.emulator.errors import NetworkSettingError
from mvsdk.emulator.network import peers_file
from mvsdk.emulator.network.exchanges import (
    Answer,
    Close,
    ConfigAnswer,
    ConfigItem,
    ConfigRequest,
    HttpAnswer,
    HttpRequest,
    Later,
    Lost,
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
    MqttUnsubscribe,
    MqttUnsubscribed,
    Request,
    StreamData,
    StreamOpen,
    StreamOpened,
    StreamTaken,
    StreamWrite,
)
from mvsdk.emulator.network.peers import NoPeers, Peers, PeersByKind
from mvsdk.emulator.network.scripted import Message, ScriptedPeers


def told(peers: Peers, *requests: Request) -> list[Answer]:
    """Return what comes of requests, delays left out."""
    found: list[Answer] = []
    for request in requests:
        peers.send(request, found.append)
    return [answer.answer if isinstance(answer, Later) else answer for answer in found]


def get(url: str, method: str = "GET", room: int = 512) -> HttpRequest:
    """Ask for a URL."""
    return HttpRequest(1, method.encode(), url.encode(), (), b"", 5000, room)


def connect(host: str = "broker", port: int = 8883, password: bytes | None = None) -> MqttConnect:
    """Connect to a broker."""
    username = None if password is None else b"me"
    return MqttConnect(1, 5, host.encode(), port, b"client", username, password, (), (), b"", 60, True, None)


def subscribe(topic: bytes, qos: int = 0) -> MqttSubscribe:
    """Subscribe to one topic filter."""
    return MqttSubscribe(1, 9, (MqttSubscription(topic, qos, False, False, 0),))


def test_the_first_entry_that_fits_and_is_left_answers() -> None:
    """Method and URL decide; entries are used up in order; what nobody answers has no host."""
    peers = ScriptedPeers()
    peers.http("GET", "https://a/x", body=b"once", times=1)
    peers.http("GET", "https://a/*", status=404, headers={"Retry-After": "5"})
    assert told(peers, get("https://a/x"), get("https://a/x"), get("https://b/")) == [
        HttpAnswer(1, "OK", 200, (), b"once"),
        HttpAnswer(1, "OK", 404, (b"Retry-After: 5",), b""),
        HttpAnswer(1, "REQUESTFAILED"),
    ]
    assert told(peers, get("https://a/x", "POST")) == [HttpAnswer(1, "REQUESTFAILED")]
    assert [request.exchange for request in peers.requests] == [1, 1, 1, 1]


def test_an_answer_without_room_is_too_large() -> None:
    """Scripted servers obey the receive buffer as real ones do, for HTTP and for config."""
    peers = ScriptedPeers()
    peers.http("GET", "https://a/", body=bytes(600))
    peers.config.device_config["k"] = "v" * 600
    wanted = (ConfigItem("device", "config", "k"),)
    assert told(peers, get("https://a/"), ConfigRequest(2, wanted, 512)) == [
        HttpAnswer(1, "RESPONSETOOLARGE"),
        ConfigAnswer(2, "RESPONSETOOLARGE"),
    ]


def test_a_broker_passes_on_what_is_subscribed_to() -> None:
    """Publishing reaches the client's own subscription, with the lower quality of service, until it unsubscribes."""
    peers = ScriptedPeers()
    broker = peers.mqtt("broker")
    publish = MqttPublish(1, 5, b"a/b", b"x", 2, False)
    found = told(peers, connect(), subscribe(b"a/+", 1), publish, MqttUnsubscribe(1, 6, (b"a/+", b"c")), publish)
    assert found == [
        MqttConnected(1, "REQUESTCOMPLETED", 0),
        MqttSubscribed(1, 9, "REQUESTCOMPLETED", (1,)),
        MqttPublished(1, 5, "REQUESTCOMPLETED", 0),
        MqttMessage(1, 1, b"a/b", b"x", 1, False),
        MqttUnsubscribed(1, 6, "REQUESTCOMPLETED", (0, 0x11)),
        MqttPublished(1, 5, "REQUESTCOMPLETED", 0),
    ]
    assert list(broker.published) == [Message("a/b", b"x", 2)] * 2
    assert told(peers, MqttDisconnect(1), Close(1)) == [MqttDisconnected(1, "REQUESTCOMPLETED")]


def test_a_broker_refuses_as_told() -> None:
    """Wrong credentials, a state, a reason code, an unknown host."""
    peers = ScriptedPeers()
    peers.mqtt("broker", username="me", password="sesame")  # noqa: S106
    peers.mqtt("expired").refuse("CERTIFICATEEXPIRED")
    peers.mqtt("full").refuse(reason=0x97)
    assert told(
        peers, connect(), connect(password=b"sesame"), connect("expired"), connect("full"), connect(port=1883)
    ) == [
        MqttConnected(1, "REQUESTCOMPLETED", 0x87),
        MqttConnected(1, "REQUESTCOMPLETED", 0),
        MqttConnected(1, "CERTIFICATEEXPIRED", 0),
        MqttConnected(1, "REQUESTCOMPLETED", 0x97),
        MqttConnected(1, "NXDOMAIN", 0),
    ]


def test_a_broker_reacts() -> None:
    """To a subscription to just that filter, to a message on a topic that fits, and by cutting the connection."""
    peers = ScriptedPeers()
    broker = peers.mqtt("broker")
    broker.after_subscribe("cmd/#", Message("cmd/led", b"on"))
    broker.after_publish("ping/+", Message("cmd/pong", b"!"))
    broker.lose_after_publish("die")
    publish = [MqttPublish(1, 5, topic, b"", 0, False) for topic in (b"ping/1", b"die")]
    found = told(peers, connect(), subscribe(b"cmd/#"), *publish)
    assert [answer for answer in found if isinstance(answer, MqttMessage | Lost)] == [
        MqttMessage(1, 1, b"cmd/led", b"on", 0, False),
        MqttMessage(1, 2, b"cmd/pong", b"!", 0, False),
        Lost(1, "CHANNELRESETBYSERVER"),
    ]


def test_an_endpoint_echoes_or_says_its_lines() -> None:
    """One without lines echoes; one with lines says the next whenever something comes, and then nothing."""
    peers = ScriptedPeers()
    echo = peers.stream("echo")
    peers.stream("talk", b"one", b"two")
    writes = [StreamWrite(1, b"a"), StreamWrite(1, b"b"), StreamWrite(1, b"c")]
    assert told(peers, StreamOpen(1, b"echo", 512), writes[0]) == [
        StreamOpened(1),
        StreamTaken(1, 1),
        StreamData(1, b"a"),
    ]
    assert echo.received == b"a"
    said = told(peers, StreamOpen(1, b"talk", 512), *writes)
    assert [answer.data for answer in said if isinstance(answer, StreamData)] == [b"one", b"two"]
    assert told(peers, StreamOpen(2, b"nowhere", 512)) == [Lost(2, "CONNECTIONTERMINATED")]


@pytest.mark.parametrize("peers", [NoPeers(), PeersByKind()])
def test_without_peers_everything_fails_and_nothing_hangs(peers: Peers) -> None:
    """Each kind of request has the answer of a host that does not exist; closing has none."""
    wanted = (ConfigItem("device", "config", "k"),)
    assert told(
        peers, get("https://a/"), connect(), ConfigRequest(1, wanted, 512), StreamOpen(1, b"x", 1), Close(1)
    ) == [
        HttpAnswer(1, "REQUESTFAILED"),
        MqttConnected(1, "NXDOMAIN"),
        ConfigAnswer(1, "OK", (("SERVERERROR", b""),)),
        Lost(1, "CONNECTIONTERMINATED"),
    ]
    peers.close()


FILE = """
[[http]]
url = "https://a/time"
headers = {Content-Type = "text/plain"}
body_file = "time.txt"
after = "300ms"

[[http]]
url = "https://a/broken"
result = "REQUESTFAILED"

[[mqtt]]
host = "broker"
[[mqtt.after_subscribe]]
to = "cmd/#"
topic = "cmd/led"
payload = "on"
after = "2s"
[[mqtt.after_publish]]
to = "ping"
topic = "cmd/pong"

[[mqtt]]
host = "refuses"
reason = 0x87

[[stream]]
endpoint = "station"
lines = ["hello"]
"""


def test_a_file_says_the_same_as_python(tmp_path: Path) -> None:
    """Every kind of entry does what its words say, after its time."""
    path = tmp_path / "peers.toml"
    path.write_text(FILE)
    (tmp_path / "time.txt").write_bytes(b"noon")
    peers = peers_file.read(path)
    found: list[Answer] = []
    peers.send(get("https://a/time"), found.append)
    assert found == [Later(1, HttpAnswer(1, "OK", 200, (b"Content-Type: text/plain",), b"noon"), 300_000)]
    found.clear()
    peers.send(connect(), found.append)
    peers.send(subscribe(b"cmd/#"), found.append)
    assert found[-1] == Later(1, MqttMessage(1, 1, b"cmd/led", b"on", 0, False), 2_000_000)
    assert told(peers, get("https://a/broken"), connect("refuses")) == [
        HttpAnswer(1, "REQUESTFAILED"),
        MqttConnected(1, "REQUESTCOMPLETED", 0x87),
    ]
    assert told(peers, StreamOpen(3, b"station", 9), StreamWrite(3, b"?"))[-1] == StreamData(3, b"hello")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[[http]]\nmethod = 'GET'", r"url.*\$\.http\[0\]"),
        ("[[http]]\nurl = 'x'\nstatus = 'ok'", r"\$\.http\[0\]\.status"),
        ("[[http]]\nurl = 'x'\nresult = 'GONE'", r"\$\.http\[0\]\.result"),
        ("[[http]]\nurl = 'x'\nafter = 'soon'", "'soon' is not a length of time"),
        ("[[http]]\nurl = 'x'\nbody = 'y'\nbody_file = 'z'", "both body and body_file"),
        ("[[http]]\nurl = 'x'\nbody_file = 'missing.bin'", "missing.bin: No such file"),
        ("[[http]]\nurl = 'x'\nheaders = {a = 'ä'}", "no printable ASCII"),
        ("[[mqtt]]\nhost = 'x'\n[[mqtt.after_publish]]\nto = 'a'\ntopic = 'b'\nqos = 3", r"\.qos"),
        ("[[smtp]]", "smtp"),
        ("[[http]", "Expected"),
    ],
)
def test_what_a_file_cannot_say_is_named(tmp_path: Path, text: str, place: str) -> None:
    """Each mistake is an error that names its place."""
    path = tmp_path / "peers.toml"
    path.write_text(text)
    with pytest.raises(NetworkSettingError, match=place):
        peers_file.read(path)
