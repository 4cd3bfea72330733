"""What becomes of a bundle that arrives: signed if it is unsigned and may be, verified, and taken apart."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mvsdk.boards import Board
from mvsdk.bundle import UnverifiedBundle, sign, verify
from mvsdk.cloud.store.apps import NewApp
from mvsdk.keys import PublicKey, SigningKey


@dataclass(frozen=True, slots=True)
class Upload:
    """A bundle that was found good: the row it will be, and its layers by name."""

    app: NewApp
    layers: Mapping[str, bytes]


def receive(
    data: bytes, unique_name: str | None, board: Board, trusted: Iterable[PublicKey], own: SigningKey, *, signs: bool
) -> Upload:
    """Take a bundle apart that `verify` finds good. Unsigned ones are signed with `own` first, if `signs`.

    Developers' own signatures are checked against `trusted` and kept byte for byte. Takes milliseconds; for a thread.
    Raises the leaf of BundleError for the first thing wrong.
    """
    if signs and not UnverifiedBundle.parse(data).envelope.signed:
        data = sign(data, own)
    verified = verify(data, board, [*trusted, own.public])
    contents = UnverifiedBundle.parse(data)
    manifest = contents.envelope.raw
    app = NewApp(
        unique_name=unique_name,
        hash=f"sha256:{hashlib.sha256(manifest).hexdigest()}",
        manifest=manifest,
        signer_id=verified.signer_id,
        image_size=len(verified.image.data),
        layers=[(layer.name, len(contents.layers[layer.name])) for layer in verified.layers],
    )
    return Upload(app, contents.layers)
