"""What devices may download: manifest and layers of their target, and deltas against what they were to run before."""

from __future__ import annotations

from dataclasses import dataclass

from mvsdk.cloud.database import Connection


@dataclass(frozen=True, slots=True)
class Delta:
    """A delta between two layers that is known already. `blob` None: there is none that is smaller than the layer."""

    blob: str | None
    size: int


def manifest(connection: Connection, device: str, app_hash: str) -> bytes | None:
    """Return the manifest of a device's target, if it has this hash."""
    row = connection.execute(
        "SELECT a.manifest FROM apps a JOIN devices d ON d.target_sid = a.sid WHERE d.sid = ? AND a.hash = ?",
        (device, app_hash),
    ).fetchone()
    return bytes(row["manifest"]) if row else None


def new_keys(connection: Connection, account: str, number: int) -> bytes | None:
    """Return the account's NewKeys message with a number."""
    row = connection.execute(
        "SELECT message FROM new_keys WHERE account_sid = ? AND number = ?", (account, number)
    ).fetchone()
    return bytes(row["message"]) if row else None


def layer_size(connection: Connection, device: str, name: str) -> int | None:
    """Return the size of a layer of a device's target; None if the target has no such layer."""
    row = connection.execute(
        "SELECT l.size FROM layers l JOIN devices d ON d.target_sid = l.app_sid WHERE d.sid = ? AND l.name = ?",
        (device, name),
    ).fetchone()
    return int(row["size"]) if row else None


def may_hold(connection: Connection, device: str, name: str) -> bool:
    """Return whether a device was ever given a layer. One that only says so would learn it from the delta."""
    row = connection.execute(
        "SELECT 1 FROM layers l JOIN device_apps h ON h.app_sid = l.app_sid WHERE h.device_sid = ? AND l.name = ?",
        (device, name),
    ).fetchone()
    return row is not None


def delta(connection: Connection, base: str, layer: str) -> Delta | None:
    """Return the delta from one layer to another; None if nobody has asked for it yet."""
    row = connection.execute("SELECT blob, size FROM deltas WHERE base = ? AND layer = ?", (base, layer)).fetchone()
    return Delta(row["blob"], row["size"]) if row else None


def keep_delta(connection: Connection, base: str, layer: str, found: Delta) -> None:
    """Note what was made of two layers."""
    connection.execute(
        "INSERT INTO deltas (base, layer, blob, size) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (base, layer) DO UPDATE SET blob = excluded.blob, size = excluded.size",
        (base, layer, found.blob, found.size),
    )


def both_there(connection: Connection, base: str, layer: str) -> bool:
    """Return whether some app has each of the layers."""
    sql = "SELECT count(DISTINCT name) AS count FROM layers WHERE name IN (?, ?)"
    row = connection.execute(sql, (base, layer)).fetchone()
    return row is not None and row["count"] == len({base, layer})


def forget_deltas(connection: Connection, layer: str) -> list[str]:
    """Forget the deltas from and to a layer that is gone; return the blobs that nothing needs any more."""
    rows = connection.execute("SELECT blob FROM deltas WHERE base = ? OR layer = ?", (layer, layer)).fetchall()
    blobs = {row["blob"] for row in rows if row["blob"]}
    connection.execute("DELETE FROM deltas WHERE base = ? OR layer = ?", (layer, layer))
    used = "SELECT 1 FROM deltas WHERE blob = ? UNION ALL SELECT 1 FROM layers WHERE name = ?"
    return [blob for blob in sorted(blobs) if connection.execute(used, (blob, blob)).fetchone() is None]
