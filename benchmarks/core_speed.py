"""Guest speed with exact time, beside bare Unicorn and QEMU: millions of guest instructions per second.

The same programs run everywhere. QEMU's start-up is measured with an empty one and taken off. Every figure is the best
of some rounds taken in turns.
"""

from __future__ import annotations

import math
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mvsdk.emulator.core import StopReason, new_core
from mvsdk.emulator.core.encodings import is_wide

SOURCE = Path(__file__).with_suffix(".c")
CODE, DATA, SIZE, SYSTEM = 0x1000_0000, 0x3800_0000, 0x4_0000, 0xE000_E000
ROUNDS = 3
WORKLOADS = {
    "crc": 60_000,
    "sort": 15_000,
    "matmul": 12_000,
    "strings": 40_000,
    "machine": 6_000_000,
    "calls": 30_000,
    "filter": 600_000,
    "alu": 15_000_000,
}
NOT_IN_MEAN = "alu"
"""What no program does all the time is shown, but not counted."""
LINKER_SCRIPT = f"""
SECTIONS {{
  .text {CODE:#x} : {{ *(.vectors) *(.text*) *(.rodata*) *(.data*) }}
  .bss {DATA:#x} : {{ *(.bss*) }}
  stack_top = {DATA + SIZE:#x};
}}
"""
FASTER = 8  # QEMU gets so many times the work, or its start-up would hide it
Engine = Callable[[Path], float]


def build(folder: Path, work: str, n: int) -> Path:
    """Compile one workload of `n` turns; return the ELF. The image lies beside it as .bin."""
    script, elf = folder / "bench.ld", folder / f"{work}-{n}.elf"
    script.write_text(LINKER_SCRIPT, encoding="ascii")
    subprocess.run(
        ["arm-none-eabi-gcc", "-std=c11", "-O2", "-mcpu=cortex-m33", "-mthumb", "-mfloat-abi=hard", "-ffreestanding",
         "-nostdlib", "-fno-tree-loop-distribute-patterns", f"-DWORK={work}", f"-DN={n}", f"-T{script}", "-o", str(elf),
         str(SOURCE)],
        check=True,
    )  # fmt: skip
    subprocess.run(["arm-none-eabi-objcopy", "-O", "binary", str(elf), str(elf.with_suffix(".bin"))], check=True)
    return elf


def seconds_on_core(elf: Path) -> float:
    """Run on the project's core with exact time."""
    core = new_core()
    core.map_memory(CODE, SIZE, writable=True)
    core.map_memory(DATA, SIZE, writable=True)
    core.write_memory(CODE, elf.with_suffix(".bin").read_bytes())
    core.reset(CODE)
    start = time.perf_counter()
    stop = core.run(1 << 60)
    taken = time.perf_counter() - start
    if stop.reason is not StopReason.BREAKPOINT:
        raise RuntimeError(f"the program ended with {stop}")
    return taken


def bare_unicorn(elf: Path) -> Any:  # noqa: ANN401 - an engine without type information
    """Return a Unicorn engine, loaded, that stops at BKPT."""
    from unicorn import arm_const, unicorn_const
    from unicorn.unicorn_py3.unicorn import Uc

    engine: Any = Uc(unicorn_const.UC_ARCH_ARM, unicorn_const.UC_MODE_THUMB | unicorn_const.UC_MODE_MCLASS)
    engine.ctl_set_cpu_model(arm_const.UC_CPU_ARM_CORTEX_M33)
    engine.mem_map(CODE, SIZE)
    engine.mem_map(DATA, SIZE)
    engine.mem_map(SYSTEM, 0x1000)  # the programs write to CPACR
    image = elf.with_suffix(".bin").read_bytes()
    engine.mem_write(CODE, image)
    engine.reg_write(arm_const.UC_ARM_REG_SP, int.from_bytes(image[:4], "little"))
    engine.hook_add(unicorn_const.UC_HOOK_INTR, lambda uc, _number, _data: uc.emu_stop())
    return engine


def entry(elf: Path) -> int:
    """Return the reset vector."""
    return int.from_bytes(elf.with_suffix(".bin").read_bytes()[4:8], "little")


def seconds_on_unicorn(elf: Path, count: int = 0) -> float:
    """Run on bare Unicorn, freely or with its instruction counter."""
    engine = bare_unicorn(elf)
    start = time.perf_counter()
    engine.emu_start(entry(elf), 0, count=count)
    return time.perf_counter() - start


def instructions(elf: Path) -> int:
    """Count what a short program executes, block by block."""
    from unicorn import unicorn_const

    engine, total, lengths = bare_unicorn(elf), 0, dict[tuple[int, int], int]()

    def on_block(uc: Any, address: int, size: int, _data: object) -> None:  # noqa: ANN401
        nonlocal total
        if (address, size) not in lengths:
            lengths[address, size] = length(bytes(uc.mem_read(address, size)))
        total += lengths[address, size]

    engine.hook_add(unicorn_const.UC_HOOK_BLOCK, on_block)
    engine.emu_start(entry(elf), 0)
    return total


def length(code: bytes) -> int:
    """Return how many instructions a piece of Thumb code holds."""
    offset = count = 0
    while offset < len(code):
        offset += 4 if is_wide(int.from_bytes(code[offset : offset + 2], "little")) else 2
        count += 1
    return count


def seconds_on_qemu(elf: Path, *options: str) -> float:
    """Run on QEMU, start-up included."""
    command = ["qemu-system-arm", "-M", "mps2-an505", "-display", "none", "-semihosting", *options, "-kernel", str(elf)]
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def engines(folder: Path) -> Iterator[tuple[str, Engine]]:
    """Name everything that is to be compared and is there."""
    yield "mvsdk, exact time", seconds_on_core
    yield "Unicorn, free", seconds_on_unicorn
    yield "Unicorn, count=", lambda elf: seconds_on_unicorn(elf, count=1 << 40)
    if shutil.which("qemu-system-arm") is None:
        print("not installed: qemu-system-arm")
        return
    empty = build(folder, "crc", 0)
    for name, options in (("QEMU, free", ()), ("QEMU, icount", ("-icount", "shift=0"))):
        start_up = min(seconds_on_qemu(empty, *options) for _ in range(ROUNDS))

        def without_start_up(elf: Path, options: tuple[str, ...] = options, start_up: float = start_up) -> float:
            return max(seconds_on_qemu(elf, *options) - start_up, 1e-3)

        yield name, without_start_up


def measure(folder: Path) -> dict[str, dict[str, float]]:
    """Return MIPS by engine and workload."""
    contestants = dict(engines(folder))
    speeds: dict[str, dict[str, float]] = {name: {} for name in contestants}
    for work, n in WORKLOADS.items():
        elf, long_elf = build(folder, work, n), build(folder, work, FASTER * n)
        few = max(n // 2000, 2)
        one, two = (instructions(build(folder, work, turns)) for turns in (few, 2 * few))
        total = one + (two - one) * (n - few) // few
        best = dict.fromkeys(contestants, math.inf)
        for _ in range(ROUNDS):
            for name, seconds in contestants.items():
                times = FASTER if name.startswith("QEMU") else 1
                best[name] = min(best[name], seconds(elf if times == 1 else long_elf) / times)
        for name, taken in best.items():
            speeds[name][work] = total / taken / 1e6
    return speeds


def print_speeds(speeds: Mapping[str, Mapping[str, float]]) -> None:
    """Print two tables, each with a geometric mean: MIPS by workload, and how many times each peer's ours is."""
    ours, *peers = speeds
    print_table("guest MIPS", speeds, 0)
    times = {name: {work: speeds[ours][work] / speeds[name][work] for work in WORKLOADS} for name in peers}
    print_table(f"{ours}, times", times, 2)


def print_table(title: str, rows: Mapping[str, Mapping[str, float]], digits: int) -> None:
    """Print one table of figures by workload, with the geometric mean of those that count."""
    width = max(map(len, (title, *rows)))
    print(f"\n{title:{width}}" + "".join(f"{work:>9}" for work in WORKLOADS) + f"     mean (without {NOT_IN_MEAN})")
    for name, row in rows.items():
        counted = [value for work, value in row.items() if work != NOT_IN_MEAN]
        mean = math.prod(counted) ** (1 / len(counted))
        print(f"{name:{width}}" + "".join(f"{row[work]:9.{digits}f}" for work in WORKLOADS) + f"{mean:9.{digits}f}")


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        print_speeds(measure(Path(folder)))


if __name__ == "__main__":
    main()
