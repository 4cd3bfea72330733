"""What can be connected to a bus of the chip: the interfaces, and the devices that come with the library.

A device knows its own registers and nothing of the chip or of other devices. One that measures time or drives pins is
`Situated` and asks its `Surroundings`. `Chip.connect_i2c` and `Chip.connect_spi` connect one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mvsdk.emulator.bus_devices.eeprom import I2cEeprom, SpiEeprom
from mvsdk.emulator.bus_devices.ht16k33 import Ht16k33
from mvsdk.emulator.bus_devices.lis3dh import Lis3dh
from mvsdk.emulator.bus_devices.mcp9808 import Mcp9808
from mvsdk.emulator.bus_devices.protocols import (
    I2cDevice,
    Lasting,
    Reminder,
    Situated,
    SpiDevice,
    Surroundings,
)
from mvsdk.emulator.errors import InputError

__all__ = [
    "I2C_DEVICES",
    "SPI_DEVICES",
    "Ht16k33",
    "I2cDevice",
    "I2cEeprom",
    "Lasting",
    "Lis3dh",
    "Mcp9808",
    "Reminder",
    "Situated",
    "SpiDevice",
    "SpiEeprom",
    "Surroundings",
    "make_i2c_device",
    "make_spi_device",
]

I2C_DEVICES: Mapping[str, Callable[[], I2cDevice]] = {
    "24lc256": I2cEeprom,
    "ht16k33": Ht16k33,
    "lis3dh": Lis3dh,
    "mcp9808": Mcp9808,
}
"""What can be connected to an I2C bus by name. What a device measures or is set to are properties with a setter, which
raises `ValueError` for what cannot be, whatever else the device holds.
"""

SPI_DEVICES: Mapping[str, Callable[[], SpiDevice]] = {"25lc256": SpiEeprom, "lis3dh": Lis3dh}
"""The same for SPI."""


def make_i2c_device(name: str) -> I2cDevice:
    """Make a device by its name in `I2C_DEVICES`. Raises `InputError` for one that is not known."""
    if name not in I2C_DEVICES:
        raise InputError(f"there is no I2C device {name!r}", f"there are: {', '.join(sorted(I2C_DEVICES))}")
    return I2C_DEVICES[name]()


def make_spi_device(name: str) -> SpiDevice:
    """Make a device by its name in `SPI_DEVICES`. Raises `InputError` for one that is not known."""
    if name not in SPI_DEVICES:
        raise InputError(f"there is no SPI device {name!r}", f"there are: {', '.join(sorted(SPI_DEVICES))}")
    return SPI_DEVICES[name]()
