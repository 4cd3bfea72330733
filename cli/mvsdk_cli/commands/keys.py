"""Make, list and show signing keys, and change those that devices trust.

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

Devices trust the keys that they were made with. Further ones come to them, and old ones go, by signed messages, which
are numbered from 1 and which every device of the cloud takes in order:

\b
  $ mvsdk keys change --add release-2027 --revoke release --key release --send
  new keys 1: add release-2027 (c5b0…), revoke release (37e8265e69a214f2); signed by release (37e8265e69a214f2)
  the cloud hands it to its devices

Where several people must sign, one makes a file with --output in place of --send, the others `mvsdk keys endorse` it,
and the last one sends it: `mvsdk keys send`. `mvsdk keys changes` lists what the cloud has.

Keys are P-256, as PEM files in ~/.config/mvsdk/keys (or $XDG_CONFIG_HOME/mvsdk/keys, or $MVSDK_HOME/keys). Every key
there is trusted by `mvsdk verify` and `mvsdk emulate`; to end that, delete its file. Private keys others can open are
refused, as ssh does.

In CI put the private key into MVSDK_SIGNING_KEY as PEM text, and its passphrase, if it has one, into
MVSDK_KEY_PASSPHRASE.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mvsdk_cli.console import json_option, print_json, print_table

if TYPE_CHECKING:
    from mvsdk.cloud.new_keys import Message
    from mvsdk.keys import PublicKey, StoredKey

_FILE = click.Path(path_type=Path, dir_okay=False)
_NEW_KEYS = ("mvsdk", "v1", "NewKeys")
_ID_DIGITS = 16


@click.group("keys", help=__doc__)
def command() -> None:
    """Make, list and show signing keys, and change those that devices trust."""


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


@command.command("change")
@click.option("--add", multiple=True, metavar="NAME|FILE", help="Let devices trust this key; may be given again.")
@click.option(
    "--revoke",
    multiple=True,
    metavar="NAME|FILE|ID",
    help="Let devices trust this key no longer; an id has 16 hexadecimal digits. May be given again.",
)
@click.option("--threshold", type=click.IntRange(1, 8), metavar="N", help="How many keys must sign from then on.")
@click.option(
    "--number", type=click.IntRange(1, 2**32 - 1), metavar="N", help="Which change it is; --send asks the cloud."
)
@click.option("--key", "keys", multiple=True, metavar="NAME|FILE", help="A key to sign with; may be given again.")
@click.option("-o", "--output", type=_FILE, help="Where to write the message.")
@click.option("--send", is_flag=True, help="Let the cloud hand it to all devices.")
@json_option
def change(
    add: tuple[str, ...],
    revoke: tuple[str, ...],
    threshold: int | None,
    number: int | None,
    keys: tuple[str, ...],
    output: Path | None,
    send: bool,
    as_json: bool,
) -> None:
    """Make a signed message that changes which keys devices trust, and write it or send it to the cloud.

    A device takes it if keys that it trusts now have signed it, as many as it wants, and if what it runs has good
    signatures afterwards too. So let devices run a bundle that a key which stays has signed or endorsed first.
    """
    from mvsdk.bundle import NewKeys
    from mvsdk.cloud.new_keys import Message
    from mvsdk.files import write_whole
    from mvsdk_cli.keyring import keyring, public_key

    if not (add or revoke or threshold):
        raise click.UsageError("Nothing to change: give --add, --revoke or --threshold.")
    if not (send or output):
        raise click.UsageError("Say where it is to go: --send, or --output FILE.")
    if number is None and not send:
        raise click.UsageError("Give --number: changes are numbered from 1, and devices take them in order.")
    ring = keyring()
    signers = [ring.signer(choice) for choice in keys] or [ring.signer(None)]
    added = tuple(public_key(choice) for choice in add)
    revoked = tuple(_key_id(choice) for choice in revoke)
    if number is None:
        number = 1 + max((one["number"] for one in _sent()[:1]), default=0)
    (_, first), *others = signers
    message = NewKeys(number, added, revoked, threshold or 0).signed_by(first, [signer for _, signer in others])
    parsed = Message.parse(message)  # nothing is written that could not be sent
    if output:
        write_whole(output, message)
    if send:
        _send(message)
    _say_change(parsed, as_json=as_json, output=output, sent=send)


@command.command("endorse")
@click.argument("message", type=_FILE)
@click.option("-o", "--output", type=_FILE, help="Where to write it; default: in place.")
@click.option("--key", metavar="NAME|FILE", help="The key to sign with: a name of `mvsdk keys list`, or a PEM file.")
@json_option
def endorse(message: Path, output: Path | None, key: str | None, as_json: bool) -> None:
    """Add a signature to a MESSAGE that `mvsdk keys change` has made, for devices that want several."""
    from mvsdk.bundle import endorse_new_keys
    from mvsdk.cloud.new_keys import Message
    from mvsdk.files import write_whole
    from mvsdk_cli.keyring import keyring

    _, signer = keyring().signer(key)
    endorsed = endorse_new_keys(_read(message), signer)
    parsed = Message.parse(endorsed)
    write_whole(output or message, endorsed)
    _say_change(parsed, as_json=as_json, output=output or message, sent=False)


@command.command("send")
@click.argument("message", type=_FILE)
@json_option
def send_message(message: Path, as_json: bool) -> None:
    """Let the cloud hand a MESSAGE that `mvsdk keys change` has made to all devices."""
    from mvsdk.cloud.new_keys import Message

    raw = _read(message)
    parsed = Message.parse(raw)
    _send(raw)
    _say_change(parsed, as_json=as_json, output=None, sent=True)


@command.command("changes")
@json_option
def changes(as_json: bool) -> None:
    """List the changes of keys that the cloud hands to devices, newest first."""
    from mvsdk_cli.keyring import keyring

    sent = _sent()
    if as_json:
        print_json(sent)
        return
    known = keyring().trusted()
    rows = [
        (
            one["number"],
            one["date_created"],
            " ".join(_named(key["id"], known) for key in one["added"]),
            " ".join(_named(key, known) for key in one["revoked"]),
            one["threshold"] or "",
            " ".join(_named(key["id"], known) for key in one["signers"]),
        )
        for one in sent
    ]
    print_table(("NUMBER", "SENT", "ADDED", "REVOKED", "THRESHOLD", "SIGNED BY"), rows)


def _key_id(choice: str) -> int:
    """Return the id of a key: the id itself, or that of a key by its name or file."""
    from mvsdk_cli.keyring import keyring, public_key

    named = choice in keyring().store.names()
    if not named and len(choice) == _ID_DIGITS and set(choice.lower()) <= set("0123456789abcdef"):
        return int(choice, 16)
    return public_key(choice).id


def _read(path: Path) -> bytes:
    """Return a message from a file. Raises BundleFileError."""
    from mvsdk.bundle import BundleFileError
    from mvsdk.cloud.new_keys import MESSAGE_BYTES

    try:
        with path.open("rb") as file:
            return file.read(MESSAGE_BYTES + 1)
    except OSError as error:
        raise BundleFileError(f"cannot read {path}: {error.strerror or error}", "make it: mvsdk keys change") from error


def _send(message: bytes) -> None:
    import base64

    from mvsdk_cli.cloud_client import cloud_client

    cloud_client().post(*_NEW_KEYS, Message=base64.b64encode(message).decode())


def _sent() -> list[dict[str, Any]]:
    """Return the messages that the cloud has, newest first."""
    from mvsdk_cli.cloud_client import cloud_client

    return list(cloud_client().listed(*_NEW_KEYS))


def _say_change(parsed: Message, *, as_json: bool, output: Path | None, sent: bool) -> None:
    """Tell what a message changes, and what became of it."""
    from mvsdk_cli.keyring import key_document, key_text, keyring, signer_name

    known = keyring().trusted()
    change = parsed.change
    named = {key.id: signer_name(key.id, known) for key in change.add}
    named |= {key: signer_name(key, known) for key in (*change.delete, *parsed.signers)}
    added = [key.id for key in change.add]
    if as_json:
        print_json(
            {
                "number": change.sequence,
                "added": [key_document(named[key], key) for key in added],
                "revoked": [key_document(named[key], key) for key in change.delete],
                "threshold": change.threshold,
                "signers": [key_document(named[key], key) for key in parsed.signers],
                "output": str(output) if output else None,
                "sent": sent,
            }
        )
        return
    parts = [f"add {key_text(named[key], key)}" for key in added]
    parts += [f"revoke {key_text(named[key], key)}" for key in change.delete]
    parts += [f"{change.threshold} must sign"] if change.threshold else []
    signed = ", ".join(key_text(named[key], key) for key in parsed.signers)
    click.echo(f"new keys {change.sequence}: {', '.join(parts)}; signed by {signed}")
    if output:
        click.echo(f"written to {output}")
    if sent:
        click.echo("the cloud hands it to its devices")


def _named(key: str, known: Mapping[str, PublicKey]) -> str:
    from mvsdk_cli.keyring import signer_name

    return signer_name(int(key, 16), known) or key


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
