"""CMake projects that know nothing of the SDK: no `mvsdk.toml`, often a toolchain file of their own.

They are built as they are; which of their programs is the application is for `mvsdk bundle` to be told.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mvsdk.project.configuration import DEFAULT_BOARD, FILE, Project
from mvsdk.project.errors import CompileError, NoProjectError, reported_as

_PROJECT = re.compile(r"^\s*project\s*\(", re.IGNORECASE | re.MULTILINE)
_HEADER = b"\x7fELF\x01\x01"
"""ELF, 32 bits, little-endian (System V ABI, ELF header)."""
_KIND_AND_MACHINE = slice(16, 20)
_ARM_EXECUTABLE = b"\x02\x00\x28\x00"
"""ET_EXEC and EM_ARM (ELF for the Arm Architecture, ELF header)."""


@dataclass(frozen=True)
class CMakeProject:
    """A folder whose `CMakeLists.txt` calls project(), without an `mvsdk.toml`. It is weighed against `board`."""

    directory: Path
    board: str = DEFAULT_BOARD

    @property
    def name(self) -> str:
        """What to call it: the folder's name."""
        return self.directory.name

    @property
    def build_directory(self) -> Path:
        """Where everything that is built goes."""
        return self.directory / "build"

    def programs(self) -> tuple[Path, ...]:
        """Return the linked programs for Arm in the build directory, sorted; none of CMake's own trials."""
        with reported_as(CompileError, f"read {self.build_directory}", "make it readable"):
            return tuple(sorted(file for file in self._files() if _is_program(file)))

    def _files(self) -> Iterator[Path]:
        for folder, folders, files in os.walk(self.build_directory):
            folders[:] = [name for name in folders if name != "CMakeFiles"]
            yield from (Path(folder, name) for name in files)


def find_any(start: Path) -> Project | CMakeProject:
    """Return the project `start` is in: the nearest with an `mvsdk.toml`, else the nearest that CMake can configure.

    Raises NoProjectError when there is neither, ConfigurationError when an `mvsdk.toml` is wrong.
    """
    try:
        return Project.find(start)
    except NoProjectError:
        start = start.absolute()
        for directory in (start, *start.parents):
            if _calls_project(directory / "CMakeLists.txt"):
                return CMakeProject(directory)
        raise


def _calls_project(file: Path) -> bool:
    if not file.is_file():
        return False
    with reported_as(NoProjectError, f"read {file}", f"make it readable, or add an {FILE}"):
        return bool(_PROJECT.search(file.read_text(encoding="utf-8", errors="replace")))


def _is_program(file: Path) -> bool:
    if file.is_symlink() or not file.is_file():
        return False
    with file.open("rb") as opened:
        header = opened.read(_KIND_AND_MACHINE.stop)
    return header.startswith(_HEADER) and header[_KIND_AND_MACHINE] == _ARM_EXECUTABLE
