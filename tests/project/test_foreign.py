"""CMake projects that were there before the SDK."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mvsdk.project.build import build_foreign
from mvsdk.project.configuration import Project
from mvsdk.project.errors import CompileError, ConfigureError, NoProjectError
from mvsdk.project.foreign import CMakeProject, find_any
from mvsdk.resources import shared
from tests.project.recorder import Recorder
from tests.project.stamps import stamps

OURS = shared("board-support") / "cmake" / "arm-none-eabi.cmake"
PROGRAM = """
project(sample LANGUAGES C)
add_executable(sample.elf main.c)
target_link_options(sample.elf PRIVATE -nostdlib -Wl,-emain -Wl,-Ttext=0x08000000 -Wl,--build-id=none)
"""


def sample(directory: Path, before: str = "", after: str = "") -> CMakeProject:
    """Write a project with one program; `before` stands ahead of project()."""
    directory.mkdir(exist_ok=True)
    text = f"cmake_minimum_required(VERSION 3.22)\n{before}{PROGRAM}{after}\n"
    (directory / "CMakeLists.txt").write_text(text)
    (directory / "main.c").write_text("int main(void) { return 0; }\n")
    return CMakeProject(directory)


def own_toolchain(directory: Path) -> Path:
    """Write a toolchain file that tells itself from ours by a definition."""
    file = directory / "toolchain.cmake"
    file.write_text(
        "set(CMAKE_SYSTEM_NAME Generic)\nset(CMAKE_C_COMPILER arm-none-eabi-gcc)\n"
        "set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)\nset(CMAKE_C_FLAGS_INIT -DTHEIR_OWN)\n"
    )
    return file


def commands(project: CMakeProject) -> str:
    """Return what was given to the compiler."""
    files = ("build.ninja", "CMakeFiles/rules.ninja")
    return "".join((project.build_directory / file).read_text() for file in files)


def test_a_project_that_chooses_no_compiler_gets_ours(tmp_path: Path) -> None:
    """It is built for the board's processor, and its program is measured against the default board."""
    project = sample(tmp_path / "plain")
    result = build_foreign(project)
    (program,) = result.programs
    assert program.elf == project.build_directory / "sample.elf"
    assert program.sizes[0].used > 0
    assert "-mcpu=cortex-m33" in commands(project)
    assert result.is_new


@pytest.mark.parametrize(
    "before",
    [
        "set(CMAKE_TOOLCHAIN_FILE ${CMAKE_CURRENT_SOURCE_DIR}/toolchain.cmake)",
        "set(CMAKE_TOOLCHAIN_FILE ${CMAKE_CURRENT_SOURCE_DIR}/toolchain.cmake CACHE FILEPATH x)",
        "if(NOT CMAKE_TOOLCHAIN_FILE)\nset(CMAKE_TOOLCHAIN_FILE ${CMAKE_SOURCE_DIR}/toolchain.cmake)\nendif()",
        "include(toolchain.cmake)",
    ],
)
def test_a_toolchain_file_of_its_own_holds(tmp_path: Path, before: str) -> None:
    """However the project names its compiler ahead of project(), that is the one, and ours is not read."""
    project = sample(tmp_path / "own", before)
    own_toolchain(project.directory)
    build_foreign(project)
    assert str(OURS) not in (project.build_directory / "CMakeCache.txt").read_text()
    assert "cortex-m33" not in commands(project)


def presets(project: CMakeProject, *names: str) -> None:
    """Write presets of these names; each has the project's own toolchain file and says its name."""
    toolchain = str(own_toolchain(project.directory))
    entries = [
        {
            "name": name,
            "generator": "Ninja",
            "binaryDir": "elsewhere",
            "cacheVariables": {"CMAKE_TOOLCHAIN_FILE": toolchain, "CMAKE_C_FLAGS": f"-DPRESET_{name}"},
        }
        for name in names
    ]
    hidden = {"name": "base", "hidden": True}
    document = {"version": 3, "configurePresets": [hidden, *entries]}
    (project.directory / "CMakePresets.json").write_text(json.dumps(document))


def test_the_preset_is_the_one_named_like_the_build_type_or_the_only_one(tmp_path: Path) -> None:
    """A preset with a toolchain file is honoured; among several without that name there is nothing to choose by."""
    project = sample(tmp_path / "preset")
    presets(project, "device")
    build_foreign(project)
    assert "-DPRESET_device" in commands(project)
    assert "cortex-m33" not in commands(project)
    presets(project, "device", "Release")
    build_foreign(project, build_type="release")
    assert "-DPRESET_Release" in commands(project)
    with pytest.raises(ConfigureError, match="is called debug: device, Release"):
        build_foreign(project)


def test_nothing_to_do_touches_nothing(tmp_path: Path) -> None:
    """The second build runs Ninja alone, and no file changes."""
    project = sample(tmp_path / "plain")
    first = build_foreign(project)
    before = stamps(project.directory)
    recorder = Recorder()
    second = build_foreign(project, listener=recorder)
    assert stamps(project.directory) == before
    assert recorder.programs == ["ninja"]
    assert (second.is_new, second.programs) == (False, first.programs)


def test_every_program_for_arm_is_found_and_nothing_else(tmp_path: Path) -> None:
    """Programs in folders below count; objects, libraries and programs of another machine do not."""
    project = sample(tmp_path / "two", after="add_library(more STATIC main.c)\nadd_subdirectory(sub)")
    sub = sample(project.directory / "sub")
    text = (sub.directory / "CMakeLists.txt").read_text()
    (sub.directory / "CMakeLists.txt").write_text(text.replace("sample", "other"))
    build_foreign(project)
    (project.build_directory / "host").write_bytes(b"\x7fELF\x02\x01" + bytes(10) + b"\x02\x00\x3e\x00")
    assert [program.relative_to(project.build_directory) for program in project.programs()] == [
        Path("sample.elf"),
        Path("sub/other.elf"),
    ]


def test_a_build_without_a_program_says_so(tmp_path: Path) -> None:
    """A project that only makes a library is told that no program is there."""
    project = sample(tmp_path / "none")
    file = project.directory / "CMakeLists.txt"
    file.write_text("cmake_minimum_required(VERSION 3.22)\nproject(none LANGUAGES C)\nadd_library(none main.c)\n")
    with pytest.raises(CompileError, match="made no program for Arm"):
        build_foreign(project)


def test_settings_win_and_a_folder_inside_will_do(tmp_path: Path) -> None:
    """The nearest mvsdk.toml decides; without one, the nearest CMakeLists.txt that calls project()."""
    project = sample(tmp_path / "app")
    inside = project.directory / "src" / "deep"
    inside.mkdir(parents=True)
    (inside.parent / "CMakeLists.txt").write_text("add_library(part part.c)\n")
    assert find_any(inside) == project
    (project.directory / "mvsdk.toml").write_text('[project]\nname = "app"\n')
    assert isinstance(find_any(inside), Project)


def test_where_there_is_neither_the_remedy_makes_a_project(tmp_path: Path) -> None:
    """Without mvsdk.toml and CMakeLists.txt the error is that of a folder with no project."""
    with pytest.raises(NoProjectError, match=r"no mvsdk\.toml") as refusal:
        find_any(tmp_path)
    assert "mvsdk new NAME" in refusal.value.remedy
