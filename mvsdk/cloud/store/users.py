"""People who log in at the console by name and password. Programs use API keys."""

from __future__ import annotations

from mvsdk.cloud import passwords
from mvsdk.cloud.database import Connection, Row
from mvsdk.cloud.store.pages import Listing

LISTING = Listing("users", "account_sid = ?", "name")


def find(connection: Connection, name: str) -> Row | None:
    """Return a user. Names are unique in the whole cloud: who logs in names no account."""
    return connection.execute("SELECT * FROM users WHERE name = ?", (name,)).fetchone()


def add(connection: Connection, account: str, name: str, password: bytes, now_us: int) -> None:
    """Make a user whose password was `passwords.protected`. Raises ConflictError where the name is taken."""
    connection.execute(
        "INSERT INTO users (name, account_sid, password, created_us) VALUES (?, ?, ?, ?)",
        (name, account, password, now_us),
    )


def change_password(connection: Connection, account: str, name: str, password: bytes) -> bool:
    """Give a user another password, which ends all visits of theirs; return whether there is such a user."""
    rows = connection.execute(
        "UPDATE users SET password = ? WHERE account_sid = ? AND name = ?", (password, account, name)
    )
    return rows.rowcount > 0


def remove(connection: Connection, account: str, name: str) -> bool:
    """Remove a user; return whether there was one."""
    return connection.execute("DELETE FROM users WHERE account_sid = ? AND name = ?", (account, name)).rowcount > 0


def is_password(row: Row | None, password: str) -> bool:
    """Return whether this is the user's password. Takes some 50 ms, also for a user that does not exist."""
    return passwords.is_protected(password, bytes(row["password"]) if row else None)
