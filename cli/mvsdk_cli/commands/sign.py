"""Sign an unsigned BUNDLE, in place or as another file.

\b
  $ mvsdk bundle --unsigned
  build/blinky.zip: 5520 bytes of application, unsigned
  $ mvsdk sign build/blinky.zip --key release
  build/blinky.zip: signed by release (37e8265e69a214f2)

The manifest that is signed stays as it is, byte for byte, also where it holds fields that are not known here.
The key is --key, else the one in MVSDK_SIGNING_KEY, else your development key, which is made on first use.
A bundle that is damaged or signed already is refused.
"""

from __future__ import annotations

from pathlib import Path

import click

from mvsdk_cli.console import json_option, print_json

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("sign", help=__doc__)
@click.argument("bundle", type=_FILE)
@click.option("-o", "--output", type=_FILE, help="Where to write the signed bundle; default: in place.")
@click.option("--key", metavar="NAME|FILE", help="The key to sign with: a name of `mvsdk keys list`, or a PEM file.")
@json_option
def command(bundle: Path, output: Path | None, key: str | None, as_json: bool) -> None:
    """Sign an unsigned bundle."""
    from mvsdk.bundle import load, sign
    from mvsdk.files import write_whole
    from mvsdk_cli.keyring import key_document, key_text, keyring

    data = load(bundle)
    name, signer = keyring().signer(key)
    signed = sign(data, signer)
    output = output or bundle
    write_whole(output, signed)
    if as_json:
        print_json({"bundle": str(output), "size": len(signed), "signer": key_document(name, signer.public.id)})
    else:
        click.echo(f"{output}: signed by {key_text(name, signer.public.id)}")
