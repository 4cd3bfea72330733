"""A listener that writes everything down."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


class Recorder:
    """What a build said, in three lists and a count."""

    colour = False

    def __init__(self) -> None:
        self.commands: list[list[str]] = []
        self.steps: list[str] = []
        self.words: list[str] = []
        self.waits = 0

    def waiting(self) -> None:
        """Count it."""
        self.waits += 1

    def command(self, arguments: Sequence[str]) -> None:
        """Keep the command."""
        self.commands.append(list(arguments))

    def progress(self, done: int, total: int, step: str) -> None:
        """Keep the step's description."""
        assert 0 <= done <= total
        self.steps.append(step)

    def output(self, text: str) -> None:
        """Keep the tool's words."""
        self.words.append(text)

    @property
    def programs(self) -> list[str]:
        """The names of the programs that were run."""
        return [Path(command[0]).name for command in self.commands]

    @property
    def text(self) -> str:
        """All words of the tools."""
        return "\n".join(self.words)
