"""The agent: from one application to the next, and never anything else."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvsdk.bundle import ManifestOptions, NewKeys, endorse
from mvsdk.update import (
    BundleServer,
    BusyError,
    Event,
    KeySet,
    Layout,
    LayoutError,
    Part,
    Pending,
    Phase,
    Policy,
    RefusedError,
    UnreachableError,
    provision,
)
from tests.update.devices import (
    BOARD,
    KEY,
    NEW,
    OLD,
    OTHER_KEY,
    THIRD_KEY,
    Device,
    application,
    bundle,
    server,
)

OLD_IMAGE, NEW_IMAGE = application(1).data, application(2, 26_000).data


def test_an_update_arrives() -> None:
    """What the server offers is fetched, staged, installed, tried and confirmed, and then all is quiet."""
    device = Device(server(OLD, NEW)).with_bundle(OLD)
    assert device.runs == OLD_IMAGE
    device.rest()
    assert device.runs == NEW_IMAGE
    wanted = [Event.OFFERED, Event.FETCHING, Event.STAGED, Event.INSTALLING, Event.TRIAL, Event.CONFIRMED]
    assert device.events == wanted
    assert device.agent.application is not None
    assert device.agent.application.newly_installed
    device.start()
    device.rest()
    assert device.runs == NEW_IMAGE
    assert not device.agent.application.newly_installed
    assert device.events == wanted


def test_nothing_runs_while_flash_changes() -> None:
    """The old application runs until the installation begins, the new one once it is verified, between them none."""
    device = Device(server(OLD, NEW)).with_bundle(OLD)
    while device.agent.state.phase is not Phase.TRIAL:
        installing = device.agent.state.phase is Phase.INSTALLING
        assert device.runs == (None if installing else OLD_IMAGE)
        device.agent.step()
    assert device.runs == NEW_IMAGE


def test_a_failed_trial_brings_the_old_one_back_for_good() -> None:
    """After a failed trial the old application runs, the reason is known, and the bundle is not tried again."""
    device = Device(server(OLD, NEW)).with_bundle(OLD)
    device.reach(Phase.TRIAL)
    device.agent.trial_failed("crashed after 3 s")
    device.rest()
    assert device.runs == OLD_IMAGE
    assert device.agent.state.reason == "crashed after 3 s"
    device.start()
    device.rest()
    assert device.runs == OLD_IMAGE
    assert device.events.count(Event.TRIAL) == 1
    assert device.events[-1] is Event.REFUSED


def test_a_bundle_signed_again_is_still_bad() -> None:
    """What failed is what was signed, not the signature."""
    world = server(OLD, NEW)
    device = Device(world).with_bundle(OLD)
    device.reach(Phase.TRIAL)
    device.agent.trial_failed("crashed")
    world.manifests.append(BundleServer(endorse(NEW, OTHER_KEY)).manifests[0])
    device.rest()
    assert device.runs == OLD_IMAGE


def test_an_application_that_never_passes_is_started_so_often() -> None:
    """A trial that nobody ends ends by itself, after `trial_boots` starts."""
    device = Device(server(OLD, NEW), policy=Policy(trial_boots=3)).with_bundle(OLD)
    device.reach(Phase.TRIAL)
    for _ in range(2):
        device.start()
        assert device.runs == NEW_IMAGE
    device.start()
    assert device.agent.state.phase is Phase.REVERTING
    device.rest()
    assert device.runs == OLD_IMAGE


@pytest.mark.parametrize("agrees", [True, False])
def test_a_polite_update_waits(agrees: bool) -> None:
    """The running application's manifest says how long to wait; it may agree before, and is overruled after."""
    polite = bundle(1, options=ManifestOptions(maximum_politeness_time_sec=100))
    device = Device(server(polite, NEW)).with_bundle(polite)
    device.reach(Phase.STAGED)
    assert device.agent.step() == pytest.approx(100)
    device.clock.seconds += 99
    assert device.agent.step() == pytest.approx(1)
    assert device.runs == OLD_IMAGE
    if agrees:
        device.agent.application_ready()
    else:
        device.clock.seconds += 1
    device.agent.step()
    assert device.agent.state.phase is Phase.INSTALLING
    assert (Event.FORCED in device.events) == (not agrees)


def test_after_a_loss_of_power_nobody_is_waited_for() -> None:
    """An application that was stopped by a loss of power has nothing to finish."""
    polite = bundle(1, options=ManifestOptions(maximum_politeness_time_sec=100))
    device = Device(server(polite, NEW)).with_bundle(polite)
    device.reach(Phase.STAGED)
    device.start()
    device.agent.step()
    assert device.agent.state.phase is Phase.INSTALLING
    assert Event.FORCED not in device.events


@pytest.mark.parametrize(
    ("offer", "refusal"),
    [
        (bundle(2, signer=OTHER_KEY), "unknown-signer"),
        (bundle(2, options=ManifestOptions(minimum_kernel_version=2)), "kernel-too-old"),
        (bundle(2, options=ManifestOptions(rollback_counter=4)), "rollback"),
        (bundle(2, options=ManifestOptions(rollback_counter=1, may_replace_counter=4)), "rollback"),
    ],
)
def test_what_may_not_replace_it_is_refused(offer: bytes, refusal: str) -> None:
    """A stranger's bundle, one for a newer kernel, or below the counter is not even fetched; the reason is kept."""
    world = server(bundle(1, options=ManifestOptions(rollback_counter=5)), offer)
    device = Device(world).with_bundle(bundle(1, options=ManifestOptions(rollback_counter=5)))
    device.rest()
    assert device.runs == OLD_IMAGE
    assert world.sent == 0
    assert device.agent.state.reason.startswith(refusal)
    assert refusal in device.reports[-1].text


def test_an_override_replaces_what_it_names() -> None:
    """A permitted downgrade is taken, and does not lower the counter of the device."""
    newest = bundle(1, options=ManifestOptions(rollback_counter=5))
    older = bundle(2, options=ManifestOptions(rollback_counter=3, may_replace_counter=5))
    device = Device(server(newest, older)).with_bundle(newest)
    device.rest()
    assert device.runs == application(2).data
    assert device.agent.state.counter == 5


def test_the_counter_rises_with_confirmation_only() -> None:
    """Until the trial is passed the counter is the old one, so that the way back stays open."""
    newer = bundle(2, options=ManifestOptions(rollback_counter=9))
    device = Device(server(OLD, newer)).with_bundle(OLD)
    device.reach(Phase.TRIAL)
    assert device.agent.state.counter == 0
    device.rest()
    assert device.agent.state.counter == 9


@pytest.mark.parametrize("endorsed", [True, False])
def test_several_signers_can_be_asked_for(endorsed: bool) -> None:
    """With a threshold of two, a bundle counts when two of the trusted keys signed it."""
    keys = KeySet((KEY.public, OTHER_KEY.public, THIRD_KEY.public), threshold=2)
    old = endorse(OLD, THIRD_KEY)
    offer = endorse(NEW, OTHER_KEY) if endorsed else NEW
    device = Device(server(old, offer), keys).with_bundle(old)
    device.rest()
    assert device.runs == (NEW_IMAGE if endorsed else OLD_IMAGE)
    if not endorsed:
        assert device.agent.state.reason.startswith("too-few-signers")


def test_keys_are_added_and_revoked() -> None:
    """New keys are trusted and old ones no more, from the moment the signed message has come."""
    world = server(OLD)
    device = Device(world, KeySet((KEY.public, THIRD_KEY.public))).with_bundle(OLD)
    message = NewKeys(1, add=(OTHER_KEY.public,), delete=(THIRD_KEY.public.id,)).signed_by(THIRD_KEY)
    world.new_keys_messages = (message,)
    device.rest()
    assert device.agent.keys == KeySet((KEY.public, OTHER_KEY.public), sequence=1)
    device.server = server(OLD, bundle(2, signer=THIRD_KEY))
    device.start()
    device.rest()
    assert device.runs == OLD_IMAGE
    device.server = server(OLD, bundle(2, signer=OTHER_KEY))
    device.start()
    device.rest()
    assert device.runs == application(2).data


@pytest.mark.parametrize(
    ("message", "refusal"),
    [
        (NewKeys(2, add=(THIRD_KEY.public,)).signed_by(KEY), "wrong-sequence"),
        (NewKeys(1, add=(THIRD_KEY.public,)).signed_by(OTHER_KEY), "unknown-signer"),
        (NewKeys(1, delete=(KEY.public.id,)).signed_by(KEY), "malformed"),
        (NewKeys(1, add=(THIRD_KEY.public,), delete=(KEY.public.id,)).signed_by(KEY), "keys-in-use"),
        (NewKeys(1, threshold=2).signed_by(KEY), "malformed"),
    ],
)
def test_keys_that_would_do_harm_are_refused(message: bytes, refusal: str) -> None:
    """Out of order, by a stranger, leaving none, or disowning what is installed: the keys stay as they are."""
    world = server(OLD)
    world.new_keys_messages = (message,)
    device = Device(world).with_bundle(OLD)
    device.rest()
    assert device.agent.keys.sequence == 0
    assert device.agent.state.reason.startswith(refusal)


def test_layers_that_are_there_are_not_fetched() -> None:
    """The same application signed anew costs its manifest and nothing else."""
    again = bundle(1, options=ManifestOptions(rollback_counter=1))
    world = server(OLD, again)
    device = Device(world).with_bundle(OLD)
    device.rest()
    assert world.sent == 0
    assert device.agent.state.counter == 1


def test_damaged_internal_flash_is_restored() -> None:
    """An application that is not what was signed does not run; it is written anew from the slot."""
    device = Device(server(OLD)).with_bundle(OLD)
    device.internal.erase(8192)
    device.start()
    assert device.runs is None
    device.rest()
    assert device.runs == OLD_IMAGE
    assert Event.RESTORING in device.events


def test_bytes_behind_the_application_are_not_tolerated() -> None:
    """What lies in the application's flash and belongs to no layer was signed by nobody."""
    device = Device(server(OLD)).with_bundle(OLD)
    device.internal.program(0xF000, bytes(16))
    device.start()
    assert device.runs is None
    device.rest()
    assert device.runs == OLD_IMAGE
    assert device.internal.read(0xF000, 16) == b"\xff" * 16


def test_a_device_without_a_bundle_takes_the_first() -> None:
    """A new device runs nothing until a bundle has come, and if that fails nothing again."""
    device = Device(server(NEW))
    device.start()
    assert device.runs is None
    device.reach(Phase.TRIAL)
    assert device.runs == NEW_IMAGE
    device.agent.trial_failed("crashed")
    device.rest()
    assert device.runs is None


def test_a_server_that_changes_its_mind_is_followed() -> None:
    """A bundle that is no longer wanted after a restart is left, and the one wanted then is fetched."""
    world = server(OLD, NEW, bundle(3))
    world.offered = 1
    device = Device(world).with_bundle(OLD)
    device.reach(Phase.FETCHING)
    world.offered = 2
    device.start()
    device.rest()
    assert device.runs == application(3).data


@given(fail=st.sets(st.integers(0, 40), max_size=12))
def test_a_download_goes_on_where_it_ended(fail: set[int]) -> None:
    """Whichever answers are lost, every byte of the layer is sent once."""
    asked = 0

    class Flaky(BundleServer):
        def layer(self, name: str, start: int, length: int) -> Part:
            nonlocal asked
            asked += 1
            if asked in fail:
                raise UnreachableError("lost")
            return super().layer(name, start, length)

    world = Flaky(OLD, NEW)
    device = Device(world, policy=Policy(request_size=1000)).with_bundle(OLD)
    device.rest()
    assert device.runs == NEW_IMAGE
    assert world.sent == len(NEW_IMAGE)


def test_a_download_outlives_a_loss_of_power() -> None:
    """Of what is safe in flash nothing is fetched again."""
    world = server(OLD, NEW)
    device = Device(world, policy=Policy(request_size=4096)).with_bundle(OLD)
    device.run(lambda agent: agent.state.offset >= 3 * 4096)
    device.start()
    device.rest()
    assert device.runs == NEW_IMAGE
    assert world.sent <= len(NEW_IMAGE) + 4096


def test_a_busy_server_is_left_alone() -> None:
    """Retry-After is obeyed, up to a day; without it the delay doubles, and never more than the policy says."""
    delays: list[float | None] = [30.0, 1e9, float("nan"), -5.0, None, None]

    class Busy(BundleServer):
        def manifest(self, running: bytes) -> bytes | None:
            if delays:
                raise BusyError("429", delays.pop(0))
            return super().manifest(running)

    device = Device(Busy(OLD, NEW)).with_bundle(OLD)
    waits = []
    while delays:
        waits.append(device.agent.step())
        device.clock.seconds += waits[-1]
    assert waits == [30.0, 86400.0, 4.0, 8.0, 16.0, 32.0]
    device.rest()
    assert device.runs == NEW_IMAGE


def test_a_budget_is_kept() -> None:
    """No more bytes come in an hour than allowed, and the update still arrives."""
    world = server(OLD, NEW)
    device = Device(world, policy=Policy(bytes_per_hour=5000)).with_bundle(OLD)
    device.rest()
    assert device.runs == NEW_IMAGE
    assert device.clock.seconds >= 3600 * (len(NEW_IMAGE) // 5000)


def test_an_answer_may_take_its_time() -> None:
    """A server that has not answered yet is asked again, and nothing counts as a failure."""
    patience = 5

    class Slow(BundleServer):
        def layer(self, name: str, start: int, length: int) -> Part:
            nonlocal patience
            if patience:
                patience -= 1
                raise Pending
            return super().layer(name, start, length)

    device = Device(Slow(OLD, NEW)).with_bundle(OLD)
    device.rest()
    assert device.runs == NEW_IMAGE
    assert Event.SERVER_TROUBLE not in device.events
    assert device.clock.seconds < 1 + device.policy.check_every


def test_a_layer_that_stays_wrong_is_given_up_for_a_while() -> None:
    """Wrong bytes under the right name never get further than the slot; later the device tries again."""
    world = server(OLD, NEW)
    name = hashlib.sha256(NEW_IMAGE).hexdigest()
    world.layers[name] = bytes(len(NEW_IMAGE))
    device = Device(world).with_bundle(OLD)
    device.run(lambda agent: Event.ABANDONED in device.events)
    assert device.runs == OLD_IMAGE
    assert "went wrong 3 times" in device.agent.state.reason
    world.layers[name] = NEW_IMAGE
    device.rest()
    assert device.runs == NEW_IMAGE


def test_a_slot_that_is_too_small_is_said() -> None:
    """An external flash without room for two slots is refused when the device is made."""
    with pytest.raises(LayoutError, match="does not fit"):
        Device(server(OLD), external_size=0x20000)


def test_a_full_slot_is_said() -> None:
    """Layers that do not fit a slot are not fetched, and the reason is kept."""
    device = Device(server(OLD, NEW)).with_bundle(OLD)
    hardware = device.hardware
    layout = Layout(hardware.layout.page, hardware.layout.journal, hardware.layout.slots, 0x10000 + 0x6000)
    device.hardware = replace(hardware, layout=layout)
    device.start()
    device.rest()
    assert device.runs == OLD_IMAGE
    assert "a slot has 24576" in device.agent.state.reason


def test_the_factory_takes_what_a_device_would() -> None:
    """A bundle of a stranger cannot be provisioned."""
    device = Device(server(OLD))
    with pytest.raises(RefusedError):
        provision(device.hardware, bundle(1, signer=OTHER_KEY))
    assert BOARD.flash.size == device.internal.size
