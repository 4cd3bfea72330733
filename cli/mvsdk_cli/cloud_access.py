"""`mvsdk cloud key` and `mvsdk cloud user`: who else may do something in the cloud."""

from __future__ import annotations

from typing import BinaryIO

import click

from mvsdk_cli.cloud_client import cloud_client
from mvsdk_cli.console import json_option, print_json, print_table, printable
from mvsdk_cli.hidden_input import file_option, read_hidden

_KEYS, _USERS = ("mvsdk", "v1", "ApiKeys"), ("mvsdk", "v1", "Users")


@click.group("key")
def key_group() -> None:
    """Make, list and remove API keys: credentials for programs, used like the account's own."""


@key_group.command("create")
@click.argument("name")
@json_option
def create_key(name: str, as_json: bool) -> None:
    """Make an API key and print its secret, once. NAME says what it is for."""
    key = cloud_client().post(*_KEYS, Name=name)
    if as_json:
        print_json(key)
    else:
        click.echo(f"key {key['sid']}, secret {key['secret']}")


@key_group.command("list")
@json_option
def list_keys(as_json: bool) -> None:
    """List API keys, without their secrets."""
    keys = list(cloud_client().listed(*_KEYS))
    if as_json:
        print_json(keys)
    else:
        print_table(
            ("sid", "created", "name"), [(key["sid"], key["date_created"], printable(key["name"])) for key in keys]
        )


@key_group.command("remove")
@click.argument("sid")
def remove_key(sid: str) -> None:
    """Remove an API key: from now on it opens nothing."""
    cloud_client().delete(*_KEYS, sid)


@click.group("user")
def user_group() -> None:
    """Make, list and remove users: people who log in at the console by name and password."""


@user_group.command("create")
@click.argument("name")
@file_option
@json_option
def create_user(name: str, from_file: BinaryIO | None, as_json: bool) -> None:
    """Make a user. The password is asked for, or comes from a file."""
    user = cloud_client().post(*_USERS, Name=name, Password=read_hidden(from_file, "Password"))
    if as_json:
        print_json(user)


@user_group.command("password")
@click.argument("name")
@file_option
@json_option
def change_password(name: str, from_file: BinaryIO | None, as_json: bool) -> None:
    """Give a user another password, which logs them out everywhere."""
    user = cloud_client().post(*_USERS, name, Password=read_hidden(from_file, "Password"))
    if as_json:
        print_json(user)


@user_group.command("list")
@json_option
def list_users(as_json: bool) -> None:
    """List users."""
    users = list(cloud_client().listed(*_USERS))
    if as_json:
        print_json(users)
    else:
        print_table(("created", "name"), [(user["date_created"], printable(user["name"])) for user in users])


@user_group.command("remove")
@click.argument("name")
def remove_user(name: str) -> None:
    """Remove a user, who is logged out at once."""
    cloud_client().delete(*_USERS, name)
