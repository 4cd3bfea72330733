"""Laws of clocks, power and what the debug unit shows, on a whole chip."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvsdk.boards import load
from mvsdk.emulator.events import ClockMissing
from mvsdk.emulator.soc import Chip
from mvsdk.emulator.soc.bus import PERIPHERAL_SPACE
from mvsdk.emulator.soc.dbgmcu import DBGMCU_SPACE
from mvsdk.emulator.soc.pwr import SBF, wake_up_pins
from mvsdk.emulator.soc.registers import rows
from mvsdk.testing import FakeWiring, ScriptedCore
from tests.emulator.soc.chip_bench import BASES, ChipBench

BOARD = load("stm32u585")
ENABLES = {
    "AHB1": 0x88,
    "AHB2_1": 0x8C,
    "AHB2_2": 0x90,
    "AHB3": 0x94,
    "APB1_1": 0x9C,
    "APB1_2": 0xA0,
    "APB2": 0xA4,
    "APB3": 0xA8,
}
APB1RSTR1, APB1ENR1 = 0x74, 0x9C


class GatedBench(ChipBench):
    """A chip whose peripherals need their clocks."""

    def __init__(self) -> None:
        self.wiring = FakeWiring()
        self.chip = Chip(BOARD, self.wiring, gate_clocks=True)
        self.core = ScriptedCore(lambda _: iter(()))  # type: ignore[arg-type, return-value]
        self.chip.lay_out(self.core, bytes(12))
        self.bus, _ = self.core.device_at(PERIPHERAL_SPACE.start)


# -- RCC ---------------------------------------------------------------------------------------------------------------


def test_every_clock_in_the_table_is_one_of_the_board() -> None:
    """Each row of the table names a peripheral of the board, and no bit belongs to two."""
    places = [(row["group"], row["bit"]) for row in rows("rcc-peripherals")]
    assert len(set(places)) == len(places)
    for row in rows("rcc-peripherals"):
        assert row["peripheral"] in BASES
        assert row["group"] in ENABLES


def test_without_its_clock_a_peripheral_is_dead_where_clocks_are_gated() -> None:
    """It reads 0, ignores writes, and is told once; with its clock it works, and what has no clock bit always does."""
    bench = GatedBench()
    timer = bench.block("TIM2", "timer")
    timer["PSC"] = 5
    assert timer["ARR"] == 0
    assert bench.wiring.events == [ClockMissing(0, "TIM2", BASES["TIM2"] + 0x28, "write")]
    bench.chip.rcc.poke(APB1ENR1, 1, 1)
    assert (timer["PSC"], timer["ARR"]) == (0, 0xFFFF_FFFF)
    timer["PSC"] = 5
    assert timer["PSC"] == 5
    assert bench.block("EXTI", "exti")["RTSR1"] == 0
    assert bench.block("IWDG", "iwdg")["RLR"] == 0xFFF
    assert len(bench.wiring.events) == 1


def test_by_default_firmware_that_trusts_the_kernel_works() -> None:
    """Without gating a peripheral answers whatever its enable bit says."""
    bench = ChipBench()
    assert bench.block("TIM2", "timer")["ARR"] == 0xFFFF_FFFF
    assert not any(isinstance(event, ClockMissing) for event in bench.wiring.events)


def test_a_reset_bit_resets_its_peripheral_and_no_other() -> None:
    """FORCE_RESET of TIM2 gives it its reset values; TIM3 goes on."""
    bench = ChipBench()
    two, three = bench.block("TIM2", "timer"), bench.block("TIM3", "timer")
    for timer in (two, three):
        timer["PSC"], timer["CR1"] = 7, 1
    bench.chip.rcc.poke(APB1RSTR1, 0, 1)
    bench.chip.rcc.poke(APB1RSTR1, 1, 0)
    assert [timer["PSC"] for timer in (two, three)] == [0, 7]
    assert [timer["CR1"] for timer in (two, three)] == [0, 1]


@given(register=st.integers(0, 0x120).map(lambda word: word & ~3), bits=st.integers(0, 0xFFFF_FFFF))
def test_no_poke_does_any_harm(register: int, bits: int) -> None:
    """Any bits in any register of RCC leave a chip that answers."""
    bench = ChipBench()
    bench.chip.rcc.poke(register, 0, bits)
    bench.chip.rcc.poke(register, bits, 0)
    bench.wiring.advance(1000)
    assert bench.block("TIM2", "timer")["ARR"] == 0xFFFF_FFFF


# -- PWR ---------------------------------------------------------------------------------------------------------------


def test_a_wake_up_pin_sets_its_flag_and_would_wake_the_device() -> None:
    """WKUP2 on PC13, rising: the flag is set, a deep sleep would end, CWUF2 clears it, and a reset keeps the set-up."""
    bench = ChipBench()
    power = bench.block("PWR", "pwr")
    power["WUCR3"] = 1 << 2
    power["WUCR1"] = 1 << 1
    bench.chip.reset()
    bench.chip.drive_pin("GPIOC", 13, True)
    assert power["WUSR"] == 1 << 1
    assert [source for _, source in bench.wiring.wakes] == ["pin"]
    power["WUSCR"] = 1 << 1
    assert power["WUSR"] == 0
    bench.chip.drive_pin("GPIOC", 13, False)
    assert power["WUSR"] == 0


@pytest.mark.parametrize("place", sorted(wake_up_pins()))
def test_a_wake_up_pin_heeds_selection_and_polarity(place: tuple[str, int]) -> None:
    """Every pin in the table wakes only by the selection it belongs to, by a falling edge where WUPP says so."""
    (number, selection), *_ = wake_up_pins()[place]
    for other in range(4):
        bench = ChipBench()
        power = bench.block("PWR", "pwr")
        bench.chip.drive_pin(*place, True)
        power["WUCR3"] = other << 2 * (number - 1)
        power["WUCR2"] = power["WUCR1"] = 1 << number - 1
        bench.chip.drive_pin(*place, False)
        assert bool(power["WUSR"]) == (other == selection)


def test_standby_leaves_its_flag() -> None:
    """SBF outlives the reset that ends Standby; CSSF clears it."""
    bench = ChipBench()
    power = bench.block("PWR", "pwr")
    bench.chip.pwr.slept(SBF)
    bench.chip.reset()
    assert power["SR"] == SBF
    power["SR"] = 1
    assert power["SR"] == 0


# -- DBGMCU ------------------------------------------------------------------------------------------------------------


def test_the_debug_unit_says_which_chip_it_is() -> None:
    """IDCODE is the STM32U585's and cannot be written; CR is kept; the rest of the page reads 0."""
    bench = ChipBench()
    device, offset = bench.core.device_at(DBGMCU_SPACE.start)
    device.write(offset, 4, 0)
    assert device.read(offset, 4) & 0xFFF == 0x482
    device.write(offset + 4, 4, 0b110)
    assert device.read(offset + 4, 4) == 0b110
    assert device.read(offset + 0x200, 4) == 0
    bench.chip.reset()
    assert device.read(offset + 4, 4) == 0b110
