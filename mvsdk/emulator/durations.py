"""Lengths and moments of time as people write them: `5s`, `250ms`, `1.5m`, `1h`, `800us`."""

from __future__ import annotations

import re

_UNITS = {"us": 1, "ms": 1_000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}


def microseconds(text: str) -> int:
    """Return a length of time in microseconds; a bare number is seconds. Raises `ValueError`."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(us|ms|s|m|h|d)?", text.strip())
    if match is None:
        raise ValueError(f"'{text}' is not a length of time. Write 5s, 250ms, 1.5m or 1h.")
    return round(float(match[1]) * _UNITS[match[2] or "s"])
