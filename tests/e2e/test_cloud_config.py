"""Config and secrets from a cloud to an application: REST, session, radio, system calls."""

from __future__ import annotations

import threading
from pathlib import Path

from mvsdk.emulator.cloud_identity import CloudIdentity
from mvsdk.emulator.cloud_link import CloudLink
from mvsdk.emulator.device import Device
from mvsdk.emulator.network.config_session import ConfigSession
from mvsdk.emulator.network.peers import PeersByKind
from mvsdk.emulator.network.radio import Radio
from mvsdk.testing import ScriptedCore, Sleep
from tests.cloud.conftest import TOKEN, running_cloud
from tests.emulator.personality.exchanging import DATA, config_call
from tests.emulator.personality.kernel import BOARD, PLAUSIBLE, Guest, call, word, words
from tests.emulator.personality.networked import CHANNEL, IRQ, OUT, PARAMS, must, online, records

ACCOUNT, DEVICE = 0, 1
SECRET, CONFIG = 0, 1
WANTED = [(ACCOUNT, CONFIG, b"city"), (DEVICE, CONFIG, b"tz"), (DEVICE, SECRET, b"api-key"), (DEVICE, CONFIG, b"city")]
PATIENCE_US = 60_000_000
PATIENCE_S = 30


def test_an_application_finds_what_was_set_for_its_device(tmp_path: Path) -> None:
    """Account and device, config and secret: each value where it was set, and nowhere else."""
    found: list[tuple[int, bytes]] = []

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "CONFIGFETCH")
        yield from must(config_call(core, WANTED))
        while not records(core):
            yield Sleep()
            core.pending.discard(IRQ)
        for index in range(len(WANTED)):
            core.write_memory(PARAMS, words(index, OUT, DATA, 64, OUT + 4))
            yield from must(call("mvReadConfigResponseItem", word(core, CHANNEL), PARAMS))
            found.append((word(core, OUT), core.read_memory(DATA, word(core, OUT + 4))))

    with running_cloud(tmp_path / "cloud") as cloud:
        sid = cloud.new_device("kitchen")
        for path, key, value in (
            ("/v1/Configs", "city", "Zürich"),
            (f"/v1/Devices/{sid}/Configs", "tz", "Europe/Zurich"),
            (f"/v1/Devices/{sid}/Secrets", "api-key", "sesame"),
        ):
            assert cloud.call("POST", path, data={"Key": key, "Value": value}).status_code == 201
        CloudIdentity(cloud.url, sid, TOKEN).write(tmp_path)
        connected = threading.Event()

        def notice(line: str) -> None:
            if line.startswith("connected"):
                connected.set()

        link = CloudLink(tmp_path, None, 0, notice)
        link.start()
        try:
            assert connected.wait(PATIENCE_S)
            device = Device(BOARD, PLAUSIBLE, ScriptedCore(guest))
            with Radio(device, PeersByKind(config=ConfigSession(link.fetch_config))):
                device.run(PATIENCE_US)
        finally:
            link.close()
    assert found == [(0, "Zürich".encode()), (0, b"Europe/Zurich"), (0, b"sesame"), (1, b"")]
