"""What the factory does: a device with a bundle installed, before its first start."""

from __future__ import annotations

import hashlib

from mvsdk.bundle import UnverifiedBundle
from mvsdk.bundle.errors import BUNDLE_AGAIN
from mvsdk.update.admission import authenticate
from mvsdk.update.download import Policy
from mvsdk.update.errors import VerificationError
from mvsdk.update.fetching import Fetcher
from mvsdk.update.hardware import Hardware
from mvsdk.update.installer import Installer
from mvsdk.update.journal import Journal
from mvsdk.update.slots import next_layer_address, read_bundle, verify_bundle, verify_image, verify_internal
from mvsdk.update.state import Content, State


def provision(hardware: Hardware, bundle: bytes) -> None:
    """Install a bundle on a new device, as if it had been confirmed there.

    Raises ContainerError, ManifestError, RefusedError for what the device would not take, VerificationError.
    """
    unverified = UnverifiedBundle.parse(bundle, hardware.board.flash.size)
    manifest = authenticate(unverified.envelope.raw, hardware.factory_keys, hardware.board)
    policy = Policy()
    Fetcher.put(hardware, policy, hardware.layout.manifest(0), manifest.raw)
    sizes: tuple[int, ...] = ()
    for layer in manifest.body.layers:
        content = unverified.layers.get(layer.name)
        if content is None or hashlib.sha256(content).digest() != layer.fetch_hash:
            raise VerificationError(f"the bundle does not hold the layer {layer.name}", BUNDLE_AGAIN)
        Fetcher.put(hardware, policy, next_layer_address(hardware, 0, sizes), content)
        sizes = (*sizes, len(content))
    content_of_slot = Content(len(manifest.raw), manifest.hash, sizes)
    stored = read_bundle(hardware, hardware.factory_keys, 0, content_of_slot)
    verify_bundle(hardware, stored)
    verify_image(hardware, stored)
    installer = Installer(hardware, policy, stored, -1)
    while not installer.step(lambda page: None):
        pass
    verify_internal(hardware, stored)
    journal = Journal(hardware.external, hardware.layout.journal)
    journal.mount()
    counter = manifest.body.options.rollback_counter
    journal.write(State(installed=0, slots=(content_of_slot, None), counter=counter))
