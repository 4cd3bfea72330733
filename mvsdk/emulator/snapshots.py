"""A whole device in a file.

The file is a first line that says what it is, `mvsdk device snapshot 1`; a line of JSON, the `Label`; and behind them
two parts, each packed with zlib: the state of everything but the processor as JSON (`saving` says how it is spelt), and
the bytes of the processor core. The label holds the packed parts' lengths and the SHA-256 of both together.

A snapshot is of one image on one board, and is loaded with these alone.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mvsdk import __version__
from mvsdk.boards import Board
from mvsdk.bundle import Image
from mvsdk.emulator import inputs as device_inputs
from mvsdk.emulator import saving
from mvsdk.emulator.core import Core
from mvsdk.emulator.device import Device
from mvsdk.emulator.errors import InputError, SnapshotError
from mvsdk.emulator.events import Observer
from mvsdk.emulator.options import Connection, DeviceOptions, Identity
from mvsdk.emulator.soc.flash_array import ChipFlash
from mvsdk.files import write_whole
from mvsdk.flash_memory import Storage

FIRST_LINE = b"mvsdk device snapshot 1\n"
LARGEST_PART = 64 << 20
"""Bytes that one part may unpack to."""
LONGEST_LABEL = 8 << 20
"""Bytes; it holds inputs that wait, and one of them may be an application."""
_REMEDY = "give a file that `mvsdk emulate --snapshot-at` has written"


@dataclass(frozen=True, slots=True)
class Label:
    """What a snapshot says of itself. `image_name` is what its image was called, `cycle` when it was taken."""

    mvsdk: str
    board: str
    image_name: str
    image_sha256: str
    cycle: int
    options: DeviceOptions
    identity: Identity
    connections: tuple[Connection, ...]
    inputs: tuple[tuple[int, device_inputs.Input], ...]
    lengths: tuple[int, int]
    sha256: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot that has been read, and whose parts are whole."""

    path: Path
    label: Label
    state: saving.Plain
    core: bytes


def pack(device: Device) -> bytes:
    """Return a device as the bytes of a file."""
    state = json.dumps(device.state(), separators=(",", ":")).encode("ascii")
    parts = [zlib.compress(state), zlib.compress(device.core.save())]
    label = {
        "mvsdk": __version__,
        "board": device.board.name,
        "image": {"name": device.image_name, "sha256": device.image.sha256},
        "cycle": device.core.cycle,
        "options": device.options.as_dict(),
        "identity": device.identity.as_dict(),
        "connections": [there.as_dict() for there in device.connections],
        "inputs": [[cycle, device_inputs.as_dict(what)] for cycle, what in device.inputs.waiting()],
        "lengths": [len(part) for part in parts],
        "sha256": hashlib.sha256(b"".join(parts)).hexdigest(),
    }
    return FIRST_LINE + json.dumps(label).encode("ascii") + b"\n" + b"".join(parts)


def save(device: Device, path: Path) -> None:
    """Write a device to a file, whole or not at all, and for its owner's eyes only: it may hold secrets that the
    application has fetched. Raises `OutputError`."""
    write_whole(path, pack(device), mode=0o600)


def read(path: Path) -> Snapshot:
    """Read a snapshot. Raises `SnapshotError` for a file that is none, or is damaged."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SnapshotError(f"cannot read {path}: {error.strerror or error}", "give the path of a snapshot") from error
    return read_bytes(data, path)


def read_bytes(data: bytes, path: Path) -> Snapshot:
    """Read a snapshot from the bytes of a file, or of a part of one."""
    try:
        return unpack(data, path)
    except (ValueError, KeyError, TypeError, RecursionError, zlib.error, InputError) as error:
        raise SnapshotError(f"{path} is no snapshot of a device, or is damaged ({error})", _REMEDY) from error


def unpack(data: bytes, path: Path) -> Snapshot:
    """Take a file's bytes apart. Raises `ValueError`, `KeyError`, `TypeError` and others for what is no snapshot."""
    if not data.startswith(FIRST_LINE):
        known = data.startswith(FIRST_LINE.rstrip(b"1\n"))
        raise ValueError("it is of another version of this format" if known else "its first line says something else")
    end = data.find(b"\n", len(FIRST_LINE), LONGEST_LABEL)
    if end < 0:
        raise ValueError("it has no label")
    label = _label(json.loads(data[len(FIRST_LINE) : end]))
    body = data[end + 1 :]
    if len(body) != sum(label.lengths) or hashlib.sha256(body).hexdigest() != label.sha256:
        raise ValueError("its content does not match its hash")
    state, core = _inflate(body[: label.lengths[0]]), _inflate(body[label.lengths[0] :])
    return Snapshot(path, label, json.loads(state), core)


def load(
    snapshot: Snapshot,
    board: Board,
    image: Image,
    core: Core,
    *,
    image_name: str = "",
    external_flash: Storage | None = None,
    chip_flash: ChipFlash | None = None,
    trace_calls: bool | frozenset[str] = False,
    trace_interrupts: bool = False,
    observers: Iterable[Observer] = (),
) -> Device:
    """Make the device anew as it was, with a core that nothing is laid out in yet.

    One that had its chip's flash to itself needs a `chip_flash`, which then holds what that held. The observers hear
    only of what happens from then on. Inputs that had not happened yet wait again. Raises `SnapshotError` for another
    board or image, and for a state that does not fit.
    """
    label = snapshot.label
    _check_same(snapshot, board, image, image_name)
    quiet = _Quiet(observers)
    device = Device(
        board,
        image,
        core,
        seed=label.options.seed,
        wall_start_us=label.options.wall_start_us,
        restart_policy=label.options.restart_policy,
        testing=label.options.testing,
        strict_mmio=label.options.strict_mmio,
        gate_clocks=label.options.gate_clocks,
        connection_policy=label.options.connection_policy,
        identity=label.identity,
        external_flash=external_flash,
        chip_flash=chip_flash,
        trace_calls=trace_calls,
        trace_interrupts=trace_interrupts,
        image_name=image_name,
        observers=[quiet],
    )
    try:
        for connection in label.connections:
            device.connect(connection)
        saving.load(device, snapshot.state)
        core.load(snapshot.core)
        for cycle, what in label.inputs:
            device.inputs.wait(cycle, what)
    except (ValueError, InputError) as error:
        raise SnapshotError(f"{snapshot.path} does not fit this device ({error})", saving.REMEDY) from error
    quiet.listening = True
    return device


class _Quiet:
    """Passes events on once it listens: making a device tells of a start that is not part of its new life."""

    def __init__(self, observers: Iterable[Observer]) -> None:
        self._observers = tuple(observers)
        self.listening = False

    def __call__(self, event: Any) -> None:  # noqa: ANN401 - any event
        for observer in self._observers if self.listening else ():
            observer(event)


def _check_same(snapshot: Snapshot, board: Board, image: Image, image_name: str) -> None:
    label = snapshot.label
    if label.board != board.name:
        raise SnapshotError(
            f"{snapshot.path} is of a device on board {label.board}, not {board.name}",
            f"run it with --board {label.board}",
        )
    if label.image_sha256 != image.sha256:
        raise SnapshotError(
            f"{snapshot.path} is of a device that ran {label.image_name or 'another image'} "
            f"({label.image_sha256[:12]}), not {image_name or 'this one'} ({image.sha256[:12]})",
            "run it with the image it was taken from",
        )


def _label(data: Any) -> Label:  # noqa: ANN401
    match data:
        case {
            "mvsdk": str() as version,
            "board": str() as board,
            "image": {"name": str() as name, "sha256": str() as image_hash},
            "cycle": int() as cycle,
            "options": options,
            "identity": identity,
            "connections": list() as connections,
            "inputs": list() as waiting,
            "lengths": [int() as first, int() as second],
            "sha256": str() as content_hash,
        } if first >= 0 and second >= 0:
            return Label(
                version,
                board,
                name,
                image_hash,
                cycle,
                DeviceOptions.from_dict(options),
                Identity.from_dict(identity),
                tuple(Connection.from_dict(entry) for entry in connections),
                tuple(_waiting(entry) for entry in waiting),
                (first, second),
                content_hash,
            )
    raise ValueError("its label is not what a label is")


def _waiting(entry: object) -> tuple[int, device_inputs.Input]:
    match entry:
        case [int() as cycle, what]:
            return cycle, device_inputs.from_dict(what)
    raise ValueError(f"{str(entry)[:80]} is no input")


def _inflate(data: bytes) -> bytes:
    unpacker = zlib.decompressobj()
    content = unpacker.decompress(data, LARGEST_PART)
    if not unpacker.eof or unpacker.unused_data:
        raise ValueError("a part of it is cut off or too large")
    return content
