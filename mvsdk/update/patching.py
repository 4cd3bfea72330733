"""Applying patches within a fixed budget of memory: detools' sequential format, plain or packed with heatshrink.

    patch   = header, size of the result, packed stream          (detools README, "The sequential patch format")
    stream  = 0, then for each piece: diff size, diff bytes, extra size, extra bytes, adjustment
    packed  = window and lookahead, then literals and back references   (heatshrink README)

A byte of the result is a byte of the base plus a diff byte, or an extra byte. What is held in memory is the window,
at most 2 KiB, one buffer of input and the output that was asked for: RAM_BUDGET bytes on a device. A decoder is not
saved over a loss of power; it starts again at the beginning of the patch, which is in flash, and skips what is there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mvsdk.update.errors import PatchError

WINDOW_LIMIT = 11
"""The largest window that is taken, as a power of two."""
_INPUT = 256
OUTPUT_LIMIT = 4096
"""The most that may be asked for at once."""
RAM_BUDGET = (1 << WINDOW_LIMIT) + _INPUT + 2 * OUTPUT_LIMIT + 128
"""Bytes of memory that a device needs for applying a patch: window, input, output and base, and a few numbers."""

_SEQUENTIAL, _PLAIN, _HEATSHRINK = 0, 0, 4
_IDLE_LIMIT = 16
"""Pieces in a row that add nothing; real patches have none."""

Reader = Callable[[int, int], bytes]
"""Returns a range of something: start and length."""


class PatchDecoder:
    """Makes the result of a patch, from its beginning to its end. Raises PatchError for what is malformed.

    `patch` and `base` read ranges that lie within `patch_size` and `base_size`; the result may have `limit` bytes.
    """

    def __init__(self, patch: Reader, patch_size: int, base: Reader, base_size: int, limit: int) -> None:
        raw = _Input(patch, patch_size)
        header = raw.byte()
        kind, packing = header >> 4 & 7, header & 0xF
        if kind != _SEQUENTIAL or packing not in (_PLAIN, _HEATSHRINK):
            raise PatchError(f"the patch has type {kind} and compression {packing}; only 0 with 0 or 4 are understood")
        self.size = _number(raw.byte)
        if not 0 < self.size <= limit:
            raise PatchError(f"the patch makes {self.size} bytes, where 1 to {limit} can be")
        self._bytes: Callable[[int], bytes] = raw.take if packing == _PLAIN else _Heatshrink(raw).take
        self._base, self._base_size = base, base_size
        self._position = 0
        self._made = 0
        self._diff = self._extra = 0
        self._extra_next = False
        self._idle = 0
        if _number(self._byte):
            raise PatchError("the patch transforms its data, which is not understood")

    def take(self, count: int) -> bytes:
        """Return the next bytes of the result, fewer than `count` only at its end."""
        result = bytearray()
        while len(result) < count and self._made < self.size:
            room = min(count - len(result), OUTPUT_LIMIT)
            if self._diff:
                piece = self._diffed(min(self._diff, room))
                self._diff -= len(piece)
            elif self._extra:
                piece = self._bytes(min(self._extra, room))
                self._extra -= len(piece)
            else:
                self._next_length()
                continue
            result += piece
            self._made += len(piece)
            self._idle = 0
        return bytes(result)

    def _next_length(self) -> None:
        """Read how much comes next: of a piece first its diff, then its extra bytes, then where the next one starts."""
        self._idle += 1
        if self._idle > _IDLE_LIMIT:
            raise PatchError("the patch goes on without adding anything")
        if self._extra_next:
            self._extra = self._length()
        else:
            if self._made:
                self._position += _number(self._byte)
            self._diff = self._length()
        self._extra_next = not self._extra_next

    def _diffed(self, count: int) -> bytes:
        if not 0 <= self._position <= self._base_size - count:
            raise PatchError(f"the patch wants {count} bytes at {self._position} of a base of {self._base_size}")
        base = self._base(self._position, count)
        self._position += count
        diff = self._bytes(count)
        if not diff.strip(b"\0"):
            return base
        return bytes((old + change) & 0xFF for old, change in zip(base, diff, strict=True))

    def _length(self) -> int:
        length = _number(self._byte)
        if not 0 <= length <= self.size - self._made:
            raise PatchError(f"a piece of {length} bytes does not fit the {self.size - self._made} that are left")
        return length

    def _byte(self) -> int:
        return self._bytes(1)[0]


@dataclass(slots=True)
class _Input:
    """The bytes of the patch, a buffer at a time."""

    read: Reader
    size: int
    position: int = 0
    buffer: bytes = b""
    used: int = 0

    def byte(self) -> int:
        if self.used == len(self.buffer):
            length = min(_INPUT, self.size - self.position)
            if length <= 0:
                raise PatchError(f"the patch ends after {self.size} bytes, before its result does")
            self.buffer, self.used = self.read(self.position, length), 0
            self.position += length
        self.used += 1
        return self.buffer[self.used - 1]

    def take(self, count: int) -> bytes:
        return bytes(self.byte() for _ in range(count))


class _Heatshrink:
    """The unpacked stream."""

    def __init__(self, source: _Input) -> None:
        header = source.byte()
        self._window_bits, self._count_bits = (header >> 4) + 4, (header & 0xF) + 3
        if self._window_bits > WINDOW_LIMIT or self._count_bits >= self._window_bits:
            raise PatchError(
                f"the patch is packed with a window of 2^{self._window_bits} and counts of {self._count_bits} bits; "
                f"at most 2^{WINDOW_LIMIT} and fewer bits than that can be"
            )
        self._source = source
        self._window = bytearray(1 << self._window_bits)
        self._ready = bytearray()
        self._bits = self._bit_count = 0

    def take(self, count: int) -> bytes:
        while len(self._ready) < count:
            if self._get(1):
                self._add(bytes([self._get(8)]))
            else:
                distance = self._get(self._window_bits) + 1
                length = self._get(self._count_bits) + 1
                run = bytes(self._window[-distance:][:length])
                self._add((run * (length // len(run) + 1))[:length])
        result = bytes(self._ready[:count])
        del self._ready[:count]
        return result

    def _add(self, data: bytes) -> None:
        self._ready += data
        self._window += data
        del self._window[: len(data)]

    def _get(self, count: int) -> int:
        while self._bit_count < count:
            self._bits = (self._bits << 8 | self._source.byte()) & 0xFFFF_FFFF
            self._bit_count += 8
        self._bit_count -= count
        return self._bits >> self._bit_count & ((1 << count) - 1)


def _number(byte: Callable[[], int]) -> int:
    """Read a signed number: 6 bits and the sign first, then 7 bits a byte, least significant first."""
    first = byte()
    value, shift, more = first & 0x3F, 6, first & 0x80
    while more:
        if shift > 62:
            raise PatchError("a number in the patch does not end")
        following = byte()
        value |= (following & 0x7F) << shift
        shift, more = shift + 7, following & 0x80
    return -value if first & 0x40 else value
