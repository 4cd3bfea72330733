"""Set secrets, of the account or of one device.

\b
  $ mvsdk secret set api-key --from-file key.txt
  $ printf %s "$KEY" | mvsdk secret set api-key --from-file -
  $ mvsdk secret list
  key      date_rotated
  api-key  2026-11-21T12:00:00Z

A value is never given on a command line, where other users could see it, and never read again: only the devices that
may have it get it. Typed at a prompt it is not shown. Keys have up to 100 characters, values up to 4096.
"""

from __future__ import annotations

from typing import BinaryIO

import click

from mvsdk_cli.console import json_option, print_json
from mvsdk_cli.hidden_input import file_option, read_hidden
from mvsdk_cli.settings_commands import add_common_commands, device_option, put


@click.group("secret", help=__doc__)
def command() -> None:
    """Set secrets."""


@command.command("set")
@click.argument("key")
@file_option
@device_option
@json_option
def set_value(key: str, from_file: BinaryIO | None, device: str | None, as_json: bool) -> None:
    """Give a key a secret value, in place of the one it had."""
    entry = put("Secrets", device, key, read_hidden(from_file, "Value"))
    if as_json:
        print_json(entry)


add_common_commands(command, "Secrets", "date_rotated")
