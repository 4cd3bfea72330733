"""Laws of the disassembler: it says what the GNU tools say, encoding by encoding."""

from __future__ import annotations

import csv
import functools
import re
import subprocess
import tempfile
from collections import defaultdict
from pathlib import Path

import pytest

from mvsdk.emulator.core.disassemble import disassemble, instruction_at, it_advance, listing
from mvsdk.emulator.core.encodings import Encoding, load, rules
from mvsdk.emulator.core.native_core import NativeCore
from tests.emulator.core.differential import Generator

WORDS = 24
IT_NE = 0xBF18
"""IT NE: the condition of the one instruction that follows."""
with Path(__file__).with_name("disassembly-differences.csv").open(newline="", encoding="utf-8") as _file:
    DIFFERENCES = {row["encoding"]: row["why"] for row in csv.DictReader(_file)}


def words_of(encoding: Encoding, *, inside: bool) -> list[int]:
    """Return words of an encoding: all fields zero, all ones, each field alone all ones, and random ones."""
    generator = Generator(sum(encoding.name.encode()))
    free = ~encoding.mask & (1 << encoding.width) - 1
    alone = [encoding.encode({name: (1 << len(bits)) - 1}) for name, bits in encoding.fields.items()]
    random = [encoding.match | generator.random.getrandbits(encoding.width) & free for _ in range(20 * WORDS)]
    found = [encoding.match, encoding.match | free, *alone, *random]
    allowed = [w for w in found if rules(encoding, w) and not encoding.is_unpredictable(w, inside=inside)]
    return allowed[:WORDS]


def plain(text: str) -> str:
    """Bring the text of objdump into our form: no symbols, addresses as numbers, no comments but those of literals."""
    text = re.sub(r"\s+", " ", text).strip()
    if address := re.fullmatch(r"add(\S*) .*@ \(adr( \w+, )([0-9a-f]+) <.*", text):
        return f"adr{address[1]}{address[2]}0x{address[3]}"
    text = re.sub(r" @ \(?([0-9a-f]+) <[^>]*>.*", r" @ 0x\1", text)
    text = re.sub(r"([0-9a-f]+) <[^>]*>$", r"0x\1", text)
    return text if "[pc" in text and re.search(r" @ 0x[0-9a-f]+$", text) else text.partition(" @")[0]


def gnu(instructions: list[tuple[int, int]]) -> list[tuple[int, str]]:
    """Return address and text of words, given with their widths, as the GNU tools disassemble them."""
    source = "".join(f".inst.{'n' if width == 16 else 'w'} {word:#x}\n" for word, width in instructions)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "words.o"
        command = ["arm-none-eabi-as", "-mcpu=cortex-m33", "-mfpu=fpv5-sp-d16", "-o", f"{path}", "-"]
        subprocess.run(command, input=f".syntax unified\n.thumb\n{source}", text=True, check=True)
        command = ["arm-none-eabi-objdump", "-d", "-M", "reg-names-std", f"{path}"]
        lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    found = [re.fullmatch(r"\s*([0-9a-f]+):\t[0-9a-f ]+\t(.*)", line) for line in lines]
    texts = [(int(match[1], 16), plain(match[2])) for match in found if match]
    assert len(texts) == len(instructions)
    return texts


@functools.cache
def compared(inside: bool) -> dict[str, list[tuple[str, str]]]:
    """Return (theirs, ours) of the words of every encoding that are not the same, alone or in an IT block."""
    chosen = [(encoding, word) for encoding in load() for word in words_of(encoding, inside=inside)]
    if inside:
        instructions = [pair for encoding, word in chosen for pair in ((IT_NE, 16), (word, encoding.width))]
    else:
        chosen = [(encoding, word) for encoding, word in chosen if encoding.name != "IT T1"]
        instructions = [(word, encoding.width) for encoding, word in chosen]
    theirs = gnu(instructions)[1::2] if inside else gnu(instructions)
    different: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for (encoding, word), (address, text) in zip(chosen, theirs, strict=True):
        ours = disassemble(word, encoding.width, address, IT_NE & 0xFF if inside else 0)
        if ours != text:
            different[encoding.name].append((text, ours))
    return different


@pytest.mark.parametrize("inside", [False, True], ids=["alone", "in an IT block"])
def test_the_text_is_that_of_the_gnu_tools(inside: bool) -> None:
    """Every encoding, with corner and random fields, reads as objdump writes it, but for what is listed."""
    unlisted = {name: pairs[:3] for name, pairs in compared(inside).items() if name not in DIFFERENCES}
    assert unlisted == {}


def test_what_is_listed_differs() -> None:
    """Every row of the list names an encoding that does read differently, and says why."""
    assert set(DIFFERENCES) <= set(compared(False)) | set(compared(True))
    assert all(DIFFERENCES.values())


def test_it_blocks() -> None:
    """Every IT reads as objdump writes it, and the conditions of what follows are the block's."""
    its = [encoding.encode({"c": c, "m": m}) for encoding in load() if encoding.name == "IT T1" for c in range(14)
           for m in range(1, 16)]  # fmt: skip
    code = b"".join(word.to_bytes(2, "little") + b"\x01\x30" * (4 - ((word & -word).bit_length() - 1)) for word in its)
    halfwords = [int.from_bytes(code[at : at + 2], "little") for at in range(0, len(code), 2)]
    ours = [(instruction.address, instruction.text) for instruction in listing(code, 0)]
    assert ours == gnu([(halfword, 16) for halfword in halfwords])


def test_it_state_advances_to_nothing() -> None:
    """A block of four has four instructions with a condition, and then none."""
    state, steps = 0x01, 0
    while state:
        state, steps = it_advance(state), steps + 1
    assert steps == 4


def test_what_is_no_instruction_is_shown_as_its_word() -> None:
    """A word that no encoding has, and half an instruction at the end, are not guessed at."""
    assert disassemble(0xB6FF, 16) == ".inst.n 0xb6ff"
    assert [line.text for line in listing(b"\x30\xbf\x00\xf0", 0)] == ["wfi"]


def test_the_instruction_of_a_fault_has_its_condition() -> None:
    """What the registers are about to execute is read with the ITSTATE they hold; where there is no memory, nothing."""
    core = NativeCore()
    core.map_memory(0x0800_0000, 0x1000, writable=False)
    core.write_memory(0x0800_0FFC, bytes.fromhex("0130 0160"))
    core.write_register("r15", 0x0800_0FFC)
    core.write_register("xpsr", 0x0100_0000 | 0x18 << 8)
    assert instruction_at(core.registers(), core.read_memory) == "addne r0, #1"
    core.write_register("r15", 0x0800_1000)
    assert instruction_at(core.registers(), core.read_memory) == ""
