"""Laws of the temperature sensor."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvsdk.emulator.bus_devices import Mcp9808
from tests.emulator.bus_devices.place import Place

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


CONFIGURATION = 1
ENABLED, CRITICAL_ONLY, ACTIVE_HIGH, INTERRUPT, CLEAR, SHUTDOWN = 1 << 3, 1 << 2, 1 << 1, 1 << 0, 1 << 5, 1 << 8


def limited(settings: int) -> tuple[Mcp9808, Place]:
    """Return a sensor at 25 degrees with limits of 20, 30 and 40, and these settings."""
    sensor = Mcp9808(25)
    place = Place(sensor, "ALERT")
    for register, degrees in ((UPPER, 30), (LOWER, 20), (CRITICAL, 40)):
        write(sensor, register, degrees >> 4, degrees << 4 & 0xFF)
    write(sensor, CONFIGURATION, settings >> 8, settings & 0xFF)
    return sensor, place


@pytest.mark.parametrize(("settings", "idle", "raised"), [(ENABLED, None, False), (ENABLED | ACTIVE_HIGH, None, True)])
def test_the_alert_output_compares(settings: int, idle: bool | None, raised: bool) -> None:
    """As comparator it is active outside the limits; it pulls low, or drives high, and shows in the settings."""
    sensor, place = limited(settings)
    for celsius, active in ((25, False), (31, True), (25, False), (19, True), (25, False), (45, True)):
        sensor.celsius = celsius
        assert place.levels["ALERT"] is (raised if active else idle)
        assert bool(read(sensor, CONFIGURATION) & 1 << 4) == active


def test_an_alert_may_be_only_critical_or_off() -> None:
    """With ALERT SEL only the critical limit counts; without ALERT CNT nothing does."""
    sensor, place = limited(ENABLED | CRITICAL_ONLY)
    sensor.celsius = 35
    assert place.levels["ALERT"] is None
    sensor.celsius = 40
    assert place.levels["ALERT"] is False
    sensor, place = limited(0)
    sensor.celsius = 45
    assert place.levels["ALERT"] is None


def test_an_alert_interrupt_waits_to_be_cleared() -> None:
    """As interrupt it is raised by crossing a limit either way, and stays until INT CLEAR is written."""
    sensor, place = limited(ENABLED | INTERRUPT)
    for celsius in (31, 25):
        sensor.celsius = celsius
        assert place.levels["ALERT"] is False
        write(sensor, CONFIGURATION, 0, ENABLED | INTERRUPT | CLEAR)
        assert place.levels["ALERT"] is None


def test_hysteresis_holds_an_alert_while_it_cools() -> None:
    """With 1.5 degrees of it an alert for the upper limit of 30 ends at 28.5."""
    sensor, place = limited(ENABLED | 1 << 9)
    for celsius, active in ((30.5, True), (29, True), (28.5, False), (29, False), (19, False), (18, True), (20, False)):
        sensor.celsius = celsius
        assert (place.levels["ALERT"] is False) == active, celsius


def test_locked_settings_stay() -> None:
    """A lock keeps its limits and the settings, and cannot be taken back; shutdown can end but not begin."""
    sensor, _ = limited(ENABLED | SHUTDOWN | 1 << 6)
    write(sensor, UPPER, 0, 0)
    write(sensor, CONFIGURATION, 0, 0)
    assert read(sensor, UPPER) == 30 << 4
    assert read(sensor, CONFIGURATION) == ENABLED | 1 << 6
    write(sensor, CONFIGURATION, 1, 0)
    assert not read(sensor, CONFIGURATION) & SHUTDOWN
    write(sensor, CRITICAL, 0, 0)
    assert read(sensor, CRITICAL) == 0


def test_in_shutdown_it_measures_nothing() -> None:
    """The last temperature stays until it is woken."""
    sensor, _ = limited(SHUTDOWN)
    sensor.celsius = 50
    assert read(sensor, AMBIENT) & 0x1FFF == 25 << 4
    write(sensor, CONFIGURATION, 0, 0)
    assert read(sensor, AMBIENT) & 0x1FFF == 50 << 4


def test_what_it_cannot_measure_is_refused() -> None:
    """A temperature beyond its range raises `ValueError`."""
    with pytest.raises(ValueError, match="125"):
        Mcp9808(126)
