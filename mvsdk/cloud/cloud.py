"""A cloud's parts, put together once and handed to whoever serves."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from mvsdk.boards import Board
from mvsdk.cloud.blobs import BlobStore
from mvsdk.cloud.database import Database
from mvsdk.cloud.device_authority import DeviceAuthority
from mvsdk.cloud.recent import Recent
from mvsdk.cloud.sealing import Seal
from mvsdk.cloud.signals import Signals
from mvsdk.keys import SigningKey


def wall_clock_us() -> int:
    """Return the time, in Unix microseconds."""
    return time.time_ns() // 1000


@dataclass(frozen=True)
class Cloud:
    """What every request works with. `now_us` is the wall clock; tests hand in one of their own."""

    database: Database
    blobs: BlobStore
    seal: Seal
    signing_key: SigningKey
    device_authority: DeviceAuthority
    board: Board
    signals: Signals
    downloads_most: int = 64
    """Downloads of devices that go on at the same time; who comes then is asked to come later."""
    now_us: Callable[[], int] = field(default=wall_clock_us)
    rendered_events: Recent[tuple[str, int, int], tuple[bytes, int]] = field(default_factory=lambda: Recent(256))
    """What was streamed last, by device, cursor and the device's last cursor then: most followers want the same."""
