"""What can be connected to a bus of the chip: the interface, and the devices that come with the library.

A device knows its own registers and nothing of the chip, of time or of other devices. `Chip.connect_i2c` connects one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from mvsdk.emulator.bus_devices.mcp9808 import Mcp9808
from mvsdk.emulator.errors import InputError

__all__ = ["I2C_DEVICES", "I2cDevice", "Mcp9808", "make_i2c_device"]


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


I2C_DEVICES: Mapping[str, Callable[[], I2cDevice]] = {"mcp9808": Mcp9808}
"""What can be connected by name. What a device measures or is set to are properties with a setter."""


def make_i2c_device(name: str) -> I2cDevice:
    """Make a device by its name in `I2C_DEVICES`. Raises `InputError` for one that is not known."""
    if name not in I2C_DEVICES:
        raise InputError(f"there is no I2C device {name!r}", f"there are: {', '.join(sorted(I2C_DEVICES))}")
    return I2C_DEVICES[name]()
