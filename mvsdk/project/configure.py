"""When CMake has to run, and running it.

Ninja itself runs CMake again when a CMakeLists.txt or anything it includes changes. Here is what Ninja cannot see: the
build type, definitions, preset files, the compiler, and where the SDK is. Such a change starts from an empty cache,
so that the same request always gives the same configuration, whatever was asked for before.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mvsdk import __version__
from mvsdk.project.configuration import BuildType, Project
from mvsdk.project.errors import BuildDirectoryError, ConfigureError, reported_as
from mvsdk.project.foreign import CMakeProject
from mvsdk.project.listener import Listener
from mvsdk.project.presets import PRESETS, configure_presets, preset_files
from mvsdk.project.state import BuildState, cache_entries, empty, file_identity
from mvsdk.project.toolchain import Toolchain
from mvsdk.resources import shared

_SEALS = ("CMAKE_HOME_DIRECTORY", "CMAKE_BUILD_TYPE", "CMAKE_C_COMPILER", "mvsdk_DIR")


@dataclass(frozen=True)
class Configuration:
    """A request: configure this project as this build type, with these CMake cache entries (NAME or NAME:TYPE)."""

    project: Project | CMakeProject
    build_type: BuildType
    definitions: Mapping[str, str]
    toolchain: Toolchain

    def arguments(self) -> list[str]:
        """Return the CMake command. A project without presets gets what the templates' presets say."""
        project = self.project
        preset = self._preset()
        chosen = f"--preset={preset}" if preset else f"-DCMAKE_BUILD_TYPE={self.build_type.capitalize()}"
        ours = {
            "mvsdk_DIR:PATH": str(shared("board-support") / "cmake"),
            "CMAKE_MAKE_PROGRAM:FILEPATH": str(self.toolchain.ninja),
            # Ninja takes the colours out again when nobody is looking.
            "CMAKE_COLOR_DIAGNOSTICS:BOOL": "ON",
        }
        if self.toolchain.named:
            ours["MVSDK_TOOLCHAIN:PATH"] = str(self.toolchain.named)
        if isinstance(project, CMakeProject):
            ours["CMAKE_PROJECT_INCLUDE_BEFORE:FILEPATH"] = str(
                shared("board-support") / "cmake" / "default-toolchain.cmake"
            )
        entries = [f"-D{name}={value}" for name, value in {**ours, **self.definitions}.items()]
        places = ["-S", str(project.directory), "-B", str(project.build_directory)]
        return [str(self.toolchain.cmake), *places, "-G", "Ninja", chosen, *entries]

    def _preset(self) -> str | None:
        """Return the preset to configure with. One that knows nothing of us may call its only preset as it likes."""
        if not isinstance(self.project, CMakeProject):
            return self.build_type if (self.project.directory / PRESETS).is_file() else None
        names = configure_presets(preset_files(self.project.directory).values())
        if not names:
            return None
        same = [name for name in names if name.casefold() == self.build_type]
        if not same and len(names) > 1:
            raise ConfigureError(
                f"none of the presets of {self.project.name} is called {self.build_type}: {', '.join(names)}",
                f"add one of that name to {PRESETS} that inherits the one to build with",
            )
        return (same or names)[0]

    def inputs(self) -> dict[str, Any]:
        """Return everything the result depends on that Ninja does not watch."""
        return {
            "mvsdk": __version__,
            "command": self.arguments(),
            "compiler": file_identity(self.toolchain.compiler),
            "presets": preset_files(self.project.directory),
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
    others = re.sub(r"(?m)^ +(mvsdk_DIR|MVSDK_TOOLCHAIN|CMAKE_COLOR_DIAGNOSTICS)\n", "", said)
    return re.sub(r"CMake Warning:\n +Manually-specified variables [^:]*:\n\s*\n(?! )", "", others)


def _forget_cache(build_directory: Path) -> None:
    """Remove what CMake remembers between runs: the cache and what it found out about the compilers."""
    import shutil

    with reported_as(BuildDirectoryError, f"write to {build_directory}", "make the folder writable"):
        build_directory.mkdir(exist_ok=True)
        (build_directory / "CMakeCache.txt").unlink(missing_ok=True)
        for found_out in build_directory.glob("CMakeFiles/[0-9]*"):
            shutil.rmtree(found_out)
