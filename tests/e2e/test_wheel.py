"""The wheel is whole: installed into an empty environment, it does the main job from any directory."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from tests.e2e.conftest import Shell

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh virtual environment with the built wheel in it. Its dependencies are those of the environment the tests
    run in, named by path, because a test may not fetch them again."""
    base = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", str(base), "."]
    subprocess.run(build, cwd=ROOT, check=True)
    fresh = base / "venv"
    venv.create(fresh, with_pip=True)
    python = fresh / "bin" / "python"
    wheel = next(base.glob("mvsdk-*.whl"))
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", wheel], check=True)
    packages = next(fresh.glob("lib/python*/site-packages"))
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return fresh


def test_without_a_compiler_the_build_says_what_to_install(tmp_path: Path) -> None:
    """Where there is neither a wheel nor a C compiler, what is missing and how to get it is told; nothing is left."""
    missing = tmp_path / "no-such-compiler"
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", str(tmp_path), "."]
    environment = {**os.environ, "CC": str(missing)}
    done = subprocess.run(build, cwd=ROOT, env=environment, check=False, capture_output=True, text=True)
    told = done.stdout + done.stderr
    assert done.returncode != 0
    assert "mvsdk could not compile its processor core" in told
    assert str(missing) in told
    assert "apt install gcc python3-dev" in told
    assert "Traceback" not in told
    assert list(tmp_path.iterdir()) == []


def test_the_installed_wheel_does_the_main_job(environment: Path, shell: Shell) -> None:
    """Scaffold, build, sign, verify and emulate work from the wheel alone, in an unrelated directory."""
    installed = Shell(shell.directory, shell.home, environment / "bin")
    where = "import mvsdk, mvsdk_cli; print(mvsdk.__file__, mvsdk_cli.__file__)"
    assert installed.succeed("python", "-c", where).count(str(environment)) == 2
    installed.succeed("mvsdk", "new", "fresh")
    project = Shell(shell.directory / "fresh", shell.home, environment / "bin")
    project.succeed("mvsdk", "build")
    project.succeed("mvsdk", "bundle")
    project.succeed("mvsdk", "verify", "build/fresh.zip")
    assert "pong" in project.succeed("mvsdk", "emulate", "--until", "pong", "--for", "5s")


def test_the_installed_wheel_lists_every_template(environment: Path, shell: Shell) -> None:
    """`mvsdk new --list` shows the templates of the source tree."""
    installed = Shell(shell.directory, shell.home, environment / "bin")
    listed = installed.succeed("mvsdk", "new", "--list")
    for template in (ROOT / "templates").iterdir():
        assert template.name in listed


def test_the_installed_wheel_runs_a_guest_without_a_cross_compiler(environment: Path, shell: Shell) -> None:
    """What the release tries on every platform holds here: the command starts and the core runs."""
    installed = Shell(shell.directory, shell.home, environment / "bin")
    assert installed.succeed("mvsdk", "--version")
    installed.succeed("python", str(ROOT / "scripts" / "wheel-smoke"))
