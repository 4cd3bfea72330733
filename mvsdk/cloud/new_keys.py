"""NewKeys messages as an account keeps them: what makes one the next of those that its devices are to take.

Which keys a device was made with nobody tells the cloud. It knows those whose bundles it takes, and those that earlier
messages have added; a signature of another key is taken as it is, and left to the devices.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mvsdk.bundle import NewKeys
from mvsdk.bundle.manifest import Envelope
from mvsdk.bundle.new_keys import NEW_KEYS_PREFIX
from mvsdk.cloud.errors import NewKeysError, NewKeysNumberError
from mvsdk.keys import PublicKey
from mvsdk.update.key_set import MAX_KEYS

MESSAGE_BYTES = 4096
"""Bytes of a message, at most: as many keys and signatures as a device holds, and room."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message that was read. Nothing about it is proven."""

    envelope: Envelope
    change: NewKeys

    @classmethod
    def parse(cls, raw: bytes) -> Message:
        """Read a signed message. Raises ManifestError, NewKeysError."""
        if len(raw) > MESSAGE_BYTES:
            raise NewKeysError(f"it has {len(raw)} bytes, {MESSAGE_BYTES} are allowed", _AGAIN)
        envelope = Envelope.parse(raw, NEW_KEYS_PREFIX)
        change = NewKeys.parse(envelope.body)
        if not envelope.signed:
            raise NewKeysError("it is not signed", _AGAIN)
        if not (change.add or change.delete or change.threshold):
            raise NewKeysError("it changes nothing", _AGAIN)
        if len(change.add) > MAX_KEYS or change.threshold > MAX_KEYS:
            raise NewKeysError(f"it asks for more keys than a device holds, which is {MAX_KEYS}", _AGAIN)
        return cls(envelope, change)

    @property
    def signers(self) -> tuple[int, ...]:
        """The ids of the keys that are said to have signed it, first the signer, then who endorsed it."""
        return (self.envelope.signer_id, *(each.signer_id for each in self.envelope.endorsements))


def check(message: Message, earlier: Sequence[bytes], known: Iterable[PublicKey]) -> tuple[int, ...]:
    """Prove that a message may follow the `earlier` ones, all of them in order.

    `known` are keys that may have signed it, beside those that the earlier ones have added.

    Return the ids of those whose signatures were verified. Raises NewKeysNumberError, NewKeysError. Takes milliseconds;
    for a thread.
    """
    number = len(earlier) + 1
    if message.change.sequence != number:
        raise NewKeysNumberError(
            f"the next NewKeys message of this account is number {number}, not {message.change.sequence}",
            f"make it with --number {number}",
        )
    keys, revoked, threshold = {key.id: key for key in known}, set[int](), 1
    for change in (Message.parse(raw).change for raw in earlier):
        added = {key.id: key for key in change.add}
        keys |= added
        revoked = (revoked | set(change.delete)) - added.keys()
        threshold = change.threshold or threshold
    if len(set(message.signers)) != len(message.signers):
        raise NewKeysError("one key has signed it twice", _AGAIN)
    for signer in message.signers:
        if signer in revoked:
            raise NewKeysError(f"it is signed by key {signer:016x}, which an earlier message has revoked", _AGAIN)
    if len(message.signers) < threshold:
        what = f"devices want {threshold} signatures since an earlier message, and it has {len(message.signers)}"
        raise NewKeysError(what, "let others endorse it: mvsdk keys endorse")
    envelope = message.envelope
    signatures = [(envelope.signer_id, envelope.signature)]
    signatures += [(each.signer_id, each.signature) for each in envelope.endorsements]
    checked = [(keys[signer], signature) for signer, signature in signatures if signer in keys]
    for key, signature in checked:
        if not key.verify(signature, envelope.signed_bytes):
            raise NewKeysError(f"the signature of key {key.id:016x} does not fit", _AGAIN)
    return tuple(key.id for key, _ in checked)


_AGAIN = "make it anew: mvsdk keys change"
