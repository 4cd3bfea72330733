"""The real commands, run as a user runs them: in a process of their own, with a home of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

RUNNING = {"MVSDK_RUNNING": os.environ["MVSDK_RUNNING"]}
"""Where devices announce that they run: not among the person's own."""
BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Shell:
    """Runs commands in a directory."""

    directory: Path
    home: Path
    bin: Path = BIN
    environment: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, *command: str | Path, input: str = "") -> subprocess.CompletedProcess[str]:
        """Run one command; its exit status is the caller's to look at."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("MVSDK_")}
        path = f"{self.bin}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            [str(part) for part in command],
            cwd=self.directory,
            env={**inherited, "PATH": path, "MVSDK_HOME": str(self.home), **RUNNING, **self.environment},
            input=input,
            capture_output=True,
            text=True,
            check=False,
        )

    def succeed(self, *command: str | Path) -> str:
        """Run one command that must succeed, and return what it printed on standard output."""
        result = self(*command)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def inside(self, directory: Path) -> Shell:
        """Return the same shell in another directory."""
        return Shell(directory, self.home, self.bin, self.environment)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A shell in an empty directory, with a home that holds no keys."""
    directory = tmp_path / "work"
    directory.mkdir()
    return Shell(directory, tmp_path / "home")


@pytest.fixture(scope="session")
def blinky(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A shell inside the default template's project, built and bundled."""
    base = tmp_path_factory.mktemp("blinky")
    shell = Shell(base, base / "home")
    shell.succeed("mvsdk", "new", "blinky")
    inside = shell.inside(base / "blinky")
    inside.succeed("mvsdk", "build")
    inside.succeed("mvsdk", "bundle")
    return inside
