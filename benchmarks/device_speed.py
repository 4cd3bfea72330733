"""Whole devices: system calls of every family, a kernel with its tick, many devices at once, start and memory.

The firmware is the tests' pre-emptive kernel (`tests/emulator/firmware/rtos`) with a logging and a blinking task. The
peer for exceptions is Unicorn, which leaves entry and return to Python. Times are the process' own, so that a shared
machine disturbs them less; only the many devices are measured by the clock on the wall.
"""

from __future__ import annotations

import importlib
import multiprocessing
import resource
import struct
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from mvsdk import boards
from mvsdk.abi import load
from mvsdk.bundle import Image, read_image
from mvsdk.emulator.core import new_core
from mvsdk.emulator.device import Device
from mvsdk.emulator.events import SystemCall
from tests.board_support.firmware import FULL_LIBRARY, Flavour, link

BOARD, ABI = boards.load(), load("microvisor")
HERE = Path(__file__).resolve().parent
KERNEL = HERE.parent / "tests/emulator/firmware/rtos"
RAM = BOARD.ram.base
CALLS = {
    "mvNoOp": (),
    "mvGetMicroseconds": (RAM + 0x100,),
    "mvPeriphPeek32": (0x4602_0C00, RAM + 0x100),
    "mvServerLog": (RAM + 0x200, 8),
    "mvExternalFlashGetInfo": (0, RAM + 0x300),
    "mvTempTriggerNotification": (0, 2, 7),
    "mvEnableFastInterrupt": (51,),
    "mvGetWifiConfig": (RAM + 0x400,),
    "mvGetNetworkStatus": (0, RAM + 0x100),
}
"""One call of each family, with registers that are good where no object is needed."""
ROUNDS = 3
DEVICES, PROCESSES = 100, 2


def calling_image(name: str, arguments: tuple[int, ...]) -> Image:
    """Return a program that does nothing but make one call."""
    loads = "".join(f"ldr r{index}, ={value}\n" for index, value in enumerate(arguments))
    source = f"""
        .syntax unified
        .thumb
        .word {BOARD.ram.end}, start + 1
        .fill 60, 4, 0
        .thumb_func
    start: ldr r4, ={ABI.syscalls[name].address | 1}
    1:  {loads} blx r4
        b 1b
    """
    with tempfile.TemporaryDirectory() as folder:
        elf, image = Path(folder) / "call.elf", Path(folder) / "call.bin"
        command = ["arm-none-eabi-gcc", "-mcpu=cortex-m33", "-mthumb", "-nostdlib", "-x", "assembler", "-"]
        command += [f"-Wl,-Ttext={BOARD.flash.base:#x},-e,{BOARD.flash.base:#x}", "-o", str(elf)]
        subprocess.run(command, input=source, text=True, check=True)
        subprocess.run(["arm-none-eabi-objcopy", "-O", "binary", str(elf), str(image)], check=True)
        return Image(image.read_bytes())


def call_us(name: str, arguments: tuple[int, ...], *, trace: bool) -> float:
    """Return the microseconds of host time that one call takes, the guest's loop around it included."""
    image, best = calling_image(name, arguments), float("inf")
    for _ in range(ROUNDS):
        calls = [0]

        def count(event: object, calls: list[int] = calls) -> None:
            calls[0] += isinstance(event, SystemCall)

        device = Device(BOARD, image, new_core(), trace_calls=trace, observers=[count])
        device.core.write_memory(RAM + 0x400, struct.pack("<I", 1))
        start = time.process_time()
        device.run(20_000)
        taken = time.process_time() - start
        loop = 2 * len(arguments) // 2 + 4  # halfwords: a cycle each
        made = calls[0] or 20_000 * 160 // (320 + loop)
        best = min(best, taken / made * 1e6)
    return best


def firmware(*options: str) -> Image:
    """Compile the kernel with its two tasks."""
    sources = {name: (KERNEL / name).read_text(encoding="utf-8") for name in ("kernel.h", "kernel.c")}
    sources["main.c"] = (HERE / "device_speed.c").read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        flavour = Flavour("-mfloat-abi=hard", FULL_LIBRARY.libc, "-O2")
        return read_image(link(Path(folder), sources, *options, flavour=flavour).path, BOARD)


def real_time_ratio(image: Image, seconds: int) -> float:
    """Return how many times faster than real time one device runs."""
    best = float("inf")
    for _ in range(ROUNDS):
        device = Device(BOARD, image, new_core())
        start = time.process_time()
        device.run(seconds * 1_000_000)
        best = min(best, time.process_time() - start)
    return seconds / best


def core_ratio(period: int, seconds: int) -> float:
    """Return the same for a core alone, whose guest takes a SysTick interrupt every `period` cycles and sleeps."""
    core = new_core()
    core.map_memory(BOARD.flash.base, 0x1000, writable=False)
    core.map_memory(RAM, 0x1000, writable=True)
    code = struct.pack("<8H", 0x4803, 0x4904, 0x6041, 0x6081, 0x2107, 0x6001, 0xBF30, 0xE7FD)
    constants = struct.pack("<2IH", 0xE000_E010, period - 1, 0x4770)
    vectors = [RAM + 0x1000, BOARD.flash.base + 0x101, *[BOARD.flash.base + 0x119] * 62]
    core.write_memory(BOARD.flash.base, struct.pack("<64I", *vectors) + code + constants)
    core.reset(BOARD.flash.base)
    start = time.process_time()
    core.run(seconds * BOARD.clocks.sysclk)
    return seconds / (time.process_time() - start)


def _run_some(image: Image, count: int, seconds: int) -> None:
    devices = [Device(BOARD, image, new_core(), seed=seed) for seed in range(count)]
    for second in range(1, seconds + 1):
        for device in devices:
            device.run(second * 1_000_000)


def many_ratio(image: Image, seconds: int = 60) -> float:
    """Return how many times faster than real time a hundred devices run together."""
    workers = [
        multiprocessing.get_context("fork").Process(target=_run_some, args=(image, DEVICES // PROCESSES, seconds))
        for _ in range(PROCESSES)
    ]
    start = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return seconds / (time.perf_counter() - start)


def start_ms(image: Image) -> float:
    """Return the milliseconds from nothing to the first instruction."""
    best = float("inf")
    for _ in range(20):
        start = time.process_time()
        Device(BOARD, image, new_core()).run(1)
        best = min(best, time.process_time() - start)
    return best * 1e3


def megabytes_each(image: Image, count: int = 50) -> float:
    """Return how much the process grows with every device that has run for a moment."""
    kept, before = [], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for seed in range(count):
        kept.append(Device(BOARD, image, new_core(), seed=seed))
        kept[-1].run(1_100_000)
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 / count


def unicorn_exception_us(events: int = 5_000) -> float:
    """Return what entry and return of an SVC cost where Python stacks and unstacks for Unicorn."""
    unicorn: Any = importlib.import_module("unicorn")
    arm: Any = importlib.import_module("unicorn.arm_const")
    uc = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
    uc.ctl_set_cpu_model(arm.UC_CPU_ARM_CORTEX_M33)
    uc.mem_map(0x1000, 0x1000)
    uc.mem_map(0x2000_0000, 0x1000)
    uc.mem_write(0x1000, bytes.fromhex("00df fde7"))
    names = ("R0", "R1", "R2", "R3", "R12", "LR", "PC", "XPSR")
    registers = [getattr(arm, f"UC_ARM_REG_{name}") for name in names]
    left = [events]

    def on_call(machine: Any, _number: int, _data: object) -> None:  # noqa: ANN401
        sp = machine.reg_read(arm.UC_ARM_REG_SP) - 32
        machine.mem_write(sp, struct.pack("<8I", *(machine.reg_read(register) for register in registers)))
        machine.reg_write(arm.UC_ARM_REG_SP, sp)
        for register, value in zip(registers, struct.unpack("<8I", machine.mem_read(sp, 32)), strict=True):
            if register != arm.UC_ARM_REG_PC:
                machine.reg_write(register, value)
        machine.reg_write(arm.UC_ARM_REG_SP, sp + 32)
        left[0] -= 1
        if not left[0]:
            machine.emu_stop()

    uc.hook_add(unicorn.UC_HOOK_INTR, on_call)
    uc.reg_write(arm.UC_ARM_REG_SP, 0x2000_1000)
    start = time.process_time()
    uc.emu_start(0x1001, 0)
    return (time.process_time() - start) / events * 1e6


def main() -> None:
    """Measure and print."""
    print("\nsystem calls: microseconds, without and with a trace (decoded arguments, result and caller)")
    for name, arguments in CALLS.items():
        print(f"{name:32}{call_us(name, arguments, trace=False):8.1f}{call_us(name, arguments, trace=True):8.1f}")
    ticking, tickless = firmware(), firmware("-DTICKLESS")
    print("\ntimes real time")
    print(f"{'core, 1 kHz tick, asleep between':46}{core_ratio(160_000, 600):12.0f}")
    print(f"{'core, a tick every 100 ms':46}{core_ratio(16_000_000, 60_000):12.0f}")
    print(f"{'kernel with 1 kHz tick, log, LED':46}{real_time_ratio(ticking, 300):12.0f}")
    print(f"{'the same, tickless':46}{real_time_ratio(tickless, 3_000):12.0f}")
    print(f"{'tickless, all tasks asleep':46}{real_time_ratio(firmware('-DTICKLESS', '-DASLEEP'), 60_000):12.0f}")
    print(f"{f'{DEVICES} devices in {PROCESSES} processes, 1 kHz tick':46}{many_ratio(ticking):12.1f}")
    print(f"\n{'device to its first instruction, ms':46}{start_ms(ticking):12.1f}")
    print(f"{'memory of one more device, MiB':46}{megabytes_each(ticking):12.1f}")
    print(f"{'SVC entry and return, Unicorn and Python, µs':46}{unicorn_exception_us():12.1f}")


if __name__ == "__main__":
    main()
