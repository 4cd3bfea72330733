"""Which names a project can have: they become a CMake target, file names, and words in C sources."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from mvsdk.project.errors import ProjectNameError

MAX_LENGTH = 48
"""Characters. The name occurs several times in an object file's path, which Windows limits to 260."""

_SHAPE = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_WHY = {
    "language": "is a word of C or C++",
    "cmake": "is a target CMake keeps for itself",
    "mvsdk": "is a name of the SDK's own CMake package",
    "device": "is a device name on Windows",
}


def check_name(name: str) -> str:
    """Return `name` when it can name a project.

    Raises ProjectNameError saying which rule it breaks, with the nearest name that breaks none as the remedy.
    """
    fault = _fault(name)
    if fault:
        raise ProjectNameError(f"'{name}' cannot name a project: {fault}", f"try: mvsdk new {suggest_name(name)}")
    return name


def suggest_name(name: str) -> str:
    """Return the nearest name that `check_name` accepts; any text has one."""
    words = "_".join(re.findall(r"[A-Za-z0-9-]+", name)).strip("_-")
    if not words or not words[0].isalpha():
        words = f"app_{words}".rstrip("_")
    words = words[:MAX_LENGTH].rstrip("_-")
    return words if _fault(words) is None else f"{words}_app"


def _fault(name: str) -> str | None:
    if not name:
        return "it is empty"
    if not name[0].isascii() or not name[0].isalpha():
        return "it must start with a letter (a-z, A-Z)"
    if not _SHAPE.fullmatch(name):
        wrong = next(character for character in name if not _SHAPE.fullmatch("a" + character))
        return f"{wrong!r} is not allowed; letters, digits, '_' and '-' are"
    if len(name) > MAX_LENGTH:
        return f"it has {len(name)} characters and {MAX_LENGTH} are the most"
    for reason, reserved in _reserved().items():
        if (name if reason == "language" else name.casefold()) in reserved:
            return f"it {_WHY[reason]}"
    return None


def _reserved() -> dict[str, list[str]]:
    return tomllib.loads(Path(__file__).with_name("reserved-names.toml").read_text(encoding="utf-8"))
