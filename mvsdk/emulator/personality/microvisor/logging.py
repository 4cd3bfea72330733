"""Server logging: mvServerLoggingInit and mvServerLog."""

from __future__ import annotations

from mvsdk.emulator.events import LogLine
from mvsdk.emulator.personality import Host
from mvsdk.emulator.personality.microvisor.answers import GuestPointer, Refused, answers

BUFFER_GRAIN = 512
"""The buffer's address and length are multiples of this (inferred; every public sample obeys it)."""
LONGEST_MESSAGE = 1024
"""Bytes in one message (inferred; the longest any public sample passes is 1022)."""


class Logging:
    """The application's log. The kernel is online from the start, so a message leaves the buffer at once."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._buffer_size = 0

    def start(self) -> None:
        """Begin an application's life without a buffer."""
        self._buffer_size = 0

    @answers("mvServerLoggingInit")
    def init(self, buffer: GuestPointer, length: int) -> None:
        """Take the buffer. A second call replaces the first one's (inferred)."""
        if buffer.address % BUFFER_GRAIN:
            raise Refused("INVALIDBUFFERALIGNMENT")
        if length == 0 or length % BUFFER_GRAIN:
            raise Refused("INVALIDBUFFERSIZE")
        self._buffer_size = length

    def _initialised(self) -> None:
        if not self._buffer_size:
            raise Refused("UNAVAILABLE")

    @answers("mvServerLog", before_pointers=_initialised)
    def log(self, message: GuestPointer, length: int) -> None:
        """Take one message; bytes that are not UTF-8 are shown as escapes."""
        if length > LONGEST_MESSAGE:
            raise Refused("LOGMESSAGETOOLONG")
        if length > self._buffer_size:
            raise Refused("INVALIDBUFFERSIZE")
        text = message.read().decode("utf-8", "backslashreplace")
        self._host.tell(LogLine(self._host.time_us, text))
