"""`mvsdk cloud key`, `user` and `signer`: who else may do something in the cloud, and whose bundles it takes."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import click

from mvsdk_cli.cloud_client import cloud_client
from mvsdk_cli.console import json_option, print_json, print_table, printable
from mvsdk_cli.hidden_input import file_option, read_hidden

_KEYS, _USERS, _SIGNERS = (("mvsdk", "v1", kind) for kind in ("ApiKeys", "Users", "Signers"))


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


@click.group("signer")
def signer_group() -> None:
    """Add, list and remove keys whose bundles are taken. Which keys devices trust is `mvsdk keys change`'s."""


@signer_group.command("add")
@click.argument("key", metavar="NAME|FILE")
@click.option("--name", help="What to call it; default: its name, or the file's up to the first dot.")
@json_option
def add_signer(key: str, name: str | None, as_json: bool) -> None:
    """Let bundles be uploaded that a key has signed: one of `mvsdk keys list`, or a public key's PEM file."""
    from mvsdk_cli.keyring import public_key

    name = name or Path(key).name.partition(".")[0]
    signer = cloud_client().post(*_SIGNERS, Name=name, PublicKey=public_key(key).to_pem().decode())
    if as_json:
        print_json(signer)
    else:
        click.echo(f"bundles of {printable(signer['name'])} ({signer['id']}) are taken")


@signer_group.command("list")
@json_option
def list_signers(as_json: bool) -> None:
    """List the keys whose bundles are taken."""
    signers = cloud_client().get(*_SIGNERS)["signers"]
    if as_json:
        print_json(signers)
    else:
        print_table(("id", "name"), [(signer["id"], printable(signer["name"])) for signer in signers])


@signer_group.command("remove")
@click.argument("signer", metavar="ID")
def remove_signer(signer: str) -> None:
    """Take no bundles of a key any more. Apps that it has signed stay."""
    cloud_client().delete(*_SIGNERS, signer)
