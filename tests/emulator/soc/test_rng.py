"""Laws of the random number generator."""

from __future__ import annotations

from mvsdk.emulator.soc.rng import BATCH, BATCH_CYCLES, Rng
from mvsdk.testing import FakeWiring
from tests.emulator.soc.block import Block

IRQ = 94
RNGEN, IE, CONDRST = 1 << 2, 1 << 3, 1 << 30
DRDY = 1


def rng() -> tuple[Block, FakeWiring, Rng]:
    """Make the generator on its own."""
    wiring = FakeWiring()
    generator = Rng(wiring, IRQ)
    return Block(generator, "rng"), wiring, generator


def test_words_come_in_batches() -> None:
    """A batch is ready some time after the generator is on, and the next one after the last word was taken."""
    registers, wiring, _ = rng()
    registers["CR"] = RNGEN
    assert registers["SR"] == 0
    assert registers["DR"] == 0
    for batch in range(2):
        wiring.advance(BATCH_CYCLES)
        words = []
        while registers["SR"] & DRDY:
            words.append(registers["DR"])
        assert words == [BATCH * batch + number for number in range(1, BATCH + 1)]


def test_a_ready_word_interrupts() -> None:
    """With IE the line is high while a word is ready."""
    registers, wiring, _ = rng()
    registers["CR"] = RNGEN | IE
    wiring.advance(BATCH_CYCLES)
    assert wiring.lines[IRQ]
    for _ in range(BATCH):
        assert registers["DR"]
    assert not wiring.lines[IRQ]


def test_off_means_nothing_is_ready() -> None:
    """Without RNGEN, and while the conditioning is held in reset, no word comes; a reset ends everything."""
    registers, wiring, generator = rng()
    for control in (0, RNGEN | CONDRST):
        registers["CR"] = control
        wiring.advance(10 * BATCH_CYCLES)
        assert registers["SR"] == 0
    registers["CR"] = RNGEN | IE
    wiring.advance(BATCH_CYCLES)
    generator.reset()
    assert not wiring.lines[IRQ]
    assert not wiring.waiting
    assert registers["SR"] == 0
