"""The executor's optimisations: a block of many instructions does exactly what its instructions do one by one.

A run cut to single instructions decodes each of them alone, so nothing there is fused and no flag is left out: what a
whole block leaves has to be what the single steps leave.
"""

from __future__ import annotations

import random
import struct
import subprocess
from pathlib import Path

import pytest

from mvsdk.emulator.core import StopReason
from mvsdk.emulator.core.encodings import Encoding, load
from mvsdk.emulator.core.native_core import NativeCore
from tests.emulator.core.differential import Assembler, Generator, code_bytes
from tests.emulator.core.small_guest import BKPT, DEVICE, RAM, Answering, constant, halfwords, start
from tests.emulator.core.test_native_sanitized import BUILD, SANITIZED, SOURCES, UNITS, environment, need, run_clean

ASSEMBLE = Assembler()
END = 4_000
FPSCR_UFC, FPSCR_IXC = 8, 16
INTEGER = (
    "ADD (immediate) T1", "ADD (immediate) T2", "SUB (immediate) T2", "ADD (register) T1", "SUB (register) T1",
    "MOV (immediate) T1", "MOV (register) T1", "MOV (register) T2", "CMP (immediate) T1", "CMP (register) T1",
    "LSL (immediate) T1", "LSR (immediate) T1", "ASR (immediate) T1", "AND (register) T1", "EOR (register) T1",
    "ORR (register) T1", "BIC (register) T1", "TST (register) T1", "ADC (register) T1", "SBC (register) T1",
    "LSL (register) T1", "ROR (register) T1", "MUL T1", "MVN (register) T1", "RSB (immediate) T1", "UXTB T1", "SXTH T1",
    "MLA T1", "UMULL T1", "ADD (register) T3", "SUB (register) T2", "ADD (immediate) T3", "AND (immediate) T1",
    "MOV (register) shifted T3", "EOR (register) T2", "ADC (register) T2", "SUB (immediate) T3", "UBFX T1", "CLZ T1",
)  # fmt: skip
MEMORY = (
    "LDR (immediate) T1", "STR (immediate) T1", "LDRB (immediate) T1", "STRB (immediate) T1", "LDRH (immediate) T1",
    "STRH (immediate) T1", "LDRD (immediate) offset T1", "STRD (immediate) offset T1", "LDRD (immediate) post T1",
    "LDR (immediate) post T4", "STR (immediate) post T4", "LDR (immediate) pre T4", "STRB (immediate) post T3",
    "LDRB (immediate) post T3", "LDM T1", "STM T1",
)  # fmt: skip
ENCODINGS = {encoding.name: encoding for encoding in load()}


def _names(wanted: tuple[str, ...]) -> list[Encoding]:
    return [ENCODINGS[name] for name in wanted if name in ENCODINGS]


def _instruction(generator: Generator, encoding: Encoding) -> bytes:
    """Return a word of an encoding that does not write r6, r7, SP or PC, or push more than the stack holds."""
    while True:
        word = generator.word(encoding)
        values = encoding.decode(word)
        written = {values.get(name) for name in ("d", "t", "u", "h")}
        if encoding.name.startswith(("LDR", "STR", "LDM", "STM")) and "n" in values:
            word = encoding.encode({**values, "n": 6})
            values = encoding.decode(word)
            if encoding.is_unpredictable(word) or values.get("l", 0) >> 6 & 3:
                continue
        if not written & {6, 7, 13, 15}:
            return code_bytes(word, encoding.width)


def _body(seed: int) -> bytes:
    """Return random code, in and out of IT blocks, with a conditional branch over a little of it here and there."""
    generator = Generator(seed)
    choose = generator.random
    integer, memory = _names(INTEGER), _names(MEMORY)
    pieces: list[bytes] = []
    for _ in range(40):
        kind = choose.random()
        if kind < 0.15:
            pieces.append(ASSEMBLE("IT T1", c=choose.randrange(14), m=8))
            encoding = choose.choice([e for e in integer if "inside" not in e.unpredictable])
            pieces.append(_instruction(generator, encoding))
        elif kind < 0.3:
            pieces.append(struct.pack("<H", 0xD000 | choose.randrange(14) << 8))  # skips one halfword
            pieces.append(struct.pack("<H", 0x1C49 | choose.randrange(2)))
        elif kind < 0.5:
            pieces.append(_instruction(generator, choose.choice(memory)))
            pieces.append(ASSEMBLE.constant(6, RAM + 0x400 + 4 * choose.randrange(64)))
        else:
            pieces.append(_instruction(generator, choose.choice(integer)))
    return b"".join(pieces)


def _random_core(seed: int) -> NativeCore:
    body = ASSEMBLE.constant(6, RAM + 0x400) + _body(seed)
    loop = struct.pack("<H", 0x3701) + body + ASSEMBLE("B T4", **_far(-(len(body) + 6)))
    core = start(loop)
    numbers = random.Random(seed)  # noqa: S311
    core.write_memory(RAM, numbers.randbytes(0xC00))
    for register in range(6):
        core.write_register(f"r{register}", numbers.choice((0, 1, 0x7FFF_FFFF, 0x8000_0000, numbers.getrandbits(32))))
    return core


def _far(displacement: int) -> dict[str, int]:
    """Return the fields of B.W for a displacement from the branch's own address plus 4."""
    value = displacement // 2 & 0xFF_FFFF
    sign, first, second = value >> 23 & 1, value >> 22 & 1, value >> 21 & 1
    return {"S": sign, "J": first ^ 1 ^ sign, "K": second ^ 1 ^ sign, "i": value & 0x1F_FFFF}


def step_to(core: NativeCore, reason: StopReason, cycle: int) -> StopReason:
    """Run single instructions up to a cycle, and the one after it where that is to stop the core."""
    last = StopReason.DEADLINE
    while core.cycle < cycle and last is StopReason.DEADLINE:
        last = core.run(core.cycle + 1).reason
    if last is StopReason.DEADLINE and reason is not last:
        last = core.run(core.cycle + 1).reason
    return last


@pytest.mark.parametrize("seed", range(40))
def test_random_blocks_do_what_their_instructions_do_one_by_one(seed: int) -> None:
    """Whatever is fused, predicated, left out or linked: registers, flags, memory and time come out the same."""
    whole, single = _random_core(seed), _random_core(seed)
    stop = whole.run(END)
    last = step_to(single, stop.reason, whole.cycle)
    assert stop.reason in (StopReason.DEADLINE, StopReason.FAULT)
    assert (last, single.save()) == (stop.reason, whole.save())


@pytest.mark.parametrize("options", [[], [*SANITIZED, "-DMVSDK_SWITCH"]], ids=["threaded", "switch"])
def test_every_fused_form_does_what_its_parts_do(tmp_path: Path, options: list[str]) -> None:
    """From random states, with any part failing or taking its slow way, a fused form leaves what its parts leave."""
    program = tmp_path / "fused_forms"
    source = str(Path(__file__).with_name("fused_forms.c"))
    command = [need("gcc", "gcc"), *BUILD, *options, f"-I{SOURCES}", *map(str, UNITS), source, "-lm"]
    subprocess.run([*command, "-o", str(program)], check=True)
    assert " forms, " in run_clean([str(program)], environment(), tmp_path)


def test_flags_that_a_device_can_see_are_written() -> None:
    """A device asked in between sees the flags of the instruction before, though another overwrites them afterwards."""
    seen: list[int] = []
    movs_r1_0, ldr_r2, movs_r1_1 = 0x2100, 0x6802, 0x2101

    def look() -> int:
        seen.append(core.registers().xpsr >> 28)
        return 0

    code = halfwords(*constant(0, DEVICE), movs_r1_0, ldr_r2, movs_r1_1, BKPT)
    core = start(code, device=Answering(look))
    core.run(100)
    assert seen == [4]
    assert core.registers().xpsr >> 28 == 0


def test_a_fault_in_the_middle_finds_the_flags_of_what_came_before() -> None:
    """Flags overwritten later in the block are there when an access before that fails."""
    movs_r1_0, ldr_r2_nowhere, movs_r1_1 = 0x2100, 0x6802, 0x2101
    core = start(halfwords(*constant(0, 0x6000_0000), movs_r1_0, ldr_r2_nowhere, movs_r1_1, BKPT))
    stop = core.run(100)
    assert stop.reason is StopReason.FAULT
    assert core.registers().xpsr >> 28 == 4


@pytest.mark.parametrize("cut", range(12))
def test_a_cut_between_dead_flags_and_their_overwriter_finds_them(cut: int) -> None:
    """A run that ends anywhere in a block finds the flags of the last instruction it executed."""
    code = (0x2100, 0x3901, 0x0049, 0x2902, 0x43C9, 0x3101)  # movs, subs, lsls, cmp, mvns, adds
    expected = (0, 4, 8, 10, 10, 2, 0)  # NZCV: before any, then after each
    core = start(halfwords(*code, BKPT))
    core.run(cut)
    assert core.registers().xpsr >> 28 == expected[min(cut, len(code))]


@pytest.mark.parametrize("condition", range(14))
@pytest.mark.parametrize("flags", range(16))
def test_a_move_under_a_condition_moves_when_it_holds(condition: int, flags: int) -> None:
    """IT with one instruction that gives a register a value: it is given exactly if the condition holds."""
    n, z, c, v = (bool(flags & bit) for bit in (8, 4, 2, 1))
    holds = [z, c, n, v, c and not z, n == v, not z and n == v][condition // 2] != bool(condition & 1)
    for operation, given in ((0x4611, 7), (0x1C51, 8)):  # mov r1, r2; adds r1, r2, #1
        core = start(halfwords(0xBF08 | condition << 4, operation, BKPT))
        core.write_register("r1", 3)
        core.write_register("r2", 7)
        core.write_register("xpsr", flags << 28 | 1 << 24)
        core.run(100)
        assert core.registers().r[1] == (given if holds else 3)
        assert core.registers().xpsr >> 28 == flags


def test_a_product_that_is_rounded_up_to_the_smallest_normal_number_underflows() -> None:
    """A tiny result is tiny before rounding: underflow is flagged even where the result comes out normal."""
    code = (
        *(ASSEMBLE("VMOV (general-purpose to single) T1", t=0), ASSEMBLE("VMSR T1", t=2)),
        ASSEMBLE("VMOV (general-purpose to single) T1", D=1, t=1),
        ASSEMBLE("VMUL T2", v=1, M=1),
        *(ASSEMBLE("VMOV (single to general-purpose) T1", v=1, t=3), ASSEMBLE("VMRS T1", t=4)),
    )
    core = start(b"".join(code) + halfwords(BKPT))
    core.write_register("cpacr", 0x00F0_0000)
    for register, value in (("r0", 0x3F7F_FFFF), ("r1", 0x0080_0000), ("r2", FPSCR_IXC)):
        core.write_register(register, value)
    core.run(100)
    assert core.registers().r[3] == 0x0080_0000
    assert core.registers().r[4] & 0x1F == FPSCR_IXC | FPSCR_UFC
