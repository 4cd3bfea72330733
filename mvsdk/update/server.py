"""The seams of the agent: the server it asks, and the clock it waits by.

Everything that a server says is an allegation. The agent checks sizes before it makes room for them, hashes after the
bytes have been read back from flash, and signatures before it reads what is signed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class Pending(Exception):  # noqa: N818 - no error: the answer is on its way
    """The question has been sent and not been answered yet. Ask the same again later."""


@dataclass(frozen=True, slots=True)
class Part:
    """A range of something that has `total` bytes. `data` may be shorter than what was asked for, as after a cut."""

    total: int
    data: bytes


class Server(Protocol):
    """Whom the agent asks. Every call may raise ServerError or Pending, and may lie."""

    def manifest(self, running: bytes) -> bytes | None:
        """Return the manifest of the bundle that this device should run.

        `running` is the SHA-256 of the manifest it has now, empty for none. None means: stay with that.
        """

    def new_keys(self, sequence: int) -> bytes | None:
        """Return the NewKeys message that follows number `sequence`, or None."""

    def layer(self, name: str, start: int, length: int) -> Part:
        """Return a range of the layer with this SHA-256 (hexadecimal)."""

    def patch(self, name: str, base: str, start: int, length: int) -> Part | None:
        """Return a range of the patch that makes the layer `name` of the layer `base`; None when there is none."""


class Clock(Protocol):
    """Time that only goes forward; its zero means nothing."""

    def now(self) -> float:
        """Return seconds."""
