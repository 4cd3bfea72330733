"""A project small enough to be built in every test."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mvsdk.project.configuration import Project


@pytest.fixture
def tiny(tmp_path: Path) -> Project:
    """Return a fresh copy of `tiny/`."""
    directory = tmp_path / "tiny"
    shutil.copytree(Path(__file__).with_name("tiny"), directory)
    return Project.load(directory)
