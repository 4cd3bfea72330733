"""What can be connected to a bus of the chip: the interface, and the devices that come with the library.

A device knows its own registers and nothing of the chip, of time or of other devices. `Chip.connect_i2c` connects one.
"""

from __future__ import annotations

from mvsdk.emulator.bus_devices.mcp9808 import Mcp9808
from mvsdk.emulator.bus_devices.protocols import I2cDevice, Situated, SpiDevice, Surroundings

__all__ = ["I2cDevice", "Mcp9808", "Situated", "SpiDevice", "Surroundings"]
