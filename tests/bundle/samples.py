"""Bundles to be good with, and the means to make bad ones."""

from __future__ import annotations

import hashlib
import io
import struct
import zipfile
from collections.abc import Sequence

from mvsdk import boards
from mvsdk.bundle import Image, Layer, ManifestOptions, VerifiedBundle, verify
from mvsdk.bundle.container import write
from mvsdk.bundle.manifest import Body, Envelope
from mvsdk.keys import Signer
from tests.keys.samples import RFC_6979_KEY, key_of

BOARD = boards.load()
KEY = key_of(RFC_6979_KEY)
ROM = Image(bytes(range(16)))
"""The image of the golden values, too short for a vector table."""
VECTORS = Image(struct.pack("<175I", 0x20080000, 0x08000201, *[0x08000235] * 173))
"""700 bytes that start, of which nearly all are one word repeated: what compresses best and hides most."""
REGION = 0x100000


def original(bundle: bytes, level: int | None = None, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return the same members in the same order, written as the original bundler does, with Python's zipfile."""
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w", method, compresslevel=level) as archive:
        for name, content in members(bundle):
            with archive.open(name, "w") as member:
                member.write(content)
    return output.getvalue()


def members(bundle: bytes) -> list[tuple[str, bytes]]:
    """Return names and contents as Python's zipfile reads them."""
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        assert archive.testzip() is None
        return [(info.filename, archive.read(info)) for info in archive.infolist()]


def layer(content: bytes, start: int = 0, size: int = REGION, **changes: object) -> Layer:
    """Return a right reference to `content`, or one that is wrong in what `changes` says."""
    fields: dict[str, object] = {
        "memory": "internal_flash",
        "start": start,
        "size": size,
        "encrypted_with_key_id": 0,
        "fetch_hash": hashlib.sha256(content).digest(),
        "measurement_hash": hashlib.sha256(content.ljust(size, b"\xff")).digest(),
    }
    return Layer(**(fields | changes))  # type: ignore[arg-type]


def bundle_of(
    layers: Sequence[Layer], contents: Sequence[bytes], signer: Signer | None = KEY, extra: bytes = b""
) -> bytes:
    """Return a bundle with any layers and contents; `extra` is put behind the body's own fields, and signed."""
    return bundle_around(Body(tuple(layers), ManifestOptions()).encode() + extra, contents, signer)


def bundle_around(body: bytes, contents: Sequence[bytes], signer: Signer | None = KEY) -> bytes:
    """Return a bundle with any bytes as its body, signed."""
    envelope = Envelope.around(body)
    return pack(contents, (envelope.signed_by(signer) if signer else envelope).raw)


def pack(contents: Sequence[bytes], manifest: bytes) -> bytes:
    """Return an archive of layers under their right names, and a manifest."""
    return write([*((hashlib.sha256(content).hexdigest(), content) for content in contents), ("manifest", manifest)])


def verified(bundle: bytes, *, allow_unsigned: bool = False) -> VerifiedBundle:
    """Verify for the usual board with the usual key."""
    return verify(bundle, BOARD, [KEY.public], allow_unsigned=allow_unsigned)
