"""What a build does, and what it leaves alone."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from mvsdk.project.build import BuildResult, build
from mvsdk.project.configuration import Project
from mvsdk.project.errors import (
    BuildDirectoryError,
    CompileError,
    ConfigureError,
    ImageTooLargeError,
    ToolchainError,
)
from mvsdk.project.toolchain import install_hint
from tests.project.recorder import Recorder
from tests.project.stamps import stamps


def edit(file: Path, old: str, new: str) -> None:
    """Replace a piece of a text file, surely later than anything built from the old one."""
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def heard_build(project: Project, definitions: Mapping[str, str] | None = None) -> Recorder:
    """Build as configured and return what was said."""
    recorder = Recorder()
    build(project, definitions=definitions, listener=recorder)
    return recorder


def kind_of(project: Project) -> bytes:
    """Return the build type that the program itself was compiled with."""
    return project.elf.read_bytes().partition(b"kind ")[2].split()[0]


def test_a_build_makes_the_program_and_tells_its_sizes(tiny: Project, tmp_path: Path) -> None:
    """The flash figure is the length of the image the program becomes; RAM is what its variables take."""
    result = build(tiny, definitions={"RAM_FILL": "1000"})
    image = tmp_path / "image.bin"
    subprocess.run(["arm-none-eabi-objcopy", "-O", "binary", tiny.elf, image], check=True)
    flash, ram = result.sizes
    assert (flash.region, flash.used, flash.limit) == ("Flash", image.stat().st_size, 1 << 20)
    assert (ram.region, ram.used) == ("RAM", 1004)
    assert result.is_new
    assert result.build_type == "debug"


def test_a_build_with_nothing_to_do_touches_nothing(tiny: Project) -> None:
    """The second build runs Ninja alone, and not one file or folder of the project changes."""
    first = build(tiny)
    before = stamps(tiny.directory)
    recorder = Recorder()
    second = build(tiny, listener=recorder)
    assert stamps(tiny.directory) == before
    assert recorder.programs == ["ninja"]
    assert recorder.steps == recorder.words == []
    assert second == dataclasses.replace(first, is_new=False)


def test_an_edited_source_is_all_that_is_compiled(tiny: Project) -> None:
    """After an edit, that file is compiled and the program linked, without configuring."""
    build(tiny)
    edit(tiny.directory / "src/other.c", "42", "43")
    recorder = Recorder()
    assert build(tiny, listener=recorder).is_new
    assert recorder.programs == ["ninja"]
    assert len(recorder.steps) == 2
    assert "other.c" in recorder.steps[0]


def test_an_edited_cmakelists_takes_effect(tiny: Project) -> None:
    """A change of CMakeLists.txt is in the next program, and CMake's progress is not shown as output."""
    build(tiny)
    edit(tiny.directory / "CMakeLists.txt", 'KIND="${', 'KIND="edited-${')
    assert heard_build(tiny).words == []
    assert kind_of(tiny) == b"edited-Debug"


@pytest.mark.parametrize("file", ["CMakePresets.json", "more-presets.json"])
def test_an_edited_preset_takes_effect_and_goes_again(tiny: Project, file: str) -> None:
    """An entry added to a preset, or to one it includes, is in the next build, and gone when it is taken out."""
    build(tiny)
    original = (tiny.directory / file).read_text()
    entries = '"cacheVariables": { "FLAVOUR": "salted"'
    if file == "CMakePresets.json":
        edit(tiny.directory / file, '"cacheVariables": {', entries + ",")
    else:
        edit(tiny.directory / file, '"hidden": true', f'"hidden": true, {entries} }}')
    assert heard_build(tiny).programs == ["cmake", "ninja"]
    assert b"flavour salted" in tiny.elf.read_bytes()
    (tiny.directory / file).write_text(original)
    assert heard_build(tiny).programs == ["cmake", "ninja"]
    assert b"flavour plain" in tiny.elf.read_bytes()


def test_the_build_type_is_the_projects_unless_one_is_given(tiny: Project) -> None:
    """A type that is given holds for one build; the next one is the project's own again."""
    assert build(tiny, build_type="release").build_type == "release"
    assert kind_of(tiny) == b"Release"
    build(tiny)
    assert kind_of(tiny) == b"Debug"
    build(dataclasses.replace(tiny, build_type="release"))
    assert kind_of(tiny) == b"Release"


def test_definitions_hold_for_one_build(tiny: Project) -> None:
    """What is given with a build is in it, repeating it configures nothing, and leaving it out forgets it."""
    assert heard_build(tiny, {"FLAVOUR:STRING": "sweet"}).programs == ["cmake", "ninja"]
    assert b"flavour sweet" in tiny.elf.read_bytes()
    assert heard_build(tiny, {"FLAVOUR:STRING": "sweet"}).programs == ["ninja"]
    assert heard_build(tiny).programs == ["cmake", "ninja"]
    assert b"flavour plain" in tiny.elf.read_bytes()


def test_a_definition_nothing_uses_is_mentioned(tiny: Project) -> None:
    """CMake's warning about a misspelt definition gets through, without the entries that are not the user's."""
    words = heard_build(tiny, {"FLAVUOR": "sweet"}).text
    assert "FLAVUOR" in words
    assert "mvsdk_DIR" not in words


def test_a_project_without_presets_is_built_all_the_same(tiny: Project) -> None:
    """The presets are the user's to delete: the build types mean the same without them."""
    (tiny.directory / "CMakePresets.json").unlink()
    build(tiny, build_type="release")
    assert kind_of(tiny) == b"Release"


def test_ninja_builds_whatever_the_presets_prefer(tiny: Project) -> None:
    """A preset that names another generator does not stop the build: it is Ninja's."""
    edit(tiny.directory / "more-presets.json", '"Ninja"', '"Unix Makefiles"')
    assert build(tiny).is_new


def test_somebody_elses_configuration_does_not_stay(tiny: Project) -> None:
    """After CMake was run by hand with other settings, the build is again what was asked for."""
    build(tiny)
    subprocess.run(["cmake", "--preset=release", "-B", "build"], cwd=tiny.directory, check=True, capture_output=True)
    build(tiny)
    assert kind_of(tiny) == b"Debug"


def test_a_project_that_was_moved_is_built_where_it_is(tiny: Project, tmp_path: Path) -> None:
    """A copy of a project with its build directory builds its own sources, not the original's."""
    build(tiny)
    copy = Project.load(Path(shutil.copytree(tiny.directory, tmp_path / "copy")))
    edit(copy.directory / "CMakeLists.txt", "FLAVOUR plain", "FLAVOUR copied")
    build(copy)
    assert b"flavour copied" in copy.elf.read_bytes()
    assert b"flavour plain" in tiny.elf.read_bytes()


@pytest.mark.parametrize("damage", [b"", b"\xff\x00", b"[]", b'{"configured": 5, "cache": {}, "measured": {}}'])
def test_a_damaged_state_file_costs_time_and_nothing_else(tiny: Project, damage: bytes) -> None:
    """Whatever became of the state file, the next build succeeds, and the one after it has nothing to do."""
    build(tiny)
    (tiny.build_directory / "mvsdk-build.json").write_bytes(damage)
    build(tiny)
    assert not build(tiny).is_new


def test_a_new_compiler_compiles_everything_anew(tiny: Project, tmp_path: Path) -> None:
    """When the compiler is replaced by another of the same name, no object of the old one is linked again."""
    compiler = tmp_path / "bin" / "arm-none-eabi-gcc"
    compiler.parent.mkdir()
    real = shutil.which("arm-none-eabi-gcc")
    environment = {**os.environ, "PATH": f"{compiler.parent}:{os.environ['PATH']}"}
    steps = []
    for release in ("first", "second, a longer one"):
        compiler.write_text(f'#!/bin/sh\n# {release}\nexec {real} "$@"\n')
        compiler.chmod(0o755)
        recorder = Recorder()
        build(tiny, listener=recorder, environment=environment)
        steps.append(len(recorder.steps))
    assert steps == [3, 3]


def test_the_compilers_own_message_comes_first_and_alone(tiny: Project) -> None:
    """Of a compile error, the compiler's words are shown from their first line, and no command line."""
    edit(tiny.directory / "src/main.c", "return other()", "retrun other()")
    recorder = Recorder()
    with pytest.raises(CompileError, match=r"could not build CMakeFiles/tiny\.dir/src/main\.c\.obj") as refusal:
        build(tiny, listener=recorder)
    assert recorder.text.startswith(f"{tiny.directory}/src/main.c: In function 'main':")
    assert "error: " in recorder.text
    assert "-mcpu" not in recorder.text
    assert "mvsdk build -v" in refusal.value.remedy


def test_a_verbose_build_shows_every_command(tiny: Project) -> None:
    """Every command is told as it is run, and with `verbose` the compilers' too."""
    recorder = Recorder()
    build(tiny, verbose=True, listener=recorder)
    assert recorder.programs == ["cmake", "ninja"]
    assert "--preset=debug" in recorder.commands[0]
    assert any("-mcpu=cortex-m33" in step for step in recorder.steps)


def test_a_warning_is_shown_though_the_build_succeeds(tiny: Project) -> None:
    """What a compiler says of a file it accepts is not swallowed."""
    edit(tiny.directory / "src/other.c", "int other", "#warning remember the milk\nint other")
    assert "remember the milk" in heard_build(tiny).text


def test_cmakes_own_message_is_shown(tiny: Project) -> None:
    """A project CMake refuses is an error of configuring, with CMake's words, the first time and later."""
    original = (tiny.directory / "CMakeLists.txt").read_text()
    for again in (False, True):
        if again:
            (tiny.directory / "CMakeLists.txt").write_text(original)
            build(tiny)
        edit(tiny.directory / "CMakeLists.txt", "add_executable", 'message(FATAL_ERROR "no luck")\nadd_executable')
        recorder = Recorder()
        with pytest.raises(ConfigureError, match="CMake could not configure"):
            build(tiny, listener=recorder)
        assert "CMake Error" in recorder.text
        assert "no luck" in recorder.text


def test_broken_presets_are_cmakes_to_explain(tiny: Project) -> None:
    """Preset files that are no JSON, or not the JSON they should be, end in CMake's words and no other error."""
    for text in ("{", '{"version": 4, "include": 7}', "[]"):
        (tiny.directory / "CMakePresets.json").write_text(text)
        recorder = Recorder()
        with pytest.raises(ConfigureError):
            build(tiny, listener=recorder)
        assert recorder.text


def test_what_the_linker_cannot_place_is_said_in_bytes(tiny: Project) -> None:
    """A program larger than a region is one clear error with region and bytes, instead of the linker's lines."""
    recorder = Recorder()
    with pytest.raises(ImageTooLargeError, match=r"overflows RAM by \d+ bytes") as refusal:
        build(tiny, definitions={"RAM_FILL": str(1 << 20)}, listener=recorder)
    assert recorder.text == ""
    assert "--release" in refusal.value.remedy
    assert ".map" in refusal.value.remedy


def test_flash_must_not_be_filled_to_the_last_byte(tiny: Project) -> None:
    """An image one byte short of the flash is accepted with no room left; a full one is refused, again and again."""

    def flash_of(fill: int) -> BuildResult:
        return build(tiny, definitions={"FLASH_FILL": str(fill)})

    overhead = flash_of(1024).sizes[0].used - 1024
    fullest = flash_of((1 << 20) - overhead - 4).sizes[0]
    assert fullest.fits
    assert fullest.is_near_limit
    for _ in range(2):
        with pytest.raises(ImageTooLargeError, match="takes 1048576 bytes of Flash; 1048575 are the most"):
            flash_of((1 << 20) - overhead)


def commit(directory: Path, date: str) -> None:
    """Make a git repository with one commit of that date."""
    identity = dict.fromkeys(("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME", "EMAIL"), "x")
    environment = {**os.environ, **identity, "GIT_COMMITTER_DATE": date, "GIT_AUTHOR_DATE": date}
    for command in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "x"]):
        subprocess.run(["git", *command], cwd=directory, env=environment, check=True)


@pytest.mark.parametrize(
    ("variable", "date", "built"),
    [
        (None, None, b"built Jan  1 1970 00:00:00"),
        (None, "2021-02-03T04:05:06Z", b"built Feb  3 2021 04:05:06"),
        ("1000000000", "2021-02-03T04:05:06Z", b"built Sep  9 2001 01:46:40"),
    ],
)
def test_the_date_in_a_program_is_never_today(
    tiny: Project, variable: str | None, date: str | None, built: bytes
) -> None:
    """SOURCE_DATE_EPOCH wins; else it is the commit's time; without either it is 1970."""
    environment = {name: value for name, value in os.environ.items() if name != "SOURCE_DATE_EPOCH"}
    if variable:
        environment["SOURCE_DATE_EPOCH"] = variable
    if date:
        commit(tiny.directory, date)
    build(tiny, environment=environment)
    assert built in tiny.elf.read_bytes()


def test_clean_starts_from_nothing(tiny: Project) -> None:
    """A clean build empties the directory, whatever is in it, and follows no link out of it."""
    build(tiny)
    precious = tiny.directory / "src"
    (tiny.build_directory / "left-over").mkdir()
    (tiny.build_directory / "left-over" / "file").touch()
    (tiny.build_directory / "link").symlink_to(precious)
    recorder = Recorder()
    assert build(tiny, clean=True, listener=recorder).is_new
    assert len(recorder.steps) == 3
    assert not (tiny.build_directory / "left-over").exists()
    assert not (tiny.build_directory / "link").is_symlink()
    assert (precious / "main.c").is_file()


def test_clean_empties_only_what_cmake_made(tiny: Project) -> None:
    """A folder called build with something else in it is refused and left as it was."""
    tiny.build_directory.mkdir()
    (tiny.build_directory / "thesis.txt").write_text("mine")
    with pytest.raises(BuildDirectoryError, match="is not a CMake build directory"):
        build(tiny, clean=True)
    assert [path.name for path in tiny.build_directory.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("clean", [False, True])
def test_a_file_called_build_is_refused(tiny: Project, clean: bool) -> None:
    """When the build directory cannot be one, the error says so and the file stays."""
    tiny.build_directory.write_text("mine")
    with pytest.raises(BuildDirectoryError, match=r"build is not a folder") as refusal:
        build(tiny, clean=clean)
    assert refusal.value.remedy == "move it away, or rename it"
    assert tiny.build_directory.read_text() == "mine"


def test_a_missing_tool_is_found_out_before_anything_is_done(tiny: Project) -> None:
    """Without a compiler there is no build directory, only the command that installs it."""
    with pytest.raises(ToolchainError, match="arm-none-eabi-gcc") as refusal:
        build(tiny, environment={"PATH": "/nowhere"})
    assert refusal.value.remedy == install_hint()
    assert not tiny.build_directory.exists()


def test_a_program_of_another_name_is_missed(tiny: Project) -> None:
    """When mvsdk.toml and CMakeLists.txt disagree about the name, the error names the file that was expected."""
    with pytest.raises(CompileError, match=r"made no .*/build/giant\.elf") as refusal:
        build(dataclasses.replace(tiny, name="giant"))
    assert "mvsdk_add_application(giant" in refusal.value.remedy


def test_a_build_file_that_is_broken_is_ninjas_to_explain(tiny: Project) -> None:
    """When Ninja cannot even start, its reason is in the error and the remedy starts afresh."""
    build(tiny)
    (tiny.build_directory / "build.ninja").write_text("nonsense")
    with pytest.raises(CompileError, match=r"the build cannot start: build\.ninja:1:"):
        build(tiny)
    assert build(tiny, clean=True).is_new


def test_two_folders_give_the_same_bytes(tiny: Project, tmp_path: Path) -> None:
    """A program does not tell where it was built."""
    other = Project.load(Path(shutil.copytree(tiny.directory, tmp_path / "a longer name" / "elsewhere")))
    build(tiny)
    build(other)
    assert tiny.elf.read_bytes() == other.elf.read_bytes()
