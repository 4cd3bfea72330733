"""Devices: what each is to run, what it reported, and for how long its log is wanted."""

from __future__ import annotations

from mvsdk.cloud import identifiers, passwords
from mvsdk.cloud.database import Connection, Row
from mvsdk.cloud.policies import PolicyPart
from mvsdk.cloud.store.pages import Listing

_WITH_TARGET = (
    "(SELECT d.*, a.hash AS target_hash, u.state AS update_state, u.app_hash AS update_hash FROM devices d"
    " LEFT JOIN apps a ON a.sid = d.target_sid LEFT JOIN updates u ON u.device_sid = d.sid) AS devices"
)
LISTING = Listing(_WITH_TARGET, "account_sid = ?", "number", newest_first=True)
"""Rows of `devices` with the hash of the target beside its SID, and what was said last of an update to which hash."""
LOGGING_US = 24 * 3600 * 1_000_000
"""For how long logging stays on after it was asked for (rest-api.md, "Flows")."""


def find(connection: Connection, account: str, name: str) -> Row | None:
    """Return the device with this SID or unique name."""
    column = "sid" if identifiers.is_sid(name, identifiers.DEVICE) else "unique_name"
    return connection.execute(
        f"SELECT * FROM {_WITH_TARGET} WHERE account_sid = ? AND {column} = ?",  # noqa: S608 - our own text
        (account, name),
    ).fetchone()


def add(connection: Connection, account: str, unique_name: str | None, token: str, now_us: int) -> Row:
    """Make a device that will show `token`. Raises ConflictError where the unique name is taken."""
    sid = identifiers.new_sid(identifiers.DEVICE)
    connection.execute(
        "INSERT INTO devices (sid, account_sid, unique_name, token, created_us, updated_us) VALUES (?, ?, ?, ?, ?, ?)",
        (sid, account, unique_name, passwords.digest(token), now_us, now_us),
    )
    row = find(connection, account, sid)
    assert row is not None  # noqa: S101 - it was added in this transaction
    return row


def certify(connection: Connection, sid: str, fingerprint: bytes, now_us: int) -> None:
    """Note a device's latest certificate, in place of the one before."""
    connection.execute("UPDATE devices SET certificate = ?, updated_us = ? WHERE sid = ?", (fingerprint, now_us, sid))


def rename(connection: Connection, sid: str, unique_name: str | None, now_us: int) -> None:
    """Give a device another unique name, or none. Raises ConflictError where it is taken."""
    connection.execute("UPDATE devices SET unique_name = ?, updated_us = ? WHERE sid = ?", (unique_name, now_us, sid))


def target(connection: Connection, sid: str, app_sid: str, now_us: int, policy: PolicyPart | None = None) -> None:
    """Say what a device is to run, and how it is to get there; also once more, after an error for example."""
    connection.execute(
        "UPDATE devices SET target_sid = ?, targeted_us = ?, target_policy = ?, update_error_code = 0, updated_us = ?"
        " WHERE sid = ?",
        (app_sid, now_us, policy.encode() if policy else None, now_us, sid),
    )
    connection.execute("DELETE FROM updates WHERE device_sid = ? AND state IN ('reverted', 'error')", (sid,))
    connection.execute(
        "INSERT INTO device_apps (device_sid, app_sid) VALUES (?, ?) ON CONFLICT (device_sid, app_sid) DO NOTHING",
        (sid, app_sid),
    )


def set_update_policy(connection: Connection, sid: str, policy: str | None, now_us: int) -> None:
    """Say how a device updates itself (`PolicyPart.encode`)."""
    connection.execute("UPDATE devices SET update_policy = ?, updated_us = ? WHERE sid = ?", (policy, now_us, sid))


def set_logging(connection: Connection, sid: str, *, enabled: bool, now_us: int) -> None:
    """Want a device's log for the next 24 hours, or no longer."""
    until = now_us + LOGGING_US if enabled else None
    connection.execute("UPDATE devices SET logging_until_us = ?, updated_us = ? WHERE sid = ?", (until, now_us, sid))


def update_status(row: Row) -> str:
    """Return how far a device is on the way to its target: up-to-date, pending or error."""
    if row["update_error_code"]:
        return "error"
    if row["target_sid"] not in (None, row["reported_sid"]):
        return "pending"
    # A device on trial runs its target already, and may still go back.
    said_of_target = row["update_hash"] is not None and row["update_hash"] == row["target_hash"]
    return "pending" if said_of_target and row["update_state"] != "confirmed" else "up-to-date"
