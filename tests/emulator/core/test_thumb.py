"""Walking Thumb code, held against the assembler and the disassembler of the tool chain."""

import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvsdk.emulator.core import thumb
from tests.emulator.guest import assemble

SAMPLE = """
    nop
    ldr.w r0, [r1, #4]
    itete eq
    moveq r0, #1
    movne.w r1, #2
    ldreq r2, [r3]
    strne.w r4, [r5, #8]
    push {r4, lr}
    add.w r1, r2, r3
    it lt
    bxlt lr
    bl main
    cbz r0, 1f
    1: wfe
    sev
"""


def test_lengths_and_conditions_are_those_of_the_assembler() -> None:
    """Each instruction is found at its place, with the condition it was written with."""
    found = [(ins.offset, ins.length, ins.it >> 4) for ins in thumb.walk(assemble(SAMPLE).code)]
    eq, ne, lt = 0, 1, 11
    assert found == [
        (0, 2, 0), (2, 4, 0), (6, 2, 0), (8, 2, eq), (10, 4, ne), (14, 2, eq), (16, 4, ne), (20, 2, 0), (22, 4, 0),
        (26, 2, 0), (28, 2, lt), (30, 4, 0), (34, 2, 0), (36, 2, 0), (38, 2, 0),
    ]  # fmt: skip
    assert [ins.offset for ins in thumb.walk(assemble(SAMPLE).code) if ins.it] == [8, 10, 14, 16, 28]


@given(it=st.integers(0, 255), xpsr=st.integers(0, 0xFFFF_FFFF))
def test_it_state_fits_into_the_status_register(it: int, xpsr: int) -> None:
    """What is put into an xPSR comes out, and nothing else changes."""
    changed = thumb.with_it(xpsr, it)
    assert thumb.it_of(changed) == it
    assert changed & ~0x0600_FC00 == xpsr & ~0x0600_FC00


@given(it=st.integers(0, 255).filter(lambda it: it & 0xF))
def test_a_lone_condition_is_the_next_one_and_ends(it: int) -> None:
    """One instruction taken out of an IT block has its condition and is followed by none."""
    assert thumb.alone(it) >> 4 == it >> 4
    assert thumb.advance(thumb.alone(it)) == 0
    assert thumb.alone(0) == 0


MEMORY = re.compile(r"^(v?ldr|v?str|ldm|stm|vldm|vstm|push|pop|vpush|vpop|lda|stl|ldc|stc|tb[bh]|ldab|pld)")


@pytest.mark.parametrize("wide", [False, True])
def test_no_memory_access_is_missed(tmp_path: Path, wide: bool) -> None:
    """Every encoding the disassembler calls a load or store is one that may touch memory."""
    if wide:
        firsts = range(0xE800, 0x10000, 1)
        words = [(first, second) for first in firsts for second in (0x0000, 0x1004, 0x2F08, 0x0A01, 0xE90F)]
    else:
        words = [(first, 0xBF00) for first in range(0xE800)]
    code = b"".join(first.to_bytes(2, "little") + second.to_bytes(2, "little") for first, second in words)
    (tmp_path / "code.bin").write_bytes(code)
    listing = subprocess.run(
        ("arm-none-eabi-objdump", "-D", "-b", "binary", "-m", "arm", "-M", "force-thumb", f"{tmp_path / 'code.bin'}"),
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    missed = []
    for line in listing.splitlines():
        parts = line.split("\t")
        if len(parts) < 3 or not MEMORY.match(parts[2]) or "UNDEFINED" in line:
            continue
        offset = int(parts[0].rstrip(":"), 16)
        if not thumb.touches_memory(next(iter(thumb.walk(code[offset : offset + 4])))):
            missed.append(line)
    assert missed == []
