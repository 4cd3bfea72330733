"""Tokens that a client shows again: made by us with 256 bits of randomness, so one round of SHA-256 keeps them.

A slow hash protects what people choose; these nobody chooses, and they are checked on every request.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets


def new_token() -> str:
    """Return a new token: 64 hexadecimal digits."""
    return secrets.token_hex(32)


def digest(token: str) -> bytes:
    """Return what is stored of a token: 32 bytes."""
    return hashlib.sha256(token.encode()).digest()


def matches(token: str, stored: bytes) -> bool:
    """Return whether `token` is the one `stored` came from, in a time that does not tell how much of it was right."""
    return hmac.compare_digest(digest(token), stored)
