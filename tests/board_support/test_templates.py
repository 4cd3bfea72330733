"""Every template is a project that builds without a warning, does what it promises and does not know its folder."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path

import pytest

from mvsdk.emulator import script
from mvsdk.emulator.device import End
from mvsdk.project.configuration import Project
from mvsdk.project.scaffold import scaffold, templates
from mvsdk.resources import shared
from tests.board_support.cmake_project import CMakeProject
from tests.board_support.firmware import Elf, execute
from tests.emulator.examples import EXAMPLES

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
    """A new template is added to the tests below by being there; these are promised."""
    assert {"blinky", "config", "cpp", "factory-test", "http", "minimal", "mqtt", "ota-polite"} <= set(NAMES)


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
    for step in ("mvsdk build --release", "mvsdk bundle", "mvsdk emulate", "MVSDK_SIGNING_KEY"):
        assert step in workflow
    loaded = Project.load(directory)
    assert (loaded.name, loaded.board, loaded.build_type) == ("my-app_2", "stm32u585", "debug")


def workflow_steps(directory: Path) -> dict[str, str]:
    """Return the text of the workflow's named steps."""
    text = (directory / ".github" / "workflows" / "build.yml").read_text()
    return dict(re.findall(r"(?ms)^      - name: ([^\n]*)\n(.*?)(?=^      (?:-|#)|\Z)", text))


@pytest.mark.parametrize("template", NAMES)
def test_its_workflow_gives_secrets_only_to_what_signs_and_checks(tmp_path: Path, template: str) -> None:
    """No step that installs or compiles anything sees a secret, and no secret stands outside of the steps."""
    directory = project(tmp_path / "app", template).directory
    steps = workflow_steps(directory)
    assert {"Install mvsdk", "Build"} < steps.keys()
    assert {name for name, step in steps.items() if "secrets." in step} == {
        "Bundle and sign",
        "Run on the emulated board",
    }
    whole = (directory / ".github" / "workflows" / "build.yml").read_text()
    assert whole.count("secrets.") == sum(step.count("secrets.") for step in steps.values())


@pytest.mark.parametrize("template", NAMES)
@pytest.mark.parametrize(
    ("package", "installed"),
    [
        ("", None),
        ("mvsdk", None),
        ("dist/mvsdk-1.whl", "install dist/mvsdk-1.whl"),
        ("https://example.org/mvsdk-1.whl#sha256=00", "install https://example.org/mvsdk-1.whl#sha256=00"),
    ],
)
def test_its_workflow_installs_the_wheel_it_is_told(
    tmp_path: Path, template: str, package: str, installed: str | None
) -> None:
    """MVSDK_PACKAGE is installed when it is a wheel; a name from an index, or none, fails saying what to set."""
    step = workflow_steps(project(tmp_path / "app", template).directory)["Install mvsdk"]
    script = textwrap.dedent(step.partition("run: |\n")[2])
    pip = tmp_path / "bin" / "pip"
    pip.parent.mkdir()
    pip.write_text('#!/bin/sh\necho "$*"\n')
    pip.chmod(0o755)
    environment = {"PATH": f"{pip.parent}:/usr/bin:/bin", "MVSDK_PACKAGE": package}
    done = subprocess.run(["bash", "-ec", script], env=environment, capture_output=True, text=True, check=False)
    if installed:
        assert (done.returncode, done.stdout) == (0, f"{installed}\n")
    else:
        assert done.returncode == 1
        assert "Set the repository variable MVSDK_PACKAGE" in done.stdout


def by_hand(directory: Path, path: str) -> subprocess.CompletedProcess[str]:
    """Configure and build a checkout as an editor does, without `mvsdk build`."""
    environment = {**os.environ, "PATH": path}
    command = ["sh", "-ec", "cmake --preset debug && ninja -C build"]
    return subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("template", NAMES)
def test_an_editor_can_configure_a_fresh_checkout(tmp_path: Path, template: str) -> None:
    """With `mvsdk` on PATH, `cmake --preset debug && ninja -C build` makes the program."""
    made = project(tmp_path / "app", template)
    done = by_hand(made.directory, f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert made.read("my-app_2.elf")


@pytest.mark.parametrize("template", NAMES)
def test_without_the_command_cmake_says_what_is_missing(tmp_path: Path, template: str) -> None:
    """With no `mvsdk` on PATH, and no folder given, configuring fails with what to do."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("sh", "cmake", "ninja"):
        (tools / tool).symlink_to(str(shutil.which(tool)))
    done = by_hand(project(tmp_path / "app", template).directory, str(tools))
    assert done.returncode != 0
    assert "mvsdk was not found on PATH" in " ".join(done.stderr.split())


@pytest.mark.parametrize("template", NAMES)
def test_the_settings_it_shows_as_comments_are_real(tmp_path: Path, template: str) -> None:
    """Taking the # away from every option in mvsdk.toml gives a file that loads."""
    directory = project(tmp_path / "app", template).directory
    lines = (directory / "mvsdk.toml").read_text().splitlines()
    enabled = [line.removeprefix("# ") if line.startswith("# ") and " = " in line else line for line in lines]
    (directory / "mvsdk.toml").write_text("\n".join(enabled))
    assert enabled != lines
    assert set(Project.load(directory).bundle) == set(tomllib.loads("\n".join(enabled))["bundle"])


def test_the_inputs_it_shows_as_comments_are_real(tmp_path: Path) -> None:
    """As it is, blinky's device.toml asks for nothing; without the # every table is read, connected and scheduled."""
    directory = project(tmp_path / "app", "blinky").directory
    file = directory / "device.toml"
    assert script.read(file).inputs == ()
    lines = file.read_text().splitlines()
    enabled = [line.removeprefix("# ") if line.startswith("# [[") or " = " in line else line for line in lines]
    file.write_text("\n".join(enabled))
    device = EXAMPLES["button"].device([])
    read = script.read(file)
    read.prepare(device)
    assert len(read.inputs) == 7
    assert device.run(5_000_000) is End.TIME
    assert not list(device.inputs.waiting())


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


def test_what_templates_share_is_the_same_in_each() -> None:
    """The networked templates and the example are read one after the other: a file of one name is one file."""
    root = shared("templates")
    folders = [root / name / "src" for name in ("http", "mqtt", "config", "ota-polite")]
    folders.append(Path(__file__).resolve().parents[2] / "examples" / "iot-sensor" / "src")
    own = {"main.c", "settings.h"}
    versions: dict[str, set[bytes]] = {}
    for file in (file for folder in folders for file in folder.iterdir() if file.name not in own):
        versions.setdefault(file.name, set()).add(file.read_bytes())
    versions["led.c"].add((root / "blinky" / "src" / "led.c").read_bytes())
    assert {"channel.c", "clock.c", "events.c", "log.c", "network.c", "notifications.c"} <= versions.keys()
    assert [name for name, found in versions.items() if len(found) > 1] == []


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
