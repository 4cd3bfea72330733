"""What a cloud keeps on disk besides its database's rows.

cloud.json          the layout's version, the account that was made first
credentials.json    what the command line logs in with; 0600
master.key          opens the secrets in the database; 0600
keys/               the key that signs unsigned bundles
blobs/              layers by their hash
cloud.sqlite        the database, unless another was given by URL
server.lock         held by the server that works on all this
server.json         where it listens and its process; gone when it stopped properly
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mvsdk.cloud import identifiers, passwords, sealing
from mvsdk.cloud.errors import DataDirectoryError, DataDirectoryInUseError
from mvsdk.files import write_whole
from mvsdk.keys import FileKeyStore, SigningKey

LAYOUT = 1
_SIGNING_KEY = "cloud"
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
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            running = self.server()
            who = f"process {running['pid']} at {running['url']}" if running else "another process"
            raise DataDirectoryInUseError(
                f"a cloud works on {self.path} already: {who}", "stop it with `mvsdk cloud stop`, or use it"
            ) from error
        self._lock = descriptor

    def unlock(self) -> None:
        """Let another server in, and forget where this one listened."""
        if self._lock is not None:
            (self.path / "server.json").unlink(missing_ok=True)
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
    def database_url(self) -> str:
        """The database that lies in the folder."""
        return f"sqlite:///{self.path / 'cloud.sqlite'}"

    # -- for clients ---------------------------------------------------------------------------------------------------

    def server(self) -> Mapping[str, Any] | None:
        """Return `pid` and `url` of the server that was started last and has not stopped properly."""
        return self._read("server.json")

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
