"""SQLite in WAL mode: reads on the caller's thread, writes on one thread of their own that commits them in groups."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from mvsdk.cloud.database import ConflictError, Connection, Rows, Value
from mvsdk.cloud.database.migrations import migrate
from mvsdk.cloud.errors import DatabaseError, StorageFullError
from mvsdk.cloud.signals import LocalSignals, Signals

T = TypeVar("T")
WORDS = {"blob": "BLOB", "number": "INTEGER PRIMARY KEY AUTOINCREMENT", "zeros": "zeroblob(32)"}
_GROUP_MOST = 500
"""Writes that share one commit at most, so that the first of them does not wait for ever."""


@dataclass
class _Job:
    """One piece of writing, and who waits for it."""

    work: Callable[[Connection], Any]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None

    def tell(self) -> None:
        """Wake whoever waits, unless it has gone away meanwhile."""
        self.loop.call_soon_threadsafe(self._settle)

    def _settle(self) -> None:
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class _Connection:
    """A `Connection` on a handle of the sqlite3 module."""

    def __init__(self, handle: sqlite3.Connection) -> None:
        self.handle = handle

    def execute(self, sql: str, parameters: Sequence[Value] = (), /) -> Rows:
        """See `Connection.execute`."""
        try:
            return self.handle.execute(sql, parameters)
        except sqlite3.IntegrityError as error:
            raise ConflictError(str(error)) from error


class SqliteDatabase:
    """A database in the file `path`, made on first use. Raises DatabaseError."""

    def __init__(self, path: str) -> None:
        self._path = path
        writing = self._open()
        try:
            writing.execute("BEGIN IMMEDIATE")
            migrate(_Connection(writing), WORDS)
            writing.execute("COMMIT")
            self._reader = _Connection(self._open())
        except (sqlite3.Error, DatabaseError) as error:
            writing.close()
            if isinstance(error, DatabaseError):
                raise
            raise _unusable(path, error) from error
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._exclusive: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._thread = threading.Thread(target=self._write_all, args=(_Connection(writing),), name="database writer")
        self._thread.start()

    def _open(self) -> sqlite3.Connection:
        try:
            handle = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=10)
            handle.row_factory = sqlite3.Row
            # FULL: a commit is on the disk before anybody is told of it, so that a power cut loses nothing either.
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-32000"):
                handle.execute(f"PRAGMA {pragma}")
        except sqlite3.Error as error:
            raise _unusable(self._path, error) from error
        return handle

    def signals(self) -> Signals:
        """See `Database.signals`: one server works on a file, so they stay within the process."""
        return LocalSignals()

    async def read(self, work: Callable[[Connection], T]) -> T:
        """See `Database.read`. The work is done at once: a statement by key takes some 20 µs."""
        return work(self._reader)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """See `Database.write`."""
        loop = asyncio.get_running_loop()
        job = _Job(work, loop, loop.create_future())
        self._jobs.put(job)
        result: T = await job.future
        return result

    async def snapshot(self, work: Callable[[Connection], T]) -> T:
        """See `Database.snapshot`: on a thread and a handle of its own."""
        return await asyncio.to_thread(self._at_one_moment, work)

    def _at_one_moment(self, work: Callable[[Connection], T]) -> T:
        with contextlib.closing(self._open()) as handle:
            handle.execute("BEGIN")
            return work(_Connection(handle))

    def exclusively(self, what: str) -> contextlib.AbstractAsyncContextManager[None]:
        """See `Database.exclusively`: one server works on a file, so this keeps within the process."""
        return self._exclusive[what]

    async def close(self) -> None:
        """See `Database.close`."""
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)
        self._reader.handle.close()

    # -- the writing thread --------------------------------------------------------------------------------------------

    def _write_all(self, connection: _Connection) -> None:
        while (first := self._jobs.get()) is not None:
            group, last = self._group(first)
            try:
                self._commit(connection, group)
            except sqlite3.Error as error:
                self._fail(connection, group, error)
            for job in group:
                job.tell()
            if last:
                break
        connection.handle.close()

    def _group(self, first: _Job) -> tuple[list[_Job], bool]:
        """Return everything that waits, and whether the end came with it."""
        group = [first]
        while len(group) < _GROUP_MOST:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
            if job is None:
                return group, True
            group.append(job)
        return group, False

    def _commit(self, connection: _Connection, group: list[_Job]) -> None:
        connection.handle.execute("BEGIN IMMEDIATE")
        for job in group:
            self._carry_out(connection, job)
        connection.handle.execute("COMMIT")

    def _fail(self, connection: _Connection, group: list[_Job], error: sqlite3.Error) -> None:
        """Undo a group. Where even that fails the handle is given up: closing it undoes what was not committed."""
        for job in group:
            job.error = job.error or _failed(self._path, error)
        try:
            if connection.handle.in_transaction:
                connection.handle.execute("ROLLBACK")
        except sqlite3.Error:
            connection.handle.close()
            with contextlib.suppress(DatabaseError):  # the next group finds the handle closed, and comes here again
                connection.handle = self._open()

    @staticmethod
    def _carry_out(connection: _Connection, job: _Job) -> None:
        """Do one job so that its failure undoes it alone."""
        connection.handle.execute("SAVEPOINT job")
        try:
            job.result = job.work(connection)
        except sqlite3.Error:
            raise
        except Exception as error:  # whoever waits for the job gets it
            connection.handle.execute("ROLLBACK TO job")
            job.error = error
        connection.handle.execute("RELEASE job")


def _unusable(path: str, error: sqlite3.Error) -> DatabaseError:
    return DatabaseError(
        f"cannot open the database {path}: {error}", "check that the file is yours and whole, or restore a backup"
    )


def _failed(path: str, error: sqlite3.Error) -> Exception:
    if getattr(error, "sqlite_errorname", "") in {"SQLITE_FULL", "SQLITE_IOERR_WRITE"}:
        return StorageFullError(f"cannot write {path}: {error}", "make room on the disk; reading goes on meanwhile")
    return DatabaseError(f"cannot write {path}: {error}", "check the disk, and the server's log")
