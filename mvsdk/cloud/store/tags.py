"""What people call devices (tags), what devices say of themselves (facts), and who is in a cohort."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from mvsdk.cloud import versions
from mvsdk.cloud.cohorts import Cohort
from mvsdk.cloud.database import Connection, Row

TAG_LENGTH = 64
TAGS_MOST = 100
"""Tags of one device, at most."""
_TAG = re.compile(r"[^\x00-\x1f\x7f\"/]{1,64}")


def is_tag(text: str) -> bool:
    """Return whether a text may be a tag: part of a path, and to be written in a cohort, perhaps in quotation marks."""
    return _TAG.fullmatch(text) is not None and text == text.strip() and text not in {".", ".."}


def of_device(connection: Connection, device: str) -> list[str]:
    """Return a device's tags, in order."""
    rows = connection.execute("SELECT tag FROM tags WHERE device_sid = ? ORDER BY tag", (device,)).fetchall()
    return [row["tag"] for row in rows]


def add(connection: Connection, device: str, tag: str) -> None:
    """Give a device a tag; one that it has already stays."""
    connection.execute(
        "INSERT INTO tags (device_sid, tag) VALUES (?, ?) ON CONFLICT (device_sid, tag) DO NOTHING", (device, tag)
    )


def remove(connection: Connection, device: str, tag: str) -> bool:
    """Take a tag from a device; return whether it had it."""
    return connection.execute("DELETE FROM tags WHERE device_sid = ? AND tag = ?", (device, tag)).rowcount > 0


def facts(connection: Connection, device: str) -> dict[str, str]:
    """Return what a device said of itself when it connected last."""
    rows = connection.execute("SELECT name, value FROM facts WHERE device_sid = ? ORDER BY name", (device,)).fetchall()
    return {row["name"]: row["value"] for row in rows}


def set_facts(connection: Connection, device: str, said: Mapping[str, str]) -> None:
    """Keep what a device says of itself, in place of what it said before."""
    if facts(connection, device) == said:
        return
    connection.execute("DELETE FROM facts WHERE device_sid = ?", (device,))
    for name, value in said.items():
        connection.execute(
            "INSERT INTO facts (device_sid, name, value, version) VALUES (?, ?, ?, ?)",
            (device, name, value, versions.ordered(value)),
        )


def members(connection: Connection, account: str, cohort: Cohort, now_us: int) -> Sequence[Row]:
    """Return the devices of a cohort, oldest first."""
    sql = f"SELECT * FROM devices WHERE account_sid = ? AND ({cohort.sql}) ORDER BY number"  # noqa: S608 - our own text
    return connection.execute(sql, (account, *cohort.parameters(now_us))).fetchall()
