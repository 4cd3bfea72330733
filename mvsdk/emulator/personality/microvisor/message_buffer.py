"""A log's buffer: messages wait in it until the kernel has sent them."""

from __future__ import annotations

from typing import ClassVar

from mvsdk.emulator.personality import Host
from mvsdk.emulator.personality.microvisor.answers import GuestPointer, Refused
from mvsdk.emulator.personality.microvisor.buffers import LentBuffers

BUFFER_GRAIN = 512
"""The buffer's address and length are multiples of this (inferred; every public sample obeys it)."""
LONGEST_MESSAGE = 1024
"""Bytes in one message (inferred; the longest any public sample passes is 1022)."""
BYTE_US = 16
"""How long a byte takes to leave the buffer: 62 500 bytes a second (inferred; no rate is published)."""


class MessageBuffer:
    """The accounting of one log: how much of the buffer waits to be sent.

    Only the space is accounted for. What the application logged is told when it is accepted, not when it would be
    sent: whoever watches wants the last words before a crash, too. A message takes its own length and no more
    (inferred). `name` tells this log's buffer from others.
    """

    STATE: ClassVar[tuple[str, ...]] = ("_size", "_empty_at_us", "_held")

    def __init__(self, host: Host, buffers: LentBuffers, name: str) -> None:
        self._host = host
        self._name = name
        self._buffers = buffers
        self._size = 0
        self._empty_at_us = 0
        self._held: int | None = None
        """Bytes that wait for a connection; None while there is one."""

    def start(self) -> None:
        """Begin an application's life without a buffer."""
        self._size = 0

    def connected(self, online: bool) -> None:
        """Let messages leave, or wait for a connection."""
        if online and self._held is not None:
            self._empty_at_us = self._host.time_us + self._held * BYTE_US
            self._held = None
        elif not online and self._held is None:
            self._held = self._waiting

    @property
    def _waiting(self) -> int:
        return self._held if self._held is not None else -(-max(0, self._empty_at_us - self._host.time_us) // BYTE_US)

    @property
    def ready(self) -> bool:
        """Whether the application has lent a buffer."""
        return self._size > 0

    def check(self, buffer: GuestPointer, length: int) -> None:
        """Refuse a buffer that is not made of whole grains."""
        if buffer.address % BUFFER_GRAIN:
            raise Refused("INVALIDBUFFERALIGNMENT")
        if length == 0 or length % BUFFER_GRAIN:
            raise Refused("INVALIDBUFFERSIZE")

    def take(self, buffer: GuestPointer, length: int) -> None:
        """Take a buffer that was checked. A second one replaces the first (inferred); one that belongs to another
        object is refused, although the calls' lists do not name that status (inferred)."""
        self._buffers.check(buffer.address, length, self._name)
        self._buffers.lend(buffer.address, length, self._name)
        self._size = length
        self._empty_at_us = 0
        self._held = None if self._held is None else 0

    def check_message(self, length: int) -> None:
        """Refuse a message for which there is no room now, then one that is too long."""
        if length > self._size - self._waiting:
            raise Refused("INVALIDBUFFERSIZE")
        if length > LONGEST_MESSAGE:
            raise Refused("LOGMESSAGETOOLONG")

    def put(self, message: GuestPointer, length: int) -> str:
        """Let a checked message wait, and return its text; bytes that are not UTF-8 are shown as escapes."""
        if self._held is not None:
            self._held += length
        else:
            self._empty_at_us = max(self._empty_at_us, self._host.time_us) + length * BYTE_US
        return message.read().decode("utf-8", "backslashreplace")
