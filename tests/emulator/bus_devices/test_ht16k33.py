"""Laws of the LED driver."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mvsdk.emulator.bus_devices import Ht16k33
from mvsdk.emulator.bus_devices.ht16k33 import COMMONS, ROWS
from mvsdk.emulator.events import DisplayChanged
from tests.emulator.bus_devices.place import Place, i2c_read, i2c_write

DARK = ("." * ROWS,) * COMMONS


def switched_on() -> tuple[Ht16k33, Place]:
    """Return a display as drivers start it."""
    display = Ht16k33()
    place = Place(display)
    for command in (0x21, 0x81, 0xEF):
        i2c_write(display, command)
    return display, place


@given(st.binary(min_size=16, max_size=16))
def test_the_picture_is_what_memory_holds(memory: bytes) -> None:
    """Two bytes a common, the lowest bit the first row; the same bytes can be read back."""
    display, place = switched_on()
    i2c_write(display, 0, *memory)
    for common, line in enumerate(display.picture):
        word = memory[2 * common] | memory[2 * common + 1] << 8
        assert [cell == "#" for cell in line] == [bool(word >> row & 1) for row in range(ROWS)]
    assert i2c_read(display, 16, 0) == memory
    pictures = [event.picture for event in place.wiring.events if isinstance(event, DisplayChanged)]
    assert pictures == ([display.picture] if any(memory) else [])


def test_it_is_dark_until_it_is_on() -> None:
    """Without its oscillator or with the display off nothing lights up, and nothing is told."""
    display = Ht16k33()
    place = Place(display)
    i2c_write(display, 0, 0xFF)
    assert display.picture == DARK
    i2c_write(display, 0x81)
    assert display.picture == DARK
    assert place.wiring.events == []
    i2c_write(display, 0x21)
    assert place.wiring.events == [DisplayChanged(0, "display", ("#" * 8 + "." * 8, *DARK[1:]), 0.0, 16)]


def test_addresses_wrap() -> None:
    """Behind the last byte of memory comes the first."""
    display, _ = switched_on()
    i2c_write(display, 0x0F, 1, 2)
    assert i2c_read(display, 2, 0x0F) == b"\1\2"


def test_blinking_and_dimming_are_told_once() -> None:
    """Each change of what is seen is one event; a command that changes nothing is none."""
    display, place = switched_on()
    for command in (0xE3, 0xE3, 0x85, 0x85):
        i2c_write(display, command)
    events = [(event.brightness, event.blink_hz) for event in place.wiring.events if isinstance(event, DisplayChanged)]
    assert events == [(4, 0.0), (4, 1.0)]


def test_no_key_is_ever_pressed() -> None:
    """Key memory and interrupt flag read 0."""
    display, _ = switched_on()
    i2c_write(display, 0, 0xFF)
    assert i2c_read(display, 6, 0x40) == bytes(6)
