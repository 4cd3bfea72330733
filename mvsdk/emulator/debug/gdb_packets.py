"""The outermost layer of GDB's remote protocol: a stream of bytes as packets, and packets as bytes.

Source: GDB manual, appendix "Remote Protocol", section "Overview". What comes from the socket is believed nothing:
whatever bytes come, in whatever pieces, become packets and refusals, and never take more memory than one packet may.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from dataclasses import dataclass

LONGEST = 0x4000
"""Bytes that a packet from GDB may have between `$` and `#`; it is told so as PacketSize."""
_START, _ESCAPE, _FLIP, _INTERRUPT = 0x24, 0x7D, 0x20, 0x03
_ESCAPED = re.compile(rb"[#$}*]")
_ENDS_BODY = re.compile(rb"[#$]")


class Signal(enum.Enum):
    """What is no packet."""

    ACKNOWLEDGED = "+"
    REFUSED = "-"
    INTERRUPT = "interrupt"
    """Somebody pressed Ctrl-C."""
    DAMAGED = "damaged"
    """A packet with a wrong check sum, or one that is too long; what it was is lost."""


@dataclass(frozen=True, slots=True)
class Packet:
    """What a packet holds, its escapes undone."""

    content: bytes


class Reader:
    """Cuts a stream into packets. Bytes between packets that mean nothing are dropped."""

    def __init__(self) -> None:
        self._body: bytearray | None = None
        self._sum: bytearray | None = None
        self._too_long = False

    def feed(self, data: bytes) -> Iterator[Packet | Signal]:
        """Take some more bytes, and yield what they complete."""
        at = 0
        while at < len(data):
            if self._body is not None and self._sum is None:
                end = _ENDS_BODY.search(data, at)
                stop = len(data) if end is None else end.start()
                self._keep(data[at:stop])
                at = stop
            if at < len(data):
                found = self._take(data[at])
                at += 1
                if found is not None:
                    yield found

    def _keep(self, part: bytes) -> None:
        """Add to the body, up to the length that was agreed."""
        body = self._body
        if body is not None:
            self._too_long |= len(body) + len(part) > LONGEST
            body += part[: LONGEST - len(body)]

    def _take(self, byte: int) -> Packet | Signal | None:
        if self._sum is not None:
            self._sum.append(byte)
            return self._whole() if len(self._sum) == 2 else None
        if byte == _START:
            self._body, self._too_long = bytearray(), False
        elif self._body is None:
            return {0x2B: Signal.ACKNOWLEDGED, 0x2D: Signal.REFUSED, _INTERRUPT: Signal.INTERRUPT}.get(byte)
        else:
            self._sum = bytearray()
        return None

    def _whole(self) -> Packet | Signal:
        body, stated = bytes(self._body or b""), bytes(self._sum or b"")
        self._body = self._sum = None
        if self._too_long or stated.lower() != b"%02x" % checksum(body):
            return Signal.DAMAGED
        content = _unescaped(body)
        return Signal.DAMAGED if content is None else Packet(content)


def checksum(body: bytes) -> int:
    """Return the check sum of a packet's bytes as they are sent."""
    return sum(body) & 0xFF


def packet(content: bytes) -> bytes:
    """Return a packet as it is sent."""
    body = _ESCAPED.sub(lambda found: bytes((_ESCAPE, found[0][0] ^ _FLIP)), content)
    return b"$%b#%02x" % (body, checksum(body))


def _unescaped(body: bytes) -> bytes | None:
    """Undo escapes; None where the last one escapes nothing."""
    if _ESCAPE not in body:
        return body
    parts = body.split(b"}")
    if any(not part for part in parts[1:]):
        return None
    return parts[0] + b"".join(bytes((part[0] ^ _FLIP,)) + part[1:] for part in parts[1:])
