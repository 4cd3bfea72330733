"""What `mvsdk config` and `mvsdk secret` have in common."""

from __future__ import annotations

import click

from mvsdk.cloud.errors import RefusedError
from mvsdk_cli.cloud_client import cloud_client
from mvsdk_cli.console import json_option, print_json, print_table

device_option = click.option("--device", metavar="DEVICE", help="A device's own; without it the account's.")


def place(kind: str, device: str | None) -> tuple[str, ...]:
    """Return the path of a list of settings: "Configs" or "Secrets"."""
    return ("v1", "Devices", device, kind) if device else ("v1", kind)


def put(kind: str, device: str | None, key: str, value: str) -> dict[str, str | None]:
    """Make an entry, or change the one that is there."""
    client, where = cloud_client(), place(kind, device)
    try:
        answer: dict[str, str | None] = client.post(*where, Key=key, Value=value)
    except RefusedError as refused:
        if refused.status != 409:
            raise
        answer = client.post(*where, key, Value=value)
    return answer


def add_common_commands(group: click.Group, kind: str, shown: str) -> None:
    """Give a group the commands `list` and `remove`; `shown` is the column beside the key."""

    @group.command("list")
    @device_option
    @json_option
    def list_entries(device: str | None, as_json: bool) -> None:
        """List all keys."""
        entries = list(cloud_client().listed(*place(kind, device)))
        if as_json:
            print_json(entries)
        else:
            print_table(("key", shown), [(entry["key"], entry[shown]) for entry in entries])

    @group.command("remove")
    @click.argument("key")
    @device_option
    def remove(key: str, device: str | None) -> None:
        """Remove a key."""
        cloud_client().delete(*place(kind, device), key)
