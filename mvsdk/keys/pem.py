"""PEM text (RFC 7468) cut into its blocks, so that the right one is loaded and the wrong one is named."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mvsdk.keys.errors import KeyFormatError, KeyKindError

PRIVATE_LABELS = ("PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "EC PRIVATE KEY")
"""PKCS#8 plain and encrypted (RFC 7468, 10 and 11) and the older form of SEC 1 (RFC 5915, 4)."""
PUBLIC_LABELS = ("PUBLIC KEY",)

_BLOCK = re.compile(rb"^-----BEGIN ([A-Z0-9 ]+)-----\s*$.*?^-----END \1-----\s*$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """One block with its delimiter lines. Its repr shows the label only, because the text may be a secret."""

    label: str
    text: bytes

    def __repr__(self) -> str:
        return f"Block({self.label!r})"

    @property
    def encrypted(self) -> bool:
        """Whether a passphrase is needed: PKCS#8 says so in its label, SEC 1 in a header line (RFC 1421, 4.6.1.1)."""
        return self.label == "ENCRYPTED PRIVATE KEY" or b"Proc-Type: 4,ENCRYPTED" in self.text


def blocks(text: bytes) -> tuple[Block, ...]:
    """Return every complete block of the text, in order."""
    return tuple(Block(found[1].decode(), found[0].strip() + b"\n") for found in _BLOCK.finditer(text))


def private_block(text: bytes, origin: str) -> Block:
    """Return the private key of the text. Raises KeyFormatError, or KeyKindError when it holds something else."""
    return _only(text, PRIVATE_LABELS, "a private key", origin)


def public_block(text: bytes, origin: str) -> Block:
    """Return the public key of the text. Raises KeyFormatError, or KeyKindError when it holds something else."""
    return _only(text, PUBLIC_LABELS, "a public key", origin)


def _only(text: bytes, labels: Sequence[str], wanted: str, origin: str) -> Block:
    found = blocks(text)
    if not found:
        raise KeyFormatError(
            f"{origin} holds no PEM key ({len(text)} bytes without a complete -----BEGIN … ----- block)",
            f"give {wanted} in PEM form; `mvsdk keys new NAME` makes a pair",
        )
    fitting = [block for block in found if block.label in labels]
    if not fitting:
        held = " and ".join(dict.fromkeys(_describe(block.label) for block in found))
        raise KeyKindError(f"{origin} holds {held} where {wanted} is needed", _other_half(labels))
    if len(fitting) > 1:
        raise KeyFormatError(f"{origin} holds {len(fitting)} keys where {wanted} is needed", "leave only one in it")
    return fitting[0]


def _describe(label: str) -> str:
    if label in PRIVATE_LABELS:
        return "a private key"
    return "a public key" if label in PUBLIC_LABELS else f"a block named '{label}'"


def _other_half(labels: Sequence[str]) -> str:
    if labels is PUBLIC_LABELS:
        return "write the public half with: openssl pkey -in KEY.pem -pubout -out PUBLIC.pem"
    return "give the file with the private half of the pair"
