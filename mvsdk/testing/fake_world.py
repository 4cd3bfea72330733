"""A world that an application on the network speaks to, and that says nothing by itself."""

from __future__ import annotations

from mvsdk.emulator.network.exchanges import Request


class FakeWorld:
    """Keeps what the application sends. What it is to hear is given to the device's inputs, as `Arrival`s."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        """What has been sent, in order."""

    def take(self, request: Request) -> None:
        """Keep it."""
        self.requests.append(request)

    def let_pass(self, cycle: int) -> int | None:
        """Wait for nobody."""

    def slumber(self) -> bool:
        """Nobody is there who could wake the device."""
        return False
