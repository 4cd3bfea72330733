"""Laws of buses, converters and DMA under compiled firmware: drivers in the vendor's order work unchanged."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvsdk.emulator.bus_devices import Lis3dh, SpiEeprom
from mvsdk.emulator.core import new_core
from mvsdk.emulator.device import Device
from mvsdk.emulator.events import Event, LogLine, RegisterNotModelled, UartOutput
from tests.emulator.bus_guests import ADC_SCAN, DMA_COPY, MOTION, SPI_EEPROM, UART_RING
from tests.emulator.chip_guests import BOARD, guest


class Bench:
    """A device with a guest, something on each bus, and what it told."""

    def __init__(self, source: str) -> None:
        self.events: list[Event] = []
        self.device = Device(BOARD, guest(source), new_core(), observers=[self.events.append])
        self.sensor = Lis3dh()
        self.device.chip.connect_spi("SPI1", SpiEeprom(), select=("GPIOA", 4))
        self.device.chip.connect_i2c("I2C1", 0x18, self.sensor, {"INT1": ("GPIOF", 3)})
        self.device.chip.apply_voltage("GPIOA", 4, 1.234)

    def logged(self) -> list[str]:
        """Return the messages logged so far."""
        assert not any(isinstance(event, RegisterNotModelled) for event in self.events)
        return [event.text for event in self.events if isinstance(event, LogLine)]


def test_an_spi_memory_keeps_what_is_written() -> None:
    """A polling driver enables, writes, waits for the status and reads back, with its pin as chip select."""
    bench = Bench(SPI_EEPROM)
    bench.device.run(50_000)
    assert bench.logged() == ["kept", "took a while"]


def test_memory_is_copied_behind_the_guests_back() -> None:
    """A block arrives with half and complete interrupts, and a source where nothing is ends in an error."""
    bench = Bench(DMA_COPY)
    bench.device.run(50_000)
    assert bench.logged() == ["copied", "refused"]


def test_a_ring_receives_and_an_answer_goes_out() -> None:
    """Lines of any length come through a circular buffer, told by the idle line, and are answered by DMA."""
    bench = Bench(UART_RING)
    bench.device.run(1_000)
    for text in (b"first\n", b"the second\n", b"3\n"):
        bench.device.chip.receive("USART2", text)
        bench.device.run(bench.device.time_us + 10_000)
    assert [event.text for event in bench.events if isinstance(event, UartOutput)] == ["first", "the second", "3"]


def test_a_scan_of_channels_finds_reference_temperature_and_voltage() -> None:
    """Power-up, calibration, a sequence by DMA and the factory's values give millivolts and degrees."""
    bench = Bench(ADC_SCAN)
    bench.device.chip.analogue.celsius = 47
    bench.device.run(10_000)
    reference, celsius, millivolts = map(int, bench.logged())
    assert reference == pytest.approx(3300, abs=2)
    assert celsius == pytest.approx(47, abs=1)
    assert millivolts == pytest.approx(1234, abs=2)


def test_motion_wakes_the_guest() -> None:
    """The sensor's interrupt reaches the guest through its pin each time it begins to move."""
    bench = Bench(MOTION)
    bench.device.run(500_000)
    for g in (1.0, 0.0, -1.0):
        bench.sensor.x = g
        bench.device.run(bench.device.time_us + 100_000)
        bench.sensor.x = 0.0
        bench.device.run(bench.device.time_us + 100_000)
    assert bench.logged()[0] == "found"
    assert len(bench.logged()) > 2
    assert set(bench.logged()[1:]) == {"moved"}


@settings(max_examples=10, deadline=None)
@given(
    source=st.sampled_from([SPI_EEPROM, DMA_COPY, UART_RING, ADC_SCAN, MOTION]),
    cuts=st.lists(st.integers(1, 60_000), max_size=10),
)
def test_a_run_with_buses_does_not_depend_on_how_it_is_cut(source: str, cuts: list[int]) -> None:
    """Events, time and the whole state of the processor are the same however a run is cut into pieces."""
    ends = []
    for moments in ([], sorted(cuts)):
        bench = Bench(source)
        bench.sensor.x = 1.0
        bench.device.chip.receive("USART2", b"line one\nline two\n")
        for moment in [*moments, 60_000]:
            bench.device.run(moment)
        ends.append((bench.events, bench.device.core.cycle, bench.device.core.snapshot()))
    assert ends[0] == ends[1]
