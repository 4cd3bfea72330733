"""Laws of updates on an emulated device: what the application meets, what the cloud hears, what a recording holds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mvsdk.bundle import ManifestOptions, create
from mvsdk.bundle.new_keys import NewKeys
from mvsdk.emulator import recording, snapshots
from mvsdk.emulator.core import new_core
from mvsdk.emulator.errors import InputError, NoApplicationError
from mvsdk.emulator.events import LogLine, Started
from mvsdk.emulator.inputs import ApplicationInstalled, RemoteRestart, from_dict
from mvsdk.emulator.personality.microvisor.network import STAY_ONLINE
from mvsdk.emulator.updating import Memories
from mvsdk.emulator.updating.memories import kernel_flash_size
from mvsdk.flash_memory import ERASED
from mvsdk.link import UpdatePolicy
from mvsdk.update import Phase, RefusedError
from tests.emulator.chip_guests import BOARD
from tests.emulator.updating.managed import KEY, Managed, application, bundle, offering
from tests.keys.samples import key_of

QUIET = offering()


def test_an_update_takes_the_place_of_the_application_and_tells_it_why() -> None:
    """The old application runs on while the new one comes, which then finds that it is an update, and is kept."""
    managed = Managed(offering(bundle(2)), bundle(1))
    managed.run(12)
    assert managed.logged == ["v1 reason 0", "v2 reason 9"]
    assert [state for state in managed.states if state != "staged"] == [
        "downloading",
        "installing",
        "trial",
        "confirmed",
    ]
    assert managed.updater.agent.state.phase is Phase.IDLE
    starts = [event.time_us for event in managed.events if isinstance(event, Started)]
    began = starts[1]
    alive = [event for event in managed.events if isinstance(event, LogLine) and event.text == "alive"]
    assert len(alive) >= 10
    assert began > 45_000  # erasing a sector of the external flash alone takes that long


def test_an_application_that_crashes_on_trial_is_replaced_by_the_one_before() -> None:
    """The cloud learns why; and the bundle is not tried again."""
    managed = Managed(offering(bundle(3, "crashes")), bundle(1))
    managed.run(90)
    assert managed.logged == ["v1 reason 0", "v3 reason 9", "v1 reason 9"]
    assert managed.states[-1] == "reverted"
    assert managed.said[-1].reason.startswith("it crashed: ")


def test_an_application_that_crashes_after_its_trial_stays() -> None:
    """Once confirmed, a crash is a crash: the application is started again."""
    managed = Managed(offering(bundle(3, "crashes")), bundle(1), policy=UpdatePolicy(0, trial_needs_session=False))
    managed.run(10)
    assert managed.logged[:3] == ["v1 reason 0", "v3 reason 9", "v3 reason 8"]
    assert managed.states[-1] == "confirmed"


def test_a_polite_update_waits_until_the_application_restarts() -> None:
    """With a politeness in the manifest of what runs, mvRestart is the moment, and starts the new application."""
    managed = Managed(offering(bundle(2)), bundle(1, "agrees", politeness=60))
    managed.run(10)
    assert managed.logged == ["v1 reason 0", "v2 reason 9"]
    assert [state for state in managed.states if state != "staged"] == [
        "downloading",
        "waiting",
        "installing",
        "trial",
        "confirmed",
    ]


def test_an_application_that_never_agrees_is_replaced_when_its_time_is_over() -> None:
    """The politeness has an end, and that it was forced is told."""
    managed = Managed(offering(bundle(2)), bundle(1, politeness=20))
    managed.run(15)
    assert managed.logged == ["v1 reason 0"]
    managed.run(15)
    assert managed.logged[-1] == "v2 reason 9"
    assert "forced" in managed.noted
    assert [told.reason for told in managed.said if told.state == "installing"] == [
        "the application did not agree within 20 s"
    ]


def test_a_trial_needs_the_session_where_the_policy_says_so() -> None:
    """An application that keeps the device from its cloud for long is replaced; one that is in touch stays."""
    policy = UpdatePolicy(trial_seconds=5)
    cut_off, in_touch = (Managed(offering(bundle(2)), bundle(1), policy=policy) for _ in range(2))
    in_touch.updater.in_touch(True)
    for managed in (cut_off, in_touch):
        managed.run(20)
    assert in_touch.states[-1] == "confirmed"
    assert cut_off.states[-1] == "trial"
    cut_off.run(950)
    assert cut_off.states[-1] == "reverted"
    assert "not in touch" in cut_off.said[-1].reason


@pytest.mark.parametrize("seconds", [0.02, 0.1, 0.3, 0.6, 3.0])
def test_a_device_that_loses_power_goes_on_where_it_was(seconds: float) -> None:
    """Whenever it is switched off, the device comes up with an application, and ends with the update."""
    first = Managed(offering(bundle(2)), bundle(1))
    first.run(seconds)
    again = Managed(offering(bundle(2)), memories=first.memories)
    again.run(12)
    assert again.logged[-1][:2] == "v2"
    assert again.updater.agent.state.phase is Phase.IDLE
    assert again.updater.confirmed != first.updater.confirmed or seconds > 2


def test_a_trial_that_never_ends_well_is_given_up_by_the_starts_it_took() -> None:
    """A device that is switched off in every trial goes back, and says so when it is up."""
    managed = Managed(offering(bundle(2)), bundle(1))
    managed.run(2)
    for _ in range(9):
        managed = Managed(offering(bundle(2)), memories=managed.memories)
        managed.run(1)
    assert managed.logged[-1][:2] == "v1"
    assert managed.states[-1] == "reverted"


def test_a_downgrade_is_refused_and_the_cloud_told_why() -> None:
    """A bundle with a smaller rollback counter than was confirmed never comes in."""
    managed = Managed(offering(bundle(1, counter=1)), bundle(2, counter=2))
    managed.run(5)
    assert managed.logged == ["v2 reason 0"]
    assert (managed.states, managed.said[-1].error_code) == (["error"], 17)


def test_nothing_starts_an_application_that_is_being_replaced() -> None:
    """Whatever asks for a restart meanwhile, the next that runs is the new one."""
    managed = Managed(QUIET, bundle(1))
    managed.device.vacate()
    managed.device.inputs.now(RemoteRestart())
    managed.device.press_reset()
    managed.device.run(2_000_000)
    assert managed.logged == []
    managed.device.inputs.now(ApplicationInstalled.of(application(2), "APPLICATIONUPDATE", None, STAY_ONLINE))
    managed.device.run(3_000_000)
    assert managed.logged == ["v2 reason 9"]


def test_a_recorded_update_replays_without_an_agent_to_the_same_state(tmp_path: Path) -> None:
    """The new application is in the recording, so it needs neither server nor flash."""
    file = tmp_path / "run.jsonl"
    managed = Managed(offering(bundle(2)), bundle(1, "agrees", politeness=60), recording=file)
    managed.run(8)
    read = recording.read(file)
    logged: list[str] = []
    device = recording.make_device(
        read,
        BOARD,
        application(1, "agrees"),
        new_core(BOARD.interrupt_lines),
        observers=[lambda event: logged.append(event.text) if isinstance(event, LogLine) else None],
    )
    recording.prepare(device, read)
    recording.play(device, read)
    assert "v2 reason 9" in logged
    assert device.state_hash() == managed.device.state_hash()


def test_a_snapshot_of_an_updated_device_is_one_of_its_new_image(tmp_path: Path) -> None:
    """It loads with what the device runs, in the same state, and goes on alike."""
    managed = Managed(offering(bundle(2)), bundle(1))
    managed.run(3)
    snapshots.save(managed.device, tmp_path / "device")
    core = new_core(BOARD.interrupt_lines)
    loaded = snapshots.load(snapshots.read(tmp_path / "device"), BOARD, application(2), core)
    assert loaded.state_hash() == managed.device.state_hash()
    for device in (loaded, managed.device):
        device.run(10_000_000)
    assert loaded.state_hash() == managed.device.state_hash()


def test_a_device_with_nothing_that_it_trusts_does_not_start() -> None:
    """Neither an empty device comes up, nor is a bundle put on it that a stranger signed."""
    with pytest.raises(NoApplicationError, match="no application"):
        Managed(QUIET)
    strangers = create(application(1), ManifestOptions(), key_of(9), region=BOARD.flash.size)
    with pytest.raises(RefusedError):
        Managed(QUIET, strangers)


@pytest.mark.parametrize(
    "wrong",
    [
        {"image": "no base64!", "wake_reason": "COLDBOOT"},
        {"image": "", "wake_reason": "COLDBOOT"},
        {"image": "AAAA", "wake_reason": "COLDBOOT"},
        {"image": "/w==" * 3, "wake_reason": "NOTHING"},
    ],
)
def test_an_installation_that_cannot_be_is_refused_before_it_happens(wrong: dict[str, str]) -> None:
    """A damaged recording cannot put on a device what could not run there."""
    managed = Managed(QUIET, bundle(1))
    with pytest.raises(InputError):
        managed.device.inputs.now(from_dict({"kind": "application-installed", **wrong}))


def test_memories_of_storages_outlast_their_devices() -> None:
    """What one device leaves in its storages the next one finds."""
    storages = [bytearray(ERASED * size) for size in (BOARD.flash.size, kernel_flash_size(BOARD))]
    first = Managed(offering(bundle(2)), bundle(1), Memories(BOARD, *storages))
    first.run(12)
    again = Managed(QUIET, memories=Memories(BOARD, *storages))
    again.run(1)
    assert again.logged == ["v2 reason 0"]


def test_a_target_that_is_taken_back_is_not_installed() -> None:
    """What waited politely is dropped when the server wants something else by the time the application agrees."""
    server = offering(bundle(2))
    managed = Managed(server, bundle(1, "stays", politeness=3))
    managed.run(2)
    assert managed.states[-1] == "waiting"
    server.offered = None
    managed.run(5)
    assert managed.logged == ["v1 reason 0"]
    assert (managed.states[-1], managed.said[-1].error_code) == ("error", 30)


def test_refused_keys_say_nothing_of_an_application_and_hold_up_no_update() -> None:
    """A NewKeys message that this device does not take is its own affair; the bundle behind it still comes."""
    server = offering(bundle(2))
    server.new_keys_messages = (b"no message at all",)
    managed = Managed(server, bundle(1))
    managed.run(12)
    assert managed.logged[-1] == "v2 reason 9"
    assert "error" not in managed.states


def test_a_bundle_that_the_device_would_not_run_is_not_put_over_what_it_has() -> None:
    """After its keys have changed, one signed with a key that is gone is refused before anything is erased."""
    ours = create(application(2), ManifestOptions(), key_of(9), region=BOARD.flash.size)
    adding = NewKeys(1, add=(key_of(9).public,)).signed_by(KEY)
    removing = NewKeys(2, delete=(KEY.public.id,)).signed_by(key_of(9))
    server = offering(ours)
    server.new_keys_messages = (adding, removing)
    managed = Managed(server, bundle(1))
    managed.run(12)
    managed.updater.agent.check_now()
    managed.run(70)
    assert managed.updater.agent.keys.sequence == 2
    again = Managed(QUIET, memories=managed.memories)
    with pytest.raises(RefusedError):
        again.updater.flash(bundle(3))
    again.run(1)
    assert again.logged == ["v2 reason 0"]


def test_an_application_that_is_started_anew_hears_again_of_the_update_that_waits(tmp_path: Path) -> None:
    """But what is installed before that hears nothing of it."""
    managed = Managed(offering(bundle(2)), bundle(1, politeness=8), recording=tmp_path / "run")
    managed.run(4)
    managed.device.inputs.now(RemoteRestart())
    managed.run(2)
    told = (tmp_path / "run").read_text(encoding="ascii")
    assert '"source": "UPDATE"' in told
    managed.run(1.6)
    managed.device.inputs.now(RemoteRestart())
    managed.run(0.3)
    managed.run(4)
    assert managed.logged[-1] == "v2 reason 9"
    lines = [json.loads(line) for line in (tmp_path / "run").read_text(encoding="ascii").splitlines()]
    kinds = [line["input"]["kind"] for line in lines if "input" in line]
    assert kinds[-1] == "application-installed"
