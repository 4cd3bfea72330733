"""GDB's server: round trips, steps, breakpoints, and ways back, by the protocol itself on a socket."""

from __future__ import annotations

import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from mvsdk import boards
from mvsdk.abi import load
from mvsdk.bundle import read_image
from mvsdk.emulator.core import new_core
from mvsdk.emulator.debug.gdb_packets import packet
from mvsdk.emulator.debug.gdb_server import LOOPBACK, GdbServer
from mvsdk.emulator.device import Device
from mvsdk.emulator.errors import InputError
from mvsdk.emulator.inputs import Input
from tests.board_support.firmware import link

SOURCE = """
volatile unsigned counter;
__attribute__((noinline)) void count(void) { counter++; }
__attribute__((noinline)) void seldom(void) { counter = 0; }
int main(void)
{
    for (;;) {
        for (int i = 0; i < 4000000; i++) count();
        seldom();
    }
}
"""
ROUNDS, TURNS = 500, 5


class Debugging:
    """The other end of a connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._received = b""

    def __call__(self, content: str) -> bytes:
        """Send a packet, and return its answer as it came."""
        self._connection.sendall(packet(content.encode("ascii")))
        while (end := self._received.find(b"#")) < 0 or len(self._received) < end + 3:
            data = self._connection.recv(1 << 16)
            if not data:
                raise ConnectionError
            self._received += data
        answer, self._received = self._received[: end + 3], self._received[end + 3 :]
        return answer


def no_input(text: str) -> Input:
    """Type nothing."""
    raise InputError(text)


def milliseconds(what: Callable[[], object], rounds: int) -> float:
    """Return how long one takes, the median of some."""
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        what()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken) * 1e3


def measure(gdb: Debugging, symbols: dict[str, int]) -> None:
    """Measure and print."""
    count, seldom = symbols["count"] & ~1, symbols["seldom"] & ~1
    gdb("QStartNoAckMode")
    print("\nGDB's remote protocol, milliseconds")
    print(f"{'all registers':46}{milliseconds(lambda: gdb('g'), ROUNDS):10.2f}")
    print(f"{'4 KiB of memory':46}{milliseconds(lambda: gdb('m20000000,1000'), ROUNDS):10.2f}")
    gdb(f"Z1,{count:x},2")
    print(f"{'continue to a breakpoint':46}{milliseconds(lambda: gdb('vCont;c'), ROUNDS):10.2f}")
    gdb(f"z1,{count:x},2")
    print(f"{'step':46}{milliseconds(lambda: gdb('vCont;s'), ROUNDS):10.2f}")
    gdb(f"Z1,{seldom:x},2")
    gdb("vCont;c")
    print(f"{'first step back, after 0.3 s of device time':46}{milliseconds(lambda: gdb('bs'), 1):10.1f}")
    print(f"{'further steps back':46}{milliseconds(lambda: gdb('bs'), TURNS):10.1f}")
    gdb("vCont;c")
    gdb("vCont;c")
    gdb("vCont;c")
    print(f"{'back to a breakpoint 0.3 s before':46}{milliseconds(lambda: gdb('bc'), 1):10.1f}")


def main() -> None:
    """Serve a device, and debug it."""
    board = boards.load()
    with tempfile.TemporaryDirectory() as folder:
        elf = link(Path(folder), {"main.c": SOURCE})
        image = read_image(elf.path, board)
    device = Device(board, image, new_core(board.interrupt_lines))
    with GdbServer(device, load("microvisor"), typed=no_input) as server:
        thread = threading.Thread(target=server.serve)
        thread.start()
        try:
            with socket.create_connection((LOOPBACK, server.port)) as connection:
                measure(Debugging(connection), elf.symbols)
        finally:
            server.stop()
            thread.join()


if __name__ == "__main__":
    main()
