"""An emulated device and the local cloud, driven as a person drives them."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.e2e.conftest import Shell


@pytest.fixture
def kitchen(blinky: Shell, tmp_path: Path) -> Iterator[Shell]:
    """A shell in a built and bundled project, with a cloud and its device "kitchen"."""
    places = {"MVSDK_CLOUD_DATA": str(tmp_path / "cloud"), "MVSDK_DEVICES": str(tmp_path / "devices")}
    shell = Shell(blinky.directory, blinky.home, blinky.bin, places)
    shell.succeed("mvsdk", "cloud", "start", "--detach", "--port", "0")
    shell.succeed("mvsdk", "device", "create", "kitchen")
    yield shell
    shell.succeed("mvsdk", "cloud", "stop")


@contextmanager
def running(kitchen: Shell) -> Iterator[subprocess.Popen[bytes]]:
    """Run the device "kitchen" in session with its cloud for as long as the context lasts."""
    command = ["mvsdk", "emulate", "--device", "kitchen", "--cloud", "--for", "1h", "--json", "build/blinky.zip"]
    environment = {**os.environ, "PATH": f"{kitchen.bin}{os.pathsep}{os.environ['PATH']}", **kitchen.environment}
    environment["MVSDK_HOME"] = str(kitchen.home)
    with subprocess.Popen(command, cwd=kitchen.directory, env=environment, stdout=subprocess.DEVNULL) as device:
        try:
            yield device
        finally:
            device.terminate()


def test_a_device_logs_restarts_and_reports_through_the_cloud(kitchen: Shell, tmp_path: Path) -> None:
    """What a device logs arrives, a restart asked for through the API happens, and it reports what it runs."""
    with running(kitchen) as device:
        assert "pong" in kitchen.succeed("mvsdk", "logs", "kitchen", "--until", "pong")
        kitchen.succeed("mvsdk", "device", "update", "kitchen", "--restart")
        deployed = kitchen.succeed("mvsdk", "deploy", "build/blinky.zip", "--device", "kitchen", "--json")
        assert json.loads(deployed)["devices"][0]["app"]["update_status"] == "up-to-date"
        while "REMOTEAPPLICATIONRESTART" not in kitchen.succeed("mvsdk", "logs", "kitchen", "--json"):
            assert device.poll() is None
    identity = json.loads((tmp_path / "devices" / "kitchen" / "cloud.json").read_bytes())
    assert identity["commands_done"] > 0


def test_a_person_s_day_with_the_cloud(kitchen: Shell) -> None:
    """Every command that docs/cloud.md begins with works as it is written there."""
    (kitchen.directory / "key.txt").write_text("hunter2\n")
    status = json.loads(kitchen.succeed("mvsdk", "cloud", "status", "--json", "--show-credentials"))
    assert {"url", "account_sid", "auth_token", "version", "counts"} <= status.keys()
    assert "auth_token" not in json.loads(kitchen.succeed("mvsdk", "cloud", "status", "--json"))
    with running(kitchen):
        follow = kitchen.succeed(
            "mvsdk", "logs", "kitchen", "--follow", "--since", "10m", "--json", "--until", "pong"
        ).splitlines()
        assert "pong" in json.loads(follow[-1])["text"]
        kitchen.succeed("mvsdk", "config", "set", "tz", "Europe/Paris", "--device", "kitchen")
        kitchen.succeed("mvsdk", "config", "set", "city", "Paris")
        assert "city  Paris" in kitchen.succeed("mvsdk", "config", "list")
        assert "tz   Europe/Paris" in kitchen.succeed("mvsdk", "config", "list", "--device", "kitchen")
        assert "hunter2" not in kitchen.succeed("mvsdk", "secret", "set", "api-key", "--from-file", "key.txt", "--json")
        assert "hunter2" not in kitchen.succeed("mvsdk", "secret", "list")
        assert "kitchen runs it" in kitchen.succeed("mvsdk", "deploy")
    assert requests.get(status["url"], timeout=30).status_code == 401  # the console's login


def test_who_a_device_is_has_to_be_known(blinky: Shell, tmp_path: Path) -> None:
    """--cloud without a device, and a folder that no cloud made, are errors that say what to do."""
    for options in ((), ("--device", str(tmp_path / "nobody"))):
        refused = blinky("mvsdk", "emulate", "--cloud", *options, "build/blinky.zip")
        assert refused.returncode in {1, 2}
        assert "mvsdk device create" in refused.stderr
