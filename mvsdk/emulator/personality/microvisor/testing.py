"""Application testing in the factory: mvTestingComplete, mvTestLoggingInit, mvTestLog."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from mvsdk.emulator.events import FactoryLogLine
from mvsdk.emulator.personality import Host
from mvsdk.emulator.personality.microvisor.answers import GuestPointer, Refused, answers
from mvsdk.emulator.personality.microvisor.buffers import LentBuffers
from mvsdk.emulator.personality.microvisor.circumstances import Circumstances
from mvsdk.emulator.personality.microvisor.message_buffer import MessageBuffer


class Testing:
    """The factory's side."""

    STATE: ClassVar[tuple[str, ...]] = ("_buffer",)

    def __init__(self, host: Host, buffers: LentBuffers, circumstances: Circumstances, *, active: bool) -> None:
        self._host = host
        self._circumstances = circumstances
        self.active = active
        """Whether the application runs as test code. It is so for all of its lives; the next one may differ."""
        self._buffer = MessageBuffer(host, buffers, "factory log")

    def start(self) -> None:
        """Begin an application's life without a buffer."""
        self._buffer.start()

    @answers("mvTestingComplete")
    def complete(self, status: int) -> None:
        """End the test code; to the kernel all that matters of `status` is whether it is zero. If it is, an application
        that waits behind it takes its place."""
        if not self.active:
            raise Refused("UNAVAILABLE")
        self._host.end_testing(status, followed=status == 0 and self._circumstances.final_staged)

    @answers("mvTestLoggingInit")
    def init(self, buffer: GuestPointer, length: int) -> None:
        """Take the buffer. That this is no test is the last thing looked at, as documented."""
        self._buffer.check(buffer, length)
        if not self.active:
            raise Refused("UNAVAILABLE")
        self._buffer.take(buffer, length)

    def _initialised(self, _registers: Sequence[int]) -> None:
        if not self._buffer.ready:
            raise Refused("UNAVAILABLE")

    @answers("mvTestLog", before_pointers=_initialised)
    def log(self, message: GuestPointer, length: int) -> None:
        """Take one message for the factory's console."""
        self._buffer.check_message(length)
        self._host.tell(FactoryLogLine(self._host.time_us, self._buffer.put(message, length)))
