"""The files beside a program that are made from it or with it: .bin, .hex and .map.

A build that fails may leave those of an earlier program behind; nobody should take them for this one's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mvsdk.project.state import file_identity

IMAGES = ("bin", "hex")
MAP = "map"


@dataclass(frozen=True)
class Derived:
    """What lay beside `elf` before a build."""

    elf: Path
    before: Mapping[Path, list[Any]]

    @classmethod
    def of(cls, elf: Path) -> Derived:
        """Look at what is there now."""
        paths = (elf.with_suffix(f".{suffix}") for suffix in (*IMAGES, MAP))
        return cls(elf, {path: file_identity(path) for path in paths})

    def remove_stale(self) -> None:
        """After a build that failed: remove what belongs to a program that is gone or has been replaced.

        The map of a link that has just failed stays, for it shows what takes the room.
        """
        program = _time(self.elf)
        for path, identity in self.before.items():
            is_old = file_identity(path) == identity
            if is_old and (program is None or (path.suffix != f".{MAP}" and (_time(path) or 0) < program)):
                path.unlink(missing_ok=True)


def _time(path: Path) -> int | None:
    return path.stat().st_mtime_ns if path.is_file() else None
