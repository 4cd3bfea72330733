"""What `mvsdk.toml` may say, and what is said about a wrong one."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvsdk.bundle import ManifestOptions
from mvsdk.project.configuration import DEFAULT_BOARD, Project
from mvsdk.project.errors import ConfigurationError, NoProjectError

NAMED = '[project]\nname = "blinky"\n'


def write(directory: Path, text: str | bytes) -> Path:
    """Put an mvsdk.toml into a folder and return the folder."""
    (directory / "mvsdk.toml").write_bytes(text.encode() if isinstance(text, str) else text)
    return directory


def test_everything_that_can_be_said_is_read(tmp_path: Path) -> None:
    """Every key arrives as a value of its Python type, paths relative to the project."""
    project = Project.load(
        write(
            tmp_path,
            """
            [project]
            name = "blinky"
            board = "stm32u585"
            [build]
            type = "release"
            [toolchain]
            path = "tools/arm"
            [bundle]
            debuggable = true
            debug_auth_pubkey = "keys/debug.pem"
            crash_report_pubkey = "/etc/keys/crash.pem"
            connection_grace_time_sec = 60
            include_stack_bytes = 0
            """,
        )
    )
    assert project == Project(
        directory=tmp_path,
        name="blinky",
        board="stm32u585",
        build_type="release",
        toolchain=tmp_path / "tools/arm",
        bundle={
            "debuggable": True,
            "debug_auth_pubkey": tmp_path / "keys/debug.pem",
            "crash_report_pubkey": Path("/etc/keys/crash.pem"),
            "connection_grace_time_sec": 60,
            "include_stack_bytes": 0,
        },
    )
    assert project.elf == tmp_path / "build" / "blinky.elf"


def test_a_name_is_enough(tmp_path: Path) -> None:
    """What is not said has a default, and no bundle option is invented."""
    project = Project.load(write(tmp_path, NAMED))
    assert project == Project(tmp_path, "blinky", DEFAULT_BOARD, "debug", None, {})


def test_a_project_is_found_from_any_folder_in_it(tmp_path: Path) -> None:
    """The nearest mvsdk.toml at or above a folder is the one that counts."""
    inner = tmp_path / "examples" / "inner"
    (inner / "src").mkdir(parents=True)
    write(tmp_path, NAMED)
    write(inner, '[project]\nname = "inner"\n')
    assert Project.find(inner / "src").name == "inner"
    assert Project.find(tmp_path / "examples").directory == tmp_path


def test_outside_a_project_the_remedy_is_to_make_one(tmp_path: Path) -> None:
    """Without an mvsdk.toml anywhere above, the remedy is `mvsdk new`."""
    with pytest.raises(NoProjectError, match=r"no mvsdk\.toml") as refusal:
        Project.find(tmp_path)
    assert "mvsdk new" in refusal.value.remedy
    with pytest.raises(NoProjectError, match=r"no mvsdk\.toml"):
        Project.load(tmp_path)


def test_a_cmake_project_is_told_how_to_get_an_mvsdk_toml(tmp_path: Path) -> None:
    """Beside a CMakeLists.txt the remedy is a command that adds the file, and what that command writes is accepted."""
    (tmp_path / "CMakeLists.txt").touch()
    with pytest.raises(NoProjectError, match=r"CMake project without an mvsdk\.toml") as refusal:
        Project.find(tmp_path)
    quoted = refusal.value.remedy.split("'")[1]
    written = quoted.replace("\\n", "\n").replace("NAME", "blinky")
    assert Project.load(write(tmp_path, written)).name == "blinky"
    assert "mvsdk bundle path/to/app.elf" in refusal.value.remedy


WRONG = {
    "[build]\ntype = 'debug'": ("[project] name is missing", "name ="),
    NAMED + "[buidl]\ntype = 'debug'": ("no section [buidl]", "did you mean 'build'?"),
    NAMED + "[bundle]\ndebugable = true": ("no key 'debugable' in [bundle] (debugable = true)", "'debuggable'?"),
    NAMED + "zzz = 1": ("no key 'zzz' in [project] (zzz = 1)", "known here: name, board"),
    "build = 'debug'\n" + NAMED: ('build = "debug": expected a section', "[build]"),
    "[project]\nname = 5": ("[project] name = 5: expected a text", "'name'"),
    "[project]\nname = ''": ('[project] name = "": expected a text', "'name'"),
    "[project]\nname = 'int'": ('[project] name = "int": expected a project name', "word of C or C++"),
    NAMED + "board = ['a']": ('[project] board = ["a"]: expected a text', "'board'"),
    NAMED + "[build]\ntype = 'fast'": ('[build] type = "fast": expected "debug" or "release"', "'type'"),
    NAMED + "[build]\ntype = ['debug']": ('[build] type = ["debug"]: expected', "'type'"),
    NAMED + "[toolchain]\npath = 7": ("[toolchain] path = 7: expected a text", "'path'"),
    NAMED + "[bundle]\ndebuggable = 1": ("[bundle] debuggable = 1: expected true or false", "'debuggable'"),
    NAMED + "[bundle]\ninclude_stack_bytes = true": ("include_stack_bytes = true: expected a whole number", "bytes"),
    NAMED + "[bundle]\nminimum_restart_ms = 1.5": ("minimum_restart_ms = 1.5: expected a whole number", "restart"),
    NAMED + "[[bundle]]\ndebuggable = true": ("expected a section", "[bundle]"),
    "[project\nname = 'x'": ("at line 1", "TOML"),
    NAMED + NAMED: ("line", "TOML"),
}


@pytest.mark.parametrize(("text", "what", "remedy"), [(text, *said) for text, said in WRONG.items()])
def test_a_wrong_file_is_refused_naming_file_key_and_value(tmp_path: Path, text: str, what: str, remedy: str) -> None:
    """Whatever is wrong, the error names the file and the exact thing, and the remedy what could stand there."""
    with pytest.raises(ConfigurationError) as refusal:
        Project.load(write(tmp_path, text))
    assert refusal.value.what.startswith(str(tmp_path / "mvsdk.toml"))
    assert what in refusal.value.what
    assert remedy in refusal.value.remedy


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 are refused with their place."""
    with pytest.raises(ConfigurationError, match="byte 2 is not UTF-8"):
        Project.load(write(tmp_path, b"# \xff"))


def test_the_bundle_options_are_those_of_a_manifest(tmp_path: Path) -> None:
    """[bundle] knows every option of a manifest and no other, and takes a value of each option's type."""
    samples = {"int": "7", "bool": "true", "bytes | None": "'key.pem'"}
    options = {field.name: samples[str(field.type)] for field in fields(ManifestOptions)}
    lines = "".join(f"{name} = {value}\n" for name, value in options.items())
    assert Project.load(write(tmp_path, f"{NAMED}[bundle]\n{lines}")).bundle.keys() == options.keys()
    with pytest.raises(ConfigurationError) as refusal:
        Project.load(write(tmp_path, f"{NAMED}[bundle]\nzzz = 1"))
    assert refusal.value.remedy == f"known here: {', '.join(options)}"


@given(number=st.integers(min_value=-(1 << 40), max_value=1 << 40))
def test_counts_are_exactly_the_numbers_of_32_bits(tmp_path_factory: pytest.TempPathFactory, number: int) -> None:
    """A manifest's number is taken as it is when 32 bits can hold it, and refused otherwise."""
    directory = write(tmp_path_factory.mktemp("project"), f"{NAMED}[bundle]\nminimum_kernel_version = {number}")
    if 0 <= number < 1 << 32:
        assert Project.load(directory).bundle == {"minimum_kernel_version": number}
    else:
        with pytest.raises(ConfigurationError, match=f"= {number}: expected a whole number"):
            Project.load(directory)
