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


def test_a_planted_password_is_nowhere_to_be_found(tmp_path: Path) -> None:
    """A password, and the secret of a key, are in no page, answer or file after the one that was told the secret."""
    seen = []
    with running_cloud(tmp_path / "cloud") as cloud, requests.Session() as visitor:
        visitor.post(cloud.url + "/login", data={"user": cloud.account, "token": cloud.token}, timeout=30)
        form = visitor.get(cloud.url + "/access", timeout=30).text.partition("?form=")[2][:32]
        action = f"{cloud.url}/console/do/POST/mvsdk/v1/{{}}?form={form}&back=/access"
        for name in ("ada", "ada", "SK" + "0" * 32):  # made, a conflict, a name that nobody may have
            data = {"Name": name, "Password": PLANTED}
            seen.append(visitor.post(action.format("Users"), data=data, timeout=30).text)
        made = visitor.post(action.format("ApiKeys"), data={"Name": "build"}, timeout=30).text
        secret = made.partition('id="secret">')[2].partition("<")[0]
        [key] = cloud.rows("SELECT sid FROM api_keys")
        assert requests.get(cloud.url + "/v1/Apps", auth=(key["sid"], secret), timeout=30).ok
        for path in ("/", "/access", "/keys", "/settings", "/mvsdk/v1/ApiKeys", "/mvsdk/v1/Users", "/mvsdk/v1/Audit"):
            seen += [visitor.get(cloud.url + path, timeout=30).text, cloud.call("GET", path).text]
        seen.append(str(cloud.rows("SELECT * FROM audit")))
    files = [path.read_bytes() for path in (tmp_path / "cloud").rglob("*") if path.is_file()]
    for planted in (PLANTED, secret):
        assert not any(planted in text for text in seen)
        assert not any(planted.encode() in content for content in files)
