"""Making and signing bundles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvsdk.bundle import container, layers
from mvsdk.bundle.errors import AlreadySignedError
from mvsdk.bundle.image import REGION_SIZE, Image
from mvsdk.bundle.manifest import Body, Envelope
from mvsdk.bundle.options import ManifestOptions
from mvsdk.bundle.unverified import UnverifiedBundle

if TYPE_CHECKING:
    from mvsdk.keys import Signer


def create(image: Image, options: ManifestOptions, signer: Signer | None, region: int = REGION_SIZE) -> bytes:
    """Return a bundle with `image` as its one layer, signed unless `signer` is None.

    The layer covers `region` bytes of flash, all there is.

    The same arguments give the same bytes on every machine. Raises OptionError.
    """
    options.check()
    layer = layers.reference(image, region)
    envelope = Envelope.around(Body((layer,), options).encode())
    if signer is not None:
        envelope = envelope.signed_by(signer)
    return container.write([(layer.name, image.data), (container.MANIFEST, envelope.raw)])


def endorse(bundle: bytes, signer: Signer) -> bytes:
    """Return the signed bundle with another signature beside the first, for devices that want several signers.

    Readers of the original format do not see it. A bundle that would not be taken is not endorsed: raises
    ContainerError, ManifestError, LayerError, UnsupportedError, UnsignedError for one that nobody signed yet, and
    AlreadySignedError when it is the same signer.
    """
    unverified = UnverifiedBundle.parse(bundle)
    layers.check(Body.parse(unverified.envelope.body).layers, unverified.layers, REGION_SIZE)
    manifest = unverified.envelope.endorsed_by(signer).raw
    return container.write([*unverified.layers.items(), (container.MANIFEST, manifest)])


def sign(bundle: bytes, signer: Signer) -> bytes:
    """Return the unsigned bundle with a signature; the body that is signed stays as it is, byte for byte.

    A bundle that would not be taken is not signed: raises ContainerError, ManifestError, LayerError, UnsupportedError,
    and AlreadySignedError.
    """
    unverified = UnverifiedBundle.parse(bundle)
    if unverified.envelope.signed:
        raise AlreadySignedError(
            f"the bundle is signed already, by key {unverified.envelope.signer_id:016x}",
            "sign an unsigned one (`mvsdk bundle --unsigned`), or make it again with your key",
        )
    layers.check(Body.parse(unverified.envelope.body).layers, unverified.layers, REGION_SIZE)
    manifest = unverified.envelope.signed_by(signer).raw
    return container.write([*unverified.layers.items(), (container.MANIFEST, manifest)])
