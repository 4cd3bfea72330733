"""Manifests: what the wire says, read strictly."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvsdk.bundle import LayerError, ManifestError, ManifestOptions, OptionError, create, sign
from mvsdk.bundle.manifest import Body, Envelope, Layer
from mvsdk.bundle.wire import UnknownField
from mvsdk.errors import BundleError
from tests.bundle.samples import KEY, ROM, bundle_around, layer, members, pack, verified
from tests.keys.samples import key_of

COUNTS = st.integers(0, 2**32 - 1)
POINTS = st.none() | st.integers(1, 1000).map(lambda scalar: key_of(scalar).public.point)
OPTIONS = st.builds(
    ManifestOptions, POINTS, st.booleans(), COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, POINTS, COUNTS
)
LAYERS = st.builds(
    Layer,
    st.sampled_from(["internal_flash", "external_flash"]),
    COUNTS,
    COUNTS,
    st.integers(0, 2**64 - 1),
    st.binary(max_size=40),
    st.binary(max_size=40),
)
GOOD_BODY = Body((layer(ROM.data),), ManifestOptions()).encode()


def varint(value: int) -> bytes:
    """Return a number in base 128, least significant first."""
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def number(field: int, value: int) -> bytes:
    """Return a field of wire type 0."""
    return varint(field << 3) + varint(value)


def content(field: int, data: bytes) -> bytes:
    """Return a field of wire type 2."""
    return varint(field << 3 | 2) + varint(len(data)) + data


@given(st.lists(LAYERS, max_size=4), OPTIONS)
def test_what_is_written_is_read(layers: list[Layer], options: ManifestOptions) -> None:
    """A body comes back from its wire form with every value, and its wire form is the same the second time."""
    body = Body(tuple(layers), options)
    assert Body.parse(body.encode()) == body
    assert Body.parse(body.encode()).encode() == body.encode()


@given(st.binary(max_size=200))
def test_random_bytes_raise_nothing_else(data: bytes) -> None:
    """Random bytes are a manifest, or a ManifestError."""
    for parse in (Envelope.parse, Body.parse):
        try:
            parse(data)
        except ManifestError:
            continue


@given(st.binary(min_size=1, max_size=100))
def test_a_manifest_of_random_bytes_is_refused(data: bytes) -> None:
    """A bundle whose manifest, or whose signed body, is random does not verify, and a BundleError says so."""
    with pytest.raises(BundleError):
        verified(pack([ROM.data], data), allow_unsigned=True)
    with pytest.raises(BundleError):
        verified(bundle_around(data, [ROM.data]))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x12", "the number at byte 1 does not end"),
        (b"\x12\x05ab", "field 2 at byte 0 ends 3 bytes behind"),
        (b"\x80" * 11, "does not end"),
        (b"\x00\x01", "field number 0"),
        (varint(1 << 32) + b"\0", "field number 536870912"),
        (b"\x08" + b"\xff" * 9 + b"\x7f", "more than 64 bits"),
        (content(1, b"abc"), "OpaqueManifest.signer_id at byte 0 has wire type 2, not 0"),
        (number(2, 7), "OpaqueManifest.body at byte 0 has wire type 0, not 2"),
        (content(2, b"a") + content(2, b"b"), "OpaqueManifest.body at byte 3 is set already at byte 0"),
        (number(1, 5) + number(1, 5), "OpaqueManifest.signer_id at byte 2 is set already"),
        (b"\x4b\x4c", "wire type 3 of field 9 at byte 0"),
        (b"\x4d\x00", "field 9 at byte 0 ends 3 bytes behind"),
        (b"\x49\x00", "field 9 at byte 0 ends 7 bytes behind"),
    ],
)
def test_what_is_malformed_is_named(data: bytes, words: str) -> None:
    """A manifest that is cut off, ambiguous, or not of its types is refused with the field and the place."""
    with pytest.raises(ManifestError, match=re.escape(words)):
        Envelope.parse(data)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (content(4, number(2, 2**32)), "UpdatePolicy.minimum_kernel_version = 4294967296 is too large"),
        (content(2, number(1, 2)), "DebugPolicy.debuggable = 2 is too large"),
        (content(4, b"") + content(4, b""), "AppBody.update at byte 2 is set already"),
        (
            content(1, content(1, content(1, b"") + content(2, b""))),
            "AppLayerRegion.external_flash at byte 2 is set already",
        ),
        (content(3, content(1, b"")), "CrashPolicy.minimum_restart_ms at byte 0 has wire type 2"),
        (content(1, content(3, b"x" * 32) + b"\x08"), "the number at byte 35 does not end"),
    ],
)
def test_what_is_malformed_inside_is_named(data: bytes, words: str) -> None:
    """Sub-messages are held to the same rules, however deep."""
    with pytest.raises(ManifestError, match=re.escape(words)):
        Body.parse(data)


def test_unknown_fields_are_skipped_and_counted() -> None:
    """Fields of a later format, of every wire type and at every depth, change nothing and are told of."""
    body = GOOD_BODY + number(9, 5) + b"\x51" + bytes(8) + content(4711, b"new") + b"\x5d" + bytes(4)
    result = verified(bundle_around(body, [ROM.data]))
    assert result.image == ROM
    assert result.unknown_fields == (
        UnknownField("AppBody", 9, 2),
        UnknownField("AppBody", 10, 9),
        UnknownField("AppBody", 4711, 7),
        UnknownField("AppBody", 11, 5),
    )
    inside = content(4, number(2, 7) + number(12, 1))
    assert Body.parse(inside).options.minimum_kernel_version == 7
    assert Body.parse(inside).unknown == (UnknownField("UpdatePolicy", 12, 2),)


def test_signing_keeps_unknown_fields_and_every_byte_of_the_body() -> None:
    """A body in an order of its own, with fields nobody here knows, is signed as it is; so are fields beside it."""
    reference = content(
        1, b"".join([content(4, layer(ROM.data).measurement_hash), content(3, layer(ROM.data).fetch_hash)])
    )
    target = content(1, content(1, number(2, 0x100000)))
    body = b"\x2a\x00" + content(1, target + reference[2:]) + content(77, b"later") + b"\x22\x00"
    outer = content(99, b"outside") + content(2, body)
    manifest = dict(members(sign(pack([ROM.data], outer), KEY)))["manifest"]
    envelope = Envelope.parse(manifest)
    assert envelope.body == body
    assert content(99, b"outside") in manifest
    assert envelope.signature == KEY.sign(b"twlo-mv-manifest-v1\0" + body)
    assert [field.number for field in verified(pack([ROM.data], manifest)).unknown_fields] == [99, 77]


def test_sub_messages_may_be_there_and_empty() -> None:
    """The first bundler always wrote `debug` and `crash`; empty ones say what absent ones say."""
    body = GOOD_BODY[:-4] + b"\x12\x00\x1a\x00" + GOOD_BODY[-4:]
    assert verified(bundle_around(body, [ROM.data])).options == ManifestOptions()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (ManifestOptions(minimum_kernel_version=2**32), "minimum_kernel_version = 4294967296"),
        (ManifestOptions(connection_grace_time_sec=-1), "connection_grace_time_sec = -1"),
        (ManifestOptions(minimum_restart_ms=2, maximum_restart_ms=1), "minimum_restart_ms = 2 is longer"),
        (ManifestOptions(include_stack_bytes=5), "include_stack_bytes = 5, but there is no crash_report_pubkey"),
        (ManifestOptions(debug_auth_pubkey=b"\x04" + bytes(64)), "debug_auth_pubkey: the public key"),
        (ManifestOptions(crash_report_pubkey=b""), "crash_report_pubkey: a public key of 0 bytes"),
    ],
)
def test_options_no_device_could_follow_are_refused(options: ManifestOptions, words: str) -> None:
    """An option with an impossible value is named before anything is made."""
    with pytest.raises(OptionError, match=re.escape(words)):
        create(ROM, options, None)


def test_a_manifest_without_a_body_is_refused() -> None:
    """A manifest with nothing in it but a signature has no layers."""
    with pytest.raises(LayerError, match="names no layer"):
        verified(bundle_around(b"", [ROM.data]))
