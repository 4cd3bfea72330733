"""What devices are to be told once, in order, however often their connection breaks."""

from __future__ import annotations

from collections.abc import Sequence

from mvsdk.cloud.database import Connection, Row

RESTART = "restart"


def add(connection: Connection, device: str, kind: str, now_us: int) -> None:
    """Let a device be told."""
    connection.execute("INSERT INTO commands (device_sid, kind, created_us) VALUES (?, ?, ?)", (device, kind, now_us))


def waiting(connection: Connection, device: str) -> Sequence[Row]:
    """Return what a device has not done yet, oldest first."""
    return connection.execute("SELECT * FROM commands WHERE device_sid = ? ORDER BY number", (device,)).fetchall()


def done(connection: Connection, device: str, number: int) -> None:
    """Forget everything up to `number`: the device has done it."""
    connection.execute("DELETE FROM commands WHERE device_sid = ? AND number <= ?", (device, number))
