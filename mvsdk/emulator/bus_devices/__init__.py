"""What can be connected to a bus of the chip: the interface, and the devices that come with the library.

A device knows its own registers and nothing of the chip, of time or of other devices. `Chip.connect_i2c` connects one.
"""

from __future__ import annotations

from typing import Protocol

from mvsdk.emulator.bus_devices.mcp9808 import Mcp9808

__all__ = ["I2cDevice", "Mcp9808"]


class I2cDevice(Protocol):
    """A target on an I2C bus. Its address is decided where it is connected."""

    def start(self, *, reading: bool) -> bool:
        """Be addressed, by a start or a repeated start; return whether to acknowledge."""

    def write(self, byte: int) -> bool:
        """Take a byte; return whether to acknowledge."""

    def read(self) -> int:
        """Give the next byte."""

    def stop(self) -> None:
        """Hear that the transfer is over."""
