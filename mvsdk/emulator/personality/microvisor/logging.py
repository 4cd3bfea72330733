"""Server logging: mvServerLoggingInit and mvServerLog."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from mvsdk.emulator.events import LogLine
from mvsdk.emulator.personality import Host
from mvsdk.emulator.personality.microvisor.answers import GuestPointer, Refused, answers
from mvsdk.emulator.personality.microvisor.buffers import LentBuffers
from mvsdk.emulator.personality.microvisor.circumstances import Circumstances
from mvsdk.emulator.personality.microvisor.message_buffer import MessageBuffer


class Logging:
    """The application's log. Messages leave the buffer while the device is online, and wait in it while it is not."""

    STATE: ClassVar[tuple[str, ...]] = ("_buffer",)

    def __init__(self, host: Host, buffers: LentBuffers, circumstances: Circumstances) -> None:
        self._host = host
        self._circumstances = circumstances
        self._buffer = MessageBuffer(host, buffers, "log")

    def start(self) -> None:
        """Begin an application's life without a buffer."""
        self._buffer.start()

    def connected(self, online: bool) -> None:
        """Hear whether the device is online."""
        self._buffer.connected(online)

    @answers("mvServerLoggingInit")
    def init(self, buffer: GuestPointer, length: int) -> None:
        """Take the buffer."""
        self._buffer.check(buffer, length)
        self._buffer.take(buffer, length)

    def _initialised(self, _registers: Sequence[int]) -> None:
        if not self._buffer.ready:
            raise Refused("UNAVAILABLE")

    @answers("mvServerLog", before_pointers=_initialised)
    def log(self, message: GuestPointer, length: int) -> None:
        """Take one message."""
        self._buffer.check_message(length)
        if not self._circumstances.server_logging:
            raise Refused("LOGGINGDISABLEDBYSERVER")
        self._host.tell(LogLine(self._host.time_us, self._buffer.put(message, length)))
