"""A slot of the external flash, read back: what is in it, proven, and what it makes of internal flash."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from mvsdk.bundle import Image, VectorTable, vector_table_problem
from mvsdk.bundle.errors import ImagePlacementError
from mvsdk.bundle.layers import assemble, measurement
from mvsdk.bundle.manifest import Layer
from mvsdk.flash_memory import ERASED
from mvsdk.update.admission import Manifest, authenticate
from mvsdk.update.errors import RefusedError, VerificationError
from mvsdk.update.hardware import Hardware, read_or_none
from mvsdk.update.key_set import KeySet
from mvsdk.update.state import Content


@dataclass(frozen=True, slots=True)
class StoredLayer:
    """A layer, and where in external flash its bytes are."""

    layer: Layer
    address: int
    size: int


@dataclass(frozen=True, slots=True)
class Bundle:
    """What is in a slot: its manifest, authenticated now, and its layers, as far as they are there."""

    slot: int
    manifest: Manifest
    layers: tuple[StoredLayer, ...]


def read_bundle(hardware: Hardware, keys: KeySet, slot: int, content: Content) -> Bundle:
    """Read the manifest in a slot and check its signatures. Raises VerificationError."""
    raw = hardware.external.read(hardware.layout.manifest(slot), content.manifest_size)
    if hashlib.sha256(raw).digest() != content.manifest_hash:
        raise VerificationError(f"the manifest in slot {slot} is not the one that was put there")
    try:
        manifest = authenticate(raw, keys, hardware.board)
    except RefusedError as error:
        what = f"the manifest in slot {slot} does not hold any more: {error.what}"
        raise VerificationError(what, error.remedy) from error
    return Bundle(slot, manifest, tuple(_stored(hardware, slot, manifest, content.layer_sizes)))


def next_layer_address(hardware: Hardware, slot: int, sizes: tuple[int, ...]) -> int:
    """Return where the layer behind those of `sizes` starts."""
    layout = hardware.layout
    return layout.layers(slot) + sum(map(layout.rounded, sizes))


def verify_bundle(hardware: Hardware, bundle: Bundle) -> None:
    """Prove from flash that every layer in a slot is the one that the manifest names. Raises VerificationError."""
    if len(bundle.layers) != len(bundle.manifest.body.layers):
        raise VerificationError(f"slot {bundle.slot} has {len(bundle.layers)} layers, not all")
    for stored in bundle.layers:
        content = read_or_none(hardware.external, stored.address, stored.size)
        check_layer(stored.layer, content, f"slot {bundle.slot}")


def verify_image(hardware: Hardware, bundle: Bundle) -> None:
    """Prove that a verified slot makes an image that measures as its manifest says and can be started.

    Raises VerificationError.
    """
    contents = {}
    for stored in bundle.layers:
        content = hardware.external.read(stored.address, stored.size)
        if measurement(content, stored.layer.size) != stored.layer.measurement_hash:
            raise VerificationError(f"the layer {stored.layer.name} does not measure as the manifest says")
        contents[stored.layer.name] = content
    try:
        image = assemble(bundle.manifest.body.layers, contents)
    except ImagePlacementError as error:
        raise VerificationError(error.what, error.remedy) from error
    problem = vector_table_problem(image, hardware.board) if VectorTable.of(image) else None
    if problem:
        raise VerificationError(f"the image cannot be started: {problem}")


def check_layer(layer: Layer, content: bytes | None, where: str) -> None:
    """Prove that bytes which were read back are a layer. Raises VerificationError."""
    if content is None or hashlib.sha256(content).digest() != layer.fetch_hash:
        raise VerificationError(f"what is in {where} for the layer {layer.name} is something else")


def wanted_page(hardware: Hardware, bundle: Bundle, number: int) -> bytes:
    """Return what a page of internal flash must hold."""
    size = hardware.internal.erase_size
    start, page = number * size, bytearray(ERASED * size)
    for stored in bundle.layers:
        first, last = stored.layer.start, stored.layer.start + stored.size
        begin, end = max(first, start), min(last, start + size)
        if begin < end:
            page[begin - start : end - start] = hardware.external.read(stored.address + begin - first, end - begin)
    return bytes(page)


def verify_internal(hardware: Hardware, bundle: Bundle) -> Image:
    """Prove that internal flash holds a bundle and nothing else, and return what was read. Raises VerificationError."""
    flash, size = hardware.internal, hardware.internal.erase_size
    erased = ERASED * size
    pages = []
    for number in range(hardware.board.flash.size // size):
        page = read_or_none(flash, number * size, size)
        if page is None:
            raise VerificationError(f"page {number} of internal flash cannot be read")
        pages.append(page)
    while pages and pages[-1] == erased:
        pages.pop()
    content = b"".join(pages)
    image, position = bytearray(), 0
    for stored in sorted(bundle.layers, key=lambda each: each.layer.start):
        start, end = stored.layer.start, stored.layer.start + stored.size
        check_layer(stored.layer, content[start:end].ljust(stored.size, ERASED), "internal flash")
        _check_blank(content[position:start])
        image += content[position:end].ljust(end - position, ERASED)
        position = end
    _check_blank(content[position:])
    return Image(bytes(image))


def _check_blank(between: bytes) -> None:
    if between.count(ERASED) != len(between):
        raise VerificationError("internal flash holds bytes that belong to no layer")


def _stored(hardware: Hardware, slot: int, manifest: Manifest, sizes: tuple[int, ...]) -> Iterator[StoredLayer]:
    address = hardware.layout.layers(slot)
    for layer, size in zip(manifest.body.layers, sizes, strict=False):
        rounded = hardware.layout.rounded(size)
        if not 0 < size <= layer.size or address + rounded > hardware.layout.end(slot):
            raise VerificationError(f"the layer {layer.name} cannot have {size} bytes")
        yield StoredLayer(layer, address, size)
        address += rounded
