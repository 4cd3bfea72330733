"""The archive: everything a bundler does not write is refused, by the name of what is wrong."""

from __future__ import annotations

import hashlib
import io
import struct
import zipfile
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvsdk.bundle import ContainerError, ManifestOptions, UnverifiedBundle, create
from mvsdk.bundle.container import read, write
from mvsdk.errors import BundleError
from tests.bundle.samples import KEY, REGION, ROM, VECTORS, members, original, verified

GOOD = create(ROM, ManifestOptions(), KEY)
MEMBERS = members(GOOD)
LAYER, MANIFEST = MEMBERS[0][0], dict(MEMBERS)["manifest"]
CENTRAL = GOOD.index(b"PK\x01\x02")
CENTRAL_SIZE = 46 + 64
END = len(GOOD) - 22


def patched(offset: int, form: str, value: int, data: bytes = GOOD) -> bytes:
    """Return the bundle with a field overwritten; negative offsets count from the end."""
    changed = bytearray(data)
    struct.pack_into(form, changed, offset % len(data), value)
    return bytes(changed)


def twice(local: int, central: int, form: str, value: int) -> bytes:
    """Return the bundle with a field of the first member overwritten in both places where it stands."""
    return patched(CENTRAL + central, form, value, patched(local, form, value))


def zipped(change: Callable[[zipfile.ZipFile], None], names: tuple[str, ...] = (LAYER, "manifest")) -> bytes:
    """Return an archive of the good members that was written with a change."""
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(zipfile.ZipInfo(name), dict(MEMBERS)[name], zipfile.ZIP_DEFLATED)
        change(archive)
    return output.getvalue()


def refused(data: bytes, words: str) -> None:
    """Assert that both ways of reading refuse the bundle with these words."""
    with pytest.raises(ContainerError, match=words):
        UnverifiedBundle.parse(data)
    with pytest.raises(ContainerError, match=words):
        verified(data)


class Stream(io.RawIOBase):
    """A pipe, as far as zipfile can tell: it cannot seek, so sizes go into data descriptors."""

    def __init__(self) -> None:
        self.data = b""

    def writable(self) -> bool:
        """Tell that it can be written to."""
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """Take the next bytes."""
        self.data += bytes(data)
        return len(data)


@given(st.lists(st.binary(min_size=1, max_size=200_000), min_size=1, max_size=3, unique=True))
def test_what_is_written_is_read(contents: list[bytes]) -> None:
    """Members come back as they were written, for us and for Python's zipfile, however long they are."""
    wanted = [*((hashlib.sha256(content).hexdigest(), content) for content in contents), ("manifest", b"m")]
    data = write(wanted)
    assert [(member.name, member.content) for member in read(data, REGION)] == wanted
    assert members(data) == wanted


def test_any_order_is_read() -> None:
    """The manifest may come first."""
    assert verified(write(reversed(MEMBERS))).image == ROM


def test_data_descriptors_are_read() -> None:
    """An archive written to a pipe, with the sizes behind the data, is as good."""
    pipe = Stream()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in MEMBERS:
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    assert pipe.data.count(b"PK\x07\x08") == 2
    assert verified(pipe.data).image == ROM
    at = pipe.data.index(b"PK\x07\x08")
    for offset in range(16):
        refused(patched(at + offset, "B", pipe.data[at + offset] ^ 1, pipe.data), "descriptor")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "starts with nothing"),
        (b"hello", "starts with 68 65 6c 6c, not with a ZIP member"),
        (b"\x7fELF" + bytes(100), "starts with 7f 45 4c 46"),
        (GOOD[:100], "truncated"),
        (GOOD[:-1], "truncated"),
        (GOOD + b"x", "1 bytes follow the end record"),
        (b"x" + GOOD, "starts with 78"),
        (patched(-2, "<H", 3), "a comment of 3 bytes"),
        (patched(END + 4, "<H", 1), "disk 1"),
        (patched(END + 8, "<H", 1), "1 of 2 members"),
        (patched(END + 12, "<I", 7), "central directory is said to be"),
        (patched(END + 16, "<I", 7), "central directory is said to be"),
        (patched(CENTRAL, "<I", 0), "no entry of the central directory"),
        (patched(CENTRAL + 28, "<H", 60000), "reaches beyond its end"),
        (patched(CENTRAL + 30, "<H", 1), "extra field of 1 bytes"),
        (patched(CENTRAL + 32, "<H", 9), "a comment of 9"),
        (patched(CENTRAL + 34, "<H", 1), "disk 1"),
        (patched(CENTRAL + 42, "<I", 1), "said to be at 1"),
        (patched(CENTRAL + 4, "<H", 20), "differ in the system"),
        (patched(CENTRAL + 36, "<H", 1), "differ in the system or attributes"),
        (patched(CENTRAL + 38, "<I", 0), "differ in the system or attributes"),
        (patched(26, "<H", 63), "no local header"),
        (patched(28, "<H", 1), "extra field of 1 bytes in its local header"),
        (patched(14, "<I", 7), "disagree"),
        (patched(10, "<H", 7), "disagree"),
        (twice(4, 6, "<H", 45), "version 4.5"),
        (twice(6, 8, "<H", 1), "flags 0x0001; encryption"),
        (twice(6, 8, "<H", 8), "reaches 16|no local header|descriptor"),
        (twice(8, 10, "<H", 12), "method 12"),
        (twice(14, 16, "<I", 7), "checksum"),
        (twice(18, 20, "<I", 20), "middle of its DEFLATE"),
        (twice(18, 20, "<I", 90), "no local header|middle|behind the end"),
        (twice(18, 20, "<I", 0xFFFFFFFF), "takes 4294967295 bytes to pack 16"),
        (patched(CENTRAL + CENTRAL_SIZE + 20, "<I", 300), "300 bytes.*|into the central directory"),
        (twice(22, 24, "<I", 15), "inflates to more than the 15 bytes"),
        (twice(22, 24, "<I", 17), "inflates to 16 bytes, not to the 17"),
        (twice(22, 24, "<I", 0), "is empty"),
        (twice(22, 24, "<I", 0xFFFFFFFF), "declares 4294967295 bytes, 4293918719 more than the flash"),
    ],
)
def test_every_field_of_the_archive_is_checked(data: bytes, words: str) -> None:
    """A field with a value no bundler writes is named."""
    refused(data, words)


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/passwd", "a/" + LAYER, LAYER.upper(), LAYER + "\0", "Manifest", "x", ""]
)
def test_unknown_members_are_named(name: str) -> None:
    """A member that is neither the manifest nor named like a hash is refused by its name."""
    data = write([*MEMBERS, (name, b"x")])
    refused(data, "there is a member named .*; only")


def test_two_members_of_one_name_are_refused() -> None:
    """A name that appears twice is refused, whatever the two hold."""
    refused(write([*MEMBERS, MEMBERS[0]]), f"two members named '{LAYER}'")
    refused(write([*MEMBERS, ("manifest", b"x")]), "two members named 'manifest'")


def test_both_kinds_of_member_must_be_there() -> None:
    """An archive without a manifest or without a layer is refused."""
    refused(write(MEMBERS[:1]), "no member named 'manifest'")
    refused(write(MEMBERS[1:]), "there is no layer")


def test_extras_of_other_writers_are_refused() -> None:
    """Comments, extra fields, ZIP64 and directories are refused."""

    def comment(archive: zipfile.ZipFile) -> None:
        archive.comment = b"hello"

    def extra(archive: zipfile.ZipFile) -> None:
        info = zipfile.ZipInfo("manifest")
        info.extra = struct.pack("<HHI", 0xCAFE, 4, 0)
        archive.writestr(info, MANIFEST)

    def zip64(archive: zipfile.ZipFile) -> None:
        with archive.open("manifest", "w", force_zip64=True) as member:
            member.write(MANIFEST)

    def directory(archive: zipfile.ZipFile) -> None:
        archive.writestr("manifest/", b"")

    refused(zipped(comment), "5 bytes")
    for change, words in (
        (extra, "an extra field of 8 bytes"),
        (zip64, "extra field|version"),
        (directory, "manifest/"),
    ):
        refused(zipped(change, (LAYER,)), words)


def test_hidden_bytes_are_refused() -> None:
    """Bytes between members, before the directory or before the end record are refused."""
    second = GOOD.index(b"PK\x03\x04", 1)
    for position, words in (
        (second, "directory is said to be"),
        (CENTRAL, "directory is said to be"),
        (END, "said to be"),
    ):
        refused(GOOD[:position] + b"hidden" + GOOD[position:], words)
    moved = GOOD[:CENTRAL] + b"hidden" + GOOD[CENTRAL:]
    refused(patched(-6, "<I", CENTRAL + 6, moved), "6 bytes lie between the last member and the central directory")


def test_size_bombs_are_not_inflated() -> None:
    """A member that inflates to a thousand times what it declares is given up right there."""
    bomb = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = bomb.compress(bytes(50_000_000)) + bomb.flush()
    header = struct.pack("<5H3I2H", 20, 0, 8, 0, 0x21, 0, len(packed), 50_000, 64, 0)
    local = b"PK\x03\x04" + header + LAYER.encode() + packed
    manifest = write(MEMBERS[1:])
    rest, directory = manifest[: manifest.index(b"PK\x01\x02")], manifest[manifest.index(b"PK\x01\x02") : -22]
    central = b"PK\x01\x02" + struct.pack("<H", 0x314) + header + struct.pack("<3H2I", 0, 0, 0, 0o600 << 16, 0)
    central += LAYER.encode() + patched(42, "<I", len(local), directory)
    end = struct.pack("<4H2IH", 0, 0, 2, 2, len(central), len(local + rest), 0)
    refused(local + rest + central + b"PK\x05\x06" + end, "inflates to more than the 50000 bytes it declares")


def test_declared_sizes_are_bounded() -> None:
    """Layers may declare what the flash holds together, and a manifest 64 KiB."""
    halves = [(hashlib.sha256(content).hexdigest(), content) for content in (b"a" * 600_000, b"b" * 500_000)]
    refused(write([*halves, ("manifest", b"m")]), "declares 500000 bytes, 51424 more than the flash")
    refused(write([MEMBERS[0], ("manifest", bytes(65537))]), "manifest declares 65537 bytes; 65536 are allowed")


def test_many_members_are_read() -> None:
    """Tens of thousands of members with one byte each are read like two."""
    names = [(f"{number:064x}", b"x") for number in range(20_000)]
    assert len(read(write([*names, ("manifest", b"m")]), REGION)) == 20_001


@given(st.binary(max_size=300))
def test_random_bytes_raise_nothing_else(data: bytes) -> None:
    """Random bytes, bare or behind the start of a member, are refused with a BundleError."""
    for variant in (data, b"PK\x03\x04" + data, b"PK\x03\x04" + data + GOOD[END:], GOOD[:CENTRAL] + data + GOOD[END:]):
        with pytest.raises(BundleError):
            verified(variant)


@given(st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.binary(min_size=1, max_size=4)), min_size=1, max_size=4))
def test_random_changes_raise_nothing_else(changes: list[tuple[int, bytes]]) -> None:
    """A good bundle with some bytes overwritten is refused with a BundleError, unless nothing changed."""
    for good in (GOOD, original(create(VECTORS, ManifestOptions(), KEY))):
        changed = bytearray(good)
        for position, content in changes:
            changed[position : position + len(content)] = content
        if bytes(changed) != good:
            with pytest.raises(BundleError):
                verified(bytes(changed))
