"""What devices said, kept and streamed."""

from __future__ import annotations

from itertools import islice

import pytest

from mvsdk.cloud.client import CloudClient
from mvsdk.link import CrashRecord, LogRecord, StartRecord
from tests.cloud.conftest import RunningCloud
from tests.cloud.test_sessions import SECONDS, SomeDevice


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
