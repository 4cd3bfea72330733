"""Who answers: the seam between the emulator and whatever it speaks to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from mvsdk.emulator.network.exchanges import Answer, Request

Reply = Callable[[Answer], None]
"""Where answers go. It may be called from any thread, at once or later, any number of times."""


class Peers(Protocol):
    """The servers that a device can reach, real or not."""

    def send(self, request: Request, reply: Reply) -> None:
        """Take a request, without waiting for anything. Whatever comes of it, now or later, goes to `reply`; every
        request that is `ANSWERED` is answered some time, or its exchange told `Lost`, unless it is closed before."""

    def close(self) -> None:
        """End every connection and every thread."""
