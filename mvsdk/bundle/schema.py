"""The message classes of `bundle.proto`, made from the file itself.

Reading the schema directly keeps one source of truth and ties nobody to a protoc or to the protobuf version that some
generated code demands. Only what bundle.proto uses of the language is understood: proto3 messages, nested messages,
enums, oneof, repeated, and scalar or message fields. A test compares the result with the published table.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from google.protobuf.descriptor_pb2 import (
        DescriptorProto,
        EnumDescriptorProto,
        FieldDescriptorProto,
        FileDescriptorProto,
    )
    from google.protobuf.descriptor_pool import DescriptorPool

Dynamic: TypeAlias = Any
"""A message class or a message. Its fields are known at run time only; manifest.py turns them into typed values."""

_TOKEN = re.compile(r'\s+|//[^\n]*|(?P<token>[A-Za-z_][\w.]*|\d+|"[^"]*"|[{}=;])')


@functools.cache
def message(name: str) -> Dynamic:
    """Return the class of the message `name`, for instance "AppManifest.AppBody"."""
    from google.protobuf import message_factory

    return message_factory.GetMessageClass(pool().FindMessageTypeByName(f"bundle.{name}"))


@functools.cache
def pool() -> DescriptorPool:
    """Return a pool that holds bundle.proto and nothing else."""
    from google.protobuf.descriptor_pool import DescriptorPool

    own = DescriptorPool()
    own.AddSerializedFile(_file(Path(__file__).with_name("bundle.proto").read_text("utf-8")).SerializeToString())
    return own


def _tokens(text: str) -> Iterator[str]:
    position = 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        assert found, f"bundle.proto: not understood: {text[position : position + 20]!r}"  # noqa: S101 - our own file
        position = found.end()
        if found["token"]:
            yield found["token"]


def _file(text: str) -> FileDescriptorProto:
    from google.protobuf.descriptor_pb2 import FileDescriptorProto

    file = FileDescriptorProto(name="bundle.proto")
    tokens = _tokens(text)
    for word in tokens:
        if word == "syntax":
            file.syntax = _statement(tokens)[1].strip('"')
        elif word == "package":
            file.package = _statement(tokens)[0]
        elif word == "message":
            _message(file.message_type.add(name=next(tokens)), tokens)
        else:
            _enum(file.enum_type.add(name=next(tokens)), tokens)
    return file


def _statement(tokens: Iterator[str]) -> list[str]:
    """Return the tokens up to the next semicolon."""
    return list(iter(lambda: next(tokens), ";"))


def _message(target: DescriptorProto, tokens: Iterator[str]) -> None:
    next(tokens)
    while (word := next(tokens)) != "}":
        if word == "message":
            _message(target.nested_type.add(name=next(tokens)), tokens)
        elif word == "oneof":
            target.oneof_decl.add(name=next(tokens))
            next(tokens)
            while (member := next(tokens)) != "}":
                _field(target, member, tokens).oneof_index = len(target.oneof_decl) - 1
        else:
            _field(target, word, tokens)


def _field(target: DescriptorProto, first: str, tokens: Iterator[str]) -> FieldDescriptorProto:
    from google.protobuf.descriptor_pb2 import FieldDescriptorProto

    repeated = first == "repeated"
    kind = next(tokens) if repeated else first
    name, _, number = _statement(tokens)
    label = FieldDescriptorProto.LABEL_REPEATED if repeated else FieldDescriptorProto.LABEL_OPTIONAL
    field = target.field.add(name=name, number=int(number), label=label)
    if f"TYPE_{kind.upper()}" in FieldDescriptorProto.Type.keys():  # noqa: SIM118 - no mapping
        field.type = FieldDescriptorProto.Type.Value(f"TYPE_{kind.upper()}")
    else:
        field.type_name = kind  # a message or an enum; the pool finds out which, and where
    return field


def _enum(target: EnumDescriptorProto, tokens: Iterator[str]) -> None:
    next(tokens)
    while (name := next(tokens)) != "}":
        target.value.add(name=name, number=int(_statement(tokens)[1]))
