"""Secrets at rest: AES-256-GCM with a key that lies outside the database.

A sealed value is bound to its place (account, device, key name): moved to another row it cannot be opened.
"""

from __future__ import annotations

import secrets

KEY_SIZE = 32
_NONCE_SIZE = 12


class Seal:
    """Seals and opens values. `key` is 32 random bytes."""

    def __init__(self, key: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._cipher = AESGCM(key)

    def close(self, value: str, place: str) -> bytes:
        """Return `value` sealed for `place`: 12 bytes nonce, then ciphertext and tag."""
        nonce = secrets.token_bytes(_NONCE_SIZE)
        return nonce + self._cipher.encrypt(nonce, value.encode(), place.encode())

    def open(self, sealed: bytes, place: str) -> str:
        """Return the value that was sealed for `place`. Raises `ValueError` where it was not."""
        from cryptography.exceptions import InvalidTag

        try:
            return self._cipher.decrypt(sealed[:_NONCE_SIZE], sealed[_NONCE_SIZE:], place.encode()).decode()
        except InvalidTag as error:
            raise ValueError("sealed with another key, or for another place") from error
