"""Who hears what a build does while it does it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Listener(Protocol):
    """The seam between a build and whoever shows it."""

    @property
    def colour(self) -> bool:
        """Whether `output` may be given colours as terminal escape sequences."""

    def waiting(self) -> None:
        """Another build of this project has to finish first."""

    def command(self, arguments: Sequence[str]) -> None:
        """A program is about to be run, with exactly these arguments."""

    def progress(self, done: int, total: int, step: str) -> None:
        """Ninja has finished `done` of `total` steps; `step` is its description of the latest."""

    def output(self, text: str) -> None:
        """CMake, a compiler or a linker said this, in its own words; whole lines, without the last line end."""


class Silence:
    """The listener that hears nothing."""

    colour = False

    def waiting(self) -> None:
        """Ignore it."""

    def command(self, arguments: Sequence[str]) -> None:
        """Ignore it."""

    def progress(self, done: int, total: int, step: str) -> None:
        """Ignore it."""

    def output(self, text: str) -> None:
        """Ignore it."""
