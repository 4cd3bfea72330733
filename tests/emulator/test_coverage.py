"""Laws of coverage: what lcov reads is what was executed, line by line, function by function, branch by branch."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from mvsdk import boards
from mvsdk.bundle import read_image
from mvsdk.emulator.core import StopReason, new_core
from mvsdk.emulator.core.observation import BranchOutcome
from mvsdk.emulator.coverage import conditional_branches, lcov
from mvsdk.emulator.device import Device
from mvsdk.emulator.errors import NoLinesError
from mvsdk.emulator.symbols import Symbols
from tests.board_support.firmware import Elf, Flavour, link
from tests.emulator.guest import assemble

BOARD = boards.load()
SOURCE = """\
volatile int input = 3, output;
__attribute__((noinline)) int used(int value)
{
    if (value > 2) {
        output = 1;
    } else {
        output = 2;
    }
    return value;
}
__attribute__((noinline)) int unused(int value)
{
    if (value > 2) { output = 4; }
    return value + 1;
}
int main(void)
{
    used(input);
    if (input > 100) {
        unused(5);
    }
    for (;;) { __asm volatile("wfi"); }
}
"""


@dataclass
class Stepped:
    """What a core executes, found by stepping: the oracle of these laws."""

    addresses: list[int] = field(default_factory=list)

    def was_executed(self, address: int) -> bool:
        """Say whether an instruction was executed."""
        return address in self.addresses

    def branches(self) -> Iterator[BranchOutcome]:
        """Go through the branches; the step behind one says which way it went."""
        taken: set[int] = set()
        passed: set[int] = set()
        code = self._code
        for address, following in zip(self.addresses, self.addresses[1:], strict=False):
            if list(conditional_branches(code(address), address)) == [address]:
                short = len(code(address)) == 2
                (passed if following == address + (2 if short else 4) else taken).add(address)
        yield from (BranchOutcome(address, address in taken, address in passed) for address in sorted(taken | passed))

    def _code(self, address: int) -> bytes:
        first = self.memory[address - BOARD.flash.base : address - BOARD.flash.base + 4]
        return first if first[1] >> 3 >= 0b11101 else first[:2]

    memory: bytes = b""


@functools.cache
def run() -> tuple[str, list[int]]:
    """Run the program step by step; return its tracefile and the addresses executed."""
    with tempfile.TemporaryDirectory() as name:
        elf: Elf = link(Path(name), {"main.c": SOURCE}, flavour=Flavour(optimisation="-O0 -g"))
        data, image = elf.path.read_bytes(), read_image(elf.path, BOARD)
        symbols = Symbols(data, image, image)
        device = Device(BOARD, image, new_core())
        stepped = Stepped(memory=image.data)
        while True:
            stepped.addresses.append(device.core.registers().pc)
            if device.core.run(device.core.cycle + 1).reason is StopReason.IDLE:
                break
        return lcov(symbols, stepped), stepped.addresses


def record() -> list[str]:
    """Return the lines of the program's own file."""
    files = run()[0].split("end_of_record\n")
    return next(text.splitlines() for text in files if "main.c\n" in text)


def line_of(text: str) -> int:
    """Return the number of the first line of the source that holds a text."""
    return next(number for number, line in enumerate(SOURCE.splitlines(), start=1) if text in line)


@pytest.mark.parametrize(
    ("text", "reached"),
    [("output = 1", 1), ("output = 2", 0), ("value > 2) {\n", 1), ("used(input)", 1), ("value + 1", 0)],
)
def test_a_line_counts_when_it_was_executed(text: str, reached: int) -> None:
    """DA says 1 for lines that ran and 0 for those that did not."""
    number = line_of(text.rstrip())
    assert f"DA:{number},{reached}" in record()


def test_functions_count_when_they_were_called() -> None:
    """FN names the line where a function's code begins, FNDA whether it was called."""
    lines = record()
    assert {"FNDA:1,main", "FNDA:1,used", "FNDA:0,unused"} <= set(lines)
    assert f"FN:{line_of('int used') + 1},used" in lines
    assert {"FNF:3", "FNH:2"} <= set(lines)


def test_branches_say_which_ways_they_went() -> None:
    """BRDA has both ways of each conditional branch: 1, 0, or - where it was never reached."""
    branches = [line.removeprefix("BRDA:").split(",") for line in record() if line.startswith("BRDA:")]
    ways = {line: sorted(way for at, _, _, way in branches if at == line) for line, *_ in branches}
    assert ways[str(line_of("if (value > 2) {"))] == ["0", "1"]
    assert ways[str(line_of("if (input > 100)"))] == ["0", "1"]


def test_the_sums_are_those_of_the_lines() -> None:
    """LF, LH, BRF and BRH count what is listed."""
    lines = record()
    data = [line for line in lines if line.startswith("DA:")]
    assert f"LF:{len(data)}" in lines
    assert f"LH:{sum(line.endswith(',1') for line in data)}" in lines
    branches = [line for line in lines if line.startswith("BRDA:")]
    assert f"BRF:{len(branches)}" in lines
    assert f"BRH:{sum(line.endswith(',1') for line in branches)}" in lines


def test_only_conditional_branches_are_found() -> None:
    """B with a condition, wide and narrow, CBZ and CBNZ; not B, BL, SVC, UDF, or data in 32-bit instructions."""
    program = assemble(
        "beq 1f\nbne.w 1f\ncbz r0, 1f\ncbnz r1, 1f\nnop\n"
        "1: b 1b\nb.w 1b\nbl 1b\nsvc 0\nudf #0\nmovw r0, #0xd0d0\npush {r0}\ndsb\nbgt 1b\n"
    )
    start = program["main"] & ~1
    found = [address - start for address in conditional_branches(program.code, start)]
    assert found == [0, 2, 6, 8, len(program.code) - 2]


def test_an_elf_without_debugging_information_is_an_error() -> None:
    """There is nothing to say about lines that nobody knows."""
    with tempfile.TemporaryDirectory() as name:
        elf = link(Path(name), {"main.c": SOURCE}, "-Wl,--strip-debug", flavour=Flavour(optimisation="-O1"))
        image = read_image(elf.path, BOARD)
        symbols = Symbols(elf.path.read_bytes(), image, image)
        with elf.path.open("rb") as file:
            assert not ELFFile(file).has_dwarf_info()
    with pytest.raises(NoLinesError):
        lcov(symbols, Stepped())
