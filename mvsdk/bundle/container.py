"""The archive of a bundle: a ZIP file (PKWARE APPNOTE 6.3) with nothing in it that could be something else.

Reading is strict down to the last bit, so that no byte can be changed unnoticed: members one after the other from the
first byte, the central directory right behind them, the end record right behind that; every fact that is stated twice
stated alike; no comments, extra fields, encryption, ZIP64 or further disks. Writing gives the same bytes everywhere.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mvsdk.bundle import deflate
from mvsdk.bundle.errors import BUNDLE_AGAIN, ContainerError
from mvsdk.bundle.strict_inflate import DeflateError

MANIFEST = "manifest"
MANIFEST_LIMIT = 64 * 1024
"""Bytes of manifest; more than 500 layers. Set here, not by the format."""

LOCAL = struct.Struct("<4s5H3I2H")
LOCAL_SIGNATURE = b"PK\x03\x04"
DESCRIPTOR_FLAG = 0x0008
STORED, DEFLATED = 0, 8

_CENTRAL, _CENTRAL_SIGNATURE = struct.Struct("<4s6H3I5H2I"), b"PK\x01\x02"
_END, _END_SIGNATURE = struct.Struct("<4s4H2IH"), b"PK\x05\x06"
_DESCRIPTOR, _DESCRIPTOR_SIGNATURE = struct.Struct("<4s3I"), b"PK\x07\x08"
_ALLOWED_FLAGS = DESCRIPTOR_FLAG | 0x0800 | 0x0006
"""Sizes in a descriptor, UTF-8 names, and the two bits in which deflaters note their level (4.4.4)."""
_VERSION = 20
"""The version of the format that DEFLATE needs (4.4.3); later ones are for features no bundle has."""
_PACKING_OVERHEAD = 64
"""More bytes than any deflater adds to a few; what takes many more than its content is there to waste time."""
_LAYER_NAME = re.compile(rb"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Member:
    """A member's name and content, and how many bytes it takes in the archive, by which method (4.4.5)."""

    name: str
    content: bytes
    packed: int
    method: int


@dataclass(frozen=True, slots=True)
class _Entry:
    """One entry of the central directory: what it must repeat of the local header, and what stands only here."""

    name: bytes
    facts: tuple[int, ...]  # version needed, flags, method, time, date, as in the local header
    crc: int
    packed: int
    size: int
    attributes: tuple[int, int, int]  # version made by, internal, external
    offset: int

    @property
    def flags(self) -> int:
        return self.facts[1]

    @property
    def method(self) -> int:
        return self.facts[2]


def write(members: Iterable[tuple[str, bytes]]) -> bytes:
    """Return an archive of these members in this order, the same bytes on every machine and at every time.

    Its headers are those of the original bundler (Python's zipfile); its data are stored blocks.
    """
    local, central = bytearray(), bytearray()
    count = 0
    for name, content in members:
        data = deflate.store(content)
        # Version, flags, method, 1980-01-01 00:00, and no extra field.
        facts = (_VERSION, 0, DEFLATED, 0, 0x21, zlib.crc32(content), len(data), len(content), len(name), 0)
        made_by, external = 3 << 8 | _VERSION, 0o600 << 16  # Unix, rw-------
        central += _CENTRAL.pack(_CENTRAL_SIGNATURE, made_by, *facts, 0, 0, 0, external, len(local)) + name.encode()
        local += LOCAL.pack(LOCAL_SIGNATURE, *facts) + name.encode() + data
        count += 1
    return bytes(local + central) + _END.pack(_END_SIGNATURE, 0, 0, count, count, len(central), len(local), 0)


def read(data: bytes, capacity: int) -> tuple[Member, ...]:
    """Return the members in their order: one manifest, and layers of together at most `capacity` bytes.

    Layers are only named here, not compared with their names. Raises ContainerError for the first thing wrong.
    """
    entries, directory = _directory(data)
    _check_names([entry.name for entry in entries])
    _check_sizes(entries, capacity)
    _check_attributes(entries)
    members = []
    position = 0
    for entry in entries:
        member, position = _member(data, entry, position, directory)
        members.append(member)
    if position != directory:
        raise _error(f"{directory - position} bytes lie between the last member and the central directory")
    return tuple(members)


def _directory(data: bytes) -> tuple[list[_Entry], int]:
    """Return the entries of the central directory and its offset."""
    if not data.startswith(LOCAL_SIGNATURE):
        raise _error(f"it starts with {data[:4].hex(' ') or 'nothing'}, not with a ZIP member")
    end = len(data) - _END.size
    if end < 0 or data[end : end + 4] != _END_SIGNATURE:
        behind = data.rfind(_END_SIGNATURE)
        if 0 <= behind < end:
            raise _error(f"{end - behind} bytes follow the end record")
        raise _error("it is truncated: there is no end record")
    _, disk, directory_disk, on_disk, count, size, offset, comment = _END.unpack_from(data, end)
    if (disk, directory_disk, comment) != (0, 0, 0) or on_disk != count:
        raise _error(
            f"the end record tells of disk {disk}, directory disk {directory_disk}, {on_disk} of {count} members, "
            f"and a comment of {comment} bytes"
        )
    if offset + size != end:
        raise _error(f"the central directory is said to be at {offset} with {size} bytes, but must end at {end}")
    position = offset
    entries = []
    for _ in range(count):
        entry, position = _entry(data, position, end)
        entries.append(entry)
    if position != end:
        raise _error(f"{end - position} bytes lie between the central directory and the end record")
    return entries, offset


def _entry(data: bytes, position: int, end: int) -> tuple[_Entry, int]:
    if position + _CENTRAL.size > end or data[position : position + 4] != _CENTRAL_SIGNATURE:
        raise _error(f"there is no entry of the central directory at {position}")
    fields = _CENTRAL.unpack_from(data, position)
    made_by, *facts = fields[1:7]
    crc, packed, size, name_size, extra, comment, disk, internal, external, offset = fields[7:]
    name = data[position + _CENTRAL.size : position + _CENTRAL.size + name_size]
    position += _CENTRAL.size + name_size
    if position > end:
        raise _error(f"the name of {name_size} bytes in the central directory reaches beyond its end")
    if extra or comment or disk:
        raise _error(f"{shown(name)} has an extra field of {extra} bytes, a comment of {comment}, disk {disk}")
    return _Entry(name, tuple(facts), crc, packed, size, (made_by, internal, external), offset), position


def _check_names(names: Iterable[bytes]) -> None:
    seen: set[bytes] = set()
    for name in names:
        if name in seen:
            raise _error(f"there are two members named {shown(name)}")
        seen.add(name)
        if name != MANIFEST.encode() and not _LAYER_NAME.fullmatch(name):
            raise _error(f"there is a member named {shown(name)}; only 'manifest' and SHA-256 names may be there")
    if MANIFEST.encode() not in seen:
        raise _error("there is no member named 'manifest'")
    if len(seen) < 2:
        raise _error("there is no layer")


def _check_sizes(entries: Iterable[_Entry], capacity: int) -> None:
    room = capacity
    for entry in entries:
        if not entry.size:
            raise _error(f"{shown(entry.name)} is empty")
        if entry.packed > 2 * entry.size + _PACKING_OVERHEAD:
            raise _error(f"{shown(entry.name)} takes {entry.packed} bytes to pack {entry.size}")
        if entry.name == MANIFEST.encode():
            if entry.size > MANIFEST_LIMIT:
                raise _error(f"the manifest declares {entry.size} bytes; {MANIFEST_LIMIT} are allowed")
            continue
        room -= entry.size
        if room < 0:
            raise _error(f"{shown(entry.name)} declares {entry.size} bytes, {-room} more than the flash has room for")


def _check_attributes(entries: Sequence[_Entry]) -> None:
    for entry in entries:
        name = shown(entry.name)
        version, flags, method, *_ = entry.facts
        if flags & ~_ALLOWED_FLAGS:
            raise _error(f"{name} has flags {flags:#06x}; encryption and the like are not allowed")
        if method not in (STORED, DEFLATED):
            raise _error(f"{name} is packed with method {method}; only 0 (stored) and 8 (deflated) are allowed")
        if version > _VERSION:
            raise _error(f"{name} needs version {version / 10} of the ZIP format; a bundle needs {_VERSION / 10}")
        # These stand only here. Nobody reads them, but a changed bit must show.
        if entry.attributes != entries[0].attributes:
            raise _error(
                f"{name} and {shown(entries[0].name)} differ in the system or attributes they were written with"
            )


def _member(data: bytes, entry: _Entry, position: int, limit: int) -> tuple[Member, int]:
    """Return the member that must be at `position`, and where the next one must be."""
    name = shown(entry.name)
    if entry.offset != position:
        raise _error(f"{name} is said to be at {entry.offset}, but the member before it ends at {position}")
    start = position + LOCAL.size + len(entry.name)
    end = start + entry.packed
    after = end + (_DESCRIPTOR.size if entry.flags & DESCRIPTOR_FLAG else 0)
    if after > limit:
        raise _error(f"{name} reaches {after - limit} bytes into the central directory")
    signature, *facts, crc, packed, size, name_size, extra = LOCAL.unpack_from(data, position)
    if (
        signature != LOCAL_SIGNATURE
        or data[position + LOCAL.size : start] != entry.name
        or name_size != len(entry.name)
    ):
        raise _error(f"there is no local header for {name} at {position}")
    if extra:
        raise _error(f"{name} has an extra field of {extra} bytes in its local header")
    sums = (entry.crc, entry.packed, entry.size)
    later = (0, 0, 0) if entry.flags & DESCRIPTOR_FLAG else sums
    if tuple(facts) != entry.facts or (crc, packed, size) not in (sums, later):
        raise _error(f"the local header of {name} and the central directory disagree")
    if after > end and data[end:after] != _DESCRIPTOR.pack(_DESCRIPTOR_SIGNATURE, *sums):
        raise _error(f"the data descriptor of {name} and the central directory disagree")
    content = _content(data[start:end], entry)
    return Member(entry.name.decode(), content, entry.packed, entry.method), after


def _content(packed: bytes, entry: _Entry) -> bytes:
    content = packed
    try:
        if entry.method == DEFLATED:
            content = deflate.decode(packed, entry.size)
        if len(content) != entry.size:
            raise DeflateError(f"is stored with {len(content)} bytes, but declares {entry.size}")
        if zlib.crc32(content) != entry.crc:
            raise DeflateError(f"has the checksum {zlib.crc32(content):08x}, not {entry.crc:08x}")
        if entry.method == DEFLATED:
            deflate.check_canonical(packed, content)
    except DeflateError as error:
        raise _error(f"{shown(entry.name)} {error}") from error
    return content


def shown(name: bytes) -> str:
    """Return a member's name as an error shows it: in quotes, whatever it holds, and cut when it is long."""
    text = ascii(name.decode("utf-8", "backslashreplace"))
    return text if len(text) <= 80 else f"{text[:60]}…' ({len(name)} bytes)"


def _error(what: str) -> ContainerError:
    return ContainerError(f"this is no well-formed bundle: {what}", BUNDLE_AGAIN)
