"""Every example builds without a warning, and comes with what a project of its own needs."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mvsdk.project.configuration import Project
from tests.board_support.cmake_project import CMakeProject
from tests.board_support.test_templates import strict

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
NAMES = sorted(path.name for path in EXAMPLES.iterdir())


@pytest.mark.parametrize("build_type", ["Debug", "Release"])
@pytest.mark.parametrize("name", NAMES)
def test_it_builds_without_a_warning(tmp_path: Path, name: str, build_type: str) -> None:
    """Debug and Release, with every usual warning an error."""
    folder = tmp_path / name
    shutil.copytree(EXAMPLES / name, folder, ignore=shutil.ignore_patterns("build"))
    assert CMakeProject(folder).made(*strict(build_type)).read(f"{name}.elf")


@pytest.mark.parametrize("name", NAMES)
def test_it_is_a_project(name: str) -> None:
    """It is called as its folder is, has a page that says what it is, and keeps what is built out of the repository."""
    folder = EXAMPLES / name
    assert Project.load(folder).name == name
    assert (folder / "README.md").read_text().startswith(f"# {name}\n")
    assert "/build/" in (folder / ".gitignore").read_text().splitlines()
