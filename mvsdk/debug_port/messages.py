"""Every message of a debug port, and how it is framed.

A frame is its length in four bytes, lowest first, and as many bytes of MessagePack: a map with a message's fields, its
kind under "type". The debugger asks, the device answers each request in order. The first request is `Hello`; whatever
else comes first, and whatever cannot be read, ends the connection.

A field added later has a default; a message kind added later raises `PROTOCOL`.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

PROTOCOL = 1
FRAME_BYTES = 256 * 1024
"""Bytes of a frame's message, at most, either way."""
BLOCK_BYTES = 128 * 1024
"""Bytes of memory in one message, at most."""
LENGTH_BYTES = 4
LINES_MOST = 50
"""Lines of the log in one message, at most."""
LINE_LENGTH = 1024
"""Characters of a line, at most; a longer one is cut."""

Address = Annotated[int, Meta(ge=0, le=0xFFFF_FFFF)]
Width = Literal[0, 1, 2, 4]
"""Bytes of each access; 0 for accesses as wide as alignment allows."""
Text = Annotated[str, Meta(max_length=4096)]
Block = Annotated[bytes, Meta(max_length=BLOCK_BYTES)]


class _Message(msgspec.Struct, tag_field="type", frozen=True):
    """What all messages have in common."""


# -- what a debugger asks --------------------------------------------------------------------------------------------


class Hello(_Message, tag="hello", frozen=True, kw_only=True):
    """Begin: which protocol is spoken, and the word from the device's announcement."""

    protocol: int
    token: Text


class Read(_Message, tag="read", frozen=True, kw_only=True):
    """Read a range: answered by `Data`."""

    address: Address
    size: Annotated[int, Meta(ge=1, le=BLOCK_BYTES)]
    width: Width = 0


class Write(_Message, tag="write", frozen=True, kw_only=True):
    """Write a range: answered by `Done`."""

    address: Address
    data: Block
    width: Width = 0


class ResetLine(_Message, tag="reset-line", frozen=True, kw_only=True):
    """Pull the chip's reset line low, or let it go: answered by `Done`. While it is low the chip stands."""

    low: bool


class Follow(_Message, tag="follow", frozen=True, kw_only=True):
    """What has happened since the line of this number: answered by `Lines`. It is no debugging, and halts nobody."""

    after: Annotated[int, Meta(ge=0, le=2**53)]


Request = Hello | Read | Write | ResetLine | Follow


# -- what a device answers -------------------------------------------------------------------------------------------


class Welcome(_Message, tag="welcome", frozen=True, kw_only=True):
    """Who answers: its name, board, device id, and what it runs."""

    name: Text
    board: Text
    device_id: Text
    image: Text


class Data(_Message, tag="data", frozen=True, kw_only=True):
    """What was read."""

    data: Block


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened, at `time_us` of the device's clock: a logged line, a start with its wake reason, or a
    fault with its causes."""

    time_us: int
    kind: Literal["log", "start", "fault"]
    text: Annotated[str, Meta(max_length=LINE_LENGTH)]


class Lines(_Message, tag="lines", frozen=True, kw_only=True):
    """The next lines, and the number of the last of them. What the device no longer has is left out."""

    last: int
    lines: Annotated[tuple[Line, ...], Meta(max_length=LINES_MOST)]


class Done(_Message, tag="done", frozen=True):
    """It is done."""


class Failed(_Message, tag="failed", frozen=True, kw_only=True):
    """It could not be done, or not wholly."""

    why: Literal["bus-fault", "bad-request", "refused"]
    what: Text


Answer = Welcome | Data | Lines | Done | Failed

_to_request: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)
_to_answer: msgspec.msgpack.Decoder[Answer] = msgspec.msgpack.Decoder(Answer)


def frame(message: Request | Answer) -> bytes:
    """Return a message as it travels."""
    body = msgspec.msgpack.encode(message)
    return len(body).to_bytes(LENGTH_BYTES, "little") + body


def body_length(prefix: bytes) -> int:
    """Return how many bytes the frame has that begins so; `ValueError` for more than one may have, or none."""
    length = int.from_bytes(prefix, "little")
    if not 1 <= length <= FRAME_BYTES:
        raise ValueError(f"a frame of {length} bytes")
    return length


def read_request(body: bytes) -> Request:
    """Return the request that a frame holds; `ValueError` for what is none."""
    return _to_request.decode(body)


def read_answer(body: bytes) -> Answer:
    """Return the answer that a frame holds; `ValueError` for what is none."""
    return _to_answer.decode(body)
