"""How far a device is: what it says, what the original's API makes of it, and who hears of it."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
import requests

from mvsdk.cloud.client import CloudClient
from mvsdk.link import Target, TargetChanged, UpdatePolicy, UpdateProgress, UpdateState
from mvsdk.link.messages import encode
from mvsdk.link.session import Connected
from tests.cloud.conftest import RunningCloud
from tests.cloud.test_downloads import firmware, targeted, uploaded
from tests.cloud.test_sessions import SomeDevice, raw_session

WAY: list[UpdateState] = ["pending", "downloading", "staged", "waiting", "installing", "trial"]


def says(cloud: RunningCloud, sid: str, *messages: UpdateProgress) -> None:
    """Let a device say something, and see that the cloud has taken it."""
    with raw_session(cloud, sid) as raw:
        for message in messages:
            raw.send(encode(message).decode())
        raw.send(json.dumps({"type": "config-request", "id": 1, "items": []}))
        assert json.loads(raw.recv())["type"] == "config-answer"


def shown(cloud: RunningCloud, sid: str) -> tuple[str, int, dict[str, Any]]:
    """Return status and error code of the original's API, and our own document."""
    app = cloud.call("GET", f"/v1/Devices/{sid}").json()["app"]
    own = cloud.call("GET", f"/mvsdk/v1/Devices/{sid}/Update").json()
    return app["update_status"], app["update_error_code"], own


def test_every_state_is_shown(cloud: RunningCloud) -> None:
    """On the way a device is pending in the original's words, also on trial; in ours it is where it says it is."""
    sid, (app, app_hash, _, _) = cloud.new_device(), uploaded(cloud, firmware())
    assert shown(cloud, sid)[2]["state"] == "none"
    targeted(cloud, sid, app)
    for state in WAY:
        progress = UpdateProgress(
            app_hash=app_hash, state=state, bytes_done=10, bytes_total=99, bytes_reused=7, delta=True
        )
        says(cloud, sid, progress)
        status, code, own = shown(cloud, sid)
        assert (status, code, own["state"]) == ("pending", 0, state)
        assert (own["bytes_done"], own["bytes_total"], own["bytes_reused"], own["delta"]) == (10, 99, 7, True)
    says(cloud, sid, UpdateProgress(app_hash=app_hash, state="confirmed"))
    status, code, own = shown(cloud, sid)
    assert (status, code, own["state"], own["reported_sid"]) == ("up-to-date", 0, "confirmed", app)


def test_on_trial_is_not_up_to_date(cloud: RunningCloud) -> None:
    """A device that reports its target while it is on trial may still go back."""
    sid, (app, app_hash, _, _) = cloud.new_device(), uploaded(cloud, firmware())
    targeted(cloud, sid, app)
    says(cloud, sid, UpdateProgress(app_hash=app_hash, state="trial"))
    cloud.change("UPDATE devices SET reported_sid = ?, reported_hash = ? WHERE sid = ?", app, app_hash, sid)
    assert shown(cloud, sid)[0] == "pending"


@pytest.mark.parametrize(("state", "given", "expected"), [("reverted", 0, 1), ("reverted", 7, 7), ("error", 42, 42)])
def test_what_went_wrong_is_told(cloud: RunningCloud, state: UpdateState, given: int, expected: int) -> None:
    """A failure is an error with a code and a reason, cut where too long, until the device gets a target again."""
    sid, (app, app_hash, _, _) = cloud.new_device(), uploaded(cloud, firmware())
    targeted(cloud, sid, app)
    says(cloud, sid, UpdateProgress(app_hash=app_hash, state=state, reason="x" * 5000, error_code=given))
    status, code, own = shown(cloud, sid)
    assert (status, code, own["state"], own["error_code"]) == ("error", expected, state, expected)
    assert own["reason"].startswith("xxx")
    assert len(own["reason"].encode()) <= 1024
    targeted(cloud, sid, app)
    status, code, own = shown(cloud, sid)
    assert (status, code, own["state"], own["reason"]) == ("pending", 0, "pending", "")


def test_a_report_about_another_app_changes_nothing(cloud: RunningCloud) -> None:
    """What a device says of an app that is no longer its target is not shown as its target's."""
    sid, (app, _, _, _) = cloud.new_device(), uploaded(cloud, firmware())
    targeted(cloud, sid, app)
    says(cloud, sid, UpdateProgress(app_hash="sha256:" + "0" * 64, state="error", reason="bad", error_code=3))
    status, code, own = shown(cloud, sid)
    assert (status, code, own["state"], own["reason"]) == ("pending", 0, "pending", "")


def test_a_target_given_again_is_told_again(cloud: RunningCloud) -> None:
    """A device that failed is told once more; the target comes with its policy and its manifest."""
    sid, device, (app, app_hash, _, _) = cloud.new_device(), SomeDevice(), uploaded(cloud, firmware())
    session = device.connect(cloud.url, sid)
    device.next(Connected)
    for _ in range(2):
        targeted(cloud, sid, app)
        heard = device.next(TargetChanged)
        assert isinstance(heard, TargetChanged)
        target = heard.target
        assert target is not None
        assert target == Target(app, app_hash, UpdatePolicy(), target.manifest)
        assert f"sha256:{hashlib.sha256(target.manifest).hexdigest()}" == app_hash
    session.close()


def test_a_policy_can_be_said_for_all_for_one_and_for_one_app(cloud: RunningCloud) -> None:
    """What is said of a target goes before what is said of its device, and that before what is said of all; what nobody
    says is the device's default. A device in session is told of every change that concerns it."""
    sid, device, (app, app_hash, _, _) = cloud.new_device(), SomeDevice(), uploaded(cloud, firmware())
    other, (previous, _, _, _) = cloud.new_device(), uploaded(cloud, firmware(b"previous"))
    own = f"/mvsdk/v1/Devices/{sid}/UpdatePolicy"
    session = device.connect(cloud.url, sid)
    device.next(Connected)

    def told() -> UpdatePolicy:
        heard = device.next(TargetChanged)
        assert isinstance(heard, TargetChanged)
        assert heard.target is not None
        assert heard.target.app_hash == app_hash
        return heard.target.policy

    def say(path: str, **fields: str) -> requests.Response:
        answer = cloud.call("POST", path, data=fields)
        assert answer.ok, answer.text
        return answer

    say(f"/mvsdk/v1/Devices/{sid}/Target", App=app, TrialSeconds="600")
    assert told() == UpdatePolicy(trial_seconds=600)
    shown = say("/mvsdk/v1/UpdatePolicy", TrialSeconds="5", TrialNeedsSession="false", BytesPerHour="1000").json()
    assert shown["effective"] == {"trial_seconds": 5, "trial_needs_session": False, "bytes_per_hour": 1000}
    assert told() == UpdatePolicy(600, trial_needs_session=False, bytes_per_hour=1000)
    say(own, BytesPerHour="0")
    assert told() == UpdatePolicy(600, trial_needs_session=False, bytes_per_hour=0)
    targeted(cloud, sid, app)
    assert told() == UpdatePolicy(5, trial_needs_session=False, bytes_per_hour=0)
    shown = say(own, BytesPerHour="", TrialNeedsSession="true").json()
    assert shown["said"] == {"trial_seconds": None, "trial_needs_session": True, "bytes_per_hour": None}
    assert told() == UpdatePolicy(5, trial_needs_session=True, bytes_per_hour=1000)
    assert cloud.call("GET", own).json() == shown
    targeted(cloud, other, previous)
    holds = cloud.call("GET", f"/mvsdk/v1/Devices/{other}/UpdatePolicy").json()["effective"]
    assert holds == {"trial_seconds": 5, "trial_needs_session": False, "bytes_per_hour": 1000}
    session.close()


@pytest.mark.parametrize(
    "fields",
    [{"TrialSeconds": "86401"}, {"TrialSeconds": "-1"}, {"BytesPerHour": "1e9"}, {"TrialNeedsSession": "maybe"}],
)
def test_a_policy_that_no_device_could_follow_is_refused(cloud: RunningCloud, fields: dict[str, str]) -> None:
    """A number out of range, or none, is told, and nothing is said."""
    sid = cloud.new_device()
    for path in ("/mvsdk/v1/UpdatePolicy", f"/mvsdk/v1/Devices/{sid}/UpdatePolicy"):
        assert cloud.call("POST", path, data=fields).status_code == 400
        assert set(cloud.call("GET", path).json()["said"].values()) == {None}


def test_followers_hear_of_every_device(cloud: RunningCloud) -> None:
    """A stream begins with the present states, and goes on with each that changes."""
    kitchen, cellar, (app, app_hash, _, _) = cloud.new_device(), cloud.new_device(), uploaded(cloud, firmware())
    targeted(cloud, cellar, app)
    stream = CloudClient(cloud.url, *cloud.auth).followed("mvsdk", "v1", "Updates", Follow="true")
    first = [next(stream)[1] for _ in range(2)]
    assert {one["device_sid"]: one["state"] for one in first} == {kitchen: "none", cellar: "pending"}
    says(cloud, cellar, UpdateProgress(app_hash=app_hash, state="downloading", bytes_done=1, bytes_total=2))
    kind, document = next(stream)
    assert (kind, document["device_sid"], document["state"]) == ("update", cellar, "downloading")
    stream.close()  # type: ignore[attr-defined]
    assert len(cloud.call("GET", "/mvsdk/v1/Updates").json()["updates"]) == 2


@pytest.mark.parametrize("fields", [{"state": "flying"}, {"bytes_done": -1}, {"error_code": 2**60}, {"reason": "a\0b"}])
def test_nonsense_is_refused(cloud: RunningCloud, fields: dict[str, object]) -> None:
    """A report that is none ends the session, and is not kept."""
    sid = cloud.new_device()
    with raw_session(cloud, sid) as raw:
        raw.send(json.dumps({"type": "update-progress", "app_hash": "x", "state": "trial", **fields}))
        assert json.loads(raw.recv())["type"] == "closing"
    assert cloud.rows("SELECT * FROM updates") == []


def test_an_update_that_was_forced_is_in_the_audit_log(cloud: RunningCloud) -> None:
    """That an application was not waited for any longer is written down once, with the reason."""
    sid, (app, app_hash, _, _) = cloud.new_device(), uploaded(cloud, firmware())
    targeted(cloud, sid, app)
    forced = UpdateProgress(app_hash=app_hash, state="installing", reason="it did not agree within 5 s")
    says(cloud, sid, UpdateProgress(app_hash=app_hash, state="waiting"), forced, forced)
    entries = cloud.rows("SELECT who, what FROM audit WHERE subject = ?", sid)
    forcings = [entry for entry in entries if "forced" in entry["what"]]
    assert forcings == [{"who": sid, "what": "forced an update: it did not agree within 5 s"}]
