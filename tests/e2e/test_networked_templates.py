"""Laws of the templates that use the network and of the one that waits for updates: scripted, and with real servers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Shell
from tests.e2e.mqtt_observer import Observer
from tests.e2e.networked_projects import emulate, from_template, recorded, replayed
from tests.emulator.network.authority import Authority
from tests.emulator.network.mosquitto_server import PASSWORD, USER, Mosquitto, mosquitto
from tests.emulator.network.raw_server import RawServer, response, says

OFFLINE = {
    "http": ("--peers", "peers.toml", "--for", "45s"),
    "mqtt": ("--peers", "peers.toml", "--for", "22s"),
    "config": ("--config", "values.toml", "--for", "70s"),
    "ota-polite": ("--inputs", "device.toml", "--for", "16s"),
}
"""What each README says, so that no network is needed."""
LOGGED = {
    "http": [
        "http: started",
        "http: status 200, 12 bytes: hello, world",
        "http: status 200, 12 bytes: hello, world",
        "http: status 503, 15 bytes: come back later",
        "the request failed with result 5",
        "http: status 200, 11 bytes: hello again",
    ],
    "mqtt": [
        "mqtt: connected to broker.example.com",
        "mqtt: publishing 1",
        "mqtt: publishing 2",
        "mqtt: publishing 3",
        "mqtt: reset on mqtt/commands",
        "mqtt: publishing 1",
        "mqtt: publishing 2",
    ],
    "config": ['config: "good morning", every 10 s, with a key of 11 characters'] * 2,
    "ota-polite": [
        "ota-polite: started, reason 0",
        "ota-polite: job 1 begins",
        "ota-polite: job 1 is done",
        "ota-polite: job 2 begins",
        "ota-polite: job 2 is done",
        "ota-polite: applying the update",
        "ota-polite: started, reason 2",
        "ota-polite: job 1 begins",
    ],
}


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker with TLS and a password."""
    folder = tmp_path / "broker"
    folder.mkdir()
    with mosquitto(folder) as running:
        yield running


@pytest.mark.parametrize("template", OFFLINE)
def test_it_does_its_work_without_a_network(shell: Shell, template: str) -> None:
    """With what the project carries it logs these lines, and a second run ends in the same state."""
    project = from_template(shell, template)
    run = emulate(project, *OFFLINE[template])
    assert run.log == LOGGED[template]
    assert emulate(project, *OFFLINE[template]).state == run.state


@pytest.mark.parametrize("template", ["http", "mqtt", "config"])
def test_it_goes_on_without_whom_it_needs(shell: Shell, template: str) -> None:
    """With no network at all it neither stops nor faults, and says why nothing happens."""
    run = emulate(from_template(shell, template), "--offline", "--for", "185s")
    assert run.log.count("no network after 60 s") >= 2
    assert run.starts == ["COLDBOOT"]


def test_http_asks_a_real_server_and_the_run_can_be_had_again(shell: Shell, tmp_path: Path) -> None:
    """Over TLS, from an authority that is named; the replay needs no server and ends in the same state."""
    authority = Authority(tmp_path)
    with RawServer(says(response(b"the time is now")), authority.server_context()) as server:
        project = from_template(shell, "http", {"https://example.com/": server.url.decode() + "/time"})
        run = recorded(project, "--authority", authority.file, "--for", "25s")
    assert run.log == ["http: started", *["http: status 200, 15 bytes: the time is now"] * 3]
    assert [request.lines[0] for request in server.requests] == [b"GET /time HTTP/1.1"] * 3
    assert [request.header("Accept") for request in server.requests] == [b"text/plain, */*"] * 3
    again = replayed(project)
    assert (again.log, again.state) == (run.log, run.state)


def test_http_does_not_believe_a_stranger(shell: Shell, tmp_path: Path) -> None:
    """A server whose authority nobody has named is a failed request."""
    with RawServer(says(response(b"trust me")), Authority(tmp_path).server_context()) as server:
        project = from_template(shell, "http", {"https://example.com/": server.url.decode()})
        assert "the request failed with result 5" in emulate(project, "--for", "5s").log
    assert server.requests == []


def test_mqtt_works_with_a_real_broker_and_the_run_can_be_had_again(shell: Shell, broker: Mosquitto) -> None:
    """What it publishes others hear, what others say it does; the replay ends in the same state."""
    changes = {
        '"broker.example.com"': '"127.0.0.1"',
        "8883": str(broker.port),
        'USERNAME "device"': f'USERNAME "{USER.decode()}"',
        '"sesame"': f'"{PASSWORD.decode()}"',
    }
    project = from_template(shell, "mqtt", changes)
    with Observer(broker) as observer:
        observer.say("mqtt/commands", "reset", retain=True)
        run = recorded(project, "--authority", broker.folder / "authority.pem", "--for", "40s")
        last = [line for line in run.log if "publishing" in line][-1].rpartition(" ")[2]
        assert observer.await_message("mqtt/count").payload == "1"
        assert observer.await_message("mqtt/count", last)
    assert run.log[0] == "mqtt: connected to 127.0.0.1"
    assert "mqtt: reset on mqtt/commands" in run.log
    again = replayed(project)
    assert (again.log, again.state) == (run.log, run.state)


def test_config_has_its_values_from_a_cloud_and_the_run_can_be_had_again(shell: Shell, tmp_path: Path) -> None:
    """Config of the account, config and a secret of the device, by the device's session; a value that is changed is
    found at the next look. The secret is in no trace."""
    places = {"MVSDK_CLOUD_DATA": str(tmp_path / "cloud"), "MVSDK_DEVICES": str(tmp_path / "devices")}
    project = from_template(Shell(shell.directory, shell.home, shell.bin, places), "config")
    (project.directory / "key.txt").write_text("open sesame")
    project.succeed("mvsdk", "cloud", "start", "--detach", "--port", "0")
    try:
        project.succeed("mvsdk", "device", "create", "kitchen")
        project.succeed("mvsdk", "device", "update", "kitchen", "--logging")
        project.succeed("mvsdk", "config", "set", "greeting", "good evening")
        project.succeed("mvsdk", "config", "set", "interval", "20", "--device", "kitchen")
        project.succeed("mvsdk", "secret", "set", "api-key", "--device", "kitchen", "--from-file", "key.txt")
        device = ("--device", "kitchen", "--cloud", "--time", "virtual")
        run = recorded(project, *device, "--for", "70s", "--trace", "syscalls")
    finally:
        project.succeed("mvsdk", "cloud", "stop")
    assert run.log == ['config: "good evening", every 20 s, with a key of 11 characters'] * 2
    assert "open sesame" not in json.dumps(run.events)
    again = replayed(project)
    assert (again.log, again.state) == (run.log, run.state)
