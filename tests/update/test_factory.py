"""A device from the factory: the test code first, the final application only when that says that all is well."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mvsdk.bundle import ManifestOptions, create, endorse
from mvsdk.update import Event, FactoryError, Journal, KeySet, Phase, examine, prepare
from tests.update.devices import BOARD, KEY, OTHER_KEY, Device, application, bundle, server

FINAL, TEST = bundle(1), bundle(2, 26_000)
FINAL_IMAGE, TEST_IMAGE = application(1).data, application(2, 26_000).data
QUIET = server()


def new_device(final: bytes = FINAL, test: bytes | None = TEST, *offered: bytes) -> Device:
    """Return a device that the factory has given its external flash, before its first start."""
    device = Device(server(*offered))
    prepare(device.hardware, final, test)
    return device


def in_test(device: Device) -> bool:
    """Whether test code may run now."""
    running = device.agent.application
    return running is not None and running.testing


def running(device: Device) -> bytes | None:
    """Return the image that may be executed."""
    return device.runs


def start(device: Device) -> None:
    """Come up, and let what is to run be installed."""
    device.start()
    device.run(lambda agent: agent.application is not None)


def test_the_test_code_runs_first_and_the_final_application_after_it() -> None:
    """A passed test is followed by the final application on trial, which is confirmed and never tested again."""
    device = new_device()
    start(device)
    assert in_test(device)
    assert running(device) == TEST_IMAGE
    device.agent.testing_complete(0)
    assert device.runs is None
    device.reach(Phase.TRIAL)
    assert not in_test(device)
    assert running(device) == FINAL_IMAGE
    device.rest()
    wanted = [Event.TESTING, Event.TEST_PASSED, Event.INSTALLING, Event.TRIAL, Event.CONFIRMED]
    assert device.events == wanted
    start(device)
    assert not in_test(device)
    assert running(device) == FINAL_IMAGE


def test_without_test_code_the_final_application_is_installed_at_once() -> None:
    """It is tried and confirmed like any other, with its rollback counter."""
    device = new_device(bundle(1, options=ManifestOptions(rollback_counter=4)), None)
    start(device)
    assert (device.runs, device.agent.state.phase) == (FINAL_IMAGE, Phase.TRIAL)
    device.rest()
    assert device.agent.state.counter == 4


@pytest.mark.parametrize("status", [1, 0xFFFF_FFFF])
def test_after_a_failed_test_nothing_runs_until_the_power_comes_back(status: int) -> None:
    """Then it is the test code again, which may pass this time."""
    device = new_device(FINAL, TEST, FINAL)
    start(device)
    device.agent.testing_complete(status)
    assert device.agent.at_rest
    assert device.agent.step() == float("inf")
    device.agent.testing_complete(0)
    assert (device.runs, device.agent.state.phase) == (None, Phase.TESTING)
    start(device)
    assert in_test(device)
    assert device.events == [Event.TESTING, Event.TEST_FAILED]
    device.agent.testing_complete(0)
    device.rest()
    assert device.runs == FINAL_IMAGE


def test_a_device_that_is_switched_off_during_its_test_is_tested_again() -> None:
    """However often, without installing the test code anew."""
    device = new_device()
    for _ in range(20):
        start(device)
        assert in_test(device)
    assert device.events == [Event.TESTING]


def test_a_final_application_that_fails_its_trial_leaves_none_and_the_server_is_asked() -> None:
    """Test code is nothing to go back to; what the server offers next is taken."""
    better = bundle(3)
    device = new_device(FINAL, TEST, better)
    start(device)
    device.agent.testing_complete(0)
    device.reach(Phase.TRIAL)
    device.agent.trial_failed("it crashed")
    assert device.runs is None
    device.start()
    assert device.runs is None
    device.rest()
    assert device.runs == application(3).data
    assert not in_test(device)


def test_a_passed_test_with_nothing_behind_it_leaves_the_device_to_its_server() -> None:
    """Where the final application is not there, nothing runs, and the test is not had again."""
    device = new_device(FINAL, TEST, FINAL)
    start(device)
    state = device.agent.state
    journal = Journal(device.external, device.hardware.layout.journal)
    journal.mount()
    journal.write(replace(state, slots=(None, state.slots[1])))
    start(device)
    assert in_test(device)
    device.agent.testing_complete(0)
    assert device.runs is None
    device.start()
    assert device.runs is None
    device.rest()
    assert device.runs == FINAL_IMAGE


def test_the_end_of_a_test_means_nothing_where_no_test_code_runs() -> None:
    """Neither on a device that is long done with it, nor before it is installed."""
    device = new_device()
    device.start()
    device.agent.testing_complete(0)
    assert device.agent.state.phase is Phase.TESTING
    old = Device(QUIET).with_bundle(FINAL)
    old.agent.testing_complete(0)
    assert old.runs == FINAL_IMAGE


def test_damaged_test_code_is_no_reason_to_do_without_the_test() -> None:
    """Nothing runs, the reason is told, and the server is not asked."""
    device = new_device(FINAL, TEST, FINAL)
    address = device.hardware.layout.layers(1)
    device.external.program(address, bytes(256))
    device.start()
    device.run(lambda agent: bool(agent.status.reason))
    assert device.agent.step() == float("inf")
    assert device.runs is None
    assert "layer" in device.agent.status.reason
    assert device.events == [Event.NO_APPLICATION]


def test_a_damaged_final_application_is_fetched_from_the_server() -> None:
    """What does not verify is not installed; the device is not lost."""
    device = new_device(FINAL, TEST, FINAL)
    device.external.program(device.hardware.layout.layers(0), bytes(256))
    start(device)
    device.agent.testing_complete(0)
    device.rest()
    assert device.runs == FINAL_IMAGE


def test_internal_flash_that_was_spoilt_is_written_anew() -> None:
    """The test code comes from its slot again."""
    device = new_device()
    start(device)
    device.internal.erase(0)
    start(device)
    assert device.runs == TEST_IMAGE
    assert device.events == [Event.TESTING, Event.TESTING]


NARROW = replace(BOARD, flash=replace(BOARD.flash, size=0x8000))


@pytest.mark.parametrize(
    ("final", "test", "words"),
    [
        (create(application(1), ManifestOptions(), None, region=BOARD.flash.size), None, "final bundle.*not signed"),
        (FINAL, create(application(2), ManifestOptions(), None, region=BOARD.flash.size), "test bundle.*not signed"),
        (bundle(1, signer=OTHER_KEY), None, "final bundle.*does not trust"),
        (FINAL, bundle(2, signer=OTHER_KEY), "test bundle.*does not trust"),
        (FINAL, FINAL, "the same application"),
        (FINAL, endorse(FINAL, OTHER_KEY), "the same application"),
        (FINAL, bundle(1, options=ManifestOptions(maximum_politeness_time_sec=9)), "the same application"),
        (b"no bundle", None, "final bundle"),
        (FINAL, FINAL[:5000], "test bundle"),
        (bundle(1, options=ManifestOptions(minimum_kernel_version=9)), None, "kernel of version 9"),
        (create(application(1), ManifestOptions(), KEY, region=2 * BOARD.flash.size), None, "final bundle"),
    ],
)
def test_bundles_that_make_no_device_are_refused(final: bytes, test: bytes | None, words: str) -> None:
    """The error says which of the two it is, and what is wrong with it."""
    with pytest.raises(FactoryError, match=words):
        new_device(final, test)


def test_a_bundle_for_which_a_slot_is_too_small_is_refused() -> None:
    """Before anything is written where it does not belong."""
    device = Device(QUIET)
    small = replace(device.hardware.layout, slot_size=0x10000 + 0x4000)
    with pytest.raises(FactoryError, match="a slot has 16384"):
        prepare(replace(device.hardware, layout=small), FINAL)


def test_what_was_prepared_is_recognised() -> None:
    """And nothing else: neither empty flash, nor that of a device which was started, nor what is damaged."""
    device = new_device()
    final, test = examine(device.hardware)
    assert test is not None
    assert final.manifest.raw != test.manifest.raw
    alone = new_device(FINAL, None)
    assert examine(alone.hardware)[1] is None
    with pytest.raises(FactoryError, match="no application"):
        examine(Device(QUIET).hardware)
    with pytest.raises(FactoryError, match="no application"):
        examine(Device(QUIET).with_bundle(FINAL).hardware)
    strangers = replace(device.hardware, factory_keys=KeySet((OTHER_KEY.public,)))
    with pytest.raises(FactoryError, match=r"final bundle.*does not trust"):
        examine(strangers)
    device.external.program(device.hardware.layout.layers(1) + 1024, bytes(256))
    with pytest.raises(FactoryError, match="test bundle in it"):
        examine(device.hardware)
