"""Show what a DEVICE of the cloud has logged, and what it logs next.

\b
  $ mvsdk logs kitchen
  $ mvsdk logs kitchen --follow --since 10m
  $ mvsdk logs kitchen --follow --until ready      # exit status 0 once a line has "ready" in it

--follow asks the cloud for the device's log, which it then sends for 24 hours. A connection that breaks is made again,
and nothing is missed; what was kept too long ago is said to be missing. DEVICE is a SID or a unique name.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterator
from typing import Any

import click

from mvsdk.cloud.client import CloudClient
from mvsdk_cli.cloud_client import cloud_client
from mvsdk_cli.console import json_option, print_json, printable
from mvsdk_cli.durations import Duration


@click.command("logs", help=__doc__)
@click.argument("device")
@click.option("--follow", "-f", is_flag=True, help="Go on with what comes.")
@click.option("--since", type=Duration(), metavar="TIME", help="Begin so long ago: 10m, 2h; default: all there is.")
@click.option("--until", metavar="TEXT", help="Follow until a line contains TEXT.")
@json_option
def command(device: str, follow: bool, since: int | None, until: str | None, as_json: bool) -> None:
    """Show what a device has logged."""
    client = cloud_client()
    query = {} if since is None else {"Since": str(max(0, time.time_ns() // 1000 - since))}
    if follow or until is not None:
        client.post("v1", "Devices", device, LoggingEnabled="true")
        records = _followed(client, device, query)
    else:
        records = _kept(client, device, query)
    for record in records:
        _render(record, as_json=as_json)
        if until is not None and record["kind"] == "log" and until in record["text"]:
            return


def _followed(client: CloudClient, device: str, query: dict[str, str]) -> Iterator[dict[str, Any]]:
    for kind, record in client.followed("mvsdk", "v1", "Devices", device, "Logs", Follow="true", **query):
        yield {"kind": kind, **record}


def _kept(client: CloudClient, device: str, query: dict[str, str]) -> Iterator[dict[str, Any]]:
    while True:
        page = client.get("mvsdk", "v1", "Devices", device, "Logs", **query)
        if page["missing"]:
            yield {"kind": "gap", "missing": page["missing"]}
        yield from page["records"]
        if not page["records"]:
            return
        query = {"After": str(page["last_cursor"])}


def _render(record: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(record)
        return
    if record["kind"] == "gap":
        count = record.get("missing", record.get("text"))
        click.echo(click.style(f"… {count} records are gone", fg="yellow"))
        return
    moment = datetime.datetime.fromtimestamp(record["time_us"] / 1_000_000, tz=datetime.UTC).astimezone()
    text = printable(record["text"])
    if record["kind"] == "start":
        text = click.style(f"started: {text}", fg="green")
    elif record["kind"] == "crash":
        text = click.style(f"crashed: {text}", fg="red")
    click.echo(f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03} {text}")
