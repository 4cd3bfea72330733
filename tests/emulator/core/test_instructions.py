"""Every encoding of the table, against Unicorn's Cortex-M33 and against what the architecture leaves open.

The number of executions is `MVSDK_DIFFERENTIAL`, by default what a test run has time for; a nightly run makes ten
million others. `MVSDK_DIFFERENTIAL_SEED` makes them other ones again.
"""

import csv
import os
import struct
from pathlib import Path

import pytest

from mvsdk.emulator.core import StopReason
from mvsdk.emulator.core.encodings import Encoding, find, is_wide, load, rules
from mvsdk.emulator.core.native_core import NativeCore
from tests.emulator.core.differential import (
    CASES,
    WORDS,
    Assembler,
    Case,
    Generator,
    OnNative,
    OnUnicorn,
    code_bytes,
    comparable,
    operation,
    packed,
    program,
    results,
)  # fmt: skip

EXECUTIONS = int(os.environ.get("MVSDK_DIFFERENTIAL", "300000"))
NIGHTLY_EXECUTIONS = 10_000_000
RUNS, NIGHTLY_RUNS = 4, 32
"""From how many states each instruction is executed: other states cost less than other instructions."""
SEED = int(os.environ.get("MVSDK_DIFFERENTIAL_SEED", "1"))
GROUPS = 8
"""The encodings are dealt out to this many tests, for the sake of parallel runs."""

with Path(__file__).with_name("differences.csv").open(newline="", encoding="utf-8") as _file:
    DIFFERENCES = {row["encoding"] for row in csv.DictReader(_file)}

UNDEFINED = 1 << 16


def _describe(case: Case, native: bytes, oracle: bytes) -> str:
    """Return what a failing case looks like to whoever has to mend it."""
    names = [*(f"s{n}" for n in range(32)), "apsr", "fpscr", *(f"r{n}" for n in range(13)), "lr"]
    pairs = zip(names, struct.unpack(f"<{WORDS}I", native), struct.unpack(f"<{WORDS}I", oracle), strict=True)
    different = [f"{name}: {ours:#x}, oracle {theirs:#x}" for name, ours, theirs in pairs if ours != theirs]
    state = [hex(value) for value in case.state]
    return f"{case.encoding.name} {case.word:#x} condition {case.condition}: {different} from {state}"


ASSEMBLE = Assembler()


def _compare(generator: Generator, cases: list[Case], runs: int) -> list[str]:
    """Run a batch on both so many times, each time from other states; return a description of every difference."""
    code, count, found = program(cases, ASSEMBLE), len(cases), list[str]()
    native, unicorn = OnNative(code, count), OnUnicorn(code, count)
    for _ in range(runs):
        states = packed(case.state for case in cases)
        (ours, our_data), (theirs, their_data) = native.run(states), unicorn.run(states)
        if ours != theirs:
            pairs = zip(cases, results(ours, count), results(theirs, count), strict=True)
            found += [_describe(case, a, b) for case, a, b in pairs if a != b]
        elif our_data != their_data:
            found.append(f"stored differently: {sorted({case.encoding.name for case in cases})}")
        cases = [generator.again(case) for case in cases]
    return found


def _execute(group: int, executions: int, seed: int, runs: int) -> None:
    """Compare so many executions of a group's encodings, each of them as often as the others."""
    encodings = [e for e in comparable() if e.name not in DIFFERENCES][group::GROUPS]
    generator = Generator(seed * GROUPS + group)
    for turn in range(-(-executions // GROUPS // CASES // runs)):
        chosen = [encodings[(turn * CASES + number) % len(encodings)] for number in range(CASES)]
        assert _compare(generator, [generator.case(encoding) for encoding in chosen], runs) == []


@pytest.mark.parametrize("group", range(GROUPS))
def test_instructions_do_what_another_implementation_does(group: int) -> None:
    """From any state, in and out of IT blocks, registers, flags, FPSCR and memory come out as on Unicorn's core."""
    _execute(group, EXECUTIONS, SEED, RUNS)


@pytest.mark.nightly
@pytest.mark.parametrize("group", range(GROUPS))
def test_ten_million_instructions(group: int) -> None:
    """What holds for a few executions of every encoding holds for tens of thousands of each."""
    _execute(group, NIGHTLY_EXECUTIONS, SEED + 1_000_000, NIGHTLY_RUNS)


@pytest.mark.parametrize("encoding", load(), ids=lambda e: e.name)
def test_every_encoding_is_executed(encoding: Encoding) -> None:
    """The comparison above executes every encoding whose effect it can see; all others are executed here, where only
    those that are undefined for non-secure code may fault so."""
    if encoding in comparable() and encoding.name not in DIFFERENCES:
        return
    generator = Generator(13)
    words = [encoding.match | generator.random.getrandbits(encoding.width) & ~encoding.mask for _ in range(100)]
    ruled = [word for word in words if rules(encoding, word)]
    allowed = [word for word in ruled if not encoding.is_unpredictable(word)]
    undefined = [_is_undefined(word, encoding.width) for word in (allowed or ruled)[:10]]
    assert all(undefined) == (operation(encoding).startswith("undefined") or not allowed)


def test_differences_are_of_encodings_in_the_table() -> None:
    """The list of known differences names encodings that exist and are compared otherwise."""
    assert {e.name for e in comparable()} >= DIFFERENCES


def _native(code: bytes) -> NativeCore:
    """Return a core about to execute `code`, the floating-point unit usable."""
    core = NativeCore()
    core.map_memory(0x0800_0000, 0x1000, writable=False)
    core.map_memory(0x2000_0000, 0x1000, writable=True)
    core.write_memory(0x0800_0000, struct.pack("<II", 0x2000_0800, 0x0800_0101))
    core.write_memory(0x0800_0100, code)
    core.reset(0x0800_0000)
    core.write_register("cpacr", 0x00F0_0000)  # floating point for everybody
    return core


def _is_undefined(word: int, width: int) -> bool:
    """Tell whether the core faults a word as UNDEFINED, without any effect."""
    core = _native(code_bytes(word, width) + b"\x00\xbe")
    before = core.registers()
    stop = core.run(core.cycle + 1)
    if stop.reason is not StopReason.FAULT or stop.fault is None or stop.fault.cfsr != UNDEFINED:
        return False
    return core.registers() == before


def _open_words(encoding: Encoding) -> list[int]:
    """Return some words of an encoding that the architecture leaves open outside an IT block."""
    generator = Generator(7)
    words = {encoding.match | generator.random.getrandbits(encoding.width) & ~encoding.mask for _ in range(200)}
    ruled = [word for word in sorted(words) if rules(encoding, word)]
    return [word for word in ruled if encoding.is_unpredictable(word)][:8]


@pytest.mark.parametrize("encoding", [e for e in load() if e.unpredictable], ids=lambda e: e.name)
def test_unpredictable_words_fault(encoding: Encoding) -> None:
    """What the architecture leaves open is a UsageFault, never a guess."""
    assert all(_is_undefined(word, encoding.width) for word in _open_words(encoding))


@pytest.mark.parametrize("encoding", [e for e in load() if operation(e).startswith("undefined")], ids=lambda e: e.name)
def test_undefined_encodings_fault(encoding: Encoding) -> None:
    """Encodings that non-secure code finds undefined raise a UsageFault."""
    generator = Generator(9)
    words = [encoding.match | generator.random.getrandbits(encoding.width) & ~encoding.mask for _ in range(100)]
    assert all(_is_undefined(word, encoding.width) for word in words if rules(encoding, word))


def test_words_outside_the_table_fault() -> None:
    """A word that no row matches is undefined."""
    generator = Generator(3)
    tried = 0
    while tried < 300:
        word = generator.random.getrandbits(32)
        width = 32 if is_wide(word >> 16) else 16
        word = word if width == 32 else word >> 16
        if find(word, width) is None:
            assert _is_undefined(word, width)
            tried += 1


@pytest.mark.parametrize("encoding", [e for e in load() if "inside" in e.unpredictable], ids=lambda e: e.name)
def test_encodings_that_may_not_stand_in_an_it_block_fault_there(encoding: Encoding) -> None:
    """Inside an IT block whose condition holds, an instruction that is not allowed there is undefined."""
    generator = Generator(11)
    core = _native(b"\x08\xbf" + code_bytes(generator.word(encoding), encoding.width))
    core.write_register("xpsr", 0x4100_0000)
    assert core.run(2).reason is StopReason.FAULT
    assert core.fault_status()[0] == UNDEFINED
