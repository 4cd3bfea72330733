"""Apps: bundles that were uploaded. Their layers lie among the blobs, by name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mvsdk.cloud import identifiers, versions
from mvsdk.cloud.database import ConflictError, Connection, Row
from mvsdk.cloud.store import downloads
from mvsdk.cloud.store.pages import Listing

LISTING = Listing("apps", "account_sid = ?", "number", newest_first=True)


@dataclass(frozen=True, slots=True)
class NewApp:
    """What an upload has come to. `layers` has the name and size of each."""

    unique_name: str | None
    hash: str
    manifest: bytes
    signer_id: int
    image_size: int
    layers: Sequence[tuple[str, int]]


def find(connection: Connection, account: str, name: str) -> Row | None:
    """Return the app with this SID or unique name."""
    column = "sid" if identifiers.is_sid(name, identifiers.APP) else "unique_name"
    return connection.execute(
        f"SELECT * FROM apps WHERE account_sid = ? AND {column} = ?",  # noqa: S608 - our own text
        (account, name),
    ).fetchone()


def add(connection: Connection, account: str, app: NewApp, now_us: int) -> tuple[Row, bool]:
    """Return the app of an upload, and whether it is new: the same manifest is the same app.

    Raises ConflictError where the unique name belongs to another app, or the app has another name already.
    """
    known = connection.execute("SELECT * FROM apps WHERE account_sid = ? AND hash = ?", (account, app.hash)).fetchone()
    if known is not None:
        return _named(connection, known, app.unique_name, now_us), False
    sid = identifiers.new_sid(identifiers.APP)
    row = connection.execute(
        "INSERT INTO apps (sid, account_sid, unique_name, hash, manifest, signer_id, image_size, version,"
        " created_us, updated_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING *",
        (
            sid,
            account,
            app.unique_name,
            app.hash,
            app.manifest,
            f"{app.signer_id:016x}",
            app.image_size,
            versions.of_name(app.unique_name),
            now_us,
            now_us,
        ),
    ).fetchone()
    assert row is not None  # noqa: S101 - RETURNING of an insert that did not raise
    for name, size in app.layers:
        connection.execute("INSERT INTO layers (app_sid, name, size) VALUES (?, ?, ?)", (sid, name, size))
    # A device may have run it before it was uploaded.
    connection.execute(
        "UPDATE devices SET reported_sid = ? WHERE account_sid = ? AND reported_hash = ?", (sid, account, app.hash)
    )
    return row, True


def _named(connection: Connection, row: Row, unique_name: str | None, now_us: int) -> Row:
    if unique_name is None or row["unique_name"] == unique_name:
        return row
    if row["unique_name"] is not None:
        raise ConflictError(f"this bundle was uploaded as '{row['unique_name']}' already")
    renamed = connection.execute(
        "UPDATE apps SET unique_name = ?, version = ?, updated_us = ? WHERE sid = ? RETURNING *",
        (unique_name, versions.of_name(unique_name), now_us, row["sid"]),
    ).fetchone()
    assert renamed is not None  # noqa: S101 - the row was there in this transaction
    return renamed


def remove(connection: Connection, sid: str) -> list[str]:
    """Remove an app, and return the blobs that nothing uses any more: layers, and deltas from and to them.

    Raises ConflictError while a device is to run it, or a rollout may let one.
    """
    if connection.execute("SELECT 1 FROM devices WHERE target_sid = ?", (sid,)).fetchone():
        raise ConflictError("it is the target of a device")
    going_on = (
        "SELECT 1 FROM rollouts r LEFT JOIN rollout_devices m ON m.rollout_sid = r.sid"
        " WHERE r.state IN ('created', 'running', 'paused') AND (r.app_sid = ? OR r.back_sid = ? OR m.previous_sid = ?)"
    )
    if connection.execute(going_on, (sid, sid, sid)).fetchone():
        raise ConflictError("a rollout that is not over needs it")
    names = [row["name"] for row in connection.execute("SELECT name FROM layers WHERE app_sid = ?", (sid,)).fetchall()]
    connection.execute("DELETE FROM layers WHERE app_sid = ?", (sid,))
    connection.execute("DELETE FROM device_apps WHERE app_sid = ?", (sid,))
    connection.execute("DELETE FROM apps WHERE sid = ?", (sid,))
    gone = unused(connection, names)
    return gone + [blob for name in gone for blob in downloads.forget_deltas(connection, name)]


def unused(connection: Connection, layers: Iterable[str]) -> list[str]:
    """Return those of the blobs that are neither a layer of an app nor a delta."""
    used = "SELECT 1 FROM layers WHERE name = ? UNION ALL SELECT 1 FROM deltas WHERE blob = ?"
    return [name for name in layers if connection.execute(used, (name, name)).fetchone() is None]
