"""The journal: what the agent knows, kept so that after any cut it reads as before the last change, or as after it.

Two pages of NOR flash are used in turns. A page holds records one behind the other: each a whole value, guarded by a
CRC that also covers its place and its page's generation. A page counts once a COMMIT record is in it, and the one with
the higher generation is the journal. When a page is full, the other is erased, everything is written into it, and the
COMMIT comes last.

A record that was being written when the power failed may read well once and never again. So nothing is ever done on the
strength of a record that was found: `mount` writes the last one a second time before it returns. And because the cells
behind the last record may be spoilt without looking so, it goes on in a program page that nobody has touched.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from mvsdk.flash_memory import FlashMemory
from mvsdk.flash_memory.nor import PROGRAM_PAGE
from mvsdk.update.key_set import KeySet
from mvsdk.update.state import State

STATE, KEYS, COMMIT = 1, 2, 3

Known = tuple[bytes | None, bytes | None]
"""What a journal says: the encoded state and keys; None for what nothing was written of."""

_HEADER = struct.Struct("<2sBxHHII")  # magic, kind, length, offset in the page / 4, generation, CRC
_MAGIC = b"mJ"


@dataclass(frozen=True, slots=True)
class Found:
    """What a page or a journal says: the last state and keys, the last record, and where the next one may go."""

    generation: int
    state: bytes | None
    keys: bytes | None
    last: tuple[int, bytes]
    free: int


class Journal:
    """The journal in two pages of `flash` from `address` on. `mount` comes first."""

    def __init__(self, flash: FlashMemory, address: int) -> None:
        self._flash = flash
        self._pages = (address, address + flash.erase_size)
        self._current = 0
        self._generation = 0
        self._free = 0
        self.state = State()
        self.keys: KeySet | None = None
        """The keys that a NewKeys message has brought; None: those from the factory."""

    def mount(self) -> None:
        """Read the journal, and make firm what was read. An empty one says what a new device is."""
        found = [read_page(self._flash.read(page, self._flash.erase_size)) for page in self._pages]
        self._current = newer(*found)
        current = found[self._current]
        if current is None:
            self._rewrite()
            return
        self._generation, self._free = current.generation, current.free
        if current.state is not None:
            self.state = State.decode(current.state)
        if current.keys is not None:
            self.keys = KeySet.decode(current.keys)
        self.append(*current.last)

    def write(self, state: State) -> None:
        """Make `state` what the device knows; when this returns it is."""
        self.state = state
        self.append(STATE, state.encode())

    def write_keys(self, keys: KeySet) -> None:
        """Make `keys` the ones that the device trusts."""
        self.keys = keys
        self.append(KEYS, keys.encode())

    def append(self, kind: int, payload: bytes) -> None:
        """Write one record, in a fresh page when there is no room in this one."""
        if self._free + _HEADER.size + len(payload) > self._flash.erase_size:
            self._rewrite()
        else:
            self._record(kind, payload)

    def _rewrite(self) -> None:
        self._current = 1 - self._current
        self._generation += 1
        self._free = 0
        self._flash.erase(self._pages[self._current])
        self._record(STATE, self.state.encode())
        if self.keys is not None:
            self._record(KEYS, self.keys.encode())
        self._record(COMMIT, b"")

    def _record(self, kind: int, payload: bytes) -> None:
        record = _encoded(kind, payload, self._free, self._generation)
        self._flash.program(self._pages[self._current] + self._free, record)
        self._free += len(record)


def look(pages: Sequence[bytes]) -> tuple[State, KeySet | None]:
    """Return what the two pages of a journal say; what a new device knows where they say nothing.

    For looking only: whoever acts on it has to `mount` the journal.
    """
    found = [read_page(page) for page in pages]
    current = found[newer(*found)]
    if current is None:
        return State(), None
    state = State() if current.state is None else State.decode(current.state)
    return state, None if current.keys is None else KeySet.decode(current.keys)


def newer(first: Found | None, second: Found | None) -> int:
    """Return which of two pages is the journal; 1 when neither is, so that the first is written first."""
    if first is None:
        return 1
    return int(second is not None and second.generation > first.generation)


@lru_cache(256)
def read_page(page: bytes) -> Found | None:
    """Return what a page says, or None when it does not count. Reads nothing but its argument."""
    records = [*_records(page)]
    generation = max((generation for _, kind, _, generation in records if kind == COMMIT), default=0)
    own = [(kind, payload) for _, kind, payload, its in records if its == generation]
    if not generation:
        return None
    values = dict(own)
    # Neither what looks used may be written again, nor the program page behind it, which may be spoilt.
    used = max(len(page.rstrip(b"\xff")), *(end for end, *_ in records))
    free = (used // PROGRAM_PAGE + 1) * PROGRAM_PAGE
    return Found(generation, values.get(STATE), values.get(KEYS), own[-1], free)


def _records(page: bytes) -> Iterator[tuple[int, int, bytes, int]]:
    """Yield end, kind, payload and generation of every whole record; behind a torn one, look on from the next page."""
    position = 0
    while position + _HEADER.size <= len(page):
        magic, kind, length, place, generation, crc = _HEADER.unpack_from(page, position)
        end = position + _HEADER.size + length
        payload = page[position + _HEADER.size : end]
        placed = magic == _MAGIC and place * 4 == position and end <= len(page)
        if placed and crc == _crc(kind, payload, position, generation) and _readable(kind, payload):
            position = -(-end // 4) * 4
            yield position, kind, payload, generation
            continue
        position = (position // PROGRAM_PAGE + 1) * PROGRAM_PAGE


def _readable(kind: int, payload: bytes) -> bool:
    try:
        if kind == STATE:
            State.decode(payload)
        elif kind == KEYS:
            KeySet.decode(payload)
    except ValueError:
        return False
    return kind in (STATE, KEYS, COMMIT)


def _encoded(kind: int, payload: bytes, position: int, generation: int) -> bytes:
    crc = _crc(kind, payload, position, generation)
    record = _HEADER.pack(_MAGIC, kind, len(payload), position // 4, generation, crc) + payload
    return record.ljust(-(-len(record) // 4) * 4, b"\0")


def _crc(kind: int, payload: bytes, position: int, generation: int) -> int:
    return zlib.crc32(payload, zlib.crc32(struct.pack("<BHII", kind, len(payload), position, generation)))
