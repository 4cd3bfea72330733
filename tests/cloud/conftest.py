"""A cloud that listens, for tests that talk to it as clients do."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
import requests
from twilio.rest import Client

from mvsdk.cloud import passwords
from mvsdk.cloud.cloud import Cloud, wall_clock_us
from mvsdk.cloud.data_directory import DataDirectory
from mvsdk.cloud.database import Connection
from mvsdk.cloud.http.application import LOCAL_HOSTS, application
from mvsdk.cloud.http.web_server import WebServer
from mvsdk.cloud.listening import bind
from mvsdk.cloud.server import Options, opened
from mvsdk.cloud.store import devices
from mvsdk.keys import SigningKey
from tests.cloud.postgresql_server import PostgresqlServer, postgresql_server

TOKEN = "0" * 64
"""What every device made by `new_device` shows."""


@dataclass
class RunningCloud:
    """A cloud on a loopback port, with the credentials of its account, and a key whose bundles it takes."""

    url: str
    account: str
    token: str
    developer: SigningKey
    write: Callable[[Callable[[Connection], Any]], Any]
    """Carry out a piece of writing in the cloud's database."""

    @property
    def auth(self) -> tuple[str, str]:
        """Credentials, as `requests` wants them."""
        return self.account, self.token

    def call(self, method: str, path: str, **options: object) -> requests.Response:
        """Make an authenticated request."""
        return requests.request(method, self.url + path, auth=self.auth, timeout=30, **options)  # type: ignore[arg-type]

    def client(self) -> Client:
        """Return the original API's client, pointed here."""
        client = Client(self.account, self.token)
        client.microvisor.base_url = self.url
        return client

    def new_device(self, unique_name: str | None = None) -> str:
        """Make a device and return its SID."""
        row = self.write(lambda connection: devices.add(connection, self.account, unique_name, TOKEN, 1_000_000))
        sid: str = row["sid"]
        return sid

    def let_in(self, sid: str) -> None:
        """Let a device that was made otherwise show the token that `new_device` gives."""
        self.write(
            lambda connection: (
                connection.execute(
                    "UPDATE devices SET token = ? WHERE sid = ?", (passwords.digest(TOKEN), sid)
                ).rowcount
            )
        )

    def rows(self, sql: str, *parameters: str) -> list[dict[str, Any]]:
        """Return what a statement finds."""
        found = self.write(lambda connection: [dict(row) for row in connection.execute(sql, parameters).fetchall()])
        return cast("list[dict[str, Any]]", found)

    def change(self, sql: str, *parameters: str | int) -> None:
        """Carry out a statement."""
        self.write(lambda connection: connection.execute(sql, parameters).rowcount)


@contextmanager
def running_cloud(
    path: Path,
    database_url: str | None = None,
    blobs: str | None = None,
    alter: Callable[[Cloud], Cloud] = lambda cloud: cloud,
    now_us: Callable[[], int] = wall_clock_us,
) -> Iterator[RunningCloud]:
    """Run a cloud in a folder for as long as the context lasts. `alter` may give it other parts."""
    directory = DataDirectory(path)
    directory.lock()
    directory.prepare()
    developer = SigningKey.generate()
    signers = {"developer": developer.public}
    options = Options(directory.path, database_url=database_url, blobs=blobs, signers=signers)
    listener = bind("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    listening = threading.Event()
    running: list[tuple[WebServer, asyncio.AbstractEventLoop, Cloud]] = []

    async def serve() -> None:
        async with opened(options, directory, now_us) as whole:
            cloud = alter(whole)
            server = WebServer(application(cloud, hosts=LOCAL_HOSTS), cloud.signals, listening.set)
            running.append((server, asyncio.get_running_loop(), cloud))
            await server.serve([listener])

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert listening.wait(30)
    server, loop, opened_cloud = running[0]

    def write(work: Callable[[Connection], Any]) -> Any:  # noqa: ANN401 - whatever the work returns
        return asyncio.run_coroutine_threadsafe(opened_cloud.database.write(work), loop).result(30)

    account, token = directory.credentials()
    try:
        yield RunningCloud(url, account, token, developer, write)
    finally:
        loop.call_soon_threadsafe(server.stop)
        thread.join()
        listener.close()
        directory.unlock()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str | None:
    """The URL of an empty database, one engine after the other; None is the file in the cloud's own folder."""
    if request.param == "sqlite":
        return None
    server: PostgresqlServer = request.getfixturevalue("postgresql")
    return server.new_database()


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresqlServer]:
    """A PostgreSQL server of our own."""
    with postgresql_server(tmp_path_factory.mktemp("postgresql")) as server:
        yield server


@pytest.fixture
def cloud(tmp_path: Path, database_url: str | None) -> Iterator[RunningCloud]:
    """A fresh cloud, on either engine."""
    with running_cloud(tmp_path / "cloud", database_url) as cloud:
        yield cloud


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """Return an environment in which nothing of mvsdk exists yet."""
    return {**os.environ, "MVSDK_HOME": str(tmp_path / "home"), "MVSDK_CLOUD_DATA": str(tmp_path / "cloud")}
