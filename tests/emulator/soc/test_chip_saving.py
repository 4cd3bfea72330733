"""Laws of saving the chip: any peripheral, in any state that writes can bring it to, goes on as if nothing had been."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from mvsdk import boards
from mvsdk.emulator.bus_devices import Ht16k33, I2cEeprom, Lis3dh, Mcp9808, SpiEeprom
from mvsdk.emulator.core import BusFault
from mvsdk.emulator.events import RegisterNotModelled
from mvsdk.emulator.saving import load, save
from mvsdk.emulator.soc import Chip
from mvsdk.emulator.soc.bus import PERIPHERAL_SPACE, PeripheralBus
from mvsdk.emulator.soc.dbgmcu import DBGMCU_SPACE
from mvsdk.emulator.soc.registers import offsets
from mvsdk.testing import FakeWiring, ScriptedCore

BOARD = boards.load()
BASES = sorted(peripheral.base for peripheral in BOARD.peripherals if peripheral.base in PERIPHERAL_SPACE)
INTERESTING = st.sampled_from([0, 3, 0xD, 0x7F, 0xCCCC, 0xAAAA, 0x5555, 0xFFFF, 0x2000D, 0xFFFFFFFF]) | st.integers(
    0, 31
).map(lambda bit: 1 << bit)


class Access(NamedTuple):
    """One access of a guest, or time that passes."""

    offset: int
    value: int | None
    cycles: int


class Built:
    """A chip on wires of its own, reached as a guest reaches it."""

    def __init__(self) -> None:
        self.wiring = FakeWiring(BOARD.clocks)
        self.wiring.memory[:1024] = bytes(range(256)) * 4
        self.chip = Chip(BOARD, self.wiring)
        self.chip.rcc.poke(offsets("rcc")["BDCR"], 0, 1 | 1 << 8 | 1 << 15)
        self.chip.connect_spi("SPI1", SpiEeprom())
        self.chip.connect_i2c("I2C1", 0x18, Lis3dh((1.0, 0.0, 0.5)), {"INT1": ("GPIOF", 3)})
        self.chip.connect_i2c("I2C1", 0x19, Mcp9808(30.0), {"ALERT": ("GPIOB", 11)})
        self.chip.connect_i2c("I2C1", 0x50, I2cEeprom())
        self.chip.connect_i2c("I2C1", 0x70, Ht16k33())
        self.seen: list[int] = []
        core = ScriptedCore(lambda _: iter(()))  # type: ignore[arg-type,return-value]
        self.chip.lay_out(core, bytes(12))
        self.debug, _ = core.device_at(DBGMCU_SPACE.start)
        device, _ = core.device_at(PERIPHERAL_SPACE.start)
        assert isinstance(device, PeripheralBus)
        self._bus = device

    def heard(self, since: Sequence[int] = (0,) * 5) -> list[Sequence[object]]:
        """Return what was read, and all that the chip did outside, each from a number on."""
        wiring = self.wiring
        all_of_it: tuple[Sequence[object], ...] = self.seen, wiring.changes, wiring.events, wiring.resets, wiring.wakes
        return [happened[number:] for happened, number in zip(all_of_it, since, strict=True)]

    def do(self, accesses: list[Access], most: int | None = None) -> list[Access]:
        """Make accesses and let time pass, after each no more than `most` appointments' worth.

        A timer that overflows at every cycle has millions of them. Returns the accesses with the time that passed.
        """
        done = []
        for offset, value, cycles in accesses:
            try:
                if value is None:
                    self.seen.append(self._bus.read(offset, 4))
                else:
                    self._bus.write(offset, 4, value)
            except BusFault:
                self.seen.append(-1)
            start = self.wiring.cycle
            self.wiring.advance(cycles, most)
            done.append(Access(offset, value, self.wiring.cycle - start))
        return done


def modelled() -> list[int]:
    """Return the bases of all blocks that have a model: reading them tells nobody that they have none."""
    built = Built()
    built.do([Access(base - PERIPHERAL_SPACE.start + 4 * number, None, 0) for base in BASES for number in range(32)])
    unmodelled = {event.address for event in built.wiring.events if isinstance(event, RegisterNotModelled)}
    return [base for base in BASES if any(base + 4 * number not in unmodelled for number in range(32))]


MODELLED = modelled()


def address(block: str, offset: int) -> int:
    """Return where a register lies in the peripherals' space."""
    return next(there.base for there in BOARD.peripherals if there.name == block) + offset - PERIPHERAL_SPACE.start


RAM = FakeWiring.MEMORY
DMA = "GPDMA1_Channel1"
SET_UP: list[list[tuple[str, int, int]]] = [
    [],
    # SPI1 with its memory on NSS: write enable, then a read of a length without an end
    [("SPI1", 0x08, 7), ("SPI1", 0x0C, 1 << 22 | 1 << 29), ("SPI1", 0x04, 4), ("SPI1", 0x00, 0x1000),
     ("SPI1", 0x00, 0x1001), ("SPI1", 0x00, 0x1201), ("SPI1", 0x20, 3), ("SPI1", 0x20, 6)],
    # memory to memory, a few hundred bytes
    [(DMA, 0x40, 0x000A000A), (DMA, 0x44, 0x200), (DMA, 0x48, 400), (DMA, 0x4C, RAM), (DMA, 0x50, RAM + 0x800),
     (DMA, 0x14, 0x7D01)],
    # memory to USART2 at its requests
    [("USART2", 0x0C, 1600), ("USART2", 0x08, 0x80), ("USART2", 0x00, 0xD), (DMA, 0x40, 0x00300038),
     (DMA, 0x44, 1 << 10 | 27), (DMA, 0x48, 9), (DMA, 0x4C, RAM),
     (DMA, 0x50, address("USART2", 0x28) + PERIPHERAL_SPACE.start), (DMA, 0x14, 0x7D01)],
    # ADC1, started before and after its regulator is up, continuously
    [("ADC1", 0x08, 1 << 28), ("ADC1", 0x1C, 0xFFFFF), ("ADC1", 0x30, 3 | 9 << 6 | 19 << 12), ("ADC1", 0x0C, 1 << 13),
     ("ADC1", 0x04, 0x1F), ("ADC1", 0x08, 1 << 28 | 1), ("ADC1", 0x08, 1 << 28 | 4)],
    # LPTIM1 on its pins, with repetition
    [("LPTIM1", 0x10, 1), ("LPTIM1", 0x18, 99), ("LPTIM1", 0x34, 50), ("LPTIM1", 0x28, 3), ("LPTIM1", 0x08, 0x3),
     ("LPTIM1", 0x10, 5)],
    # TIM1 centre-aligned with PWM, dead time and repetition, triggering TIM2
    [("TIM1", 0x2C, 499), ("TIM1", 0x34, 100), ("TIM1", 0x18, 0x68), ("TIM1", 0x20, 5), ("TIM1", 0x30, 2),
     ("TIM1", 0x44, 0x8010), ("TIM1", 0x04, 0x20), ("TIM2", 0x08, 4), ("TIM2", 0x0C, 0x43), ("TIM1", 0x0C, 3),
     ("TIM1", 0x00, 0xA1)],
    # TIM3 in one pulse, capturing PA6
    [("TIM3", 0x2C, 3000), ("TIM3", 0x18, 1), ("TIM3", 0x20, 1), ("TIM3", 0x0C, 3), ("TIM3", 0x00, 9)],
    # the calendar with an alarm every second and the wake-up timer
    [("RTC", 0x24, 0xCA), ("RTC", 0x24, 0x53), ("RTC", 0x40, 0x80808080), ("RTC", 0x14, 3), ("RTC", 0x18, 0x5500)],
    # I2C1 to its sensor
    [("I2C1", 0x10, 0x30909DEC), ("I2C1", 0x00, 0x7F), ("I2C1", 0x04, 0x18 << 1 | 2 << 16 | 1 << 25 | 1 << 13),
     ("I2C1", 0x28, 0xA0), ("I2C1", 0x28, 0x57)],
]  # fmt: skip
"""Beginnings of histories: (block, offset, value) of what brings a peripheral to work."""


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Access], list[Access]]:
    """Draw what happens to two blocks before a chip is saved, and after."""
    bases = st.sampled_from(draw(st.lists(st.sampled_from(MODELLED), min_size=1, max_size=2)))
    offsets = st.builds(lambda base, number: base - PERIPHERAL_SPACE.start + 4 * number, bases, st.integers(0, 40))
    values = st.none() | INTERESTING | st.integers(0, 0xFFFFFFFF)
    accesses = st.lists(
        st.builds(Access, offsets, values, st.sampled_from([0, 0, 1, 500, 20_000, 3_000_000])), max_size=40
    )
    ready = [Access(address(block, offset), value, 0) for block, offset, value in draw(st.sampled_from(SET_UP))]
    busy = st.builds(Access, st.sampled_from([access.offset for access in ready] or [0]), values, st.integers(0, 2_000))
    return [*ready, *draw(accesses | st.lists(busy, max_size=8))], draw(accesses | st.lists(busy, max_size=8))


def test_the_law_below_is_about_all_blocks() -> None:
    """Those that are reached are the peripherals with a model."""
    names = {peripheral.name for peripheral in BOARD.peripherals if peripheral.base in MODELLED}
    assert {"TIM2", "USART2", "I2C1", "GPIOA", "EXTI", "RCC", "RNG", "CRC", "IWDG", "WWDG", "ICACHE", "PWR"} <= names
    assert {"SPI1", "ADC1", "ADC4", "GPDMA1", "GPDMA1_Channel0", "LPTIM1", "RTC", "TAMP", "SYSCFG"} <= names


def moved(built: Built) -> Built:
    """Return another chip in the same state at the same cycle."""
    other = Built()
    other.wiring.advance(built.wiring.cycle)
    load(other.chip, json.loads(json.dumps(save(built.chip))))
    other.wiring.memory[:] = built.wiring.memory
    for _ in range(built.wiring.random_word() - 1):
        other.wiring.random_word()
    other.wiring.random_word()
    return other


@settings(max_examples=200)
@given(history=histories())
def test_every_peripheral_goes_on_from_its_state(history: tuple[list[Access], list[Access]]) -> None:
    """Whatever was written and read, at whatever cycles: a chip loaded with the state reads the same ever after, drives
    the same lines at the same cycles, tells the same and ends in the same state."""
    before, after = history
    first = Built()
    first.do(before, most=500)
    second = moved(first)
    since = [list(map(len, built.heard())) for built in (first, second)]
    second.do(first.do([*after, Access(0, None, 10_000_000)], most=500))
    assert second.heard(since[1]) == first.heard(since[0])
    assert second.wiring.memory == first.wiring.memory
    assert save(second.chip) == save(first.chip)


def test_debug_registers_go_with_the_chip() -> None:
    """What a debugger froze stays frozen after a load."""
    built = Built()
    built.debug.write(offsets("dbgmcu")["APB1FZR1"], 4, 1)
    assert moved(built).debug.read(offsets("dbgmcu")["APB1FZR1"], 4) == 1
