"""`mvsdk prove-update`: what it says, and how a point is tried again."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from tests.cli.bundling import Shell


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Return a shell with two signed bundles of small applications, old.zip and new.zip."""
    shell = Shell(tmp_path, tmp_path / "home")
    for name, size in (("old", 40), ("new", 70)):
        image = struct.pack("<2I", 0x20080000, 0x08000009) + bytes(range(size)) * 10
        (tmp_path / f"{name}.bin").write_bytes(image)
        assert shell.run("bundle", f"{name}.bin").returncode == 0
    return shell


def test_a_proof_is_shown(shell: Shell) -> None:
    """Every section has a line, the last says that all passed, and the page is written."""
    done = shell.run("prove-update", "old.zip", "new.zip", "--workers", "1", "--report", "report.html")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines[:2]] == ["update", "patch"]
    assert all("passed" in line for line in lines)
    assert "passed" in (shell.directory / "report.html").read_text()


def test_the_way_from_the_factory_is_proven_too(shell: Shell) -> None:
    """With test code there are two paths more, and a point of them is tried again with it."""
    (shell.directory / "test.bin").write_bytes(struct.pack("<2I", 0x20080000, 0x08000009) + bytes(range(90)))
    assert shell.run("bundle", "test.bin").returncode == 0
    test = ("--test", "test.zip")
    document = shell.json("prove-update", "old.zip", "new.zip", *test, "--workers", "1")
    assert document["passed"] is True
    assert {"factory", "failed"} <= {section["name"] for section in document["sections"]}
    done = shell.run("prove-update", "old.zip", "new.zip", *test, "--only", "factory:5:torn")
    assert done.stdout.endswith("factory:5:torn: passed\n")


def test_a_proof_is_a_document(shell: Shell) -> None:
    """With --json the result is one document whose sections add up."""
    document = shell.json("prove-update", "old.zip", "new.zip", "--workers", "1")
    assert document["passed"] is True
    assert document["points"] == sum(section["points"] for section in document["sections"])


def test_one_point_is_told(shell: Shell) -> None:
    """--only tries one point, and tells what the device reported in each life."""
    done = shell.run("prove-update", "old.zip", "new.zip", "--only", "update:5:torn")
    assert done.returncode == 0
    assert done.stdout.startswith("life 1\n  offered: ")
    assert "life 2" in done.stdout
    assert done.stdout.endswith("update:5:torn: passed\n")
    document = shell.json("prove-update", "old.zip", "new.zip", "--only", "lies:huge-total")
    assert document["passed"] is True


def test_what_cannot_be_proven_is_said(shell: Shell) -> None:
    """The same application twice, an unknown signer and a point that there is not are errors, each with its reason."""
    assert "the same application" in shell.error("prove-update", "old.zip", "old.zip")
    assert "is no point" in shell.error("prove-update", "old.zip", "new.zip", "--only", "?")
    stranger = Shell(shell.directory, shell.directory / "elsewhere")
    assert "not trusted" in stranger.error("prove-update", "old.zip", "new.zip")
