"""Run Ninja and understand what it says: progress, the tools' own words, and why it stopped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mvsdk.errors import ProjectError
from mvsdk.project.errors import CompileError, ConfigureError, ImageTooLargeError, reported_as
from mvsdk.project.listener import Listener
from mvsdk.project.toolchain import install_hint

_MARK = "\x1e"
_STATUS = re.compile(_MARK + r"(\d+)/(\d+) (.*)")
_FAILED = re.compile(r"FAILED: (?:\[code=\d+\] )?(.*\S)")
_OVERFLOW = re.compile(r"region [`']?([\w.]+)'? overflowed by (\d+) bytes")
_SAID_BY_OVERFLOW = re.compile(r"will not fit in region|overflowed by \d+ bytes|collect2: error: ld returned")
_CMAKE_CHATTER = "-- "
_NINJA = "ninja: "
_NINJA_STOPS = re.compile(r"ninja: (?:error|fatal): (.*)")
_ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def run_ninja(
    ninja: Path, build_directory: Path, environment: Mapping[str, str], listener: Listener, *, verbose: bool
) -> None:
    """Bring everything in `build_directory` up to date.

    Raises CompileError, ImageTooLargeError (the linker ran out of a region) or ConfigureError (CMake, run again by
    Ninja, refused) after the tool's own message went to `listener`.
    """
    import subprocess

    arguments = [str(ninja), "-C", str(build_directory), *(["-v"] if verbose else [])]
    listener.command(arguments)
    surroundings = {**environment, "NINJA_STATUS": f"{_MARK}%f/%t ", "CLICOLOR_FORCE": str(int(listener.colour))}
    with reported_as(CompileError, f"run {ninja}", install_hint()):
        process = subprocess.Popen(
            arguments,
            env=surroundings,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
    said = _Conversation(listener, verbose=verbose)
    with process:
        assert process.stdout is not None  # noqa: S101 - it was asked for
        said.hear(process.stdout)
    if process.returncode:
        raise said.reason(build_directory)


@dataclass
class _Conversation:
    """Ninja's output so far. After `FAILED: outputs` come the command, then the tool's words, until a status line."""

    listener: Listener
    verbose: bool
    failed: list[str] = field(default_factory=list)
    failure: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def hear(self, lines: Iterable[str]) -> None:
        heard = iter(lines)
        in_failure = False
        for line in (text.rstrip("\n") for text in heard):
            if status := _STATUS.match(line):
                in_failure = False
                self.listener.progress(int(status[1]), int(status[2]), status[3])
            elif failed := _FAILED.match(_ESCAPES.sub("", line)):
                in_failure = True
                self.failed.append(failed[1])
                next(heard, None)  # the command: with -v it has been shown already
            elif line.startswith(_NINJA):
                self.complaints += _NINJA_STOPS.findall(line)
            elif in_failure:
                self.failure.append(line)
            elif self.verbose or not line.startswith(_CMAKE_CHATTER):
                self.listener.output(line)

    def reason(self, build_directory: Path) -> ProjectError:
        """Show the failed tool's words and return the error; it says itself what the linker says of a full region."""
        overflows = dict(_OVERFLOW.findall("\n".join(self.failure)))
        hidden = _SAID_BY_OVERFLOW if overflows and not self.verbose else None
        words = [line for line in self.failure if not (hidden and hidden.search(line))]
        if words:
            self.listener.output("\n".join(words))
        if overflows:
            what = " and ".join(f"{region} by {size} bytes" for region, size in overflows.items())
            return ImageTooLargeError(f"the program does not fit: it overflows {what}", smaller_hint(build_directory))
        targets = ", ".join(self.failed)
        if "build.ninja" in targets:
            return ConfigureError("CMake could not configure the project anew", "correct what CMake says above")
        if not targets:
            said = "; ".join(self.complaints) or "Ninja stopped without a word"
            return CompileError(f"the build cannot start: {said}", "try: mvsdk build --clean")
        return CompileError(
            f"could not build {targets}", "correct what is reported above; `mvsdk build -v` shows the commands"
        )


def smaller_hint(build_directory: Path) -> str:
    """Return what to do about a program that is too large."""
    return f"build with --release, or see the .map file in {build_directory} for what takes the room"
