"""MQTT messages per second: an emulated device beside a plain paho client, on the same broker.

Both publish to a topic that they have subscribed to themselves, and read everything back, no more than eight messages
under way. The broker is mosquitto, on loopback with TLS and a password; the device's link adds nothing to the way.
"""

from __future__ import annotations

import queue
import tempfile
import time
from pathlib import Path

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from mvsdk.emulator.core import new_core
from mvsdk.emulator.device import Device
from mvsdk.emulator.network.mqtt_peer import MqttPeers
from mvsdk.emulator.network.peers import PeersByKind
from mvsdk.emulator.network.radio import Radio
from mvsdk.emulator.network.weather import LinkProfile, Weather
from tests.emulator.network.mosquitto_server import PASSWORD, USER, Mosquitto, mosquitto
from tests.emulator.network.mqtt_firmware import BOARD, build

MESSAGES, ROUNDS, WINDOW = 1000, 3, 8
TOPIC, PAYLOAD = "measured", b'{"celsius": 21.5}'


def by_device(broker: Mosquitto, qos: int) -> float:
    """Return the seconds that a device takes, by the clock on the wall."""
    with tempfile.TemporaryDirectory() as folder:
        echo = build(Path(folder), broker, MESSAGES, qos)
    device = Device(BOARD, echo.image, new_core())
    no_distance = Weather(LinkProfile(latency_ms=0))
    with Radio(device, PeersByKind(mqtt=MqttPeers(broker.folder / "authority.pem")), no_distance):
        start = time.perf_counter()
        device.run(1_000_000_000)
        taken = time.perf_counter() - start
    found = echo.counters(device)
    if found != {"published": MESSAGES, "received": MESSAGES, "failed": 0, "parted": 1}:
        raise RuntimeError(f"the device has got so far: {found}")
    return taken


def by_client(broker: Mosquitto, qos: int) -> float:
    """Return the seconds that the library takes by itself."""
    came: queue.SimpleQueue[str] = queue.SimpleQueue()
    client = Client(CallbackAPIVersion.VERSION2, "plain", protocol=MQTTProtocolVersion.MQTTv5)
    client.tls_set(str(broker.folder / "authority.pem"))
    client.username_pw_set(USER.decode(), PASSWORD.decode())

    def on_message(_client: Client, _data: object, _message: MQTTMessage) -> None:
        came.put("message")

    client.on_message = on_message
    client.on_connect = lambda *_: came.put("connected")
    client.on_subscribe = lambda *_: came.put("subscribed")
    start = time.perf_counter()
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    came.get(timeout=10)
    client.subscribe(TOPIC, qos)
    came.get(timeout=10)
    for _ in range(WINDOW):
        client.publish(TOPIC, PAYLOAD, qos)
    for number in range(MESSAGES):
        came.get(timeout=10)
        if number < MESSAGES - WINDOW:
            client.publish(TOPIC, PAYLOAD, qos)
    client.disconnect()
    client.loop_stop()
    return time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name, mosquitto(Path(name)) as broker:
        print(f"\nMQTT over TLS, {MESSAGES} messages out and back, {WINDOW} under way, best of {ROUNDS}")
        for qos in (0, 1, 2):
            pairs = [(by_device(broker, qos), by_client(broker, qos)) for _ in range(ROUNDS)]
            device, client = (MESSAGES / min(pair[index] for pair in pairs) for index in (0, 1))
            print(f"{f'an emulated device, QoS {qos}':32}{device:8.0f} /s")
            print(f"{f'paho alone, QoS {qos}':32}{client:8.0f} /s, ratio {device / client:.2f}")


if __name__ == "__main__":
    main()
