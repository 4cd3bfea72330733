"""Laws of the example `iot-sensor`: offline, with a real broker and a real cloud, through losses, and for an hour."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.conftest import Shell
from tests.e2e.mqtt_observer import Heard, Observer
from tests.e2e.networked_projects import EXAMPLES, emulate, from_example, recorded, replayed
from tests.e2e.transcripts import check, examples
from tests.emulator.network.mosquitto_server import PASSWORD, PATIENCE_S, USER, Mosquitto, mosquitto

OFFLINE = ("--peers", "peers.toml", "--config", "values.toml", "--inputs", "device.toml")
THERMOMETER = """
[[bus]]
device = "mcp9808"
bus = "I2C1"
address = 0x18
celsius = 19.0
"""


@pytest.fixture(scope="module")
def sensor(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A shell in the example, built and bundled."""
    base = tmp_path_factory.mktemp("iot-sensor")
    return from_example(Shell(base, base / "home"), "iot-sensor")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker with TLS that wants a password, or on another port a certificate."""
    folder = tmp_path / "broker"
    folder.mkdir()
    with mosquitto(folder) as running:
        yield running


def values_file(folder: Path, broker: Mosquitto, *, secret: str, port: str = "port", config: str = "") -> Path:
    """Write what the cloud would have for a device called kitchen."""
    file = folder / "values.toml"
    file.write_text(
        f'[account.config]\nbroker-host = "127.0.0.1"\nbroker-port = "{broker.ports[port]}"\n'
        f'broker-ca = "{broker.authority.own.der.hex()}"\n'
        f'[device.config]\nname = "kitchen"\n{config}\n[device.secret]\n{secret}\n'
    )
    return file


def password() -> str:
    """Return the secrets of a device with a password."""
    return f'username = "{USER.decode()}"\npassword = "{PASSWORD.decode()}"'


def test_its_readme_is_true(shell: Shell) -> None:
    """In a copy of the example, each command succeeds and prints what the README shows."""
    folder = shell.directory / "iot-sensor"
    shutil.copytree(EXAMPLES / "iot-sensor", folder, ignore=shutil.ignore_patterns("build"))
    shown = list(examples(folder / "README.md"))
    assert len(shown) == 4
    check(shown, folder, shell.home)


# -- without a network -----------------------------------------------------------------------------------------------


def test_its_day_offline_is_as_the_readme_shows(sensor: Shell) -> None:
    """It connects, measures, obeys, tells of its button, and parts from the broker before it is updated."""
    run = emulate(sensor, *OFFLINE, "--for", "60s")
    assert run.log == [
        "iot-sensor: started",
        "connected to broker.example.com",
        "temperature 21.50",
        "command: led on",
        "command: interval 10",
        "temperature 21.50",
        '"make coffee" is no command',
        "temperature 21.50",
        "temperature -3.25",
        "button pressed",
        "temperature -3.25",
        "temperature -3.25",
        "applying the update",
        "iot-sensor: started",
        "connected to broker.example.com",
        "temperature -3.25",
        "command: led on",
    ]
    assert run.leds == [True, False, True]
    assert run.starts == ["COLDBOOT", "REMOTEAPPLICATIONRESTART"]
    assert emulate(sensor, *OFFLINE, "--for", "60s").state == run.state


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ("", "there is no broker-host"),
        ('broker-host = "h"\nbroker-port = "65536"', "broker-port is not 1 to 65535"),
        ('broker-host = "h"\nbroker-port = "88a"', "broker-port is not 1 to 65535"),
        ('broker-host = "h"\nbroker-ca = "30820"', "broker-ca is not hexadecimal"),
        ('broker-host = "h"\nbroker-ca = "3g"', "broker-ca is not hexadecimal"),
        ('broker-host = "nowhere.example.com"', "no session with the broker, state 4"),
    ],
)
def test_settings_that_are_of_no_use_are_told_and_asked_for_again(
    sensor: Shell, tmp_path: Path, values: str, complaint: str
) -> None:
    """It says what is wrong, and fetches anew with waits that grow: somebody may mend it."""
    file = tmp_path / "values.toml"
    file.write_text(f"[account.config]\n{values}\n")
    log = emulate(sensor, "--peers", "peers.toml", "--config", file, "--for", "60s").log
    assert log.count(complaint) >= 4
    waits = [int(line.split()[-2]) for line in log if line.startswith("connecting again")]
    assert waits == sorted(waits)
    assert waits[0] < 4 < waits[3]


def test_it_enables_the_clocks_of_what_it_uses(sensor: Shell) -> None:
    """With peripherals that need their clocks, and bus faults for registers that are not there, all goes as before."""
    run = emulate(sensor, *OFFLINE, "--for", "45s", "--gate-clocks", "--strict-mmio")
    assert {"temperature 21.50", "button pressed"} <= set(run.log)
    assert run.leds == [True]


def test_it_goes_on_without_its_thermometer(sensor: Shell) -> None:
    """A sensor that does not answer is logged, and the commands are still obeyed."""
    run = emulate(sensor, "--peers", "peers.toml", "--config", "values.toml", "--for", "20s")
    assert run.log.count("the thermometer does not answer") == 2
    assert run.leds == [True]


@pytest.mark.parametrize("text", ["interval 0", "interval 3601", "interval -1", "interval  5", "interval 5s", "LED on"])
def test_what_is_no_command_changes_nothing(sensor: Shell, tmp_path: Path, text: str) -> None:
    """It is logged, and measuring goes on every thirty seconds."""
    peers = (sensor.directory / "peers.toml").read_text().replace("interval 10", text)
    (tmp_path / "peers.toml").write_text(peers)
    values = sensor.directory / "values.toml"
    run = emulate(sensor, "--peers", tmp_path / "peers.toml", "--config", values, "--for", "50s")
    assert f'"{text}" is no command' in run.log
    assert run.log.count("the thermometer does not answer") == 2


# -- with a real broker ----------------------------------------------------------------------------------------------


def test_it_works_with_a_real_broker_and_a_real_cloud(sensor: Shell, broker: Mosquitto, tmp_path: Path) -> None:
    """Broker, authority and password come from the cloud; others at the broker hear it and can command it; and the run
    can be had again without any of them, to the same state."""
    places = {"MVSDK_CLOUD_DATA": str(tmp_path / "cloud"), "MVSDK_DEVICES": str(tmp_path / "devices")}
    shell = Shell(sensor.directory, sensor.home, sensor.bin, places)
    shell.succeed("mvsdk", "cloud", "start", "--detach", "--port", "0")
    try:
        shell.succeed("mvsdk", "device", "create", "kitchen")
        shell.succeed("mvsdk", "device", "update", "kitchen", "--logging")
        shell.succeed("mvsdk", "config", "set", "broker-host", "127.0.0.1")
        shell.succeed("mvsdk", "config", "set", "broker-port", str(broker.port))
        shell.succeed("mvsdk", "config", "set", "broker-ca", broker.authority.own.der.hex())
        shell.succeed("mvsdk", "config", "set", "name", "kitchen", "--device", "kitchen")
        for key, value in (("username", USER), ("password", PASSWORD)):
            (tmp_path / key).write_bytes(value)
            shell.succeed("mvsdk", "secret", "set", key, "--device", "kitchen", "--from-file", tmp_path / key)
        with Observer(broker) as observer:
            observer.say("sensors/kitchen/commands", "led on", retain=True)
            device = ("--device", "kitchen", "--cloud", "--time", "virtual", "--inputs", "device.toml")
            run = recorded(shell, *device, "--for", "60s")
            heard = observer.hear_until("sensors/kitchen/status", "offline")
    finally:
        shell.succeed("mvsdk", "cloud", "stop")
    said = {
        subtopic: [message.payload for message in heard if message.topic == f"sensors/kitchen/{subtopic}"]
        for subtopic in ("status", "temperature", "button")
    }
    assert said == {
        "status": ["online", "updating", "online", "offline"],  # the last is its will: the run ends without a word
        "temperature": ["21.50", "-3.25", "-3.25"],
        "button": ["pressed"],
    }
    assert run.log[:2] == ["iot-sensor: started", "connected to 127.0.0.1"]
    assert run.leds == [True, False, True]
    assert run.starts == ["COLDBOOT", "REMOTEAPPLICATIONRESTART"]
    again = replayed(shell)
    assert (again.log, again.state) == (run.log, run.state)


def test_it_shows_a_certificate_where_the_broker_wants_one(sensor: Shell, broker: Mosquitto, tmp_path: Path) -> None:
    """With a key no password is used, and the broker knows it by its certificate."""
    pair = broker.authority.issue("kitchen")
    config = f'client-cert = "{pair.der.hex()}"'
    secret = f'{password()}\nclient-key = "{pair.key_der.hex()}"'
    values = values_file(tmp_path, broker, port="mutual", config=config, secret=secret)
    assert "connected to 127.0.0.1" in emulate(sensor, "--config", values, "--for", "5s").log


def test_wrong_credentials_are_the_brokers_refusal(sensor: Shell, broker: Mosquitto, tmp_path: Path) -> None:
    """A password that is wrong, and no certificate where one is wanted: it says so and does not stop trying."""
    wrong = values_file(tmp_path, broker, secret=f'username = "{USER.decode()}"\npassword = "guess"')
    log = emulate(sensor, "--config", wrong, "--for", "10s").log
    assert log.count("the broker refused us with reason 0x87") >= 2
    none = values_file(tmp_path, broker, port="mutual", secret=password())
    assert "connected to 127.0.0.1" not in emulate(sensor, "--config", none, "--for", "10s").log


@contextmanager
def running(sensor: Shell, *options: str | Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run the example in real time, for as long as the context lasts."""
    environment = {**os.environ, "PATH": f"{sensor.bin}{os.pathsep}{os.environ['PATH']}"}
    environment["MVSDK_HOME"] = str(sensor.home)
    command = ["mvsdk", "emulate", "--for", "1h", "--time", "real", *map(str, options)]
    with subprocess.Popen(command, cwd=sensor.directory, env=environment, stdout=subprocess.DEVNULL) as device:
        try:
            yield device
        finally:
            device.terminate()
            device.wait(PATIENCE_S)


def test_it_finds_its_broker_again(sensor: Shell, broker: Mosquitto, tmp_path: Path) -> None:
    """A broker that is killed and comes back has the sensor back, which obeys as before; and when the sensor vanishes
    without a word, the broker tells the others, those too who come later."""
    values = values_file(tmp_path, broker, secret=password())
    inputs = tmp_path / "device.toml"
    inputs.write_text(THERMOMETER)
    with Observer(broker) as observer, running(sensor, "--config", values, "--inputs", inputs) as device:
        assert observer.await_message("sensors/kitchen/temperature", "19.00")
        broker.stop(signal.SIGKILL)
        broker.start()
        assert observer.await_message("sensors/kitchen/status", "online")
        observer.say("sensors/kitchen/commands", "interval 1")
        for _ in range(3):
            assert observer.await_message("sensors/kitchen/temperature", "19.00")
        device.kill()
        assert observer.await_message("sensors/kitchen/status", "offline")
    with Observer(broker) as late:
        assert late.await_message("sensors/kitchen/status") == Heard("sensors/kitchen/status", "offline", retained=True)
