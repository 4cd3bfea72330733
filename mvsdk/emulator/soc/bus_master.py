"""The buses as a bus master other than the processor meets them: memory and peripherals behind one address space."""

from __future__ import annotations

from mvsdk.emulator.core import BusFault
from mvsdk.emulator.soc.bus import PERIPHERAL_SPACE, PeripheralBus
from mvsdk.emulator.soc.wiring import Wiring


class BusMaster:
    """Reads and writes by address. Raises `BusFault` where nothing answers, as for a guest that has no access there.

    Not for use inside a guest's access: memory belongs to the processor then.
    """

    def __init__(self, wiring: Wiring, peripherals: PeripheralBus) -> None:
        self._wiring = wiring
        self._peripherals = peripherals

    def read(self, address: int, size: int) -> int:
        """Return `size` bytes (1, 2 or 4) at an address that is a multiple of it."""
        if address in PERIPHERAL_SPACE:
            return self._peripherals.read(address - PERIPHERAL_SPACE.start, size)
        return int.from_bytes(self.read_memory(address, size), "little")

    def write(self, address: int, size: int, value: int) -> None:
        """Change `size` bytes (1, 2 or 4) at an address that is a multiple of it."""
        if address in PERIPHERAL_SPACE:
            self._peripherals.write(address - PERIPHERAL_SPACE.start, size, value)
        else:
            self.write_memory(address, value.to_bytes(size, "little"))

    def read_memory(self, address: int, length: int) -> bytes:
        """Return a range of memory."""
        try:
            return self._wiring.read_memory(address, length)
        except LookupError as error:
            raise BusFault from error

    def write_memory(self, address: int, data: bytes) -> None:
        """Change a range of memory."""
        try:
            self._wiring.write_memory(address, data)
        except LookupError as error:
            raise BusFault from error
