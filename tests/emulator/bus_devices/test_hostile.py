"""Laws of bus devices under drivers that do anything at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvsdk.emulator.bus_devices import I2C_DEVICES, SPI_DEVICES, Situated, make_i2c_device, make_spi_device
from tests.emulator.bus_devices.place import Place

TRANSFERS = st.lists(st.tuples(st.booleans(), st.binary(max_size=80), st.integers(0, 20_000)), max_size=12)


@pytest.mark.parametrize("name", I2C_DEVICES)
@given(transfers=TRANSFERS)
def test_any_transfer_is_answered_with_bytes(name: str, transfers: list[tuple[bool, bytes, int]]) -> None:
    """Whatever is written and read at whatever time, a device answers with bytes and raises nothing."""
    device = make_i2c_device(name)
    assert isinstance(device, Situated)
    place = Place(device, "INT1", "ALERT")
    for reading, data, pause in transfers:
        if device.start(reading=reading):
            for byte in data:
                if reading:
                    assert 0 <= device.read() <= 0xFF
                else:
                    device.write(byte)
            device.stop()
        place.advance_us(pause)


@pytest.mark.parametrize("name", SPI_DEVICES)
@given(transfers=TRANSFERS, bits=st.integers(4, 32))
def test_any_frame_is_answered_with_one(name: str, transfers: list[tuple[bool, bytes, int]], bits: int) -> None:
    """Frames of every length are answered with as many bits, selected or not."""
    device = make_spi_device(name)
    assert isinstance(device, Situated)
    place = Place(device, "INT1")
    for selecting, data, pause in transfers:
        if selecting:
            device.select()
        for byte in data:
            value = byte * 0x01010101 & (1 << bits) - 1
            assert 0 <= device.transfer(value, bits) < 1 << bits
        device.deselect()
        place.advance_us(pause)
