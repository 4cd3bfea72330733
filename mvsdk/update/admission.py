"""Whether a device takes a bundle: everything that can be known from its manifest, in the order of trust."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache

from mvsdk.boards import Board
from mvsdk.bundle import LayerError, ManifestError, UnsupportedError
from mvsdk.bundle.container import MANIFEST_LIMIT
from mvsdk.bundle.layers import check_references
from mvsdk.bundle.manifest import Body, Envelope
from mvsdk.update.errors import Refusal, RefusedError
from mvsdk.update.key_set import KeySet
from mvsdk.update.layout import Layout
from mvsdk.update.state import MAX_LAYERS


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest whose signatures were checked with the device's keys, and whose layers have a place each."""

    raw: bytes
    envelope: Envelope
    body: Body

    @property
    def hash(self) -> bytes:
        """The SHA-256 of the manifest as it arrived: what a device says it runs."""
        return hashlib.sha256(self.raw).digest()

    @property
    def body_hash(self) -> bytes:
        """The SHA-256 of what is signed: the same for a bundle that was signed again."""
        return hashlib.sha256(self.envelope.body).digest()


def authenticate(raw: bytes, keys: KeySet, board: Board) -> Manifest:
    """Prove that a manifest is signed by enough of `keys`, and that its layers fit `board`. Raises RefusedError."""
    if not 0 < len(raw) <= MANIFEST_LIMIT:
        raise RefusedError(Refusal.MALFORMED, f"the manifest has {len(raw)} bytes; 1 to {MANIFEST_LIMIT} can be")
    try:
        envelope = _envelope(raw)
    except ManifestError as error:
        raise RefusedError(Refusal.MALFORMED, error.what) from error
    keys.check(envelope)
    try:
        body = _body(envelope.body)
        check_references(body.layers, board.flash.size)
    except UnsupportedError as error:
        raise RefusedError(Refusal.UNSUPPORTED, error.what) from error
    except (ManifestError, LayerError) as error:
        raise RefusedError(Refusal.MALFORMED, error.what) from error
    if len(body.layers) > MAX_LAYERS:
        raise RefusedError(
            Refusal.UNSUPPORTED, f"the manifest names {len(body.layers)} layers; a device takes {MAX_LAYERS}"
        )
    return Manifest(raw, envelope, body)


def admit(manifest: Manifest, *, kernel_version: int, counter: int, bad: tuple[bytes, ...], layout: Layout) -> None:
    """Prove that the device may go on to fetch an authentic bundle. Raises RefusedError."""
    options = manifest.body.options
    if manifest.body_hash in bad:
        raise RefusedError(
            Refusal.FAILED_BEFORE, "this bundle was tried on this device and did not work", "deploy another one"
        )
    if options.minimum_kernel_version > kernel_version:
        raise RefusedError(
            Refusal.KERNEL_TOO_OLD,
            f"it wants a kernel of version {options.minimum_kernel_version}; this device has {kernel_version}",
        )
    if options.rollback_counter < counter and options.may_replace_counter < counter:
        raise RefusedError(
            Refusal.ROLLBACK,
            f"its rollback counter is {options.rollback_counter}; this device has confirmed {counter}",
            f"deploy a newer one, or sign a permitted downgrade: mvsdk bundle --may-replace-counter {counter}",
        )
    least = layout.page * len(manifest.body.layers)
    if least > layout.capacity:
        raise no_space(least, layout)


def no_space(needed: int, layout: Layout) -> RefusedError:
    """Return what to raise when layers need more room than a slot has."""
    return RefusedError(
        Refusal.NO_SPACE,
        f"its layers take {needed} bytes of external flash; a slot has {layout.capacity}",
        "make the bundle smaller, or of fewer layers",
    )


@lru_cache(64)
def _envelope(raw: bytes) -> Envelope:
    return Envelope.parse(raw)


@lru_cache(64)
def _body(data: bytes) -> Body:
    return Body.parse(data)
