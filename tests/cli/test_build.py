"""`mvsdk build`, as it is typed, on projects as `mvsdk new` makes them."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from mvsdk.project import folder_lock
from tests.cli.command import MVSDK, mvsdk
from tests.project.stamps import stamps


def new(directory: Path, template: str = "blinky") -> Path:
    """Make project "app" in a folder."""
    assert (
        mvsdk("new", "app", "--template", template, "--directory", str(directory), cwd=directory.parent).returncode == 0
    )
    return directory


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """Return a new project."""
    return new(tmp_path / "app")


def append(app: Path, code: str) -> Path:
    """Add a line to main.c and return its path."""
    source = app / "src" / "main.c"
    source.write_text(f"{source.read_text()}\n{code}\n")
    return source


def break_source(app: Path) -> Path:
    """Put a mistake into main.c and return its path."""
    return append(app, "int mistake(void) { retrun 0; }")


def fill_flash(app: Path, size: int) -> None:
    """Let the program have so many bytes of constants that the linker cannot leave out."""
    append(app, f'__attribute__((used, section(".isr_vector"))) const char big[{size}] = {{1}};')


@pytest.mark.parametrize("template", ["blinky", "minimal", "cpp"])
@pytest.mark.parametrize("build_type", ["--debug", "--release"])
def test_two_folders_give_the_same_bytes(tmp_path: Path, template: str, build_type: str) -> None:
    """Every template, built in two folders of different names and depths, gives the same ELF, .bin and .hex."""
    (tmp_path / "deeper" / "down").mkdir(parents=True)
    one, other = new(tmp_path / "one", template), new(tmp_path / "deeper" / "down" / "other", template)
    for directory in (one, other):
        done = mvsdk("build", build_type, cwd=directory)
        assert (done.returncode, done.stderr) == (0, "")
    for suffix in ("elf", "bin", "hex"):
        assert (one / f"build/app.{suffix}").read_bytes() == (other / f"build/app.{suffix}").read_bytes()
        assert str(tmp_path).encode() not in (one / f"build/app.{suffix}").read_bytes()


def test_a_build_ends_with_its_files_and_sizes(app: Path) -> None:
    """ELF, .bin, .hex, .map and compile_commands.json are there, and a table says how full the board is."""
    done = mvsdk("build", cwd=app)
    lines = [line.split() for line in done.stdout.splitlines()]
    assert done.stdout.splitlines()[0] == "Built build/app.elf (debug)"
    assert lines[1] == ["REGION", "USED", "LIMIT", "FULL"]
    assert lines[2][:3] == ["Flash", str((app / "build/app.bin").stat().st_size), "1048576"]
    assert lines[3][0] == "RAM"
    assert {"app.elf", "app.hex", "app.map", "compile_commands.json"} <= {
        path.name for path in (app / "build").iterdir()
    }


def test_a_build_with_nothing_to_do_says_so_and_touches_nothing(app: Path) -> None:
    """The second build prints one line, from any folder of the project, and no file of the project changes."""
    mvsdk("build", cwd=app)
    before = stamps(app)
    done = mvsdk("build", cwd=app / "src")
    assert (done.stdout, done.stderr) == ("../build/app.elf is up to date (debug)\n", "")
    assert stamps(app) == before


def test_two_builds_at_once_both_succeed(app: Path) -> None:
    """Started together in a fresh project, one waits for the other without a word, and both end well."""
    both = [
        subprocess.Popen([MVSDK, "build"], cwd=app, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = sorted((process.communicate(timeout=120), process.returncode) for process in both)
    assert [status for _, status in said] == [0, 0]
    assert [error for (_, error), _ in said] == ["", ""]
    assert said[0][0][0].startswith("Built build/app.elf")
    assert said[1][0][0] == "build/app.elf is up to date (debug)\n"


def test_a_cmake_project_without_settings_is_built_and_can_be_bundled(app: Path) -> None:
    """The program is shown with its sizes and the line that bundles it, which works; then all is up to date."""
    (app / "mvsdk.toml").unlink()
    done = mvsdk("build", cwd=app)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Built build/app.elf (debug)\nREGION ")
    line = done.stdout.splitlines()[-1].strip()
    assert line == "mvsdk bundle build/app.elf"
    assert mvsdk(*line.split()[1:], cwd=app, MVSDK_HOME=str(app / "home")).returncode == 0
    assert mvsdk("build", cwd=app).stdout == "build/app.elf is up to date (debug)\n"
    document = json.loads(mvsdk("build", "--json", cwd=app).stdout)
    assert [Path(program["elf"]).name for program in document["programs"]] == ["app.elf"]


def test_who_waits_on_a_terminal_is_told(app: Path) -> None:
    """While another build holds the project, one line on the terminal says so, and the build goes on afterwards."""
    master, slave = os.openpty()
    with folder_lock.held(app, lambda: None):
        process = subprocess.Popen([MVSDK, "build"], cwd=app, stdout=subprocess.DEVNULL, stderr=slave)
        os.close(slave)
        assert os.read(master, 65536) == b"waiting for another build of this project\r\n"
    try:
        while os.read(master, 65536):
            pass
    except OSError:
        pass  # Linux: the other side is closed
    os.close(master)
    assert process.wait() == 0


def test_json_is_one_document(app: Path) -> None:
    """With --json, standard output is one document with the same figures whether or not anything was built."""
    first, second = (json.loads(mvsdk("build", "--json", cwd=app).stdout) for _ in range(2))
    assert (first["project"], first["type"], first["up_to_date"]) == ("app", "debug", False)
    assert second == {**first, "up_to_date": True}
    assert Path(first["bin"]).stat().st_size == first["sizes"][0]["used"]


def test_a_compile_error_is_the_compilers_own_message(app: Path) -> None:
    """The compiler speaks first, no command line buries it, two lines close, and the status is 1."""
    source = break_source(app)
    done = mvsdk("build", cwd=app)
    lines = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (1, "")
    assert lines[0].startswith(f"{source}: In function 'mistake':")
    assert lines[-2].startswith("error: could not build ")
    assert lines[-1].startswith("  fix: ")
    assert "-mcpu" not in done.stderr
    assert "\x1b" not in done.stderr


def test_verbose_shows_the_commands_as_they_can_be_repeated(app: Path) -> None:
    """With -v the commands are printed, and the first one, repeated in a shell, configures."""
    done = mvsdk("build", "-v", cwd=app)
    commands = [line.removeprefix("$ ") for line in done.stderr.splitlines() if line.startswith("$ ")]
    assert len(commands) == 2
    assert "-mcpu=cortex-m33" in done.stderr
    assert subprocess.run(["sh", "-c", commands[0]], check=False, capture_output=True).returncode == 0


def test_a_program_too_large_is_two_lines(app: Path) -> None:
    """When the linker runs out of flash, the error says by how much, instead of the linker's own lines."""
    fill_flash(app, 2000000)
    done = mvsdk("build", cwd=app)
    assert done.returncode == 1
    what, fix = done.stderr.splitlines()
    assert what.startswith("error: the program does not fit: it overflows FLASH by ")
    assert "--release" in fix
    assert not (app / "build/app.bin").exists()


def test_a_program_near_the_limit_is_a_warning(app: Path) -> None:
    """From nine tenths of a region on, the build succeeds with a warning that says how much is left."""
    fill_flash(app, 990000)
    done = mvsdk("build", cwd=app)
    assert done.returncode == 0
    assert done.stderr.startswith("warning: Flash is 9")
    assert done.stderr.endswith("bytes are left\n")


def test_clean_builds_anew(app: Path) -> None:
    """--clean takes away what was built, and builds it again."""
    mvsdk("build", cwd=app)
    (app / "build" / "left-over").touch()
    done = mvsdk("build", "--clean", cwd=app)
    assert done.stdout.startswith("Built build/app.elf")
    assert not (app / "build" / "left-over").exists()


def test_a_definition_reaches_cmake(app: Path) -> None:
    """-D sets a cache entry, its value taken as it is."""
    assert mvsdk("build", "-D", "NOTE=a = b", "-DMVSDK_LIBC=full", cwd=app).returncode == 0
    cache = (app / "build" / "CMakeCache.txt").read_text()
    assert "MVSDK_LIBC:STRING=full" in cache
    assert "=a = b\n" in cache


@pytest.mark.parametrize("definition", ["NOTE", "=1", "9=1", "a b=1", ""])
def test_a_definition_that_is_none_is_wrong_usage(app: Path, definition: str) -> None:
    """What is not NAME=VALUE ends with status 2 before anything is done."""
    done = mvsdk("build", "-D", definition, cwd=app)
    assert done.returncode == 2
    assert "is not NAME=VALUE" in done.stderr
    assert not (app / "build").exists()


def test_outside_a_project_nothing_is_built(tmp_path: Path) -> None:
    """Without a project the status is 1, and the remedy fits what is there."""
    done = mvsdk("build", cwd=tmp_path)
    assert done.returncode == 1
    assert "mvsdk new NAME" in done.stderr
    (tmp_path / "CMakeLists.txt").write_text("project(app)\n")
    assert "CMake project without an mvsdk.toml" in mvsdk("bundle", cwd=tmp_path).stderr


def test_a_missing_compiler_is_named_with_its_remedy(app: Path) -> None:
    """Without a compiler the error is the apt command, and nothing is made."""
    done = mvsdk("build", cwd=app, PATH="/nowhere")
    assert done.returncode == 1
    assert "not found on PATH: arm-none-eabi-gcc, cmake, ninja" in done.stderr
    assert "apt-get install gcc-arm-none-eabi" in done.stderr
    assert not (app / "build").exists()


def test_the_compiler_can_be_named(app: Path, tmp_path: Path) -> None:
    """MVSDK_TOOLCHAIN and [toolchain] path reach CMake: the compiler in that folder is the one that compiles."""
    folder = tmp_path / "arm" / "bin"
    folder.mkdir(parents=True)
    for program in ("gcc", "g++", "objcopy"):
        real = subprocess.run(["which", f"arm-none-eabi-{program}"], capture_output=True, text=True, check=True)
        (folder / f"arm-none-eabi-{program}").symlink_to(real.stdout.strip())
    assert mvsdk("build", cwd=app, MVSDK_TOOLCHAIN=str(tmp_path / "arm")).returncode == 0
    assert f"{folder}/arm-none-eabi-gcc" in (app / "build/compile_commands.json").read_text()
    with (app / "mvsdk.toml").open("a") as file:
        file.write(f'\n[toolchain]\npath = "{folder}"\n')
    assert mvsdk("build", "--clean", cwd=app).returncode == 0
    assert f"{folder}/arm-none-eabi-gcc" in (app / "build/compile_commands.json").read_text()


def test_progress_and_colours_are_for_terminals_alone(app: Path) -> None:
    """On a terminal one line of progress comes and goes and errors are coloured, unless NO_COLOR forbids it."""

    def on_a_terminal(**environment: str) -> str:
        master, slave = os.openpty()
        variables = {**os.environ, **environment}
        with subprocess.Popen(
            [MVSDK, "build"], cwd=app, env=variables, stdout=subprocess.PIPE, stderr=slave
        ) as process:
            os.close(slave)
            shown = b""
            try:
                while piece := os.read(master, 65536):
                    shown += piece
            except OSError:
                pass  # Linux: the other side is closed
            assert process.stdout is not None
            shown += process.stdout.read()
        os.close(master)
        return shown.decode()

    shown = on_a_terminal()
    assert "] Building C object" in shown
    assert shown.rpartition("\r\x1b[K")[2].startswith("Built build/app.elf")
    break_source(app)
    red = "\x1b[01;31m"
    assert red in on_a_terminal()
    assert red not in on_a_terminal(NO_COLOR="1")
