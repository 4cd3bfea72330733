"""What the factory does: a device with a bundle installed, or external flash from which a device installs it itself."""

from __future__ import annotations

import hashlib

from mvsdk.bundle import UnverifiedBundle
from mvsdk.bundle.errors import BUNDLE_AGAIN
from mvsdk.errors import BundleError, UpdateError
from mvsdk.update.admission import admit, authenticate, no_space
from mvsdk.update.download import Policy
from mvsdk.update.errors import FactoryError, VerificationError
from mvsdk.update.fetching import Fetcher
from mvsdk.update.hardware import Hardware
from mvsdk.update.installer import Installer
from mvsdk.update.journal import Journal, look
from mvsdk.update.slots import Bundle, next_layer_address, read_bundle, verify_bundle, verify_image, verify_internal
from mvsdk.update.state import TEST_SLOT, Content, Phase, State

FINAL_SLOT = 1 - TEST_SLOT
_AGAIN = "make it again: mvsdk factory image"
_NAMES = {FINAL_SLOT: "the final bundle", TEST_SLOT: "the test bundle"}


def provision(hardware: Hardware, bundle: bytes) -> None:
    """Install a bundle on a new device, as if it had been confirmed there.

    Raises ContainerError, ManifestError, RefusedError for what the device would not take, VerificationError.
    """
    content, stored = _put(hardware, 0, bundle)
    installer = Installer(hardware, Policy(), stored, -1)
    while not installer.step(lambda page: None):
        pass
    verify_internal(hardware, stored)
    counter = stored.manifest.body.options.rollback_counter
    _begin(hardware, State(installed=0, slots=(content, None), counter=counter))


def prepare(hardware: Hardware, final: bytes, test: bytes | None = None) -> None:
    """Write external flash with which a new device runs the bundle `test` as test code, and installs `final` once that
    says that all is well; without `test`, at once. Internal flash is left to the device.

    Raises FactoryError with what is wrong with which bundle.
    """
    content, stored = _put_named(hardware, FINAL_SLOT, final)
    if test is None:
        _begin(hardware, State(Phase.INSTALLING, slots=(content, None)))
        return
    test_content, test_stored = _put_named(hardware, TEST_SLOT, test)
    if _image_of(stored) == _image_of(test_stored):
        raise FactoryError("the test bundle and the final bundle hold the same application", "give two that differ")
    _begin(hardware, State(Phase.TESTING, slots=(content, test_content)))


def examine(hardware: Hardware) -> tuple[Bundle, Bundle | None]:
    """Prove that external flash is what `prepare` leaves, with bundles that the device takes; return the final one and
    the test code.

    Nothing is written. Raises FactoryError.
    """
    flash, layout = hardware.external, hardware.layout
    state, keys = look([flash.read(layout.journal + start, layout.page) for start in (0, layout.page)])
    final, test = state.slots[FINAL_SLOT], state.slots[TEST_SLOT]
    phase = Phase.TESTING if test else Phase.INSTALLING
    if final is None or keys is not None or state != State(phase, slots=state.slots):
        raise FactoryError("it holds no application for a new device", _AGAIN)
    return _checked(hardware, FINAL_SLOT, final), _checked(hardware, TEST_SLOT, test) if test else None


def _put_named(hardware: Hardware, slot: int, bundle: bytes) -> tuple[Content, Bundle]:
    try:
        return _put(hardware, slot, bundle)
    except (BundleError, UpdateError) as error:
        raise FactoryError(f"{_NAMES[slot]} cannot be used: {error.what}", error.remedy) from error


def _checked(hardware: Hardware, slot: int, content: Content) -> Bundle:
    try:
        return _verified(hardware, slot, content)
    except VerificationError as error:
        raise FactoryError(f"{_NAMES[slot]} in it cannot be used: {error.what}", error.remedy or _AGAIN) from error


def _put(hardware: Hardware, slot: int, bundle: bytes) -> tuple[Content, Bundle]:
    """Put a bundle into a slot, and prove from flash that it is there and can be started."""
    unverified = UnverifiedBundle.parse(bundle, hardware.board.flash.size)
    manifest = authenticate(unverified.envelope.raw, hardware.factory_keys, hardware.board)
    layout, policy = hardware.layout, Policy()
    admit(manifest, kernel_version=hardware.kernel_version, counter=0, bad=(), layout=layout)
    layers = []
    for layer in manifest.body.layers:
        data = unverified.layers.get(layer.name)
        if data is None or hashlib.sha256(data).digest() != layer.fetch_hash:
            raise VerificationError(f"the bundle does not hold the layer {layer.name}", BUNDLE_AGAIN)
        layers.append(data)
    needed = sum(layout.rounded(len(data)) for data in layers)
    if needed > layout.capacity:
        raise no_space(needed, layout)
    Fetcher.put(hardware, policy, layout.manifest(slot), manifest.raw)
    sizes: tuple[int, ...] = ()
    for data in layers:
        Fetcher.put(hardware, policy, next_layer_address(hardware, slot, sizes), data)
        sizes = (*sizes, len(data))
    content = Content(len(manifest.raw), manifest.hash, sizes)
    return content, _verified(hardware, slot, content)


def _verified(hardware: Hardware, slot: int, content: Content) -> Bundle:
    stored = read_bundle(hardware, hardware.factory_keys, slot, content)
    verify_bundle(hardware, stored)
    verify_image(hardware, stored)
    return stored


def _begin(hardware: Hardware, state: State) -> None:
    """Make this what the device knows."""
    journal = Journal(hardware.external, hardware.layout.journal)
    journal.mount()
    journal.write(state)


def _image_of(bundle: Bundle) -> set[tuple[int, bytes]]:
    return {(stored.layer.start, stored.layer.fetch_hash) for stored in bundle.layers}
