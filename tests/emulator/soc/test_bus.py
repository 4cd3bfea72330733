"""Laws of the peripheral bus."""

from __future__ import annotations

import pytest

from mvsdk.boards import load
from mvsdk.emulator.core import BusFault
from mvsdk.emulator.soc.bus import PERIPHERAL_SPACE, PeripheralBus
from mvsdk.emulator.soc.rcc import Rcc

BOARD = load("stm32u585")
BASES = {peripheral.name: peripheral.base for peripheral in BOARD.peripherals}


def bus() -> tuple[PeripheralBus, list[tuple[str, int, str]]]:
    """Make a bus that writes down what it has no model for."""
    told: list[tuple[str, int, str]] = []
    return PeripheralBus(BOARD, lambda *what: told.append(what)), told


def test_an_unmodelled_register_is_told_once_by_name() -> None:
    """Reading and writing an address without a model reads 0 and is told once, under its peripheral's name."""
    peripherals, told = bus()
    offset = BASES["USART2"] + 0x1C - PERIPHERAL_SPACE.start
    assert peripherals.read(offset, 4) == 0
    peripherals.write(offset, 4, 7)
    assert peripherals.read(offset, 4) == 0
    assert told == [("USART2", BASES["USART2"] + 0x1C, "read")]


def test_an_attached_peripheral_answers_its_block() -> None:
    """Accesses reach the model of the block they lie in, with the offset from its base."""
    peripherals, told = bus()
    rcc = Rcc()
    peripherals.attach(BASES["RCC"], rcc)
    assert peripherals.read(BASES["RCC"] + 0x34 - PERIPHERAL_SPACE.start, 4) == rcc.peek(0x34)
    assert told == []


def test_an_address_of_no_peripheral_is_told_too() -> None:
    """The last address of the space belongs to somebody or is told; it never fails."""
    peripherals, told = bus()
    assert peripherals.read(len(PERIPHERAL_SPACE) - 4, 4) == 0
    assert len(told) == 1


def test_a_strict_bus_faults_where_nothing_is_modelled() -> None:
    """With `strict` an access without a model is told once and fails every time; modelled registers answer."""
    told: list[tuple[str, int, str]] = []
    strict = PeripheralBus(BOARD, lambda *what: told.append(what), strict=True)
    strict.attach(BASES["RCC"], Rcc())
    offset = BASES["USART2"] - PERIPHERAL_SPACE.start
    for _ in range(2):
        with pytest.raises(BusFault):
            strict.read(offset, 4)
        with pytest.raises(BusFault):
            strict.write(offset, 4, 0)
    assert told == [("USART2", BASES["USART2"], "read")]
    assert strict.read(BASES["RCC"] + 0x34 - PERIPHERAL_SPACE.start, 4)
