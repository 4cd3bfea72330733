"""Many emulated devices with their update agents, in session with a cloud that runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mvsdk.bundle import ManifestOptions, create
from mvsdk.emulator.cloud_identity import CloudIdentity
from mvsdk.emulator.cloud_link import CloudLink
from mvsdk.emulator.core import new_core
from mvsdk.emulator.crashes import RestartPolicy
from mvsdk.emulator.device import Device
from mvsdk.emulator.events import Event, Started
from mvsdk.emulator.updating import Memories, Updater
from mvsdk.keys import SigningKey
from mvsdk.update import KeySet
from tests.cloud.conftest import TOKEN, RunningCloud
from tests.emulator.chip_guests import BOARD
from tests.emulator.updating.managed import application

TURN_US = 100_000
"""How far a device runs before the next one has its turn."""


def signed(developer: SigningKey, version: int, ending: str = "stays", *, counter: int = 0) -> bytes:
    """Return the bundle of an application, signed by the key whose bundles the cloud takes."""
    image = application(version, ending)
    return create(image, ManifestOptions(rollback_counter=counter), developer, region=BOARD.flash.size)


class FleetDevice:
    """One device: its folder, its session, its agent. `developer` is whom it trusts."""

    def __init__(self, folder: Path, url: str, sid: str, developer: SigningKey, bundle: bytes) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        CloudIdentity(url, sid, TOKEN).write(folder)
        self.sid = sid
        self.starts: list[str] = []
        """Why its applications were started."""
        self.link = CloudLink(folder, None, time.time_ns() // 1000, lambda line: None, {"board": BOARD.name})
        keys = KeySet((developer.public,))
        self.updater = Updater(Memories(BOARD), keys, self.link.server, lambda _: RestartPolicy(), self.link.report)
        self.updater.flash(bundle)
        started = self.updater.start()
        self.link.keep_up_to_date(self.updater)
        observers = [self.link.observe, self.updater.observe, self._observe]
        core = new_core(BOARD.interrupt_lines)
        self.device = Device(BOARD, started.image, core, restart_policy=RestartPolicy(), observers=observers)
        self.updater.attach(self.device)
        self.link.start()

    def _observe(self, event: Event) -> None:
        if isinstance(event, Started):
            self.starts.append(event.wake_reason)

    def turn(self) -> None:
        """Let the device run a little."""
        self.link.deliver(self.device)
        self.updater.turn()
        self.device.run(self.device.time_us + TURN_US)


class Fleet:
    """The devices of a cloud, which take turns on one processor."""

    def __init__(self, devices: list[FleetDevice]) -> None:
        self.devices = devices

    def run_until(self, done: Callable[[], bool], seconds: float = 120.0) -> None:
        """Let all devices run until something is so. Raises TimeoutError after so many seconds."""
        deadline = time.monotonic() + seconds
        while not done():
            if time.monotonic() > deadline:
                raise TimeoutError(f"it is not so within {seconds} s")
            for device in self.devices:
                device.turn()


@contextmanager
def fleet(cloud: RunningCloud, folder: Path, count: int, bundle: bytes) -> Iterator[Fleet]:
    """Make so many devices of a cloud that run a bundle, all with the tag "field"."""
    devices: list[FleetDevice] = []
    try:
        for number in range(count):
            sid = cloud.new_device(f"device-{number:03}")
            cloud.change("INSERT INTO tags (device_sid, tag) VALUES (?, 'field')", sid)
            devices.append(FleetDevice(folder / sid, cloud.url, sid, cloud.developer, bundle))
        yield Fleet(devices)
    finally:
        for device in devices:
            device.link.close()


def uploaded(cloud: RunningCloud, bundle: bytes, name: str) -> str:
    """Upload a bundle and return its SID."""
    answer = cloud.call("POST", "/v1/Apps", files={"File": ("app.zip", bundle)}, data={"UniqueName": name})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["sid"])
