"""Build, bundle and upload the application, and let a device run it.

\b
  $ mvsdk deploy
  uploaded blinky as KA5f0c...
  kitchen is to run it
  kitchen runs it

A BUNDLE that is there already is uploaded as it is. The device is the one that --device or MV_DEVICE_SID names; without
either, the cloud's only one. The command waits until the device has reported that it runs the
app; --no-wait comes back at once.

Exit status: 0 the device runs the app, 1 it could not, or took longer than --timeout.
"""

from __future__ import annotations

import contextlib
import sys
import time
from itertools import islice
from pathlib import Path
from typing import Any

import click

from mvsdk.cloud.client import CloudClient
from mvsdk.cloud.errors import UpdateError
from mvsdk_cli.cloud_client import cloud_client
from mvsdk_cli.console import json_option, print_json
from mvsdk_cli.durations import Duration

POLL_SECONDS = 0.25


@click.command("deploy", help=__doc__)
@click.argument("bundle", required=False, type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--device", envvar="MV_DEVICE_SID", metavar="DEVICE", help="SID or unique name; default: the only one.")
@click.option("--name", metavar="NAME", help="Unique name to give the app.")
@click.option("--wait/--no-wait", default=True, help="Wait until the device runs it.")
@click.option("--timeout", type=Duration(), default="5m", show_default=True, metavar="TIME", help="How long to wait.")
@json_option
@click.pass_context
def command(
    context: click.Context,
    bundle: Path | None,
    device: str | None,
    name: str | None,
    wait: bool,
    timeout: int,
    as_json: bool,
) -> None:
    """Let a device run the application."""
    client = cloud_client()
    if device is None:
        device = _only_device(client)
    else:
        client.get("v1", "Devices", device)  # a wrong name is told before anything is built
    bundle = bundle or _built(context, quietly=as_json)
    app = client.upload(bundle, **({"UniqueName": name} if name else {}))
    _say(f"uploaded {bundle} as {app['unique_name'] or app['sid']}", quietly=as_json)
    state = client.post("v1", "Devices", device, TargetApp=app["sid"])
    _say(f"{device} is to run it", quietly=as_json)
    if wait:
        state = _reported(client, device, app["sid"], timeout)
        _say(f"{device} runs it", quietly=as_json)
    if as_json:
        print_json({"app": app, "device": state})


def _only_device(client: CloudClient) -> str:
    """Return the name of the cloud's device, if it has one. Raises UpdateError."""
    names = [device["unique_name"] or device["sid"] for device in islice(client.listed("v1", "Devices"), 5)]
    if not names:
        raise UpdateError("the cloud has no device to deploy to", "make one: mvsdk device create NAME")
    if len(names) > 1:
        raise UpdateError(
            "the cloud has several devices", f"name one with --device, or in MV_DEVICE_SID: {', '.join(names)}, …"
        )
    return str(names[0])


def _built(context: click.Context, *, quietly: bool) -> Path:
    """Build and bundle the project around the current folder; return the bundle."""
    from mvsdk.project.configuration import Project
    from mvsdk_cli.commands import build, bundle

    project = Project.find(Path.cwd())
    with contextlib.redirect_stdout(sys.stderr) if quietly else contextlib.nullcontext():
        context.invoke(build.command)
        context.invoke(bundle.command)
    return project.elf.with_suffix(".zip")


def _reported(client: CloudClient, device: str, app: str, timeout_us: int) -> dict[str, Any]:
    """Return the device once it has reported the app. Raises UpdateError."""
    deadline = time.monotonic() + timeout_us / 1_000_000
    while True:
        state: dict[str, Any] = client.get("v1", "Devices", device)
        how_far = state["app"]
        if how_far["target_sid"] != app:
            raise UpdateError(f"{device} was given another app meanwhile", "deploy again")
        if how_far["update_status"] == "error":
            code = how_far["update_error_code"]
            raise UpdateError(f"{device} could not run the app: error {code}", f"see its log: mvsdk logs {device}")
        if how_far["reported_sid"] == app:
            return state
        if time.monotonic() >= deadline:
            raise UpdateError(
                f"{device} has not reported the app", "check that it is connected: mvsdk device list; or wait longer"
            )
        time.sleep(POLL_SECONDS)


def _say(text: str, *, quietly: bool) -> None:
    if not quietly:
        click.echo(text)
