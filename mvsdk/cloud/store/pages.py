"""Cutting lists into pages at a key, so that a page stays the same page while rows come and go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mvsdk.cloud.database import Connection, Row, Value


@dataclass(frozen=True, slots=True)
class Listing:
    """A list that can be cut: rows of `table` where `condition` holds, in the order of `key`.

    All three are our own text, never a client's. Keys are unique within the condition.
    """

    table: str
    condition: str
    key: str
    newest_first: bool = False


@dataclass(frozen=True, slots=True)
class Cut:
    """Where a page begins: after the row with this key, or `backwards`, before it; None is the list's beginning."""

    key: str | int | None = None
    backwards: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of one page, and the cuts that lead on from it; None where there is nothing."""

    rows: Sequence[Row]
    previous: Cut | None
    next: Cut | None


def cut_page(connection: Connection, listing: Listing, parameters: Sequence[Value], cut: Cut, size: int) -> Page:
    """Return `size` rows of a listing from `cut` on; `parameters` are those of its condition."""
    descending = listing.newest_first is not cut.backwards
    sql = f"SELECT * FROM {listing.table} WHERE {listing.condition}"  # noqa: S608 - our own text
    values = list(parameters)
    if cut.key is not None:
        sql += f" AND {listing.key} {'<' if descending else '>'} ?"
        values.append(cut.key)
    sql += f" ORDER BY {listing.key} {'DESC' if descending else 'ASC'} LIMIT ?"
    found = list(connection.execute(sql, [*values, size + 1]).fetchall())
    more, rows = len(found) > size, found[:size]
    if cut.backwards:
        rows.reverse()
    before = more if cut.backwards else cut.key is not None
    after = cut.key is not None if cut.backwards else more
    return Page(
        rows,
        previous=Cut(rows[0][listing.key], backwards=True) if before and rows else None,
        next=Cut(rows[-1][listing.key]) if after and rows else None,
    )
