"""What goes on around the application and decides some answers, but is not its own doing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(slots=True)
class Circumstances:
    """The kernel's own work and the cloud's wishes. On a device without a cloud none of these ever changes; whoever
    models one sets them; on a running device `inputs.Circumstance` does."""

    STATE: ClassVar[tuple[str, ...]] = (
        "network_active",
        "kernel_busy",
        "update_staged",
        "final_staged",
        "server_logging",
        "wall_time_known",
    )

    network_active: bool = False
    """The kernel is talking over the network on the application's behalf, so it will not go to sleep now."""
    kernel_busy: bool = False
    """A restart would interrupt the kernel, for instance while it downloads an update."""
    update_staged: bool = False
    """An update is ready and waits for the application to agree."""
    final_staged: bool = False
    """The application that follows the factory's test code is on the device, and waits for that to pass."""
    server_logging: bool = True
    """The cloud takes log messages from this device (device property `logging.enabled`)."""
    wall_time_known: bool = True
    """The cloud has told the time. The device counts as connected before the application starts (inferred: a sample's
    comment says that the kernel usually is)."""
