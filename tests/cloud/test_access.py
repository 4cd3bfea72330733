"""API keys for programs, users for people, and under which names a server is served."""

from __future__ import annotations

import json
import socket
import subprocess
from pathlib import Path

import pytest
import requests

from tests.cloud.conftest import RunningCloud, running_cloud
from tests.cloud.test_server_process import PROGRAM, mvsdk, started

PASSWORD = "correct horse battery"  # noqa: S105 - of nobody


def logged_in(cloud: RunningCloud, user: str, password: str) -> requests.Session:
    """Return somebody's browser after they tried to log in at the console."""
    visitor = requests.Session()
    visitor.post(cloud.url + "/login", data={"user": user, "token": password}, timeout=30)
    return visitor


def sees(cloud: RunningCloud, visitor: requests.Session) -> int:
    """Return the status of the console's first page."""
    return visitor.get(cloud.url, timeout=30).status_code


def form_token(cloud: RunningCloud, visitor: requests.Session) -> str:
    """Return what a visit's forms have in them."""
    return visitor.get(cloud.url, timeout=30).text.partition("?form=")[2][:32]


def trail(cloud: RunningCloud) -> list[tuple[str, str, str]]:
    """Return who did what to what, newest first."""
    entries = cloud.call("GET", "/mvsdk/v1/Audit").json()["entries"]
    return [(entry["who"], entry["what"], entry["subject"]) for entry in entries]


def test_an_api_key_opens_what_its_account_opens_until_it_is_removed(cloud: RunningCloud) -> None:
    """A key works for the API and the console, under its own name in the audit trail; removed it opens nothing."""
    made = cloud.call("POST", "/mvsdk/v1/ApiKeys", data={"Name": "nightly build"})
    assert made.status_code == 201
    key = made.json()
    auth = key["sid"], key["secret"]
    assert requests.post(cloud.url + "/v1/Configs", auth=auth, data={"Key": "k", "Value": "v"}, timeout=30).ok
    assert trail(cloud)[0] == (key["sid"], "create config", f"{cloud.account}/k")
    visitor = logged_in(cloud, *auth)
    assert sees(cloud, visitor) == 200
    listed = cloud.call("GET", "/mvsdk/v1/ApiKeys")
    assert [entry["name"] for entry in listed.json()["api_keys"]] == ["nightly build"]
    assert key["secret"] not in listed.text
    assert cloud.call("DELETE", f"/mvsdk/v1/ApiKeys/{key['sid']}").status_code == 204
    assert requests.get(cloud.url + "/v1/Configs", auth=auth, timeout=30).status_code == 401
    assert sees(cloud, visitor) == 401
    assert cloud.call("DELETE", f"/mvsdk/v1/ApiKeys/{key['sid']}").status_code == 404
    assert trail(cloud)[0] == (cloud.account, "remove api key", key["sid"])


def test_a_user_logs_in_by_name_until_they_are_removed(cloud: RunningCloud) -> None:
    """A user's password opens the console, where they act under their name; it is no use for the API."""
    made = cloud.call("POST", "/mvsdk/v1/Users", data={"Name": "Ada L.", "Password": PASSWORD})
    assert made.status_code == 201
    assert PASSWORD not in made.text
    assert requests.get(cloud.url + "/v1/Apps", auth=("Ada L.", PASSWORD), timeout=30).status_code == 401
    assert sees(cloud, logged_in(cloud, "Ada L.", "wrong password")) == 401
    assert sees(cloud, logged_in(cloud, "Ada", PASSWORD)) == 401
    visitor = logged_in(cloud, "Ada L.", PASSWORD)
    action = f"{cloud.url}/console/do/POST/v1/Configs?form={form_token(cloud, visitor)}"
    assert visitor.post(action, data={"Key": "k", "Value": "v"}, timeout=30).ok
    assert trail(cloud)[0] == ("Ada L.", "create config", f"{cloud.account}/k")

    changed = cloud.call("POST", "/mvsdk/v1/Users/Ada L.", data={"Password": PASSWORD + "!"})
    assert changed.status_code == 200
    assert sees(cloud, visitor) == 401
    assert sees(cloud, logged_in(cloud, "Ada L.", PASSWORD)) == 401
    visitor = logged_in(cloud, "Ada L.", PASSWORD + "!")
    assert sees(cloud, visitor) == 200
    with visitor.get(cloud.url + "/console/events", stream=True, timeout=30) as stream:
        lines = stream.iter_lines()
        assert next(lines).startswith(b"data: ")
        assert [user["name"] for user in cloud.call("GET", "/mvsdk/v1/Users").json()["users"]] == ["Ada L."]
        assert cloud.call("DELETE", "/mvsdk/v1/Users/Ada L.").status_code == 204
        cloud.call("POST", "/mvsdk/v1/Devices", data={"UniqueName": "kitchen"})  # which streams tell
        assert b"kitchen" not in b"".join(lines)
    assert sees(cloud, visitor) == 401
    assert [what for _, what, _ in trail(cloud)[1:3]] == ["remove user", "change password"]


def test_only_the_account_itself_lets_others_in(cloud: RunningCloud) -> None:
    """Neither a key nor a user can make, see or remove keys and users."""
    key = cloud.call("POST", "/mvsdk/v1/ApiKeys", data={"Name": "k"}).json()
    cloud.call("POST", "/mvsdk/v1/Users", data={"Name": "ada", "Password": PASSWORD})
    before = trail(cloud)
    for method, path in (
        ("GET", "/ApiKeys"),
        ("POST", "/ApiKeys"),
        ("DELETE", f"/ApiKeys/{key['sid']}"),
        ("GET", "/Users"),
        ("POST", "/Users"),
        ("POST", "/Users/ada"),
        ("DELETE", "/Users/ada"),
    ):
        url, data = f"{cloud.url}/mvsdk/v1{path}", {"Name": "eve", "Password": PASSWORD}
        auth = key["sid"], key["secret"]
        assert requests.request(method, url, auth=auth, data=data, timeout=30).status_code == 403
    visitor = logged_in(cloud, "ada", PASSWORD)
    action = f"{cloud.url}/console/do/POST/mvsdk/v1/ApiKeys?form={form_token(cloud, visitor)}"
    assert visitor.post(action, data={"Name": "eve"}, timeout=30).status_code == 403
    assert trail(cloud) == before


@pytest.mark.parametrize(
    ("path", "data", "status"),
    [
        ("ApiKeys", {}, 400),
        ("ApiKeys", {"Name": "x" * 101}, 400),
        ("ApiKeys", {"Name": "a\x1b[2J"}, 400),
        ("Users", {"Name": "ada"}, 400),
        ("Users", {"Name": "", "Password": PASSWORD}, 400),
        ("Users", {"Name": "a/b", "Password": PASSWORD}, 400),
        ("Users", {"Name": "AC" + "0" * 32, "Password": PASSWORD}, 400),
        ("Users", {"Name": "ada", "Password": "short"}, 400),
        ("Users", {"Name": "ada", "Password": "p" * 1001}, 400),
        ("Users", {"Name": "bob", "Password": PASSWORD}, 409),
        ("Users/nobody", {"Password": PASSWORD}, 404),
    ],
)
def test_wrong_keys_and_users_are_refused(cloud: RunningCloud, path: str, data: dict[str, str], status: int) -> None:
    """What cannot be logged in with is not made, and the refusal does not repeat a password."""
    cloud.call("POST", "/mvsdk/v1/Users", data={"Name": "bob", "Password": PASSWORD})
    refused = cloud.call("POST", f"/mvsdk/v1/{path}", data=data)
    assert refused.status_code == status
    assert data.get("Password", PASSWORD) not in refused.text


def test_a_page_elsewhere_cannot_log_anybody_out(cloud: RunningCloud) -> None:
    """Logging out needs the visit's own form."""
    visitor = logged_in(cloud, cloud.account, cloud.token)
    assert visitor.post(cloud.url + "/logout", timeout=30).status_code == 403
    token = form_token(cloud, visitor)
    foreign = {"Origin": "http://evil.example"}
    assert visitor.post(f"{cloud.url}/logout?form={token}", headers=foreign, timeout=30).status_code == 403
    assert sees(cloud, visitor) == 200
    visitor.post(f"{cloud.url}/logout?form={token}", timeout=30)
    assert sees(cloud, visitor) == 401


def test_no_password_is_kept_as_it_is(tmp_path: Path) -> None:
    """Neither a user's password nor a key's secret is in any file of the cloud."""
    with running_cloud(tmp_path / "cloud") as cloud:
        cloud.call("POST", "/mvsdk/v1/Users", data={"Name": "ada", "Password": PASSWORD})
        secret = cloud.call("POST", "/mvsdk/v1/ApiKeys", data={"Name": "k"}).json()["secret"]
    for path in (tmp_path / "cloud").rglob("*"):
        if path.is_file():
            assert PASSWORD.encode() not in path.read_bytes()
            assert secret.encode() not in path.read_bytes()


def test_keys_and_users_come_and_go_by_command(home: dict[str, str]) -> None:
    """The commands make, list and remove both; a password comes from a file or standard input, never as an argument."""
    with started(home) as (_, about):
        key = json.loads(mvsdk(home, "cloud", "key", "create", "ci", "--json").stdout)
        assert key["sid"] in mvsdk(home, "cloud", "key", "list").stdout
        assert requests.get(about["url"] + "/v1/Apps", auth=(key["sid"], key["secret"]), timeout=30).ok
        by_key = {
            **home,
            "MVSDK_CLOUD_URL": about["url"],
            "MVSDK_CLOUD_ACCOUNT": key["sid"],
            "MVSDK_CLOUD_TOKEN": key["secret"],
        }
        assert mvsdk(by_key, "config", "list").returncode == 0
        assert "account's own token" in mvsdk(by_key, "cloud", "key", "list").stderr
        assert mvsdk(home, "cloud", "key", "remove", key["sid"]).returncode == 0
        assert json.loads(mvsdk(home, "cloud", "key", "list", "--json").stdout) == []
        for command in ("create", "password"):
            ada = [*PROGRAM, "cloud", "user", command, "ada", "--from-file", "-"]
            subprocess.run(ada, env=home, input=PASSWORD + command, text=True, check=True, capture_output=True)
        assert "ada" in mvsdk(home, "cloud", "user", "list").stdout
        visitor = requests.Session()
        visitor.post(about["url"] + "/login", data={"user": "ada", "token": PASSWORD + "password"}, timeout=30)
        assert visitor.get(about["url"], timeout=30).ok
        assert mvsdk(home, "cloud", "user", "remove", "ada").returncode == 0
        assert visitor.get(about["url"], timeout=30).status_code == 401


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("[::1]:8000", 401),
        ("[0:0::1]", 401),
        ("LOCALHOST:1", 401),
        ("localhost.", 401),
        ("[::2]:8000", 400),
        ("[::1", 400),
        ("localhost.evil.example", 400),
        ("127.0.0.1.evil.example:8000", 400),
        ("", 400),
    ],
)
def test_a_server_is_served_under_its_own_names(cloud: RunningCloud, host: str, status: int) -> None:
    """Names and addresses of this machine are taken in any form, with or without a port, and nothing else is."""
    assert requests.get(cloud.url + "/v1/Apps", headers={"Host": host}, timeout=30).status_code == status


def test_a_server_may_listen_on_ipv6(home: dict[str, str]) -> None:
    """Its address in brackets is one of its names, and the commands reach it."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    with started(home, "--host", "::1") as (_, about):
        assert about["url"].startswith("http://[::1]:")
        assert mvsdk(home, "config", "list").returncode == 0
