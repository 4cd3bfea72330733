"""Sign an unsigned BUNDLE, or endorse a signed one, in place or as another file.

\b
  $ mvsdk bundle --unsigned
  build/blinky.zip: 5520 bytes of application, unsigned
  $ mvsdk sign build/blinky.zip --key release
  build/blinky.zip: signed by release (37e8265e69a214f2)

Devices may want several signatures (`mvsdk keys change --threshold`). With --endorse one more is put beside those that
a signed bundle has, so that people who keep their keys on different machines can sign one after the other:

\b
  $ mvsdk sign build/blinky.zip --endorse --key backup
  build/blinky.zip: signed by release (37e8265e69a214f2), endorsed by backup (c5b0a1e44d0f27a9)

Do so before uploading: a bundle with other signatures is another app to the cloud. `mvsdk inspect` shows all of them.

The manifest that is signed stays as it is, byte for byte, also where it holds fields that are not known here.
The key is --key, else the one in MVSDK_SIGNING_KEY, else your development key, which is made on first use.
A bundle that is damaged is refused; so is one that is signed already, by the same key with --endorse.
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
@click.option("--endorse", is_flag=True, help="Add a signature to a bundle that is signed.")
@json_option
def command(bundle: Path, output: Path | None, key: str | None, endorse: bool, as_json: bool) -> None:
    """Sign an unsigned bundle, or endorse a signed one."""
    from mvsdk import bundle as bundles
    from mvsdk.files import write_whole
    from mvsdk_cli.keyring import key_document, key_text, keyring, signer_name

    data = bundles.load(bundle)
    name, signer = keyring().signer(key)
    signed = (bundles.endorse if endorse else bundles.sign)(data, signer)
    output = output or bundle
    write_whole(output, signed)
    envelope = bundles.UnverifiedBundle.parse(signed).envelope
    known = {**keyring().trusted(), name: signer.public}
    first, *others = (
        (signer_name(one, known), one)
        for one in (envelope.signer_id, *(one.signer_id for one in envelope.endorsements))
    )
    if as_json:
        further = {"endorsed_by": [key_document(*one) for one in others]} if endorse else {}
        print_json({"bundle": str(output), "size": len(signed), "signer": key_document(*first), **further})
    else:
        endorsed = f", endorsed by {', '.join(key_text(*one) for one in others)}" if others else ""
        click.echo(f"{output}: signed by {key_text(*first)}{endorsed}")
