"""Keys on P-256 and their signatures.

Forms (bundle format, "Signing"): a point is the 65 bytes of X9.62 uncompressed form; a signature is r then s, each 32
bytes big endian; a key's id is the first 8 bytes, big endian, of the SHA-256 of two type bytes and the point.
`cryptography` is imported when a key is first used: it costs more than all the rest of the start-up.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from mvsdk.keys import pem
from mvsdk.keys.errors import KeyFormatError, KeyKindError, PassphraseError, PassphraseMissingError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

POINT_SIZE = 65
SIGNATURE_SIZE = 64
_SIGNING_KEY_TYPE = b"\x00\x00"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key, known to be a point of the curve. Raises KeyFormatError for bytes that are not."""

    point: bytes

    def __post_init__(self) -> None:
        if len(self.point) != POINT_SIZE or self.point[0] != 4:
            what = f"a public key of {len(self.point)} bytes starting with {self.point[:1].hex() or 'nothing'}"
            raise KeyFormatError(
                f"{what} is not an uncompressed P-256 point", "a point has 65 bytes and starts with 04"
            )
        try:
            self._loaded()
        except ValueError as error:
            what = f"the public key {self.point.hex()} is no point of P-256"
            raise KeyFormatError(what, "export the key again") from error

    @classmethod
    def from_point(cls, point: bytes) -> PublicKey:
        """Take the 65 bytes of an uncompressed point."""
        return cls(point)

    @classmethod
    def from_pem(cls, text: bytes, *, origin: str = "the public key") -> PublicKey:
        """Read a PUBLIC KEY block; other blocks beside it are ignored. `origin` names the source in errors.

        Raises KeyFormatError for what is no PEM key, KeyKindError for a private key or another curve or algorithm.
        """
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.serialization import load_pem_public_key

        block = pem.public_block(text, origin)
        try:
            key = load_pem_public_key(block.text)
        except UnsupportedAlgorithm as error:
            raise _wrong_kind(origin, "an algorithm or curve that is not known here") from error
        except ValueError as error:
            raise KeyFormatError(f"{origin} is damaged: its public key cannot be decoded", "export it again") from error
        return cls(_point(_on_p256(key, origin)))

    @property
    def id(self) -> int:
        """The 64-bit key id that a manifest carries."""
        return int.from_bytes(hashlib.sha256(_SIGNING_KEY_TYPE + self.point).digest()[:8], "big")

    def verify(self, signature: bytes, message: bytes) -> bool:
        """Tell whether `signature` (r then s) is this key's for `message`. Any bytes are an answer, none an error."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

        if len(signature) != SIGNATURE_SIZE:
            return False
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        try:
            self._loaded().verify(encode_dss_signature(r, s), message, _ecdsa())
        except InvalidSignature:
            return False
        return True

    def to_pem(self) -> bytes:
        """Return a PUBLIC KEY block."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        return self._loaded().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def _loaded(self) -> ec.EllipticCurvePublicKey:
        from cryptography.hazmat.primitives.asymmetric import ec

        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), self.point)


class Signer(Protocol):
    """Whatever can sign: a key in memory, and later a token or a remote service."""

    @property
    def public(self) -> PublicKey:
        """The key that verifies what this one signs."""

    def sign(self, message: bytes) -> bytes:
        """Return r then s, 64 bytes, for SHA-256 of `message`; the same message always gives the same bytes."""


class SigningKey:
    """A private key in memory. Its repr shows the key id only."""

    __slots__ = ("_key", "_public")

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key
        self._public = PublicKey(_point(key.public_key()))

    def __repr__(self) -> str:
        return f"SigningKey(id={self._public.id:016x})"

    @classmethod
    def generate(cls) -> SigningKey:
        """Make a key from the system's random numbers."""
        from cryptography.hazmat.primitives.asymmetric import ec

        return cls(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def from_pem(cls, text: bytes, passphrase: bytes | None = None, *, origin: str = "the private key") -> SigningKey:
        """Read a private key, PKCS#8 or SEC 1; public blocks beside it are ignored, as is a passphrase nobody needs.

        `origin` names the source in errors. Raises KeyFormatError for what is no PEM key, KeyKindError for a public
        key or another curve or algorithm, PassphraseMissingError and PassphraseError for a locked one.
        """
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        block = pem.private_block(text, origin)
        if block.encrypted and not passphrase:
            remedy = "set MVSDK_KEY_PASSPHRASE, or run the command on a terminal and type it"
            raise PassphraseMissingError(f"{origin} is locked with a passphrase and none was given", remedy)
        try:
            key = load_pem_private_key(block.text, passphrase if block.encrypted else None)
        except UnsupportedAlgorithm as error:
            raise _wrong_kind(origin, "an algorithm or curve that is not known here") from error
        except ValueError as error:
            raise _not_opened(origin, block) from error
        return cls(_private_on_p256(key, origin))

    @property
    def public(self) -> PublicKey:
        """The public half."""
        return self._public

    def sign(self, message: bytes) -> bytes:
        """Return r then s, 64 bytes: ECDSA over SHA-256 with the nonce of RFC 6979, section 3.2."""
        from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

        r, s = decode_dss_signature(self._key.sign(message, _ecdsa()))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def to_pem(self, passphrase: bytes | None = None) -> bytes:
        """Return PKCS#8: a PRIVATE KEY block, or with a passphrase an ENCRYPTED PRIVATE KEY block."""
        from cryptography.hazmat.primitives import serialization as form

        lock = form.BestAvailableEncryption(passphrase) if passphrase else form.NoEncryption()
        return self._key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, lock)


def _ecdsa() -> ec.ECDSA:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.ECDSA(hashes.SHA256(), deterministic_signing=True)


def _point(key: ec.EllipticCurvePublicKey) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _on_p256(key: object, origin: str) -> ec.EllipticCurvePublicKey:
    from cryptography.hazmat.primitives.asymmetric import ec

    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise _wrong_kind(origin, _algorithm(key))
    if not isinstance(key.curve, ec.SECP256R1):
        raise _wrong_kind(origin, f"the curve {key.curve.name}")
    return key


def _private_on_p256(key: object, origin: str) -> ec.EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ec

    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise _wrong_kind(origin, _algorithm(key))
    _on_p256(key.public_key(), origin)
    return key


def _algorithm(key: object) -> str:
    name = type(key).__name__.lstrip("_").removesuffix("PublicKey").removesuffix("PrivateKey")
    return f"the algorithm {name}"


def _wrong_kind(origin: str, found: str) -> KeyKindError:
    remedy = "give a P-256 key (prime256v1, secp256r1); `mvsdk keys new NAME` makes one"
    return KeyKindError(f"{origin} is a key of {found}; bundles use P-256", remedy)


def _not_opened(origin: str, block: pem.Block) -> KeyFormatError | PassphraseError:
    if block.encrypted:
        remedy = "try again; without the right passphrase the key cannot be used"
        return PassphraseError(f"the passphrase does not unlock {origin}", remedy)
    return KeyFormatError(f"{origin} is damaged: its private key cannot be decoded", "restore it from a copy")
