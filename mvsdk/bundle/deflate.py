"""DEFLATE (RFC 1951) as bundles use it: written so that every machine writes the same, read so that one stream stands
for one content.

Compressed data has slack: padding bits, matches that could name another distance, code tables with spare codes. A byte
changed there decodes to the same content and passes every checksum. So a stream is taken only when it is what a
well-known encoder writes, or when it has none of that slack.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from mvsdk.bundle import strict_inflate
from mvsdk.bundle.strict_inflate import DeflateError

_LARGEST_BLOCK = 0xFFFF
_LEVELS = (6, 9, 5, 7, 8, 4, 3, 2, 1)
"""Every level of zlib, the likely ones first."""


def store(content: bytes) -> bytes:
    """Return `content` as stored blocks, as long as they may be: valid DEFLATE that depends on no encoder's version."""
    starts = range(0, max(len(content), 1), _LARGEST_BLOCK)
    blocks = []
    for start in starts:
        block = content[start : start + _LARGEST_BLOCK]
        last = start == starts[-1]
        blocks.append(struct.pack("<BHH", last, len(block), len(block) ^ 0xFFFF) + block)
    return b"".join(blocks)


def decode(stream: bytes, size: int) -> bytes:
    """Return the `size` bytes that `stream` stands for, never inflating more than one byte beyond.

    Raises DeflateError when it is no DEFLATE data, stands for another number of bytes, ends early or goes on.
    """
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        content = inflater.decompress(stream, size + 1)
    except zlib.error as error:
        raise DeflateError(f"is no valid DEFLATE data ({error})") from error
    if len(content) > size:
        raise DeflateError(f"inflates to more than the {size} bytes it declares")
    if not inflater.eof:
        raise DeflateError(f"ends after {len(content)} of {size} bytes in the middle of its DEFLATE data")
    if len(content) < size:
        raise DeflateError(f"inflates to {len(content)} bytes, not to the {size} it declares")
    if inflater.unused_data:
        raise DeflateError(f"has {len(inflater.unused_data)} bytes behind the end of its DEFLATE data")
    return content


def check_canonical(stream: bytes, content: bytes) -> None:
    """Raise DeflateError unless `stream`, which decodes to `content`, is free of slack.

    What an encoder known here writes for `content` is taken, and what is one byte off from that is damage: for those
    streams no byte can change unnoticed. Everything else is examined bit by bit, as far as that goes (see
    strict_inflate): bundles come from machines with another zlib too.
    """
    damaged = None
    for form in _known_forms(content):
        if stream == form:  # two encoders may differ in a single byte, so a later form can still be the one
            return
        damaged = _only_difference(stream, form) if damaged is None else damaged
    if damaged is not None:
        raise DeflateError(f"is damaged in byte {damaged} of its DEFLATE data, without effect on the content")
    strict_inflate.check(stream, content)


def _known_forms(content: bytes) -> Iterator[bytes]:
    yield store(content)
    for level in _LEVELS:
        deflater = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
        yield deflater.compress(content) + deflater.flush()


def _only_difference(one: bytes, other: bytes) -> int | None:
    """Return the index of the only byte in which the two differ; None when they differ in none, in more, or in size."""
    if len(one) != len(other):
        return None
    difference = int.from_bytes(one, "little") ^ int.from_bytes(other, "little")
    lowest = (difference & -difference).bit_length() - 1
    at = lowest // 8
    return at if difference and difference >> (8 * at) < 256 else None
