"""A device that lasts: a folder that holds what a board keeps without power.

    identity.toml          format, board, device id and unique id of the chip; written once
    external-flash.bin     the application's part of the external flash, byte for byte; made by the first write
    kernel-flash.bin       the kernel's part: the update agent's journal and the bundles it holds
    application-flash.bin  the application's part of the chip's own flash
    flashed                the hash of the bundle that was last put there by hand, or with a factory image to stay
    chip-flash.bin         what the chip's own flash holds, if the device has it to itself; made by the first write
    bus-devices/NAME.bin   what a device on a bus keeps, by the name it is connected by; made by the first write
    backup-domain.json     the registers of the backup domain
    kernel.json            what the kernel keeps: Wi-Fi settings
    crash-reports/N.json   every fault, numbered from 1
    cloud.json             who it is to its cloud, if it has one; its owner's alone
    trusted/*.pem          public keys this device trusts beside those it is told
    lock                   who uses the folder: the system lets go of it when its holder ends, in whatever way

Every file but the .bin is replaced as a whole. A write to a memory reaches its file sector by sector, each with a
single call of the system: a process that is killed leaves every sector as it was before or after a write. Registers and
settings are written when the folder is closed.
"""

from __future__ import annotations

import dataclasses
import fcntl
import json
import os
import secrets
import tomllib
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from mvsdk.emulator import saving
from mvsdk.emulator.errors import DeviceDirectoryError, DeviceInUseError, SnapshotError
from mvsdk.emulator.events import Event, Faulted
from mvsdk.emulator.fault_status import causes
from mvsdk.emulator.nor_flash import chip_facts
from mvsdk.emulator.options import Identity
from mvsdk.emulator.soc.identity import UNIQUE_ID_LENGTH
from mvsdk.emulator.updating.memories import kernel_flash_size
from mvsdk.files import write_whole
from mvsdk.flash_memory import ERASED

if TYPE_CHECKING:
    from mvsdk.boards import Board
    from mvsdk.emulator.device import Device

FORMAT = 1
_OTHER_DIRECTORY = "give the folder of a device of this version and board, or a new one"


class DeviceDirectory:
    """The folder of one device, held by this process until it is closed; made if it is not there, for the device
    `device_id` or a new one.

    Raises `DeviceInUseError` while another process holds it, `DeviceDirectoryError` for a folder of another board or
    format, or one that cannot be used.
    """

    def __init__(self, path: Path, board: Board, device_id: str | None = None) -> None:
        self.path = path
        self._device_id = device_id
        self._board = board
        self._device: Device | None = None
        self._memories: list[MemoryFile] = []
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)  # it holds secrets
            self._lock = _take_lock(path / "lock")
        except OSError as error:
            raise DeviceDirectoryError(f"cannot use {path}: {error.strerror or error}", _OTHER_DIRECTORY) from error
        try:
            self.identity = self._read_identity()
            self.external_flash = self._memory(path / "external-flash.bin", chip_facts().application_size)
            """What the external flash holds."""
            self.kernel_flash = self._memory(path / "kernel-flash.bin", kernel_flash_size(board))
            self.application_flash = self._memory(path / "application-flash.bin", board.flash.size)
        except BaseException:
            for memory in self._memories:
                memory.close()
            os.close(self._lock)
            raise

    def chip_flash(self, size: int) -> MemoryFile:
        """Return what keeps the chip's own flash, of `size` bytes. Raises as `storage_for`."""
        return self._memory(self.path / "chip-flash.bin", size)

    def storage_for(self, name: str, size: int) -> MemoryFile:
        """Return what keeps the content of the bus device called `name`. Raises `DeviceDirectoryError` for a file that
        is not so many bytes long, or cannot be used."""
        return self._memory(self.path / "bus-devices" / f"{quote(name, safe='')}.bin", size)

    def _memory(self, file: Path, size: int) -> MemoryFile:
        memory = MemoryFile(file, size)
        self._memories.append(memory)
        return memory

    def __enter__(self) -> DeviceDirectory:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def trusted(self) -> list[Path]:
        """The files with public keys that the device trusts."""
        return sorted((self.path / "trusted").glob("*.pem"))

    @property
    def flashed(self) -> str | None:
        """The hash of the manifest of the bundle that was last put on the device by hand, as "sha256:…"."""
        try:
            return (self.path / "flashed").read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            return None

    def note_flashed(self, manifest_hash: str) -> None:
        """Keep what was put on the device by hand."""
        write_whole(self.path / "flashed", f"{manifest_hash}\n".encode("ascii"))

    def attach(self, device: Device) -> None:
        """Give a device that was made with this folder's identity and flash what else it kept. When the folder is
        closed, what the device holds then is kept."""
        for name, part in _kept(device).items():
            file = self.path / name
            if file.is_file():
                try:
                    saving.load(part, json.loads(file.read_bytes()))
                except (SnapshotError, ValueError, RecursionError) as error:
                    raise DeviceDirectoryError(f"{file} is damaged ({error})", "delete it to begin anew") from error
        self._device = device

    def observe(self, event: Event) -> None:
        """Keep a report of every fault."""
        if isinstance(event, Faulted):
            folder = self.path / "crash-reports"
            folder.mkdir(exist_ok=True)
            number = 1 + max((int(file.stem) for file in folder.glob("*.json") if file.stem.isdecimal()), default=0)
            write_whole(folder / f"{number}.json", (json.dumps(_report(event), indent=2) + "\n").encode())

    def close(self) -> None:
        """Keep what the device holds, and let others use the folder."""
        try:
            if self._device is not None:
                for name, part in _kept(self._device).items():
                    write_whole(self.path / name, (json.dumps(saving.save(part), indent=2) + "\n").encode())
                self._device = None
        finally:
            for memory in self._memories:
                memory.close()
            os.close(self._lock)

    def _read_identity(self) -> Identity:
        file = self.path / "identity.toml"
        if not file.exists():
            identity = Identity(self._device_id or f"UV{secrets.token_hex(16)}", secrets.token_bytes(UNIQUE_ID_LENGTH))
            write_whole(file, _identity_text(identity, self._board).encode())
        try:
            values = tomllib.loads(file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise DeviceDirectoryError(f"{file} cannot be read ({error})", _OTHER_DIRECTORY) from error
        return self._identity(file, values)

    def _identity(self, file: Path, values: dict[str, Any]) -> Identity:
        if values.get("format") != FORMAT:
            what = f"{file} is of format {values.get('format')!r}, not {FORMAT}"
            raise DeviceDirectoryError(what, _OTHER_DIRECTORY)
        if values.get("board") != self._board.name:
            what = f"{self.path} is a device on board {values.get('board')!r}, not {self._board.name}"
            raise DeviceDirectoryError(what, _OTHER_DIRECTORY)
        try:
            return Identity(values["device_id"], bytes.fromhex(values["unique_id"]))
        except (KeyError, TypeError, ValueError) as error:
            raise DeviceDirectoryError(f"{file} names no device ({error})", _OTHER_DIRECTORY) from error


class MemoryFile:
    """A `Storage` in a file, erased as long as there is no file. Slices lie within `size`.

    Raises `DeviceDirectoryError` for a file of another size, or one that cannot be used.
    """

    def __init__(self, path: Path, size: int) -> None:
        self._path = path
        self._size = size
        self._sector_size = chip_facts().sector_size
        self._file: int | None = None
        try:
            if path.exists():
                self._file = os.open(path, os.O_RDWR)
        except OSError as error:
            raise DeviceDirectoryError(f"cannot use {path}: {error.strerror or error}", _OTHER_DIRECTORY) from error
        if self._file is not None and os.fstat(self._file).st_size != size:
            self.close()
            raise DeviceDirectoryError(f"{path} is not {size} bytes long", "delete it: the memory is erased then")

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, where: slice, /) -> bytes:
        length = where.stop - where.start
        return ERASED * length if self._file is None else os.pread(self._file, length, where.start)

    def __setitem__(self, where: slice, data: bytes, /) -> None:
        if self._file is None:
            self.fill(ERASED * self._size)
        assert self._file is not None  # noqa: S101 - it was filled
        start = where.start
        while start < where.stop:
            stop = min(where.stop, (start // self._sector_size + 1) * self._sector_size)
            os.pwrite(self._file, data[start - where.start : stop - where.start], start)
            start = stop

    def fill(self, data: bytes) -> None:
        """Become these bytes, `size` of them: a process that is killed leaves what was there before, or all of it."""
        assert len(data) == self._size  # noqa: S101 - our own callers know the size
        self.close()
        self._path.parent.mkdir(exist_ok=True)
        write_whole(self._path, data)
        self._file = os.open(self._path, os.O_RDWR)

    def close(self) -> None:
        """Let the system write what it holds, and give the file back."""
        if self._file is not None:
            os.fsync(self._file)
            os.close(self._file)
            self._file = None


def _kept(device: Device) -> dict[str, object]:
    return {"backup-domain.json": device.chip.backup_domain, "kernel.json": device.kernel.settings}


def _take_lock(file: Path) -> int:
    """Return a descriptor that holds the lock; the file names its holder."""
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(descriptor, 32).decode("ascii", "replace").strip()
        os.close(descriptor)
        raise DeviceInUseError(
            f"{file.parent} is in use by process {holder or 'that has just begun'}",
            "wait for it to end, or give every device a folder of its own",
        ) from None
    except OSError:
        os.close(descriptor)
        raise
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


def _identity_text(identity: Identity, board: Board) -> str:
    return (
        "# Who this emulated device is.\n"
        f"format = {FORMAT}\n"
        f'board = "{board.name}"\n'
        f'device_id = "{identity.device_id}"\n'
        f'unique_id = "{identity.unique_id.hex()}"\n'
    )


def _report(event: Faulted) -> dict[str, Any]:
    return {**dataclasses.asdict(event), "causes": causes(event.fault)}
