"""A device on its debug port, served by a thread of its own, and a debugger in a few lines."""

from __future__ import annotations

import threading
from pathlib import Path

from mvsdk.debug_port.client import DebugConnection, connect
from mvsdk.emulator.debug.access_port import DCRDR, DCRSR, DHCSR
from mvsdk.emulator.debug.port import DebugPort
from mvsdk.emulator.device import Device, End
from mvsdk.emulator.pace import run_in_steps

KEY, DEBUGEN, HALT, STEP, S_HALT, S_RESET_ST = 0xA05F_0000, 1, 2, 4, 1 << 17, 1 << 25
ENDLESS_US = 10**12
WARM_US = 10_000
"""After this the guest has started up and is in its loop."""


class Served:
    """A device that runs on a thread of its own, with its port."""

    def __init__(self, folder: Path, device: Device, *, survives_faults: bool = False) -> None:
        self.environment = {"MVSDK_RUNNING": str(folder / "running")}
        self.device = device
        device.run(WARM_US)
        home = folder / "kitchen"
        home.mkdir()
        self.port = DebugPort(device, home, self.environment, survives_faults=survives_faults)
        self.end: End | None = None
        self._debuggers: list[Debugging] = []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        self.end = run_in_steps(self.port, ENDLESS_US, self.port.turn)

    def connect(self) -> Debugging:
        """Return a debugger, which leaves at the end of the run if not before."""
        debugger = Debugging(connect("kitchen", self.environment))
        self._debuggers.append(debugger)
        return debugger

    def stop(self) -> None:
        """End the run, and with it the port."""
        self.device.stop()
        self._thread.join(30)
        assert not self._thread.is_alive()
        for debugger in self._debuggers:
            debugger.connection.close()
        self.port.close()


class Debugging:
    """A debugger in a few lines, over a connection."""

    def __init__(self, connection: DebugConnection) -> None:
        self.connection = connection

    def read(self, address: int) -> int:
        """Read a word."""
        return int.from_bytes(self.connection.read(address, 4, 4), "little")

    def write(self, address: int, value: int) -> None:
        """Write a word."""
        self.connection.write(address, value.to_bytes(4, "little"), 4)

    def control(self, bits: int = 0) -> None:
        """Write DHCSR."""
        self.write(DHCSR, KEY | DEBUGEN | bits)

    def wait_halted(self) -> None:
        """Wait until the guest stands."""
        for _ in range(2_000):
            if self.read(DHCSR) & S_HALT:
                return
        raise AssertionError("the guest does not halt")

    def register(self, number: int) -> int:
        """Read a register."""
        self.write(DCRSR, number)
        return self.read(DCRDR)
