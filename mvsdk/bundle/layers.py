"""Layers: what a manifest says of them, held against what is in the archive."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Mapping, Sequence

from mvsdk.bundle.errors import BUNDLE_AGAIN, LayerError, UnsupportedError
from mvsdk.bundle.image import ERASED, Image
from mvsdk.bundle.manifest import Layer


def reference(image: Image, size: int) -> Layer:
    """Return the reference to one plain layer at the start of flash that covers `size` bytes of it."""
    return Layer(
        memory="internal_flash",
        start=0,
        size=size,
        encrypted_with_key_id=0,
        fetch_hash=hashlib.sha256(image.data).digest(),
        measurement_hash=measurement(image.data, size),
    )


def measurement(content: bytes, size: int) -> bytes:
    """Return the SHA-256 of flash with `content` in a region of `size` bytes."""
    return hashlib.sha256(content.ljust(size, ERASED)).digest()


def check(layers: Sequence[Layer], contents: Mapping[str, bytes], capacity: int) -> None:
    """Prove that the layers are those in the archive and have a place each in `capacity` bytes of flash.

    `contents` maps member names to their bytes. Raises UnsupportedError and LayerError for the first thing wrong.
    """
    check_references(layers, capacity)
    for name, content in contents.items():
        if hashlib.sha256(content).hexdigest() != name:
            actual = hashlib.sha256(content).hexdigest()
            raise LayerError(f"the member {name} is not named by its SHA-256, {actual}", BUNDLE_AGAIN)
    for layer in layers:
        _check_content(layer, contents)
    unused = set(contents) - {layer.name for layer in layers}
    if unused:
        raise LayerError(f"the member {min(unused)} belongs to no layer of the manifest", BUNDLE_AGAIN)


def check_references(layers: Sequence[Layer], capacity: int) -> None:
    """Prove that layers have a place each in `capacity` bytes of flash, as far as that can be known without them.

    Raises UnsupportedError and LayerError.
    """
    if not layers:
        raise LayerError("the manifest names no layer", BUNDLE_AGAIN)
    for layer in layers:
        _check_supported(layer)
        _check_region(layer, capacity)
    _check_overlap(layers)


def assemble(layers: Iterable[Layer], contents: Mapping[str, bytes]) -> Image:
    """Return what the layers, which `check` has proven, make of flash together.

    Raises ImagePlacementError when they fill it to the last byte: an image is smaller than its flash.
    """
    image = b""
    for layer in sorted(layers, key=lambda layer: layer.start):
        image = image.ljust(layer.start, ERASED) + contents[layer.name]
    return Image(image)


def _check_supported(layer: Layer) -> None:
    if layer.memory == "external_flash":
        what = f"the layer {layer.name} is for external flash, which is not supported"
        raise UnsupportedError(what, "use bundles with layers for internal flash only")
    if layer.encrypted_with_key_id:
        raise UnsupportedError(
            f"the layer {layer.name} is encrypted with key {layer.encrypted_with_key_id:016x}, which is not supported",
            "use bundles with plain layers only",
        )


def _check_region(layer: Layer, capacity: int) -> None:
    for what, digest in (("fetch", layer.fetch_hash), ("measurement", layer.measurement_hash)):
        if len(digest) != 32:
            raise LayerError(f"a {what} hash has {len(digest)} bytes, not 32: {digest.hex()}", BUNDLE_AGAIN)
    if layer.memory == "nowhere":
        raise LayerError(f"the layer {layer.name} has no target", BUNDLE_AGAIN)
    if layer.start + layer.size > capacity:
        raise LayerError(f"the layer {layer.name} at {_range(layer)} leaves the flash of {capacity:#x}", BUNDLE_AGAIN)


def _check_overlap(layers: Sequence[Layer]) -> None:
    ordered = sorted(layers, key=lambda layer: layer.start)
    for first, second in itertools.pairwise(ordered):
        if first.start + first.size > second.start:
            raise LayerError(
                f"the layers {first.name} at {_range(first)} and {second.name} at {_range(second)} overlap",
                BUNDLE_AGAIN,
            )


def _check_content(layer: Layer, contents: Mapping[str, bytes]) -> None:
    content = contents.get(layer.name)
    if content is None:
        raise LayerError(f"the manifest names the layer {layer.name}, which is not in the archive", BUNDLE_AGAIN)
    if len(content) > layer.size:
        what = f"the layer {layer.name} has {len(content)} bytes and a region of {layer.size}"
        raise LayerError(what, BUNDLE_AGAIN)
    measured = measurement(content, layer.size)
    if measured != layer.measurement_hash:
        what = f"the layer {layer.name} measures {measured.hex()}, not {layer.measurement_hash.hex()}"
        raise LayerError(what, BUNDLE_AGAIN)


def _range(layer: Layer) -> str:
    return f"{layer.start:#x} to {layer.start + layer.size:#x}"
