"""A walk over the protobuf wire form, stricter than the runtime's parser.

The runtime takes what is ambiguous (a field twice, a number too large for its type) and quietly decides. Two readers
that decide differently would see two manifests behind one signature, so ambiguity is refused here, before the runtime
parses. Fields that are not in the schema are skipped, as the format demands, and counted.
(Protocol Buffers, "Encoding".)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mvsdk.bundle.errors import BUNDLE_AGAIN, ManifestError

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, FieldDescriptor

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_FIXED_SIZES = {_FIXED64: 8, _FIXED32: 4}


@dataclass(frozen=True, slots=True)
class UnknownField:
    """A field that is not in the schema. `size` counts its bytes on the wire, tag included."""

    message: str
    number: int
    size: int


@dataclass(frozen=True, slots=True)
class _Field:
    number: int
    wire_type: int
    start: int
    content: bytes
    value: int
    end: int


def scan(data: bytes, descriptor: Descriptor) -> tuple[UnknownField, ...]:
    """Return the unknown fields of a message of type `descriptor`, sub-messages included.

    Raises ManifestError for what is malformed, and for a singular field or a oneof that is set twice, a field of
    another wire type, or a number too large for its type.
    """
    unknown: list[UnknownField] = []
    seen: dict[str, int] = {}
    for field in _fields(data, descriptor.name):
        known = descriptor.fields_by_number.get(field.number)
        if known is None:
            unknown.append(UnknownField(descriptor.name, field.number, field.end - field.start))
            continue
        where = f"{descriptor.name}.{known.name}"
        group = known.containing_oneof.name if known.containing_oneof else known.name
        if group in seen and not known.is_repeated:
            raise _error(f"{where} at byte {field.start} is set already at byte {seen[group]}")
        seen[group] = field.start
        unknown += _inside(field, known, where)
    return tuple(unknown)


def _inside(field: _Field, known: FieldDescriptor, where: str) -> tuple[UnknownField, ...]:
    limits = {known.CPPTYPE_BOOL: 1 << 1, known.CPPTYPE_UINT32: 1 << 32, known.CPPTYPE_UINT64: 1 << 64}
    limit = limits.get(known.cpp_type)
    if limit is not None and known.is_repeated and field.wire_type == _LENGTH:
        _check_packed(field.content, limit, where)
        return ()
    expected = _LENGTH if limit is None else _VARINT
    if field.wire_type != expected:
        raise _error(f"{where} at byte {field.start} has wire type {field.wire_type}, not {expected}")
    if limit is not None and field.value >= limit:
        raise _error(f"{where} = {field.value} is too large for its type")
    return scan(field.content, known.message_type) if known.message_type else ()


def _check_packed(content: bytes, limit: int, where: str) -> None:
    """Check a repeated number in its packed form."""
    position = 0
    while position < len(content):
        value, position = _varint(content, position, where)
        if value >= limit:
            raise _error(f"{where} = {value} is too large for its type")


def _fields(data: bytes, name: str) -> Iterator[_Field]:
    position = 0
    while position < len(data):
        start = position
        tag, position = _varint(data, position, name)
        number, wire_type = tag >> 3, tag & 7
        if not 0 < number < 1 << 29:
            raise _error(f"{name}: field number {number} at byte {start} cannot be")
        value, content_start = 0, position
        if wire_type == _VARINT:
            value, position = _varint(data, position, name)
        elif wire_type == _LENGTH:
            size, content_start = _varint(data, position, name)
            position = content_start + size
        elif wire_type in _FIXED_SIZES:
            position += _FIXED_SIZES[wire_type]
        else:
            raise _error(f"{name}: wire type {wire_type} of field {number} at byte {start} is not in use")
        if position > len(data):
            raise _error(f"{name}: field {number} at byte {start} ends {position - len(data)} bytes behind the message")
        yield _Field(number, wire_type, start, data[content_start:position], value, position)


def _varint(data: bytes, position: int, name: str) -> tuple[int, int]:
    value = 0
    for count, byte in enumerate(data[position : position + 10]):
        value |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            if value >= 1 << 64:
                raise _error(f"{name}: the number at byte {position} has more than 64 bits")
            return value, position + count + 1
    raise _error(f"{name}: the number at byte {position} does not end")


def _error(what: str) -> ManifestError:
    return ManifestError(f"the manifest is malformed: {what}", BUNDLE_AGAIN)
