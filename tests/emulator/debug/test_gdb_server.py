"""Laws of the port that GDB connects to."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvsdk.abi import load
from mvsdk.emulator.core import new_core
from mvsdk.emulator.debug.gdb_packets import packet
from mvsdk.emulator.debug.gdb_server import LOOPBACK, GdbPortError, GdbServer
from mvsdk.emulator.device import Device
from mvsdk.emulator.errors import InputError
from mvsdk.emulator.inputs import Input
from tests.emulator.test_device import BOARD, blinky

ABI = load("microvisor")
SOON = 30


def no_input(text: str) -> Input:
    """Type no inputs."""
    raise InputError(f"{text!r} is no input")


@contextmanager
def served() -> Iterator[tuple[GdbServer, Device]]:
    """Serve a device on a thread of its own."""
    device = Device(BOARD, blinky(), new_core())
    with GdbServer(device, ABI, typed=no_input) as server:
        thread = threading.Thread(target=server.serve)
        thread.start()
        try:
            yield server, device
        finally:
            server.stop()
            thread.join(SOON)
            assert not thread.is_alive()


def connect(server: GdbServer) -> socket.socket:
    """Connect as GDB does."""
    return socket.create_connection((LOOPBACK, server.port), timeout=SOON)


def ask(connection: socket.socket, content: bytes) -> bytes:
    """Send a packet, and return what comes until the answer is whole."""
    connection.sendall(packet(content))
    received = b""
    while received.count(b"#") < 1 or len(received) < received.index(b"#") + 3:
        data = connection.recv(4096)
        assert data
        received += data
    return received


@settings(max_examples=15, deadline=None)
@given(st.lists(st.binary(max_size=3000), max_size=4))
def test_whatever_was_sent_the_next_one_is_served(garbage: list[bytes]) -> None:
    """A connection that sends nonsense and goes away leaves a server that answers the next."""
    with served() as (server, _):
        with connect(server) as connection:
            for data in garbage:
                connection.sendall(data)
        assert next_answer(server) == b"+" + packet(b"QC1")


def next_answer(server: GdbServer) -> bytes:
    """Ask as the next one, as soon as the server has noticed that the one before is gone."""
    for _ in range(10_000):
        with connect(server) as connection:
            try:
                return ask(connection, b"qC")
            except (ConnectionError, AssertionError):
                continue
    raise AssertionError("nobody is served any more")


def test_there_is_one_gdb_at_a_time() -> None:
    """A second one is told at once that it is not wanted, and the first one goes on."""
    with served() as (server, _), connect(server) as first:
        assert ask(first, b"qC") == b"+" + packet(b"QC1")
        with connect(server) as second:
            assert second.recv(1) == b""
        assert ask(first, b"qC") == b"+" + packet(b"QC1")


def test_the_device_stands_while_nobody_is_there() -> None:
    """Serving a device for a while, without anybody who lets it run, takes none of its time."""
    with served() as (server, device), connect(server) as connection:
        ask(connection, b"qC")
        assert device.core.cycle == 0


def test_the_port_is_on_loopback_alone() -> None:
    """Nobody on another machine can debug a device."""
    with served() as (server, _):
        assert server._listener.getsockname()[0] == LOOPBACK


def test_a_port_that_is_taken_is_an_error_that_says_so() -> None:
    """It names the port."""
    with served() as (server, device):
        other = GdbServer(device, ABI, port=server.port, typed=no_input)
        with pytest.raises(GdbPortError, match=str(server.port)), other:
            pass
