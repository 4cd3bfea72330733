"""What an update agent asks on a device without a cloud: it waits, and keeps what it has begun."""

from __future__ import annotations

from typing import Never

from mvsdk.update import Pending


class NoServer:
    """Never has an answer, so an agent neither changes anything nor gives anything up."""

    def manifest(self, running: bytes) -> Never:
        """Wait."""
        raise Pending

    def new_keys(self, sequence: int) -> Never:
        """Wait."""
        raise Pending

    def layer(self, name: str, start: int, length: int) -> Never:
        """Wait."""
        raise Pending

    def patch(self, name: str, base: str, start: int, length: int) -> Never:
        """Wait."""
        raise Pending
