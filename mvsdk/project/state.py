"""What the last build left behind: how it was configured and what it measured, and whether that still holds."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mvsdk.project.errors import BuildDirectoryError, reported_as

_FILE = "mvsdk-build.json"


@dataclass(frozen=True)
class BuildState:
    """The content of `build/mvsdk-build.json`.

    `configured` is everything the configuration depended on; `cache` the entries of CMakeCache.txt that show whether
    somebody else has configured since; `measured` the identity and sizes of the program that was last found to fit.
    """

    configured: Mapping[str, Any] = field(default_factory=dict)
    cache: Mapping[str, str] = field(default_factory=dict)
    measured: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def load(cls, build_directory: Path) -> BuildState:
        """Read the state; one that is absent, damaged or not ours counts as none, and everything is done anew."""
        try:
            document = json.loads((build_directory / _FILE).read_bytes())
            state = cls(document["configured"], document["cache"], document["measured"])
        except (OSError, ValueError, LookupError, TypeError):
            return cls()
        return state if all(isinstance(part, dict) for part in vars(state).values()) else cls()

    def save(self, build_directory: Path) -> None:
        """Write the state in one step."""
        from mvsdk.files import write_whole

        write_whole(build_directory / _FILE, json.dumps(vars(self)).encode())

    def with_measured(self, measured: Mapping[str, Any]) -> BuildState:
        """Return this state with another measurement."""
        return replace(self, measured=measured)


def is_build_directory(directory: Path) -> bool:
    """Say whether CMake or a build of ours made this folder."""
    return any((directory / name).exists() for name in ("CMakeCache.txt", "CMakeFiles", _FILE))


def check_folder(directory: Path) -> None:
    """Raise BuildDirectoryError when something that is no folder stands where the build directory is to be."""
    if os.path.lexists(directory) and not directory.is_dir():
        raise BuildDirectoryError(
            f"{directory} is not a folder, and the build goes into a folder of that name", "move it away, or rename it"
        )


def empty(directory: Path) -> None:
    """Remove everything in a build directory; the folder stays.

    Raises BuildDirectoryError when neither CMake nor we made it: what is in there then is the user's.
    """
    import shutil

    check_folder(directory)
    if not directory.is_dir():
        return
    remedy = "move it away yourself; mvsdk empties only what CMake has made"
    with reported_as(BuildDirectoryError, f"empty {directory}", "make the folder writable"):
        entries = list(directory.iterdir())
        if entries and not is_build_directory(directory):
            raise BuildDirectoryError(f"{directory} is not a CMake build directory", remedy)
        for entry in entries:
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()


def file_identity(path: Path) -> list[Any]:
    """Return what changes whenever the file is replaced or rewritten: path, size in bytes, modification time in ns."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return [str(path), None, None]
    return [str(path), status.st_size, status.st_mtime_ns]


def cache_entries(build_directory: Path, names: Iterable[str]) -> dict[str, str]:
    """Return the values CMakeCache.txt has for `names`; those it does not have are left out."""
    wanted = set(names)
    try:
        lines = (build_directory / "CMakeCache.txt").read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return {}
    entries = (line.partition("=") for line in lines if line[:1] not in ("#", "/", ""))
    return {name: value for key, _, value in entries if (name := key.partition(":")[0]) in wanted}
