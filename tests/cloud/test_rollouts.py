"""Rollouts: an app reaches its cohort stage by stage, and stops where it does harm."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from mvsdk.bundle import ManifestOptions
from mvsdk.bundle.manifest import Body, Envelope
from mvsdk.cloud import gates
from mvsdk.cloud.errors import GateError
from mvsdk.link import CrashRecord, Records, UpdateProgress, UpdateState
from mvsdk.link.messages import encode
from tests.cloud.conftest import RunningCloud, running_cloud
from tests.cloud.postgresql_server import PostgresqlServer
from tests.cloud.test_downloads import firmware, targeted, uploaded
from tests.cloud.test_sessions import raw_session

MINUTE_US = 60 * 1_000_000


@dataclass
class Clock:
    """A clock that stands still until it is set."""

    us: int = 2_000_000_000_000_000

    def __call__(self) -> int:
        """Return the time."""
        return self.us


@dataclass
class Fleet:
    """Devices of a cloud that run an old app, and a new one for them. None has a name; all have the tag "field"."""

    cloud: RunningCloud
    clock: Clock
    size: int = 10
    devices: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.old, self.old_hash, _, _ = uploaded(self.cloud, firmware(), "heater-1.0")
        self.new, self.new_hash, _, _ = uploaded(self.cloud, firmware(b"new"), "heater-2.0")
        for _ in range(self.size):
            sid = self.cloud.new_device()
            self.devices.append(sid)
            targeted(self.cloud, sid, self.old)
            self.cloud.change("INSERT INTO tags (device_sid, tag) VALUES (?, 'field')", sid)
            with raw_session(self.cloud, sid, app_hash=self.old_hash):
                pass

    def create(self, **fields: str) -> str:
        """Make a rollout of the new app and return its SID."""
        given = {"App": "heater-2.0", "Cohort": "tag=field", "Stages": "10%,50%,100%", **fields}
        answer = self.cloud.call("POST", "/mvsdk/v1/Rollouts", data=given)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["sid"])

    def do(self, rollout: str, action: str, **fields: str) -> dict[str, Any]:
        """Do something with a rollout, and return how it is then."""
        answer = self.cloud.call("POST", f"/mvsdk/v1/Rollouts/{rollout}/{action}", data=fields)
        assert answer.status_code == 200, answer.text
        document: dict[str, Any] = answer.json()
        return document

    def pass_time(self, rollout: str, minutes: int) -> dict[str, Any]:
        """Let time pass, and look at a rollout then: those who are well stay in touch."""
        then = self.clock.us + minutes * MINUTE_US
        for sid in self.devices:
            self.cloud.change("UPDATE devices SET seen_us = ? WHERE sid = ?", then, sid)
        self.clock.us = then
        return self.do(rollout, "Evaluate")

    def given(self) -> list[str]:
        """Return the devices that are to run the new app."""
        rows = self.cloud.rows("SELECT sid FROM devices WHERE target_sid = ?", self.new)
        return [row["sid"] for row in rows]

    def report(self, sid: str, state: UpdateState, *, crash: bool = False, reason: str = "") -> None:
        """Let a device say how its update went."""
        with raw_session(self.cloud, sid, boot=f"{state}{self.clock.us}") as raw:
            progress = UpdateProgress(app_hash=self.new_hash, state=state, reason=reason)
            raw.send(encode(progress).decode())
            if crash:
                raw.send(encode(Records(first=1, records=[CrashRecord(time_us=1, report="HardFault")])).decode())
            raw.send(json.dumps({"type": "config-request", "id": 1, "items": []}))
            while json.loads(raw.recv())["type"] != "config-answer":
                pass
        while self.cloud.rows("SELECT session FROM devices WHERE sid = ? AND session IS NOT NULL", sid):
            pass  # its end is noted with the time at which it is

    def confirm_all(self, *but: str) -> None:
        """Let all devices that are to run the new app keep it."""
        for sid in set(self.given()) - set(but):
            self.report(sid, "confirmed")


@pytest.fixture
def fleet(tmp_path: Path, database_url: str | None) -> Iterator[Fleet]:
    """Ten devices of a cloud whose clock is set by hand, on either engine."""
    clock = Clock()
    with running_cloud(tmp_path / "cloud", database_url, now_us=clock) as cloud:
        yield Fleet(cloud, clock)


def test_it_goes_from_stage_to_stage_while_all_are_well(fleet: Fleet) -> None:
    """Each stage gets the app when the one before has kept it for as long as the gate wants."""
    rollout = fleet.create(Gate="failed <= 0% and online > 95% for 10m")
    assert fleet.do(rollout, "Start")["state"] == "running"
    sizes = []
    for _ in range(3):
        sizes.append(len(fleet.given()))
        fleet.confirm_all()
        state = fleet.do(rollout, "Evaluate")
        assert state["state"] == "running"
        assert len(fleet.given()) == sizes[-1]  # not before ten minutes
        assert fleet.pass_time(rollout, 9)["stage"] == len(sizes)
        state = fleet.pass_time(rollout, 1)
    assert sizes == [1, 5, 10]
    assert state["state"] == "completed"
    assert [stage["updated"] for stage in state["stages"]] == [1, 4, 5]


def test_a_preview_is_what_happens(fleet: Fleet) -> None:
    """Who is shown before is who gets it, in the stages shown; nobody gets it by being shown."""
    query = {"App": "heater-2.0", "Cohort": "tag=field and app<2", "Stages": "10%,50%,100%"}
    shown = [fleet.cloud.call("GET", "/mvsdk/v1/RolloutPreview", params=query).json() for _ in range(2)]
    assert shown[0] == shown[1]
    assert shown[0]["count"] == 10
    assert fleet.given() == []
    rollout = fleet.create(Cohort=query["Cohort"])
    fleet.do(rollout, "Start")
    assert fleet.given() == [device["sid"] for device in shown[0]["devices"] if device["stage"] == 1]
    members = fleet.cloud.call("GET", f"/mvsdk/v1/Rollouts/{rollout}/Devices?PageSize=3").json()
    assert [one["device_sid"] for one in members["devices"]] == [one["sid"] for one in shown[0]["devices"][:3]]
    assert members["meta"]["next_page_url"]


@pytest.mark.parametrize(
    ("state", "crash", "gate", "words"),
    [
        ("reverted", False, "failed < 20%", "failed is 20% of 5"),
        ("error", False, "failed < 20%", "failed is 20% of 5"),
        ("confirmed", True, "crash_rate < 1% and online > 95% for 10m", "crash_rate is 20% of 5"),
    ],
)
def test_a_failed_gate_pauses_and_names_who_failed(
    fleet: Fleet, state: UpdateState, crash: bool, gate: str, words: str
) -> None:
    """One evaluation after a device has failed no further device gets the app; the device and its reason are named."""
    rollout = fleet.create(Gate=gate, Stages="50%,100%")
    fleet.do(rollout, "Start")
    bad = fleet.given()[0]
    fleet.confirm_all(bad)
    fleet.report(bad, state, crash=crash, reason="sensor is mute")
    found = fleet.do(rollout, "Evaluate")
    assert found["state"] == "paused"
    assert words in found["reason"]
    assert bad in found["reason"]
    assert ("sensor is mute" in found["reason"]) is (state != "confirmed")
    assert fleet.pass_time(rollout, 60)["state"] == "paused"
    assert len(fleet.given()) == 5
    # Somebody has looked at it, and goes on.
    assert fleet.do(rollout, "Resume")["state"] == "running"
    fleet.pass_time(rollout, 10)
    assert len(fleet.given()) == 10


def test_devices_that_fall_silent_fail_the_gate(fleet: Fleet) -> None:
    """A device that kept the app and is out of touch for more than a minute is not online."""
    rollout = fleet.create(Gate="online > 95% for 10m", Stages="50%,100%")
    fleet.do(rollout, "Start")
    fleet.confirm_all()
    assert fleet.do(rollout, "Evaluate")["state"] == "running"
    fleet.clock.us += 2 * MINUTE_US
    found = fleet.do(rollout, "Evaluate")
    assert found["state"] == "paused"
    assert "online is 0% of 5" in found["reason"]


@pytest.mark.parametrize("rollback", ["true", "false"])
def test_it_is_aborted_where_it_does_harm(fleet: Fleet, rollback: str) -> None:
    """Too many that went back end a rollout; where it was wanted, those that have the app are pointed back."""
    rollout = fleet.create(AbortOn="reverted > 2%", Rollback=rollback, Stages="50%,100%")
    fleet.do(rollout, "Start")
    members = fleet.given()
    fleet.confirm_all(members[0])
    fleet.report(members[0], "reverted")
    found = fleet.do(rollout, "Evaluate")
    assert found["state"] == "aborted"
    assert members[0] in found["reason"]
    assert len(fleet.given()) == (0 if rollback == "true" else 5)
    back = fleet.cloud.rows("SELECT sid FROM devices WHERE target_sid = ?", fleet.old)
    assert len(back) == (10 if rollback == "true" else 5)


def test_an_abort_by_hand_points_back_who_was_not_taken_away(fleet: Fleet) -> None:
    """Aborting with rollback gives devices what they were to run before, but not those given something else since."""
    rollout = fleet.create(Stages="50%,100%")
    fleet.do(rollout, "Start")
    other, *_ = uploaded(fleet.cloud, firmware(b"other"))
    taken = fleet.given()[0]
    targeted(fleet.cloud, taken, other)
    fleet.do(rollout, "Abort", Rollback="true")
    assert fleet.given() == []
    assert fleet.cloud.rows("SELECT target_sid FROM devices WHERE sid = ?", taken) == [{"target_sid": other}]
    assert fleet.cloud.call("POST", f"/mvsdk/v1/Rollouts/{rollout}/Resume").status_code == 409


def test_a_paused_rollout_gives_nothing(fleet: Fleet) -> None:
    """Pausing and resuming by hand: nothing happens in between, and nothing is lost."""
    rollout = fleet.create()
    fleet.do(rollout, "Start")
    fleet.do(rollout, "Pause")
    fleet.confirm_all()
    assert fleet.pass_time(rollout, 60)["stage"] == 1
    assert fleet.do(rollout, "Resume")["stage"] == 2


def test_who_is_offline_holds_nobody_up(fleet: Fleet) -> None:
    """Devices that are out of touch get the app when they come back; the others go on without them."""
    rollout = fleet.create(Stages="50%,100%")
    fleet.do(rollout, "Start")
    away = fleet.given()[0]
    fleet.confirm_all(away)
    assert fleet.do(rollout, "Evaluate")["stage"] == 1
    fleet.cloud.change("UPDATE devices SET seen_us = 1 WHERE sid = ?", away)
    assert fleet.do(rollout, "Evaluate")["stage"] == 2
    fleet.report(away, "reverted")
    assert fleet.do(rollout, "Evaluate")["state"] == "paused"


def test_a_stage_of_which_nobody_is_there_waits(fleet: Fleet) -> None:
    """A stage goes on only when somebody of it has kept the app, however well those of stages before it are."""
    rollout = fleet.create(Stages="50%,90%,100%")
    fleet.do(rollout, "Start")
    first = set(fleet.given())
    fleet.cloud.change("UPDATE devices SET seen_us = 1")
    for sid in first:
        fleet.report(sid, "confirmed")
    assert fleet.do(rollout, "Evaluate")["stage"] == 2
    assert fleet.do(rollout, "Evaluate")["stage"] == 2
    fleet.report(next(iter(set(fleet.given()) - first)), "confirmed")
    assert fleet.do(rollout, "Evaluate")["stage"] == 3


def test_who_is_away_for_long_comes_last_and_is_still_followed(fleet: Fleet) -> None:
    """Devices that were not in touch for a day are in the last stages; the rollout is completed without them, and how
    they got on is shown when they come back."""
    away = set(fleet.devices[:3])
    for sid in away:
        fleet.cloud.change("UPDATE devices SET seen_us = 1 WHERE sid = ?", sid)
    rollout = fleet.create(Stages="50%,100%")
    fleet.do(rollout, "Start")
    assert not away & set(fleet.given())
    fleet.confirm_all()
    fleet.do(rollout, "Evaluate")
    fleet.confirm_all(*away)
    assert fleet.do(rollout, "Evaluate")["state"] == "completed"
    back, failed, _ = sorted(away)
    fleet.report(back, "confirmed")
    fleet.report(failed, "reverted", reason="too old")
    last = fleet.do(rollout, "Evaluate")["stages"][-1]
    assert (last["updated"], last["reverted"], last["given"]) == (3, 1, 1)


def test_a_stage_that_nobody_answers_pauses_when_patience_ends(fleet: Fleet) -> None:
    """A stage that is out of touch as a whole is told after a time, with its devices; resuming goes on without it."""
    rollout = fleet.create(Stages="10%,100%", PatienceSeconds="3600")
    fleet.do(rollout, "Start")
    [canary] = fleet.given()
    fleet.cloud.change("UPDATE devices SET seen_us = 1 WHERE sid = ?", canary)
    fleet.clock.us += 59 * MINUTE_US
    assert fleet.do(rollout, "Evaluate")["state"] == "running"
    fleet.clock.us += MINUTE_US
    paused = fleet.do(rollout, "Evaluate")
    assert (paused["state"], "nobody of stage 1 has answered in 1 h" in paused["reason"]) == ("paused", True)
    assert canary in paused["reason"]
    resumed = fleet.do(rollout, "Resume")
    assert (resumed["state"], resumed["stage"]) == ("running", 2)
    fleet.report(canary, "reverted")  # it counts when it comes back
    assert fleet.do(rollout, "Evaluate")["state"] == "paused"


def test_a_device_that_has_had_its_chance_holds_up_no_stage_for_ever(fleet: Fleet) -> None:
    """One that is in touch and gets no further counts as failed when patience ends; one that was away gets its time."""
    rollout = fleet.create(Stages="50%,100%", Gate="failed < 30%", PatienceSeconds="3600")
    fleet.do(rollout, "Start")
    stuck, later = sorted(fleet.given())[:2]
    fleet.confirm_all(stuck, later)
    fleet.cloud.change("UPDATE devices SET seen_us = 1 WHERE sid = ?", later)

    def in_touch(*devices: str, minutes: int) -> dict[str, Any]:
        then = fleet.clock.us + minutes * MINUTE_US
        fleet.clock.us = then  # first: the server looks by itself too, and nobody is seen in the future
        for sid in devices:
            fleet.cloud.change("UPDATE devices SET seen_us = ? WHERE sid = ?", then, sid)
        return fleet.do(rollout, "Evaluate")

    assert in_touch(stuck, minutes=1)["stage"] == 1
    assert in_touch(stuck, later, minutes=58)["stage"] == 1
    assert in_touch(stuck, later, minutes=2)["stage"] == 1  # `later` is on the way, and `stuck` is 20% of five
    members = fleet.cloud.call("GET", f"/mvsdk/v1/Rollouts/{rollout}/Devices").json()["devices"]
    reasons = {one["device_sid"]: one["reason"] for one in members if one["reason"]}
    assert reasons == {stuck: "in touch for 1 h and not done"}
    fleet.report(later, "confirmed")
    assert fleet.do(rollout, "Evaluate")["stage"] == 2
    fleet.report(stuck, "confirmed")
    fleet.do(rollout, "Evaluate")
    members = fleet.cloud.call("GET", f"/mvsdk/v1/Rollouts/{rollout}/Devices").json()["devices"]
    assert {one["state"] for one in members if one["device_sid"] == stuck} == {"updated"}


def test_a_way_back_that_devices_would_refuse_is_told_before(fleet: Fleet) -> None:
    """A rollback counter that forbids going back is told with the preview, refuses a rollout that rolls back, and keeps
    an abort from doing half of it; a bundle that may replace the counter is the way."""
    fenced, fenced_hash, *_ = uploaded(
        fleet.cloud, firmware(b"fenced"), "heater-3.0", ManifestOptions(rollback_counter=5)
    )
    allowed, *_ = uploaded(fleet.cloud, firmware(), "heater-1.0-again", ManifestOptions(may_replace_counter=5))
    plan = {"App": "heater-3.0", "Cohort": "tag=field", "Stages": "50%,100%"}

    def preview(**fields: str) -> str:
        return str(fleet.cloud.call("GET", "/mvsdk/v1/RolloutPreview", params={**plan, **fields}).json()["no_way_back"])

    assert "--may-replace-counter 5" in preview()
    assert preview(RollbackTo="heater-1.0-again") == "None"
    refused = fleet.cloud.call("POST", "/mvsdk/v1/Rollouts", data={**plan, "Rollback": "true"})
    assert (refused.status_code, "heater-1.0 (rollback counter 0, 10 devices)" in refused.json()["message"]) == (
        409,
        True,
    )
    rollout = fleet.create(**plan)
    fleet.do(rollout, "Start")
    fleet.new, fleet.new_hash = fenced, fenced_hash
    kept, *others = fleet.given()
    fleet.report(kept, "confirmed")
    fleet.report(others[0], "trial")
    refused = fleet.cloud.call("POST", f"/mvsdk/v1/Rollouts/{rollout}/Abort", data={"Rollback": "true"})
    assert (refused.status_code, "1 devices" in refused.json()["message"]) == (409, True)
    assert len(fleet.given()) == 5
    assert fleet.cloud.call("DELETE", f"/v1/Apps/{fleet.old}").status_code == 409
    done = fleet.do(rollout, "Abort", Rollback="true", RollbackTo="heater-1.0-again")
    assert done["state"] == "aborted"
    assert fleet.given() == []
    assert len(fleet.cloud.rows("SELECT sid FROM devices WHERE target_sid = ?", allowed)) == 5


def test_a_device_is_not_given_what_it_would_refuse(fleet: Fleet) -> None:
    """Deploying by hand tells it too; on trial a device has not kept the app yet, and may go back."""
    sid, options = fleet.devices[0], ManifestOptions(rollback_counter=5)
    fenced, fenced_hash, *_ = uploaded(fleet.cloud, firmware(b"fenced"), "heater-3.0", options)
    # Behind the devices' counter, by leave: going back further than that counter is no way.
    behind = ManifestOptions(rollback_counter=1, may_replace_counter=5)
    uploaded(fleet.cloud, firmware(b"behind"), "heater-3.1", behind)
    fleet.new, fleet.new_hash = fenced, fenced_hash

    def target(app: str) -> requests.Response:
        return fleet.cloud.call("POST", f"/mvsdk/v1/Devices/{sid}/Target", data={"App": app})

    assert target("heater-3.0").json()["state"] == "pending"
    fleet.report(sid, "trial")
    assert target("heater-1.0").status_code == 200
    assert target("heater-3.0").status_code == 200
    fleet.report(sid, "confirmed")
    refused = target("heater-1.0")
    assert (refused.status_code, "--may-replace-counter 5" in refused.json()["message"]) == (409, True)
    assert target("heater-3.1").status_code == 200
    plan = {"App": "heater-3.1", "Cohort": f"sid={sid}", "Stages": "100%", "RollbackTo": "heater-2.0"}
    targeted(fleet.cloud, sid, fenced)
    shown = fleet.cloud.call("GET", "/mvsdk/v1/RolloutPreview", params=plan).json()["no_way_back"]
    assert "heater-3.1 has rollback counter 5 and refuses heater-2.0" in shown


def test_an_abort_by_itself_leaves_who_cannot_go_back(fleet: Fleet) -> None:
    """Where what devices ran has changed since it was checked, those that would refuse stay, and the reason says so."""
    rollout = fleet.create(Stages="100%", AbortOn="reverted > 5%", Rollback="true", RollbackTo="heater-1.0")
    fleet.do(rollout, "Start")
    kept, bad = fleet.given()[:2]
    content = Envelope.around(Body((), ManifestOptions(rollback_counter=2)).encode()).raw
    fleet.cloud.write(
        lambda connection: (
            connection.execute("UPDATE apps SET manifest = ? WHERE sid = ?", (content, fleet.new)).rowcount
        )
    )
    fleet.report(kept, "confirmed")
    fleet.report(bad, "reverted")
    found = fleet.do(rollout, "Evaluate")
    assert found["state"] == "aborted"
    assert "--may-replace-counter 2" in found["reason"]
    assert fleet.given() == [kept]


def test_three_bad_ones_of_a_hundred_stop_it(tmp_path: Path) -> None:
    """Of a hundred devices three go back after the update: the rollout stands still before everybody has the app."""
    clock = Clock()
    with running_cloud(tmp_path / "cloud", now_us=clock) as cloud:
        fleet = Fleet(cloud, clock, size=100)
        rollout = fleet.create(Stages="1%,10%,50%,100%", Gate="reverted < 3% and online > 95%")
        members = cloud.call("GET", "/mvsdk/v1/RolloutPreview?App=heater-2.0&Cohort=all").json()["devices"]
        bad = {device["sid"] for device in members[20:23]}
        state = fleet.do(rollout, "Start")
        while state["state"] == "running":
            for sid in {sid for sid in fleet.given() if shown_state(cloud, sid) == "pending"}:
                fleet.report(sid, "reverted" if sid in bad else "confirmed")
            state = fleet.do(rollout, "Evaluate")
        assert state["state"] == "paused"
        assert any(sid in state["reason"] for sid in bad)
        assert len(fleet.given()) == 50


def shown_state(cloud: RunningCloud, sid: str) -> str:
    """Return how far a device is."""
    return str(cloud.call("GET", f"/mvsdk/v1/Devices/{sid}/Update").json()["state"])


def test_somebody_else_approves(fleet: Fleet) -> None:
    """Where approval is wanted, who made a rollout can neither start nor approve it; another can approve it."""
    rollout = fleet.create(NeedsApproval="true")
    place = f"{fleet.cloud.url}/mvsdk/v1/Rollouts/{rollout}"
    assert fleet.cloud.call("POST", f"/mvsdk/v1/Rollouts/{rollout}/Start").status_code == 409
    assert fleet.cloud.call("POST", f"/mvsdk/v1/Rollouts/{rollout}/Approve").status_code == 403
    key = fleet.cloud.call("POST", "/mvsdk/v1/ApiKeys", data={"Name": "second"}).json()
    approved = requests.post(f"{place}/Approve", auth=(key["sid"], key["secret"]), timeout=30)
    assert approved.json()["approved_by"] == key["sid"]
    assert fleet.do(rollout, "Start")["state"] == "running"


def test_what_is_in_the_way_is_told(fleet: Fleet) -> None:
    """An empty cohort, a device in two rollouts, a second start, an app that a rollout needs: each is a conflict."""
    empty, first, second = fleet.create(Cohort="tag=nobody"), fleet.create(), fleet.create()
    start = "/mvsdk/v1/Rollouts/{}/Start"
    assert fleet.cloud.call("POST", start.format(empty)).status_code == 409
    fleet.do(first, "Start")
    refused = fleet.cloud.call("POST", start.format(second))
    assert (refused.status_code, first in refused.json()["message"]) == (409, True)
    assert fleet.cloud.rows("SELECT * FROM rollout_devices WHERE rollout_sid = ?", second) == []
    assert fleet.cloud.call("POST", start.format(first)).status_code == 409
    assert fleet.cloud.call("DELETE", f"/v1/Apps/{fleet.new}").status_code == 409
    for sid in fleet.devices:
        targeted(fleet.cloud, sid, fleet.new)
    assert fleet.cloud.call("DELETE", f"/v1/Apps/{fleet.old}").status_code == 409  # it may be gone back to


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"Cohort": "tga=kitchen"}, "column 1"),
        ({"Gate": "crash_rate < 1% for ever"}, "column 21"),
        ({"AbortOn": "reverted"}, "column 9"),
        ({"Stages": "50%,10%"}, "Stages"),
        ({"Stages": "101%"}, "Stages"),
        ({"Stages": "0%"}, "Stages"),
        ({"Stages": ","}, "Stages"),
        ({"App": "nothing"}, "App"),
        ({"TrialSeconds": "-1"}, "TrialSeconds"),
        ({"PatienceSeconds": "0"}, "PatienceSeconds"),
        ({"RollbackTo": "nothing"}, "RollbackTo"),
        ({"Rollback": "perhaps"}, "Rollback"),
    ],
)
def test_nonsense_makes_no_rollout(fleet: Fleet, fields: dict[str, str], words: str) -> None:
    """What cannot be understood is refused with its place, and nothing is made."""
    given_fields = {"App": "heater-2.0", "Cohort": "tag=field", **fields}
    answer = fleet.cloud.call("POST", "/mvsdk/v1/Rollouts", data=given_fields)
    assert (answer.status_code, words in answer.json()["message"]) == (400, True), answer.text
    assert fleet.cloud.call("GET", "/mvsdk/v1/Rollouts").json()["rollouts"] == []


def test_every_step_is_in_the_audit_log(fleet: Fleet) -> None:
    """What people do is there under their names, what follows by itself under the cloud's."""
    rollout = fleet.create(Stages="50%,100%")
    fleet.do(rollout, "Start")
    fleet.report(fleet.given()[0], "reverted")
    fleet.do(rollout, "Evaluate")
    fleet.do(rollout, "Abort")
    rows = fleet.cloud.rows("SELECT who, what FROM audit WHERE subject = ? ORDER BY number", rollout)
    assert [row["who"] for row in rows] == [fleet.cloud.account] * 2 + ["cloud"] * 2 + [fleet.cloud.account]
    assert [row["what"].split(":")[0] for row in rows] == [
        "create rollout",
        "start rollout to 10 devices",
        "begin stage 1",
        "rollout is paused",
        "abort rollout, 0 devices pointed back",
    ]


def test_it_survives_its_server(tmp_path: Path, database_url: str | None) -> None:
    """A server that comes after another goes on at the same stage, and remembers since when the gate holds."""
    clock = Clock()
    with running_cloud(tmp_path / "cloud", database_url, now_us=clock) as cloud:
        fleet = Fleet(cloud, clock)
        rollout = fleet.create(Gate="failed < 1% for 10m")
        fleet.do(rollout, "Start")
        fleet.confirm_all()
        fleet.do(rollout, "Evaluate")
        before = fleet.pass_time(rollout, 5)
    with running_cloud(tmp_path / "cloud", database_url, now_us=clock) as cloud:
        fleet.cloud = cloud
        assert fleet.do(rollout, "Evaluate") == before
        assert fleet.pass_time(rollout, 5)["stage"] == 2


def test_servers_take_turns(tmp_path: Path, postgresql: PostgresqlServer) -> None:
    """Two servers that evaluate one rollout at the same time take each step once."""
    clock, url = Clock(), postgresql.new_database()
    with running_cloud(tmp_path / "one", url, now_us=clock) as one:
        shutil.copytree(tmp_path / "one", tmp_path / "two")
        with running_cloud(tmp_path / "two", url, now_us=clock) as two:
            fleet = Fleet(one, clock)
            rollout = fleet.create()
            fleet.do(rollout, "Start")
            fleet.confirm_all()
            path = f"/mvsdk/v1/Rollouts/{rollout}/Evaluate"
            threads = [threading.Thread(target=cloud.call, args=("POST", path)) for cloud in (one, two) * 4]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert len(fleet.given()) == 5
            begun = one.rows("SELECT what FROM audit WHERE subject = ? AND what LIKE ?", rollout, "begin stage%")
            assert [row["what"] for row in begun] == ["begin stage 1", "begin stage 2"]


def test_one_that_cannot_go_on_keeps_no_other_back(tmp_path: Path) -> None:
    """A rollout whose row is spoilt is passed over; the one after it goes on by itself."""
    with running_cloud(tmp_path / "cloud") as cloud:
        fleet = Fleet(cloud, Clock())
        spoilt, whole = fleet.create(Cohort=f"sid={fleet.devices[0]}"), fleet.create(Cohort=f"sid={fleet.devices[1]}")
        fleet.do(spoilt, "Start")
        cloud.change("UPDATE rollouts SET gate = 'nonsense' WHERE sid = ?", spoilt)
        fleet.do(whole, "Start")
        with requests.get(
            f"{cloud.url}/mvsdk/v1/Updates?Follow=true", auth=cloud.auth, stream=True, timeout=30
        ) as stream:
            fleet.report(fleet.devices[0], "confirmed")
            fleet.report(fleet.devices[1], "confirmed")
            for _ in stream.iter_lines():
                if cloud.call("GET", f"/mvsdk/v1/Rollouts/{whole}").json()["state"] == "completed":
                    return


def test_it_goes_on_unasked(tmp_path: Path) -> None:
    """A report of the last device of a stage lets the next begin, though nobody asks for it."""
    with running_cloud(tmp_path / "cloud") as cloud:
        fleet = Fleet(cloud, Clock())
        rollout = fleet.create(Stages="50%,100%")
        fleet.do(rollout, "Start")
        [second] = [
            one["device_sid"]
            for one in cloud.call("GET", f"/mvsdk/v1/Rollouts/{rollout}/Devices").json()["devices"]
            if one["stage"] == 2
        ][:1]
        with raw_session(cloud, second) as raw:
            fleet.confirm_all()
            told = json.loads(raw.recv(timeout=30))
            assert (told["type"], told["target"]["app_sid"]) == ("target", fleet.new)


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("", 1),
        ("crash_rate", 11),
        ("crash_rate < ", 13),
        ("crash < 1%", 1),
        ("crash_rate < 1% or online > 2%", 17),
        ("crash_rate < 1% for", 20),
        ("crash_rate < 1% for 10", 23),
        ("crash_rate < 1% for 31d", 21),
        ("crash_rate = 1%", 12),
    ],
)
def test_an_error_in_a_gate_points_at_its_place(text: str, column: int) -> None:
    """What cannot be read is told with the column where it goes wrong."""
    with pytest.raises(GateError) as raised:
        gates.parse_gate(text)
    assert raised.value.column == column


@given(st.text("crashonlie_t <>=%.19formandevu\0\"'", max_size=60))
def test_any_text_is_a_gate_or_refused(text: str) -> None:
    """No text does anything but that."""
    for parse in (gates.parse_gate, gates.parse_abort_on):
        try:
            read = parse(text)
        except GateError as error:
            column = error.column
        else:
            assert read.for_us >= 0
            column = 1
        assert 1 <= column <= len(text) + 1
