"""Where the cloud's rows live: one SQL dialect, two engines.

Statements are written in what SQLite (from 3.35) and PostgreSQL have in common, with `?` for parameters; numbers are
BIGINT, times are Unix microseconds. `read` sees committed rows only. `write` returns once its work is committed, all of
it or nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypeVar

from mvsdk.cloud.signals import Signals

Value = str | int | bytes | None
Row = Mapping[str, Any]
T = TypeVar("T")


class Rows(Protocol):
    """What a statement gave."""

    def fetchone(self) -> Row | None:
        """Return the next row, or None."""

    def fetchall(self) -> Sequence[Row]:
        """Return all further rows."""

    @property
    def rowcount(self) -> int:
        """How many rows a change touched."""


class Connection(Protocol):
    """One transaction's view of the database."""

    def execute(self, sql: str, parameters: Sequence[Value] = (), /) -> Rows:
        """Carry out one statement. Raises `ConflictError` where a uniqueness rule forbids it."""


class ConflictError(Exception):
    """A row with this key exists already, or one that others refer to was to go."""


class Database(Protocol):
    """A database that is open."""

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Return what `work` makes of the committed rows. It must not change any."""

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Return what `work` returned, once what it changed is committed. If it raises, nothing changed.

        Raises StorageFullError when there is no room.
        """

    async def snapshot(self, work: Callable[[Connection], T]) -> T:
        """Return what `work` makes of the committed rows, all seen as they were at one moment. It may take long: others
        go on meanwhile."""

    def exclusively(self, what: str) -> AbstractAsyncContextManager[None]:
        """While the context lasts, keep out everybody else who enters one for the same thing, in every server."""

    def signals(self) -> Signals:
        """Return new signals that reach every server on this database. To be called on the loop of its waiters."""

    async def close(self) -> None:
        """Finish what was begun, then let go of the engine."""


def open_database(url: str) -> Database:
    """Open `sqlite:///PATH` or `postgresql://…`, with its tables as this version wants them. Raises DatabaseError."""
    if url.startswith("sqlite:///"):
        from mvsdk.cloud.database.sqlite import SqliteDatabase

        return SqliteDatabase(url.removeprefix("sqlite:///"))
    if url.startswith(("postgresql://", "postgres://")):
        from mvsdk.cloud.database.postgresql import PostgresqlDatabase

        return PostgresqlDatabase(url)
    from mvsdk.cloud.errors import DatabaseError

    scheme = url.partition(":")[0]
    raise DatabaseError(
        f"the database '{scheme}' is of no known kind", "give a PostgreSQL URL: postgresql://user@host/name"
    )
