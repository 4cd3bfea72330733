"""When CMake has to run, and running it.

Ninja itself runs CMake again when a CMakeLists.txt or anything it includes changes. Here is what Ninja cannot see: the
build type, definitions, preset files, the compiler, and where the SDK is. Such a change starts from an empty cache,
so that the same request always gives the same configuration, whatever was asked for before.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mvsdk import __version__
from mvsdk.project.configuration import BuildType, Project
from mvsdk.project.errors import BuildDirectoryError, ConfigureError, reported_as
from mvsdk.project.listener import Listener
from mvsdk.project.state import BuildState, cache_entries, check_folder, empty, file_identity
from mvsdk.project.toolchain import Toolchain
from mvsdk.resources import shared

PRESETS = "CMakePresets.json"
_PRESET_FILES = (PRESETS, "CMakeUserPresets.json")
_SEALS = ("CMAKE_HOME_DIRECTORY", "CMAKE_BUILD_TYPE", "CMAKE_C_COMPILER", "mvsdk_DIR")


@dataclass(frozen=True)
class Configuration:
    """A request: configure this project as this build type, with these CMake cache entries (NAME or NAME:TYPE)."""

    project: Project
    build_type: BuildType
    definitions: Mapping[str, str]
    toolchain: Toolchain

    def arguments(self) -> list[str]:
        """Return the CMake command. A project without presets gets what the templates' presets say."""
        project = self.project
        has_presets = (project.directory / PRESETS).is_file()
        kind = self.build_type.capitalize()
        chosen = f"--preset={self.build_type}" if has_presets else f"-DCMAKE_BUILD_TYPE={kind}"
        ours = {
            "mvsdk_DIR:PATH": str(shared("board-support") / "cmake"),
            "CMAKE_MAKE_PROGRAM:FILEPATH": str(self.toolchain.ninja),
            # Ninja takes the colours out again when nobody is looking.
            "CMAKE_COLOR_DIAGNOSTICS:BOOL": "ON",
        }
        if self.toolchain.named:
            ours["MVSDK_TOOLCHAIN:PATH"] = str(self.toolchain.named)
        entries = [f"-D{name}={value}" for name, value in {**ours, **self.definitions}.items()]
        places = ["-S", str(project.directory), "-B", str(project.build_directory)]
        return [str(self.toolchain.cmake), *places, "-G", "Ninja", chosen, *entries]

    def inputs(self) -> dict[str, Any]:
        """Return everything the result depends on that Ninja does not watch."""
        return {
            "mvsdk": __version__,
            "command": self.arguments(),
            "compiler": file_identity(self.toolchain.compiler),
            "presets": _preset_files(self.project.directory),
        }

    def holds(self, state: BuildState) -> bool:
        """Say whether `state` and the cache are the outcome of this very request."""
        build_directory = self.project.build_directory
        return (
            (build_directory / "build.ninja").is_file()
            and state.configured == self.inputs()
            and state.cache == cache_entries(build_directory, self._seals())
        )

    def run(self, previous: BuildState, environment: Mapping[str, str], listener: Listener) -> BuildState:
        """Configure from an empty cache; return the new state, saved.

        Objects stay, for Ninja knows which are still good, except when the compiler itself has changed.
        Raises ConfigureError after CMake's own message went to `listener`.
        """
        import subprocess

        build_directory, arguments = self.project.build_directory, self.arguments()
        inputs = self.inputs()
        if previous.configured and previous.configured.get("compiler") != inputs["compiler"]:
            empty(build_directory)
        _forget_cache(build_directory)
        BuildState().save(build_directory)
        listener.command(arguments)
        with reported_as(ConfigureError, f"run {arguments[0]}", "see: mvsdk doctor"):
            answer = subprocess.run(
                arguments, env=dict(environment), capture_output=True, text=True, errors="replace", check=False
            )
        if said := _without_our_own(answer.stderr).strip("\n"):
            listener.output(said)
        if answer.returncode:
            raise ConfigureError(
                f"CMake could not configure {self.project.name} ({self.build_type})",
                "correct what CMake says above; `mvsdk build -v` shows its command",
            )
        state = BuildState(inputs, cache_entries(build_directory, self._seals()), previous.measured)
        state.save(build_directory)
        return state

    def _seals(self) -> tuple[str, ...]:
        return (*_SEALS, *(name.partition(":")[0] for name in self.definitions))


def _without_our_own(said: str) -> str:
    """Drop from CMake's warning about unused entries those that only find_package(mvsdk) uses."""
    others = re.sub(r"(?m)^ +(mvsdk_DIR|MVSDK_TOOLCHAIN)\n", "", said)
    return re.sub(r"CMake Warning:\n +Manually-specified variables [^:]*:\n\s*\n(?! )", "", others)


def _forget_cache(build_directory: Path) -> None:
    """Remove what CMake remembers between runs: the cache and what it found out about the compilers."""
    import shutil

    check_folder(build_directory)
    with reported_as(BuildDirectoryError, f"write to {build_directory}", "make the folder writable"):
        build_directory.mkdir(exist_ok=True)
        (build_directory / "CMakeCache.txt").unlink(missing_ok=True)
        for found_out in build_directory.glob("CMakeFiles/[0-9]*"):
            shutil.rmtree(found_out)


def _preset_files(directory: Path) -> dict[str, str]:
    """Return the text of the preset files and of all they include, by path.

    An include path with a macro is looked up as it is written: CMake alone can expand it.
    """
    texts: dict[str, str] = {}
    pending = [directory / name for name in _PRESET_FILES]
    while pending:
        file = pending.pop()
        if str(file) in texts or not file.is_file():
            continue
        with reported_as(ConfigureError, f"read {file}", "make it readable"):
            texts[str(file)] = file.read_text(encoding="utf-8", errors="replace")
        pending += [file.parent / include for include in _includes(texts[str(file)])]
    return texts


def _includes(presets: str) -> list[str]:
    try:
        document = json.loads(presets)
    except ValueError:
        return []  # CMake will say what is wrong with it
    includes = document.get("include", []) if isinstance(document, dict) else []
    return [name for name in includes if isinstance(name, str)] if isinstance(includes, list) else []
