"""Set and read config values, of the account or of one device.

\b
  $ mvsdk config set tz Europe/Paris --device kitchen
  $ mvsdk config list --device kitchen
  key  value
  tz   Europe/Paris

Applications fetch them with mvSendConfigFetchRequest. Keys have up to 100 characters, values up to 4096.
"""

from __future__ import annotations

import click

from mvsdk_cli.cloud_client import cloud_client
from mvsdk_cli.console import json_option, print_json
from mvsdk_cli.settings_commands import add_common_commands, device_option, place, put


@click.group("config", help=__doc__)
def command() -> None:
    """Set and read config values."""


@command.command("set")
@click.argument("key")
@click.argument("value")
@device_option
@json_option
def set_value(key: str, value: str, device: str | None, as_json: bool) -> None:
    """Give a key a value, in place of the one it had."""
    entry = put("Configs", device, key, value)
    if as_json:
        print_json(entry)


@command.command("get")
@click.argument("key")
@device_option
@json_option
def get(key: str, device: str | None, as_json: bool) -> None:
    """Print a key's value."""
    entry = cloud_client().get(*place("Configs", device), key)
    if as_json:
        print_json(entry)
    else:
        click.echo(entry["value"])


add_common_commands(command, "Configs", "value")
