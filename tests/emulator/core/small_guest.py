"""A native core with a few hand-encoded instructions: what the tests of its robustness run, with no compiler needed."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from mvsdk.emulator.core import MmioDevice
from mvsdk.emulator.core.native_core import NativeCore

FLASH, RAM, DEVICE, PAGE = 0x0800_0000, 0x2000_0000, 0x4000_0000, 0x1000
CODE, HANDLER, GATEWAY = FLASH + 0x200, FLASH + 0x300, 0x00C0_0000
STACK_TOP = RAM + PAGE

NOP, SPIN, SVC, BX_LR, BKPT = 0xBF00, 0xE7FE, 0xDF00, 0x4770, 0xBE00


@dataclass
class Answering:
    """A device that counts and remembers, and lets a function decide each answer."""

    answer: Callable[[], int] = lambda: 0
    reads: int = 0
    writes: list[tuple[int, int]] = field(default_factory=list)

    def read(self, offset: int, size: int) -> int:
        """Return what the function says."""
        del offset, size
        self.reads += 1
        return self.answer()

    def write(self, offset: int, size: int, value: int) -> None:
        """Note the write, then let the function speak."""
        del size
        self.writes.append((offset, value))
        self.answer()


def halfwords(*values: int) -> bytes:
    """Return code."""
    return struct.pack(f"<{len(values)}H", *values)


def constant(register: int, value: int) -> tuple[int, ...]:
    """Return MOVW and MOVT that put a word into r0 to r7."""

    def move(operation: int, half: int) -> tuple[int, int]:
        return operation | (half >> 11 & 1) << 10 | half >> 12, (half >> 8 & 7) << 12 | register << 8 | half & 0xFF

    return *move(0xF240, value & 0xFFFF), *move(0xF2C0, value >> 16)


def start(
    code: bytes, *, handler: bytes = halfwords(BX_LR), device: MmioDevice | None = None, stack: int = STACK_TOP
) -> NativeCore:
    """Return a core at the first instruction of `code`; every exception goes to `handler`."""
    core = NativeCore()
    core.map_memory(FLASH, PAGE, writable=False)
    core.map_memory(RAM, PAGE, writable=True)
    core.map_device(DEVICE, PAGE, device or Answering())
    core.trap([GATEWAY])
    core.write_memory(FLASH, struct.pack("<2I", stack, CODE | 1) + struct.pack("<I", HANDLER | 1) * 62)
    core.write_memory(CODE, code)
    core.write_memory(HANDLER, handler)
    core.reset(FLASH)
    return core
