"""Backups of a cloud that runs, and what they can be made into."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from mvsdk.cloud.backup import back_up, restore
from mvsdk.cloud.data_directory import DataDirectory
from mvsdk.cloud.errors import BackupError
from mvsdk.link import ConfigAnswer, ConfigItem
from mvsdk.link.session import Connected
from tests.cloud.conftest import running_cloud
from tests.cloud.test_refusals import UNSIGNED, upload
from tests.cloud.test_sessions import SomeDevice


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
