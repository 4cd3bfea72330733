"""Who changed what, when. Each entry's hash covers the one before, so none can be changed or left out unseen."""

from __future__ import annotations

import hashlib
import json

from mvsdk.cloud.database import Connection

_FIRST = bytes(32)
_READ_AT_ONCE = 1000


def record(connection: Connection, account: str, at_us: int, who: str, what: str, subject: str) -> None:
    """Add an entry, in the transaction of the change that it tells of. `subject` names things, never secrets."""
    # Changing the head locks it, so that entries are numbered in the order of the chain.
    head = connection.execute("UPDATE audit_head SET hash = hash RETURNING hash").fetchone()
    assert head is not None  # noqa: S101 - made with the table
    entry = _chained(bytes(head["hash"]), account, at_us, who, what, subject)
    connection.execute(
        "INSERT INTO audit (account_sid, at_us, who, what, subject, hash) VALUES (?, ?, ?, ?, ?, ?)",
        (account, at_us, who, what, subject, entry),
    )
    connection.execute("UPDATE audit_head SET hash = ?", (entry,))


def first_broken(connection: Connection) -> int | None:
    """Return the number of the first entry that does not follow from the one before, 0 if the last ones were cut off;
    None if the chain is whole. Reads every entry, so it belongs into a `Database.snapshot`."""
    last, number = _FIRST, 0
    while rows := connection.execute(
        "SELECT * FROM audit WHERE number > ? ORDER BY number LIMIT ?", (number, _READ_AT_ONCE)
    ).fetchall():
        for row in rows:
            last = _chained(last, row["account_sid"], row["at_us"], row["who"], row["what"], row["subject"])
            number = int(row["number"])
            if last != bytes(row["hash"]):
                return number
    head = connection.execute("SELECT hash FROM audit_head").fetchone()
    return None if head is not None and bytes(head["hash"]) == last else 0


def _chained(previous: bytes, *entry: str | int) -> bytes:
    return hashlib.sha256(previous + json.dumps(entry, ensure_ascii=True).encode()).digest()
