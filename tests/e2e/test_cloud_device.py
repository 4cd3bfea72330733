"""An emulated device and the local cloud, driven as a person drives them."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

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


def test_a_device_logs_restarts_and_reports_through_the_cloud(kitchen: Shell, tmp_path: Path) -> None:
    """What a device logs arrives, a restart asked for through the API happens, and it reports what it runs."""
    command = ["mvsdk", "emulate", "--device", "kitchen", "--cloud", "--for", "1h", "--json", "build/blinky.zip"]
    environment = {**os.environ, "PATH": f"{kitchen.bin}{os.pathsep}{os.environ['PATH']}", **kitchen.environment}
    environment["MVSDK_HOME"] = str(kitchen.home)
    with subprocess.Popen(command, cwd=kitchen.directory, env=environment, stdout=subprocess.DEVNULL) as device:
        try:
            assert "pong" in kitchen.succeed("mvsdk", "logs", "kitchen", "--until", "pong")
            kitchen.succeed("mvsdk", "device", "update", "kitchen", "--restart")
            deployed = kitchen.succeed("mvsdk", "deploy", "build/blinky.zip", "--device", "kitchen", "--json")
            assert json.loads(deployed)["device"]["app"]["update_status"] == "up-to-date"
            while "REMOTEAPPLICATIONRESTART" not in kitchen.succeed("mvsdk", "logs", "kitchen", "--json"):
                assert device.poll() is None
        finally:
            device.terminate()
    identity = json.loads((tmp_path / "devices" / "kitchen" / "cloud.json").read_bytes())
    assert identity["commands_done"] > 0


def test_who_a_device_is_has_to_be_known(blinky: Shell, tmp_path: Path) -> None:
    """--cloud without a device, and a folder that no cloud made, are errors that say what to do."""
    for options in ((), ("--device", str(tmp_path / "nobody"))):
        refused = blinky("mvsdk", "emulate", "--cloud", *options, "build/blinky.zip")
        assert refused.returncode in {1, 2}
        assert "mvsdk device create" in refused.stderr
