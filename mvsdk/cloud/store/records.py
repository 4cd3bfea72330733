"""What devices said: log lines, starts, crashes. Each device's records have cursors that count up from 1."""

from __future__ import annotations

from collections.abc import Sequence

from mvsdk.cloud.database import Connection, Row
from mvsdk.link import CrashRecord, GapRecord, LogRecord, Record, StartRecord

KEPT_US = 7 * 24 * 3600 * 1_000_000
KEPT_EACH = 100_000
"""For how long records are kept, and how many of one device."""


def append(
    connection: Connection, device: str, session: str, boot: str, first: int, records: Sequence[Record], now_us: int
) -> int | None:
    """Store records numbered from `first` on; return up to which number this boot's are stored now.

    Numbers stored already are passed over, so sending twice stores once. Numbers that are missing, because this
    database knows less than was acknowledged once, become a gap. None, and nothing stored, if `session` is not the
    device's present one.
    """
    row = connection.execute(
        # Changing the row locks it: another session of the device may be storing at this moment.
        "UPDATE devices SET seen_us = seen_us WHERE sid = ? RETURNING session, boot, records_through, last_cursor",
        (device,),
    ).fetchone()
    if row is None or (row["session"], row["boot"]) != (session, boot):
        return None
    through: int = row["records_through"]
    missing = first - through - 1
    fresh = [GapRecord(count=missing), *records] if missing > 0 else list(records[-missing:])
    if not fresh:
        return through
    cursor: int = row["last_cursor"]
    for record in fresh:
        cursor += 1
        kind, time_us, text = _columns(record, now_us)
        connection.execute(
            "INSERT INTO records (device_sid, cursor, kind, time_us, received_us, text) VALUES (?, ?, ?, ?, ?, ?)",
            (device, cursor, kind, time_us, now_us, text),
        )
    through = first + len(records) - 1
    connection.execute(
        "UPDATE devices SET records_through = ?, last_cursor = ? WHERE sid = ?", (through, cursor, device)
    )
    return through


def after(connection: Connection, device: str, cursor: int, most: int) -> Sequence[Row]:
    """Return up to `most` records of a device behind a cursor."""
    return connection.execute(
        "SELECT * FROM records WHERE device_sid = ? AND cursor > ? ORDER BY cursor LIMIT ?", (device, cursor, most)
    ).fetchall()


def cursor_since(connection: Connection, device: str, received_us: int) -> int:
    """Return the cursor behind which everything received since a moment lies."""
    row = connection.execute(
        "SELECT min(cursor) AS first FROM records WHERE device_sid = ? AND received_us >= ?", (device, received_us)
    ).fetchone()
    if row is not None and row["first"] is not None:
        return int(row["first"]) - 1
    return last_cursor(connection, device)


def last_cursor(connection: Connection, device: str) -> int:
    """Return the cursor of a device's latest record, also when that is gone already; 0 before the first."""
    row = connection.execute("SELECT last_cursor FROM devices WHERE sid = ?", (device,)).fetchone()
    return int(row["last_cursor"]) if row else 0


def forget_old(connection: Connection, now_us: int) -> int:
    """Remove what is too old or too much; return how many records went."""
    old = connection.execute("DELETE FROM records WHERE received_us < ?", (now_us - KEPT_US,)).rowcount
    surplus = connection.execute(
        "DELETE FROM records WHERE cursor <= (SELECT last_cursor FROM devices WHERE sid = device_sid) - ?", (KEPT_EACH,)
    ).rowcount
    return old + surplus


def _columns(record: Record, now_us: int) -> tuple[str, int, str]:
    match record:
        case LogRecord():
            return "log", record.time_us, record.text
        case StartRecord():
            return "start", record.time_us, record.wake_reason
        case CrashRecord():
            return "crash", record.time_us, record.report
        case GapRecord():
            return "gap", now_us, str(record.count)
