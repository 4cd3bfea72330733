"""Laws of the serial EEPROMs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvsdk.emulator.bus_devices import I2cEeprom, SpiEeprom
from mvsdk.emulator.bus_devices.eeprom import PAGE, SIZE, WRITE_US, Instruction
from mvsdk.emulator.saving import load, save
from tests.emulator.bus_devices.place import Place, i2c_read, i2c_write, spi


def where(address: int) -> tuple[int, int]:
    """Return an address as two bytes."""
    return address >> 8, address & 0xFF


@given(address=st.integers(0, SIZE - 1), data=st.binary(min_size=1, max_size=PAGE))
def test_a_write_stays_in_its_page(address: int, data: bytes) -> None:
    """Bytes beyond the end of a page come to its beginning, on both kinds; all others stay erased."""
    page, place = address - address % PAGE, address % PAGE
    expected = bytearray(b"\xff" * PAGE)
    for offset, byte in enumerate(data):
        expected[(place + offset) % PAGE] = byte
    one, other = I2cEeprom(), SpiEeprom()
    i2c_write(one, *where(address), *data)
    spi(other, Instruction.WREN)
    spi(other, Instruction.WRITE, *where(address), *data)
    assert i2c_read(one, PAGE, *where(page)) == expected
    assert spi(other, Instruction.READ, *where(page), *bytes(PAGE))[3:] == expected


def test_it_does_not_acknowledge_while_it_writes() -> None:
    """For five milliseconds after a write the address is refused, as drivers poll for; then it goes on."""
    device = I2cEeprom()
    place = Place(device)
    i2c_write(device, 0, 0, 1, 2)
    place.advance_us(WRITE_US - 1)
    assert not device.start(reading=False)
    place.advance_us(1)
    assert device.start(reading=True)
    assert device.read() == 0xFF
    assert i2c_read(device, 2, 0, 0) == b"\1\2"


def test_reading_goes_on_where_it_was_and_wraps() -> None:
    """A read without an address continues behind the last one; behind the last byte comes the first."""
    device = I2cEeprom()
    i2c_write(device, 0, 0, 7)
    i2c_write(device, *where(SIZE - 1), 9)
    assert i2c_read(device, 1, *where(SIZE - 1)) == b"\x09"
    assert i2c_read(device, 1) == b"\x07"


def test_a_repeated_start_takes_a_write_back() -> None:
    """Only a stop begins to write."""
    device = I2cEeprom()
    assert device.start(reading=False)
    for byte in (0, 0, 5):
        device.write(byte)
    assert i2c_read(device, 1, 0, 0) == b"\xff"


def test_on_spi_writing_must_be_enabled_each_time() -> None:
    """WEL is needed for every write, shows in the status, and is gone afterwards; WIP shows the time it takes."""
    device = SpiEeprom()
    place = Place(device)
    spi(device, Instruction.WRITE, 0, 0, 1)
    assert spi(device, Instruction.READ, 0, 0, 0)[3] == 0xFF
    spi(device, Instruction.WREN)
    assert spi(device, Instruction.RDSR, 0)[1] == 2
    spi(device, Instruction.WRDI)
    assert spi(device, Instruction.RDSR, 0)[1] == 0
    spi(device, Instruction.WREN)
    spi(device, Instruction.WRITE, 0, 0, 1)
    assert spi(device, Instruction.RDSR, 0)[1] == 1
    assert spi(device, Instruction.READ, 0, 0, 0)[3] == 0xFF
    place.advance_us(WRITE_US)
    assert spi(device, Instruction.RDSR, 0)[1] == 0
    assert spi(device, Instruction.READ, 0, 0, 0)[3] == 1


def test_on_spi_parts_can_be_protected() -> None:
    """BP1 and BP0 keep the upper quarter, the upper half or everything from being written."""
    for protection, address, written in (
        (0, SIZE - 1, True),
        (1, SIZE - 1, False),
        (2, SIZE // 2 - 1, True),
        (3, 0, False),
    ):
        device = SpiEeprom()
        spi(device, Instruction.WREN)
        spi(device, Instruction.WRSR, protection << 2)
        assert spi(device, Instruction.RDSR, 0)[1] == protection << 2
        spi(device, Instruction.WREN)
        spi(device, Instruction.WRITE, *where(address), 1)
        assert (spi(device, Instruction.READ, *where(address), 0)[3] == 1) == written


def test_the_content_lies_where_one_wants() -> None:
    """A storage is used in place; one of another size is refused."""
    content, device = bytearray(SIZE), I2cEeprom()
    device.keep_in(content)
    i2c_write(device, 0, 1, 0xAB)
    assert content[:3] == b"\0\xab\0"
    with pytest.raises(ValueError, match="32768"):
        device.keep_in(bytearray(10))


def test_protection_lasts() -> None:
    """What WRSR has set is there for the next device on the same storage; the 32 KiB are not touched by it."""
    content = bytearray(b"\xff" * SpiEeprom.CAPACITY)
    first, second = SpiEeprom(), SpiEeprom()
    for device in (first, second):
        device.keep_in(content)
    spi(first, Instruction.WREN)
    spi(first, Instruction.WRSR, 0x8C)
    assert spi(second, Instruction.RDSR, 0)[1] == 0x8C
    assert content[:SIZE] == b"\xff" * SIZE


@given(writes=st.dictionaries(st.integers(0, SIZE - 1), st.binary(min_size=1, max_size=PAGE), max_size=4))
def test_a_saved_memory_holds_the_same_on_any_storage(writes: dict[int, bytes]) -> None:
    """A state is all of the content: loaded over other content it gives the same state again."""
    one, other = I2cEeprom(), I2cEeprom()
    other.keep_in(bytearray(SIZE))
    for address, data in writes.items():
        i2c_write(one, *where(address), *data)
    state = save(one)
    load(other, state)
    assert save(other) == state
    assert i2c_read(other, SIZE, 0, 0) == i2c_read(one, SIZE, 0, 0)
