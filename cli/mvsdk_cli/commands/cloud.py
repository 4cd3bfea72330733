"""Run the local cloud: apps, devices, config and secrets, behind the Microvisor REST API.

\b
  $ mvsdk cloud start --detach
  the cloud listens at http://127.0.0.1:8000
  $ mvsdk cloud status
  $ mvsdk cloud stop

Everything it keeps lies in one folder (--data, or MVSDK_CLOUD_DATA). The other commands find the cloud of this machine
by themselves, or the one that MVSDK_CLOUD_URL, MVSDK_CLOUD_ACCOUNT and MVSDK_CLOUD_TOKEN name.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mvsdk_cli import update_policy
from mvsdk_cli.cloud_access import key_group, signer_group, user_group
from mvsdk_cli.console import json_option, print_json, print_table, warn

if TYPE_CHECKING:
    from mvsdk.cloud.data_directory import DataDirectory
    from mvsdk.cloud.server import Ready

_PASSED_ON = ("host", "port", "database", "blobs", "tls_certificate", "tls_key", "name")
START_SECONDS = 30
"""For how long a detached server may take to listen."""

_data = click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help="Where the cloud keeps everything."
)


@click.group("cloud", help=__doc__)
def command() -> None:
    """Run the local cloud."""


command.add_command(key_group)
command.add_command(user_group)
command.add_command(signer_group)
command.add_command(update_policy.command)


def _directory(data: Path | None) -> DataDirectory:
    from mvsdk.cloud.data_directory import DataDirectory, default_path

    return DataDirectory(data or default_path(os.environ))


@command.command("start")
@_data
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; others need a certificate.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="Port; 0 takes a free one."
)
@click.option("--database", metavar="URL", help="postgresql://…; without it a file in the data folder.")
@click.option("--blobs", metavar="URL", help="s3://BUCKET/PREFIX?endpoint=URL; without it files in the data folder.")
@click.option(
    "--tls-certificate", type=click.Path(path_type=Path, exists=True), metavar="FILE", help="PEM certificate."
)
@click.option("--tls-key", type=click.Path(path_type=Path, exists=True), metavar="FILE", help="Its private key, PEM.")
@click.option("--name", multiple=True, metavar="HOST", help="Host name that clients use too; repeatable.")
@click.option("--detach", is_flag=True, help="Come back once the cloud listens, and let it run on.")
@click.option("--silent", is_flag=True, hidden=True, help="Print nothing: the output goes to a log.")
@json_option
@click.pass_context
def start(
    context: click.Context,
    data: Path | None,
    host: str,
    port: int,
    database: str | None,
    blobs: str | None,
    tls_certificate: Path | None,
    tls_key: Path | None,
    name: tuple[str, ...],
    detach: bool,
    silent: bool,
    as_json: bool,
) -> None:
    """Start the cloud. The first start makes an account and prints its credentials, once."""
    directory = _directory(data)
    show = _telling(as_json=as_json)
    if detach:
        _start_detached(directory, show, context.params)
        return
    from mvsdk.cloud.server import Options, serve
    from mvsdk_cli.keyring import keyring

    options = Options(
        data=directory.path,
        host=host,
        port=port,
        database_url=database,
        blobs=blobs,
        certificate=tls_certificate,
        certificate_key=tls_key,
        names=name,
        signers=keyring().trusted(),
    )
    serve(options, _tell_nothing if silent else show)


def _tell_nothing(ready: Ready) -> None:
    """Credentials do not belong into a log, and whoever waits reads the rest from the data folder."""


def _telling(*, as_json: bool) -> Callable[[Ready], None]:
    def tell(ready: Ready) -> None:
        if as_json:
            account, token = ready.new_account or (None, None)
            print_json({"url": ready.url, "account_sid": account, "auth_token": token})
        else:
            click.echo(f"the cloud listens at {ready.url}")
            if ready.new_account:
                account, token = ready.new_account
                click.echo(f"new account {account}, auth token {token}")
                click.echo("the commands find them by themselves; `mvsdk cloud status --show-credentials` shows them")
        sys.stdout.flush()

    return tell


def _start_detached(directory: DataDirectory, show: Callable[[Ready], None], options: Mapping[str, Any]) -> None:
    """Start this command again in a session of its own, and wait until it listens or ends."""
    from mvsdk.cloud.errors import StartError
    from mvsdk.cloud.server import Ready

    first = not (directory.path / "cloud.json").exists()
    directory.path.mkdir(mode=0o700, parents=True, exist_ok=True)
    log = directory.path / "server.log"
    arguments = ["cloud", "start", "--silent", "--data", str(directory.path)]
    for name in _PASSED_ON:
        value = options[name]
        for one in value if isinstance(value, tuple) else [] if value is None else [value]:
            arguments += [f"--{name.replace('_', '-')}", str(one)]
    with log.open("ab") as output:
        begun = output.tell()
        process = subprocess.Popen(
            [sys.executable, "-c", "from mvsdk_cli.main import main; main()", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        server = directory.server()
        if server and server["pid"] == process.pid:
            show(Ready(server["url"], directory.credentials() if first else None))
            return
        if process.poll() is not None:
            break
        time.sleep(0.02)
    process.terminate()
    said = log.read_bytes()[begun:].decode(errors="replace").strip() or "it said nothing"
    raise StartError(f"the cloud did not start: {said}", f"see {log}")


@command.command("stop")
@_data
@json_option
def stop(data: Path | None, as_json: bool) -> None:
    """Stop the cloud of this machine; requests that were begun are finished."""
    from mvsdk.cloud.errors import NotReachableError

    directory = _directory(data)
    server = directory.server()
    if not directory.stop_server():
        raise NotReachableError(f"no cloud runs on {directory.path}", "`mvsdk cloud start` starts one")
    if as_json:
        print_json({"stopped": server["url"] if server else None})


@command.command("status")
@click.option("--show-credentials", is_flag=True, help="Show the auth token too.")
@json_option
def status(show_credentials: bool, as_json: bool) -> None:
    """Say where the cloud is and what it holds."""
    from mvsdk_cli.cloud_client import cloud_client

    client = cloud_client()
    document = {"url": client.url, **client.get("mvsdk", "v1", "Status")}
    if show_credentials:
        document["auth_token"] = client.token
    if as_json:
        print_json(document)
        return
    counts = document.pop("counts")
    print_table(("", ""), [*document.items(), *counts.items()])


@command.command("backup")
@click.argument("archive", type=click.Path(path_type=Path, dir_okay=False))
@_data
def backup(archive: Path, data: Path | None) -> None:
    """Write everything the cloud keeps in its folder into one ARCHIVE, keys too; the cloud may run meanwhile.

    Rows that are in PostgreSQL, and layers that are in a bucket, are for their own tools to back up.
    """
    from mvsdk.cloud.backup import back_up

    missing = back_up(_directory(data), archive)
    if missing:
        warn(f"{missing} layers are not in the folder; if they are in a bucket, back that up too")


@command.command("restore")
@click.argument("archive", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@_data
def restore(archive: Path, data: Path | None) -> None:
    """Make a new data folder from an ARCHIVE."""
    from mvsdk.cloud import backup as backups

    backups.restore(archive, _directory(data))


@command.command("logs")
@_data
def logs(data: Path | None) -> None:
    """Show what a detached cloud has said about itself."""
    from mvsdk.cloud.errors import NotReachableError

    path = _directory(data).path / "server.log"
    if not path.exists():
        raise NotReachableError(f"no cloud was started detached on {path.parent}", "mvsdk cloud start --detach")
    click.echo(path.read_text(encoding="utf-8", errors="replace"), nl=False)
