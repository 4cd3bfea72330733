"""Versions such as 1.4 or 2.10.3, in a form whose order as text is the order of versions, in every database."""

from __future__ import annotations

import re

_PARTS, _DIGITS = 4, 9
_VERSION = re.compile(rf"[vV]?([0-9]{{1,{_DIGITS}}}(?:\.[0-9]{{1,{_DIGITS}}}){{0,{_PARTS - 1}}})")
_AT_END = re.compile(rf"(?:^|[-_@ :]){_VERSION.pattern}$")


def ordered(version: str) -> str | None:
    """Return a version of up to four numbers as digits of fixed width, None for what is none; 1.4 is 1.4.0."""
    match = _VERSION.fullmatch(version)
    if match is None:
        return None
    numbers = [int(number) for number in match[1].split(".")]
    return "".join(f"{number:0{_DIGITS}}" for number in numbers + [0] * (_PARTS - len(numbers)))


def of_name(name: str | None) -> str | None:
    """Return the version at the end of a name, as `ordered` does: thermostat-1.4, "thermostat v1.4", 1.4."""
    match = _AT_END.search(name or "")
    return ordered(match[1]) if match else None
