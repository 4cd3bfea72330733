"""`mvsdk build` without its clothes: configure when needed, run Ninja, weigh a program that is new.

A build with nothing to do starts no CMake, reads no ELF and writes no file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from mvsdk.errors import ProjectError
from mvsdk.project import folder_lock
from mvsdk.project.configuration import BuildType, Project
from mvsdk.project.configure import Configuration
from mvsdk.project.derived import Derived
from mvsdk.project.epoch import source_date_epoch
from mvsdk.project.errors import BuildDirectoryError, CompileError, ImageTooLargeError, reported_as
from mvsdk.project.listener import Listener, Silence
from mvsdk.project.ninja import run_ninja, smaller_hint
from mvsdk.project.sizes import RegionUse, measure
from mvsdk.project.state import BuildState, empty, file_identity
from mvsdk.project.toolchain import find_toolchain


@dataclass(frozen=True)
class BuildResult:
    """A program that fits its board. `is_new` is False when the program on disk was already this one."""

    project: Project
    build_type: BuildType
    is_new: bool
    sizes: tuple[RegionUse, ...]


def build(
    project: Project,
    *,
    build_type: BuildType | None = None,
    definitions: Mapping[str, str] | None = None,
    clean: bool = False,
    verbose: bool = False,
    listener: Listener | None = None,
    environment: Mapping[str, str] = os.environ,
) -> BuildResult:
    """Bring `build/<name>.elf` up to date and check that it fits the board.

    `build_type` defaults to the project's own. `definitions` are CMake cache entries for this build alone: what is not
    given again is forgotten. SOURCE_DATE_EPOCH is passed on from `environment`, else it is the time of the commit.
    Raises ToolchainError, BuildDirectoryError, ConfigureError, CompileError, ImageTooLargeError.
    """
    listener = listener or Silence()
    toolchain = find_toolchain(project.toolchain, environment)
    configuration = Configuration(project, build_type or project.build_type, definitions or {}, toolchain)
    surroundings = {**environment, "SOURCE_DATE_EPOCH": source_date_epoch(project.directory, environment)}
    with _alone(project, listener):
        if clean:
            empty(project.build_directory)
        state = _make(configuration, surroundings, listener, verbose=verbose)
        return _weigh(configuration, state)


@contextmanager
def _alone(project: Project, listener: Listener) -> Iterator[None]:
    """Let the builds of a project come one after another: two in one build directory break each other."""
    with ExitStack() as until_done:
        with reported_as(BuildDirectoryError, f"lock {project.directory}", "make the folder readable"):
            until_done.enter_context(folder_lock.held(project.directory, listener.waiting))
        yield


def _make(
    configuration: Configuration, surroundings: Mapping[str, str], listener: Listener, *, verbose: bool
) -> BuildState:
    """Configure when needed and run Ninja."""
    project, toolchain = configuration.project, configuration.toolchain
    state = BuildState.load(project.build_directory)
    if not configuration.holds(state):
        toolchain.check_versions()
        state = configuration.run(state, surroundings, listener)
    derived = Derived.of(project.elf)
    try:
        run_ninja(toolchain.ninja, project.build_directory, surroundings, listener, verbose=verbose)
    except (ProjectError, KeyboardInterrupt):
        derived.remove_stale()
        raise
    return state


def _weigh(configuration: Configuration, state: BuildState) -> BuildResult:
    project = configuration.project
    if not project.elf.is_file():
        raise CompileError(
            f"the build made no {project.elf}",
            f"mvsdk.toml calls the project '{project.name}': call it so in CMakeLists.txt too, "
            f"mvsdk_add_application({project.name} ...)",
        )
    identity = {"elf": file_identity(project.elf), "board": project.board}
    if state.measured.get("identity") == identity:
        sizes = tuple(RegionUse(**use) for use in state.measured["sizes"])
        return BuildResult(project, configuration.build_type, False, sizes)
    return BuildResult(project, configuration.build_type, True, _weigh_anew(project, state, identity))


def _weigh_anew(project: Project, state: BuildState, identity: Mapping[str, Any]) -> tuple[RegionUse, ...]:
    from mvsdk import boards

    sizes = measure(project.elf, boards.load(project.board))
    for use in sizes:
        if not use.fits:
            raise ImageTooLargeError(
                f"the program takes {use.used} bytes of {use.region}; {use.most} are the most",
                smaller_hint(project.build_directory),
            )
    measured = {"identity": identity, "sizes": [asdict(use) for use in sizes]}
    state.with_measured(measured).save(project.build_directory)
    return sizes
