"""Whom a device trusts: several signers, of whom a number must have signed, changed by signed messages."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache

from mvsdk.bundle.manifest import Envelope
from mvsdk.bundle.new_keys import NEW_KEYS_PREFIX, NewKeys
from mvsdk.errors import BundleError, KeyStoreError
from mvsdk.keys import PublicKey
from mvsdk.keys.p256 import POINT_SIZE
from mvsdk.update.errors import Refusal, RefusedError

MAX_KEYS = 8
"""Keys that a device holds; they have to fit a journal record."""

_HEAD = struct.Struct("<BBxxI")


@dataclass(frozen=True, slots=True)
class KeySet:
    """The keys a device trusts, of which `threshold` must have signed what it takes.

    `sequence` is the number of the last NewKeys message that made it so. Raises ValueError for a set that nothing could
    satisfy, or that is larger than a device holds.
    """

    signers: tuple[PublicKey, ...]
    threshold: int = 1
    sequence: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.threshold <= len(self.signers) <= MAX_KEYS:
            raise ValueError(f"{self.threshold} of {len(self.signers)} keys cannot be asked for; {MAX_KEYS} are held")
        if len({key.id for key in self.signers}) != len(self.signers):
            raise ValueError("a key is in the set twice")

    def check(self, envelope: Envelope) -> None:
        """Prove that enough of these keys signed. Raises RefusedError."""
        if not envelope.signed:
            raise RefusedError(Refusal.UNSIGNED, "it is not signed", "sign it with a key that the device trusts")
        signatures = [(envelope.signer_id, envelope.signature)]
        signatures += [(each.signer_id, each.signature) for each in envelope.endorsements]
        known = {key.id: key for key in self.signers}
        mine = [(known[signer], signature) for signer, signature in signatures if signer in known]
        if not mine:
            raise RefusedError(
                Refusal.UNKNOWN_SIGNER,
                f"it is signed by key {envelope.signer_id:016x}, which this device does not trust",
                "sign it with a key that the device trusts, or send the device new keys",
            )
        good = {key.id for key, signature in mine if _verified(key, signature, envelope.signed_bytes)}
        if not good:
            raise RefusedError(Refusal.BAD_SIGNATURE, f"the signature of key {mine[0][0].id:016x} does not fit")
        if len(good) < self.threshold:
            raise RefusedError(
                Refusal.TOO_FEW_SIGNERS,
                f"{len(good)} of the keys that this device trusts have signed it; it takes {self.threshold}",
                "let others endorse it",
            )

    def changed_by(self, raw: bytes) -> KeySet:
        """Return the set that a signed NewKeys message makes of this one. Raises RefusedError."""
        try:
            envelope = Envelope.parse(raw, NEW_KEYS_PREFIX)
        except BundleError as error:
            raise RefusedError(Refusal.MALFORMED, error.what) from error
        self.check(envelope)
        try:
            change = NewKeys.parse(envelope.body)
        except BundleError as error:
            raise RefusedError(Refusal.MALFORMED, error.what) from error
        if change.sequence != self.sequence + 1:
            raise RefusedError(
                Refusal.WRONG_SEQUENCE, f"the new keys are number {change.sequence}, not {self.sequence + 1}"
            )
        kept = {key.id: key for key in self.signers if key.id not in change.delete}
        signers = tuple((kept | {key.id: key for key in change.add}).values())
        try:
            return KeySet(signers, change.threshold or self.threshold, change.sequence)
        except ValueError as error:
            raise RefusedError(Refusal.MALFORMED, f"the new keys make no key set: {error}") from error

    def encode(self) -> bytes:
        """Return the bytes of a journal record."""
        head = _HEAD.pack(self.threshold, len(self.signers), self.sequence)
        return head + b"".join(key.point for key in self.signers)

    @classmethod
    def decode(cls, data: bytes) -> KeySet:
        """Read what `encode` wrote. Raises ValueError for anything else."""
        return _decoded(data)


@lru_cache(64)
def _decoded(data: bytes) -> KeySet:
    if len(data) < _HEAD.size:
        raise ValueError("no key set: it is too short")
    threshold, count, sequence = _HEAD.unpack_from(data)
    points = [data[at : at + POINT_SIZE] for at in range(_HEAD.size, len(data), POINT_SIZE)]
    if len(points) != count:
        raise ValueError("no key set: its parts do not fit")
    try:
        return KeySet(tuple(map(PublicKey.from_point, points)), threshold, sequence)
    except KeyStoreError as error:
        raise ValueError(f"no key set: {error}") from error


@lru_cache(1024)
def _verified(key: PublicKey, signature: bytes, message: bytes) -> bool:
    return key.verify(signature, message)
