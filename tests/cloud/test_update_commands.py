"""The commands that bring an app to devices, against a cloud and devices that answer."""

from __future__ import annotations

import json
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mvsdk.bundle import ManifestOptions, create
from mvsdk.link import DeviceSession, TargetChanged, UpdateProgress, UpdateState
from mvsdk.link.session import Connected, Heard
from tests.cloud.test_downloads import firmware
from tests.cloud.test_server_process import mvsdk, started
from tests.cloud.test_sessions import SomeDevice


@contextmanager
def obeying(folder: Path, *states: UpdateState, reason: str = "") -> Iterator[None]:
    """Run all devices of an export; each goes this way to whatever it is to run."""
    sessions: list[DeviceSession] = []

    def begin(file: Path) -> None:
        identity, device = json.loads(file.read_bytes()), SomeDevice()

        def hear(what: Heard) -> None:
            target = what.target if isinstance(what, TargetChanged) else None
            if isinstance(what, Connected):
                target = what.welcome.target
                connected.release()
            for state in states if target else ():
                assert target is not None
                progress = UpdateProgress(
                    app_hash=target.app_hash, state=state, bytes_done=50, bytes_total=100, reason=reason
                )
                begun.wait()
                sessions[place].say(progress)

        place, begun = len(sessions), threading.Event()
        url, sid, token = identity["url"], identity["device"], identity["token"]
        sessions.append(DeviceSession(url, sid, token, device.outbox, device.hello, hear, lambda failures: 0.01))
        begun.set()

    connected = threading.Semaphore(0)
    for file in sorted(folder.glob("*.json")):
        begin(file)
    for _ in sessions:
        assert connected.acquire(timeout=30)
    try:
        yield
    finally:
        for session in sessions:
            session.close(0)


def test_devices_are_made_by_the_hundred(home: dict[str, str], tmp_path: Path) -> None:
    """Many devices come with a file each for their owner alone; a second run makes only those that are missing."""
    folder = tmp_path / "export"
    command = ("device", "create", "oven", "--count", "12", "--tag", "field", "--export", str(folder))
    with started(home):
        assert mvsdk(home, "device", "create", "oven", "--count", "2").returncode == 2
        made = mvsdk(home, *command)
        assert made.returncode == 0, made.stderr
        assert "12 devices" in made.stdout
        assert "made 0" in mvsdk(home, *command).stdout
        files = sorted(folder.iterdir())
        assert [file.name for file in files] == [f"oven-{number:02}.json" for number in range(1, 13)]
        assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in files)
        listed = json.loads(mvsdk(home, "device", "list", "--cohort", "tag=field", "--json").stdout)
        assert {json.loads(file.read_bytes())["device"] for file in files} == {device["sid"] for device in listed}
        tagged = mvsdk(home, "device", "tag", "oven-01", "kitchen", "--remove", "field", "--json")
        assert json.loads(tagged.stdout)["tags"] == ["kitchen"]
        wrong = mvsdk(home, "device", "list", "--cohort", "tag=field and")
        assert (wrong.returncode, "column 14" in wrong.stderr) == (1, True)


def test_deploy_tells_how_far_each_device_is(home: dict[str, str], tmp_path: Path) -> None:
    """The command waits for all devices and tells every step; what went wrong is told with its reason, and exits 1."""
    folder, bundle = tmp_path / "export", tmp_path / "app.zip"
    bundle.write_bytes(create(firmware(), ManifestOptions(), None))
    with started(home):
        mvsdk(home, "device", "create", "oven", "--count", "2", "--export", str(folder))
        with obeying(folder, "downloading", "trial", "confirmed"):
            done = mvsdk(home, "deploy", str(bundle), "oven-1", "oven-2")
        assert done.returncode == 0, done.stderr
        assert {"oven-1 runs it", "oven-2 runs it"} <= set(done.stdout.splitlines())
        bundle.write_bytes(create(firmware(b"next"), ManifestOptions(), None))
        with obeying(folder, "trial", "reverted", reason="sensor is mute"):
            failed = mvsdk(home, "deploy", str(bundle), "oven-1", "oven-2")
        assert failed.returncode == 1
        for words in ("oven-1 went back", "oven-2 went back", "sensor is mute", "mvsdk logs oven-1"):
            assert words in failed.stderr
        with obeying(folder, "downloading"):
            late = mvsdk(home, "deploy", str(bundle), "oven-1", "--timeout", "2s")
        assert late.returncode == 1
        assert "oven-1: downloading, 0.1 of 0.1 kB" in late.stdout
        assert "has not reported" in late.stderr


def test_policies_from_the_command_line(home: dict[str, str], tmp_path: Path) -> None:
    """All devices, one, and one deployment can have a policy of their own, which is shown where it was said."""
    folder, bundle = tmp_path / "export", tmp_path / "app.zip"
    bundle.write_bytes(create(firmware(), ManifestOptions(), None))

    def policy(*command: str) -> dict[str, object]:
        done = mvsdk(home, *command, "--json")
        assert done.returncode == 0, done.stderr
        shown = json.loads(done.stdout)
        return dict(shown.get("update_policy", shown)["effective"])

    with started(home):
        mvsdk(home, "device", "create", "oven", "--export", str(folder))
        assert policy("cloud", "update-policy", "--trial-seconds", "120")["trial_seconds"] == 120
        assert policy("device", "show", "oven")["trial_seconds"] == 120
        slow = policy("device", "update", "oven", "--bytes-per-hour", "5000", "--no-trial-needs-session")
        assert slow == {"trial_seconds": 120, "trial_needs_session": False, "bytes_per_hour": 5000}
        assert mvsdk(home, "deploy", str(bundle), "oven", "--no-wait", "--trial-seconds", "1").returncode == 0
        assert policy("device", "show", "oven") == {**slow, "trial_seconds": 1}
        assert policy("device", "update", "oven", "--reset-policy")["bytes_per_hour"] == 0
        assert "(1)" in mvsdk(home, "device", "show", "oven").stdout
        assert policy("cloud", "update-policy", "--reset")["trial_seconds"] == 60
        assert mvsdk(home, "device", "update", "oven", "--trial-seconds", "100000").returncode == 2


def test_a_rollout_from_the_command_line(home: dict[str, str], tmp_path: Path) -> None:
    """A dry run changes nothing; then a rollout is made, runs through, and is shown with its devices."""
    folder, bundle = tmp_path / "export", tmp_path / "app.zip"
    bundle.write_bytes(create(firmware(), ManifestOptions(), None))
    with started(home):
        mvsdk(home, "device", "create", "oven", "--count", "4", "--tag", "field", "--export", str(folder))
        mvsdk(home, "device", "create", "spare", "--export", str(folder))
        assert mvsdk(home, "deploy", str(bundle), "spare", "--no-wait", "--name", "oven-2.0").returncode == 0
        plan = ("rollout", "create", "oven-2.0", "--cohort", "tag=field", "--stages", "50%,100%")
        planned = mvsdk(home, *plan, "--dry-run")
        assert "4 devices would get it" in planned.stdout
        assert json.loads(mvsdk(home, "rollout", "list", "--json").stdout) == []
        wrong = mvsdk(home, *plan, "--gate", "crash < 1%")
        assert (wrong.returncode, "column 1" in wrong.stderr) == (1, True)
        sid = json.loads(mvsdk(home, *plan, "--gate", "failed < 10%", "--json").stdout)["sid"]
        with obeying(folder, "confirmed"):
            assert mvsdk(home, "rollout", "start", sid).returncode == 0
            while json.loads(mvsdk(home, "rollout", "show", sid, "--json").stdout)["state"] == "running":
                pass
        shown = mvsdk(home, "rollout", "show", sid, "--devices")
        assert "completed" in shown.stdout
        assert shown.stdout.count("updated") >= 4
        assert "█" * 20 in shown.stdout
        again = json.loads(mvsdk(home, *plan, "--start", "--json").stdout)
        assert again["state"] in {"running", "completed"}
        for action in ("pause", "resume"):
            refused = mvsdk(home, "rollout", action, sid)
            assert (refused.returncode, "is completed" in refused.stderr) == (1, True)
        bundle.write_bytes(create(firmware(b"fenced"), ManifestOptions(rollback_counter=3), None))
        new, old = ("rollout", "create", str(bundle), "--cohort", "tag=field"), tmp_path / "old.zip"
        planned = mvsdk(home, *new, "--dry-run")
        assert "--may-replace-counter 3" in planned.stderr.replace("\n", " ")
        refused = mvsdk(home, *new, "--rollback")
        assert (refused.returncode, "--may-replace-counter 3" in refused.stderr) == (1, True)
        old.write_bytes(create(firmware(), ManifestOptions(may_replace_counter=3), None))
        made = mvsdk(home, *new, "--rollback-to", str(old), "--patience", "2h", "--json")
        assert (json.loads(made.stdout)["rollback"], json.loads(made.stdout)["patience_seconds"]) == (True, 7200)
        assert "patience       2 h" in mvsdk(home, "rollout", "show", json.loads(made.stdout)["sid"]).stdout
        assert mvsdk(home, "rollout", "create", "none.zip", "--cohort", "all").returncode == 2
        stopped = mvsdk(home, *plan, "--needs-approval", "--json")
        other = json.loads(stopped.stdout)["sid"]
        assert "approve" in mvsdk(home, "rollout", "start", other).stderr
        assert json.loads(mvsdk(home, "rollout", "abort", other, "--rollback", "--json").stdout)["state"] == "aborted"
