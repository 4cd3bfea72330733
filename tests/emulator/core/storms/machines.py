"""The two machines a storm blows on, with the same memory and the same guest: QEMU's mps2-an505 and the core."""

from __future__ import annotations

import functools
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from mvsdk.emulator.core import StopReason
from mvsdk.emulator.core.native_core import NativeCore
from tests.emulator.core.storms.generate import EDGE, EDGE_END, INTERRUPTS, RAM, Storm, table

HERE = Path(__file__).parent
CODE, CODE_SIZE = 0x0001_0000, 0x4000
RAM_SIZE = 0x1_0000
TRACE, TRACE_SIZE, STORMS = 0x8000_0000, 0x10_0000, 0x8010_0000
_SYS_OPEN, _SYS_WRITE, _SYS_EXIT = 1, 5, 0x18
_COMPILER = ("-mcpu=cortex-m33", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv5-sp-d16", "-nostdlib", "-Wl,--build-id=none")


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@functools.cache
def build() -> tuple[bytes, bytes]:
    """Return the guest as the ELF file for QEMU, and as bytes from `CODE` on."""
    with tempfile.TemporaryDirectory() as name:
        elf, binary = Path(name) / "guest.elf", Path(name) / "guest.bin"
        _run("arm-none-eabi-gcc", *_COMPILER, f"-T{HERE / 'guest.ld'}", "-o", f"{elf}", f"{HERE / 'guest.S'}")
        _run("arm-none-eabi-objcopy", "-O", "binary", "-j", ".guest", f"{elf}", f"{binary}")
        return elf.read_bytes(), binary.read_bytes()


@functools.cache
def _step_option() -> tuple[str, ...]:
    """Return the options that make QEMU look for interrupts after every instruction, as its version spells them."""
    if "-singlestep" in _run("qemu-system-arm", "-help"):
        return ("-singlestep", "-accel", "tcg")
    return ("-accel", "tcg,one-insn-per-tb=on")


def on_qemu(storms: Sequence[Storm]) -> bytes:
    """Return what the guest wrote about the storms on QEMU."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "guest.elf").write_bytes(build()[0])
        (folder / "storms.bin").write_bytes(table(storms))
        done = subprocess.run(
            ("qemu-system-arm", "-M", "mps2-an505", "-cpu", "cortex-m33", "-display", "none", "-monitor", "none",
             "-serial", "none", *_step_option(), "-semihosting-config", "enable=on,target=native",
             "-kernel", "guest.elf", "-device", f"loader,file=storms.bin,addr={STORMS:#x},force-raw=on"),
            cwd=folder, capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        written = (folder / "trace").read_bytes() if (folder / "trace").exists() else b""
        assert done.returncode == 0, f"QEMU failed after {len(written)} bytes: {done.stderr}"
        return written


def new_core() -> NativeCore:
    """Return a core with the guest's memory and image, not yet reset."""
    core = NativeCore(INTERRUPTS)
    core.take_hardfault = True
    core.map_memory(CODE, CODE_SIZE, writable=False)
    core.map_memory(RAM, RAM_SIZE, writable=True)
    core.map_memory(EDGE, EDGE_END - EDGE, writable=True)
    core.map_memory(TRACE, TRACE_SIZE, writable=True)
    core.write_memory(CODE, build()[1])
    return core


def on_core(storms: Sequence[Storm]) -> bytes:
    """Return what the guest wrote about the storms on the core under test."""
    core, actions, written = new_core(), table(storms), bytearray()
    core.map_memory(STORMS, len(actions) + 4096 & ~4095, writable=False)
    core.write_memory(STORMS, actions)
    core.reset(CODE)
    while True:
        stop = core.run(core.cycle + (1 << 40))
        assert stop.reason is StopReason.BREAKPOINT, f"{stop} after {len(written)} bytes"
        operation, block = core.registers().r[:2]
        if operation == _SYS_EXIT:
            return bytes(written)
        if operation == _SYS_WRITE:
            _, address, size = (int.from_bytes(core.read_memory(block + at, 4), "little") for at in (0, 4, 8))
            written += core.read_memory(address, size)
        core.write_register("r0", 3 if operation == _SYS_OPEN else 0)
