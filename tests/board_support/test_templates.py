"""Every template is a project that builds without a warning, does what it promises and does not know its folder."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from mvsdk.project.configuration import Project
from mvsdk.project.scaffold import scaffold, templates
from tests.board_support.cmake_project import CMakeProject
from tests.board_support.firmware import Elf, execute

NAMES = [template.name for template in templates()]
WARNINGS = "-Werror -Wall -Wextra -Wpedantic -Wshadow -Wundef"


def project(directory: Path, template: str, name: str = "my-app_2") -> CMakeProject:
    """Scaffold a project into a new folder."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    scaffold(template, name, directory)
    return CMakeProject(directory)


def strict(build_type: str) -> list[str]:
    """Return options for a build in which any warning is an error."""
    flags = [f"-DCMAKE_{language}_FLAGS={WARNINGS}" for language in ("C", "CXX")]
    return [f"-DCMAKE_BUILD_TYPE={build_type}", "--no-warn-unused-cli", *flags]


def test_the_templates_are_these() -> None:
    """A new template is added to the tests below by being there; these three are promised."""
    assert {"blinky", "cpp", "minimal"} <= set(NAMES)


@pytest.mark.parametrize("build_type", ["Debug", "Release"])
@pytest.mark.parametrize("template", NAMES)
def test_it_builds_without_a_warning(tmp_path: Path, template: str, build_type: str) -> None:
    """Debug and Release, with every usual warning an error; all outputs carry the project's name."""
    made = project(tmp_path / "app", template).made(*strict(build_type))
    for suffix in ("elf", "bin", "hex", "map"):
        assert made.read(f"my-app_2.{suffix}")


@pytest.mark.parametrize("template", NAMES)
def test_it_gives_the_same_bytes_in_another_folder(tmp_path: Path, template: str) -> None:
    """Two checkouts of one project: equal programs, equal images."""
    one = project(tmp_path / "one", template).made()
    two = project(tmp_path / "quite" / "another", template).made()
    for suffix in ("elf", "bin", "hex"):
        assert one.read(f"my-app_2.{suffix}") == two.read(f"my-app_2.{suffix}")


@pytest.mark.parametrize("template", NAMES)
def test_its_presets_are_debug_and_release_in_the_build_folder(tmp_path: Path, template: str) -> None:
    """What `mvsdk build` and editors ask for by name is there, for Ninja, in build/."""
    presets = json.loads((project(tmp_path / "app", template).directory / "CMakePresets.json").read_text())
    assert {preset["name"] for preset in presets["configurePresets"]} == {"debug", "release"}
    for preset in presets["configurePresets"]:
        assert (preset["generator"], preset["binaryDir"]) == ("Ninja", "${sourceDir}/build")
        assert preset["cacheVariables"]["CMAKE_BUILD_TYPE"].lower() == preset["name"]


@pytest.mark.parametrize("template", NAMES)
def test_it_comes_with_everything_a_project_needs(tmp_path: Path, template: str) -> None:
    """README, .gitignore for the build folder, a workflow that builds and bundles, settings that load."""
    directory = project(tmp_path / "app", template).directory
    assert "/build/" in (directory / ".gitignore").read_text().splitlines()
    assert (directory / "README.md").read_text().startswith("# my-app_2\n")
    workflow = (directory / ".github" / "workflows" / "build.yml").read_text()
    for step in ("pip install mvsdk", "mvsdk build --release", "mvsdk bundle", "mvsdk emulate", "MVSDK_SIGNING_KEY"):
        assert step in workflow
    loaded = Project.load(directory)
    assert (loaded.name, loaded.board, loaded.build_type) == ("my-app_2", "stm32u585", "debug")


@pytest.mark.parametrize("template", NAMES)
def test_the_settings_it_shows_as_comments_are_real(tmp_path: Path, template: str) -> None:
    """Taking the # away from every option in mvsdk.toml gives a file that loads."""
    directory = project(tmp_path / "app", template).directory
    lines = (directory / "mvsdk.toml").read_text().splitlines()
    enabled = [line.removeprefix("# ") if line.startswith("# ") and " = " in line else line for line in lines]
    (directory / "mvsdk.toml").write_text("\n".join(enabled))
    assert enabled != lines
    assert set(Project.load(directory).bundle) == set(tomllib.loads("\n".join(enabled))["bundle"])


@pytest.mark.parametrize("template", NAMES)
def test_nothing_of_the_template_is_left_in_the_project(tmp_path: Path, template: str) -> None:
    """No placeholder, no template.toml and no stored dot- name survives."""
    directory = project(tmp_path / "app", template).directory
    for file in directory.rglob("*"):
        assert "@name@" not in str(file)
        assert not file.name.startswith("dot-")
        assert file.is_dir() or b"@name@" not in file.read_bytes()
    assert not (directory / "template.toml").exists()


@pytest.mark.parametrize("template", NAMES)
def test_its_description_fits_one_line_of_the_list(template: str) -> None:
    """`mvsdk new --list` shows one line for each."""
    (found,) = (each for each in templates() if each.name == template)
    assert 0 < len(found.description) <= 100
    assert "\n" not in found.description


def test_minimal_logs_one_line_and_sleeps(tmp_path: Path) -> None:
    """Two system calls, one line."""
    made = project(tmp_path / "app", "minimal").made()
    run = execute(Elf(made.build_directory / "my-app_2.elf"))
    assert run.log == ["my-app_2: hello, world"]
    assert run.calls == ["mvServerLoggingInit", "mvServerLog"]


def test_cpp_constructs_before_main_and_destroys_in_it(tmp_path: Path) -> None:
    """The global object speaks first, the local one comes and goes, and then the application sleeps until the tick."""
    made = project(tmp_path / "app", "cpp").made()
    run = execute(Elf(made.build_directory / "my-app_2.elf"))
    assert run.log == [
        "my-app_2: the global object is here",
        "my-app_2: main has started",
        "my-app_2: a local object is here",
        "my-app_2: a local object has gone",
    ]


def test_blinky_sets_everything_up_before_its_first_sleep(tmp_path: Path) -> None:
    """Log, clock of the LED's port, notification centre and timer, in this order; PA5 is an output then."""
    made = project(tmp_path / "app", "blinky").made()
    run = execute(Elf(made.build_directory / "my-app_2.elf"))
    assert run.calls == [
        "mvServerLoggingInit",
        "mvPeriphPoke32",
        "mvSetupNotifications",
        "mvGetSysClk",
        "mvServerLog",
    ]
    gpioa_moder = int.from_bytes(run.memory(0x42020000, 4), "little")
    assert gpioa_moder >> 10 & 3 == 1
    timer_interrupt_enabled = int.from_bytes(run.memory(0xE000E104, 4), "little")
    assert timer_interrupt_enabled == 1 << 19
