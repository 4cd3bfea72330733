"""From an allegation to a proof: signatures, layers, and the image they make."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvsdk.bundle import (
    AlreadySignedError,
    Image,
    ImagePlacementError,
    Layer,
    LayerError,
    ManifestOptions,
    SignatureError,
    UnknownSignerError,
    UnsignedError,
    UnsupportedError,
    VectorTable,
    VectorTableError,
    create,
    sign,
    vector_table_problem,
    verify,
)
from mvsdk.bundle.container import write
from mvsdk.bundle.manifest import Envelope
from mvsdk.keys import PublicKey, SigningKey
from tests.bundle.samples import BOARD, KEY, REGION, ROM, VECTORS, bundle_of, layer, members, pack, verified
from tests.bundle.test_manifest import GOOD_BODY, content, number
from tests.keys.samples import key_of

OTHER = key_of(1)
GOOD = create(VECTORS, ManifestOptions(), KEY)
UNSIGNED = create(VECTORS, ManifestOptions(), None)


def table(stack: int, reset: int, size: int = 64) -> Image:
    """Return an image with these first two words."""
    return Image(struct.pack("<2I", stack, reset).ljust(size, b"\0"))


def test_a_signed_bundle_is_what_was_bundled() -> None:
    """What verifies is the image, the options, the layers and the signer that went in."""
    options = ManifestOptions(minimum_kernel_version=7)
    result = verified(create(VECTORS, options, KEY))
    assert (result.image, result.options, result.signer_id) == (VECTORS, options, KEY.public.id)
    assert result.vector_table == VectorTable(0x20080000, 0x08000201)
    assert result.unknown_fields == ()


@given(st.binary(min_size=1, max_size=63))
def test_a_short_image_is_taken_and_not_bootable(data: bytes) -> None:
    """An image too short for a vector table verifies, and says that it cannot be started."""
    result = verified(create(Image(data), ManifestOptions(), KEY))
    assert result.image == Image(data)
    assert result.vector_table is None


def test_unsigned_is_an_exception() -> None:
    """An unsigned bundle is refused, unless that is allowed; then it has no signer."""
    with pytest.raises(UnsignedError, match="not signed"):
        verified(UNSIGNED)
    assert verified(UNSIGNED, allow_unsigned=True).signer_id == 0


def test_allowing_unsigned_ones_does_not_excuse_signed_ones() -> None:
    """With unsigned bundles allowed, a signature of somebody unknown is still refused."""
    with pytest.raises(UnknownSignerError, match=f"{OTHER.public.id:016x}"):
        verified(create(VECTORS, ManifestOptions(), OTHER), allow_unsigned=True)


def test_nobody_is_trusted_by_default() -> None:
    """Without trusted keys no signature counts."""
    with pytest.raises(UnknownSignerError):
        verify(GOOD, BOARD, [])


def test_a_signature_of_another_manifest_is_refused() -> None:
    """A signature moved from one manifest to another does not fit."""
    mine = Envelope.parse(dict(members(GOOD))["manifest"])
    changed = number(1, mine.signer_id) + content(2, mine.body + number(9, 1)) + content(3, mine.signature)
    with pytest.raises(SignatureError, match="not one of key"):
        verified(pack([VECTORS.data], changed))


@pytest.mark.parametrize(
    ("signer_id", "signature", "words"),
    [
        (0, bytes(64), "a signature but no signer"),
        (KEY.public.id, b"", "but no signature"),
        (KEY.public.id, b"x", "not one of key"),
        (KEY.public.id, bytes(64), "not one of key"),
        (KEY.public.id, b"\xff" * 64, "not one of key"),
    ],
)
@pytest.mark.parametrize("allow_unsigned", [False, True])
def test_half_signed_is_refused(signer_id: int, signature: bytes, words: str, allow_unsigned: bool) -> None:
    """A signer without signature, a signature without signer, and bytes that are no signature are refused."""
    manifest = b"".join(
        [
            number(1, signer_id) if signer_id else b"",
            content(2, GOOD_BODY),
            content(3, signature) if signature else b"",
        ]
    )
    with pytest.raises(SignatureError, match=words):
        verified(pack([ROM.data], manifest), allow_unsigned=allow_unsigned)


def test_the_body_is_not_believed_before_its_signature() -> None:
    """A body that cannot even be read is refused for its signature first."""
    with pytest.raises(UnknownSignerError):
        verified(pack([ROM.data], number(1, 5) + content(2, b"\xff\xff") + content(3, bytes(64))))


def test_only_unsigned_bundles_are_signed() -> None:
    """A signed bundle is not signed again, and what would be refused is not signed at all."""
    with pytest.raises(AlreadySignedError, match=f"{KEY.public.id:016x}"):
        sign(GOOD, OTHER)
    with pytest.raises(LayerError):
        sign(bundle_of([layer(b"other")], [ROM.data], signer=None), KEY)


def halves(first: bytes, second: bytes, middle: int = 0x80000) -> tuple[Layer, Layer]:
    """Return two layers that share the flash."""
    return layer(first, 0, middle), layer(second, middle, REGION - middle)


def test_layers_are_put_together() -> None:
    """Slices, in any order and with gaps, make the image they were cut from; gaps hold 0xFF."""
    whole = VECTORS.data + b"\xff" * (4096 - len(VECTORS.data)) + b"tail"
    first, second = VECTORS.data, b"tail"
    for order in (1, -1):
        layers = halves(first, second, 4096)[::order]
        result = verified(bundle_of(layers, [first, second]))
        assert result.image.data == whole
        assert result.layers == tuple(layers)


def test_layers_of_equal_content_share_a_member() -> None:
    """Two layers with the same bytes are one member of the archive."""
    result = verified(bundle_of(halves(VECTORS.data, VECTORS.data), [VECTORS.data]))
    assert result.image.data[0x80000:] == VECTORS.data


ROMS = [ROM.data]
"""What is in the archive when nothing is wrong with it."""


@pytest.mark.parametrize(
    ("layers", "contents", "words"),
    [
        ([], ROMS, "names no layer"),
        ([layer(b"other")], ROMS, "not in the archive"),
        ([layer(ROM.data)], [ROM.data, b"more"], "belongs to no layer"),
        ([layer(ROM.data), layer(ROM.data)], ROMS, "overlap"),
        (halves(ROM.data, b"x", 15), [ROM.data, b"x"], "16 bytes and a region of 15"),
        ([layer(ROM.data, 8), layer(b"x", 0, 16)], [ROM.data, b"x"], "leaves the flash"),
        ([layer(ROM.data, 8, 100), layer(b"x", 0, 16)], [ROM.data, b"x"], "overlap"),
        ([layer(ROM.data, 1)], ROMS, "0x1 to 0x100001 leaves the flash"),
        ([layer(ROM.data, 0, REGION + 1)], ROMS, "leaves the flash"),
        ([layer(ROM.data, 0xFFFFFFFF, 16)], ROMS, "leaves the flash"),
        ([layer(ROM.data, 0, 0)], ROMS, "16 bytes and a region of 0"),
        ([layer(ROM.data, memory="nowhere")], ROMS, "has no target"),
        ([layer(ROM.data, measurement_hash=bytes(32))], ROMS, "measures 9ed640aa.*, not 0000"),
        ([layer(ROM.data, measurement_hash=b"short")], ROMS, "measurement hash has 5 bytes"),
        ([layer(ROM.data, fetch_hash=b"")], ROMS, "fetch hash has 0 bytes"),
    ],
)
def test_layers_that_cannot_be_are_refused(layers: Sequence[Layer], contents: Sequence[bytes], words: str) -> None:
    """Layers that are missing, left over, mismeasured, overlapping or out of range are named, though signed."""
    with pytest.raises(LayerError, match=words):
        verified(bundle_of(layers, contents))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (layer(ROM.data, memory="external_flash"), "external flash, which is not supported"),
        (layer(ROM.data, encrypted_with_key_id=7), "encrypted with key 0000000000000007, which is not supported"),
    ],
)
def test_what_is_not_supported_says_so(wrong: Layer, words: str) -> None:
    """Layers for external flash and encrypted layers are well formed and refused as not supported."""
    with pytest.raises(UnsupportedError, match=words):
        verified(bundle_of([wrong], ROMS))


def test_a_member_must_be_named_by_its_content() -> None:
    """A layer whose content has another hash than its name is refused with the hash it has."""
    name, manifest = members(GOOD)[0][0], dict(members(GOOD))["manifest"]
    with pytest.raises(LayerError, match="not named by its SHA-256, be45cb26"):
        verified(write([(name, ROM.data), ("manifest", manifest)]))


def test_an_image_never_fills_its_flash() -> None:
    """Layers that fill the flash to the last byte are refused, as the bundler refuses such an image."""
    full = VECTORS.data.ljust(REGION, b"\0")
    with pytest.raises(ImagePlacementError, match="1048576 bytes and must have fewer"):
        verified(bundle_of([layer(full)], [full]))


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (table(0, 0x08000041, 128), "initial stack pointer 0x00000000 is not in RAM"),
        (table(0x20000000, 0x08000041, 128), "initial stack pointer 0x20000000 is not in RAM"),
        (table(0x20080004, 0x08000041, 128), "initial stack pointer 0x20080004 is not in RAM"),
        (table(0xFFFFFFFF, 0xFFFFFFFF), "initial stack pointer 0xffffffff"),
        (table(0x20000402, 0x08000041, 128), "not a multiple of 4"),
        (table(0x20080000, 0x08000040, 128), "0x08000040 is even"),
        (table(0x20080000, 0x08000081, 128), "0x08000081 is not in the image"),
        (table(0x20080000, 0x07FFFFFF, 128), "0x07ffffff is not in the image"),
        (table(0x20080000, 1, 128), "0x00000001 is not in the image"),
    ],
)
def test_an_image_that_cannot_start_is_refused(image: Image, words: str) -> None:
    """A vector table whose stack is not in RAM or whose reset vector is not code in the image is refused."""
    assert words in str(vector_table_problem(image, BOARD))
    with pytest.raises(VectorTableError, match=words):
        verified(create(image, ManifestOptions(), KEY))


@pytest.mark.parametrize("stack", [0x20000004, 0x2007FFFC, 0x20080000])
@pytest.mark.parametrize("reset", [0x08000001, 0x08000041, 0x0800007F])
def test_the_edges_of_what_can_start(stack: int, reset: int) -> None:
    """The stack may start anywhere in RAM up to its end, and code be anywhere in the image."""
    assert vector_table_problem(table(stack, reset, 128), BOARD) is None


def test_another_board_has_other_limits() -> None:
    """What fits one board does not fit one with less flash or RAM."""
    small = replace(BOARD, flash=replace(BOARD.flash, size=512))
    with pytest.raises(Exception, match="more than the flash"):
        verify(GOOD, small, [KEY.public])
    elsewhere = replace(BOARD, ram=replace(BOARD.ram, base=0x30000000))
    with pytest.raises(VectorTableError):
        verify(GOOD, elsewhere, [KEY.public])


class TwinKey:
    """A signer that claims the id of another key."""

    def __init__(self, claimed: SigningKey, real: SigningKey) -> None:
        self.public: PublicKey = claimed.public
        self._real = real

    def sign(self, message: bytes) -> bytes:
        """Sign with the real key."""
        return self._real.sign(message)


def test_an_id_is_not_a_proof() -> None:
    """A signature under the id of a trusted key, made with another, is refused."""
    forged = create(VECTORS, ManifestOptions(), TwinKey(KEY, OTHER))
    with pytest.raises(SignatureError):
        verify(forged, BOARD, [KEY.public, OTHER.public])
