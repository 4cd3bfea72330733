"""Backups of a cloud that runs, and what they can be made into."""

from __future__ import annotations

import contextlib
import sqlite3
import stat
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from mvsdk.bundle import ManifestOptions, create
from mvsdk.cloud.backup import back_up, restore
from mvsdk.cloud.data_directory import DataDirectory
from mvsdk.cloud.errors import BackupError
from mvsdk.link import Command, CommandDone, ConfigAnswer, ConfigItem
from mvsdk.link.session import Connected
from tests.bundle.samples import VECTORS
from tests.cloud.conftest import RunningCloud, running_cloud
from tests.cloud.test_refusals import UNSIGNED, upload
from tests.cloud.test_sessions import SECONDS, SomeDevice


def test_a_restored_cloud_is_the_one_that_was_backed_up(tmp_path: Path) -> None:
    """Apps, layers, devices and secrets are there again, with the same credentials; the archive is private."""
    with running_cloud(tmp_path / "one") as one:
        sid = one.new_device("kitchen")
        app = upload(one, UNSIGNED).json()["sid"]
        one.call("POST", f"/v1/Devices/{sid}/Secrets", data={"Key": "k", "Value": "hunter2"})
        back_up(DataDirectory(tmp_path / "one"), tmp_path / "backup.tar")
    assert stat.S_IMODE((tmp_path / "backup.tar").stat().st_mode) == 0o600
    restore(tmp_path / "backup.tar", DataDirectory(tmp_path / "two"))
    with running_cloud(tmp_path / "two") as two:
        assert (two.account, two.token) == (one.account, one.token)
        assert two.call("GET", f"/v1/Apps/{app}").ok
        device = SomeDevice()
        session = device.connect(two.url, sid)
        device.next(Connected)
        answer = device.fetch(session, ConfigItem("device", "secret", "k"))
        assert isinstance(answer, ConfigAnswer)
        assert answer.items[0].value == "hunter2"
        session.close()


def test_nothing_is_overwritten_and_nothing_half_restored(tmp_path: Path) -> None:
    """A folder in use, a file that is no backup and a cut one are refused, and leave everything as it was."""
    (tmp_path / "one").mkdir()
    DataDirectory(tmp_path / "one").prepare()
    back_up(DataDirectory(tmp_path / "one"), tmp_path / "backup.tar")
    with pytest.raises(BackupError, match="not empty"):
        restore(tmp_path / "backup.tar", DataDirectory(tmp_path / "one"))
    (tmp_path / "cut.tar").write_bytes((tmp_path / "backup.tar").read_bytes()[:600])
    (tmp_path / "text.tar").write_text("no archive")
    for name in ("cut.tar", "text.tar"):
        with pytest.raises(BackupError):
            restore(tmp_path / name, DataDirectory(tmp_path / "two"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup.tar", "cut.tar", "one", "text.tar"]
    with pytest.raises(BackupError, match="no cloud"):
        back_up(DataDirectory(tmp_path / "nothing"), tmp_path / "none.tar")


def test_what_is_in_a_folder_is_never_replaced(tmp_path: Path) -> None:
    """Credentials and keys that are there, copied or left over, are taken as they are."""
    first, second = DataDirectory(tmp_path / "one"), DataDirectory(tmp_path / "two")
    for directory in (first, second):
        directory.path.mkdir()
    first.prepare()
    for name in ("credentials.json", "master.key"):
        (second.path / name).write_bytes((first.path / name).read_bytes())
    assert second.prepare() is None
    assert second.credentials() == first.credentials()
    assert second.sealing_key == first.sealing_key


def test_a_backup_has_every_layer_that_its_database_names(tmp_path: Path) -> None:
    """Also when apps are uploaded and deleted all the while."""
    done = threading.Event()
    backups = [tmp_path / f"{number}.tar" for number in range(8)]
    with running_cloud(tmp_path / "one") as one:

        def churn(worker: int) -> None:
            number = 0
            while not done.is_set():
                number += 1
                data = VECTORS.data + bytes([worker]) * 4 * (1 + number % 50)
                app = upload(one, create(replace(VECTORS, data=data), ManifestOptions(), None)).json()["sid"]
                one.call("DELETE", f"/v1/Apps/{app}")

        workers = [threading.Thread(target=churn, args=(worker,)) for worker in range(3)]
        for worker in workers:
            worker.start()
        try:
            missing = [back_up(DataDirectory(tmp_path / "one"), archive) for archive in backups]
        finally:
            done.set()
            for worker in workers:
                worker.join()
    assert missing == [0] * len(backups)
    for number, archive in enumerate(backups):
        restored = tmp_path / f"restored-{number}"
        restore(archive, DataDirectory(restored))
        with contextlib.closing(sqlite3.connect(restored / "cloud.sqlite")) as database:
            named = {name for (name,) in database.execute("SELECT name FROM layers")}
        assert named <= {path.name for path in (restored / "blobs").rglob("*")}


def test_a_restart_asked_for_after_a_restore_is_done(tmp_path: Path) -> None:
    """A device that has done more commands than a restored cloud knows of does the next one all the same."""
    device = SomeDevice()

    def restarted(cloud: RunningCloud) -> None:
        session = device.connect(cloud.url, sid)
        device.next(Connected)
        cloud.call("POST", f"/v1/Devices/{sid}", data={"RestartApp": "true"})
        command = device.next(Command)
        assert isinstance(command, Command)
        session.say(CommandDone(number=command.number))
        session.close(SECONDS)

    with running_cloud(tmp_path / "one") as one:
        sid = one.new_device()
        back_up(DataDirectory(tmp_path / "one"), tmp_path / "backup.tar")
        restarted(one)
        restarted(one)
    restore(tmp_path / "backup.tar", DataDirectory(tmp_path / "two"))
    with running_cloud(tmp_path / "two") as two:
        two.call("POST", f"/v1/Devices/{sid}", data={"RestartApp": "true"})  # before the device has come back
        session = device.connect(two.url, sid)
        device.next(Command)
        session.close()
        restarted(two)
    assert len(device.commands) == 4


def test_layers_in_a_bucket_are_said_to_be_missing(tmp_path: Path) -> None:
    """A backup whose layers are elsewhere counts them."""
    with running_cloud(tmp_path / "one", blobs=str(tmp_path / "elsewhere")) as one:
        upload(one, UNSIGNED)
        assert back_up(DataDirectory(tmp_path / "one"), tmp_path / "backup.tar") == 1
