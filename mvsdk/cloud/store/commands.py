"""What devices are to be told once, in order, however often their connection breaks.

A device remembers the number of the last command it has done and takes only later ones. So numbers count up by device,
and they are times, in microseconds: a database that was restored from a backup does not give one out a second time.
"""

from __future__ import annotations

from collections.abc import Sequence

from mvsdk.cloud.database import Connection, Row

RESTART = "restart"


def add(connection: Connection, device: str, kind: str, now_us: int) -> None:
    """Let a device be told."""
    row = connection.execute(  # which locks it: another command may be on its way
        "UPDATE devices SET last_command = last_command WHERE sid = ? RETURNING last_command", (device,)
    ).fetchone()
    assert row is not None  # noqa: S101 - the caller has found the device
    number = max(row["last_command"] + 1, now_us)
    connection.execute("UPDATE devices SET last_command = ? WHERE sid = ?", (number, device))
    connection.execute(
        "INSERT INTO commands (device_sid, number, kind, created_us) VALUES (?, ?, ?, ?)",
        (device, number, kind, now_us),
    )


def waiting(connection: Connection, device: str) -> Sequence[Row]:
    """Return what a device has not done yet, oldest first."""
    return connection.execute("SELECT * FROM commands WHERE device_sid = ? ORDER BY number", (device,)).fetchall()


def done(connection: Connection, device: str, number: int) -> None:
    """Forget everything up to `number`, and give no such number again: the device has done it."""
    connection.execute("DELETE FROM commands WHERE device_sid = ? AND number <= ?", (device, number))
    connection.execute(
        "UPDATE devices SET last_command = ? WHERE sid = ? AND last_command < ?", (number, device, number)
    )
