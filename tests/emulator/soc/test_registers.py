"""Laws of registers as data."""

from __future__ import annotations

from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvsdk.emulator import soc
from mvsdk.emulator.core import new_core
from mvsdk.emulator.core.register_bank import Verb
from mvsdk.emulator.saving import load, save
from mvsdk.emulator.soc.native import native_registers
from mvsdk.emulator.soc.registers import WORD, RegisterBlock, RegisterFile, offsets, register_table, rows
from tests.emulator.guest import Recorder

TABLES = sorted(
    file.name.removesuffix(".csv")
    for file in files(soc).iterdir()
    if file.name.endswith(".csv") and file.read_text(encoding="utf-8").startswith("name,offset")
)
WORDS = st.integers(0, WORD)


def test_there_are_tables() -> None:
    """Every peripheral's registers are found."""
    assert {"rcc", "gpio", "timer", "usart", "exti"} <= set(TABLES)


@pytest.mark.parametrize("table", TABLES)
def test_a_table_is_sound(table: str) -> None:
    """Offsets and names are different and in order, values fit, ready flags agree with what they follow."""
    registers = list(register_table(table).values())
    places = [register.offset for register in registers]
    assert places == sorted(set(places))
    assert all(place % 4 == 0 for place in places)
    assert len(offsets(table)) == len(registers)
    for register in registers:
        assert 0 <= register.reset <= WORD
        assert 0 <= register.writable <= WORD
        for bit, copy in register.follows:
            assert register.reset >> bit & 1 == register.reset >> copy & 1


@given(table=st.sampled_from(TABLES), value=WORDS, data=st.data())
def test_a_write_changes_the_writable_bits_alone(table: str, value: int, data: st.DataObject) -> None:
    """A register reads what was written where it is writable and not followed; the rest keeps its reset value."""
    register = data.draw(st.sampled_from(list(register_table(table).values())))
    block = RegisterBlock(table)
    assert block.read(register.offset, 4) == register.reset
    assert block.write(register.offset, 4, value)
    followers = sum(1 << copy for _, copy in register.follows)
    expected = value & register.writable | register.reset & ~register.writable
    read = block.read(register.offset, 4)
    assert read is not None
    assert read & ~followers == expected & ~followers
    for bit, copy in register.follows:
        assert read >> bit & 1 == read >> copy & 1


@given(value=WORDS, size=st.sampled_from([1, 2]), place=st.integers(0, 3))
def test_narrow_accesses_see_their_part(value: int, size: int, place: int) -> None:
    """A byte or halfword of a register is read and written without touching the rest."""
    place -= place % size
    block = RegisterBlock("crc")
    offset = offsets("crc")["IDR"]
    block.write(offset, 4, value)
    assert block.read(offset + place, size) == value >> 8 * place & (1 << 8 * size) - 1
    block.write(offset + place, size, 0)
    assert block.read(offset, 4) == value & ~((1 << 8 * size) - 1 << 8 * place)


def test_an_offset_without_a_register_is_not_answered() -> None:
    """Offsets the table does not name are answered as not modelled."""
    block = RegisterBlock("pwr")
    assert block.read(0x3FC, 4) is None
    assert not block.write(0x3FC, 4, 0)


def test_reset_gives_reset_values() -> None:
    """After a reset every register is as in the table."""
    block = RegisterBlock("pwr")
    for offset in register_table("pwr"):
        block.write(offset, 4, WORD)
    block.reset()
    assert all(block.read(offset, 4) == register.reset for offset, register in register_table("pwr").items())


@pytest.mark.parametrize("table", TABLES)
def test_what_the_core_answers_is_described_soundly(table: str) -> None:
    """Every table's rows in native.csv make sense, name what there is, and are taken by the core."""
    core = new_core()
    core.map_device(0x4000_0000, 0x1000, Recorder())
    described = native_registers(table)
    core.bind_registers(0x4000_0000, RegisterFile(table).bank, described.values())
    assert described.keys() <= offsets(table).keys()
    for register in described.values():
        plain = [effect for effect in register.effects or () if effect.verb is Verb.WRITE]
        assert all(effect.mask == register_table(table)[register.offset].writable for effect in plain)


def test_native_rows_name_tables_that_there_are() -> None:
    """A row for a table that nobody reads would be a lie."""
    assert {row["table"] for row in rows("native")} <= set(TABLES)


@given(value=WORDS, other=WORDS)
def test_a_register_file_can_be_kept(value: int, other: int) -> None:
    """Values and what the bank may answer can be taken out and put back, into the words the core shares."""
    kept, new = RegisterFile("gpio"), RegisterFile("gpio")
    words = new.bank.words
    kept["ODR"], kept["watched"] = value, other
    kept.bank.hold_until(value << 32 | other)
    kept.bank.open = False
    load(new, save(kept))
    assert new.bank.words is words
    assert new.bank.words == kept.bank.words
