"""NewKeys: the signed message that changes whom a device trusts (bundle format, "Protobuf schema").

What its signature is over is not published; here it is NEW_KEYS_PREFIX and the body. `sequence` and `threshold` are our
extension: without a number, an old message could be played again to bring a revoked key back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mvsdk.bundle import schema
from mvsdk.bundle.errors import BUNDLE_AGAIN, ManifestError
from mvsdk.bundle.manifest import Envelope, parse_message
from mvsdk.errors import KeyStoreError
from mvsdk.keys import PublicKey

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mvsdk.keys import Signer

NEW_KEYS_PREFIX = b"mvsdk-new-keys-v1\0"


@dataclass(frozen=True, slots=True)
class NewKeys:
    """A change of the keys that a device trusts: first `delete` (key ids), then `add` (keys).

    `sequence` counts the changes of one device's keys, the first being 1. `threshold` is how many of the keys must sign
    from then on; 0 leaves it as it is.
    """

    sequence: int
    add: tuple[PublicKey, ...] = ()
    delete: tuple[int, ...] = ()
    threshold: int = 0

    @classmethod
    def parse(cls, body: bytes) -> NewKeys:
        """Read the body of a NewKeys message. Raises ManifestError, also for a key that is none."""
        message, _ = parse_message("NewKeys.Body", body)
        try:
            add = tuple(PublicKey.from_point(point) for point in message.add_manifest_signers)
        except KeyStoreError as error:
            raise ManifestError(f"a key to add is none: {error.what}", BUNDLE_AGAIN) from error
        return cls(message.sequence, add, tuple(message.delete_manifest_signers), message.threshold)

    def encode(self) -> bytes:
        """Return the body's wire form."""
        message = schema.message("NewKeys.Body")(
            sequence=self.sequence,
            threshold=self.threshold,
            add_manifest_signers=[key.point for key in self.add],
            delete_manifest_signers=self.delete,
        )
        return bytes(message.SerializeToString(deterministic=True))

    def signed_by(self, signer: Signer, others: Sequence[Signer] = ()) -> bytes:
        """Return the message as it goes to devices, signed by one key and endorsed by others.

        Raises AlreadySignedError for a key that is there twice.
        """
        envelope = Envelope.around(self.encode(), NEW_KEYS_PREFIX).signed_by(signer)
        for other in others:
            envelope = envelope.endorsed_by(other)
        return envelope.raw


def endorse_new_keys(raw: bytes, signer: Signer) -> bytes:
    """Return the signed message with another signature beside the first, for devices that want several signers.

    Raises ManifestError, UnsignedError, AlreadySignedError.
    """
    envelope = Envelope.parse(raw, NEW_KEYS_PREFIX)
    NewKeys.parse(envelope.body)
    return envelope.endorsed_by(signer).raw
