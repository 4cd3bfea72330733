"""What a cloud keeps on disk besides its database's rows.

cloud.json          the layout's version, the account that was made first
credentials.json    what the command line logs in with; 0600
master.key          opens the secrets in the database; 0600
keys/               the key that signs unsigned bundles
authority/          what signs the certificates of devices
blobs/              layers by their hash
cloud.sqlite        the database, unless another was given by URL
server.lock         held by the server that works on all this, with its process in it
server.json         where it listens, and its process again; gone when it stopped properly
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import json
import os
import secrets
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mvsdk.cloud import identifiers, passwords, sealing
from mvsdk.cloud.device_authority import DeviceAuthority
from mvsdk.cloud.errors import DataDirectoryError, DataDirectoryInUseError
from mvsdk.files import write_whole
from mvsdk.keys import FileKeyStore, SigningKey

LAYOUT = 1
_SIGNING_KEY = "cloud"
_LOOKS, _LOOK_SECONDS = 10, 0.01
_ELSEWHERE = "choose another folder with --data"


def default_path(environment: Mapping[str, str]) -> Path:
    """Return where a person's cloud lies: $MVSDK_CLOUD_DATA, else mvsdk/cloud among their data (XDG)."""
    chosen = environment.get("MVSDK_CLOUD_DATA")
    if chosen:
        return Path(chosen)
    shared = environment.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")  # noqa: PTH111 - may be unset
    return Path(shared) / "mvsdk" / "cloud"


class DataDirectory:
    """A cloud's folder. Making one writes nothing; `prepare` does."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None

    # -- for the server ------------------------------------------------------------------------------------------------

    def lock(self) -> None:
        """Keep every other server out until the process ends. Raises DataDirectoryInUseError, DataDirectoryError."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self.path / "server.lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise self._unusable(error) from error
        for _ in range(_LOOKS):
            if _locked(descriptor, fcntl.LOCK_EX):
                break
            time.sleep(_LOOK_SECONDS)  # somebody who only looks, as `holder` does, is gone by then
        else:
            os.close(descriptor)
            running = self.server()
            who = f"process {running['pid']} at {running['url']}" if running else f"process {self.holder()}"
            raise DataDirectoryInUseError(
                f"a cloud works on {self.path} already: {who}", "stop it with `mvsdk cloud stop`, or use it"
            )
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        self._lock = descriptor

    def unlock(self) -> None:
        """Forget where this server listened, then let another one in."""
        if self._lock is not None:
            (self.path / "server.json").unlink(missing_ok=True)
            os.ftruncate(self._lock, 0)
            os.close(self._lock)
            self._lock = None

    def prepare(self) -> tuple[str, str] | None:
        """Make what is missing. On the first call ever, return the new account's SID and auth token.

        Raises DataDirectoryError for a folder of a later version.
        """
        try:
            about = self._read("cloud.json")
            if about is not None:
                self._check(about)
                return None
            # What is there already was put there for a second server, or outlived a loss: it is never replaced.
            made = None
            if self._read("credentials.json") is None:
                made = identifiers.new_sid(identifiers.ACCOUNT), passwords.new_token()
                self._write_private("credentials.json", json.dumps({"account_sid": made[0], "auth_token": made[1]}))
            if not (self.path / "master.key").exists():
                self._write_private("master.key", secrets.token_bytes(sealing.KEY_SIZE).hex())
            account = self.credentials()[0]
            write_whole(self.path / "cloud.json", json.dumps({"layout": LAYOUT, "account_sid": account}).encode())
        except OSError as error:
            raise self._unusable(error) from error
        return made

    def tell_server(self, url: str) -> None:
        """Note where this process listens."""
        write_whole(self.path / "server.json", json.dumps({"pid": os.getpid(), "url": url}).encode())

    @property
    def sealing_key(self) -> bytes:
        """The key that opens the database's secrets: 32 bytes. Raises DataDirectoryError."""
        path = self.path / "master.key"
        try:
            key = bytes.fromhex(path.read_text(encoding="ascii").strip())
        except (OSError, ValueError) as error:
            raise DataDirectoryError(
                f"cannot read {path}", "restore it from a backup; without it the secrets stay closed"
            ) from error
        if len(key) != sealing.KEY_SIZE:
            raise DataDirectoryError(
                f"{path} holds {len(key)} bytes, not {sealing.KEY_SIZE}", "restore it from a backup"
            )
        return key

    @property
    def signing_key(self) -> SigningKey:
        """The key that signs unsigned bundles, made on first use. Raises a leaf of KeyStoreError."""
        store = FileKeyStore(self.path / "keys")
        if _SIGNING_KEY not in store.names():
            store.create(_SIGNING_KEY)
        return store.signer(_SIGNING_KEY)

    @property
    def device_authority(self) -> DeviceAuthority:
        """What signs the certificates of devices, made on first use. Raises DataDirectoryError."""
        return DeviceAuthority(self.path / "authority")

    @property
    def database_url(self) -> str:
        """The database that lies in the folder."""
        return f"sqlite:///{self.path / 'cloud.sqlite'}"

    # -- for clients ---------------------------------------------------------------------------------------------------

    def server(self) -> Mapping[str, Any] | None:
        """Return `pid` and `url` of the server that listens; None if none does, whatever one that was killed left."""
        about, holder = self._read("server.json"), self.holder()
        return about if about is not None and holder is not None and about.get("pid") == holder else None

    def holder(self) -> int | None:
        """Return the process of the server that works on the folder now; None if none does."""
        try:
            descriptor = os.open(self.path / "server.lock", os.O_RDONLY)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unusable(error) from error
        try:
            if _locked(descriptor, fcntl.LOCK_SH):
                return None
            text = os.pread(descriptor, 32, 0)
            return int(text) if text.isdigit() else None
        finally:
            os.close(descriptor)

    def stop_server(self) -> bool:
        """Tell the server that works on the folder to stop, and wait until it has; return whether there was one.

        The process is held on to before it is looked up a second time: no other one can get its number meanwhile.
        """
        pid = self.holder()
        if pid is None:
            return False
        try:
            with _held(pid) as stop:
                if self.holder() != pid:
                    return False
                stop()
        except ProcessLookupError:
            return False
        while self.holder() == pid:
            time.sleep(_LOOK_SECONDS)
        return True

    def credentials(self) -> tuple[str, str]:
        """Return account SID and auth token. Raises DataDirectoryError where there is no cloud yet."""
        found = self._read("credentials.json")
        if found is None:
            raise DataDirectoryError(f"there is no cloud in {self.path}", "start one: mvsdk cloud start")
        return found["account_sid"], found["auth_token"]

    def _check(self, about: Mapping[str, Any]) -> None:
        if about["layout"] > LAYOUT:
            raise DataDirectoryError(
                f"{self.path} was written by a later mvsdk: layout {about['layout']}, this one knows {LAYOUT}",
                "upgrade mvsdk, or restore a backup from before",
            )

    def _read(self, name: str) -> dict[str, Any] | None:
        path = self.path / name
        try:
            document = json.loads(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise DataDirectoryError(f"cannot read {path}: {error}", "restore it from a backup") from error
        if not isinstance(document, dict):
            raise DataDirectoryError(f"{path} is not what a cloud writes there", "restore it from a backup")
        return document

    def _write_private(self, name: str, text: str) -> None:
        descriptor = os.open(self.path / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(descriptor)

    def _unusable(self, error: OSError) -> DataDirectoryError:
        return DataDirectoryError(f"cannot use {self.path}: {error.strerror or error}", _ELSEWHERE)


@contextlib.contextmanager
def _held(pid: int) -> Iterator[Callable[[], None]]:
    """Yield what sends SIGTERM to the process that has this number now, and to no later one, where the system can."""
    if not hasattr(os, "pidfd_open"):
        yield functools.partial(os.kill, pid, signal.SIGTERM)
        return
    process = os.pidfd_open(pid)
    try:
        yield functools.partial(signal.pidfd_send_signal, process, signal.SIGTERM)
    finally:
        os.close(process)


def _locked(descriptor: int, how: int) -> bool:
    """Take a lock if nobody has it; return whether that is so."""
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
