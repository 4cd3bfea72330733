"""Members of a broken archive, as far as they can be made out. For showing only: nothing here is checked."""

from __future__ import annotations

import zlib

from mvsdk.bundle.container import DEFLATED, DESCRIPTOR_FLAG, LOCAL, LOCAL_SIGNATURE, MANIFEST_LIMIT, Member, shown

_MEMBER_LIMIT = 256
"""Enough for any bundle, and few enough to go through a file made to waste time."""


def members(data: bytes, capacity: int) -> tuple[Member, ...]:
    """Return what follows local headers anywhere in the file; at most `capacity` bytes and a manifest in all.

    The content of a damaged member is what of it could be inflated. Names that are no plain ASCII words are quoted.
    """
    found: list[Member] = []
    room = capacity + MANIFEST_LIMIT
    position = data.find(LOCAL_SIGNATURE)
    while 0 <= position <= len(data) - LOCAL.size and room > 0 and len(found) < _MEMBER_LIMIT:
        _, _, flags, method, _, _, _, packed, _, name_size, extra = LOCAL.unpack_from(data, position)
        name_end = position + LOCAL.size + name_size
        start = name_end + extra
        # A writer that did not know the size beforehand left it 0, for a descriptor behind the data to tell.
        end = start + packed if packed or not flags & DESCRIPTOR_FLAG else len(data)
        content, used = _unpacked(data[start:end], method, room)
        room -= len(content)
        found.append(Member(_name(data[position + LOCAL.size : name_end]), content, used, method))
        position = data.find(LOCAL_SIGNATURE, start + used)
    return tuple(found)


def _name(name: bytes) -> str:
    return name.decode() if name.isalnum() else shown(name)


def _unpacked(stream: bytes, method: int, room: int) -> tuple[bytes, int]:
    """Return what can be had of the content, and how many bytes of the stream that took."""
    if method != DEFLATED:
        return stream[:room], len(stream)
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        content = inflater.decompress(stream, room)
    except zlib.error:
        return b"", 0
    return content, len(stream) - len(inflater.unused_data) - len(inflater.unconsumed_tail)
