"""The keys of the person at the command line, and how a command speaks of them."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from mvsdk.keys import Keyring, PublicKey, read_public_key


def keyring() -> Keyring:
    """Return the keys of this user and environment; a locked one is asked for on a terminal."""
    return Keyring(os.environ, _ask if sys.stdin.isatty() else None)


def _ask(name: str) -> bytes:
    answer: str = click.prompt(
        f"Passphrase of the key '{name}'", hide_input=True, default="", show_default=False, err=True
    )
    return answer.encode()


def public_key(choice: str) -> PublicKey:
    """Return a key by its name in the store, or from a public key's file. Raises a leaf of KeyStoreError."""
    store = keyring().store
    return store.public(choice) if choice in store.names() else read_public_key(Path(choice))


def signer_name(signer_id: int, known: Mapping[str, PublicKey]) -> str | None:
    """Return the name under which a key id is known."""
    return next((name for name, key in known.items() if key.id == signer_id), None)


def key_text(name: str | None, key_id: int) -> str:
    """Return how a line for people names a key."""
    return f"{name} ({key_id:016x})" if name else f"{key_id:016x}"


def key_document(name: str | None, key_id: int) -> dict[str, str | None]:
    """Return how JSON names a key; ids are 16 hexadecimal digits, because JSON's numbers have no 64 bits."""
    return {"name": name, "id": f"{key_id:016x}"}
