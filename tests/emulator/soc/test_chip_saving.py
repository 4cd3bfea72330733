"""Laws of saving the chip: any peripheral, in any state that writes can bring it to, goes on as if nothing had been."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from mvsdk import boards
from mvsdk.emulator.core import BusFault
from mvsdk.emulator.events import RegisterNotModelled
from mvsdk.emulator.saving import load, save
from mvsdk.emulator.soc import Chip
from mvsdk.emulator.soc.bus import PERIPHERAL_SPACE, PeripheralBus
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
        self.chip = Chip(BOARD, self.wiring)
        self.seen: list[int] = []
        core = ScriptedCore(lambda _: iter(()))  # type: ignore[arg-type,return-value]
        self.chip.lay_out(core, bytes(12))
        device, _ = core.device_at(PERIPHERAL_SPACE.start)
        assert isinstance(device, PeripheralBus)
        self._bus = device

    def do(self, accesses: list[Access]) -> None:
        """Make accesses and let time pass."""
        for offset, value, cycles in accesses:
            try:
                if value is None:
                    self.seen.append(self._bus.read(offset, 4))
                else:
                    self._bus.write(offset, 4, value)
            except BusFault:
                self.seen.append(-1)
            self.wiring.advance(cycles)


def modelled() -> list[int]:
    """Return the bases of all blocks that have a model: reading them tells nobody that they have none."""
    built = Built()
    built.do([Access(base - PERIPHERAL_SPACE.start + 4 * number, None, 0) for base in BASES for number in range(32)])
    unmodelled = {event.address for event in built.wiring.events if isinstance(event, RegisterNotModelled)}
    return [base for base in BASES if any(base + 4 * number not in unmodelled for number in range(32))]


MODELLED = modelled()


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Access], list[Access]]:
    """Draw what happens to two blocks before a chip is saved, and after."""
    bases = st.sampled_from(draw(st.lists(st.sampled_from(MODELLED), min_size=1, max_size=2)))
    offsets = st.builds(lambda base, number: base - PERIPHERAL_SPACE.start + 4 * number, bases, st.integers(0, 24))
    values = st.none() | INTERESTING | st.integers(0, 0xFFFFFFFF)
    accesses = st.lists(
        st.builds(Access, offsets, values, st.sampled_from([0, 0, 1, 500, 20_000, 3_000_000])), max_size=40
    )
    return draw(accesses), draw(accesses)


def test_the_law_below_is_about_all_blocks() -> None:
    """Those that are reached are the peripherals with a model."""
    names = {peripheral.name for peripheral in BOARD.peripherals if peripheral.base in MODELLED}
    assert {"TIM2", "USART2", "I2C1", "GPIOA", "EXTI", "RCC", "RNG", "CRC", "IWDG", "WWDG", "ICACHE", "PWR"} <= names


def moved(built: Built) -> Built:
    """Return another chip in the same state at the same cycle."""
    other = Built()
    other.wiring.advance(built.wiring.cycle)
    load(other.chip, save(built.chip))
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
    first.do(before)
    second = moved(first)
    marks = len(first.wiring.changes), len(first.wiring.events), len(first.wiring.resets), len(first.seen)
    own = len(second.wiring.changes), len(second.wiring.events), len(second.wiring.resets)
    for built in (first, second):
        built.do(after)
        built.wiring.advance(10_000_000)
    assert second.seen == first.seen[marks[3] :]
    assert second.wiring.changes[own[0] :] == first.wiring.changes[marks[0] :]
    assert second.wiring.events[own[1] :] == first.wiring.events[marks[1] :]
    assert second.wiring.resets[own[2] :] == first.wiring.resets[marks[2] :]
    assert save(second.chip) == save(first.chip)
