"""The device's side of a debug port: debuggers of other processes, served in the thread that runs the device.

port = stack.enter_context(DebugPort(device, folder, environment))
run_in_real_time(port, between=port.turn, now=lambda: time.monotonic() - port.stood_s)

Between two slices of a run whatever has arrived is answered, and a debugger that asks on without a pause is answered
on, up to a bound; while the guest stands, at once. A debugger that waits for the guest to halt waits for the next
slice. A connection that says what it must not, sends more than it may or does not take its answers is closed.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import secrets
import selectors
import socket
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from mvsdk.debug_port import addresses, messages
from mvsdk.debug_port.announcements import Announcement, announce, running_home
from mvsdk.debug_port.messages import (
    FRAME_BYTES,
    LENGTH_BYTES,
    LINE_LENGTH,
    LINES_MOST,
    PROTOCOL,
    Answer,
    Data,
    Done,
    Failed,
    Follow,
    Hello,
    Line,
    Lines,
    Read,
    Request,
    ResetLine,
    Welcome,
    Write,
)
from mvsdk.emulator.core import BusFault
from mvsdk.emulator.debug.access_port import AccessPort
from mvsdk.emulator.debug.debugger import Debugger
from mvsdk.emulator.device import Device, End
from mvsdk.emulator.events import Event, Faulted, LogLine, Started
from mvsdk.emulator.fault_status import causes

SOCKET_NAME = "debug.sock"
CLIENTS = 8
"""Debuggers at once, at most."""
REQUESTS_A_TURN = 400
"""Requests answered before the guest has its next slice, at most."""
LINGER_S = 0.002
"""How long a turn waits for a debugger's next request after an answer."""
LINES_KEPT = 1000
"""Lines of the log that are kept for who follows it."""
STANDING_S = 0.05
"""How long a standing guest lets nobody but debuggers have their turn."""
_UNSENT_BYTES = 4 * FRAME_BYTES


class DebugPort:
    """Lets debuggers at a device until it is closed. It is run in the device's place, as `run_in_steps` does.

    It listens in `folder`, on a Unix socket, or on loopback where the system has none, and says so where `environment`
    keeps announcements. With `survives_faults` a fault that ends a run halts the guest instead, as a chip that locks up
    stays on its desk: a probe can still reset or flash it.
    """

    def __init__(
        self, device: Device, folder: Path, environment: Mapping[str, str], *, survives_faults: bool = False
    ) -> None:
        self.debugger = Debugger(device)
        self._device = device
        self._survives_faults = survives_faults
        self._token = secrets.token_hex(16)
        self._selector = selectors.DefaultSelector()
        self._connections: set[_Connection] = set()
        self._lines: deque[Line] = deque(maxlen=LINES_KEPT)
        self._last_line = 0
        self.stood_s = 0.0
        """For how many seconds the guest stood, and this was waited for."""
        self.welcome = Welcome(
            name=folder.resolve().name,
            board=device.board.name,
            device_id=device.identity.device_id,
            image=device.image_name,
        )
        self._socket_file = folder.resolve() / SOCKET_NAME
        self._listener, address = addresses.listen(self._socket_file, CLIENTS)
        self._selector.register(self._listener, selectors.EVENT_READ)
        announcement = Announcement(
            name=self.welcome.name,
            folder=str(folder.resolve()),
            address=address,
            token=self._token,
            process=os.getpid(),
        )
        try:
            self._announced = announce(running_home(environment), announcement)
        except BaseException:
            self._stop_listening()
            raise

    def __enter__(self) -> DebugPort:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Send everybody away; the guest is left as if nobody had been there. Again it has no effect."""
        self._announced.unlink(missing_ok=True)
        for connection in tuple(self._connections):
            self._drop(connection)
        self._stop_listening()

    def observe(self, event: Event) -> None:
        """Remember what those want to know who follow the log."""
        match event:
            case LogLine(text=text):
                line = Line(time_us=event.time_us, kind="log", text=text[:LINE_LENGTH])
            case Started(wake_reason=reason):
                line = Line(time_us=event.time_us, kind="start", text=reason)
            case Faulted(fault=fault):
                line = Line(time_us=event.time_us, kind="fault", text="; ".join(causes(fault))[:LINE_LENGTH])
            case _:
                return
        self._lines.append(line)
        self._last_line += 1

    # -- in the device's place -----------------------------------------------------------------------------------------

    @property
    def time_us(self) -> int:
        """The device's time."""
        return self._device.time_us

    def run(self, until_us: int | None = None) -> End:
        """Run like `Device.run`, and serve debuggers while the guest stands. A halt is no end: it comes back with
        `End.TIME` before its time, and the next call goes on."""
        stopping = self._device.stopping
        if self.debugger.halted is not None and not stopping:
            began = time.monotonic()
            self._serve(STANDING_S)
            self.stood_s += time.monotonic() - began
            return End.TIME
        end = self._device.run(until_us)
        if end is End.FAULT and self._survives_faults:
            self.debugger.halt()
            return End.TIME
        halts = end is End.STOPPED and self.debugger.halted is not None and not stopping
        return End.TIME if halts else end

    def turn(self) -> None:
        """Answer what has arrived."""
        self._serve(0)

    def _serve(self, wait_s: float) -> None:
        """Answer requests: the first one within `wait_s`, then for as long as the next one follows closely."""
        left = REQUESTS_A_TURN
        stands = self.debugger.halted is not None
        while left > 0 and not self._device.stopping:
            ready = self._selector.select(wait_s)
            if not ready:
                return
            for key, _ in ready:
                if key.data is None:
                    self._accept()
                else:
                    left -= self._answer(key.data)
            runs = self.debugger.halted is None
            if runs and (stands or any(key.data is not None and key.data.waits for key, _ in ready)):
                return
            stands = not runs
            wait_s = wait_s if stands else LINGER_S

    # -- connections ---------------------------------------------------------------------------------------------------

    def _stop_listening(self) -> None:
        self._selector.close()
        self._listener.close()
        self._socket_file.unlink(missing_ok=True)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            accepted, _ = self._listener.accept()
            if len(self._connections) >= CLIENTS:
                accepted.close()
                return
            accepted.setblocking(False)
            connection = _Connection(accepted, AccessPort(self.debugger))
            self._connections.add(connection)
            self._selector.register(accepted, selectors.EVENT_READ, connection)

    def _drop(self, connection: _Connection) -> None:
        self._connections.discard(connection)
        self._selector.unregister(connection.socket)
        connection.socket.close()
        connection.port.close()

    def _answer(self, connection: _Connection) -> int:
        """Answer what one connection has sent, and return how many requests it was; whoever breaks the rules leaves."""
        connection.waits = False
        answered = 0
        try:
            for request in connection.requests():
                connection.send(self._reply(connection, request))
                answered += 1
            connection.flush()
        except (OSError, ValueError, EOFError):
            self._drop(connection)
            return max(answered, 1)
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if connection.unsent else 0)
        self._selector.modify(connection.socket, events, connection)
        return max(answered, 1)

    def _reply(self, connection: _Connection, request: Request) -> Answer:
        if isinstance(request, Hello):
            return self._greet(connection, request)
        if not connection.welcome:
            raise ValueError("a request before a greeting")
        port = connection.port
        try:
            match request:
                case Read(address=address, size=size, width=width):
                    polls = self.debugger.halted is None and address in port.polls
                    connection.waits, connection.polled = polls and connection.polled, polls
                    return Data(data=port.read(address, size, width))
                case Write(address=address, data=data, width=width):
                    connection.polled = False
                    port.write(address, data, width)
                case ResetLine(low=low):
                    port.reset_line(low)
                case Follow(after=after):
                    return self._follow(after)
        except BusFault:
            return Failed(why="bus-fault", what="nothing answers there")
        except ValueError as error:
            return Failed(why="bad-request", what=str(error))
        return Done()

    def _follow(self, after: int) -> Lines:
        first = self._last_line - len(self._lines)
        start = max(after - first, 0)
        lines = tuple(itertools.islice(self._lines, start, start + LINES_MOST))
        return Lines(last=first + start + len(lines) if lines else self._last_line, lines=lines)

    def _greet(self, connection: _Connection, hello: Hello) -> Answer:
        if not secrets.compare_digest(hello.token.encode(), self._token.encode()):
            return Failed(why="refused", what="the token is not this device's")
        if hello.protocol != PROTOCOL:
            return Failed(why="refused", what=f"it speaks protocol {PROTOCOL}, not {hello.protocol}")
        connection.welcome = True
        return self.welcome


class _Connection:
    """One debugger: what it has sent and not been answered, and the other way round."""

    def __init__(self, connected: socket.socket, port: AccessPort) -> None:
        self.socket = connected
        self.port = port
        self.welcome = False
        self.polled = False
        """Whether its last request asked if the guest has halted."""
        self.waits = False
        """Whether, in its last turn, it asked that again and again."""
        self.unsent = bytearray()
        self._received = bytearray()

    def requests(self) -> list[Request]:
        """Return the requests that are whole. `EOFError` when it has left, `ValueError` for what is no request."""
        try:
            part = self.socket.recv(FRAME_BYTES)
        except BlockingIOError:
            return []
        if not part:
            raise EOFError
        self._received += part
        found = []
        while len(self._received) >= LENGTH_BYTES:
            end = LENGTH_BYTES + messages.body_length(bytes(self._received[:LENGTH_BYTES]))
            if len(self._received) < end:
                break
            found.append(messages.read_request(bytes(self._received[LENGTH_BYTES:end])))
            del self._received[:end]
        return found

    def send(self, answer: Answer) -> None:
        """Send an answer, or keep it until it can be taken; `ValueError` when too much is kept."""
        self.unsent += messages.frame(answer)
        self.flush()
        if len(self.unsent) > _UNSENT_BYTES:
            raise ValueError("answers are not taken")

    def flush(self) -> None:
        """Send what can be sent."""
        with contextlib.suppress(BlockingIOError):
            while self.unsent:
                sent = self.socket.send(self.unsent)
                del self.unsent[:sent]
