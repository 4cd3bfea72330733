"""Laws of recordings: what was recorded comes out again, to the last bit, however either run was cut."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvsdk.emulator import recording
from mvsdk.emulator.core import new_core
from mvsdk.emulator.device import Device, End
from mvsdk.emulator.errors import InputError, RecordingError
from mvsdk.emulator.events import Event, LedChanged
from mvsdk.emulator.inputs import Button, Input, Inputs, Pin, Uart, as_dict, from_dict
from tests.emulator.chip_guests import BOARD
from tests.emulator.examples import EXAMPLES, Example


def run_in_pieces(device: Device, until_us: int, pieces: list[int]) -> End:
    """Run to a moment, stopping wherever `pieces` says."""
    for moment in sorted(pieces):
        if moment > device.time_us:
            end = device.run(min(moment, until_us))
            if end is not End.TIME:
                return end
    return device.run(until_us)


def live(example: Example, path: Path, plan: list[tuple[int, Input]], events: list[Event]) -> tuple[Device, End]:
    """Run a device whose inputs are given by hand, between runs, and record it."""
    device = example.device(events)
    with recording.Recorder(path, device) as recorder:
        end = End.TIME
        for moment, what in sorted(plan, key=lambda entry: entry[0]):
            if end is End.TIME:
                end = device.run(moment)
                device.inputs.now(what)
        if end is End.TIME:
            end = device.run(example.length_us)
        recorder.ended(end)
    return device, end


@pytest.mark.parametrize("name", EXAMPLES)
@settings(max_examples=8)
@given(data=st.data())
def test_a_replay_gives_the_same_events_and_the_same_hash(name: str, data: st.DataObject) -> None:
    """Random inputs at random moments, given live: the replay, cut anywhere, tells the same and ends the same."""
    example = EXAMPLES[name]
    moments = st.integers(1, example.length_us)
    plan = data.draw(st.lists(st.tuples(moments, st.sampled_from(example.inputs)), max_size=5))
    pieces = data.draw(st.lists(moments, max_size=4))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recording"
        told: list[Event] = []
        device, end = live(example, path, plan, told)
        told_again: list[Event] = []
        replayed = example.device(told_again)
        again = recording.read(path)
        recording.prepare(replayed, again)
        assert again.end is not None
        if end is End.TIME:
            run_in_pieces(replayed, example.length_us - 1, pieces)
        assert recording.play(replayed, again) is end
    assert replayed.state_hash() == device.state_hash()
    assert told_again == told


def test_what_an_observer_does_is_recorded_too(tmp_path: Path) -> None:
    """An input given from inside a run, by whoever watches, happens at its cycle and again at the same one."""
    devices: list[Device] = []

    def react(event: Event) -> None:
        if isinstance(event, LedChanged) and event.on:
            devices[0].inputs.now(Pin("PA0", True))
            devices[0].inputs.now(Uart("USART2", b"on"))

    devices.append(Device(BOARD, EXAMPLES["tick"].image, new_core(), seed=3, observers=[react]))
    with recording.Recorder(tmp_path / "r", devices[0]) as recorder:
        recorder.ended(devices[0].run(50_000))
    replayed = EXAMPLES["tick"].device([])
    again = recording.read(tmp_path / "r")
    assert len(again.inputs) >= 2
    recording.prepare(replayed, again)
    recording.play(replayed, again)
    assert replayed.state_hash() == devices[0].state_hash()


@pytest.mark.parametrize("name", ["hello", "tick", "temperature"])
def test_an_observer_that_stops_the_run_can_be_replayed(tmp_path: Path, name: str) -> None:
    """A run that somebody stopped at whatever event ends, replayed, in the same state at the same cycle."""
    example = EXAMPLES[name]
    events: list[Event] = []
    whole: list[Event] = []
    example.device(whole).run(example.length_us)
    for number in range(1, len(whole)):
        events.clear()
        stopping: list[Device] = []

        def stop(_: Event, stopping: list[Device] = stopping) -> None:
            for device in stopping:
                device.stop()

        stopper = example.device(events, stop)
        stopping.append(stopper)
        with recording.Recorder(tmp_path / "r", stopper) as recorder:
            for _ in range(number):
                assert stopper.run(example.length_us) is End.STOPPED
            recorder.ended(End.STOPPED)
        replayed = example.device([])
        again = recording.read(tmp_path / "r")
        recording.prepare(replayed, again)
        assert recording.play(replayed, again) is End.STOPPED
        assert replayed.core.cycle == stopper.core.cycle


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """A recording with one input."""
    path = tmp_path / "a.recording"
    live(EXAMPLES["button"], path, [(500, EXAMPLES["button"].inputs[0])], [])
    return path


def rewritten(path: Path, line: int, **changes: object) -> Path:
    """Change a line of a recording."""
    lines = path.read_text().splitlines()
    lines[line] = json.dumps({**json.loads(lines[line]), **changes})
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize(
    ("line", "changes"),
    [
        (0, {"recording": 1}),
        (0, {"recording": None}),
        (0, {"options": {}}),
        (0, {"identity": None}),
        (0, {"connections": [1]}),
        (1, {"cycle": -1}),
        (1, {"cycle": "soon"}),
        (1, {"more": 1}),
        (1, {"input": {"kind": "nosuch"}}),
        (1, {"input": {"kind": "button"}}),
        (1, {"input": {"kind": "button", "button": "user", "pressed": 1}}),
        (2, {"end": "nosuch"}),
        (2, {"more": 1}),
    ],
)
def test_a_damaged_recording_is_refused_with_its_line(recorded: Path, line: int, changes: dict[str, Any]) -> None:
    """What is wrong is named by file and line."""
    with pytest.raises(RecordingError, match=f":{line + 1} "):
        recording.read(rewritten(recorded, line, **changes))


@pytest.mark.parametrize("text", ["", "[", "5", "{}", "é", "[" * 100_000])
def test_what_is_no_recording_is_refused(tmp_path: Path, text: str) -> None:
    """Other files are errors too."""
    (tmp_path / "x").write_text(text, encoding="utf-8")
    with pytest.raises(RecordingError):
        recording.read(tmp_path / "x")


def test_lines_behind_the_end_are_refused(recorded: Path) -> None:
    """Nothing follows the end."""
    recorded.write_text(recorded.read_text() * 2)
    with pytest.raises(RecordingError):
        recording.read(recorded)


def test_a_recording_without_an_end_can_be_played(recorded: Path) -> None:
    """One that was cut off is played as long as asked for."""
    recorded.write_text("\n".join(recorded.read_text().splitlines()[:2]) + "\n")
    device = EXAMPLES["button"].device([])
    again = recording.read(recorded)
    assert again.end is None
    recording.prepare(device, again)
    assert recording.play(device, again, 2_000) is End.TIME


def test_a_device_in_another_state_is_refused(recorded: Path) -> None:
    """A recording is only played from the state it begins in."""
    device = EXAMPLES["button"].device([])
    device.run(5)
    with pytest.raises(RecordingError, match="another state"):
        recording.prepare(device, recording.read(recorded))


def test_another_outcome_is_an_error(recorded: Path) -> None:
    """A replay that ends otherwise than the recording did says so."""
    device = EXAMPLES["button"].device([])
    again = recording.read(rewritten(recorded, 2, state="0" * 64))
    recording.prepare(device, again)
    with pytest.raises(RecordingError, match="ended in another state"):
        recording.play(device, again)


@pytest.mark.parametrize("what", [what for example in EXAMPLES.values() for what in example.inputs], ids=str)
def test_inputs_are_plain_data(what: Input) -> None:
    """Every input comes back from JSON as it was."""
    assert from_dict(json.loads(json.dumps(as_dict(what)))) == what


@pytest.mark.parametrize(
    "what",
    [
        Pin("PZ3", True),
        Pin("PA16", True),
        Pin("A3", True),
        Button("nosuch", True),
        Uart("USART9", b""),
        from_dict({"kind": "bus-device", "device": "nosuch", "property": "celsius", "value": 1}),
        from_dict({"kind": "bus-device", "device": "thermometer", "property": "kelvin", "value": 1}),
        from_dict({"kind": "bus-device", "device": "thermometer", "property": "celsius", "value": "warm"}),
        from_dict({"kind": "bus-device", "device": "thermometer", "property": "celsius", "value": 400.0}),
        from_dict({"kind": "wake", "source": "NOISE"}),
        from_dict({"kind": "system-event", "source": "NOISE"}),
        from_dict({"kind": "circumstance", "name": "__class__", "value": True}),
        from_dict({"kind": "voltage", "pin": "PA0", "volts": 400}),
    ],
    ids=str,
)
def test_what_cannot_happen_is_refused_at_once(what: Input) -> None:
    """An input that the device cannot take is refused when it is given, not when it is due, and changes nothing."""
    device = EXAMPLES["temperature"].device([])
    before = device.state_hash()
    with pytest.raises(InputError):
        device.inputs.now(what)
    assert device.state_hash() == before
    assert isinstance(device.inputs, Inputs)
