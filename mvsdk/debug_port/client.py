"""A debugger's side of a debug port."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from types import TracebackType

from mvsdk.debug_port import addresses, messages
from mvsdk.debug_port.announcements import Announcement, announced, running_home
from mvsdk.debug_port.errors import AccessError, ConnectionLostError, NoSuchDeviceError
from mvsdk.debug_port.messages import (
    BLOCK_BYTES,
    LENGTH_BYTES,
    PROTOCOL,
    Answer,
    Data,
    Failed,
    Follow,
    Hello,
    Lines,
    Read,
    Request,
    ResetLine,
    Welcome,
    Width,
    Write,
)

ANSWER_S = 10.0
"""How long an answer may take before the device counts as lost: a busy machine is slow, too."""


class DebugConnection:
    """A connection to one device. Requests are answered one by one; a context manager that closes it.

    Raises `ConnectionLostError` whenever the device is not there, or no longer, or does not want us.
    """

    def __init__(self, announcement: Announcement, timeout: float = ANSWER_S) -> None:
        self.announcement = announcement
        try:
            self._socket = addresses.connect(announcement.address, timeout)
        except OSError as error:
            raise self._lost(error.strerror or str(error)) from error
        try:
            answer = self._ask(Hello(protocol=PROTOCOL, token=announcement.token))
            if not isinstance(answer, Welcome):
                raise self._lost(answer.what if isinstance(answer, Failed) else "it does not know the protocol")
        except BaseException:
            self._socket.close()
            raise
        self.welcome = answer

    def __enter__(self) -> DebugConnection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave; the device forgets what we wanted it to halt for."""
        self._socket.close()

    def read(self, address: int, size: int, width: Width = 0) -> bytes:
        """Read `size` bytes in accesses of `width` bytes; 0 for as wide as fit. `AccessError` where nothing answers."""
        parts = []
        for start in range(address, address + size, BLOCK_BYTES):
            length = min(BLOCK_BYTES, address + size - start)
            answer = self._ask(Read(address=start, size=length, width=width))
            if not isinstance(answer, Data) or len(answer.data) != length:
                raise self._failed(answer, f"cannot read {length} bytes at 0x{start:08x}")
            parts.append(answer.data)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def write(self, address: int, data: bytes, width: Width = 0) -> None:
        """Write bytes in accesses of `width` bytes; 0 for as wide as fit. `AccessError` where nothing takes them."""
        for start in range(0, len(data), BLOCK_BYTES):
            part = data[start : start + BLOCK_BYTES]
            answer = self._ask(Write(address=address + start, data=part, width=width))
            if not isinstance(answer, messages.Done):
                raise self._failed(answer, f"cannot write {len(part)} bytes at 0x{address + start:08x}")

    def reset_line(self, low: bool) -> None:
        """Pull the reset line low, or let it go."""
        answer = self._ask(ResetLine(low=low))
        if not isinstance(answer, messages.Done):
            raise self._failed(answer, "cannot reset")

    def follow(self, after: int) -> Lines:
        """Return what has happened since the line numbered `after`; nothing of it is halted by that."""
        answer = self._ask(Follow(after=after))
        if not isinstance(answer, Lines):
            raise self._failed(answer, "cannot follow the log")
        return answer

    def newest_line(self) -> int:
        """Return the number of the last line so far."""
        lines = self.follow(0)
        while lines.lines:
            lines = self.follow(lines.last)
        return lines.last

    def _ask(self, request: Request) -> Answer:
        try:
            self._socket.sendall(messages.frame(request))
            length = messages.body_length(self._receive(LENGTH_BYTES))
            return messages.read_answer(self._receive(length))
        except (OSError, ValueError) as error:
            self._socket.close()
            raise self._lost(str(error) or type(error).__name__) from error

    def _receive(self, size: int) -> bytes:
        received = bytearray()
        while len(received) < size:
            part = self._socket.recv(size - len(received))
            if not part:
                raise ConnectionError("the connection is closed")
            received += part
        return bytes(received)

    def _lost(self, why: str) -> ConnectionLostError:
        return ConnectionLostError(
            f"the emulated device {self.announcement.name!r} cannot be reached: {why}",
            "see which ones run: mvsdk probes",
        )

    def _failed(self, answer: Answer, what: str) -> AccessError | ConnectionLostError:
        if isinstance(answer, Failed):
            return AccessError(f"{what}: {answer.what}", "give an address where the chip has something")
        self._socket.close()
        return self._lost("its answer does not fit the question")


def running_devices(environment: Mapping[str, str], timeout: float = 1.0) -> list[tuple[Announcement, Welcome]]:
    """Return the devices that run and answer, with what they say of themselves."""
    found = []
    for announcement in announced(running_home(environment)):
        with contextlib.suppress(ConnectionLostError), DebugConnection(announcement, timeout) as connection:
            found.append((announcement, connection.welcome))
    return found


def connect(name: str, environment: Mapping[str, str]) -> DebugConnection:
    """Return a connection to the running device of this name. Raises `NoSuchDeviceError`, or `ConnectionLostError`."""
    known = announced(running_home(environment))
    fitting = [announcement for announcement in known if announcement.name == name]
    lost: ConnectionLostError | None = None
    for announcement in fitting:
        try:
            return DebugConnection(announcement)
        except ConnectionLostError as error:
            lost = error
    if lost is not None:
        raise lost
    names = ", ".join(announcement.name for announcement in known) or "none"
    raise NoSuchDeviceError(
        f"no emulated device {name!r} runs; running are: {names}", f"start it: mvsdk emulate --device {name}"
    )
