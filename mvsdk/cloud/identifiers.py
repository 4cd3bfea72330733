"""SIDs: two letters for the kind and 32 hexadecimal digits (rest-api.md, "SIDs")."""

from __future__ import annotations

import re
import secrets

ACCOUNT, APP, DEVICE, API_KEY = "AC", "KA", "UV", "SK"
_SID = re.compile(r"[A-Z]{2}[0-9a-fA-F]{32}")


def new_sid(kind: str) -> str:
    """Return a new SID of a kind, from the system's source of randomness."""
    return kind + secrets.token_hex(16)


def is_sid(text: str, kind: str) -> bool:
    """Return whether `text` has the form of a SID of that kind."""
    return text.startswith(kind) and _SID.fullmatch(text) is not None


def looks_like_sid(text: str) -> bool:
    """Return whether `text` could be taken for a SID of any kind; such unique names are refused."""
    return _SID.fullmatch(text) is not None
