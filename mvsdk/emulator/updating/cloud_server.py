"""The cloud as the update agent asks it: its wish was told by the session, the rest is downloaded.

A download waits for the network on a thread of its own; the agent is told `Pending` meanwhile and asks again.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable

from mvsdk.bundle.container import MANIFEST_LIMIT
from mvsdk.link import Target
from mvsdk.link.downloads import DownloadError, Downloads, Range
from mvsdk.update import (
    BusyError,
    MissingError,
    Part,
    Pending,
    ServerError,
    UnreachableError,
    WrongAnswerError,
)

NEW_KEYS_LIMIT = 64 * 1024
"""Bytes of a NewKeys message that are read; those there can be are much shorter."""
_HASH = re.compile(r"sha256:[0-9a-f]{64}")
_MISSING, _ABSENT, _BUSY = 404, 410, (429, 503)


class CloudServer:
    """Answers for the cloud, as far as there is a session; without one the agent waits.

    `target`, `latest_keys` and `connected` are the session's owner's to set.
    """

    def __init__(self, downloads: Downloads) -> None:
        self._downloads = downloads
        self.target: Target | None = None
        """What the cloud wants this device to run."""
        self.latest_keys = 0
        """The number of the last NewKeys message there is."""
        self.connected = False
        self._question: _Question | None = None
        self._manifest: tuple[str, bytes] | None = None
        self._new_keys: tuple[int, bytes] | None = None

    def manifest(self, running: bytes) -> bytes | None:
        """Return the target's manifest."""
        if not self.connected:
            raise Pending  # it connects again by itself
        wanted = self.target.app_hash if self.target else None
        if wanted is not None and not _HASH.fullmatch(wanted):
            raise WrongAnswerError("the cloud wants something whose name is no hash")
        if wanted is None or wanted == f"sha256:{running.hex()}":
            return None
        if self._manifest is None or self._manifest[0] != wanted:
            # One byte more than can be shows one that is too long.
            told = self.target.manifest if self.target else b""
            content = told or self._ask(f"manifests/{wanted}", 0, MANIFEST_LIMIT + 1).data
            if f"sha256:{hashlib.sha256(content).hexdigest()}" != wanted:
                raise WrongAnswerError("the cloud sent another manifest than the one it wants")
            self._manifest = wanted, content
        return self._manifest[1]

    def new_keys(self, sequence: int) -> bytes | None:
        """Return the NewKeys message that follows number `sequence`."""
        if not self.connected:
            raise Pending  # it connects again by itself
        if sequence >= self.latest_keys:
            return None
        if self._new_keys is None or self._new_keys[0] != sequence:
            self._new_keys = sequence, self._ask(f"new-keys/{sequence + 1}", 0, NEW_KEYS_LIMIT).data
        return self._new_keys[1]

    def layer(self, name: str, start: int, length: int) -> Part:
        """Return a range of a layer."""
        return self._ask(f"layers/{name}", start, length)

    def patch(self, name: str, base: str, start: int, length: int) -> Part | None:
        """Return a range of a patch; None where the cloud has none."""
        try:
            return self._ask(f"layers/{name}/from/{base}", start, length)
        except MissingError:
            return None

    def close(self) -> None:
        """Let the connection go. A download that is under way ends by itself, and with the process."""
        if self._question is None or self._question.done:
            self._downloads.close()

    def _ask(self, what: str, start: int, length: int) -> Part:
        key = (what, start, length)
        question = self._question
        if question is not None and not question.done:
            raise Pending
        if question is None or question.key != key:
            self._question = _Question(key, lambda: self._downloads.fetch(what, start, length))
            raise Pending
        self._question = None
        found = question.answer
        if isinstance(found, DownloadError):
            raise _as_server_error(found) from found
        return Part(found.total, found.data)


class _Question:
    """Something that is being asked, on a thread of its own."""

    def __init__(self, key: tuple[str, int, int], ask: Callable[[], Range]) -> None:
        self.key = key
        self.answer: Range | DownloadError = DownloadError("it has not been answered")
        self._ask = ask
        self._thread = threading.Thread(target=self._run, name="download", daemon=True)
        self._thread.start()

    @property
    def done(self) -> bool:
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self.answer = self._ask()
        except DownloadError as error:
            self.answer = error


def _as_server_error(error: DownloadError) -> ServerError:
    """Return what the agent understands."""
    if error.status in _BUSY:
        return BusyError(error.what, error.retry_after)
    if error.status in (_MISSING, _ABSENT):
        return MissingError(error.what)
    return UnreachableError(error.what, error.remedy)
