"""What the two engines promise, and what is built on it."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from mvsdk.cloud.database import Connection, Database, migrations, open_database
from mvsdk.cloud.database.postgresql import WORDS as postgresql_words  # noqa: N811 - one of two
from mvsdk.cloud.database.sqlite import WORDS as sqlite_words  # noqa: N811 - one of two
from mvsdk.cloud.errors import DatabaseError, DatabaseUnreachableError
from mvsdk.cloud.store import accounts, audit, commands, devices
from tests.cloud.postgresql_server import PostgresqlServer

ACCOUNT = "AC" + "0" * 32


@pytest.fixture
def url(tmp_path: Path, database_url: str | None) -> str:
    """The URL of an empty database of either engine."""
    return database_url or f"sqlite:///{tmp_path / 'rows.sqlite'}"


def using(url: str, work: Callable[[Database], Coroutine[Any, Any, None]]) -> None:
    """Do something with an open database."""

    async def use() -> None:
        database = open_database(url)
        try:
            await work(database)
        finally:
            await database.close()

    asyncio.run(use())


def entry(number: int) -> Callable[[Connection], None]:
    """Return the writing of one audit entry."""
    return lambda connection: audit.record(connection, ACCOUNT, number, "somebody", "did", str(number))


def test_first_entries_of_an_audit_do_not_break_each_other(url: str) -> None:
    """Entries written at once, the very first ones too, make one whole chain."""

    async def work(database: Database) -> None:
        await asyncio.gather(*[database.write(entry(number)) for number in range(40)])
        assert await database.snapshot(audit.first_broken) is None

    using(url, work)


def test_an_audit_is_verified_as_it_was_at_one_moment(url: str) -> None:
    """Entries that come while the chain is being read are no sign of tampering."""

    async def work(database: Database) -> None:
        await database.write(entry(0))
        loop = asyncio.get_running_loop()

        def look(connection: Connection) -> tuple[int | None, int]:
            before = audit.first_broken(connection)
            asyncio.run_coroutine_threadsafe(database.write(entry(1)), loop).result(30)
            row = connection.execute("SELECT count(*) AS count FROM audit").fetchone()
            assert row is not None
            assert audit.first_broken(connection) == before
            return before, row["count"]

        assert await database.snapshot(look) == (None, 1)

    using(url, work)


def test_only_one_at_a_time_is_exclusive(url: str) -> None:
    """Whoever wants the same thing, in this server or another one, waits; whoever wants another thing does not."""
    inside, most = 0, 0

    async def enter(database: Database, what: str) -> None:
        nonlocal inside, most
        async with database.exclusively(what):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    async def work(database: Database) -> None:
        other = open_database(url) if url.startswith("postgresql") else database
        await asyncio.gather(*[enter(one, "layers") for one in (database, other) for _ in range(10)])
        assert most == 1
        async with database.exclusively("layers"), database.exclusively("something else"):
            pass
        if other is not database:
            await other.close()

    using(url, work)


def test_numbers_of_commands_are_never_given_again(url: str) -> None:
    """Not by a clock that went back, nor by a database that knows less than the device."""

    async def work(database: Database) -> None:
        def command(connection: Connection, sid: str, now_us: int) -> int:
            commands.add(connection, sid, commands.RESTART, now_us)
            return int(commands.waiting(connection, sid)[-1]["number"])

        def all_of_it(connection: Connection) -> None:
            accounts.create(connection, ACCOUNT, "token", 1)
            sid = devices.add(connection, ACCOUNT, None, "token", 1)["sid"]
            first, second = command(connection, sid, 1000), command(connection, sid, 500)
            assert first < second
            commands.done(connection, sid, 10**15)
            assert commands.waiting(connection, sid) == []
            assert command(connection, sid, 2000) > 10**15

        await database.write(all_of_it)

    using(url, work)


def test_two_servers_may_start_at_once(postgresql: PostgresqlServer) -> None:
    """Both find the tables and the account made, whoever made them."""
    url = postgresql.new_database()
    new: list[bool] = []
    together = threading.Barrier(4)

    def start() -> None:
        together.wait()

        async def work(database: Database) -> None:
            new.append(await database.write(lambda connection: accounts.create(connection, ACCOUNT, "token", 1)))

        using(url, work)

    servers = [threading.Thread(target=start) for _ in range(4)]
    for server in servers:
        server.start()
    for server in servers:
        server.join()
    assert sorted(new) == [False, False, False, True]


def test_a_restarted_postgresql_costs_nobody_a_request(postgresql: PostgresqlServer) -> None:
    """Connections that ended while they were idle are made anew before anything is asked of them."""

    async def work(database: Database) -> None:
        def ask(connection: Connection) -> None:
            together.wait(30)  # so that every thread has a connection
            connection.execute("SELECT 1")

        for _ in range(2):
            together = threading.Barrier(8)
            await asyncio.gather(*[database.read(ask) for _ in range(8)])
            await asyncio.to_thread(postgresql.restart)
        async with database.exclusively("layers"):
            await database.write(entry(1))

    using(postgresql.new_database(), work)


def test_a_postgresql_that_is_down_is_an_error_of_its_own(postgresql: PostgresqlServer) -> None:
    """Work, and keeping others out, raise it as long as the server is down, and are done when it is up again."""

    async def work(database: Database) -> None:
        await database.write(entry(1))
        await asyncio.to_thread(postgresql.stop)
        try:
            for _ in range(20):
                with pytest.raises(DatabaseUnreachableError):
                    await database.write(entry(2))
            with pytest.raises(DatabaseUnreachableError):
                async with database.exclusively("layers"):
                    pass
        finally:
            await asyncio.to_thread(postgresql.start)
        async with database.exclusively("layers"):
            await database.write(entry(3))
        rows = await database.read(lambda connection: connection.execute("SELECT subject FROM audit").fetchall())
        assert [row["subject"] for row in rows] == ["1", "3"]

    using(postgresql.new_database(), work)


def test_work_that_was_begun_is_not_done_twice(postgresql: PostgresqlServer) -> None:
    """A connection that breaks in the middle of work is an error of that work, and of no other."""
    begun = []

    async def work(database: Database) -> None:
        def break_it(connection: Connection) -> None:
            begun.append(1)
            connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")

        with pytest.raises(DatabaseError):
            await database.write(break_it)
        await database.write(entry(1))

    using(postgresql.new_database(), work)
    assert begun == [1]


def test_the_writer_outlives_whatever_happens_to_its_handle(tmp_path: Path) -> None:
    """A write after whose failure nothing can even be undone fails alone; the next one is carried out."""

    async def work(database: Database) -> None:
        await database.write(entry(1))

        def break_it(connection: Connection) -> None:
            entry(2)(connection)
            connection.handle.close()  # type: ignore[attr-defined]
            raise sqlite3.OperationalError("disk I/O error")

        with pytest.raises(DatabaseError):
            await database.write(break_it)
        await database.write(entry(3))
        rows = await database.read(lambda connection: connection.execute("SELECT subject FROM audit").fetchall())
        assert [row["subject"] for row in rows] == ["1", "3"]

    using(f"sqlite:///{tmp_path / 'rows.sqlite'}", work)


def test_a_database_of_an_earlier_version_is_brought_up_to_date(url: str) -> None:
    """What it held is there afterwards: an audit trail that goes on, and a command that its device still has to do."""
    folder = Path(str(migrations.__file__)).with_name("migrations")
    earlier = [text.read_text(encoding="utf-8") for text in sorted(folder.glob("000[12]*.sql"))]
    device = "UV" + "1" * 32

    async def go_back(database: Database) -> None:
        def as_it_was(connection: Connection) -> None:
            later = ["new_keys", "rollout_devices", "rollouts", "facts", "tags", "updates", "deltas", "device_apps"]
            tables = ["schema_version", "commands", "records", "configs", "secrets", "devices", "layers", "apps"]
            for table in (*later, *tables, "signers", "api_keys", "users", "audit", "audit_head", "accounts"):
                connection.execute(f"DROP TABLE {table}")
            connection.execute("CREATE TABLE schema_version (version BIGINT NOT NULL)")
            connection.execute("INSERT INTO schema_version (version) VALUES (2)")
            for script in earlier:
                for statement in migrations.statements(script, words):
                    connection.execute(statement)
            accounts.create(connection, ACCOUNT, "token", 1)
            connection.execute("INSERT INTO audit_head (hash) VALUES (?)", (bytes(32),))
            devices_before = (
                "INSERT INTO devices (sid, account_sid, token, created_us, updated_us) VALUES (?, ?, ?, 1, 1)"
            )
            connection.execute(devices_before, (device, ACCOUNT, b""))
            connection.execute(
                "INSERT INTO commands (device_sid, kind, created_us) VALUES (?, 'restart', 1)", (device,)
            )
            entry(1)(connection)

        await database.write(as_it_was)

    async def look(database: Database) -> None:
        def found(connection: Connection) -> None:
            assert [row["number"] for row in commands.waiting(connection, device)] == [1]
            commands.add(connection, device, commands.RESTART, 0)
            assert [row["number"] for row in commands.waiting(connection, device)] == [1, 2]
            entry(2)(connection)

        await database.write(found)
        assert await database.snapshot(audit.first_broken) is None

    words = postgresql_words if url.startswith("postgresql") else sqlite_words
    using(url, go_back)
    using(url, look)
