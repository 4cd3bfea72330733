"""Tokens that a client shows again, and passwords that people choose.

Tokens are made by us with 256 bits of randomness, so one round of SHA-256 keeps them, and they are checked on every
request. Passwords can be guessed, so each try is made to cost time and memory (scrypt), and they are only for logging
in.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

_SALT_SIZE = 16
_UNKNOWN = bytes(_SALT_SIZE + 32)


def new_token() -> str:
    """Return a new token: 64 hexadecimal digits."""
    return secrets.token_hex(32)


def digest(token: str) -> bytes:
    """Return what is stored of a token: 32 bytes."""
    return hashlib.sha256(token.encode()).digest()


def matches(token: str, stored: bytes) -> bool:
    """Return whether `token` is the one `stored` came from, in a time that does not tell how much of it was right."""
    return hmac.compare_digest(digest(token), stored)


def protected(password: str) -> bytes:
    """Return what is stored of a password: a salt, and what scrypt makes of both. Takes some 50 ms."""
    salt = secrets.token_bytes(_SALT_SIZE)
    return salt + _stretched(password, salt)


def is_protected(password: str, stored: bytes | None) -> bool:
    """Return whether `password` is the one `stored` came from; where there is none it takes as long to say no."""
    kept = stored or _UNKNOWN
    right = hmac.compare_digest(_stretched(password, kept[:_SALT_SIZE]), kept[_SALT_SIZE:])
    return right and stored is not None


def _stretched(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1, dklen=32)
