"""Waiting for what an application logs."""

from __future__ import annotations

from mvsdk.emulator.device import Device
from mvsdk.emulator.events import Event, FactoryLogLine, LogLine


class TextWatch:
    """An observer that stops its device once a text is logged. Until `device` is set it only listens."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.device: Device | None = None

    def __call__(self, event: Event) -> None:
        """Look at one event."""
        if isinstance(event, LogLine | FactoryLogLine) and self._text in event.text and self.device is not None:
            self.device.stop()
