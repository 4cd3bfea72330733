"""A device and a real broker: from a connect request to the last response, and what survives the broker's death."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mvsdk.emulator import recording
from mvsdk.emulator.core import new_core
from mvsdk.emulator.device import Device, End
from mvsdk.emulator.network.mqtt_peer import MqttPeers
from mvsdk.emulator.network.peers import PeersByKind
from mvsdk.emulator.network.radio import Radio
from mvsdk.testing import ScriptedCore
from tests.emulator.network.mosquitto_server import PASSWORD, USER, Mosquitto, mosquitto
from tests.emulator.network.mqtt_client import MqttClient
from tests.emulator.network.mqtt_firmware import build
from tests.emulator.personality.kernel import BOARD, PLAUSIBLE, Guest, call, word
from tests.emulator.personality.mqtt_guest import (
    Heard,
    connect_call,
    publish_call,
    subscribe_call,
    unsubscribe_call,
)
from tests.emulator.personality.networked import CHANNEL, channel_call, must, online, records

PATIENCE_MS = 1_000_000
"""Of the device's time, which runs free while nothing is awaited."""


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker for one law."""
    with mosquitto(tmp_path) as running:
        yield running


def run(guest: Callable[[ScriptedCore], Guest], broker: Mosquitto) -> None:
    """Run a guest on a device that reaches the broker, until it has nothing more to do."""
    device = Device(BOARD, PLAUSIBLE, ScriptedCore(guest))
    with Radio(device, PeersByKind(mqtt=MqttPeers(broker.folder / "authority.pem"))):
        device.run(2_000_000_000)


def connect(core: ScriptedCore, broker: Mosquitto, heard: Heard, **options: object) -> Guest:
    """Connect with the password, and read the outcome."""
    name = "authentication.username_password."
    values: dict[str, Any] = {"authentication.method": 1, name + "username": USER, name + "password": PASSWORD}
    yield from must(connect_call(core, host=b"127.0.0.1", port=broker.port, **(values | options)))
    yield from heard.await_one(core, PATIENCE_MS)


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_a_run_with_a_broker_can_be_had_again_without(broker: Mosquitto, tmp_path: Path, qos: int) -> None:
    """A compiled application talks to a real broker; the recording of it replays to the same state, offline."""
    echo = build(tmp_path, broker, 20, qos)
    device = Device(BOARD, echo.image, new_core())
    with (
        recording.Recorder(tmp_path / "run.mvrec", device) as recorder,
        Radio(device, PeersByKind(mqtt=MqttPeers(broker.folder / "authority.pem"))),
    ):
        end = End.TIME
        while end is End.TIME and not echo.counters(device)["parted"]:
            end = device.run(device.time_us + 1_000_000)
        recorder.ended(end)
    done = {"published": 20, "received": 20, "failed": 0, "parted": 1}
    assert echo.counters(device) == done
    kept = recording.read(tmp_path / "run.mvrec")
    again = recording.make_device(kept, BOARD, echo.image, new_core())
    recording.prepare(again, kept)
    assert recording.play(again, kept) is End.TIME
    assert (echo.counters(again), again.state_hash()) == (done, device.state_hash())


@pytest.mark.parametrize("version", [0, 1])
def test_a_whole_session(broker: Mosquitto, version: int) -> None:
    """Connect, subscribe, publish, receive, acknowledge, unsubscribe, disconnect, close: all as documented."""
    heard = Heard()
    closed: list[int] = []

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "MQTT")
        yield from connect(core, broker, heard, protocol_version=version)
        yield from must(subscribe_call(core, b"led/+", correlation=2, desired_qos=1))
        yield from heard.await_one(core, PATIENCE_MS)
        yield from must(publish_call(core, b"led/1", b"on", correlation=3, qos=1))
        yield from heard.await_one(core, PATIENCE_MS)
        yield from heard.await_one(core, PATIENCE_MS)
        (message,) = [item for item in heard.items if item[0] == "MESSAGERECEIVED"]
        yield from must(call("mvMqttAcknowledgeMessage", word(core, CHANNEL), message[1]))
        yield from must(unsubscribe_call(core, b"led/+", correlation=4))
        yield from heard.await_one(core, PATIENCE_MS)
        yield from must(call("mvMqttRequestDisconnect", word(core, CHANNEL)))
        yield from heard.await_one(core, PATIENCE_MS)
        yield from must(call("mvCloseChannel", CHANNEL))
        closed.append(word(core, CHANNEL))

    run(guest, broker)
    assert sorted(heard.items) == sorted(
        [
            ("CONNECTRESPONSE", "REQUESTCOMPLETED", 0),
            ("SUBSCRIBERESPONSE", "REQUESTCOMPLETED", 2, [1]),
            ("PUBLISHRESPONSE", "REQUESTCOMPLETED", 3, 0),
            ("MESSAGERECEIVED", 1, b"led/1", b"on", 1, 0),
            ("UNSUBSCRIBERESPONSE", "REQUESTCOMPLETED", 4, [0]),
            ("DISCONNECTRESPONSE", "REQUESTCOMPLETED", 0),
        ]
    )
    assert closed == [0]


def test_messages_that_are_too_large_do_not_hold_up_the_others(broker: Mosquitto) -> None:
    """More of them than the broker sends without an acknowledgement are reported as lost, and the next one arrives."""
    heard = Heard()
    speaking = MqttPeers(broker.folder / "authority.pem")
    speaker = MqttClient(speaking)
    assert speaker.connect(broker.port, client_id=b"speaker").state == "REQUESTCOMPLETED"

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "MQTT")
        yield from connect(core, broker, heard, protocol_version=0)
        yield from must(subscribe_call(core, b"t", desired_qos=1))
        yield from heard.await_one(core, PATIENCE_MS)
        heard.items.clear()
        for payload in [bytes(2000)] * 25 + [b"small"]:
            assert speaker.publish(b"t", payload, 1).state == "REQUESTCOMPLETED"
        for _ in range(26):
            yield from heard.await_one(core, PATIENCE_MS)

    run(guest, broker)
    speaking.close()
    assert [item[0] for item in heard.items] == ["MESSAGELOST"] * 25 + ["MESSAGERECEIVED"]
    assert heard.items[-1][2:] == (b"t", b"small", 1, 0)


def test_a_broker_that_is_killed_is_lost_and_found_again(broker: Mosquitto) -> None:
    """The channel is not connected any more, is closed, and a new one connects once the broker runs again."""
    heard = Heard()
    told: list[str] = []

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "MQTT")
        yield from connect(core, broker, heard)
        broker.stop(signal.SIGKILL)
        heard.items = [("NONE",)]
        while heard.items.pop() == ("NONE",):
            yield from heard.next_type(core)
        told.extend(record.event for record in records(core))
        yield from must(call("mvCloseChannel", CHANNEL))
        broker.start()
        yield from must(channel_call(core, "MQTT"))
        yield from connect(core, broker, heard)
        yield from must(publish_call(core, b"t", b"x", qos=2))
        yield from heard.await_one(core, PATIENCE_MS)

    run(guest, broker)
    assert told[-1] == "CHANNELNOTCONNECTED"
    assert heard.items == [
        ("CONNECTRESPONSE", "REQUESTCOMPLETED", 0),
        ("PUBLISHRESPONSE", "REQUESTCOMPLETED", 1, 0),
    ]
