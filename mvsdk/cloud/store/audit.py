"""Who changed what, when. Each entry's hash covers the one before, so none can be changed or left out unseen."""

from __future__ import annotations

import hashlib
import json

from mvsdk.cloud.database import Connection

_FIRST = bytes(32)


def record(connection: Connection, account: str, at_us: int, who: str, what: str, subject: str) -> None:
    """Add an entry, in the transaction of the change that it tells of. `subject` names things, never secrets."""
    head = connection.execute("UPDATE audit_head SET hash = hash RETURNING hash").fetchone()
    if head is None:
        connection.execute("INSERT INTO audit_head (hash) VALUES (?)", (_FIRST,))
    entry = _chained(bytes(head["hash"]) if head else _FIRST, account, at_us, who, what, subject)
    connection.execute(
        "INSERT INTO audit (account_sid, at_us, who, what, subject, hash) VALUES (?, ?, ?, ?, ?, ?)",
        (account, at_us, who, what, subject, entry),
    )
    connection.execute("UPDATE audit_head SET hash = ?", (entry,))


def first_broken(connection: Connection) -> int | None:
    """Return the number of the first entry that does not follow from the one before, 0 if the last ones were cut off;
    None if the chain is whole."""
    last = _FIRST
    for row in connection.execute("SELECT * FROM audit ORDER BY number").fetchall():
        last = _chained(last, row["account_sid"], row["at_us"], row["who"], row["what"], row["subject"])
        if last != bytes(row["hash"]):
            return int(row["number"])
    head = connection.execute("SELECT hash FROM audit_head").fetchone()
    return None if bytes(head["hash"] if head else _FIRST) == last else 0


def _chained(previous: bytes, *entry: str | int) -> bytes:
    return hashlib.sha256(previous + json.dumps(entry, ensure_ascii=True).encode()).digest()
