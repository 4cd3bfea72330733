"""From the factory, by the real commands: as docs/factory.md shows it, in touch with a cloud, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.conftest import Shell
from tests.e2e.transcripts import check, examples

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "factory.md"


@pytest.fixture(scope="module")
def factory(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A shell with the bundles final.zip and check.zip, and factory.bin made of them."""
    base = tmp_path_factory.mktemp("factory")
    shell = Shell(base, base / "home")
    for name, template in (("final", "minimal"), ("check", "factory-test")):
        shell.succeed("mvsdk", "new", name, "--template", template)
        shell.inside(base / name).succeed("mvsdk", "build")
        shell.inside(base / name).succeed("mvsdk", "bundle", "--output", f"../{name}.zip")
    shell.succeed("mvsdk", "factory", "image", "final.zip", "--test", "check.zip", "--output", "factory.bin")
    return shell


def refused(shell: Shell, *command: str | Path) -> str:
    """Run a command that must fail with two lines, and return them."""
    done = shell("mvsdk", *command)
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stderr.startswith("error: ")
    assert "  fix: " in done.stderr
    return done.stderr


def events(shell: Shell, *options: str | Path) -> list[dict[str, object]]:
    """Run a device, and return what it told."""
    done = shell("mvsdk", "emulate", "--json", *options)
    return [json.loads(line) for line in done.stdout.splitlines()]


def logged(told: list[dict[str, object]]) -> list[object]:
    """Return what reached the factory's console and the cloud's log."""
    return [event["text"] for event in told if event["event"] in {"factory-log", "log"}]


def test_every_command_of_the_page_does_what_it_shows(tmp_path: Path) -> None:
    """In an empty directory, with no keys and no network."""
    shown = list(examples(DOCUMENT))
    assert len(shown) >= 8
    check(shown, tmp_path, tmp_path / "home")


def test_the_final_application_comes_after_a_passed_test_alone(factory: Shell) -> None:
    """A failed test leaves it uninstalled, the next start tests again, and what passes is followed by it for good."""
    stuck = ("--inputs", "check/stuck.toml", "--for", "5s")
    first = events(factory, "--device", "unit", "--factory-image", "factory.bin", *stuck)
    again = events(factory, "--device", "unit", *stuck)
    for told in (first, again):
        assert logged(told) == ["check: testing this board", "identity: ok", "button: FAILED"]
        assert (told[-1]["reason"], told[-1]["exit_status"]) == ("tested", 5)
    free = events(factory, "--device", "unit", "--for", "5s")
    assert logged(free) == ["check: testing this board", "identity: ok", "button: ok", "final: hello, world"]
    assert logged(events(factory, "--device", "unit", "--for", "5s")) == ["final: hello, world"]


def test_without_test_code_the_final_application_is_all_there_is(factory: Shell) -> None:
    """It is installed at the first start, and confirmed without a cloud."""
    told = json.loads(factory.succeed("mvsdk", "factory", "image", "final.zip", "--json"))
    assert told["test"] is None
    assert (factory.directory / told["image"]).stat().st_size == told["size"]
    run = events(factory, "--device", "plain", "--factory-image", told["image"], "--for", "2m")
    assert logged(run) == ["final: hello, world"]
    assert "confirmed" in [event.get("what") for event in run]


def test_a_device_of_the_cloud_goes_from_its_test_to_its_session(factory: Shell, tmp_path: Path) -> None:
    """It is in touch with its cloud from the start, and what the final application logs arrives there."""
    places = {"MVSDK_CLOUD_DATA": str(tmp_path / "cloud"), "MVSDK_DEVICES": str(tmp_path / "devices")}
    shell = Shell(factory.directory, factory.home, factory.bin, places)
    shell.succeed("mvsdk", "cloud", "start", "--detach", "--port", "0")
    try:
        shell.succeed("mvsdk", "device", "create", "kitchen")
        shell.succeed("mvsdk", "device", "update", "kitchen", "--logging")
        run = events(shell, "--device", "kitchen", "--factory-image", "factory.bin", "--cloud", "--for", "5s")
        assert logged(run)[-1] == "final: hello, world"
        assert "final: hello, world" in shell.succeed("mvsdk", "logs", "kitchen")
    finally:
        shell.succeed("mvsdk", "cloud", "stop")


def test_a_recorded_first_day_is_had_again(factory: Shell) -> None:
    """The recording holds the final application too; it is played with the test code, which it begins with."""
    device = ("--device", "recorded", "--factory-image", "factory.bin", "--record", "day.jsonl", "--for", "3s")
    first = events(factory, *device)
    again = events(factory, "check.zip", "--replay", "day.jsonl")
    assert logged(again) == logged(first)
    assert again[-1]["state_hash"] == first[-1]["state_hash"]


def test_a_final_application_that_crashes_is_not_run_again(factory: Shell) -> None:
    """Its crash ends the run and its trial; then the device holds nothing that it may run, and says why."""
    shell = factory.inside(factory.directory / "final")
    source = shell.directory / "src" / "main.c"
    whole = source.read_text()
    source.write_text(whole.replace('__asm volatile("wfi")', "*(volatile uint32_t *)0x60000000u = 1"))
    try:
        shell.succeed("mvsdk", "build")
        shell.succeed("mvsdk", "bundle", "--output", "../crashes.zip")
    finally:
        source.write_text(whole)
    factory.succeed("mvsdk", "factory", "image", "crashes.zip", "--test", "check.zip")
    run = events(factory, "--device", "crashing", "--factory-image", "crashes.factory.bin", "--for", "5s")
    assert run[-1]["exit_status"] == 4
    assert "it crashed" in refused(factory, "emulate", "--device", "crashing", "--for", "5s")


def test_bundles_that_make_no_image_are_refused(factory: Shell, tmp_path: Path) -> None:
    """Each with which of the two it is; nothing is written."""
    shell = factory.inside(factory.directory / "final")
    shell.succeed("mvsdk", "bundle", "--unsigned", "--output", "../unsigned.zip")
    stranger = Shell(factory.directory, tmp_path / "home", factory.bin)
    (factory.directory / "short.zip").write_bytes((factory.directory / "check.zip").read_bytes()[:900])
    output = ("--output", "none.bin")
    for final, test, words in (
        ("unsigned.zip", "check.zip", "the final bundle cannot be used: it is not signed"),
        ("final.zip", "unsigned.zip", "the test bundle cannot be used: it is not signed"),
        ("final.zip", "final.zip", "the same application"),
        ("final.zip", "short.zip", "the test bundle cannot be used"),
        ("final.zip", "nowhere.zip", "nowhere.zip"),
    ):
        assert words in refused(factory, "factory", "image", final, "--test", test, *output)
    stranger.succeed("mvsdk", "keys", "new", "another")
    assert "does not trust" in refused(stranger, "factory", "image", "final.zip", *output)
    assert "does not trust" in refused(stranger, "emulate", "--device", "theirs", "--factory-image", "factory.bin")
    assert not (factory.directory / "none.bin").exists()


def test_images_that_are_none_are_refused(factory: Shell) -> None:
    """And leave the device as it was."""
    image = (factory.directory / "factory.bin").read_bytes()
    damaged = bytearray(image)
    damaged[image.index(b"check: testing this board")] ^= 1
    for name, data, words in (
        ("short.bin", image[:-1], "it has 2367487 bytes, not 2367488"),
        ("long.bin", image + b"\xff", "it has more than 2367488 bytes"),
        ("empty.bin", b"\xff" * len(image), "it holds no application for a new device"),
        ("damaged.bin", bytes(damaged), "the test bundle in it cannot be used"),
    ):
        (factory.directory / name).write_bytes(data)
        assert words in refused(factory, "emulate", "--device", "empty", "--factory-image", name)
    assert not (factory.directory / "empty" / "kernel-flash.bin").exists()
    assert "no-such.bin" in refused(factory, "emulate", "--device", "empty", "--factory-image", "no-such.bin")
    assert "holds no application" in refused(factory, "emulate", "--device", "empty")


def test_a_device_that_holds_something_is_not_given_an_image_by_mistake(factory: Shell) -> None:
    """Only --reflash makes it new."""
    device = ("--device", "kept", "--factory-image", "factory.bin", "--for", "3s")
    assert logged(events(factory, *device))[-1] == "final: hello, world"
    assert "--reflash" in refused(factory, "emulate", *device)
    assert logged(events(factory, "--device", "kept", "--for", "3s")) == ["final: hello, world"]
    assert logged(events(factory, *device, "--reflash"))[0] == "check: testing this board"


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ((), "--device"),
        (("--device", "d", "final.zip"), "TARGET"),
        (("--device", "d", "--testing"), "--testing"),
        (("--device", "d", "--replay", "x"), "--replay"),
    ],
)
def test_options_that_contradict_an_image_are_wrong_usage(factory: Shell, options: tuple[str, ...], named: str) -> None:
    """Before anything runs."""
    done = factory("mvsdk", "emulate", "--factory-image", "factory.bin", *options)
    assert done.returncode == 2
    assert named in done.stderr
    assert not (factory.directory / "d").exists()
