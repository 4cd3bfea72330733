"""Laws of devices from the factory: the test code runs as such, and what follows it as an ordinary application."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path

import pytest

from mvsdk.bundle import Image, ManifestOptions, create
from mvsdk.emulator import recording, snapshots
from mvsdk.emulator.core import new_core
from mvsdk.emulator.device import End
from mvsdk.emulator.events import Event, FactoryLogLine, FactoryTestEnded, LogLine, Started
from mvsdk.emulator.inputs import ApplicationInstalled, as_dict, from_dict
from mvsdk.emulator.personality.microvisor.network import STAY_ONLINE
from mvsdk.emulator.updating import Memories, NoServer, factory_image
from mvsdk.emulator.updating.memories import holds_applications, kernel_flash_size
from mvsdk.flash_memory import ERASED
from mvsdk.link import UpdatePolicy
from mvsdk.update import FactoryError, Journal, KeySet, Phase
from tests.emulator.chip_guests import BOARD, guest
from tests.emulator.updating.managed import KEY, KEYS, Managed, bundle, offering
from tests.keys.samples import key_of

TEST_CODE = """
static uint8_t buffer[512] __attribute__((aligned(512)));
static const uint8_t text[] = "testing";
int main(void)
{
    log_start();
    if (mvTestLoggingInit(buffer, sizeof buffer) == MV_STATUS_OKAY) {
        (void)mvTestLog(text, sizeof text - 1);
    }
    if (mvTestingComplete(VERDICT) == MV_STATUS_UNAVAILABLE) {
        log_text("no test");
    }
    for (;;) { __asm volatile("wfi"); }
}
"""
TRIAL_OF_FIVE_SECONDS = UpdatePolicy(trial_seconds=5, trial_needs_session=False)


@functools.cache
def checker(status: int = 0) -> Image:
    """Return test code that ends with a status."""
    return guest(TEST_CODE.replace("VERDICT", str(status)))


def signed(image: Image) -> bytes:
    """Return the signed bundle of an image."""
    return create(image, ManifestOptions(), KEY, region=BOARD.flash.size)


def fresh(final: bytes, test: bytes | None) -> Memories:
    """Return the memories of a device that has its factory image."""
    return Memories(BOARD, kernel=bytearray(factory_image.make(BOARD, KEYS, final, test)))


def told(events: list[Event]) -> list[str]:
    """Return what was logged to the factory and to the cloud."""
    return [event.text for event in events if isinstance(event, FactoryLogLine | LogLine) and event.text != "alive"]


def test_the_final_application_follows_a_passed_test_in_the_same_run() -> None:
    """The test code logs to the factory, then the final one is installed, and the device stays up to date."""
    managed = Managed(offering(bundle(2)), memories=fresh(bundle(1), signed(checker())))
    managed.run(4)
    assert told(managed.events) == ["testing", "v1 reason 9"]
    assert [event.status for event in managed.events if isinstance(event, FactoryTestEnded)] == [0]
    assert managed.device.test_status is None
    assert not managed.device.options.testing
    managed.run(14)
    assert told(managed.events)[-1] == "v2 reason 9"
    assert [state for state in managed.states if state != "staged"] == [
        "installing",
        "trial",
        "confirmed",
        "downloading",
        "installing",
        "trial",
        "confirmed",
    ]


def test_after_a_failed_test_the_run_ends_and_the_next_start_tests_again() -> None:
    """Nothing is installed, however often."""
    memories = fresh(bundle(1), signed(checker(3)))
    for _ in range(3):
        managed = Managed(NoServer(), memories=memories)
        assert managed.device.run(1_000_000) is End.TESTED
        assert managed.device.test_status == 3
        assert told(managed.events) == ["testing"]
        assert managed.updater.agent.state.phase is Phase.TESTING


def test_a_passed_test_with_nothing_behind_it_ends_the_run_for_good() -> None:
    """As without an agent; and the device knows that it is tested."""
    memories = fresh(bundle(1), signed(checker()))
    hardware = memories.hardware(KEYS)
    journal = Journal(hardware.external, hardware.layout.journal)
    journal.mount()
    journal.write(replace(journal.state, slots=(None, journal.state.slots[1])))
    managed = Managed(NoServer(), memories=memories)
    assert managed.device.run(1_000_000) is End.TESTED
    assert managed.device.test_status == 0
    assert managed.updater.agent.state.phase is Phase.IDLE


def test_only_test_code_may_test() -> None:
    """The same program without test code before it is told UNAVAILABLE."""
    managed = Managed(NoServer(), memories=fresh(signed(checker()), None))
    managed.run(1)
    assert told(managed.events) == ["no test"]


def test_a_final_application_that_crashes_on_trial_is_not_kept() -> None:
    """There is nothing to go back to: nothing runs, and the server's next one is taken."""
    managed = Managed(offering(bundle(2)), memories=fresh(bundle(3, "crashes"), signed(checker())))
    managed.run(60)
    assert told(managed.events) == ["testing", "v3 reason 9", "v2 reason 9"]
    assert managed.updater.agent.state.phase is Phase.IDLE


@pytest.mark.parametrize("seconds", [0.01, 0.03, 0.06, 0.08, 2.0])
def test_a_device_that_loses_power_between_test_and_trial_ends_with_the_final_application(seconds: float) -> None:
    """Whenever it is switched off, and without a server."""
    memories = fresh(bundle(1), signed(checker()))
    Managed(NoServer(), memories=memories).run(seconds)
    again = Managed(NoServer(), memories=memories, policy=TRIAL_OF_FIVE_SECONDS)
    again.run(12)
    assert again.logged[-1][:2] == "v1"
    assert again.updater.agent.state.phase is Phase.IDLE


def test_a_recorded_test_replays_without_an_agent_to_the_same_state(tmp_path: Path) -> None:
    """That an application waits behind the test code, and that it comes, is in the recording."""
    file = tmp_path / "run.jsonl"
    memories = fresh(bundle(1), signed(checker()))
    Managed(NoServer(), memories=memories)  # so that the test code is there when the recording begins
    managed = Managed(NoServer(), memories=memories, recording=file)
    managed.run(3)
    read = recording.read(file)
    events: list[Event] = []
    device = recording.make_device(read, BOARD, checker(), new_core(BOARD.interrupt_lines), observers=[events.append])
    recording.prepare(device, read)
    recording.play(device, read)
    assert told(events) == ["testing", "v1 reason 9"]
    assert device.state_hash() == managed.device.state_hash()


def test_a_snapshot_knows_whether_it_is_of_test_code(tmp_path: Path) -> None:
    """A device goes on alike from before the end of its test."""
    memories = fresh(bundle(1), signed(checker()))
    managed = Managed(NoServer(), memories=memories)
    managed.device.run(1)
    assert managed.device.options.testing
    snapshots.save(managed.device, tmp_path / "device")
    core = new_core(BOARD.interrupt_lines)
    loaded = snapshots.load(snapshots.read(tmp_path / "device"), BOARD, checker(), core)
    for device in (loaded, managed.device):
        device.run(1_000_000)
    assert loaded.state_hash() == managed.device.state_hash()
    assert loaded.kernel.circumstances.final_staged


def test_an_installation_says_whether_it_is_of_test_code() -> None:
    """As plain data too; recordings from before it could be said are of ordinary applications."""
    managed = Managed(NoServer(), bundle(1))
    wanted = ApplicationInstalled.of(checker(), "COLDBOOT", None, STAY_ONLINE, testing=True)
    assert from_dict(as_dict(wanted)) == wanted
    older = as_dict(wanted)
    del older["testing"]
    managed.device.inputs.now(from_dict(older))
    managed.device.run(1_000_000)
    assert told(managed.events)[-1] == "no test"
    managed.device.inputs.now(wanted)
    assert managed.device.run(2_000_000) is End.TESTED
    assert [event.wake_reason for event in managed.events if isinstance(event, Started)][-1] == "COLDBOOT"


def test_an_image_is_made_of_its_bundles_alone(tmp_path: Path) -> None:
    """The same bundles give the same image, which is read and recognised; a device holds something then."""
    one, two = (factory_image.make(BOARD, KEYS, bundle(1), signed(checker())) for _ in range(2))
    assert one == two
    (tmp_path / "image").write_bytes(one)
    assert factory_image.read(tmp_path / "image", BOARD) == one
    final, test = factory_image.check(one, BOARD, KEYS)
    assert test is not None
    assert not holds_applications(bytearray(ERASED * kernel_flash_size(BOARD)))
    assert holds_applications(bytearray(one))
    assert final.manifest.hash != test.manifest.hash


@pytest.mark.parametrize("size", [0, 1000, kernel_flash_size(BOARD) + 1])
def test_a_file_of_another_size_is_no_image_for_the_board(tmp_path: Path, size: int) -> None:
    """It says what it should have."""
    (tmp_path / "image").write_bytes(bytes(size))
    with pytest.raises(FactoryError, match=f"not {kernel_flash_size(BOARD)}"):
        factory_image.read(tmp_path / "image", BOARD)
    with pytest.raises(FactoryError, match="cannot read"):
        factory_image.read(tmp_path / "nothing", BOARD)


def test_a_damaged_or_strangers_image_is_refused() -> None:
    """Whatever byte of journal, manifest or layer was changed, and whoever signed."""
    image = factory_image.make(BOARD, KEYS, bundle(1), signed(checker()))
    layout = Memories(BOARD).hardware(KEYS).layout
    for where in (layout.manifest(0) + 8, layout.layers(0), layout.manifest(1) + 8, layout.layers(1) + 100):
        damaged = bytearray(image)
        damaged[where] ^= 1
        with pytest.raises(FactoryError, match="in it cannot be used"):
            factory_image.check(bytes(damaged), BOARD, KEYS)
    no_journal = ERASED * layout.slots[0] + image[layout.slots[0] :]
    for wrong, keys, words in (
        (no_journal, KEYS, "no application"),
        (ERASED * len(image), KEYS, "no application"),
        (image, KeySet((key_of(9).public,)), "does not trust"),
    ):
        with pytest.raises(FactoryError, match=words):
            factory_image.check(wrong, BOARD, keys)
