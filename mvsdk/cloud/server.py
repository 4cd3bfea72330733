"""The server process: everything opened in order, served, and closed in the reverse order."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import signal
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mvsdk import boards
from mvsdk.cloud import rollouts
from mvsdk.cloud.blobs import open_blobs
from mvsdk.cloud.cloud import Cloud, wall_clock_us
from mvsdk.cloud.data_directory import DataDirectory
from mvsdk.cloud.database import Connection, open_database
from mvsdk.cloud.errors import AddressError
from mvsdk.cloud.listening import bind, is_loopback
from mvsdk.cloud.sealing import Seal
from mvsdk.cloud.store import accounts, records
from mvsdk.errors import CloudError
from mvsdk.keys import PublicKey

DEFAULT_PORT = 8000
FORGET_SECONDS = 600


@dataclass(frozen=True)
class Options:
    """How a server is started. Raises AddressError for an address that others can reach without TLS.

    `database_url` and `blobs` None are those in the folder. `signers` are trusted from the beginning, by name.
    """

    data: Path
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    database_url: str | None = None
    blobs: str | None = None
    certificate: Path | None = None
    certificate_key: Path | None = None
    names: tuple[str, ...] = ()
    signers: Mapping[str, PublicKey] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not is_loopback(self.host) and self.certificate is None:
            raise AddressError(
                f"{self.host} can be reached by other machines, and this server has no certificate",
                "give --tls-certificate and --tls-key, or stay on 127.0.0.1",
            )


@dataclass(frozen=True)
class Ready:
    """A server that listens. `new_account` is the SID and auth token of an account that was just made."""

    url: str
    new_account: tuple[str, str] | None


def serve(options: Options, ready: Callable[[Ready], None]) -> None:
    """Serve until SIGINT or SIGTERM; requests that were begun are finished. `ready` is called once it listens.

    Raises CloudError.
    """
    directory = DataDirectory(options.data)
    directory.lock()
    try:
        new_account = directory.prepare()
        with contextlib.closing(bind(options.host, options.port)) as listener:
            asyncio.run(_serve(options, directory, listener, new_account, ready))
    finally:
        directory.unlock()


@contextlib.asynccontextmanager
async def opened(
    options: Options, directory: DataDirectory, now_us: Callable[[], int] = wall_clock_us
) -> AsyncIterator[Cloud]:
    """Open the parts of the cloud in a folder that is locked and prepared; close them afterwards."""
    blobs = open_blobs(options.blobs or str(directory.path / "blobs"))
    database = open_database(options.database_url or directory.database_url)
    try:
        cloud = Cloud(
            database=database,
            blobs=blobs,
            seal=Seal(directory.sealing_key),
            signing_key=directory.signing_key,
            device_authority=directory.device_authority,
            board=boards.load(),
            signals=database.signals(),
            now_us=now_us,
        )
        begun_us = now_us()
        await database.write(lambda connection: _open_account(connection, directory, options.signers, begun_us))
        tasks = [asyncio.ensure_future(work(cloud)) for work in (_forget_old, rollouts.keep_evaluating)]
        try:
            yield cloud
        finally:
            cloud.signals.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    finally:
        await database.close()


async def _forget_old(cloud: Cloud) -> None:
    """Remove records that are kept no longer, now and then."""
    while True:
        with contextlib.suppress(CloudError):  # whatever is wrong with the database, requests tell it
            await cloud.database.write(functools.partial(records.forget_old, now_us=cloud.now_us()))
        await asyncio.sleep(FORGET_SECONDS)


def _open_account(
    connection: Connection, directory: DataDirectory, signers: Mapping[str, PublicKey], now_us: int
) -> None:
    """Make the account that the folder's credentials are of, unless it is there."""
    account, token = directory.credentials()
    if accounts.create(connection, account, token, now_us):  # another server may be at it in this moment
        accounts.trust(connection, account, signers)


async def _serve(
    options: Options,
    directory: DataDirectory,
    listener: socket.socket,
    new_account: tuple[str, str] | None,
    ready: Callable[[Ready], None],
) -> None:
    from mvsdk.cloud.http.application import LOCAL_HOSTS, application
    from mvsdk.cloud.http.web_server import Tls, WebServer

    scheme = "https" if options.certificate else "http"
    host, port = listener.getsockname()[:2]
    url = f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"

    def listening() -> None:
        directory.tell_server(url)
        ready(Ready(url, new_account))

    async with opened(options, directory) as cloud:
        app = application(cloud, hosts=[*LOCAL_HOSTS, options.host, *options.names])
        tls = None
        if options.certificate is not None:
            devices = cloud.device_authority.certificate_file
            tls = Tls(options.certificate, options.certificate_key, devices)
        server = WebServer(app, cloud.signals, listening, tls)
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, server.stop)
        await server.serve([listener])
