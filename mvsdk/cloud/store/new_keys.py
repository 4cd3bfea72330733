"""NewKeys messages of an account, in the order in which its devices take them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mvsdk.bundle import NewKeys
from mvsdk.cloud.database import Connection, Row
from mvsdk.cloud.store import accounts
from mvsdk.cloud.store.pages import Listing

LISTING = Listing("new_keys", "account_sid = ?", "number", newest_first=True)


def messages(connection: Connection, account: str) -> Sequence[bytes]:
    """Return all messages, the first one first."""
    rows = connection.execute(
        "SELECT message FROM new_keys WHERE account_sid = ? ORDER BY number", (account,)
    ).fetchall()
    return [bytes(row["message"]) for row in rows]


def add(
    connection: Connection,
    account: str,
    message: bytes,
    change: NewKeys,
    verified: Iterable[int],
    who: str,
    now_us: int,
) -> Row:
    """Keep the next message. Bundles signed with the keys that it adds may be uploaded from now on.

    Raises ConflictError where somebody else has added one with the same number meanwhile.
    """
    row = connection.execute(
        "INSERT INTO new_keys (account_sid, number, message, verified, created_by, created_us)"
        " VALUES (?, ?, ?, ?, ?, ?) RETURNING *",
        (account, change.sequence, message, " ".join(f"{key:016x}" for key in verified), who, now_us),
    ).fetchone()
    assert row is not None  # noqa: S101 - RETURNING of an insert that did not raise
    known = {key.id for key in accounts.trusted(connection, account)}
    for key in change.add:
        if key.id not in known:
            accounts.trust(connection, account, {f"new keys {change.sequence}": key})
    return row
