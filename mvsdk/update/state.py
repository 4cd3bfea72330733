"""What the agent knows and must not forget: one value, small enough to be written whole at every change."""

from __future__ import annotations

import enum
import struct
from dataclasses import dataclass

HASH_SIZE = 32
MAX_LAYERS = 64
"""Layers of a bundle that a device takes; their sizes have to fit a journal record."""
MAX_BAD = 8
"""Bundles that are remembered as bad; the oldest is forgotten for a new one."""
MAX_REASON = 120
"""Bytes of UTF-8 that a reason may have."""
TEST_SLOT = 1
"""The slot of the factory's test code; with nothing installed, slot 0 is the staged one."""


class Phase(enum.IntEnum):
    """Where the device is on its way."""

    IDLE = 0
    FETCHING = 1
    STAGED = 2
    INSTALLING = 3
    TRIAL = 4
    REVERTING = 5
    TESTING = 6
    """As the factory made it: slot 1 has test code, which runs until it says that all is well."""


class Method(enum.IntFlag):
    """How a layer comes into the slot. As flags, those that have failed for it."""

    UNDECIDED = 0
    FULL = 1
    COPY = 2
    PATCH = 4
    """The patch is being fetched to the end of the slot."""
    APPLY = 8
    """The patch is being applied."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a slot holds: the manifest's size and SHA-256, and the bytes of each layer in the manifest's order.

    While a bundle is being fetched, only the sizes of the layers that are there already.
    """

    manifest_size: int
    manifest_hash: bytes
    layer_sizes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class State:
    """Everything the journal keeps, except the keys."""

    phase: Phase = Phase.IDLE
    installed: int | None = None
    """The slot of the confirmed bundle."""
    slots: tuple[Content | None, Content | None] = (None, None)
    counter: int = 0
    """The highest rollback counter that was ever confirmed."""
    bad: tuple[bytes, ...] = ()
    """SHA-256 of the manifest bodies that failed here."""
    reason: str = ""
    """Why the last update came to nothing; empty when it did not."""
    method: Method = Method.UNDECIDED
    failed: Method = Method.UNDECIDED
    """FETCHING: how the layer is being brought in, and what was tried in vain."""
    size: int = 0
    offset: int = 0
    """FETCHING: how many bytes `method` brings, and how many of them are safe."""
    patch_size: int = 0
    page: int = -1
    """INSTALLING, REVERTING, TESTING: the page of internal flash that was begun last; those before it are done. Of the
    test code -1 also says that all are."""
    boots: int = 0
    """TRIAL: how often the application was started."""

    @property
    def staging(self) -> int:
        """The slot that is not the installed one's."""
        return 0 if self.installed is None else 1 - self.installed

    @property
    def source(self) -> int | None:
        """The slot that internal flash is made from: INSTALLING and TRIAL the staged one, TESTING the test code's, else
        the installed one."""
        if self.phase is Phase.TESTING:
            return TEST_SLOT
        return self.staging if self.phase in (Phase.INSTALLING, Phase.TRIAL) else self.installed

    @property
    def successor_waits(self) -> bool:
        """Whether TESTING is followed by an application that is on the device already."""
        return self.phase is Phase.TESTING and self.slots[self.staging] is not None

    def encode(self) -> bytes:
        """Return the bytes of a journal record."""
        installed = 0xFF if self.installed is None else self.installed
        reason = cut_text(self.reason)
        head = _HEAD.pack(
            self.phase, installed, self.method, self.failed, self.boots, len(self.bad), len(reason), self.counter
        )
        cursor = _CURSOR.pack(self.size, self.offset, self.patch_size, self.page)
        return b"".join([head, cursor, *map(_content, self.slots), *self.bad, reason])

    @classmethod
    def decode(cls, data: bytes) -> State:
        """Read what `encode` wrote. Raises ValueError for anything else."""
        try:
            return cls._decode(data)
        except (struct.error, UnicodeDecodeError) as error:
            raise ValueError(f"no state: {error}") from error

    @classmethod
    def _decode(cls, data: bytes) -> State:
        phase, installed, method, failed, boots, bad_count, reason_size, counter = _HEAD.unpack_from(data)
        size, offset, patch_size, page = _CURSOR.unpack_from(data, _HEAD.size)
        first, position = _read_content(data, _HEAD.size + _CURSOR.size)
        second, position = _read_content(data, position)
        bad_end = position + bad_count * HASH_SIZE
        bad = tuple(data[at : at + HASH_SIZE] for at in range(position, bad_end, HASH_SIZE))
        if len(data) != bad_end + reason_size or installed not in (0, 1, 0xFF):
            raise ValueError("no state: its parts do not fit")
        return cls(
            Phase(phase),
            None if installed == 0xFF else installed,
            (first, second),
            counter,
            bad,
            data[bad_end:].decode(),
            Method(method),
            Method(failed),
            size,
            offset,
            patch_size,
            page,
            boots,
        )


def cut_text(text: str) -> bytes:
    """Return a reason as UTF-8, not longer than a record has room for."""
    return text.encode(errors="replace")[:MAX_REASON].decode(errors="ignore").encode()


_HEAD = struct.Struct("<7BxI")
_CURSOR = struct.Struct("<IIIi")
_CONTENT = struct.Struct(f"<HH{HASH_SIZE}s")
_NOTHING = b"\xff\xff"


def _content(content: Content | None) -> bytes:
    if content is None:
        return _NOTHING
    sizes = content.layer_sizes
    # The limit of a manifest, 64 KiB, is one more than 16 bits hold.
    head = _CONTENT.pack(len(sizes), content.manifest_size - 1, content.manifest_hash)
    return head + struct.pack(f"<{len(sizes)}I", *sizes)


def _read_content(data: bytes, position: int) -> tuple[Content | None, int]:
    if data[position : position + 2] == _NOTHING:
        return None, position + 2
    count, size, digest = _CONTENT.unpack_from(data, position)
    position += _CONTENT.size
    sizes = struct.unpack_from(f"<{count}I", data, position)
    return Content(size + 1, digest, sizes), position + 4 * count
