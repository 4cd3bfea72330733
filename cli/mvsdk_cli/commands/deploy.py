"""Build, bundle and upload the application, and let devices run it.

\b
  $ mvsdk deploy
  uploaded blinky as KA5f0c...
  kitchen is to run it
  kitchen: downloading, 2.1 of 4.3 kB (change only), 41.2 kB reused
  kitchen: trial
  kitchen runs it

A bundle (a file that ends in .zip) is uploaded as it is, in place of what would be built here. Each DEVICE is a SID or
unique name. Without any it is the one that --device or MV_DEVICE_SID names; without either, the cloud's only one.
The command waits until every device has kept the app, and says how far each is; --no-wait comes back at once.

Exit status: 0 all devices run the app, 1 one could not, went back, or took longer than --timeout.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import click

from mvsdk.cloud.client import CloudClient
from mvsdk.cloud.errors import UpdateError
from mvsdk_cli.cloud_client import cloud_client
from mvsdk_cli.console import json_option, print_json, printable
from mvsdk_cli.durations import Duration
from mvsdk_cli.update_policy import policy_fields, policy_options

POLL_SECONDS = 0.25
_STEPS = 4
"""Into how many parts a download is divided for telling how far it is."""


@click.command("deploy", help=__doc__)
@click.argument("targets", nargs=-1, metavar="[BUNDLE.zip] [DEVICE]...")
@click.option("--device", envvar="MV_DEVICE_SID", metavar="DEVICE", help="SID or unique name; default: the only one.")
@click.option("--name", metavar="NAME", help="Unique name to give the app.")
@click.option("--wait/--no-wait", default=True, help="Wait until the devices run it.")
@click.option("--timeout", type=Duration(), default="5m", show_default=True, metavar="TIME", help="How long to wait.")
@policy_options
@json_option
@click.pass_context
def command(
    context: click.Context,
    targets: tuple[str, ...],
    device: str | None,
    name: str | None,
    wait: bool,
    timeout: int,
    trial_seconds: int | None,
    trial_needs_session: bool | None,
    bytes_per_hour: int | None,
    as_json: bool,
) -> None:
    """Let devices run the application."""
    bundle, named = _sorted(targets)
    client = cloud_client()
    names = named or [device or _only_device(client)]
    sids = {client.get("v1", "Devices", one)["sid"]: one for one in names}  # a wrong one is told before a build
    bundle = bundle or _built(context, quietly=as_json)
    app = client.upload(bundle, **({"UniqueName": name} if name else {}))
    _say(f"uploaded {bundle} as {app['unique_name'] or app['sid']}", quietly=as_json)
    policy = policy_fields(trial_seconds, trial_needs_session, bytes_per_hour)
    for sid, shown in sids.items():
        client.post("mvsdk", "v1", "Devices", sid, "Target", App=app["sid"], **policy)
        _say(f"{shown} is to run it", quietly=as_json)
    if wait:
        _Waiting(client, app["sid"], sids, quietly=as_json).wait(timeout)
    if as_json:
        print_json({"app": app, "devices": [client.get("v1", "Devices", sid) for sid in sids]})


def _sorted(targets: Sequence[str]) -> tuple[Path | None, list[str]]:
    """Return the bundle among the arguments, and the devices."""
    bundles = [Path(target) for target in targets if target.endswith(".zip")]
    if len(bundles) > 1:
        raise click.UsageError(f"There are two bundles: {bundles[0]} and {bundles[1]}.")
    for bundle in bundles:
        if not bundle.is_file():
            raise click.UsageError(f"File '{bundle}' does not exist.")
    return (bundles[0] if bundles else None), [target for target in targets if not target.endswith(".zip")]


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


class _Waiting:
    """Waits for devices, each SID with the name it was called by, and tells what changes of them."""

    def __init__(self, client: CloudClient, app: str, devices: dict[str, str], *, quietly: bool) -> None:
        self._client = client
        self._app = app
        self._devices = devices
        self._quietly = quietly
        self._told: dict[str, str] = {}

    def wait(self, timeout_us: int) -> None:
        """Return once all devices have kept the app. Raises UpdateError when all are done, or time is up."""
        deadline = time.monotonic() + timeout_us / 1_000_000
        while True:
            states = {sid: state for sid, state in self._states() if sid in self._devices}
            for sid, state in states.items():
                self._tell(sid, state)
            failed = {sid: why for sid, state in states.items() if (why := self._failure(state))}
            waiting = [sid for sid, state in states.items() if sid not in failed and state["state"] != "confirmed"]
            if failed and not waiting:
                what = "; ".join(f"{self._devices[sid]} {why}" for sid, why in failed.items())
                raise UpdateError(what, f"see its log: mvsdk logs {self._devices[next(iter(failed))]}")
            if not waiting:
                return
            if time.monotonic() >= deadline:
                names = ", ".join(self._devices[sid] for sid in waiting)
                remedy = "check that it is connected: mvsdk device list; or wait longer"
                raise UpdateError(f"{names} has not reported the app", remedy)
            time.sleep(POLL_SECONDS)

    def _states(self) -> list[tuple[str, dict[str, Any]]]:
        if len(self._devices) == 1:
            [sid] = self._devices
            return [(sid, self._client.get("mvsdk", "v1", "Devices", sid, "Update"))]
        return [(state["device_sid"], state) for state in self._client.get("mvsdk", "v1", "Updates")["updates"]]

    def _failure(self, state: dict[str, Any]) -> str | None:
        """Return why a device will not run the app, or None."""
        reason = f": {printable(state['reason'])}" if state["reason"] else ""
        if state["target_sid"] != self._app:
            return "was given another app meanwhile"
        if state["state"] == "reverted":
            return f"went back to what it ran before (error {state['error_code']}){reason}"
        if state["state"] == "error":
            return f"could not run the app: error {state['error_code']}{reason}"
        return None

    def _tell(self, sid: str, state: dict[str, Any]) -> None:
        name, what = self._devices[sid], _described(state)
        if state["state"] == "confirmed":
            line, mark = f"{name} runs it", "confirmed"
        else:
            line, mark = f"{name}: {what}", state["state"]
            if state["state"] == "downloading":
                mark += str(_STEPS * state["bytes_done"] // max(1, state["bytes_total"]))
        if self._told.get(sid, "pending") != mark:
            _say(line, quietly=self._quietly)
        self._told[sid] = mark


def _described(state: dict[str, Any]) -> str:
    """Return how far a device is, in words."""
    if state["state"] == "downloading":
        how = " (change only)" if state["delta"] else ""
        done, total, reused = (state[f"bytes_{name}"] / 1000 for name in ("done", "total", "reused"))
        return f"downloading, {done:.1f} of {total:.1f} kB{how}" + (f", {reused:.1f} kB reused" if reused else "")
    return "waiting for the application" if state["state"] == "waiting" else str(state["state"])


def _say(text: str, *, quietly: bool) -> None:
    if not quietly:
        click.echo(text)
