"""What a topic may be (MQTT 5, sections 1.5.4 and 4.7; the same in version 3.1.1)."""

from __future__ import annotations

LONGEST = 65_535
"""Bytes of any text in a packet."""


def text(data: bytes) -> str | None:
    """Return the text that bytes are; None if a packet cannot hold them as text."""
    try:
        decoded = data.decode()
    except UnicodeDecodeError:
        return None
    return decoded if len(data) <= LONGEST and "\0" not in decoded else None


def is_name(data: bytes) -> bool:
    """Say whether messages can be published under a topic: it is text, not empty and without wildcards."""
    decoded = text(data)
    return bool(decoded) and not set(decoded or "") & {"+", "#"}


def is_filter(data: bytes) -> bool:
    """Say whether a topic can be subscribed to: wildcards are whole levels, "#" the last."""
    decoded = text(data)
    if not decoded:
        return False
    *levels, last = decoded.split("/")
    return all(level == "+" or not set(level) & {"+", "#"} for level in levels) and (
        last in ("+", "#") or not set(last) & {"+", "#"}
    )
