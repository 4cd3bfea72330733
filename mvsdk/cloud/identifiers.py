"""SIDs: two letters for the kind and 32 hexadecimal digits (rest-api.md, "SIDs")."""

from __future__ import annotations

import re
import secrets

ACCOUNT, APP, DEVICE, API_KEY, ROLLOUT = "AC", "KA", "UV", "SK", "RO"
NAME_LENGTH = 121
"""Characters of a unique name, at most."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SID = re.compile(r"[A-Z]{2}[0-9a-fA-F]{32}")


def new_sid(kind: str) -> str:
    """Return a new SID of a kind, from the system's source of randomness."""
    return kind + secrets.token_hex(16)


def is_sid(text: str, kind: str) -> bool:
    """Return whether `text` has the form of a SID of that kind."""
    return text.startswith(kind) and _SID.fullmatch(text) is not None


def is_unique_name(text: str) -> bool:
    """Return whether `text` may be a unique name: part of a path, and not to be taken for a SID of any kind."""
    return (
        0 < len(text) <= NAME_LENGTH
        and not _CONTROL.search(text)
        and "/" not in text
        and text not in {".", ".."}
        and not _SID.fullmatch(text)
    )
