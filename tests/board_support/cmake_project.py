"""A CMake project in a folder, configured and built with the board's CMake package."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mvsdk.resources import shared

HEAD = "cmake_minimum_required(VERSION 3.22)\nfind_package(mvsdk REQUIRED)\n"
HELLO = {
    "CMakeLists.txt": f"{HEAD}project(hello LANGUAGES C ASM)\nmvsdk_add_application(hello main.c)\n",
    "main.c": "int main(void) { return 0; }\n",
}


@dataclass(frozen=True)
class CMakeProject:
    """A source folder, and the board support it is built with. The build folder is `build` inside it."""

    directory: Path
    board_support: Path = field(default_factory=lambda: shared("board-support"))

    @classmethod
    def write(cls, directory: Path, files: Mapping[str, str]) -> CMakeProject:
        """Write the files of a project."""
        for name, text in files.items():
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            (directory / name).write_text(text, encoding="utf-8")
        return cls(directory)

    @property
    def build_directory(self) -> Path:
        """Where CMake and Ninja put everything."""
        return self.directory / "build"

    def configure(
        self, *options: str, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run CMake; the caller looks at status and messages."""
        package = self.board_support / "cmake"
        command = ["cmake", "-G", "Ninja", "-S", ".", "-B", "build", f"-Dmvsdk_DIR={package}", *options]
        return self._run(command, environment)

    def build(self, *targets: str) -> subprocess.CompletedProcess[str]:
        """Run Ninja; the caller looks at status and messages."""
        return self._run(["ninja", "-C", "build", *targets])

    def made(self, *options: str) -> CMakeProject:
        """Configure and build, both without a warning."""
        for done in (self.configure(*options), self.build()):
            assert done.returncode == 0, done.stdout + done.stderr
            assert "warning" not in (done.stdout + done.stderr).lower()
        return self

    def read(self, name: str) -> bytes:
        """Return a file of the build folder."""
        return (self.build_directory / name).read_bytes()

    def _run(
        self, command: list[str], environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        surroundings = {**os.environ, **(environment or {})}
        return subprocess.run(
            command, cwd=self.directory, env=surroundings, capture_output=True, text=True, check=False
        )
