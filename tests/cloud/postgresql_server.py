"""A PostgreSQL server from Debian's package, as an ordinary user's cluster on a socket in a folder."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ORDINARY_USER = "postgres"
"""Whom the package makes; PostgreSQL refuses to run as root."""


@dataclass
class PostgresqlServer:
    """A server that listens on a Unix socket in `folder`."""

    folder: Path
    user: str
    start: Callable[[], None]
    stop: Callable[[], None]
    """End it at once, with all of its connections."""
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def restart(self) -> None:
        """Stop it and start it again."""
        self.stop()
        self.start()

    def new_database(self) -> str:
        """Make an empty database and return its URL."""
        import psycopg

        name = f"cloud{next(self._numbers)}"
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self._url(name)

    def _url(self, name: str) -> str:
        return f"postgresql://{self.user}@/{name}?host={self.folder}"


@contextmanager
def postgresql_server(folder: Path) -> Iterator[PostgresqlServer]:
    """Run a server for as long as the context lasts. Without the programs, skip, except in CI."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not binaries and os.environ.get("CI") != "true":
        pytest.skip("needs PostgreSQL: install the package postgresql")
    assert binaries, "PostgreSQL is missing: install the package postgresql"
    as_user: list[str] = []
    user = pwd.getpwuid(os.getuid()).pw_name
    if os.getuid() == 0:
        user, as_user = ORDINARY_USER, ["runuser", "-u", ORDINARY_USER, "--"]
        # Its folder lies below one that only root may enter.
        folder = Path("/run/lock") / f"mvsdk-{os.getpid()}-postgresql"
        folder.mkdir(mode=0o755)
        shutil.chown(folder, user)
    data = folder / "data"
    control = str(binaries[-1] / "pg_ctl")

    def run(*command: str) -> None:
        subprocess.run([*as_user, *command], check=True, stdout=subprocess.DEVNULL, cwd="/")

    initdb = str(binaries[-1] / "initdb")
    run(initdb, "--no-sync", "--auth=trust", "--encoding=UTF8", "-D", str(data))
    options = f"-k {folder} -c listen_addresses= -c fsync=off"

    def start() -> None:
        run(control, "-D", str(data), "-w", "-l", str(folder / "log"), "-o", options, "start")

    def stop() -> None:
        run(control, "-D", str(data), "-m", "fast", "-w", "stop")

    start()
    try:
        yield PostgresqlServer(folder, user, start, stop)
    finally:
        run(control, "-D", str(data), "-m", "immediate", "-w", "stop")
        if as_user:
            shutil.rmtree(folder)
