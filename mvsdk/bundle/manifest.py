"""Manifests as typed values: the envelope that is signed, and the body inside.

The body is kept as the bytes that arrived and is never encoded again, because the signature is over those bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mvsdk.bundle import schema, wire
from mvsdk.bundle.errors import BUNDLE_AGAIN, AlreadySignedError, ManifestError, UnsignedError
from mvsdk.bundle.options import ManifestOptions
from mvsdk.bundle.schema import Dynamic
from mvsdk.bundle.wire import UnknownField

if TYPE_CHECKING:
    from mvsdk.keys import Signer

SIGNED_PREFIX = b"twlo-mv-manifest-v1\0"
"""What is signed is this followed by the body (bundle format, "Signing")."""

Memory = Literal["internal_flash", "external_flash", "nowhere"]


@dataclass(frozen=True, slots=True)
class Layer:
    """A reference to a layer. `start` and `size` are bytes, from the start of the application's part of `memory`."""

    memory: Memory
    start: int
    size: int
    encrypted_with_key_id: int
    fetch_hash: bytes
    measurement_hash: bytes

    @property
    def name(self) -> str:
        """The name of the member that holds the layer."""
        return self.fetch_hash.hex()


@dataclass(frozen=True, slots=True)
class Body:
    """What a manifest says. `unknown` tells of fields that a later format added."""

    layers: tuple[Layer, ...]
    options: ManifestOptions
    unknown: tuple[UnknownField, ...] = ()

    @classmethod
    def parse(cls, data: bytes) -> Body:
        """Read the body of an application manifest. Raises ManifestError."""
        message, unknown = parse_message("AppManifest.AppBody", data)
        return cls(tuple(_layer(reference) for reference in message.layers), _options(message), unknown)

    def encode(self) -> bytes:
        """Return the wire form, byte for byte what the original bundler writes for the options it has.

        `update` and `connectivity` are always there, `debug` and `crash` only when they say something.
        """
        message = schema.message("AppManifest.AppBody")()
        for layer in self.layers:
            _add_layer(message.layers.add(), layer)
        _set_nonzero(message.debug, self.options, "debuggable", "debug_auth_pubkey")
        _set_nonzero(
            message.crash,
            self.options,
            "minimum_restart_ms",
            "maximum_restart_ms",
            "crash_report_pubkey",
            "include_stack_bytes",
        )
        _set_nonzero(message.update, self.options, "maximum_politeness_time_sec", "minimum_kernel_version")
        _set_nonzero(message.connectivity, self.options, "connection_grace_time_sec", "minimum_check_in_time_sec")
        if self.options.rollback_counter:
            message.rollback.counter = self.options.rollback_counter
        if self.options.may_replace_counter:
            message.rollback.may_replace = self.options.may_replace_counter
        message.update.SetInParent()
        message.connectivity.SetInParent()
        return bytes(message.SerializeToString(deterministic=True))


@dataclass(frozen=True, slots=True)
class Endorsement:
    """Another signature over the same bytes, for devices that want more than one signer."""

    signer_id: int
    signature: bytes


@dataclass(frozen=True, slots=True)
class Envelope:
    """A manifest with its body unopened. `raw` is the whole as it arrived."""

    raw: bytes
    signer_id: int
    body: bytes
    signature: bytes
    unknown: tuple[UnknownField, ...] = ()
    endorsements: tuple[Endorsement, ...] = ()
    prefix: bytes = SIGNED_PREFIX
    """What a signature is over before the body; another for every kind of body, so that none can pass for another."""

    @classmethod
    def parse(cls, raw: bytes, prefix: bytes = SIGNED_PREFIX) -> Envelope:
        """Read the outer message. Raises ManifestError."""
        message, unknown = parse_message("OpaqueManifest", raw)
        endorsements = tuple(Endorsement(each.signer_id, each.signature) for each in message.endorsements)
        return cls(raw, message.signer_id, message.body, message.signature, unknown, endorsements, prefix)

    @classmethod
    def around(cls, body: bytes, prefix: bytes = SIGNED_PREFIX) -> Envelope:
        """Return an unsigned manifest."""
        return cls.parse(schema.message("OpaqueManifest")(body=body).SerializeToString(deterministic=True), prefix)

    @property
    def signed(self) -> bool:
        """Whether it claims to be signed."""
        return bool(self.signer_id or self.signature)

    @property
    def signed_bytes(self) -> bytes:
        """What a signature is over."""
        return self.prefix + self.body

    def signed_by(self, signer: Signer) -> Envelope:
        """Return the same manifest with this signature. Unknown fields beside the body stay."""
        message, _ = parse_message("OpaqueManifest", self.raw)
        message.signer_id = signer.public.id
        message.signature = signer.sign(self.signed_bytes)
        return Envelope.parse(message.SerializeToString(deterministic=True), self.prefix)

    def endorsed_by(self, signer: Signer) -> Envelope:
        """Return the same manifest with one signature more. Raises UnsignedError when nobody signed it yet, and
        AlreadySignedError when it is the same signer."""
        own = signer.public.id
        if not self.signed:
            raise UnsignedError("it is not signed", "sign it first; an endorsement stands beside a signature")
        if own in (self.signer_id, *(each.signer_id for each in self.endorsements)):
            raise AlreadySignedError(f"it is signed already by key {own:016x}", "endorse it with another key")
        message, _ = parse_message("OpaqueManifest", self.raw)
        message.endorsements.add(signer_id=own, signature=signer.sign(self.signed_bytes))
        return Envelope.parse(message.SerializeToString(deterministic=True), self.prefix)


def parse_message(name: str, data: bytes) -> tuple[Dynamic, tuple[UnknownField, ...]]:
    """Return a message and what of it is not in the schema. Raises ManifestError."""
    from google.protobuf.message import DecodeError

    kind = schema.message(name)
    unknown = wire.scan(data, kind.DESCRIPTOR)
    try:
        return kind.FromString(data), unknown
    except DecodeError as error:
        raise ManifestError(f"the manifest is malformed: {error}", BUNDLE_AGAIN) from error


def _layer(reference: Dynamic) -> Layer:
    memory = reference.target.WhichOneof("where")
    region = getattr(reference.target, memory) if memory else None
    return Layer(
        memory=memory or "nowhere",
        start=region.start if region else 0,
        size=region.size if region else 0,
        encrypted_with_key_id=reference.encrypted_with_key_id,
        fetch_hash=reference.fetch_hash,
        measurement_hash=reference.measurement_hash,
    )


def _add_layer(reference: Dynamic, layer: Layer) -> None:
    if layer.memory != "nowhere":
        region = getattr(reference.target, layer.memory)
        region.SetInParent()
        region.start, region.size = layer.start, layer.size
    reference.encrypted_with_key_id = layer.encrypted_with_key_id
    reference.fetch_hash, reference.measurement_hash = layer.fetch_hash, layer.measurement_hash


def _set_nonzero(policy: Dynamic, options: ManifestOptions, *names: str) -> None:
    # Setting even a default value would put the sub-message itself on the wire.
    for name in names:
        if value := getattr(options, name):
            setattr(policy, name, value)


def _options(body: Dynamic) -> ManifestOptions:
    return ManifestOptions(
        debug_auth_pubkey=body.debug.debug_auth_pubkey or None,
        debuggable=body.debug.debuggable,
        connection_grace_time_sec=body.connectivity.connection_grace_time_sec,
        minimum_check_in_time_sec=body.connectivity.minimum_check_in_time_sec,
        minimum_kernel_version=body.update.minimum_kernel_version,
        maximum_politeness_time_sec=body.update.maximum_politeness_time_sec,
        minimum_restart_ms=body.crash.minimum_restart_ms,
        maximum_restart_ms=body.crash.maximum_restart_ms,
        crash_report_pubkey=body.crash.crash_report_pubkey or None,
        include_stack_bytes=body.crash.include_stack_bytes,
        rollback_counter=body.rollback.counter,
        may_replace_counter=body.rollback.may_replace,
    )
