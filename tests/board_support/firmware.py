"""Building small programs on the board's files, and executing them.

`link` uses the compiler alone, as an application with a build system of its own does. `execute` runs an ELF file
instruction by instruction until it sleeps, answers every system call with OKAY, and keeps what was logged.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, TypeAlias

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection
from unicorn import UC_ARCH_ARM, UC_HOOK_CODE, UC_MODE_MCLASS, UC_MODE_THUMB, unicorn_py3
from unicorn import arm_const as arm

from mvsdk import boards
from mvsdk.resources import shared

BOARD = boards.load()
KERNEL = shared("board-support") / "microvisor"
MACHINE = ("-mcpu=cortex-m33", "-mthumb", "-mfpu=fpv5-sp-d16")
STRICT = ("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Wundef", "-Werror")
INCLUDES = (f"-I{BOARD.directory / 'include'}", f"-I{KERNEL / 'include'}")
SUPPORT = (
    BOARD.directory / "vectors.c",
    BOARD.directory / "startup.c",
    BOARD.directory / "newlib_stubs.c",
    KERNEL / "mv_syscalls.S",
)
LINKER_SCRIPT = BOARD.directory / "stm32u585.ld"

_BX_LR = b"\x70\x47"
_WFI = b"\x30\xbf"
_REGISTERS = ((0x42020000, 0x10000), (0xE0000000, 0x100000))
"""GPIO ports and private peripherals: plain memory here."""
_INSTRUCTION_LIMIT = 5_000_000


# Unicorn's classes carry no annotations.
Machine: TypeAlias = Any


class Elf:
    """An ELF file's symbols, sections and loaded bytes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = ELFFile(BytesIO(path.read_bytes()))
        self.entry: int = self._file["e_entry"]
        table = self._file.get_section_by_name(".symtab")
        assert isinstance(table, SymbolTableSection)
        self.symbols: dict[str, int] = {symbol.name: symbol["st_value"] for symbol in table.iter_symbols()}
        self.segments: list[tuple[int, int, bytes]] = [
            (segment["p_paddr"], segment["p_vaddr"], segment.data())
            for segment in self._file.iter_segments("PT_LOAD")
            if segment["p_filesz"]
        ]

    @property
    def compiler(self) -> bytes:
        """What the compiler says of itself."""
        section = self._file.get_section_by_name(".comment")
        assert section is not None
        return bytes(section.data())

    def section(self, name: str) -> tuple[int, int]:
        """Return (address, size) of a section."""
        section = self._file.get_section_by_name(name)
        assert section is not None
        return section["sh_addr"], section["sh_size"]

    def word(self, address: int) -> int:
        """Return the 32-bit word at an address in flash."""
        for base, _, data in self.segments:
            if base <= address < base + len(data):
                return int.from_bytes(data[address - base : address - base + 4], "little")
        raise LookupError(f"nothing at {address:#010x}")


@dataclass(frozen=True)
class Flavour:
    """What holds for all files of a program alike, the board's own among them."""

    float_abi: str = "-mfloat-abi=soft"
    libc: str = "--specs=nano.specs"
    optimisation: str = "-Os"

    def options(self) -> list[str]:
        """Return the compiler options."""
        return [self.float_abi, self.libc, *self.optimisation.split(), "-g", "-ffunction-sections", "-fdata-sections"]


USUAL = Flavour()
FULL_LIBRARY = Flavour(libc="-lc")


@dataclass
class Run:
    """What a program did until it slept."""

    machine: Machine
    log: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    pc: int = 0

    def memory(self, address: int, size: int) -> bytes:
        """Return memory as the program left it."""
        return bytes(self.machine.mem_read(address, size))


def gcc(arguments: Iterable[str | Path], *, compiler: str = "gcc") -> subprocess.CompletedProcess[str]:
    """Run the compiler for the board's processor; the caller looks at status and messages."""
    command = [f"arm-none-eabi-{compiler}", *MACHINE, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def write_sources(directory: Path, sources: Mapping[str, str]) -> list[Path]:
    """Write files and return the ones to compile."""
    for name, text in sources.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text, encoding="utf-8")
    return [directory / name for name in sources if not name.endswith((".h", ".hpp"))]


def try_link(
    directory: Path, sources: Mapping[str, str], *options: str, flavour: Flavour = USUAL
) -> subprocess.CompletedProcess[str]:
    """Compile and link sources with the board's start-up and linker script into `directory`/app.elf."""
    files = write_sources(directory, sources)
    compiler = "g++" if any(file.suffix == ".cpp" for file in files) else "gcc"
    support = [directory / f"{file.stem}.o" for file in SUPPORT]
    for file, target in zip(SUPPORT, support, strict=True):
        done = gcc([*flavour.options(), *STRICT, *INCLUDES, "-c", file, "-o", target])
        assert done.returncode == 0, done.stderr
    usual = [*flavour.options(), "-Wall", "-Wextra", "-Werror", *INCLUDES]
    linking = [f"-T{LINKER_SCRIPT}", "-Wl,--gc-sections", "-Wl,--fatal-warnings", "-o", f"{directory}/app.elf"]
    return gcc([*usual, *support, *files, *linking, *options], compiler=compiler)


def link(directory: Path, sources: Mapping[str, str], *options: str, flavour: Flavour = USUAL) -> Elf:
    """Do as `try_link` and return the program; a warning of compiler or linker is a failure."""
    done = try_link(directory, sources, *options, flavour=flavour)
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return Elf(directory / "app.elf")


def execute(elf: Elf) -> Run:
    """Start the program as the kernel does and run it until its first WFI. RAM holds 0xA5 before."""
    machine = _machine()
    run = Run(machine=machine)
    gateways = {address & ~1: name for name, address in elf.symbols.items() if BOARD.gateways.contains(address & ~1)}
    for base, _, data in elf.segments:
        machine.mem_write(base, data)

    def on_instruction(machine: Machine, address: int, size: int, _: object) -> None:
        if address in gateways:
            run.calls.append(gateways[address])
            if gateways[address] == "mvServerLog":
                text, length = (machine.reg_read(register) for register in (arm.UC_ARM_REG_R0, arm.UC_ARM_REG_R1))
                run.log.append(bytes(machine.mem_read(text, length)).decode())
            machine.reg_write(arm.UC_ARM_REG_R0, 0)
        elif size == len(_WFI) and machine.mem_read(address, size) == _WFI:
            machine.emu_stop()

    machine.hook_add(UC_HOOK_CODE, on_instruction)
    machine.reg_write(arm.UC_ARM_REG_SP, elf.word(BOARD.flash.base))
    machine.reg_write(arm.UC_ARM_REG_LR, 0xFFFFFFFF)
    machine.emu_start(elf.word(BOARD.flash.base + 4), 0xFFFFFFFE, count=_INSTRUCTION_LIMIT)
    run.pc = machine.reg_read(arm.UC_ARM_REG_PC)
    assert bytes(machine.mem_read(run.pc, 2)) == _WFI, f"did not sleep, stopped at {run.pc:#010x}"
    return run


def _machine() -> Machine:
    machine: Machine = unicorn_py3.Uc(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS)
    machine.ctl_set_cpu_model(arm.UC_CPU_ARM_CORTEX_M33)
    machine.mem_map(BOARD.flash.base, BOARD.flash.size)
    machine.mem_map(BOARD.ram.base, BOARD.ram.size)
    machine.mem_write(BOARD.ram.base, b"\xa5" * BOARD.ram.size)
    for base, size in _REGISTERS:
        machine.mem_map(base, size)
    gateways = BOARD.gateways
    machine.mem_map(gateways.base, 0x1000)
    machine.mem_write(gateways.base, _BX_LR * (gateways.size // len(_BX_LR)))
    return machine
