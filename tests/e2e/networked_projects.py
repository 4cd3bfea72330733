"""The templates and the example that use the network, made, built, signed and run by the real commands."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.conftest import Shell

RECORDING = "run.mvrec"
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@dataclass(frozen=True)
class Run:
    """What a run told, and how it ended."""

    events: list[dict[str, Any]]

    @property
    def log(self) -> list[str]:
        """The lines that the application logged."""
        return [event["text"] for event in self.events if event["event"] == "log"]

    @property
    def starts(self) -> list[str]:
        """The reasons for which the application was started."""
        return [event["wake_reason"] for event in self.events if event["event"] == "started"]

    @property
    def leds(self) -> list[bool]:
        """How the LED changed."""
        return [event["on"] for event in self.events if event["event"] == "led"]

    @property
    def state(self) -> str:
        """The hash of the device's last state."""
        hash_: str = self.events[-1]["state_hash"]
        return hash_


def from_template(shell: Shell, template: str, changes: Mapping[str, str] | None = None) -> Shell:
    """Make a project called as its template is, build and bundle it, and return a shell in it.

    `changes` are texts in its sources, and what somebody writes in their place.
    """
    shell.succeed("mvsdk", "new", template, "--template", template)
    inside = shell.inside(shell.directory / template)
    for file in (inside.directory / "src").iterdir():
        text = file.read_text()
        for old, new in (changes or {}).items():
            text = text.replace(old, new)
        file.write_text(text)
    return _bundled(inside)


def from_example(shell: Shell, name: str) -> Shell:
    """Copy an example, build and bundle it, and return a shell in it."""
    shutil.copytree(EXAMPLES / name, shell.directory / name, ignore=shutil.ignore_patterns("build"))
    return _bundled(shell.inside(shell.directory / name))


def _bundled(shell: Shell) -> Shell:
    shell.succeed("mvsdk", "build")
    shell.succeed("mvsdk", "bundle")
    return shell


def emulate(shell: Shell, *options: str | Path) -> Run:
    """Run a project's bundle, which must succeed."""
    return Run([json.loads(line) for line in shell.succeed("mvsdk", "emulate", "--json", *options).splitlines()])


def recorded(shell: Shell, *options: str | Path) -> Run:
    """Run a project's bundle and write down what came, in `RECORDING`."""
    return emulate(shell, "--record", RECORDING, *options)


def replayed(shell: Shell) -> Run:
    """Have the recorded run again, with nobody to reach."""
    return emulate(shell, "--replay", RECORDING)
