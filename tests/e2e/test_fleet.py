"""Emulated devices, their agents, the real server: updates one by one and as a rollout."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mvsdk.emulator.inputs import Pin
from mvsdk.update import Phase
from tests.cloud.conftest import RunningCloud, running_cloud
from tests.e2e.fleet import fleet, signed, uploaded
from tests.emulator.updating.managed import application

BAD = 3


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[RunningCloud]:
    """A cloud."""
    with running_cloud(tmp_path / "cloud") as running:
        yield running


def test_a_rollout_to_a_hundred_devices_pauses_where_three_of_them_crash(cloud: RunningCloud, tmp_path: Path) -> None:
    """The gate names the bad ones and why; they are back on what they ran, and those of later stages are spared until
    somebody lets the rollout go on."""
    first, second = signed(cloud.developer, 1), signed(cloud.developer, 2, "crashes_where_wired")
    old, _ = uploaded(cloud, first, "app-1"), uploaded(cloud, second, "app-2")
    with fleet(cloud, tmp_path / "devices", 100, first) as devices:
        for device in devices.devices:
            cloud.call("POST", f"/v1/Devices/{device.sid}", data={"TargetApp": old})
        devices.run_until(lambda: all(device.link.server.target for device in devices.devices))
        asked = {"Stages": "10%,50%,100%", "Gate": "reverted < 1% and online > 95%", "TrialSeconds": "3"}
        made = cloud.call("POST", "/mvsdk/v1/Rollouts", data={"App": "app-2", "Cohort": "tag=field", **asked})
        rollout = f"/mvsdk/v1/Rollouts/{made.json()['sid']}"
        assert cloud.call("POST", f"{rollout}/Start").json()["state"] == "running"
        members = cloud.call("GET", f"{rollout}/Devices?PageSize=100").json()["devices"]
        stages = {one["device_sid"]: one["stage"] for one in members}
        bad = sorted(sid for sid, stage in stages.items() if stage == 2)[:BAD]
        for device in devices.devices:
            if device.sid in bad:
                device.device.inputs.now(Pin("PA0", True))

        devices.run_until(lambda: cloud.call("GET", rollout).json()["state"] != "running")
        paused = cloud.call("GET", rollout).json()
        assert (paused["state"], paused["stage"]) == ("paused", 2)
        assert paused["reason"].startswith("reverted is ")
        names = {device.sid: f"device-{number:03}" for number, device in enumerate(devices.devices)}
        blamed = re.findall(r"(device-\d+) \(it crashed: ", paused["reason"])
        assert blamed
        assert set(blamed) <= {names[sid] for sid in bad}

        given = [device for device in devices.devices if stages[device.sid] <= 2]
        devices.run_until(lambda: all(len(device.starts) > (2 if device.sid in bad else 1) for device in given))
        devices.run_until(lambda: all(device.updater.agent.state.phase is Phase.IDLE for device in given))
        assert [device.sid for device in devices.devices if len(device.starts) > 1] == [device.sid for device in given]
        assert sorted(device.sid for device in given if device.device.image == application(1)) == bad

        assert cloud.call("POST", f"{rollout}/Resume").json()["state"] == "running"
        devices.run_until(lambda: cloud.call("GET", rollout).json()["state"] != "running")
        assert cloud.call("GET", rollout).json()["state"] == "completed"
        assert sorted(device.sid for device in devices.devices if device.device.image == application(1)) == bad
