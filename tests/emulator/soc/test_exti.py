"""Laws of the pin interrupts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mvsdk.emulator.soc.exti import Exti
from mvsdk.emulator.soc.triggers import TriggerLines
from mvsdk.testing import FakeWiring
from tests.emulator.soc.block import Block

PORTS = ["GPIOA", "GPIOB", "GPIOC"]
LINE13 = 1 << 13
IRQ13 = 11 + 13


def exti() -> tuple[Exti, Block, FakeWiring]:
    """Make the block on its own, line 13 listening to port C."""
    wiring = FakeWiring()
    block = Exti(wiring, range(11, 27), PORTS, TriggerLines())
    registers = Block(block, "exti")
    registers["EXTICR4"] = 2 << 8
    registers["IMR1"] = LINE13
    return block, registers, wiring


def test_a_rising_edge_interrupts_until_it_is_cleared() -> None:
    """With RTSR a rising edge sets RPR and the line; writing the bit to RPR clears both."""
    block, registers, wiring = exti()
    registers["RTSR1"] = LINE13
    block.pins_changed("GPIOC", LINE13, LINE13)
    assert wiring.lines[IRQ13]
    assert (registers["RPR1"], registers["FPR1"]) == (LINE13, 0)
    registers["RPR1"] = LINE13
    assert not wiring.lines[IRQ13]
    block.pins_changed("GPIOC", LINE13, 0)
    assert not wiring.lines[IRQ13], "the falling edge is not asked for"


def test_a_falling_edge_has_its_own_register() -> None:
    """With FTSR a falling edge sets FPR."""
    block, registers, wiring = exti()
    registers["FTSR1"] = LINE13
    block.pins_changed("GPIOC", LINE13, 0)
    assert wiring.lines[IRQ13]
    assert (registers["RPR1"], registers["FPR1"]) == (0, LINE13)


def test_only_the_chosen_port_counts() -> None:
    """EXTICR says which port's pin a line hears."""
    block, registers, _ = exti()
    registers["RTSR1"] = LINE13
    block.pins_changed("GPIOA", LINE13, LINE13)
    assert registers["RPR1"] == 0


def test_a_masked_line_pends_without_interrupting() -> None:
    """Without IMR the edge is remembered, and interrupts when it is unmasked."""
    block, registers, wiring = exti()
    registers["RTSR1"], registers["IMR1"] = LINE13, 0
    block.pins_changed("GPIOC", LINE13, LINE13)
    assert not wiring.lines.get(IRQ13, False)
    registers["IMR1"] = LINE13
    assert wiring.lines[IRQ13]


def test_software_triggers_a_line() -> None:
    """Writing SWIER pends as a rising edge does, whatever RTSR says, and reads 0."""
    _, registers, wiring = exti()
    registers["SWIER1"] = LINE13
    assert wiring.lines[IRQ13]
    assert (registers["RPR1"], registers["SWIER1"]) == (LINE13, 0)


def test_a_reset_lowers_every_line() -> None:
    """After a reset nothing pends."""
    block, registers, wiring = exti()
    registers["SWIER1"] = LINE13
    block.reset()
    assert not wiring.lines[IRQ13]
    assert registers["RPR1"] == 0


@given(line=st.integers(0, 15), port=st.sampled_from(PORTS))
def test_every_line_has_its_interrupt(line: int, port: str) -> None:
    """Pin n of any port can raise interrupt EXTIn and no other."""
    wiring = FakeWiring()
    block = Exti(wiring, range(11, 27), PORTS, TriggerLines())
    registers = Block(block, "exti")
    registers[f"EXTICR{line // 4 + 1}"] = PORTS.index(port) << 8 * (line % 4)
    registers["RTSR1"] = registers["IMR1"] = 1 << line
    block.pins_changed(port, 0xFFFF, 0xFFFF)
    assert [number for number, level in wiring.lines.items() if level] == [11 + line]
