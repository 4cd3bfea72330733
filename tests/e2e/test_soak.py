"""An hour of the example on a bad link: whatever it takes to live through that, nothing of it is left over."""

from __future__ import annotations

import gc
import json
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mvsdk import boards
from mvsdk.emulator import script
from mvsdk.emulator.core import new_core
from mvsdk.emulator.device import Device
from mvsdk.emulator.events import Event, LogLine
from mvsdk.emulator.network import weather
from mvsdk.emulator.network.config_file import ConfigFile
from mvsdk.emulator.network.mqtt_peer import MqttPeers
from mvsdk.emulator.network.peers import Peers, PeersByKind
from mvsdk.emulator.network.radio import Radio
from mvsdk.emulator.network.scripted import Message, ScriptedPeers
from mvsdk.emulator.network.weather import Weather
from mvsdk.emulator.target import load_target
from tests.e2e.conftest import Shell
from tests.e2e.networked_projects import from_example
from tests.emulator.network.mosquitto_server import PASSWORD, USER, mosquitto

MINUTE_US = 60_000_000
MINUTES, SETTLING = 60, 15
"""How long the soak is, and after how long everything that grows at first has grown."""
HANDLES = {3, 4}
"""A centre, the network, the updates; and a channel, unless it is between two."""
KIB = 1 << 10
SMALL = 64 * KIB
"""What the test itself keeps: a log, a broker's log, and what it has measured."""


@dataclass(frozen=True)
class Measured:
    """What there is of everything that could be left over."""

    handles: int
    threads: int
    files: int
    state_bytes: int
    host_bytes: int


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example's folder, built."""
    base = tmp_path_factory.mktemp("soak")
    return from_example(Shell(base, base / "home"), "iot-sensor").directory


@pytest.fixture
def tracing() -> Iterator[None]:
    """Count what Python allocates."""
    tracemalloc.start()
    yield
    tracemalloc.stop()


def measure(device: Device) -> Measured:
    """Count everything now."""
    gc.collect()
    return Measured(
        handles=sum(1 for _ in device.kernel.channels.handles.all(object)),
        threads=threading.active_count(),
        files=len(list(Path("/proc/self/fd").iterdir())),
        state_bytes=len(json.dumps(device.state())),
        host_bytes=tracemalloc.get_traced_memory()[0],
    )


def soak(project: Path, peers: Peers, forget: Callable[[], object]) -> tuple[list[str], list[Measured]]:
    """Run the example for its hour; return what it logged, and what there was at the end of every minute. `forget` is
    called then, for what peers keep because a test may want to see it."""
    board = boards.load("stm32u585")
    image = load_target(project / "build" / "iot-sensor.elf", board, (), allow_unsigned=True).image
    log: list[str] = []

    def observe(event: Event) -> None:
        if isinstance(event, LogLine) and not event.text.startswith("temperature"):
            log.append(event.text)

    device = Device(board, image, new_core(), observers=[observe])
    script.read(project / "device.toml").prepare(device)
    measured = []
    with Radio(device, peers, Weather(weather.profile("flaky"), seed=1)):
        for minute in range(1, MINUTES + 1):
            device.run(minute * MINUTE_US)
            forget()
            measured.append(measure(device))
    return log, measured


def check(log: list[str], measured: list[Measured]) -> None:
    """It lost its connection often, was there again at the end, and everything is as it was."""
    connections = [line for line in log if line.startswith("connected to")]
    assert len(connections) > 10
    settled = measured[SETTLING:]
    assert {each.handles for each in measured} <= HANDLES
    early, late = settled[: len(settled) // 2], settled[len(settled) // 2 :]
    # The least of each half: what is left over is there in every minute, what is under way is not.
    for name in ("threads", "files"):
        assert min(getattr(each, name) for each in late) <= min(getattr(each, name) for each in early)
    assert min(each.state_bytes for each in late) <= min(each.state_bytes for each in early) + KIB
    assert min(each.host_bytes for each in late) <= min(each.host_bytes for each in early) + SMALL


@pytest.mark.usefixtures("tracing")
def test_nothing_is_left_over_after_an_hour_with_scripted_peers(project: Path) -> None:
    """Handles, threads, files, the device's state and memory are flat."""
    scripted = ScriptedPeers()
    broker = scripted.mqtt("broker.example.com")
    commands = "sensors/kitchen/commands"
    broker.after_subscribe(commands, Message(commands, b"interval 5", qos=1), after_us=1_000_000)

    def forget() -> None:
        scripted.requests.clear()
        broker.published.clear()

    config = ConfigFile(project / "values.toml")
    check(*soak(project, PeersByKind(mqtt=scripted, config=config), forget))


@pytest.mark.usefixtures("tracing")
def test_nothing_is_left_over_after_an_hour_with_a_real_broker(project: Path, tmp_path: Path) -> None:
    """The same with connections and threads that are real."""
    (tmp_path / "broker").mkdir()
    with mosquitto(tmp_path / "broker") as broker:
        values = tmp_path / "values.toml"
        values.write_text(
            f'[account.config]\nbroker-host = "127.0.0.1"\nbroker-port = "{broker.port}"\n'
            f'broker-ca = "{broker.authority.own.der.hex()}"\n'
            f'[device.secret]\nusername = "{USER.decode()}"\npassword = "{PASSWORD.decode()}"\n'
        )
        peers = PeersByKind(mqtt=MqttPeers(), config=ConfigFile(values))
        check(*soak(project, peers, lambda: None))
