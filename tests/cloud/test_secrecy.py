"""Secrets reach their devices and nobody else."""

from __future__ import annotations

from pathlib import Path

import requests

from mvsdk.link import ConfigAnswer, ConfigItem
from mvsdk.link.session import Connected
from tests.cloud.conftest import TOKEN, running_cloud
from tests.cloud.test_sessions import SomeDevice

PLANTED = "hunter2-7e1f0c5a"


def test_a_planted_secret_is_nowhere_to_be_found(tmp_path: Path) -> None:
    """After every call that touches it, no answer, page or file has the value; its device does."""
    seen = []
    with running_cloud(tmp_path / "cloud") as cloud:
        sid = cloud.new_device("kitchen")
        for base in ("/v1/Secrets", f"/v1/Devices/{sid}/Secrets"):
            seen.append(cloud.call("POST", base, data={"Key": "k", "Value": PLANTED}).text)
            seen.append(cloud.call("POST", base, data={"Key": "k", "Value": PLANTED}).text)  # a conflict
            seen.append(cloud.call("POST", f"{base}/k", data={"Value": PLANTED}).text)
            seen.append(cloud.call("POST", f"{base}/none", data={"Value": PLANTED}).text)
            seen.append(cloud.call("POST", base, data={"Key": "k" * 200, "Value": PLANTED}).text)
            seen.append(cloud.call("GET", base).text)
            seen.append(cloud.call("GET", f"{base}/k").text)
        with requests.Session() as visitor:
            visitor.post(cloud.url + "/login", data={"user": cloud.account, "token": cloud.token}, timeout=30)
            for path in ("/", "/settings", f"/devices/{sid}", "/apps"):
                seen.append(visitor.get(cloud.url + path, timeout=30).text)
        seen += [str(cloud.rows(f"SELECT * FROM {table}")) for table in ("secrets", "audit", "commands")]  # noqa: S608
        device = SomeDevice()
        session = device.connect(cloud.url, sid)
        device.next(Connected)
        answer = device.fetch(session, ConfigItem("account", "secret", "k"), ConfigItem("device", "secret", "k"))
        assert isinstance(answer, ConfigAnswer)
        assert [result.value for result in answer.items] == [PLANTED, PLANTED]
        seen.append(repr(answer))
        session.close()
    files = [path.read_bytes() for path in (tmp_path / "cloud").rglob("*") if path.is_file()]
    assert files
    for form in (PLANTED, PLANTED.encode().hex()):
        assert not any(form in text for text in seen)
        assert not any(form.encode() in content for content in files)
    assert not any(TOKEN.encode() in content for content in files)
