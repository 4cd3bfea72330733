"""Where the compiler, CMake and Ninja are taken from, and what is said when they are not there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mvsdk.project.errors import ToolchainError
from mvsdk.project.toolchain import apt_install, check_version, find_library, find_tool, find_toolchain, libraries

ALL = ("arm-none-eabi-gcc", "cmake", "ninja")
Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path) -> Install:
    """Return a function that puts programs into a folder; each prints `says`."""

    def put(folder: str, *programs: str, says: str = "", mode: int = 0o755) -> Path:
        directory = tmp_path / folder
        directory.mkdir(parents=True, exist_ok=True)
        for program in programs:
            (directory / program).write_text(f"#!/bin/sh\ncat <<'END'\n{says}\nEND\n")
            (directory / program).chmod(mode)
        return directory

    return put


def test_programs_are_found_on_the_path_in_its_order(install: Install) -> None:
    """The first folder of PATH that has a program wins; a file that cannot be run is no program."""
    nothing = install("nothing", *ALL, mode=0o644)
    first, second = install("first", "cmake"), install("second", *ALL)
    found = find_toolchain(None, {"PATH": f"{nothing}:{first}:{second}"})
    assert (found.compiler, found.cmake, found.ninja) == (second / ALL[0], first / "cmake", second / "ninja")
    assert found.named is None


def test_what_is_missing_is_listed_with_the_command_that_installs_it(install: Install) -> None:
    """All missing programs are named at once, and the remedy is the whole apt command."""
    with pytest.raises(ToolchainError) as refusal:
        find_toolchain(None, {"PATH": str(install("some", "cmake"))})
    assert refusal.value.what == "not found on PATH: arm-none-eabi-gcc, ninja"
    assert refusal.value.remedy.removeprefix("sudo ") == (
        "apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi libstdc++-arm-none-eabi-newlib cmake ninja-build"
    )


@pytest.mark.parametrize("folder", ["arm", "arm/bin"])
def test_a_compiler_folder_that_is_named_beats_the_path(install: Install, tmp_path: Path, folder: str) -> None:
    """The folder may be the compiler's own or the one above its `bin`; only the compiler is taken from it."""
    named, on_path = install(folder, *ALL), install("path", *ALL)
    found = find_toolchain(tmp_path / "arm", {"PATH": str(on_path)})
    assert found.compiler == named / ALL[0]
    assert (found.cmake, found.ninja) == (on_path / "cmake", on_path / "ninja")


def test_the_environment_beats_the_project(install: Install) -> None:
    """MVSDK_TOOLCHAIN is this machine's word and beats what mvsdk.toml says for everybody."""
    mine, theirs, on_path = (install(folder, *ALL) for folder in ("mine", "theirs", "path"))
    found = find_toolchain(theirs, {"PATH": str(on_path), "MVSDK_TOOLCHAIN": str(mine)})
    assert found.compiler == mine / ALL[0]
    assert found.named == mine


def test_a_named_folder_without_a_compiler_is_an_error(install: Install, tmp_path: Path) -> None:
    """Another compiler than the one that was named is never taken in its stead."""
    with pytest.raises(ToolchainError, match="there is no arm-none-eabi-gcc in") as refusal:
        find_toolchain(tmp_path / "nowhere", {"PATH": str(install("path", *ALL))})
    assert "MVSDK_TOOLCHAIN" in refusal.value.remedy


FIRST_LINES = {
    ("compiler", "arm-none-eabi-gcc (15:12.2.rel1-1) 12.2.1 20221205"): "12.2.1",
    ("compiler", "arm-none-eabi-gcc (Arm GNU Toolchain 13.2.rel1 (Build arm-13.7)) 13.2.1 20231009"): "13.2.1",
    ("compiler", "arm-none-eabi-gcc (xPack GNU Arm Embedded GCC arm64) 14.2.1 20241119"): "14.2.1",
    ("cmake", "cmake version 3.25.1\n\nCMake suite maintained and supported by Kitware"): "3.25.1",
    ("cmake", "cmake version 4.1.0-rc2"): "4.1.0",
    ("ninja", "1.11.1"): "1.11.1",
    ("ninja", "1.11.1.git.kitware.jobserver-1"): "1.11.1",
}


@pytest.mark.parametrize(("role", "says", "version"), [(*key, version) for key, version in FIRST_LINES.items()])
def test_versions_are_read_from_what_the_programs_print(install: Install, role: str, says: str, version: str) -> None:
    """The version is found in the first line of every vendor's release."""
    assert check_version(role, install("bin", "program", says=says) / "program") == version


@pytest.mark.parametrize(
    ("role", "says"),
    [("compiler", "gcc (Debian) 7.3.1"), ("cmake", "cmake version 3.21.9"), ("ninja", "1.9.0")],
)
def test_a_program_that_is_too_old_is_refused(install: Install, role: str, says: str) -> None:
    """An old release is refused with its version and the one needed, compared as numbers."""
    with pytest.raises(ToolchainError, match=r"is version [\d.]+; mvsdk needs [\d.]+ or newer"):
        check_version(role, install("bin", "program", says=says) / "program")


def test_a_program_that_does_not_tell_its_version_is_refused(install: Install, tmp_path: Path) -> None:
    """A program that prints something else, fails, or cannot be started is not taken for a tool."""
    folder = install("bin", "program", says="command not supported")
    with pytest.raises(ToolchainError, match="does not tell a version: command not supported"):
        check_version("cmake", folder / "program")
    (folder / "program").write_text("#!/bin/sh\necho cmake version 3.30\nexit 3\n")
    with pytest.raises(ToolchainError, match="does not tell a version"):
        check_version("cmake", folder / "program")
    with pytest.raises(ToolchainError, match="cannot run"):
        check_version("cmake", tmp_path / "nowhere")


def test_the_installed_tool_chain_is_found_and_complete() -> None:
    """The real programs of this machine are found, new enough, and the compiler has its libraries."""
    toolchain = find_toolchain()
    toolchain.check_versions()
    assert all(find_library(library, toolchain.compiler).is_file() for library in libraries())


def test_a_missing_library_is_named_with_its_package(install: Install) -> None:
    """A compiler without a library answers with the bare name; the remedy is the one package that brings it."""
    for library in libraries():
        compiler = install("bin", "arm-none-eabi-gcc", says=library.file) / "arm-none-eabi-gcc"
        with pytest.raises(ToolchainError, match=f"has no {library.file.replace('+', '.')}") as refusal:
            find_library(library, compiler)
        assert refusal.value.remedy == apt_install([library.package])


def test_only_root_installs_without_sudo() -> None:
    """The command that installs packages is one that its reader may type."""
    assert apt_install(["cmake", "git"], is_root=False) == "sudo apt-get install cmake git"
    assert apt_install(["cmake", "git"], is_root=True) == "apt-get install cmake git"


def test_one_program_can_be_looked_for(install: Install) -> None:
    """A single program is found or named as missing without regard to the others."""
    environment = {"PATH": str(install("some", "cmake"))}
    assert find_tool("cmake", None, environment).name == "cmake"
    with pytest.raises(ToolchainError, match="not found on PATH: ninja"):
        find_tool("ninja", None, environment)
