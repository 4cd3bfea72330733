"""Random instructions in random states, run by the native core and by Unicorn, and compared bit for bit.

A batch is one program: for each case it loads every register, flag and FPSCR from memory, executes one instruction,
alone or in an IT block, and pushes all of them on the stack. Afterwards only memory has to be compared.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import random
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from mvsdk.emulator.core import StopReason
from mvsdk.emulator.core.encodings import Encoding, load, rules
from mvsdk.emulator.core.native_core import NativeCore

FLASH, CODE, STATES, DATA, RESULTS = 0x0800_0000, 0x0800_0100, 0x2000_0000, 0x2010_0000, 0x2030_0000
FLASH_SIZE, RAM_SIZE, DATA_SIZE = 0x10_0000, 0x40_0000, 0x1_0000
WORDS = 32 + 2 + 14
"""Of a state: s0 to s31, FPSCR, APSR, r0 to r12, lr."""
CASES = 256
POOL = 8192
"""Words that states are cut from, anywhere: making each anew would take most of the time."""

CORNERS: tuple[int, ...] = (
    0,
    1,
    2,
    31,
    32,
    33,
    0x7F,
    0x80,
    0xFF,
    0x7FFF,
    0x8000,
    0xFFFF,
    0x7FFF_FFFF,
    0x8000_0000,
    0x8000_0001,
)
CORNERS += (0xFFFF_FFFF, 0xFFFF_FFFE, 0x0001_0000, 0x7FFF_8000, 0x8000_7FFF, 0x7F80_7F80, 0x00FF_FF00)
FLOATS: tuple[int, ...] = (
    0,
    0x8000_0000,
    0x3F80_0000,
    0xBF80_0000,
    0x7F80_0000,
    0xFF80_0000,
    0x7FC0_0000,
    0x7F80_0001,
    0xFFC1_2345,
)
FLOATS += (1, 0x8000_0001, 0x007F_FFFF, 0x0080_0000, 0x7F7F_FFFF, 0xFF7F_FFFF, 0x3F00_0000, 0x3EFF_FFFF, 0x4B00_0000)
FLOATS += (0x4F00_0000, 0x4EFF_FFFF, 0xCF00_0000, 0x4F80_0000, 0x3FC0_0000, 0x4020_0000, 0x3300_0000, 0x477F_F000)
FLOATS += (0x3880_0000, 0x387F_FFFF, 0x3380_0001, 0x7FA0_0000, 0x0000_0002, 0x8080_0000, 0x2000_0000, 0x5FFF_FFFF)

SYSTEM = {
    "svc",
    "bkpt",
    "wait",
    "cps",
    "msr",
    "mrs",
    "test_target",
    "undefined",
    "undefined_fp",
    "no_coprocessor",
    "it",
}
"""Lowerings whose effect is not one of registers and memory alone; other tests are about them."""
BRANCHES = {"branch", "branch_if", "branch_link", "compare_branch"}
INDIRECT = {"bx", "blx", "table_branch"}
STACK = {"push", "pop"}
MEMORY = ("load", "store", "push", "pop", "fp_load", "fp_store")


@dataclass(frozen=True, slots=True)
class Case:
    """One instruction in one state, and the condition of the IT block it stands in, if it does."""

    encoding: Encoding
    word: int
    condition: int | None
    state: tuple[int, ...]


def operation(encoding: Encoding) -> str:
    """Return the name of what an encoding is lowered to."""
    return encoding.lowering.partition("(")[0]


def is_memory(encoding: Encoding) -> bool:
    """Tell whether an encoding reads or writes memory."""
    return operation(encoding).startswith(MEMORY)


def comparable() -> list[Encoding]:
    """Return the encodings whose whole effect the batches can see."""
    return [e for e in load() if operation(e) not in SYSTEM | INDIRECT | STACK and "13, 13" not in e.lowering]


def code_bytes(word: int, width: int) -> bytes:
    """Return the bytes of an instruction in memory."""
    return struct.pack("<H", word) if width == 16 else struct.pack("<HH", word >> 16, word & 0xFFFF)


class Assembler:
    """Makes the few fixed instructions around each case, from the same table."""

    def __init__(self) -> None:
        self._names = {encoding.name: encoding for encoding in load()}
        self._made: dict[tuple[str, tuple[tuple[str, int], ...]], bytes] = {}

    def __call__(self, name: str, **values: int) -> bytes:
        """Return the bytes of the encoding called `name` with these fields."""
        key = (name, tuple(values.items()))
        if key not in self._made:
            encoding = self._names[name]
            self._made[key] = code_bytes(encoding.encode(values), encoding.width)
        return self._made[key]

    def constant(self, register: int, value: int) -> bytes:
        """Return MOVW and MOVT."""
        low, high = value & 0xFFFF, value >> 16
        return self("MOV (immediate) T3", d=register, j=low >> 12, i=low & 0xFFF) + self(
            "MOVT T1", d=register, j=high >> 12, i=high & 0xFFF
        )

    def load_state(self, address: int) -> bytes:
        """Return code that sets every register from memory."""
        next_word = self("LDR (immediate) post T4", n=0, t=1, U=1, i=4)
        return b"".join(
            (
                self.constant(0, address),
                self("VLDMIA single T2", n=0, W=1, i=32),
                next_word,
                self("VMSR T1", t=1),
                next_word,
                self("MSR (register) T1", n=1, m=3),
                self("LDM T2", n=0, l=0x3FFF),
            )
        )

    def store_state(self) -> bytes:
        """Return code that pushes every register: lr, r12 to r0, then FPSCR, APSR, then s31 to s0."""
        return b"".join(
            (
                self("STMDB T1", n=13, W=1, l=0x3FFF),
                self("MRS T1", d=0),
                self("VMRS T1", t=1),
                self("STMDB T1", n=13, W=1, l=3),
                self("VSTMDB single T2", n=13, i=32),
            )
        )


class Generator:
    """Makes random cases; the same seed makes the same ones."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - repeatable on purpose

    def _pool(self, corners: tuple[int, ...]) -> list[int]:
        chosen = self.random.choices(corners, k=POOL)
        return [word if self.random.random() < 0.6 else self.random.getrandbits(32) for word in chosen]

    @functools.cached_property
    def _floats(self) -> list[int]:
        return self._pool(FLOATS)

    @functools.cached_property
    def _words(self) -> list[int]:
        return self._pool(CORNERS)

    def _fpscr(self) -> int:
        control = self.random.choice((0, 0, 1 << 24, 1 << 25, 1 << 26, 7 << 24)) | self.random.randrange(4) << 22
        return control | self.random.choice((0, 0x10, 0x9F)) | self.random.getrandbits(4) << 28

    def word(self, encoding: Encoding) -> int:
        """Return a word of an encoding that is not left open outside an IT block and does not name SP as a result."""
        while True:
            values = {}
            for name, bits in encoding.fields.items():
                most = (1 << len(bits)) - 1
                values[name] = self.random.choice((0, most, 1, *(self.random.randint(0, most) for _ in "ab"))) & most
            self._settle(encoding, values)
            word = encoding.encode(values)
            allowed = rules(encoding, word) and not encoding.is_unpredictable(word)
            if allowed and not self._touches_stack(encoding, values):
                return word

    @staticmethod
    def _settle(encoding: Encoding, values: dict[str, int]) -> None:
        """Make branches skip the marker behind them, and keep addresses inside memory."""
        name = operation(encoding)
        if name in BRANCHES:
            values["i"] = 1 if encoding.width == 32 else 0
            for sign in "SJK":
                if sign in values:
                    values[sign] = int(sign != "S" and name != "branch_if")
        if name.endswith("_reg") and name.startswith(MEMORY) and values["m"] == values["n"]:
            values["m"] = (values["n"] + 1) % 8
        if "U" in values and (values.get("n") == 15 or "(literal)" in encoding.name):
            values["U"] = 1

    @staticmethod
    def _touches_stack(encoding: Encoding, values: dict[str, int]) -> bool:
        """Tell whether SP or PC would be written, which the batch needs for itself."""
        if any(values.get(name) in (13, 15) for name in "dtu"):
            return True
        if is_memory(encoding) and values.get("n") == 13:
            return True
        return operation(encoding) == "load_multiple" and encoding.width == 32 and bool(values["l"] >> 14)

    def state(self, encoding: Encoding, word: int) -> tuple[int, ...]:
        """Return a random state; for memory instructions one whose addresses lie in the data area."""
        at, other = self.random.randrange(POOL - 32), self.random.randrange(POOL - 14)
        fp, general = self._floats[at : at + 32], self._words[other : other + 14]
        if is_memory(encoding):
            values = encoding.decode(word)
            if "m" in values and not operation(encoding).startswith("fp_") and values["m"] < 15:
                general[min(values["m"], 13)] = self.random.randrange(0, 4096, 4)
            base = DATA + 0x8000 + self.random.randrange(0, 0x1000, 4)
            if self.random.random() < 0.3 and operation(encoding) in ("load_imm", "store_imm", "load_reg", "store_reg"):
                base += self.random.randrange(4)
            number = values.get("n", 13)
            if number < 15 and number != 13:
                general[min(number, 13)] = base
        flags = self.random.getrandbits(5) << 27 | self.random.getrandbits(4) << 16
        return (*fp, self._fpscr(), flags, *general)

    def case(self, encoding: Encoding) -> Case:
        """Return one random case of an encoding."""
        word = self.word(encoding)
        condition = None
        if self.random.random() < 0.3 and not encoding.is_unpredictable(word, inside=True, last=True):
            condition = self.random.randrange(14)
        return Case(encoding, word, condition, self.state(encoding, word))

    def again(self, case: Case) -> Case:
        """Return the same instruction in another random state."""
        return dataclasses.replace(case, state=self.state(case.encoding, case.word))


def program(cases: Iterable[Case], assemble: Assembler) -> bytes:
    """Return the code of a batch, which ends at a BKPT. The exclusive monitor is open at its start."""
    pieces = [assemble("CLREX T1")]
    for number, case in enumerate(cases):
        pieces.append(assemble.load_state(STATES + number * WORDS * 4))
        if case.condition is not None:
            pieces.append(assemble("IT T1", c=case.condition, m=8))
        pieces.append(code_bytes(case.word, case.encoding.width))
        pieces.append(code_bytes(0x46C8, 16))  # mov r8, r9: the marker that a taken branch skips
        pieces.append(assemble.store_state())
    pieces.append(b"\x00\xbe")
    return b"".join(pieces)


PATTERN = random.Random(1).randbytes(DATA_SIZE)  # noqa: S311


def packed(states: Iterable[tuple[int, ...]]) -> bytes:
    """Return states as the program loads them."""
    return b"".join(struct.pack(f"<{WORDS}I", *state) for state in states)


class OnNative:
    """A batch's program on the native core. Every run begins anew, from other states."""

    def __init__(self, code: bytes, count: int) -> None:
        self._size = count * WORDS * 4
        self._core = core = NativeCore()
        core.map_memory(FLASH, FLASH_SIZE, writable=False)
        core.map_memory(STATES, RAM_SIZE, writable=True)
        core.write_memory(FLASH, struct.pack("<II", RESULTS, CODE | 1))
        core.write_memory(CODE, code)

    def run(self, states: bytes) -> tuple[bytes, bytes]:
        """Return what the cases pushed, the first one's highest, and the data area."""
        core = self._core
        core.write_memory(STATES, states)
        core.write_memory(DATA, PATTERN)
        core.reset(FLASH)
        core.write_register("cpacr", 0x00F0_0000)  # floating point for everybody
        stop = core.run(1 << 40)
        if stop.reason is not StopReason.BREAKPOINT:
            raise AssertionError(f"{stop} at {core.registers().pc:#x}")
        return core.read_memory(RESULTS - self._size, self._size), core.read_memory(DATA, DATA_SIZE)


class OnUnicorn:
    """The same on Unicorn."""

    def __init__(self, code: bytes, count: int) -> None:
        unicorn: Any = importlib.import_module("unicorn")
        arm_const: Any = importlib.import_module("unicorn.arm_const")
        self._size, self._end, self._sp = count * WORDS * 4, CODE + len(code) - 2, arm_const.UC_ARM_REG_SP
        self._uc = uc = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
        uc.ctl_set_cpu_model(arm_const.UC_CPU_ARM_CORTEX_M33)
        uc.mem_map(FLASH, FLASH_SIZE)
        uc.mem_map(STATES, RAM_SIZE)
        uc.mem_write(CODE, code)

    def run(self, states: bytes) -> tuple[bytes, bytes]:
        """Return what the cases pushed, the first one's highest, and the data area."""
        uc = self._uc
        uc.mem_write(STATES, states)
        uc.mem_write(DATA, PATTERN)
        uc.reg_write(self._sp, RESULTS)
        uc.emu_start(CODE | 1, self._end)
        return bytes(uc.mem_read(RESULTS - self._size, self._size)), bytes(uc.mem_read(DATA, DATA_SIZE))


def results(pushed: bytes, count: int) -> Iterator[bytes]:
    """Yield each case's pushed registers, the first case first: it lies highest."""
    size = WORDS * 4
    for number in range(count):
        start = (count - 1 - number) * size
        yield pushed[start : start + size]
