"""The CMake package: what a build gives, what it depends on, and what it says when something is wrong."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from intelhex import IntelHex

from mvsdk.resources import shared
from tests.board_support.cmake_project import HEAD, HELLO, CMakeProject
from tests.board_support.firmware import BOARD, Elf, execute

IMAGES = ("hello.elf", "hello.bin", "hello.hex")


def explained(done_stderr: str) -> str:
    """Return CMake's message without its line breaks."""
    return " ".join(done_stderr.split())


def test_a_build_gives_elf_bin_hex_map_and_compile_commands(tmp_path: Path) -> None:
    """Everything lies in the build folder under the application's name."""
    project = CMakeProject.write(tmp_path, HELLO).made()
    for name in (*IMAGES, "hello.map", "compile_commands.json"):
        assert project.read(name)


def test_bin_and_hex_hold_what_the_elf_loads_with_gaps_like_erased_flash(tmp_path: Path) -> None:
    """Byte for byte: the segments at their load addresses, and 0xFF between them."""
    source = """
        __attribute__((section("far"), aligned(4096), used)) const char far_away[4] = "end";
        int main(void) { return *(const volatile char *)far_away; }"""
    project = CMakeProject.write(tmp_path, {**HELLO, "main.c": source})
    project.made()
    elf = Elf(project.build_directory / "hello.elf")
    image = project.read("hello.bin")
    sections = [elf.section(name) for name in (".isr_vector", ".text", "far", ".init_array", ".fini_array")]
    covered = {address for base, size in sections for address in range(base, base + size)}
    code_base, _, code = elf.segments[0]
    assert len(code) - len(covered) > 2048
    for address, byte in enumerate(code, start=code_base):
        assert image[address - BOARD.flash.base] == (byte if address in covered else 0xFF)
    data_base, _, data = elf.segments[1]
    assert image[data_base - BOARD.flash.base :] == data
    assert IntelHex(str(project.build_directory / "hello.hex")).tobinarray(start=BOARD.flash.base).tobytes() == image


def test_a_program_without_data_has_a_small_image(tmp_path: Path) -> None:
    """An image ends where its program ends, in flash; it never stretches up to RAM."""
    project = CMakeProject.write(tmp_path, HELLO).made()
    assert len(project.read("hello.bin")) < 2048
    assert len(project.read("hello.hex")) < 8192


def test_a_second_build_does_nothing(tmp_path: Path) -> None:
    """Ninja finds no work, and every file of the build keeps its time."""
    project = CMakeProject.write(tmp_path, HELLO).made()
    before = {name: (project.build_directory / name).stat().st_mtime_ns for name in (*IMAGES, "build.ninja")}
    assert "no work to do" in project.build().stdout
    assert before == {name: (project.build_directory / name).stat().st_mtime_ns for name in before}


def test_a_changed_source_and_a_lost_image_are_made_again(tmp_path: Path) -> None:
    """The images depend on the program and the program on its sources."""
    project = CMakeProject.write(tmp_path, HELLO).made()
    before = {name: project.read(name) for name in IMAGES}
    CMakeProject.write(tmp_path, {"main.c": "int main(void) { for (;;) ; }\n"})
    assert project.build().returncode == 0
    assert all(project.read(name) != before[name] for name in IMAGES)
    changed = project.read("hello.bin")
    (project.build_directory / "hello.bin").unlink()
    assert "Linking" not in project.build().stdout
    assert project.read("hello.bin") == changed


def test_a_changed_linker_script_or_system_call_header_is_noticed(tmp_path: Path) -> None:
    """The board's own files are sources too: an update of mvsdk rebuilds what it concerns."""
    board_support = Path(shutil.copytree(shared("board-support"), tmp_path / "bs"))
    project = CMakeProject(CMakeProject.write(tmp_path / "app", HELLO).directory, board_support).made()
    script = board_support / "stm32u585" / "stm32u585.ld"
    script.write_text(script.read_text().replace("0x2000;", "0x3000;"))
    assert "Linking" in project.build().stdout
    assert Elf(project.build_directory / "hello.elf").section("._user_heap_stack")[1] == 0x6000
    header = board_support / "microvisor" / "include" / "mv_syscalls.h"
    header.write_text(header.read_text() + "\n")
    assert "newlib_stubs.c" in project.build("-v").stdout


EVERYTHING = {
    "CMakeLists.txt": f"""{HEAD}project(hello LANGUAGES C CXX ASM)
        file(WRITE "${{CMAKE_BINARY_DIR}}/made.c" "const char *made(void) {{ return __FILE__; }}")
        add_library(lib STATIC lib/lib.c)
        mvsdk_add_application(hello main.cpp raw.S "${{CMAKE_BINARY_DIR}}/made.c")
        target_link_libraries(hello PRIVATE lib)
        target_compile_options(hello PRIVATE -UNDEBUG)\n""",
    "lib/lib.c": "#include <assert.h>\nint checked(int x) { assert(x); return x; }\n",
    "main.cpp": """#include <cassert>
        #include "inc/inline.hpp"
        extern "C" { const char *made(void); int checked(int); int raw(int); }
        struct Global { const char *file; Global() : file(where()) {} } global;
        int main() { assert(checked(raw(2))); return *made() + *global.file + __FILE__[0]; }\n""",
    "inc/inline.hpp": "inline const char *where() { return __FILE__; }\n",
    "raw.S": ".syntax unified\n.thumb\n.text\n.global raw\n.type raw, %function\nraw: adds r0, #1\nbx lr\n",
}


@pytest.mark.parametrize("build_type", ["Debug", "Release"])
def test_two_checkouts_in_two_places_give_the_same_bytes(tmp_path: Path, build_type: str) -> None:
    """C, C++, assembler, a library, a generated file, __FILE__ and debug information: no byte depends on a folder."""
    one = CMakeProject.write(tmp_path / "one", EVERYTHING).made(f"-DCMAKE_BUILD_TYPE={build_type}")
    board_support = Path(shutil.copytree(shared("board-support"), tmp_path / "the other" / "sdk"))
    elsewhere = CMakeProject.write(tmp_path / "the other" / "longer path" / "app", EVERYTHING)
    two = CMakeProject(elsewhere.directory, board_support).made(f"-DCMAKE_BUILD_TYPE={build_type}")
    for name in IMAGES:
        assert one.read(name) == two.read(name)
        assert os.fsencode(tmp_path) not in one.read(name)


def test_a_checkout_reached_through_a_link_gives_the_same_bytes(tmp_path: Path) -> None:
    """The compiler may see a folder under either of its names; both are mapped."""
    plain = CMakeProject.write(tmp_path / "plain", EVERYTHING).made()
    CMakeProject.write(tmp_path / "real", EVERYTHING)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "sdk").symlink_to(shared("board-support"))
    linked = CMakeProject(tmp_path / "link", tmp_path / "sdk")
    environment = {"PWD": str(linked.directory)}
    assert linked.configure(environment=environment).returncode == 0
    assert linked.build().returncode == 0
    assert all(plain.read(name) == linked.read(name) for name in IMAGES)


def test_debug_information_names_sources_relative_to_the_project(tmp_path: Path) -> None:
    """A debugger or symboliser started in the project's folder finds every source of the project."""
    from elftools.elf.elffile import ELFFile

    project = CMakeProject.write(tmp_path, HELLO).made()
    with (project.build_directory / "hello.elf").open("rb") as file:
        units = [unit.get_top_DIE() for unit in ELFFile(file).get_dwarf_info().iter_CUs()]
        names = {(unit.attributes["DW_AT_name"].value, unit.attributes["DW_AT_comp_dir"].value) for unit in units}
    assert (b"main.c", b".") in names
    assert (b"mvsdk/stm32u585/startup.c", b".") in names


def test_machine_options_survive_flags_from_the_command_line(tmp_path: Path) -> None:
    """-DCMAKE_C_FLAGS adds to the machine's options; it does not replace them."""
    files = {**HELLO, "main.c": "int main(void) { return EXTRA; }\n"}
    project = CMakeProject.write(tmp_path, files).made("-DCMAKE_C_FLAGS=-DEXTRA=1")
    commands = json.loads(project.read("compile_commands.json"))
    for command in commands:
        assert "-mcpu=cortex-m33 -mthumb -mfpu=fpv5-sp-d16 -mfloat-abi=soft" in command["command"]


def test_libraries_of_the_project_are_built_like_its_applications(tmp_path: Path) -> None:
    """What add_library makes has the same machine, C library and path maps."""
    project = CMakeProject.write(tmp_path, EVERYTHING).made()
    commands = {
        Path(entry["file"]).name: entry["command"] for entry in json.loads(project.read("compile_commands.json"))
    }
    for option in ("-mcpu=cortex-m33", "--specs=nano.specs", "-ffunction-sections", "-ffile-prefix-map="):
        assert option in commands["lib.c"]


def test_cpp_is_without_exceptions_unless_asked_for(tmp_path: Path) -> None:
    """A target's own options win; with them and the full library, what is thrown is caught."""
    source = """#include <stdexcept>
        #include <vector>
        #include <cstdio>
        int main(int n, char **) {
            try { return std::vector<int>(3).at(n + 7); } catch (const std::out_of_range &) { std::puts("caught"); }
        }\n"""
    lists = f"{HEAD}project(hello LANGUAGES C CXX ASM)\nmvsdk_add_application(hello main.cpp)\n"
    project = CMakeProject.write(tmp_path, {"CMakeLists.txt": lists, "main.cpp": source})
    assert project.configure().returncode == 0
    assert "exception handling disabled" in project.build().stdout
    CMakeProject.write(
        tmp_path, {"CMakeLists.txt": f"{lists}target_compile_options(hello PRIVATE -fexceptions -frtti)\n"}
    )
    project.made("-DMVSDK_LIBC=full")
    assert execute(Elf(project.build_directory / "hello.elf")).log == ["caught"]


@pytest.mark.parametrize("libc", ["nano", "full"])
def test_printf_prints_floating_point_when_asked_to(tmp_path: Path, libc: str) -> None:
    """PRINTF_FLOAT makes %f work with the small C library; with the full one it changes nothing."""
    lists = f"{HEAD}project(hello LANGUAGES C ASM)\nmvsdk_add_application(hello PRINTF_FLOAT main.c)\n"
    source = '#include <stdio.h>\nvolatile double x = 2.5;\nint main(void) { printf("%.3f\\n", x); return 0; }\n'
    project = CMakeProject.write(tmp_path, {"CMakeLists.txt": lists, "main.c": source}).made(f"-DMVSDK_LIBC={libc}")
    assert execute(Elf(project.build_directory / "hello.elf")).log == ["2.500"]


def test_one_project_can_hold_several_applications(tmp_path: Path) -> None:
    """They share the board's objects and lie in the folder that adds them."""
    files = {
        "CMakeLists.txt": f"{HEAD}project(all LANGUAGES C ASM)\nmvsdk_add_application(one main.c BOARD stm32u585)\n"
        "add_subdirectory(second)\n",
        "second/CMakeLists.txt": "mvsdk_add_application(two ../main.c)\n",
        "main.c": HELLO["main.c"],
    }
    project = CMakeProject.write(tmp_path, files).made()
    assert project.read("one.bin") == project.read("second/two.bin")
    commands = [Path(entry["file"]).name for entry in json.loads(project.read("compile_commands.json"))]
    assert commands.count("startup.c") == 1


def test_the_build_type_is_debug_unless_chosen(tmp_path: Path) -> None:
    """No build is without optimisation by accident; Release is small, and keeps its line numbers."""
    project = CMakeProject.write(tmp_path, HELLO).made()
    assert b"-Og -g3" in project.read("compile_commands.json")
    project.made("-DCMAKE_BUILD_TYPE=Release")
    assert b"-Os -g -DNDEBUG" in project.read("compile_commands.json")
    assert b"-O3" not in project.read("compile_commands.json")


def test_mvsdk_toolchain_chooses_the_compiler_and_can_be_changed(tmp_path: Path) -> None:
    """The folder, or the one above its bin/, is used; a build folder refuses another one instead of ignoring it."""
    project = CMakeProject.write(tmp_path / "app", HELLO)
    for name in ("first", "second"):
        (tmp_path / name / "bin").mkdir(parents=True)
        for tool in ("gcc", "g++", "objcopy"):
            found = shutil.which(f"arm-none-eabi-{tool}")
            assert found
            (tmp_path / name / "bin" / f"arm-none-eabi-{tool}").symlink_to(found)
    project.made(f"-DMVSDK_TOOLCHAIN={tmp_path / 'first'}")
    assert os.fsencode(tmp_path / "first" / "bin") in project.read("compile_commands.json")
    for change in (f"-DMVSDK_TOOLCHAIN={tmp_path / 'second'}", "-DMVSDK_FLOAT_ABI=hard"):
        done = project.configure(f"-DMVSDK_TOOLCHAIN={tmp_path / 'first'}", change)
        assert done.returncode != 0
        assert f"Empty {project.build_directory} and configure again" in explained(done.stderr)
    assert project.configure("-DMVSDK_FLOAT_ABI=soft", f"-DMVSDK_TOOLCHAIN={tmp_path / 'first'}").returncode == 0
    shutil.rmtree(project.build_directory)
    project.made(f"-DMVSDK_TOOLCHAIN={tmp_path / 'second' / 'bin'}")
    assert os.fsencode(tmp_path / "second" / "bin") in project.read("compile_commands.json")


def test_a_compiler_that_is_not_there_is_named_with_the_remedy(tmp_path: Path) -> None:
    """The message says what was looked for, where, and how to get it; a wrong folder is not silently passed over."""
    project = CMakeProject.write(tmp_path, HELLO)
    done = project.configure(f"-DMVSDK_TOOLCHAIN={tmp_path}")
    assert done.returncode != 0
    assert f"arm-none-eabi-gcc was not found in {tmp_path}" in explained(done.stderr)
    assert "apt-get install gcc-arm-none-eabi" in explained(done.stderr)
    assert not (project.build_directory / "build.ninja").exists()
    project.made("-DMVSDK_TOOLCHAIN=")


@pytest.mark.parametrize(
    ("lists", "options", "message"),
    [
        (
            f"{HEAD}project(hello LANGUAGES CXX)\nmvsdk_add_application(hello main.c)\n",
            [],
            "project(... LANGUAGES C ASM)",
        ),
        (
            f"{HEAD}project(hello LANGUAGES C ASM)\nmvsdk_add_application(hello BOARD nucleo main.c)\n",
            [],
            "There is no board 'nucleo'",
        ),
        (f"{HEAD}project(hello LANGUAGES C ASM)\nmvsdk_add_application(hello)\n", [], "name at least one source file"),
        (HELLO["CMakeLists.txt"], ["-DMVSDK_FLOAT_ABI=medium"], "Use soft, softfp or hard."),
        (HELLO["CMakeLists.txt"], ["-DMVSDK_LIBC=big"], "Use nano or full."),
        (
            "cmake_minimum_required(VERSION 3.22)\nproject(hello C)\nfind_package(mvsdk REQUIRED)\n",
            [],
            "Call find_package(mvsdk REQUIRED) before project()",
        ),
    ],
)
def test_a_mistake_is_explained(tmp_path: Path, lists: str, options: list[str], message: str) -> None:
    """What is wrong in CMakeLists.txt or on the command line is said in a sentence with what to do instead."""
    project = CMakeProject.write(tmp_path, {**HELLO, "CMakeLists.txt": lists})
    done = project.configure(*options)
    assert done.returncode != 0
    assert message in explained(done.stderr)
