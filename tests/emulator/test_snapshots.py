"""Laws of devices in files: whatever happens after a load is what would have happened without."""

from __future__ import annotations

import json
import tempfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvsdk.emulator import snapshots
from mvsdk.emulator.core import new_core
from mvsdk.emulator.device import Device, End
from mvsdk.emulator.errors import SnapshotError
from mvsdk.emulator.events import Event
from mvsdk.emulator.inputs import Uart
from tests.emulator.chip_guests import BOARD
from tests.emulator.examples import EXAMPLES, Example


def again(device: Device, example: Example, events: list[Event]) -> Device:
    """Send a device through a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "device.snapshot"
        snapshots.save(device, path)
        return snapshots.load(snapshots.read(path), BOARD, example.image, new_core(), observers=[events.append])


@pytest.mark.parametrize("name", EXAMPLES)
@settings(max_examples=12)
@given(data=st.data())
def test_a_device_goes_on_from_a_file_as_if_nothing_had_been(name: str, data: st.DataObject) -> None:
    """Save at any moment, between any inputs, and load: the events and the state at the end are the same ones."""
    example = EXAMPLES[name]
    moment = st.integers(1, example.length_us)
    given_inputs = data.draw(st.lists(st.tuples(moment, st.sampled_from(example.inputs)), max_size=5))
    cut = data.draw(moment)
    told: list[Event] = []
    device = example.device(told)
    for time_us, what in given_inputs:
        device.inputs.at(time_us, what)
    end = device.run(cut)
    before = len(told)
    told_after: list[Event] = []
    loaded = again(device, example, told_after)
    assert loaded.state_hash() == device.state_hash()
    if end is End.TIME:
        assert loaded.run(example.length_us) is device.run(example.length_us)
    assert told_after == told[before:]
    assert loaded.state_hash() == device.state_hash()
    assert again(loaded, example, []).state() == device.state()


def test_saving_changes_nothing() -> None:
    """A run in which the device is saved is the run in which it is not."""
    example = EXAMPLES["echo"]
    plain, saved = example.device([]), example.device([])
    for device in (plain, saved):
        device.inputs.at(1_000, Uart("USART2", b"text\n"))
    plain.run(5_000)
    for moment in range(500, 5_500, 500):
        saved.run(moment)
        snapshots.pack(saved)
    assert saved.state_hash() == plain.state_hash()


def test_a_hash_tells_states_apart() -> None:
    """Another moment, another input, another seed: another hash."""
    example = EXAMPLES["button"]
    device = example.device([])
    hashes = [device.state_hash()]
    device.run(500)
    hashes.append(device.state_hash())
    device.chip.drive_pin("GPIOF", 3, True)
    hashes.append(device.state_hash())
    hashes.append(Device(BOARD, example.image, new_core(), seed=4).state_hash())
    assert len(set(hashes)) == len(hashes)


@pytest.fixture(scope="module")
def packed() -> bytes:
    """A snapshot of a small device."""
    device = EXAMPLES["hello"].device([])
    device.run(300)
    return snapshots.pack(device)


def refused(data: bytes, folder: Path) -> SnapshotError:
    """Read and load what cannot be; return the error."""
    path = folder / "a.snapshot"
    path.write_bytes(data)
    with pytest.raises(SnapshotError) as caught:
        snapshots.load(snapshots.read(path), BOARD, EXAMPLES["hello"].image, new_core(), image_name="hello.zip")
    return caught.value


@settings(max_examples=60)
@given(data=st.data())
def test_a_damaged_file_is_refused(packed: bytes, data: st.DataObject) -> None:
    """A file with any byte changed, or cut anywhere, is refused or, where only a word of the label that means nothing
    to the state changed, loads."""
    with tempfile.TemporaryDirectory() as folder:
        if data.draw(st.booleans()):
            refused(packed[: data.draw(st.integers(0, len(packed) - 1))], Path(folder))
            return
        at = data.draw(st.integers(0, len(packed) - 1))
        damaged = bytearray(packed)
        damaged[at] ^= data.draw(st.integers(1, 255))
        label_end = packed.index(b"\n", len(snapshots.FIRST_LINE))
        if at < len(snapshots.FIRST_LINE) or at > label_end:
            refused(bytes(damaged), Path(folder))


def relabelled(packed: bytes, **changes: object) -> bytes:
    """Return a snapshot whose label says something else."""
    first, label, rest = packed.split(b"\n", 2)
    return b"\n".join([first, json.dumps({**json.loads(label), **changes}).encode(), rest])


@pytest.mark.parametrize(
    "changes",
    [
        {"options": {}},
        {"options": None},
        {"identity": {"device_id": "UV12", "unique_id": "00" * 12}},
        {"identity": {"device_id": "UV" + "0" * 32, "unique_id": "00"}},
        {"connections": [["a", "nosuch", "I2C1", 1]]},
        {"connections": [["a", "mcp9808", "I2C9", 1]]},
        {"connections": [["a", "mcp9808", "I2C1", 1]]},
        {"connections": [[1]]},
        {"inputs": [[1, {"kind": "pin", "pin": "PZ99", "level": True}]]},
        {"inputs": [[1, {"kind": "nosuch"}]]},
        {"inputs": [1]},
        {"lengths": [-1, 5]},
        {"lengths": []},
        {"cycle": "now"},
        {"sha256": "0"},
        {"mvsdk": None},
    ],
    ids=str,
)
def test_a_hostile_label_is_refused(packed: bytes, tmp_path: Path, changes: dict[str, object]) -> None:
    """A label that says what cannot be is refused."""
    refused(relabelled(packed, **changes), tmp_path)


def test_another_image_is_refused_with_both_names(packed: bytes, tmp_path: Path) -> None:
    """The error names the image the snapshot is of, and the one it was to be loaded with."""
    other = relabelled(packed, image={"name": "theirs.zip", "sha256": "ab" * 32})
    error = refused(other, tmp_path)
    assert "theirs.zip" in error.what
    assert "hello.zip" in error.what


def test_another_board_is_refused(packed: bytes, tmp_path: Path) -> None:
    """A snapshot of another board's device is refused, and both are named."""
    assert "stm32h5" in refused(relabelled(packed, board="stm32h5"), tmp_path).what


def test_another_version_of_the_format_is_named(packed: bytes, tmp_path: Path) -> None:
    """A later format is refused as that, not as rubbish."""
    assert "another version" in refused(packed.replace(b"snapshot 1\n", b"snapshot 2\n", 1), tmp_path).what


def test_what_unpacks_without_end_is_refused(packed: bytes, tmp_path: Path) -> None:
    """A part that unpacks to more than any device holds is refused before it fills memory."""
    import hashlib

    parts = [zlib.compress(bytes(snapshots.LARGEST_PART + 1), 9), zlib.compress(b"")]
    lengths, sha256 = [len(part) for part in parts], hashlib.sha256(b"".join(parts)).hexdigest()
    label = relabelled(packed, lengths=lengths, sha256=sha256).split(b"\n", 2)[:2]
    assert "too large" in refused(b"\n".join([*label, b"".join(parts)]), tmp_path).what


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """A path without a file is refused with the path."""
    with pytest.raises(SnapshotError, match="nowhere"):
        snapshots.read(tmp_path / "nowhere")
