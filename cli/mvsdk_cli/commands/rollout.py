"""Let many devices run an app, stage by stage, as long as those that have it are well.

\b
  $ mvsdk rollout create heater-2.0 --cohort "tag=kitchen and app<2" --stages 1%,10%,50%,100% \\
      --gate "crash_rate < 1% and online > 95% for 10m" --abort-on "reverted > 2%" --rollback
  rollout RO5f0c...
  $ mvsdk rollout start RO5f0c...
  $ mvsdk rollout show RO5f0c...

A COHORT is an expression of tag=, name=, sid=, software=, wake= (also with !=), app and fact.NAME (also with < and >,
for versions), away (with < and >, for lengths of time such as 30d), online and all, joined by and, or, not and
parentheses. A GATE has to be true of the devices that are through with the update: crash_rate, online, reverted,
failed, updated, compared with a percentage, joined by and, and for so long. One that is not true pauses the rollout,
which says why and which devices; --abort-on ends it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mvsdk.cloud.client import CloudClient
from mvsdk_cli.cloud_client import cloud_client
from mvsdk_cli.console import json_option, print_json, print_table, printable, warn
from mvsdk_cli.durations import Duration
from mvsdk_cli.update_policy import policy_fields, policy_options

_ROLLOUTS = ("mvsdk", "v1", "Rollouts")
_BAR = 20


@click.group("rollout", help=__doc__)
def command() -> None:
    """Let many devices run an app, stage by stage."""


@command.command("create")
@click.argument("app")
@click.option("--cohort", required=True, metavar="EXPRESSION", help="Who gets it.")
@click.option("--stages", metavar="PERCENTS", help="Default: 1%,10%,50%,100%.")
@click.option("--gate", metavar="GATE", help="What has to be true to go on; default: failed < 5% and crash_rate < 5%.")
@click.option("--abort-on", metavar="CONDITIONS", help="What ends it; several are joined by or.")
@click.option("--rollback", is_flag=True, help="When it is aborted, give devices back what they were to run.")
@click.option(
    "--rollback-to",
    metavar="APP|FILE",
    help="What to point devices back to, in place of what each was to run: a bundle that devices take although its "
    "rollback counter is smaller (`mvsdk bundle --may-replace-counter`).",
)
@click.option(
    "--patience",
    type=Duration(),
    metavar="TIME",
    help="How long a stage waits for a device that is in touch, and for anybody to be; default: 24h.",
)
@click.option("--needs-approval", is_flag=True, help="Somebody else has to approve it before it starts.")
@policy_options
@click.option("--start", "start_now", is_flag=True, help="Start it too.")
@click.option("--dry-run", is_flag=True, help="Only list who would get it.")
@json_option
def create(
    app: str,
    cohort: str,
    stages: str | None,
    gate: str | None,
    abort_on: str | None,
    rollback: bool,
    rollback_to: str | None,
    patience: int | None,
    needs_approval: bool,
    trial_seconds: int | None,
    trial_needs_session: bool | None,
    bytes_per_hour: int | None,
    start_now: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Make a rollout of APP: a SID, a unique name, or a bundle (a file that ends in .zip), which is uploaded first. It
    begins when it is started.
    """
    client = cloud_client()
    app = _uploaded(client, app, as_json=as_json)
    rollback_to = _uploaded(client, rollback_to, as_json=as_json) if rollback_to else None
    plan = {"App": app, "Cohort": cohort, **({"Stages": stages} if stages else {})}
    plan |= {"RollbackTo": rollback_to} if rollback_to else {}
    if dry_run:
        _show_plan(client.get("mvsdk", "v1", "RolloutPreview", **plan), as_json=as_json)
        return
    fields = {
        **plan,
        "Gate": gate,
        "AbortOn": abort_on,
        "Rollback": "true" if rollback or rollback_to else None,
        "PatienceSeconds": None if patience is None else str(max(1, patience // 1_000_000)),
        "NeedsApproval": "true" if needs_approval else None,
        **policy_fields(trial_seconds, trial_needs_session, bytes_per_hour),
    }
    rollout = client.post(*_ROLLOUTS, **{name: value for name, value in fields.items() if value is not None})
    if start_now:
        rollout = client.post(*_ROLLOUTS, rollout["sid"], "Start")
    if as_json:
        print_json(rollout)
    else:
        click.echo(f"rollout {rollout['sid']}" + (" has begun" if start_now else ""))


@command.command("list")
@json_option
def list_rollouts(as_json: bool) -> None:
    """List all rollouts, newest first."""
    rollouts = list(cloud_client().listed(*_ROLLOUTS))
    if as_json:
        print_json(rollouts)
        return
    rows = [(one["sid"], one["state"], f"{one['stage']}/{len(one['stages'])}", one["cohort"]) for one in rollouts]
    print_table(("sid", "state", "stage", "cohort"), [(*row[:3], printable(row[3])) for row in rows])


@command.command("show")
@click.argument("sid")
@click.option("--devices", is_flag=True, help="List its devices too.")
@json_option
def show(sid: str, devices: bool, as_json: bool) -> None:
    """Show a rollout, how far its stages are, and why it stands still."""
    client = cloud_client()
    rollout = client.get(*_ROLLOUTS, sid)
    members = list(client.listed(*_ROLLOUTS, sid, "Devices")) if devices else None
    if as_json:
        print_json(rollout if members is None else {**rollout, "devices": members})
        return
    _render(rollout)
    if members is not None:
        click.echo()
        rows = [
            (one["unique_name"] or one["device_sid"], one["stage"], one["state"], printable(one["reason"]))
            for one in members
        ]
        print_table(("device", "stage", "state", "reason"), rows)


def _add_action(name: str, about: str) -> None:
    """Give the group a command that does one thing with a rollout."""

    @command.command(name, help=about)
    @click.argument("sid")
    @json_option
    def act(sid: str, as_json: bool) -> None:
        _done(cloud_client().post(*_ROLLOUTS, sid, name.capitalize()), as_json=as_json)


_add_action("start", "Settle who is in it, and begin.")
_add_action("pause", "Give the app to no further devices.")
_add_action("resume", "Go on; devices that are not well now are counted no longer.")
_add_action("approve", "Approve a rollout that somebody else has made.")


@command.command("abort")
@click.argument("sid")
@click.option("--rollback/--no-rollback", default=None, help="Give devices back what they ran; default: as made.")
@click.option(
    "--rollback-to", metavar="APP|FILE", help="What to point devices back to, in place of what each was to run."
)
@json_option
def abort(sid: str, rollback: bool | None, rollback_to: str | None, as_json: bool) -> None:
    """End a rollout. With --rollback nothing happens unless all devices that have kept the app would go back."""
    client = cloud_client()
    fields = {} if rollback is None else {"Rollback": str(rollback).lower()}
    if rollback_to:
        fields |= {"Rollback": "true", "RollbackTo": _uploaded(client, rollback_to, as_json=as_json)}
    _done(client.post(*_ROLLOUTS, sid, "Abort", **fields), as_json=as_json)


def _uploaded(client: CloudClient, app: str, *, as_json: bool) -> str:
    """Return how the cloud calls an app; a bundle is uploaded."""
    if not app.endswith(".zip"):
        return app
    if not Path(app).is_file():
        raise click.UsageError(f"File '{app}' does not exist.")
    made = client.upload(Path(app))
    if not as_json:
        click.echo(f"uploaded {app} as {made['unique_name'] or made['sid']}")
    return str(made["sid"])


def _done(rollout: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(rollout)
    else:
        _render(rollout)


def _render(rollout: dict[str, Any]) -> None:
    shown = ("sid", "state", "reason", "app_sid", "cohort", "gate", "abort_on", "created_by", "approved_by")
    rows: list[tuple[object, ...]] = [(name, printable(str(rollout[name]))) for name in shown if rollout[name]]
    if rollout["rollback"]:
        rows.append(("rolls back to", rollout["rollback_to_sid"] or "what each device was to run"))
    rows.append(("patience", f"{rollout['patience_seconds'] / 3600:g} h"))
    rows += [(name.replace("_", " "), value) for name, value in rollout["policy"].items() if value is not None]
    print_table(("", ""), rows)
    click.echo()
    rows = []
    for number, stage in enumerate(rollout["stages"], 1):
        over = stage["updated"] + stage["reverted"] + stage["error"]
        filled = _BAR * over // stage["devices"] if stage["devices"] else 0
        bar = "█" * filled + "·" * (_BAR - filled)
        failed = stage["reverted"] + stage["error"]
        rows.append((number, f"{stage['percent']:g}%", bar, stage["devices"], stage["given"], stage["updated"], failed))
    print_table(("stage", "of all", "", "devices", "on the way", "updated", "failed"), rows)


def _show_plan(plan: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(plan)
        return
    print_table(("stage", "device"), [(one["stage"], one["unique_name"] or one["sid"]) for one in plan["devices"]])
    more = plan["count"] - len(plan["devices"])
    click.echo(f"{plan['count']} devices would get it" + (f"; {more} of them are not shown" if more else ""))
    if plan["no_way_back"]:
        warn(plan["no_way_back"])
