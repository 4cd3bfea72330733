"""How devices are to update themselves, as options that several commands have; and `mvsdk cloud update-policy`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from mvsdk_cli.cloud_client import cloud_client
from mvsdk_cli.console import json_option, print_json, print_table

_F = TypeVar("_F", bound=Callable[..., Any])
_PLACE = ("mvsdk", "v1", "UpdatePolicy")


def policy_options(function: _F) -> _F:
    """Give a command the options; they arrive as `trial_seconds`, `trial_needs_session` and `bytes_per_hour`."""
    for option in (
        click.option(
            "--bytes-per-hour",
            type=click.IntRange(0, 2**53),
            metavar="N",
            help="What a device may download; 0: any amount.",
        ),
        click.option(
            "--trial-needs-session/--no-trial-needs-session",
            default=None,
            help="Whether a new app has to be in touch with the cloud to be kept.",
        ),
        click.option(
            "--trial-seconds",
            type=click.IntRange(0, 86_400),
            metavar="N",
            help="For how long a new app has to run without a crash to be kept.",
        ),
    ):
        function = option(function)
    return function


def policy_fields(
    trial_seconds: int | None, trial_needs_session: bool | None, bytes_per_hour: int | None, *, reset: bool = False
) -> dict[str, str]:
    """Return the fields of the API for what was said; with `reset` those that were not are left open again."""
    said = {
        "TrialSeconds": trial_seconds,
        "TrialNeedsSession": None if trial_needs_session is None else str(trial_needs_session).lower(),
        "BytesPerHour": bytes_per_hour,
    }
    return {name: "" if value is None else str(value) for name, value in said.items() if reset or value is not None}


def policy_rows(policy: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what holds, for a table; what was said elsewhere, or by nobody, is in brackets."""
    return [
        (name.replace("_", " "), f"{value}" if policy["said"][name] is not None else f"({value})")
        for name, value in policy["effective"].items()
    ]


@click.command("update-policy")
@policy_options
@click.option("--reset", is_flag=True, help="Leave to devices what is not said here.")
@json_option
def command(
    trial_seconds: int | None, trial_needs_session: bool | None, bytes_per_hour: int | None, reset: bool, as_json: bool
) -> None:
    """Show how devices update themselves, or say so for all of them.

    What `mvsdk device update` says for one device, and `mvsdk deploy` and `mvsdk rollout create` for one app, goes
    before. A value in brackets is said by nobody.
    """
    client = cloud_client()
    fields = policy_fields(trial_seconds, trial_needs_session, bytes_per_hour, reset=reset)
    policy = client.post(*_PLACE, **fields) if fields else client.get(*_PLACE)
    if as_json:
        print_json(policy)
    else:
        print_table(("", ""), policy_rows(policy))
