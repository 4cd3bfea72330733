"""What devices said, kept and streamed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import pytest
import requests

from mvsdk.cloud.client import CloudClient
from mvsdk.cloud.cloud import Cloud, wall_clock_us
from mvsdk.cloud.store import records
from mvsdk.link import Command, CrashRecord, Logging, LogRecord, StartRecord
from mvsdk.link.session import Connected
from tests.cloud.conftest import RunningCloud, running_cloud
from tests.cloud.test_sessions import SECONDS, SomeDevice, stored

DAY_US = 24 * 3600 * 1_000_000
WEEK_US = 7 * DAY_US


@dataclass
class Clock:
    """A cloud's clock that can be set."""

    ahead_us: int = 0

    def give(self, cloud: Cloud) -> Cloud:
        """Return a cloud that goes by this clock."""
        return replace(cloud, now_us=lambda: wall_clock_us() + self.ahead_us)


def said(cloud: RunningCloud, sid: str, *texts: str, boot: str = "boot-1") -> None:
    """Let a device log lines in one session."""
    device = SomeDevice(boot=boot)
    session = device.connect(cloud.url, sid)
    for text in texts:
        device.outbox.add(LogRecord(time_us=1, text=text))
    session.records_added()
    session.close(SECONDS)


def client(cloud: RunningCloud) -> CloudClient:
    """Return our own client."""
    return CloudClient(cloud.url, cloud.account, cloud.token)


def test_all_kinds_of_records_are_kept(cloud: RunningCloud) -> None:
    """Starts, lines and crashes come back in the order they were said, over boots."""
    sid, device = cloud.new_device("kitchen"), SomeDevice()
    session = device.connect(cloud.url, sid)
    device.outbox.add(StartRecord(time_us=1, wake_reason="COLDBOOT"))
    device.outbox.add(CrashRecord(time_us=2, report="HardFault at main"))
    session.records_added()
    session.close(SECONDS)
    said(cloud, sid, "again", boot="boot-2")
    page = client(cloud).get("mvsdk", "v1", "Devices", "kitchen", "Logs")
    kinds = [(record["cursor"], record["kind"], record["text"]) for record in page["records"]]
    assert kinds == [(1, "start", "COLDBOOT"), (2, "crash", "HardFault at main"), (3, "log", "again")]
    assert page["missing"] == 0


def test_followers_see_everything_whenever_they_come(cloud: RunningCloud) -> None:
    """A follower gets what was said before and after it came, and one that comes back goes on where it was."""
    sid = cloud.new_device()
    said(cloud, sid, "one", "two")
    early = client(cloud).followed("mvsdk", "v1", "Devices", sid, "Logs", Follow="true")
    assert [document["text"] for _, document in islice(early, 2)] == ["one", "two"]
    said(cloud, sid, "three", boot="boot-2")
    assert next(early)[1]["text"] == "three"
    late = client(cloud).followed("mvsdk", "v1", "Devices", sid, "Logs", Follow="true", After="2")
    assert next(late)[1]["text"] == "three"
    early.close()  # type: ignore[attr-defined]
    late.close()  # type: ignore[attr-defined]


def test_a_gap_is_told(cloud: RunningCloud) -> None:
    """What retention removed is said to be missing, in pages and in streams."""
    sid = cloud.new_device()
    said(cloud, sid, "one", "two", "three")
    cloud.change("DELETE FROM records WHERE device_sid = ? AND cursor < 3", sid)
    page = client(cloud).get("mvsdk", "v1", "Devices", sid, "Logs")
    assert (page["missing"], [record["text"] for record in page["records"]]) == (2, ["three"])
    stream = client(cloud).followed("mvsdk", "v1", "Devices", sid, "Logs", Follow="true")
    assert next(stream) == ("gap", {"missing": 2})
    assert next(stream)[1]["text"] == "three"
    stream.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("query", ["After=x", "After=-1", "Since=1e9", "After=99999999999999999999"])
def test_a_cursor_is_a_number(cloud: RunningCloud, query: str) -> None:
    """Anything else is refused."""
    assert cloud.call("GET", f"/mvsdk/v1/Devices/{cloud.new_device()}/Logs?{query}").status_code == 400


def test_old_records_go_and_the_newest_stay(cloud: RunningCloud) -> None:
    """Retention removes what is older than a week and what is more than each device may have, and says what is gone."""
    old, much, fresh = cloud.new_device(), cloud.new_device(), cloud.new_device()
    for sid in (old, much, fresh):
        said(cloud, sid, "one", "two", "three")
    now_us = wall_clock_us()
    cloud.change("UPDATE records SET received_us = received_us - ? WHERE device_sid = ? AND cursor < 3", WEEK_US, old)
    cloud.change("UPDATE devices SET last_cursor = ? WHERE sid = ?", records.KEPT_EACH + 1, much)
    assert cloud.write(lambda connection: records.forget_old(connection, now_us)) == 3
    for sid, texts, missing in (
        (old, ["three"], 2),
        (much, ["two", "three"], 1),
        (fresh, ["one", "two", "three"], 0),
    ):
        page = client(cloud).get("mvsdk", "v1", "Devices", sid, "Logs")
        assert ([record["text"] for record in page["records"]], page["missing"]) == (texts, missing)


def test_a_running_cloud_forgets_by_itself(tmp_path: Path, database_url: str | None) -> None:
    """What has become too old goes without anybody asking for it."""
    with running_cloud(tmp_path / "cloud", database_url) as cloud:
        sid = cloud.new_device()
        said(cloud, sid, "old")
        cloud.change("UPDATE records SET received_us = received_us - ? WHERE device_sid = ?", WEEK_US, sid)
    with running_cloud(tmp_path / "cloud", database_url) as cloud:
        while cloud.rows("SELECT * FROM records"):
            pass


def test_logging_ends_after_a_day(tmp_path: Path, database_url: str | None) -> None:
    """Logging that was asked for is on for 24 hours and then off, for clients and for the device."""
    clock = Clock()
    with running_cloud(tmp_path / "cloud", database_url, alter=clock.give) as cloud:
        sid, device = cloud.new_device(), SomeDevice()
        session = device.connect(cloud.url, sid)
        device.next(Connected)
        shown = cloud.call("POST", f"/v1/Devices/{sid}", data={"LoggingEnabled": "true"}).json()
        assert shown["logging"]["enabled"] is True
        assert device.next(Logging) == Logging(enabled=True)
        clock.ahead_us += DAY_US - 60_000_000
        assert cloud.call("GET", f"/v1/Devices/{sid}").json()["logging"] == shown["logging"]
        clock.ahead_us += 60_000_000
        assert cloud.call("GET", f"/v1/Devices/{sid}").json()["logging"] == {"enabled": False, "date_expires": None}
        cloud.call("POST", f"/v1/Devices/{sid}", data={"UniqueName": "kitchen"})  # the session looks at its device
        assert device.next(Logging) == Logging(enabled=False)
        session.close()
        again = device.connect(cloud.url, sid)
        connected = device.next(Connected)
        assert isinstance(connected, Connected)
        assert not connected.welcome.logging
        again.close()


def test_a_session_ends_its_logging_by_itself(tmp_path: Path) -> None:
    """Nobody has to touch a device for its logging to end when its day is over."""
    clock = Clock()
    with running_cloud(tmp_path / "cloud", alter=clock.give) as cloud:
        sid, device = cloud.new_device(), SomeDevice()
        session = device.connect(cloud.url, sid)
        device.next(Connected)
        clock.ahead_us = -DAY_US + 300_000  # the day that begins now ends in a moment
        cloud.call("POST", f"/v1/Devices/{sid}", data={"LoggingEnabled": "true"})
        clock.ahead_us = 0
        # The session may have looked at the clock before it was put right, so it is made to look again.
        cloud.call("POST", f"/v1/Devices/{sid}", data={"UniqueName": "lamp"})
        assert device.next(Logging) == Logging(enabled=True)
        assert device.next(Logging) == Logging(enabled=False)
        session.close()


def test_a_clock_that_goes_back_harms_nothing(tmp_path: Path, database_url: str | None) -> None:
    """With the clock a year back, everything goes on: records keep their order, sessions and visits stay, nobody is
    locked out, commands are carried out, and the audit trail is whole."""
    clock = Clock()
    with running_cloud(tmp_path / "cloud", database_url, alter=clock.give) as cloud:
        sid, device = cloud.new_device("kitchen"), SomeDevice()
        session = device.connect(cloud.url, sid)
        device.next(Connected)
        visitor = requests.Session()
        visitor.post(cloud.url + "/login", data={"user": cloud.account, "token": cloud.token}, timeout=30)
        for _ in range(10):
            requests.get(cloud.url + "/v1/Apps", auth=("x", "y"), timeout=30)
        assert cloud.call("GET", "/v1/Apps").status_code == 429
        texts = []
        for year in range(3):
            texts.append(f"year {year}")
            device.outbox.add(LogRecord(time_us=1, text=texts[-1]))
            session.records_added()
            clock.ahead_us -= 365 * DAY_US
            while len(stored(cloud, sid)) < len(texts):
                pass
            assert cloud.call("POST", f"/v1/Devices/{sid}", data={"RestartApp": "true"}).status_code == 200
            device.next(Command)
            assert visitor.get(cloud.url, timeout=30).ok
            assert "online" in visitor.get(cloud.url, timeout=30).text
        assert stored(cloud, sid) == texts
        assert device.commands == sorted(set(device.commands))
        assert cloud.call("GET", "/mvsdk/v1/Audit?Verify=true").json()["first_broken"] is None
        session.close()
