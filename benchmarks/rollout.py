"""How many devices a second one server updates: a rollout to 200 emulated devices, in one stage.

$ python -m benchmarks rollout

Every device is whole: it runs its application, holds a session, downloads the change, writes its flash, restarts, and
is on trial for a second of its own time. They take turns on one thread of this process; the server has another one in
the same process, so the figure is what both do together, and no more than the server can.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from tests.cloud.conftest import RunningCloud, running_cloud
from tests.e2e.fleet import fleet, signed, uploaded

DEVICES = 200


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name, running_cloud(Path(name) / "cloud") as cloud:
        seconds = rolled_out(cloud, Path(name))
    print(f"\nrollout to {DEVICES} emulated devices: {seconds:.1f} s, {DEVICES / seconds:.0f} devices/s")


def rolled_out(cloud: RunningCloud, folder: Path) -> float:
    """Return the seconds from a rollout's start to its completion."""
    first, second = signed(cloud.developer, 1), signed(cloud.developer, 2)
    old, _ = uploaded(cloud, first, "app-1"), uploaded(cloud, second, "app-2")
    with fleet(cloud, folder / "devices", DEVICES, first) as devices:
        for device in devices.devices:
            cloud.call("POST", f"/v1/Devices/{device.sid}", data={"TargetApp": old})
        devices.run_until(lambda: all(device.link.server.target for device in devices.devices))
        fields = {"App": "app-2", "Cohort": "tag=field", "Stages": "100%", "TrialSeconds": "1"}
        made = cloud.call("POST", "/mvsdk/v1/Rollouts", data=fields)
        path = f"/mvsdk/v1/Rollouts/{made.json()['sid']}"
        start = time.perf_counter()
        cloud.call("POST", f"{path}/Start")
        devices.run_until(lambda: cloud.call("GET", path).json()["state"] == "completed")
        return time.perf_counter() - start


if __name__ == "__main__":
    main()
