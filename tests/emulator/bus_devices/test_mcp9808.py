"""Laws of the temperature sensor."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mvsdk.emulator.bus_devices import Mcp9808

UPPER, LOWER, CRITICAL, AMBIENT, MANUFACTURER, DEVICE, RESOLUTION = 2, 3, 4, 5, 6, 7, 8


def read(sensor: Mcp9808, register: int, count: int = 2) -> int:
    """Point at a register and read it."""
    assert sensor.start(reading=False)
    assert sensor.write(register)
    assert sensor.start(reading=True)
    value = int.from_bytes(bytes(sensor.read() for _ in range(count)), "big")
    sensor.stop()
    return value


def write(sensor: Mcp9808, register: int, *data: int) -> None:
    """Write a register."""
    assert sensor.start(reading=False)
    for byte in (register, *data):
        assert sensor.write(byte)
    sensor.stop()


@given(st.floats(-40, 125))
def test_the_temperature_is_what_was_set(celsius: float) -> None:
    """Bits 12 to 0 are two's complement sixteenths of a degree."""
    value = read(Mcp9808(celsius), AMBIENT) & 0x1FFF
    assert abs((value & 0xFFF) - (value & 0x1000) - celsius * 16) <= 0.5


def test_it_says_who_it_is() -> None:
    """Manufacturer and device registers hold the values drivers look for."""
    assert read(Mcp9808(), MANUFACTURER) == 0x0054
    assert read(Mcp9808(), DEVICE) == 0x0400


def test_limits_show_in_the_ambient_register() -> None:
    """Bits 15 to 13 tell whether the temperature is critical, above the upper or below the lower limit."""
    sensor = Mcp9808(25)
    for register, degrees in ((UPPER, 30), (LOWER, 20), (CRITICAL, 40)):
        write(sensor, register, degrees >> 4, degrees << 4 & 0xFF)
    flags = []
    for celsius in (25, 31, 45, 10, -5):
        sensor.celsius = celsius
        flags.append(read(sensor, AMBIENT) >> 13)
    assert flags == [0b000, 0b010, 0b110, 0b001, 0b001]


def test_a_coarser_resolution_drops_bits() -> None:
    """At half a degree the three lowest bits are 0."""
    sensor = Mcp9808(25.9375)
    assert read(sensor, AMBIENT) & 0xF == 0xF
    write(sensor, RESOLUTION, 0)
    assert read(sensor, RESOLUTION, 1) == 0
    assert read(sensor, AMBIENT) & 0xF == 0x8


def test_what_is_read_only_stays() -> None:
    """Writing an identity register, or too few bytes, changes nothing; reading on gives 0xFF."""
    sensor = Mcp9808()
    write(sensor, DEVICE, 1, 2)
    write(sensor, UPPER, 1)
    assert read(sensor, DEVICE, 3) == 0x0400FF
    assert read(sensor, UPPER) == 0
