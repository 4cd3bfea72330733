"""`mvsdk build` without its clothes: configure when needed, run Ninja, weigh a program that is new.

A build with nothing to do starts no CMake, reads no ELF and writes no file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mvsdk.errors import ProjectError
from mvsdk.project import folder_lock
from mvsdk.project.configuration import BuildType, Project
from mvsdk.project.configure import Configuration
from mvsdk.project.derived import Derived
from mvsdk.project.epoch import source_date_epoch
from mvsdk.project.errors import BuildDirectoryError, CompileError, ImageTooLargeError, reported_as
from mvsdk.project.foreign import CMakeProject
from mvsdk.project.listener import Listener, Silence
from mvsdk.project.ninja import run_ninja, smaller_hint
from mvsdk.project.sizes import RegionUse, measure
from mvsdk.project.state import BuildState, check_folder, empty, file_identity
from mvsdk.project.toolchain import find_toolchain


@dataclass(frozen=True)
class Program:
    """A program for Arm, and what it takes of the board, whether or not it fits."""

    elf: Path
    sizes: tuple[RegionUse, ...]


@dataclass(frozen=True)
class ForeignResult:
    """The programs of a CMake project without an mvsdk.toml. `is_new` is False when they were on disk before."""

    project: CMakeProject
    build_type: BuildType
    is_new: bool
    programs: tuple[Program, ...]


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
    toolchain = find_toolchain(project.toolchain, environment)
    configuration = Configuration(project, build_type or project.build_type, definitions or {}, toolchain)
    made = _Making(configuration, listener or Silence(), environment, clean=clean, verbose=verbose)
    with made.alone():
        derived = Derived.of(project.elf)
        try:
            state = made.make()
        except (ProjectError, KeyboardInterrupt):
            derived.remove_stale()
            raise
        return _weigh(project, configuration.build_type, state)


def build_foreign(
    project: CMakeProject,
    *,
    build_type: BuildType | None = None,
    definitions: Mapping[str, str] | None = None,
    clean: bool = False,
    verbose: bool = False,
    listener: Listener | None = None,
    environment: Mapping[str, str] = os.environ,
) -> ForeignResult:
    """Build a CMake project as it is, and find and measure its programs; parameters and errors as for `build`.

    Its presets and its own choice of a compiler hold; where it chooses none, ours is used.
    """
    toolchain = find_toolchain(None, environment)
    configuration = Configuration(project, build_type or "debug", definitions or {}, toolchain)
    made = _Making(configuration, listener or Silence(), environment, clean=clean, verbose=verbose)
    with made.alone():
        return _measure_all(project, configuration.build_type, made.make())


@dataclass(frozen=True)
class _Making:
    """One build: configure when needed, then Ninja."""

    configuration: Configuration
    listener: Listener
    environment: Mapping[str, str]
    clean: bool
    verbose: bool

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Let the builds of a project come one after another: two in one build directory break each other."""
        project = self.configuration.project
        directory = project.directory
        with ExitStack() as until_done:
            with reported_as(BuildDirectoryError, f"lock {directory}", "make the folder readable"):
                until_done.enter_context(folder_lock.held(directory, self.listener.waiting))
            check_folder(project.build_directory)
            yield

    def make(self) -> BuildState:
        project, toolchain = self.configuration.project, self.configuration.toolchain
        epoch = source_date_epoch(project.directory, self.environment)
        surroundings = {**self.environment, "SOURCE_DATE_EPOCH": epoch}
        if self.clean:
            empty(project.build_directory)
        state = BuildState.load(project.build_directory)
        if not self.configuration.holds(state):
            toolchain.check_versions()
            state = self.configuration.run(state, surroundings, self.listener)
        run_ninja(toolchain.ninja, project.build_directory, surroundings, self.listener, verbose=self.verbose)
        return state


def _measure_all(project: CMakeProject, build_type: BuildType, state: BuildState) -> ForeignResult:
    log = file_identity(project.build_directory / ".ninja_log")
    known = {elf: tuple(RegionUse(**use) for use in uses) for elf, uses in state.measured.get("programs", {}).items()}
    before = state.measured.get("identities", [])
    if known and state.measured.get("log") == log and before == [file_identity(Path(elf)) for elf in known]:
        return ForeignResult(project, build_type, False, tuple(Program(Path(elf), known[elf]) for elf in known))
    from mvsdk import boards

    board = boards.load(project.board)
    programs = tuple(Program(elf, measure(elf, board)) for elf in project.programs())
    if not programs:
        raise CompileError(
            f"the build made no program for Arm in {project.build_directory}",
            "see in CMakeLists.txt that it adds an executable, and which compiler it chooses",
        )
    identities = [file_identity(program.elf) for program in programs]
    uses = {str(program.elf): [asdict(use) for use in program.sizes] for program in programs}
    measured = {"log": log, "identities": identities, "programs": uses}
    state.with_measured(measured).save(project.build_directory)
    return ForeignResult(project, build_type, identities != before, programs)


def _weigh(project: Project, build_type: BuildType, state: BuildState) -> BuildResult:
    if not project.elf.is_file():
        raise CompileError(
            f"the build made no {project.elf}",
            f"mvsdk.toml calls the project '{project.name}': call it so in CMakeLists.txt too, "
            f"mvsdk_add_application({project.name} ...)",
        )
    identity = {"elf": file_identity(project.elf), "board": project.board}
    if state.measured.get("identity") == identity:
        sizes = tuple(RegionUse(**use) for use in state.measured["sizes"])
        return BuildResult(project, build_type, False, sizes)
    return BuildResult(project, build_type, True, _weigh_anew(project, state, identity))


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
