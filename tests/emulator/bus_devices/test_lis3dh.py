"""Laws of the accelerometer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvsdk.emulator.bus_devices import Lis3dh
from mvsdk.emulator.bus_devices.lis3dh import FIFO_DEPTH
from tests.emulator.bus_devices.place import Place, i2c_read, i2c_write, spi

WHO, CTRL1, CTRL3, CTRL4, CTRL5, CTRL6, STATUS, OUT = 0x0F, 0x20, 0x22, 0x23, 0x24, 0x25, 0x27, 0x28
FIFO_CTRL, FIFO_SRC, INT1_CFG, INT1_SRC, INT1_THS, INT1_DURATION = 0x2E, 0x2F, 0x30, 0x31, 0x32, 0x33
MANY = 0x80
HUNDRED_HZ = 0x57
PERIOD_US = 10_000


def axes(device: Lis3dh) -> tuple[int, ...]:
    """Read the three axes as drivers do."""
    data = i2c_read(device, 6, OUT | MANY)
    return tuple(int.from_bytes(data[at : at + 2], "little", signed=True) for at in (0, 2, 4))


def test_it_says_who_it_is_on_either_bus() -> None:
    """WHO_AM_I reads 0x33, and the settings after power-on are those of the data sheet."""
    device = Lis3dh()
    assert i2c_read(device, 1, WHO) == b"\x33"
    assert spi(device, 0x80 | WHO, 0) == b"\xff\x33"
    assert spi(device, 0xC0 | 0x1E, 0, 0, 0) == b"\xff\x10\x00\x07"


def test_nothing_is_measured_before_a_rate_is_set() -> None:
    """At power-on it is off; with a rate a sample comes each period, and STATUS tells, overrun too."""
    device = Lis3dh((0.5, -0.25, 1.0))
    place = Place(device)
    place.advance_us(1_000_000)
    assert i2c_read(device, 1, STATUS) == b"\0"
    assert axes(device) == (0, 0, 0)
    i2c_write(device, CTRL1, HUNDRED_HZ)
    place.advance_us(PERIOD_US - 1)
    assert i2c_read(device, 1, STATUS) == b"\0"
    place.advance_us(1)
    assert i2c_read(device, 1, STATUS) == b"\x0f"
    place.advance_us(PERIOD_US)
    assert i2c_read(device, 1, STATUS) == b"\xff"
    assert axes(device) == (125 << 6, -63 << 6, 250 << 6) or axes(device) == (125 << 6, -62 << 6, 250 << 6)
    assert i2c_read(device, 1, STATUS) == b"\0"


@given(
    g=st.floats(-16, 16),
    scale=st.integers(0, 3),
    mode=st.sampled_from([(12, 0, 8), (10, 0, 0), (8, 8, 0)]),
)
def test_a_sample_is_what_was_set(g: float, scale: int, mode: tuple[int, int, int]) -> None:
    """Each resolution and scale gives the acceleration to half its last bit, clipped to what it holds."""
    bits, low_power, high_resolution = mode
    device = Lis3dh((g, 0.0, 0.0))
    place = Place(device)
    i2c_write(device, CTRL4, scale << 4 | high_resolution)
    i2c_write(device, CTRL1, HUNDRED_HZ | low_power)
    place.advance_us(PERIOD_US)
    milli_g = {12: (1, 2, 4, 12), 10: (4, 8, 16, 48), 8: (16, 32, 64, 192)}[bits][scale]
    value = axes(device)[0] >> 16 - bits
    largest = (1 << bits - 1) - 1
    assert value in (largest, -largest - 1) or abs(value * milli_g - g * 1000) <= milli_g / 2 + 1e-6
    assert -largest - 1 <= value <= largest


@pytest.mark.parametrize("value", [(17.0, 0.0, 0.0), (0.0, float("nan"), 0.0)])
def test_what_it_cannot_measure_is_refused(value: tuple[float, float, float]) -> None:
    """An acceleration beyond 16 g, or none, raises `ValueError`; single axes can be set too."""
    device = Lis3dh()
    with pytest.raises(ValueError, match="16 g"):
        device.acceleration = value
    device.x, device.y, device.z = 1.0, 2.0, 3.0
    assert device.acceleration == (1.0, 2.0, 3.0)


def test_data_ready_raises_its_pin() -> None:
    """INT1 follows data ready until the data are read; INT_POLARITY turns it round."""
    device = Lis3dh()
    place = Place(device, "INT1")
    assert place.levels["INT1"] is False
    i2c_write(device, CTRL3, 0x10)
    i2c_write(device, CTRL1, HUNDRED_HZ)
    place.advance_us(PERIOD_US)
    assert place.levels["INT1"] is True
    axes(device)
    assert place.levels["INT1"] is False
    i2c_write(device, CTRL6, 0x02)
    assert place.levels["INT1"] is True


def test_a_stream_keeps_the_newest_and_a_fifo_the_oldest() -> None:
    """The FIFO holds 32 samples, tells watermark, overrun and emptiness, and is read round and round."""
    for mode, first in ((1, 1), (2, 9)):
        device = Lis3dh((0.0, 0.0, 0.0))
        place = Place(device, "INT1")
        i2c_write(device, CTRL3, 0x04)
        i2c_write(device, CTRL5, 0x40)
        i2c_write(device, FIFO_CTRL, mode << 6 | 9)
        i2c_write(device, CTRL4, 0x08)
        assert i2c_read(device, 1, FIFO_SRC) == b"\x20"
        i2c_write(device, CTRL1, HUNDRED_HZ)
        for number in range(1, 41):
            device.x = number / 1000
            place.advance_us(PERIOD_US)
            assert place.levels["INT1"] == (number >= 10)
        assert i2c_read(device, 1, FIFO_SRC)[0] & 0xC0 == 0xC0
        data = i2c_read(device, 6 * FIFO_DEPTH, OUT | MANY)
        assert [data[at + 1] << 4 | data[at] >> 4 for at in range(0, len(data), 6)] == list(
            range(first, first + FIFO_DEPTH)
        )
        assert i2c_read(device, 1, FIFO_SRC)[0] & 0x20
        i2c_write(device, FIFO_CTRL, 0)
        assert i2c_read(device, 1, FIFO_SRC) == b"\x20"


def test_motion_interrupts() -> None:
    """An axis above the threshold for longer than the duration raises INT1; latched it stays until it is read."""
    device = Lis3dh((0.0, 0.0, 0.0))
    place = Place(device, "INT1")
    i2c_write(device, CTRL3, 0x40)
    i2c_write(device, CTRL5, 0x08)
    i2c_write(device, INT1_THS, 32)
    i2c_write(device, INT1_DURATION, 2)
    i2c_write(device, INT1_CFG, 0x02)
    i2c_write(device, CTRL1, HUNDRED_HZ)
    place.advance_us(10 * PERIOD_US)
    assert place.levels["INT1"] is False
    device.x = -0.75
    place.advance_us(2 * PERIOD_US)
    assert place.levels["INT1"] is False
    place.advance_us(PERIOD_US)
    assert place.levels["INT1"] is True
    device.x = 0.0
    place.advance_us(PERIOD_US)
    assert place.levels["INT1"] is True
    assert i2c_read(device, 1, INT1_SRC) == b"\x42"
    assert place.levels["INT1"] is False


def test_registers_that_cannot_be_written_keep_their_values() -> None:
    """Writes of identity, status and addresses without a register change nothing."""
    device = Lis3dh()
    for address in (WHO, STATUS, 0x00, 0x7F):
        before = i2c_read(device, 1, address)
        i2c_write(device, address, 0xA5)
        assert i2c_read(device, 1, address) == before
    assert device.transfer(0, 9) == 0x1FF
