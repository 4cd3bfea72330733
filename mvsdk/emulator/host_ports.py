"""Serial ports connected to the machine the emulator runs on: standard input and output, files, pseudo-terminals.

`stdio`          what the port sends goes to standard output, what standard input holds is sent to it
`file:OUT`       what the port sends is written to a file
`file:OUT,IN`    and what another file holds is sent to it, from the start
`pty`            a terminal of its own, for any program that speaks to serial ports

What comes in is an input of the device like any other, so it is recorded.
"""

from __future__ import annotations

import os
import select
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from mvsdk.emulator.device import Device
from mvsdk.emulator.errors import InputError
from mvsdk.emulator.inputs import Uart

CHUNK = 4096
LONGEST_WAITING = 1 << 16
"""Bytes that wait for somebody to read them; older ones are lost, as on a line that nobody listens to."""


class HostPorts:
    """The connections of one device. `pump` moves what has come in; to be called again and again, and closed."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._readers: dict[int, str] = {}
        self._writers: dict[int, bytearray] = {}
        self._open = ExitStack()
        self.terminals: dict[str, str] = {}
        """The pseudo-terminals that were made, by port."""

    def __enter__(self) -> HostPorts:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.pump()
        finally:
            self._open.close()

    def connect(self, port: str, where: str) -> None:
        """Connect a port ("USART2"). Raises `InputError` for a port or a place that is not there."""
        Uart(port, b"").check(self._device)
        kind, _, paths = where.partition(":")
        connections: dict[str, Callable[[str, str], None]] = {
            "stdio": self._stdio,
            "file": self._files,
            "pty": self._pty,
        }
        if kind not in connections or bool(paths) != (kind == "file"):
            raise InputError(f"{port} cannot be connected to {where!r}", "write stdio, file:OUT, file:OUT,IN or pty")
        try:
            connections[kind](port, paths)
        except OSError as error:
            what = f"cannot connect {port} to {where}: {error.strerror or error}"
            raise InputError(what, "check that the path exists and may be used") from error

    def pump(self) -> None:
        """Write what was sent, and give the device what has come in meanwhile."""
        for descriptor, waiting in self._writers.items():
            while waiting:
                try:
                    del waiting[: os.write(descriptor, waiting)]
                except BlockingIOError:
                    break  # nobody reads at present
            del waiting[:-LONGEST_WAITING]
        for descriptor in select.select(list(self._readers), [], [], 0)[0]:
            try:
                data = os.read(descriptor, CHUNK)
            except BlockingIOError:
                continue
            if data:
                self._device.inputs.now(Uart(self._readers[descriptor], data))
            else:
                del self._readers[descriptor]

    def _stdio(self, port: str, _: str) -> None:
        self._send(port, 1)
        self._readers[0] = port

    def _files(self, port: str, paths: str) -> None:
        sent, _, received = paths.partition(",")
        data = Path(received).read_bytes() if received else b""
        self._send(port, self._opened(os.open(sent, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)))
        if data:
            self._device.inputs.now(Uart(port, data))

    def _pty(self, port: str, _: str) -> None:
        import tty

        controller, terminal = os.openpty()
        self._opened(controller)
        self._opened(terminal)  # held open, so that programs may come and go
        tty.setraw(terminal)
        os.set_blocking(controller, False)
        self.terminals[port] = os.ttyname(terminal)
        self._send(port, controller)
        self._readers[controller] = port

    def _opened(self, descriptor: int) -> int:
        self._open.callback(os.close, descriptor)
        return descriptor

    def _send(self, port: str, descriptor: int) -> None:
        waiting = self._writers.setdefault(descriptor, bytearray())
        self._device.chip.listen(port, waiting.append)
