"""Check a BUNDLE as a device would, and name the first thing wrong.

\b
  $ mvsdk verify build/blinky.zip
  build/blinky.zip: 5520 bytes of application in 1 layer, signed by development (3186a36bf2d6a956)
  $ mvsdk verify other.zip
  error: the bundle is signed by key 37e8265e69a214f2, which is not trusted here
    fix: if you know whose key it is, trust it: mvsdk keys trust PUBLIC.pem

Checked are the archive (down to the last bit), the signature, the manifest, that its layers are those in the archive
and fit the flash, and that the image can be started. Trusted are all keys of `mvsdk keys list`, the one in
MVSDK_SIGNING_KEY, and those given with --trust.

Exit status: 0 the bundle is good, 1 it is not.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mvsdk_cli.console import json_option, print_json

if TYPE_CHECKING:
    from mvsdk.bundle import VerifiedBundle

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("verify", help=__doc__)
@click.argument("bundle", type=_FILE)
@click.option("--trust", type=_FILE, multiple=True, metavar="FILE", help="PEM public key to trust too; repeatable.")
@click.option("--allow-unsigned", is_flag=True, help="Take a bundle that nobody signed.")
@json_option
def command(bundle: Path, trust: tuple[Path, ...], allow_unsigned: bool, as_json: bool) -> None:
    """Check a bundle as a device would."""
    from mvsdk import boards
    from mvsdk.bundle import load, verify
    from mvsdk_cli.keyring import key_document, keyring, signer_name

    known = keyring().trusted(trust)
    verified = verify(load(bundle), boards.load(), known.values(), allow_unsigned=allow_unsigned)
    name = signer_name(verified.signer_id, known)
    if as_json:
        print_json(
            {
                "bundle": str(bundle),
                "image_size": len(verified.image.data),
                "layers": [{"name": layer.name, "start": layer.start, "size": layer.size} for layer in verified.layers],
                "signer": key_document(name, verified.signer_id) if verified.signer_id else None,
                "bootable": verified.vector_table is not None,
                "unknown_fields": len(verified.unknown_fields),
            }
        )
    else:
        click.echo(f"{bundle}: {_line(verified, name)}")


def _line(verified: VerifiedBundle, name: str | None) -> str:
    from mvsdk_cli.keyring import key_text

    count = len(verified.layers)
    parts = [
        f"{len(verified.image.data)} bytes of application in {count} layer{'s' if count > 1 else ''}",
        f"signed by {key_text(name, verified.signer_id)}" if verified.signer_id else "unsigned",
    ]
    if verified.vector_table is None:
        parts.append("not bootable: too short for a vector table")
    return ", ".join(parts)
