"""PostgreSQL: every piece of work is a transaction on a connection of its own thread."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import threading
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from mvsdk.cloud.database import ConflictError, Connection, Rows, Value
from mvsdk.cloud.database.migrations import migrate
from mvsdk.cloud.database.notifications import PostgresqlSignals
from mvsdk.cloud.errors import DatabaseError, DatabaseUnreachableError, StorageFullError
from mvsdk.cloud.signals import Signals

if TYPE_CHECKING:
    import psycopg

T = TypeVar("T")
WORDS = {
    "blob": "BYTEA",
    "number": "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
    "zeros": "decode(repeat('00', 32), 'hex')",
}
CONNECTIONS = 8
_GOING_DOWN = frozenset({"57P01", "57P02", "57P03"})
"""What PostgreSQL says while it stops or starts (its manual, appendix A)."""
CONNECT_SECONDS = 10
_MIGRATION_LOCK = 0x6D7673646B
"""Number of the advisory lock under which one server at a time migrates: "mvsdk" in ASCII."""


class _Connection:
    """A `Connection` on a psycopg one."""

    def __init__(self, handle: psycopg.Connection[dict[str, Any]]) -> None:
        self._handle = handle

    def execute(self, sql: str, parameters: Sequence[Value] = (), /) -> Rows:
        """See `Connection.execute`."""
        import psycopg

        try:
            return self._handle.execute(_translated(sql), parameters)
        except psycopg.errors.IntegrityError as error:
            raise ConflictError(str(error)) from error


class PostgresqlDatabase:
    """The database at a URL. Raises DatabaseError when it cannot be reached or is of a later version."""

    def __init__(self, url: str) -> None:
        _need_psycopg()
        self._url = url
        self._own = threading.local()
        self._down = False
        self._trying = threading.Lock()
        self._handles: set[psycopg.Connection[dict[str, Any]]] = set()
        self._exclusive: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._threads = ThreadPoolExecutor(CONNECTIONS, "database")
        try:
            self._threads.submit(self._transaction, self._migrate).result()
        except BaseException:
            self._threads.shutdown()
            raise

    def signals(self) -> Signals:
        """See `Database.signals`."""
        return PostgresqlSignals(self._url)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """See `Database.read`."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._transaction, work)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """See `Database.write`."""
        return await self.read(work)

    async def snapshot(self, work: Callable[[Connection], T]) -> T:
        """See `Database.snapshot`."""

        def at_one_moment(connection: Connection) -> T:
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            return work(connection)

        return await self.read(at_one_moment)

    @contextlib.asynccontextmanager
    async def exclusively(self, what: str) -> AsyncIterator[None]:
        """See `Database.exclusively`: an advisory lock, held by a connection of its own.

        Within this process one task at a time asks for it, so that those who wait take no threads from who holds it.
        """
        async with self._exclusive[what]:
            handle = await asyncio.to_thread(self._connect)
            try:
                await asyncio.to_thread(_keep_others_out, handle, what)
                yield
            finally:
                await asyncio.to_thread(handle.close)

    async def close(self) -> None:
        """See `Database.close`."""
        await asyncio.to_thread(self._threads.shutdown)
        for handle in self._handles:
            handle.close()

    @staticmethod
    def _migrate(connection: Connection) -> None:
        connection.execute("SELECT pg_advisory_xact_lock(?)", (_MIGRATION_LOCK,))
        migrate(connection, WORDS)

    def _transaction(self, work: Callable[[Connection], T]) -> T:
        """Do a piece of work on this thread's connection.

        One that broke while it was idle, as all do when the server is restarted, is made anew; that is seen before the
        work begins. Work that was begun is never done twice: it may have been committed.
        """
        import psycopg

        handle = self._own_handle()
        try:
            with contextlib.ExitStack() as stack:
                try:
                    stack.enter_context(handle.transaction())
                except psycopg.OperationalError:
                    self._give_up(handle)
                    handle = self._own_handle()
                    stack.enter_context(handle.transaction())
                return work(_Connection(handle))
        except psycopg.errors.DiskFull as error:
            raise StorageFullError(f"the database is full: {error}", "make room for PostgreSQL") from error
        except psycopg.Error as error:
            raise _refused(error, handle) from error

    def _own_handle(self) -> psycopg.Connection[dict[str, Any]]:
        """Return this thread's connection, made anew where the last one broke."""
        handle: psycopg.Connection[dict[str, Any]] | None = getattr(self._own, "handle", None)
        if handle is not None and handle.closed:
            self._give_up(handle)
            handle = None
        if handle is None:
            handle = self._connect()
            self._own.handle = handle
            self._handles.add(handle)
        return handle

    def _give_up(self, handle: psycopg.Connection[dict[str, Any]]) -> None:
        handle.close()
        self._handles.discard(handle)
        self._own.handle = None

    def _connect(self) -> psycopg.Connection[dict[str, Any]]:
        """Return a new connection. While the database is down one thread tries to reach it, and the others do not wait
        for that: requests are refused at once."""
        import psycopg
        from psycopg.rows import dict_row

        with contextlib.ExitStack() as stack:
            if self._down:
                if not self._trying.acquire(blocking=False):
                    raise _unreachable("it was down a moment ago")
                stack.callback(self._trying.release)
            try:
                handle = psycopg.connect(
                    self._url, autocommit=True, row_factory=dict_row, connect_timeout=CONNECT_SECONDS
                )
            except psycopg.Error as error:
                self._down = True
                raise _unreachable(str(error)) from error
            self._down = False
            return handle


def _keep_others_out(handle: psycopg.Connection[dict[str, Any]], what: str) -> None:
    """Take the advisory lock for something; it is given back with the connection."""
    import psycopg

    number = int.from_bytes(hashlib.sha256(what.encode()).digest()[:8], signed=True)
    try:
        _Connection(handle).execute("SELECT pg_advisory_lock(?)", (number,))
    except psycopg.Error as error:
        raise _refused(error, handle) from error


def _refused(error: psycopg.Error, handle: psycopg.Connection[dict[str, Any]]) -> DatabaseError:
    """Return what an error of the engine means: that it is down, or goes down, or something else."""
    state = error.sqlstate or ""
    if handle.closed or state.startswith("08") or state in _GOING_DOWN:
        return _unreachable(str(error))
    return DatabaseError(f"PostgreSQL refused: {error}", "see its log")


def _unreachable(why: str) -> DatabaseUnreachableError:
    return DatabaseUnreachableError(f"cannot reach the database: {why}", "check the URL, and that PostgreSQL runs")


def _need_psycopg() -> None:
    try:
        import psycopg  # noqa: F401 - only whether it is there
    except ImportError as error:
        remedy = "install it: pip install 'mvsdk[postgresql]'"
        raise DatabaseError("PostgreSQL needs the package psycopg", remedy) from error


@cache
def _translated(sql: str) -> bytes:
    """Return a statement with PostgreSQL's placeholders; our statements have neither literals with ? nor with %."""
    return sql.replace("?", "%s").encode()
