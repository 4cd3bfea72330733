"""Show what is in a BUNDLE, also when it is broken.

\b
  $ mvsdk inspect build/blinky.zip
  build/blinky.zip: 6008 bytes, sha256 7614ce4d613d4f9a…
  members
    1fbcc540acd8df31…: 5520 bytes, deflated in 5525
    manifest: 160 bytes, deflated in 165, sha256 74ef74b99484a10b…
  manifest
    signature: good
    signer: development (3186a36bf2d6a956)
    signature bytes: 774beaff286d57d2…
    body: 82 bytes, sha256 f5a449767568e3e0…
  layers
    1fbcc540acd8df31…
      target: internal_flash, 0x0 to 0x100000
      measurement: 4ee0d1af322e34dc…
  image
    5520 bytes, sha256 1fbcc540acd8df31…
    initial stack pointer 0x20080000, reset vector 0x08001095

(Hashes are cut short here; the command prints them whole.) Nothing that is shown is proven; `mvsdk verify` proves.
What is wrong with the bundle itself is listed under problems; that nobody here knows its signer is not.

Exit status: 0 nothing is wrong with the bundle, 1 something is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from mvsdk_cli.console import json_option, print_json

_FILE = click.Path(path_type=Path, dir_okay=False)
_METHODS = {0: "stored", 8: "deflated"}


@click.command("inspect", help=__doc__)
@click.argument("bundle", type=_FILE)
@click.option("--trust", type=_FILE, multiple=True, metavar="FILE", help="PEM public key to know too; repeatable.")
@json_option
@click.pass_context
def command(ctx: click.Context, bundle: Path, trust: tuple[Path, ...], as_json: bool) -> None:
    """Show what is in a bundle."""
    from mvsdk import boards
    from mvsdk.bundle import inspect, load
    from mvsdk_cli.keyring import keyring

    document = inspect(load(bundle), boards.load(), keyring().trusted(trust))
    if as_json:
        print_json({"bundle": str(bundle), **document})
    else:
        click.echo("\n".join(_lines(str(bundle), document)))
    ctx.exit(1 if document["problems"] else 0)


def _lines(path: str, document: Mapping[str, Any]) -> Iterator[str]:
    yield f"{path}: {document['size']} bytes, sha256 {document['sha256']}"
    yield from _section("members", [_member(member) for member in document["members"]])
    if document["manifest"]:
        yield from _section("manifest", _manifest(document["manifest"]))
    yield from _section("layers", [line for layer in document["layers"] for line in _layer(layer)])
    if document["options"]:
        yield from _section("options", [f"{name} = {value}" for name, value in document["options"].items() if value])
    unknown = document["unknown_fields"]
    if unknown["count"]:
        where = ", ".join(unknown["where"])
        yield from _section("unknown fields", [f"{unknown['count']} with {unknown['bytes']} bytes: {where}"])
    if document["image"]:
        yield from _section("image", _image(document["image"]))
    yield from _section("problems", document["problems"])


def _section(title: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield click.style(title, bold=True)
        yield from (f"  {line}" for line in lines)


def _member(member: Mapping[str, Any]) -> str:
    method = _METHODS.get(member["method"], f"method {member['method']}")
    named = "" if member["name"] == member["sha256"] else f", sha256 {member['sha256']}"
    return f"{member['name']}: {member['size']} bytes, {method} in {member['packed']}{named}"


def _manifest(manifest: Mapping[str, Any]) -> list[str]:
    lines = [f"signature: {manifest['signature']}"]
    if manifest["signature"] != "unsigned":
        lines += [f"signer: {_signer(manifest)}", f"signature bytes: {manifest['signature_bytes']}"]
    lines += [f"endorsed by: {_signer(one)}, signature: {one['signature']}" for one in manifest["endorsements"]]
    return [*lines, f"body: {manifest['body_size']} bytes, sha256 {manifest['body_sha256']}"]


def _signer(signature: Mapping[str, Any]) -> str:
    name, key = signature["signer"], signature["signer_id"]
    return f"{name} ({key})" if name else str(key)


def _layer(layer: Mapping[str, Any]) -> list[str]:
    lines = [
        f"{layer['fetch_hash']}",
        f"  target: {layer['memory']}, {layer['start']:#x} to {layer['start'] + layer['size']:#x}",
        f"  measurement: {layer['measurement_hash']}",
    ]
    if layer["encrypted_with_key_id"]:
        lines.append(f"  encrypted with key {layer['encrypted_with_key_id']}")
    return lines


def _image(image: Mapping[str, Any]) -> list[str]:
    lines = [f"{image['size']} bytes, sha256 {image['sha256']}"]
    if image["reset_vector"] is None:
        return [*lines, "no vector table"]
    start = f"initial stack pointer 0x{image['initial_stack_pointer']}, reset vector 0x{image['reset_vector']}"
    return [*lines, start if image["bootable"] else f"{start}: not bootable"]
