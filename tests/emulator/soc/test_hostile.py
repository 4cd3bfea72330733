"""Laws of the chip under firmware that does anything at all."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from mvsdk.boards import load
from mvsdk.emulator.bus_devices import Mcp9808, SpiEeprom
from mvsdk.emulator.soc import Chip
from mvsdk.emulator.soc.bus import PERIPHERAL_SPACE
from mvsdk.emulator.soc.i2c_target import I2cTransfer
from mvsdk.testing import FakeWiring, ScriptedCore

BOARD = load("stm32u585")
BLOCKS = ("TIM1", "TIM2", "TIM6", "TIM16", "USART2", "LPUART1", "GPIOA", "EXTI", "CRC", "RNG", "IWDG", "WWDG", "ICACHE")
BLOCKS_ON_BUSES = ("I2C1", "I2C3", "SPI1", "SPI3", "ADC1", "ADC4", "GPDMA1", "GPDMA1_Channel0", "GPDMA1_Channel15")
BASES = [peripheral.base for peripheral in BOARD.peripherals if peripheral.name in BLOCKS + BLOCKS_ON_BUSES]
ACCESSES = st.tuples(
    st.sampled_from(BASES),
    st.integers(0, 0x1F) | st.integers(0, 0xFF),
    st.sampled_from([1, 2, 4]),
    st.none() | st.integers(0, 0xFFFF_FFFF) | st.sampled_from([1, 0xCCCC, 0x5555, 0xAAAA, 0xFFFF_FFFF]),
    st.integers(0, 100_000),
)


@settings(max_examples=150)
@given(st.lists(ACCESSES, max_size=60))
def test_no_access_does_any_harm(accesses: list[tuple[int, int, int, int | None, int]]) -> None:
    """Any reads and writes of any width at any time are answered with values that fit, and a reset ends it all."""
    wiring = FakeWiring()
    chip = Chip(BOARD, wiring)
    for address in range(128):
        chip.connect_i2c("I2C1", address, Mcp9808())
    for spi in ("SPI1", "SPI3"):
        chip.connect_spi(spi, SpiEeprom())
    core = ScriptedCore(lambda _: iter(()))  # type: ignore[arg-type, return-value]
    chip.lay_out(core, bytes(12))
    bus, _ = core.device_at(PERIPHERAL_SPACE.start)
    for base, word, size, value, pause in accesses:
        offset = base - PERIPHERAL_SPACE.start + 4 * word
        if value is None:
            assert 0 <= bus.read(offset, size) < 1 << 8 * size
        else:
            bus.write(offset, size, value & (1 << 8 * size) - 1)
        chip.receive("USART2", b"x", errors=(value or 0) & 7)
        chip.address_i2c("I2C1", I2cTransfer(0, b"x", read=1))
        wiring.advance(pause)
    chip.reset()
    assert not wiring.waiting
    assert not any(wiring.lines.values())
