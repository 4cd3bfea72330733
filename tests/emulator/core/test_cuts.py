"""The rule that must never break: what a guest does does not depend on how a run is cut into pieces."""

import random
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvsdk.emulator.core import StopReason
from mvsdk.emulator.core.native_core import NativeCore
from tests.emulator.core.differential import BRANCHES, Assembler, Generator, comparable, is_memory, operation
from tests.emulator.core.differential import code_bytes as encoded

FLASH, CODE, HANDLER, RAM = 0x0800_0000, 0x0800_0400, 0x0800_0300, 0x2000_0000
END = 20_000
SETUP = 5
"""Pieces of code before the loop."""


def _handler() -> bytes:
    """Return a SysTick handler that uses floating point and counts its calls in memory."""
    assemble = Assembler()
    return b"".join(
        (
            assemble.constant(0, RAM + 0x100),
            assemble("LDR (immediate) T1", n=0, t=1),
            assemble("ADD (immediate) T2", d=1, i=1),
            assemble("STR (immediate) T1", n=0, t=1),
            assemble("VMOV (general-purpose to single) T1", v=0, t=1),
            assemble("VADD T2", v=1, n=0, m=0),
            assemble("BX T1", m=14),
        )
    )


def _thread(seed: int) -> bytes:
    """Return code that sets up SysTick and then loops over random arithmetic, in and out of IT blocks, without end."""
    generator, assemble = Generator(seed), Assembler()
    encodings = [e for e in comparable() if not is_memory(e) and operation(e) not in BRANCHES]
    pieces = [
        assemble.constant(0, 0xE000_E010),
        assemble.constant(1, 97),
        assemble("STR (immediate) T1", n=0, t=1, i=1),
    ]
    pieces += [assemble("MOV (immediate) T1", d=1, i=7), assemble("STR (immediate) T1", n=0, t=1)]
    for _ in range(60):
        case = generator.case(generator.random.choice(encodings))
        if case.condition is not None:
            pieces.append(assemble("IT T1", c=case.condition, m=8))
        pieces.append(encoded(case.word, case.encoding.width))
    length = sum(map(len, pieces[SETUP:]))
    return b"".join(pieces) + assemble("B T2", i=-(length + 4) // 2 & 0x7FF)


def _core(seed: int) -> NativeCore:
    """Return a core about to run a random program under a fast timer."""
    core = NativeCore()
    core.map_memory(FLASH, 0x1000, writable=False)
    core.map_memory(RAM, 0x2000, writable=True)
    core.write_memory(FLASH, struct.pack("<II", RAM + 0x1800, CODE | 1))
    core.write_memory(FLASH + 15 * 4, struct.pack("<I", HANDLER | 1))
    core.write_memory(HANDLER, _handler())
    core.write_memory(CODE, _thread(seed))
    core.reset(FLASH)
    core.write_register("cpacr", 0x00F0_0000)  # floating point for everybody
    return core


@pytest.mark.parametrize("seed", range(6))
@settings(max_examples=25)
@given(data=st.data())
def test_results_do_not_depend_on_how_a_run_is_cut(seed: int, data: st.DataObject) -> None:
    """Registers, peripherals, memory and time are the same for a run in one piece and in any others."""
    whole, cut = _core(seed), _core(seed)
    assert whole.run(END).reason is StopReason.DEADLINE
    source = random.Random(data.draw(st.integers(0, 1 << 30)))  # noqa: S311 - repeatable on purpose
    longest = data.draw(st.sampled_from([1, 3, 17, 200, 5000]))
    while cut.cycle < END:
        cut.run(min(END, cut.cycle + source.randint(1, longest)))
    assert cut.registers() == whole.registers()
    assert cut.save() == whole.save()
    assert int.from_bytes(whole.read_memory(RAM + 0x100, 4), "little") > 50


@pytest.mark.parametrize("seed", range(6))
def test_a_saved_state_continues_as_the_original(seed: int) -> None:
    """A run continued from a saved state in another core ends as the one that was never interrupted."""
    whole, first, second = _core(seed), _core(seed), _core(seed + 1)
    whole.run(END)
    first.run(END // 3)
    second.load(first.save())
    second.run(END)
    assert second.save() == whole.save()


def test_breakpoints_do_not_change_what_happens() -> None:
    """A run that stops at breakpoints all the way ends as one without any."""
    whole, stopped = _core(1), _core(1)
    stopped.set_breakpoints(range(CODE, CODE + 300, 2))
    whole.run(END)
    stops = 0
    while stopped.run(END).reason is StopReason.BREAKPOINT:
        stops += 1
    assert stops > 1000
    assert stopped.registers() == whole.registers()
    assert stopped.cycle == whole.cycle
