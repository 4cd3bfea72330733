"""A PostgreSQL that is down: whoever asks is told to come back, and everything goes on once it is up again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import requests

from mvsdk.cloud.client import CloudClient
from mvsdk.cloud.errors import NotReachableError
from mvsdk.link import LogRecord
from mvsdk.link.session import Connected, Disconnected
from tests.cloud.conftest import TOKEN, running_cloud
from tests.cloud.postgresql_server import PostgresqlServer
from tests.cloud.test_access import logged_in
from tests.cloud.test_downloads import firmware, targeted, uploaded
from tests.cloud.test_rollouts import Clock, Fleet
from tests.cloud.test_sessions import SECONDS, SomeDevice


def test_requests_are_told_to_come_back_and_then_are_served(tmp_path: Path, postgresql: PostgresqlServer) -> None:
    """Reads, changes, downloads, pages and sessions are answered 503 with Retry-After while the server is down, and as
    ever when it is up; a device loses no record, a follower no event."""
    with running_cloud(tmp_path / "cloud", postgresql.new_database()) as cloud:
        sid, device, (app, app_hash, _, _) = cloud.new_device(), SomeDevice(), uploaded(cloud, firmware())
        targeted(cloud, sid, app)
        visitor = logged_in(cloud, *cloud.auth)
        session = device.connect(cloud.url, sid)
        device.next(Connected)
        client = CloudClient(cloud.url, *cloud.auth)
        follower = client.followed("mvsdk", "v1", "Devices", sid, "Logs", Follow="true")
        device.outbox.add(LogRecord(time_us=1, text="before"))
        session.records_added()
        assert next(follower)[1]["text"] == "before"
        shown = {"Authorization": f"Bearer {sid}:{TOKEN}"}
        postgresql.stop()
        try:
            for method, path, fields in (
                ("GET", "/v1/Devices", {}),
                ("POST", "/v1/Configs", {"Key": "k", "Value": "v"}),
                ("GET", "/mvsdk/v1/Updates?Follow=true", {}),
            ):
                refused = cloud.call(method, path, data=fields)
                assert (refused.status_code, refused.headers["retry-after"]) == (503, "5"), refused.text
                assert refused.json()["code"] == 20503
            manifest = f"{cloud.url}/mvsdk/v1/downloads/manifests/{app_hash}"
            download = requests.get(manifest, headers=shown, timeout=30)
            assert (download.status_code, download.headers["retry-after"]) == (503, "5")
            page = visitor.get(cloud.url, headers={"Accept": "text/html"}, timeout=30)
            assert (page.status_code, "cannot be reached" in page.text) == (503, True)
            login = requests.post(cloud.url + "/login", data={"user": "ada", "token": "secret"}, timeout=30)
            assert login.status_code == 503
            with pytest.raises(NotReachableError, match="come back in 5 seconds"):
                client.get("v1", "Devices")
            # The session ends with what it cannot store, and is refused, but not for good.
            device.outbox.add(LogRecord(time_us=2, text="meanwhile"))
            session.records_added()
            while (end := device.next(Disconnected)) != Disconnected("the cloud answers 503", final=False):
                assert isinstance(end, Disconnected)
                assert not end.final
        finally:
            postgresql.start()
        assert cloud.call("GET", "/v1/Devices").status_code == 200
        assert cloud.call("POST", "/v1/Configs", data={"Key": "k", "Value": "v"}).status_code == 201
        assert requests.get(manifest, headers=shown, timeout=30).status_code == 200
        assert visitor.get(cloud.url, timeout=30).status_code == 200
        assert next(follower)[1]["text"] == "meanwhile"
        follower.close()  # type: ignore[attr-defined]
        session.close(SECONDS)
        texts = [row["text"] for row in cloud.rows("SELECT text FROM records ORDER BY cursor")]
        assert texts == ["before", "meanwhile"]


def test_a_rollout_goes_on_when_the_database_is_back(tmp_path: Path, postgresql: PostgresqlServer) -> None:
    """Whoever evaluates rollouts outlives a database that is down while it looks."""
    with running_cloud(tmp_path / "cloud", postgresql.new_database()) as cloud:
        fleet = Fleet(cloud, Clock())
        rollout = fleet.create(Stages="50%,100%")
        fleet.do(rollout, "Start")
        postgresql.stop()
        try:
            # It looks as often as somebody wakes it; nothing that it could lose happens here.
            assert cloud.call("POST", f"/mvsdk/v1/Rollouts/{rollout}/Evaluate").status_code == 503
        finally:
            postgresql.start()
        fleet.confirm_all()
        while cloud.call("GET", f"/mvsdk/v1/Rollouts/{rollout}").json()["stage"] == 1:
            pass


def test_the_refusal_names_a_page_that_explains_it(tmp_path: Path, postgresql: PostgresqlServer) -> None:
    """What `more_info` leads to says what is wrong."""
    with running_cloud(tmp_path / "cloud", postgresql.new_database()) as cloud:
        postgresql.stop()
        try:
            refused = cloud.call("GET", "/mvsdk/v1/Status")
        finally:
            postgresql.start()
        assert "database" in requests.get(json.loads(refused.text)["more_info"], timeout=30).text
