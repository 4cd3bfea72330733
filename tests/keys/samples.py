"""Keys whose values are published, and PEM texts of every kind that is not wanted."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from mvsdk.keys import SigningKey

RFC_6979_KEY = 0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721
"""The private key of RFC 6979, A.2.5."""


def private_pem(key: PrivateKeyTypes, form: PrivateFormat = PrivateFormat.PKCS8) -> bytes:
    """Return any private key as an unlocked PEM block."""
    return key.private_bytes(Encoding.PEM, form, NoEncryption())


def public_pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    """Return the public half of any private key as a PEM block."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def key_of(scalar: int) -> SigningKey:
    """Return the P-256 key with this private value."""
    return SigningKey.from_pem(private_pem(ec.derive_private_key(scalar, ec.SECP256R1())))
