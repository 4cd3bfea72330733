"""Runs that can be had again: a file with everything that reached a device from outside.

A recording is lines of JSON. The first says what ran and how: board, image, options, identity, what was connected, and
the hash of the state it began in, with the state itself as a snapshot where that is not a device's beginning. Then
comes a line for every input with the cycle it happened at, and last a line that says where and why the run ended, and
the hash of the state then. A recording without its last line was cut off, and can be played for as long as one likes.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from mvsdk import __version__
from mvsdk.boards import Board
from mvsdk.bundle import Image
from mvsdk.emulator import inputs as device_inputs
from mvsdk.emulator import snapshots
from mvsdk.emulator.core import Core
from mvsdk.emulator.device import Device, End
from mvsdk.emulator.errors import InputError, RecordingError
from mvsdk.emulator.events import Observer
from mvsdk.emulator.options import Connection, DeviceOptions, Identity
from mvsdk.files import OutputError

FORMAT = 2
_REMEDY = "give a file that `mvsdk emulate --record` has written"
ENDS_BY_ITSELF = frozenset({End.FAULT, End.ASLEEP, End.TESTED})
"""Ends that the run itself comes to; at others it was stopped at a cycle."""


@dataclass(frozen=True, slots=True)
class RunEnd:
    """Where a recorded run ended, why, and the hash of the state then."""

    end: End
    cycle: int
    state: str


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording that has been read. `state` is the hash of the state it begins in, and `snapshot`
    that state where it is not a device's beginning."""

    path: Path
    board: str
    image_name: str
    image_sha256: str
    options: DeviceOptions
    identity: Identity
    connections: tuple[Connection, ...]
    state: str
    snapshot: bytes | None
    inputs: tuple[tuple[int, device_inputs.Input], ...]
    end: RunEnd | None


class Recorder:
    """Writes down what happens to a device from now on. To be closed, and told the end before.

    A `whole` recording holds the device as it stands; one without can only be played from a device's beginning. The
    file is for its owner's eyes only: what arrives by the network may be secret.
    """

    def __init__(self, path: Path, device: Device, *, whole: bool = False) -> None:
        """Begin with the device as it stands. Raises `OutputError`."""
        self._device = device
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            os.fchmod(descriptor, 0o600)
            self._file = os.fdopen(descriptor, "w", encoding="ascii")
        except OSError as error:
            what = f"cannot write {path}: {error.strerror or error}"
            raise OutputError(what, "give a path in a folder that exists and is yours") from error
        self._write(header(device, whole=whole))
        device.inputs.recorder = self._take

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._device.inputs.recorder = None
        self._file.close()

    def ended(self, end: End) -> None:
        """Write down where the run has ended."""
        self._write({"end": end.value, "cycle": self._device.core.cycle, "state": self._device.state_hash()})

    def _take(self, cycle: int, what: device_inputs.Input) -> None:
        self._write({"cycle": cycle, "input": device_inputs.as_dict(what)})

    def _write(self, line: dict[str, Any]) -> None:
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()


def header(device: Device, *, whole: bool) -> dict[str, Any]:
    """Return the first line of a recording that begins with a device as it stands."""
    return {
        "recording": FORMAT,
        "mvsdk": __version__,
        "board": device.board.name,
        "image": {"name": device.image_name, "sha256": device.image.sha256},
        "options": device.options.as_dict(),
        "identity": device.identity.as_dict(),
        "connections": [there.as_dict() for there in device.connections],
        "state": device.state_hash(),
        "snapshot": base64.b64encode(snapshots.pack(device)).decode("ascii") if whole else None,
    }


def read(path: Path) -> Recording:
    """Read a recording. Raises `RecordingError` with the line that is wrong."""
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RecordingError(f"cannot read {path} ({error})", _REMEDY) from error
    parsed = [_parsed(path, number, line) for number, line in enumerate(lines[1:], start=2)]
    ends = [number for number, what in enumerate(parsed, start=2) if isinstance(what, RunEnd)]
    if ends and ends[0] != len(lines):
        raise RecordingError(f"{path}:{ends[0]} is the recording's end, and more follows", _REMEDY)
    found = tuple(what for what in parsed if not isinstance(what, RunEnd))
    end = next((what for what in parsed if isinstance(what, RunEnd)), None)
    try:
        return _recording(path, json.loads(lines[0]) if lines else None, found, end)
    except (ValueError, RecursionError) as error:
        raise RecordingError(f"{path}:1 begins no recording ({error})", _REMEDY) from error


def _parsed(path: Path, number: int, line: str) -> tuple[int, device_inputs.Input] | RunEnd:
    try:
        return _line(json.loads(line))
    except (ValueError, RecursionError, InputError) as error:
        raise RecordingError(f"{path}:{number} is not what a recording holds ({error})", _REMEDY) from error


def _recording(
    path: Path,
    head: Any,  # noqa: ANN401 - whatever JSON holds
    found: tuple[tuple[int, device_inputs.Input], ...],
    end: RunEnd | None,
) -> Recording:
    match head:
        case {
            "recording": int() as version,
            "board": str() as board,
            "image": {"name": str() as name, "sha256": str() as image},
            "options": options,
            "identity": identity,
            "connections": list() as connections,
            "state": str() as state,
            "snapshot": None | str() as snapshot,
        }:
            if version != FORMAT:
                raise ValueError(f"it is of format {version}, not {FORMAT}")
            return Recording(
                path,
                board,
                name,
                image,
                DeviceOptions.from_dict(options),
                Identity.from_dict(identity),
                tuple(Connection.from_dict(entry) for entry in connections),
                state,
                None if snapshot is None else base64.b64decode(snapshot, validate=True),
                found,
                end,
            )
    raise ValueError("its first line says nothing of a run")


def _line(data: Any) -> tuple[int, device_inputs.Input] | RunEnd:  # noqa: ANN401
    match data:
        case {"cycle": int() as cycle, "input": what, **rest} if cycle >= 0 and not rest:
            return cycle, device_inputs.from_dict(what)
        case {"end": str() as end, "cycle": int() as cycle, "state": str() as state, **rest} if not rest:
            return RunEnd(End(end), cycle, state)
    raise ValueError(f"{str(data)[:80]} is neither an input nor an end")


def make_device(
    recording: Recording,
    board: Board,
    image: Image,
    core: Core,
    *,
    image_name: str = "",
    trace_calls: bool | frozenset[str] = False,
    trace_interrupts: bool = False,
    observers: Iterable[Observer] = (),
) -> Device:
    """Make the device that a recording begins with. Raises `RecordingError` for another board or image."""
    if (recording.board, recording.image_sha256) != (board.name, image.sha256):
        raise RecordingError(
            f"{recording.path} is of {recording.image_name or 'another image'} ({recording.image_sha256[:12]}) "
            f"on board {recording.board}, not of {image_name or 'this one'} ({image.sha256[:12]}) on {board.name}",
            "play it with the image and the board it was recorded with",
        )
    if recording.snapshot is not None:
        return snapshots.load(
            snapshots.read_bytes(recording.snapshot, recording.path),
            board,
            image,
            core,
            image_name=image_name,
            trace_calls=trace_calls,
            trace_interrupts=trace_interrupts,
            observers=observers,
        )
    options = recording.options
    device = Device(
        board,
        image,
        core,
        seed=options.seed,
        wall_start_us=options.wall_start_us,
        restart_policy=options.restart_policy,
        testing=options.testing,
        strict_mmio=options.strict_mmio,
        gate_clocks=options.gate_clocks,
        connection_policy=options.connection_policy,
        identity=recording.identity,
        image_name=image_name,
        trace_calls=trace_calls,
        trace_interrupts=trace_interrupts,
        observers=observers,
    )
    for connection in recording.connections:
        device.connect(connection)
    return device


def prepare(device: Device, recording: Recording) -> None:
    """Let the inputs of a recording wait for their cycles, in place of any others.

    Raises `RecordingError` if the device stands elsewhere than where the recording begins, or cannot take an input.
    """
    if device.state_hash() != recording.state:
        raise RecordingError(
            f"{recording.path} begins with a device in another state",
            "make the device as the recording's first line says",
        )
    device.inputs.forget()
    try:
        for cycle, what in recording.inputs:
            device.inputs.wait(cycle, what)
    except InputError as error:
        raise RecordingError(f"{recording.path} does not fit this device: {error.what}", error.remedy) from error


def play(device: Device, recording: Recording, until_us: int | None = None) -> End:
    """Run a prepared device to the recording's end, or to an earlier moment, or until somebody stops it.

    Raises `RecordingError` if the device ends in another state than the recording did.
    """
    end = recording.end
    if end is None or (until_us is not None and device.cycle_at(until_us) < end.cycle):
        return device.run(until_us)
    reached = device.run_to_cycle(None if end.end in ENDS_BY_ITSELF else end.cycle)
    if reached is End.STOPPED:
        return reached
    state = device.state_hash()
    if state != end.state:
        raise RecordingError(
            f"{recording.path} ended in another state than this run ({end.state[:12]}, here {state[:12]})",
            "play it with the version of mvsdk that recorded it; with the same version this is a defect of ours",
        )
    return end.end if reached is End.TIME else reached
