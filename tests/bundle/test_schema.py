"""The messages made from bundle.proto are the published ones."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from mvsdk.bundle import schema

TYPES = {
    FieldDescriptor.TYPE_BOOL: "bool",
    FieldDescriptor.TYPE_BYTES: "bytes",
    FieldDescriptor.TYPE_STRING: "string",
    FieldDescriptor.TYPE_UINT32: "uint32",
    FieldDescriptor.TYPE_UINT64: "uint64",
}


def rows(descriptor: Descriptor) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield a row of schema.csv for every field of a message and of the messages inside it."""
    for field in descriptor.fields:
        kind = field.message_type or field.enum_type
        label = "repeated" if field.is_repeated else ""
        if field.containing_oneof:
            label = f"oneof {field.containing_oneof.name}"
        yield short(descriptor), str(field.number), field.name, short(kind) if kind else TYPES[field.type], label
    for nested in descriptor.nested_types:
        yield from rows(nested)


def table(name: str) -> list[tuple[str, ...]]:
    """Return the rows of a table beside this file."""
    with Path(__file__).with_name(name).open(newline="", encoding="utf-8") as file:
        return [tuple(row) for row in csv.reader(file)][1:]


def short(descriptor: Descriptor | EnumDescriptor) -> str:
    """Return the name of a message or enum inside the package."""
    return str(descriptor.full_name.removeprefix("bundle."))


def test_every_message_and_field_is_the_published_one() -> None:
    """bundle.proto gives exactly the messages, fields, numbers, types, labels and enums of the published table, and of
    ours, whose fields in published messages have numbers from 1001 on."""
    file = schema.pool().FindFileByName("bundle.proto")
    found = [row for message in file.message_types_by_name.values() for row in rows(message)]
    for enum in file.enum_types_by_name.values():
        found += [(enum.name, str(value.number), value.name, "enum", "") for value in enum.values]
    published, extension = table("schema.csv"), table("schema-extension.csv")
    assert sorted(found) == sorted(published + extension)
    messages = {row[0] for row in published}
    assert all(int(row[1]) > 1000 for row in extension if row[0] in messages)
    assert file.package == "bundle"


def test_the_manifests_share_their_wire_form() -> None:
    """An OpaqueManifest can be read as an AppManifest: the body is the same bytes."""
    manifest = schema.message("AppManifest")(signer_id=7, signature=b"s")
    manifest.body.update.minimum_kernel_version = 3
    opaque = schema.message("OpaqueManifest").FromString(manifest.SerializeToString())
    assert opaque.body == manifest.body.SerializeToString()
    assert (opaque.signer_id, opaque.signature) == (7, b"s")
