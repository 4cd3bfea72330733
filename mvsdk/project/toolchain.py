"""Find the cross compiler, CMake and Ninja, and say how to get what is missing."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
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
            check_version(role, getattr(self, role))


@dataclass(frozen=True)
class Library:
    """A library of the tool chain, and the Debian package that brings it."""

    file: str
    package: str


def find_toolchain(directory: Path | None = None, environment: Mapping[str, str] = os.environ) -> Toolchain:
    """Find the programs; `directory` is what the project says ([toolchain] path), MVSDK_TOOLCHAIN beats it.

    Nothing is run. Raises ToolchainError naming everything that is missing and the command that installs it.
    """
    named = compiler_directory(directory, environment)
    found = {role: _look_for(role, named, environment) for role in _tools()}
    missing = [_tools()[role].executable for role, path in found.items() if path is None]
    if named and found["compiler"] is None:
        raise _not_in(named)
    if missing:
        raise ToolchainError(f"not found on PATH: {', '.join(missing)}", install_hint())
    return Toolchain(named, **{role: path for role, path in found.items() if path is not None})


def find_tool(role: str, directory: Path | None, environment: Mapping[str, str]) -> Path:
    """Return the path of one program ("compiler", "cmake" or "ninja"). Raises ToolchainError when it is missing."""
    named = compiler_directory(directory, environment)
    path = _look_for(role, named, environment)
    if path is None and named and role == "compiler":
        raise _not_in(named)
    if path is None:
        raise ToolchainError(f"not found on PATH: {_tools()[role].executable}", install_hint())
    return path


def _look_for(role: str, named: Path | None, environment: Mapping[str, str]) -> Path | None:
    """Look where the compiler was said to be and nowhere else; for the other programs, and without a word, on PATH."""
    on_path = map(Path, environment.get("PATH", os.defpath).split(os.pathsep))
    for folder in [named, named / "bin"] if named and role == "compiler" else on_path:
        candidate = folder / _tools()[role].executable
        if os.access(candidate, os.X_OK) and candidate.is_file():
            return candidate.absolute()
    return None


def _not_in(named: Path) -> ToolchainError:
    remedy = f"correct {VARIABLE} or [toolchain] path in mvsdk.toml"
    return ToolchainError(f"there is no {_tools()['compiler'].executable} in {named}", remedy)


def compiler_directory(directory: Path | None, environment: Mapping[str, str]) -> Path | None:
    """Return the folder the compiler was said to be in, if one was."""
    named = environment.get(VARIABLE)
    return Path(named).expanduser() if named else directory


def check_version(role: str, path: Path) -> str:
    """Run one program with `--version` and return its version.

    Raises ToolchainError when it does not tell one or is older than the SDK needs.
    """
    import subprocess

    tool = _tools()[role]
    with reported_as(ToolchainError, f"run {path}", install_hint()):
        answer = subprocess.run([path, "--version"], capture_output=True, text=True, check=False, errors="replace")
    found = re.search(tool.version, answer.stdout.partition("\n")[0])
    if answer.returncode or not found:
        said = (answer.stderr or answer.stdout).strip().partition("\n")[0] or f"status {answer.returncode}"
        raise ToolchainError(f"{path} --version does not tell a version: {said}", install_hint())
    if _numbers(found[1]) < _numbers(tool.minimum):
        raise ToolchainError(f"{path} is version {found[1]}; mvsdk needs {tool.minimum} or newer", install_hint())
    return found[1]


def libraries() -> tuple[Library, ...]:
    """Return what must lie beside the compiler."""
    return tuple(Library(file, package) for file, package in _facts()["libraries"]["files"].items())


def find_library(library: Library, compiler: Path) -> Path:
    """Ask the compiler where it has a library for the target. Raises ToolchainError when it does not have it."""
    import subprocess

    command = [str(compiler), *_facts()["libraries"]["machine"], f"-print-file-name={library.file}"]
    with reported_as(ToolchainError, f"run {compiler}", install_hint()):
        answer = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    # A library that GCC does not have comes back as it was named, without a folder.
    if not Path(answer).is_absolute():
        raise ToolchainError(f"{compiler} has no {library.file}", apt_install([library.package]))
    return Path(answer).resolve()


def install_hint() -> str:
    """Return the command that installs the whole tool chain."""
    return apt_install(_facts()["packages"])


def apt_install(packages: Iterable[str], *, is_root: bool | None = None) -> str:
    """Return the command that installs Debian packages, as this user (or as said) may type it."""
    is_root = os.geteuid() == 0 if is_root is None else is_root
    return " ".join([*([] if is_root else ["sudo"]), "apt-get", "install", *packages])


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version.split("."))


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
