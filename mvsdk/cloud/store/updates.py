"""How far devices are on the way to what they are to run: what each said last, and what that comes to.

A report counts for the target it is about. One about an app that is no longer the target is kept, and shown as nothing.
"""

from __future__ import annotations

from mvsdk.cloud.database import Connection, Row
from mvsdk.cloud.store import audit, sessions
from mvsdk.cloud.store.sessions import Device
from mvsdk.link import UpdateProgress
from mvsdk.link.fitting import cut
from mvsdk.link.messages import REASON_LENGTH

REVERTED_CODE = 1
"""The `update_error_code` of a device that went back without a code of its own: REST has no other word for it (own)."""
FAILED = ("reverted", "error")
FINISHED = ("confirmed", *FAILED)
_BEFORE = ("pending", "downloading", "staged", "waiting", "installing")

_VIEW = (
    "SELECT d.sid, d.unique_name, d.account_sid, d.target_sid, a.hash AS target_hash, d.reported_sid, d.targeted_us,"
    " d.update_error_code, u.app_hash, u.state, u.bytes_done, u.bytes_total, u.bytes_reused, u.delta, u.reason,"
    " u.error_code, u.since_us, u.updated_us"
    " FROM devices d LEFT JOIN apps a ON a.sid = d.target_sid LEFT JOIN updates u ON u.device_sid = d.sid"
)


def note(connection: Connection, device: Device, said: UpdateProgress, now_us: int) -> None:
    """Keep what a device says. What is confirmed is what it runs; an error of its target is the device's error."""
    row = connection.execute(
        "SELECT a.hash AS target_hash, u.app_hash, u.state, u.since_us, u.ran_us FROM devices d"
        " LEFT JOIN apps a ON a.sid = d.target_sid LEFT JOIN updates u ON u.device_sid = d.sid WHERE d.sid = ?",
        (device.sid,),
    ).fetchone()
    assert row is not None  # noqa: S101 - the session of this device counts
    ran_us = row["ran_us"] if row["app_hash"] == said.app_hash and said.state not in _BEFORE else None
    if ran_us is None and said.state in {"trial", "confirmed"}:
        ran_us = now_us
    same = (row["app_hash"], row["state"]) == (said.app_hash, said.state)
    code = said.error_code or (REVERTED_CODE if said.state == "reverted" else 0)
    values = (
        said.app_hash,
        said.state,
        said.bytes_done,
        said.bytes_total,
        said.bytes_reused,
        int(said.delta),
        cut(said.reason, REASON_LENGTH),
        code,
        row["since_us"] if same else now_us,
        now_us,
        ran_us,
    )
    connection.execute(
        "INSERT INTO updates (device_sid, app_hash, state, bytes_done, bytes_total, bytes_reused, delta, reason,"
        " error_code, since_us, updated_us, ran_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (device_sid) DO UPDATE"
        " SET app_hash = excluded.app_hash, state = excluded.state, bytes_done = excluded.bytes_done,"
        " bytes_total = excluded.bytes_total, bytes_reused = excluded.bytes_reused, delta = excluded.delta,"
        " reason = excluded.reason, error_code = excluded.error_code, since_us = excluded.since_us,"
        " updated_us = excluded.updated_us, ran_us = excluded.ran_us",
        (device.sid, *values),
    )
    if said.state == "installing" and said.reason and not same:
        audit.record(connection, device.account, now_us, device.sid, f"forced an update: {values[6]}", device.sid)
    if said.state == "confirmed":
        sessions.report(connection, device, said.app_hash, None, now_us)
    if said.app_hash == row["target_hash"]:
        connection.execute(
            "UPDATE devices SET update_error_code = ? WHERE sid = ?", (code if said.state in FAILED else 0, device.sid)
        )


def find(connection: Connection, device: str) -> Row | None:
    """Return what there is of a device's way to its target: the arguments of `state`."""
    return connection.execute(f"{_VIEW} WHERE d.sid = ?", (device,)).fetchone()


def of_account(connection: Connection, account: str) -> list[Row]:
    """Return the same of all devices of an account, oldest first."""
    return list(connection.execute(f"{_VIEW} WHERE d.account_sid = ? ORDER BY d.number", (account,)).fetchall())


def state(row: Row) -> str:
    """Return the state of a device: as in the messages, and "none" for one that is to run nothing."""
    if row["target_sid"] is None:
        return "none"
    if row["app_hash"] == row["target_hash"]:
        return str(row["state"])
    if row["update_error_code"]:
        return "error"
    return "confirmed" if row["target_sid"] == row["reported_sid"] else "pending"
