"""Small programs for a processor under test, compiled from text, and the world they run in."""

from __future__ import annotations

import functools
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mvsdk.emulator.core import BusFault, Core, Stop

FLASH, FLASH_SIZE = 0x0800_0000, 0x4_0000
RAM, RAM_SIZE = 0x2000_0000, 0x4_0000
DEVICE, DEVICE_SIZE = 0x4000_0000, 0x1000
GATEWAY = 0x0C1F_E000
GATEWAYS = tuple(GATEWAY + 8 * index for index in range(4))
STACK_TOP = RAM + RAM_SIZE
CODE = FLASH + 0x800

_ASSEMBLER = ("-mcpu=cortex-m33", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv5-sp-d16")
_LINKER_SCRIPT = f"""
ENTRY(main)
SECTIONS {{
  .text {CODE:#x} : {{ *(.text*) *(.rodata*) }}
  .bss {RAM:#x} : {{ *(.data*) *(.bss*) *(COMMON) }}
  gateway = {GATEWAY | 1:#x};
}}
"""


@dataclass(frozen=True)
class Program:
    """A linked program: bytes from `CODE` on, and where its symbols are."""

    code: bytes
    symbols: Mapping[str, int]

    def __getitem__(self, symbol: str) -> int:
        return self.symbols[symbol]


def _tool(name: str, *arguments: str) -> str:
    done = subprocess.run((f"arm-none-eabi-{name}", *arguments), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@functools.cache
def _link(source: str, suffix: str, options: tuple[str, ...]) -> Program:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        text, script, elf, binary = (folder / part for part in (f"guest{suffix}", "guest.ld", "guest.elf", "guest.bin"))
        text.write_text(source, encoding="ascii")
        script.write_text(_LINKER_SCRIPT, encoding="ascii")
        _tool("gcc", *_ASSEMBLER, *options, "-nostdlib", "-ffreestanding", f"-T{script}", "-o", f"{elf}", f"{text}")
        _tool("objcopy", "-O", "binary", "-j", ".text", f"{elf}", f"{binary}")
        symbols = {}
        for line in _tool("nm", f"{elf}").splitlines():
            address, _, symbol = line.split()[-3:] if len(line.split()) == 3 else ("0", "", "")
            symbols[symbol] = int(address, 16)
        return Program(binary.read_bytes(), symbols)


def assemble(body: str) -> Program:
    """Assemble Thumb code that begins at `main`; every other label written as `name:` becomes a symbol."""
    return _link(f".syntax unified\n.thumb\n.global main\n.thumb_func\nmain:\n{body}\n", ".s", ())


def compile_c(source: str) -> Program:
    """Compile C with `-O2`; execution begins at `main`."""
    return _link(source, ".c", ("-std=c11", "-O2", "-Wall", "-Wextra", "-Werror"))


class Recorder:
    """A device that remembers what was asked of it. Reads answer from `answers`, else 0; offsets in `refuse` fail."""

    def __init__(self) -> None:
        self.log: list[tuple[str, int, int, int]] = []
        self.answers: dict[int, int] = {}
        self.refuse: set[int] = set()

    def read(self, offset: int, size: int) -> int:
        """Answer a read."""
        if offset in self.refuse:
            raise BusFault
        value = self.answers.get(offset, 0)
        self.log.append(("read", offset, size, value))
        return value

    def write(self, offset: int, size: int, value: int) -> None:
        """Take a write."""
        if offset in self.refuse:
            raise BusFault
        self.log.append(("write", offset, size, value))


class Machine:
    """A core with flash, RAM, one device and four gateways, and a program loaded and reset into `main`."""

    def __init__(self, core: Core, program: Program, vectors: Mapping[int, str] | None = None) -> None:
        self.core, self.program, self.device = core, program, Recorder()
        core.map_memory(FLASH, FLASH_SIZE, writable=False)
        core.map_memory(RAM, RAM_SIZE, writable=True)
        core.map_device(DEVICE, DEVICE_SIZE, self.device)
        core.trap(GATEWAYS)
        table = [STACK_TOP, program["main"] | 1] + [0] * 494
        for number, symbol in (vectors or {}).items():
            table[number] = program[symbol] | 1
        core.write_memory(FLASH, b"".join(word.to_bytes(4, "little") for word in table))
        core.write_memory(CODE, program.code)
        core.reset(FLASH)

    def run(self, until: int = 1_000_000) -> Stop:
        """Run the core."""
        return self.core.run(until)

    def r(self, number: int) -> int:
        """Return a register."""
        return self.core.registers().r[number]

    def word(self, where: int | str, index: int = 0) -> int:
        """Return a word of memory, at an address or a symbol."""
        address = self.program[where] if isinstance(where, str) else where
        return int.from_bytes(self.core.read_memory(address + 4 * index, 4), "little")

    def words(self, where: int | str, count: int) -> list[int]:
        """Return words of memory."""
        return [self.word(where, index) for index in range(count)]

    def at(self, symbol: str) -> bool:
        """Tell whether the program counter is at a symbol."""
        return self.core.registers().pc == self.program[symbol] & ~1


def call_log(machine: Machine, until: int, answers: Iterable[int] = ()) -> list[tuple[int, ...]]:
    """Run to `until`, answering gateway calls from `answers` and then with 0; return (cycle, call) of each."""
    replies = iter(answers)
    calls: list[tuple[int, ...]] = []
    while machine.core.run(until).reason.value == "gateway":
        calls.append((machine.core.cycle, *machine.core.gateway_call()))
        machine.core.gateway_return(next(replies, 0))
    return calls
