"""Files of an earlier program do not outlive it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mvsdk.project.build import build
from mvsdk.project.configuration import Project
from mvsdk.project.derived import Derived
from mvsdk.project.errors import CompileError, ImageTooLargeError


def beside(elf: Path, *times: tuple[str, int]) -> None:
    """Write files called like the program, of these ages."""
    for suffix, time in times:
        elf.with_suffix(suffix).write_text(suffix)
        os.utime(elf.with_suffix(suffix), (time, time))


def left(elf: Path) -> set[str]:
    """Return the suffixes of what is there."""
    return {path.suffix for path in elf.parent.iterdir()}


def test_without_a_program_its_files_go(tmp_path: Path) -> None:
    """Images and map of a program that is gone are removed; a map that is new stays, and so does everything else."""
    elf = tmp_path / "app.elf"
    beside(elf, (".bin", 1), (".hex", 1), (".map", 1), (".zip", 1))
    derived = Derived.of(elf)
    beside(elf, (".map", 2))
    derived.remove_stale()
    assert left(elf) == {".map", ".zip"}
    Derived.of(elf).remove_stale()
    assert left(elf) == {".zip"}


def test_images_older_than_their_program_go(tmp_path: Path) -> None:
    """When the program was linked anew but not its images, the old images are removed."""
    elf = tmp_path / "app.elf"
    beside(elf, (".elf", 3), (".bin", 2), (".hex", 4), (".map", 2))
    Derived.of(elf).remove_stale()
    assert left(elf) == {".elf", ".hex", ".map"}


def images(project: Project) -> None:
    """Let the project write a .bin after it is linked, as applications do."""
    with (project.directory / "CMakeLists.txt").open("a") as file:
        file.write(
            "add_custom_command(OUTPUT tiny.bin COMMAND arm-none-eabi-objcopy -O binary tiny.elf tiny.bin"
            " DEPENDS tiny)\nadd_custom_target(images ALL DEPENDS tiny.bin)\n"
        )


def test_a_failed_link_leaves_no_image_of_the_program_before(tiny: Project) -> None:
    """When the linker takes the program away, its image goes too."""
    images(tiny)
    build(tiny)
    image = tiny.elf.with_suffix(".bin")
    assert image.is_file()
    source = tiny.directory / "src/main.c"
    source.write_text(source.read_text().replace("other", "missing"))
    with pytest.raises(CompileError):
        build(tiny)
    assert not tiny.elf.exists()
    assert not image.exists()
    with pytest.raises(ImageTooLargeError):
        build(tiny, definitions={"FLASH_FILL": "2000000"})
    assert not image.exists()


def test_a_failed_compilation_leaves_the_last_program_whole(tiny: Project) -> None:
    """While the program is there, so are its images."""
    images(tiny)
    build(tiny)
    with (tiny.directory / "src/main.c").open("a") as file:
        file.write("mistake\n")
    with pytest.raises(CompileError):
        build(tiny)
    assert tiny.elf.is_file()
    assert tiny.elf.with_suffix(".bin").is_file()
