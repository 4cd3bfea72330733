"""Make, list and show signing keys.

\b
  $ mvsdk keys new release --passphrase
  Passphrase:
  Repeat for confirmation:
  release: 37e8265e69a214f2 in /home/ada/.config/mvsdk/keys/release.pem
  $ mvsdk keys list
  NAME         ID                KIND
  development  3186a36bf2d6a956  own
  release      37e8265e69a214f2  own, locked
  $ mvsdk keys export-public release -o release.pub.pem

And a colleague, who is given release.pub.pem:

\b
  $ mvsdk keys trust release.pub.pem
  release: 37e8265e69a214f2 is trusted

Keys are P-256, as PEM files in ~/.config/mvsdk/keys (or $XDG_CONFIG_HOME/mvsdk/keys, or $MVSDK_HOME/keys). Every key
there is trusted by `mvsdk verify` and `mvsdk emulate`; to end that, delete its file. Private keys others can open are
refused, as ssh does.

In CI put the private key into MVSDK_SIGNING_KEY as PEM text, and its passphrase, if it has one, into
MVSDK_KEY_PASSPHRASE.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mvsdk_cli.console import json_option, print_json, print_table

if TYPE_CHECKING:
    from mvsdk.keys import StoredKey

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group("keys", help=__doc__)
def command() -> None:
    """Make, list and show signing keys."""


@command.command("new")
@click.argument("name")
@click.option("--passphrase", is_flag=True, help="Lock the key; asks, or takes MVSDK_KEY_PASSPHRASE.")
@json_option
def new(name: str, passphrase: bool, as_json: bool) -> None:
    """Make a key pair called NAME."""
    from mvsdk_cli.keyring import keyring

    store = keyring().store
    store.check_free(name)
    store.create(name, _new_passphrase() if passphrase else None)
    entry = store.entry(name)
    if as_json:
        print_json(_document(entry))
    else:
        click.echo(f"{name}: {entry.public.id:016x} in {entry.path}")


def _new_passphrase() -> bytes:
    given = os.environ.get("MVSDK_KEY_PASSPHRASE")
    if not given:
        given = click.prompt("Passphrase", hide_input=True, confirmation_prompt=True, err=True)
    return os.fsencode(given)


@command.command("list")
@json_option
def list_keys(as_json: bool) -> None:
    """List all keys, own and trusted ones."""
    from mvsdk_cli.keyring import keyring

    store = keyring().store
    entries = store.entries()
    if as_json:
        print_json([_document(entry) for entry in entries])
    elif entries:
        print_table(
            ("NAME", "ID", "KIND"), [(entry.name, f"{entry.public.id:016x}", _kind(entry)) for entry in entries]
        )
    else:
        click.echo(f"No keys in {store.directory} yet; `mvsdk keys new NAME` makes one.")


@command.command("show")
@click.argument("name")
@json_option
def show(name: str, as_json: bool) -> None:
    """Show the key NAME; its public half, never its private one."""
    from mvsdk_cli.keyring import keyring

    entry = keyring().store.entry(name)
    if as_json:
        print_json(_document(entry))
        return
    click.echo(f"name   {entry.name}\nid     {entry.public.id:016x} = {entry.public.id}\nkind   {_kind(entry)}")
    click.echo(f"point  {entry.public.point.hex()}\nfile   {entry.path}")


@command.command("export-public")
@click.argument("name")
@click.option("-o", "--output", type=_FILE, help="Where to write it; default: standard output.")
@json_option
def export_public(name: str, output: Path | None, as_json: bool) -> None:
    """Write the public half of the key NAME as PEM, for --trust, --debug-auth-pubkey, or other people."""
    from mvsdk.files import write_whole
    from mvsdk_cli.keyring import keyring

    entry = keyring().store.entry(name)
    text = entry.public.to_pem()
    if output:
        write_whole(output, text)
    if as_json:
        print_json({**_document(entry), "pem": text.decode(), "output": str(output) if output else None})
    elif not output:
        click.echo(text, nl=False)


@command.command("trust")
@click.argument("file", type=_FILE)
@click.option("--name", help="What to call it; default: the file's name up to the first dot.")
@json_option
def trust(file: Path, name: str | None, as_json: bool) -> None:
    """Trust the public key of somebody else, given as a PEM FILE."""
    from mvsdk.keys import read_public_key
    from mvsdk_cli.keyring import keyring

    store = keyring().store
    key = read_public_key(file)
    known = next((entry for entry in store.entries() if entry.public == key), None)
    if known is None:
        name = name or file.name.partition(".")[0]
        store.trust(name, key)
        known = store.entry(name)
    if as_json:
        print_json(_document(known))
    else:
        click.echo(f"{known.name}: {known.public.id:016x} is trusted")


def _kind(entry: StoredKey) -> str:
    if not entry.private:
        return "trusted"
    return "own, locked" if entry.encrypted else "own"


def _document(entry: StoredKey) -> dict[str, object]:
    return {
        "name": entry.name,
        "id": f"{entry.public.id:016x}",
        "private": entry.private,
        "locked": entry.encrypted,
        "point": entry.public.point.hex(),
        "file": str(entry.path),
    }
