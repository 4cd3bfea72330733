"""What is in a bundle, as far as it can be read: for people who want to know what is wrong with one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from mvsdk.bundle import container, layers, salvage
from mvsdk.bundle.container import Member
from mvsdk.bundle.image import Image
from mvsdk.bundle.manifest import Body, Endorsement, Envelope, Layer
from mvsdk.bundle.options import ManifestOptions
from mvsdk.bundle.vectors import VectorTable, vector_table_problem
from mvsdk.bundle.verification import check_signature
from mvsdk.bundle.wire import UnknownField
from mvsdk.errors import BundleError

if TYPE_CHECKING:
    from mvsdk.boards import Board
    from mvsdk.keys import PublicKey

Document = dict[str, object]
"""What becomes one JSON object. Hashes, keys and key ids are in hexadecimal."""


def inspect(data: bytes, board: Board, known: Mapping[str, PublicKey]) -> Document:
    """Describe a bundle, broken ones too. `known` names the trusted keys. Nothing in the result is proven.

    Keys: `size`, `sha256`, `members`, `manifest`, `layers`, `options`, `unknown_fields`, `image`, and `problems`: what
    is wrong with it on its own, in the order in which it was found. What could not be read is null or empty. Whose
    signature it is, and whether it fits, stands in `manifest`; that a signer is unknown here is no problem of the
    bundle.
    """
    problems: list[str] = []
    document: Document = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    members = _members(data, board, problems)
    document["members"] = [_member(member) for member in members]
    envelope = _envelope(members, problems)
    document["manifest"] = _manifest(envelope, known, problems) if envelope else None
    body = _body(envelope, problems) if envelope else None
    document["layers"] = [_layer(layer) for layer in body.layers] if body else []
    document["options"] = _options(body.options) if body else None
    unknown = (*(envelope.unknown if envelope else ()), *(body.unknown if body else ()))
    document["unknown_fields"] = _unknown(unknown)
    document["image"] = _image(body, members, board, problems) if body else None
    document["problems"] = problems
    return document


def _members(data: bytes, board: Board, problems: list[str]) -> Sequence[Member]:
    try:
        return container.read(data, board.flash.size)
    except BundleError as error:
        problems.append(error.what)
        return salvage.members(data, board.flash.size)


def _member(member: Member) -> Document:
    return {
        "name": member.name,
        "size": len(member.content),
        "packed": member.packed,
        "method": member.method,
        "sha256": hashlib.sha256(member.content).hexdigest(),
    }


def _envelope(members: Sequence[Member], problems: list[str]) -> Envelope | None:
    raw = next((member.content for member in members if member.name == container.MANIFEST), None)
    if raw is None:
        return None  # which the container has complained of
    try:
        return Envelope.parse(raw)
    except BundleError as error:
        problems.append(error.what)
        return None


def _manifest(envelope: Envelope, known: Mapping[str, PublicKey], problems: list[str]) -> Document:
    name = next((name for name, key in known.items() if key.id == envelope.signer_id), None)
    state = "unsigned"
    if envelope.signed:
        state = "unknown signer" if name is None and envelope.signer_id else "good"
    if state == "good":
        try:
            check_signature(envelope, known.values(), allow_unsigned=False)
        except BundleError as error:
            problems.append(error.what)
            state = "bad"
    return {
        "size": len(envelope.raw),
        "signature": state,
        "signer_id": f"{envelope.signer_id:016x}",
        "signer": name,
        "signature_bytes": envelope.signature.hex(),
        "endorsements": [_endorsement(envelope, one, known, problems) for one in envelope.endorsements],
        "body_size": len(envelope.body),
        "body_sha256": hashlib.sha256(envelope.body).hexdigest(),
    }


def _endorsement(
    envelope: Envelope, endorsement: Endorsement, known: Mapping[str, PublicKey], problems: list[str]
) -> Document:
    signer = endorsement.signer_id
    candidates = {name: key for name, key in known.items() if key.id == signer}
    state = "unknown signer"
    if candidates:
        fits = any(key.verify(endorsement.signature, envelope.signed_bytes) for key in candidates.values())
        state = "good" if fits else "bad"
    if state == "bad":
        problems.append(f"the endorsement is not one of key {signer:016x} for this manifest")
    return {"signature": state, "signer_id": f"{signer:016x}", "signer": next(iter(candidates), None)}


def _body(envelope: Envelope, problems: list[str]) -> Body | None:
    try:
        return Body.parse(envelope.body)
    except BundleError as error:
        problems.append(error.what)
        return None


def _layer(layer: Layer) -> Document:
    key_id = layer.encrypted_with_key_id
    return {
        **asdict(layer),
        "encrypted_with_key_id": f"{key_id:016x}" if key_id else None,
        "fetch_hash": layer.name,
        "measurement_hash": layer.measurement_hash.hex(),
    }


def _options(options: ManifestOptions) -> Document:
    return {name: value.hex() if isinstance(value, bytes) else value for name, value in asdict(options).items()}


def _unknown(fields: Sequence[UnknownField]) -> Document:
    return {
        "count": len(fields),
        "bytes": sum(field.size for field in fields),
        "where": [f"{field.message} {field.number}" for field in fields],
    }


def _image(body: Body, members: Sequence[Member], board: Board, problems: list[str]) -> Document | None:
    contents = {member.name: member.content for member in members if member.name != container.MANIFEST}
    try:
        layers.check(body.layers, contents, board.flash.size)
        image = layers.assemble(body.layers, contents)
    except BundleError as error:
        problems.append(error.what)
        return None
    return {
        "size": len(image.data),
        "sha256": hashlib.sha256(image.data).hexdigest(),
        **_vector_table(image, board, problems),
    }


def _vector_table(image: Image, board: Board, problems: list[str]) -> Document:
    table = VectorTable.of(image)
    problem = vector_table_problem(image, board)
    if table is not None and problem:
        problems.append(f"the image cannot be started: {problem}")
    return {
        "initial_stack_pointer": f"{table.stack:08x}" if table else None,
        "reset_vector": f"{table.reset:08x}" if table else None,
        "bootable": problem is None,
    }
