"""Config and secrets: values under keys, of an account or of one device (`device` is "" for the account's own)."""

from __future__ import annotations

from mvsdk.cloud.database import Connection, Row
from mvsdk.cloud.sealing import Seal
from mvsdk.cloud.store.pages import Listing

KEY_LENGTH, VALUE_LENGTH = 100, 4096
CONFIGS = Listing("configs", "account_sid = ? AND device_sid = ?", "key")
SECRETS = Listing("secrets", "account_sid = ? AND device_sid = ?", "key")


def find(connection: Connection, listing: Listing, account: str, device: str, key: str) -> Row | None:
    """Return one entry of `CONFIGS` or `SECRETS`."""
    return connection.execute(
        f"SELECT * FROM {listing.table} WHERE {listing.condition} AND key = ?",  # noqa: S608 - our own text
        (account, device, key),
    ).fetchone()


def remove(connection: Connection, listing: Listing, account: str, device: str, key: str) -> bool:
    """Remove one entry of `CONFIGS` or `SECRETS`; return whether it was there."""
    rows = connection.execute(
        f"DELETE FROM {listing.table} WHERE {listing.condition} AND key = ?",  # noqa: S608 - our own text
        (account, device, key),
    )
    return rows.rowcount > 0


def add_config(connection: Connection, account: str, device: str, key: str, value: str, now_us: int) -> None:
    """Make an entry. Raises ConflictError where the key is taken."""
    connection.execute(
        "INSERT INTO configs (account_sid, device_sid, key, value, updated_us) VALUES (?, ?, ?, ?, ?)",
        (account, device, key, value, now_us),
    )


def change_config(connection: Connection, account: str, device: str, key: str, value: str, now_us: int) -> bool:
    """Change an entry; return whether it was there."""
    rows = connection.execute(
        "UPDATE configs SET value = ?, updated_us = ? WHERE account_sid = ? AND device_sid = ? AND key = ?",
        (value, now_us, account, device, key),
    )
    return rows.rowcount > 0


def add_secret(
    connection: Connection, seal: Seal, account: str, device: str, key: str, value: str, now_us: int
) -> None:
    """Make a secret, sealed for its place. Raises ConflictError where the key is taken."""
    connection.execute(
        "INSERT INTO secrets (account_sid, device_sid, key, sealed, updated_us) VALUES (?, ?, ?, ?, ?)",
        (account, device, key, seal.close(value, _place(account, device, key)), now_us),
    )


def change_secret(
    connection: Connection, seal: Seal, account: str, device: str, key: str, value: str, now_us: int
) -> bool:
    """Change a secret; return whether it was there."""
    rows = connection.execute(
        "UPDATE secrets SET sealed = ?, updated_us = ? WHERE account_sid = ? AND device_sid = ? AND key = ?",
        (seal.close(value, _place(account, device, key)), now_us, account, device, key),
    )
    return rows.rowcount > 0


def open_secret(seal: Seal, row: Row) -> str:
    """Return the value of a row of secrets, for the device that may have it."""
    return seal.open(bytes(row["sealed"]), _place(row["account_sid"], row["device_sid"], row["key"]))


def _place(account: str, device: str, key: str) -> str:
    return f"{account}/{device}/{key}"
