"""What can go wrong between a name and an ELF file.

ProjectError
├── ProjectNameError      the name would break C, CMake or a file system
├── ScaffoldError         the project cannot be written where it was asked for
├── NoProjectError        there is no mvsdk.toml here or above
├── ConfigurationError    mvsdk.toml says something it cannot say
├── ToolchainError        a tool is missing or too old
├── BuildDirectoryError   build/ is not ours to empty or cannot be written
├── ConfigureError        CMake refused the project
├── CompileError          a compiler, assembler or linker refused
└── ImageTooLargeError    the program does not fit the board
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mvsdk.errors import ProjectError


class ProjectNameError(ProjectError):
    """A project name would break C, CMake or a file system."""


class ScaffoldError(ProjectError):
    """A project cannot be written where it was asked for."""


class NoProjectError(ProjectError):
    """There is no mvsdk.toml here or in any folder above."""


class ConfigurationError(ProjectError):
    """mvsdk.toml says something it cannot say; the message names file, key, value and what was expected."""


class ToolchainError(ProjectError):
    """A tool is missing or too old; the remedy is the command that installs it."""


class BuildDirectoryError(ProjectError):
    """The build directory cannot be used, or is not ours to empty."""


class ConfigureError(ProjectError):
    """CMake refused the project; its own message has been shown."""


class CompileError(ProjectError):
    """A compiler, assembler or linker refused; its own message has been shown."""


class ImageTooLargeError(ProjectError):
    """The program does not fit the board."""


@contextmanager
def reported_as(error: type[ProjectError], doing: str, remedy: str) -> Iterator[None]:
    """Turn an operating-system error into `error`: what was being done, and the system's own reason and path."""
    try:
        yield
    except OSError as cause:
        where = f" ({cause.filename})" if cause.filename else ""
        raise error(f"cannot {doing}: {cause.strerror or cause}{where}", remedy) from cause
