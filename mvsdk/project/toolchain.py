"""Find the cross compiler, CMake and Ninja, and say how to get what is missing."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from mvsdk.project.errors import ToolchainError, reported_as

VARIABLE = "MVSDK_TOOLCHAIN"
"""Environment variable: the folder of the cross compiler (or the one above its `bin`); beats mvsdk.toml and PATH."""


@dataclass(frozen=True)
class Toolchain:
    """The programs of a build, as absolute paths; their versions are not known until `check_versions`.

    `named` is the compiler's folder when somebody said which, else the compiler was on PATH.
    """

    named: Path | None
    compiler: Path
    cmake: Path
    ninja: Path

    def check_versions(self) -> None:
        """Raise ToolchainError for the first program that does not run or is older than the SDK needs."""
        for role in _tools():
            path: Path = getattr(self, role)
            found, minimum = version_of(role, path), minimum_version(role)
            if _numbers(found) < _numbers(minimum):
                raise ToolchainError(f"{path} is version {found}; mvsdk needs {minimum} or newer", install_hint())


def find_toolchain(directory: Path | None = None, environment: Mapping[str, str] = os.environ) -> Toolchain:
    """Find the programs; `directory` is what the project says ([toolchain] path), MVSDK_TOOLCHAIN beats it.

    Nothing is run. Raises ToolchainError naming everything that is missing and the command that installs it.
    """
    found = {role: find_tool(role, directory, environment) for role in _tools()}
    paths = {role: path for role, path in found.items() if path is not None}
    named = compiler_directory(directory, environment)
    missing = ", ".join(_tools()[role].executable for role in found if role not in paths)
    if named and "compiler" not in paths:
        raise ToolchainError(
            f"there is no {_tools()['compiler'].executable} in {named}",
            f"correct {VARIABLE} or [toolchain] path in mvsdk.toml, whichever names that folder",
        )
    if missing:
        raise ToolchainError(f"missing on PATH: {missing}", install_hint())
    return Toolchain(named, **paths)


def find_tool(role: str, directory: Path | None, environment: Mapping[str, str]) -> Path | None:
    """Return the path of one program ("compiler", "cmake" or "ninja"), or None.

    A compiler folder that was named is believed: without a compiler in it, none on PATH is taken instead.
    """
    executable = _tools()[role].executable
    named = compiler_directory(directory, environment) if role == "compiler" else None
    folders = [named, named / "bin"] if named else map(Path, environment.get("PATH", os.defpath).split(os.pathsep))
    for folder in folders:
        candidate = folder / executable
        if os.access(candidate, os.X_OK) and candidate.is_file():
            return candidate.absolute()
    return None


def compiler_directory(directory: Path | None, environment: Mapping[str, str]) -> Path | None:
    """Return the folder the compiler was said to be in, if one was."""
    named = environment.get(VARIABLE)
    return Path(named).expanduser() if named else directory


def version_of(role: str, path: Path) -> str:
    """Run one program with `--version` and return its version; raises ToolchainError when it does not tell one."""
    import subprocess

    with reported_as(ToolchainError, f"run {path}", install_hint()):
        answer = subprocess.run([path, "--version"], capture_output=True, text=True, check=False, errors="replace")
    found = re.search(_tools()[role].version, answer.stdout.partition("\n")[0])
    if answer.returncode or not found:
        said = (answer.stderr or answer.stdout).strip().partition("\n")[0] or f"status {answer.returncode}"
        raise ToolchainError(f"{path} --version does not tell a version: {said}", install_hint())
    return found[1]


def minimum_version(role: str) -> str:
    """Return the oldest release of a program that will do."""
    return _tools()[role].minimum


def install_hint() -> str:
    """Return the command that installs the whole tool chain."""
    return f"apt-get install {' '.join(_facts()['packages'])}"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version.split(".") if number)


@dataclass(frozen=True)
class _Tool:
    executable: str
    minimum: str
    version: str
    """Pattern whose first group is the version, in the first line of `--version`."""


@cache
def _tools() -> Mapping[str, _Tool]:
    return {role: _Tool(**facts) for role, facts in _facts()["tools"].items()}


@cache
def _facts() -> Mapping[str, Any]:
    return tomllib.loads(Path(__file__).with_name("toolchain.toml").read_text(encoding="utf-8"))
