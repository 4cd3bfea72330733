"""P-256 signing keys: what they are, where they are kept, and which of them a bundle may be signed with.

Not a general key store: one curve, one signature scheme (ECDSA with SHA-256, deterministic by RFC 6979), and files a
person can read with openssl. Nothing here knows what is being signed.
The rule that must never break: a private key leaves the store only as a `Signer`, and no message, repr or file that
others can read holds a secret.

    p256 ── pem          keys and signatures; PEM in and out
    store ── files       FileKeyStore: a folder of PEM files
    ring                 Keyring: the store, the environment and files named on the command line, as one
"""

from mvsdk.keys.errors import (
    KeyExistsError,
    KeyFileError,
    KeyFormatError,
    KeyKindError,
    KeyNameError,
    KeyPermissionsError,
    PassphraseError,
    PassphraseMissingError,
    UnknownKeyError,
)
from mvsdk.keys.p256 import PublicKey, Signer, SigningKey
from mvsdk.keys.ring import Keyring, home_directory
from mvsdk.keys.store import FileKeyStore, KeyStore, StoredKey, read_public_key

__all__ = [
    "FileKeyStore",
    "KeyExistsError",
    "KeyFileError",
    "KeyFormatError",
    "KeyKindError",
    "KeyNameError",
    "KeyPermissionsError",
    "KeyStore",
    "Keyring",
    "PassphraseError",
    "PassphraseMissingError",
    "PublicKey",
    "Signer",
    "SigningKey",
    "StoredKey",
    "UnknownKeyError",
    "home_directory",
    "read_public_key",
]
