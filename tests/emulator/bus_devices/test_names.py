"""Laws of the devices that can be had by name."""

from __future__ import annotations

import pytest

from mvsdk.emulator.bus_devices import I2C_DEVICES, SPI_DEVICES, make_i2c_device, make_spi_device
from mvsdk.emulator.errors import InputError


def test_every_name_makes_a_device_of_its_own() -> None:
    """Two devices by the same name are two; each says what of it is the device's state."""
    for names, make in ((I2C_DEVICES, make_i2c_device), (SPI_DEVICES, make_spi_device)):
        for name in names:
            one, other = make(name), make(name)
            assert one is not other
            assert all(hasattr(one, attribute) for attribute in vars(type(one))["STATE"])


@pytest.mark.parametrize("make", [make_i2c_device, make_spi_device])
def test_a_name_nobody_has_is_an_error(make: type) -> None:
    """The error says which names there are."""
    with pytest.raises(InputError, match="'toaster'") as caught:
        make("toaster")
    assert "lis3dh" in caught.value.remedy
