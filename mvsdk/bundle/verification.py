"""From an allegation to a bundle that may be installed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mvsdk.bundle import layers
from mvsdk.bundle.errors import SignatureError, UnknownSignerError, UnsignedError, VectorTableError
from mvsdk.bundle.image import Image
from mvsdk.bundle.manifest import Body, Envelope, Layer
from mvsdk.bundle.options import ManifestOptions
from mvsdk.bundle.unverified import UnverifiedBundle
from mvsdk.bundle.vectors import VectorTable, vector_table_problem
from mvsdk.bundle.wire import UnknownField

if TYPE_CHECKING:
    from mvsdk.boards import Board
    from mvsdk.keys import PublicKey

_SIGN_IT = "sign it with `mvsdk sign`, or allow it with --allow-unsigned"


@dataclass(frozen=True, slots=True)
class VerifiedBundle:
    """What `verify` has proven: a trusted key signed the manifest (`signer_id`; 0 when unsigned ones were allowed), the
    layers are the ones it names, and `image` is what they make of flash.

    `vector_table` is plausible, or None when the image is too short to hold one; such an image cannot be started.
    """

    image: Image
    options: ManifestOptions
    signer_id: int
    layers: tuple[Layer, ...]
    vector_table: VectorTable | None
    unknown_fields: tuple[UnknownField, ...]


def verify(data: bytes, board: Board, trusted: Iterable[PublicKey], *, allow_unsigned: bool = False) -> VerifiedBundle:
    """Prove that a bundle is whole, is signed by one of `trusted`, and fits `board`.

    The signature is checked before the body is read. Raises the leaf of BundleError for the first thing wrong.
    """
    unverified = UnverifiedBundle.parse(data, board.flash.size)
    envelope = unverified.envelope
    check_signature(envelope, trusted, allow_unsigned=allow_unsigned)
    body = Body.parse(envelope.body)
    layers.check(body.layers, unverified.layers, board.flash.size)
    image = layers.assemble(body.layers, unverified.layers)
    table = VectorTable.of(image)
    problem = vector_table_problem(image, board) if table else None
    if problem:
        raise VectorTableError(
            f"the image cannot be started: {problem}", "check the linker script and the start-up code"
        )
    unknown = envelope.unknown + body.unknown
    return VerifiedBundle(image, body.options, envelope.signer_id, body.layers, table, unknown)


def check_signature(envelope: Envelope, trusted: Iterable[PublicKey], *, allow_unsigned: bool) -> None:
    """Prove that one of `trusted` signed the manifest, or that it is unsigned and may be.

    Raises UnsignedError, UnknownSignerError, SignatureError.
    """
    signer_id, signature = envelope.signer_id, envelope.signature
    if not envelope.signed:
        if not allow_unsigned:
            raise UnsignedError("the bundle is not signed", _SIGN_IT)
        return
    if not signer_id or not signature:
        what = "a signature but no signer" if signature else f"the signer {signer_id:016x} but no signature"
        raise SignatureError(f"the manifest has {what}", "make the bundle again and sign it")
    candidates = [key for key in trusted if key.id == signer_id]
    if not candidates:
        raise UnknownSignerError(
            f"the bundle is signed by key {signer_id:016x}, which is not trusted here",
            "if you know whose key it is, trust it: mvsdk keys trust PUBLIC.pem",
        )
    if not any(key.verify(signature, envelope.signed_bytes) for key in candidates):
        raise SignatureError(
            f"the signature is not one of key {signer_id:016x} for this manifest",
            "do not use the bundle: it was changed after it was signed, or never signed with that key",
        )
