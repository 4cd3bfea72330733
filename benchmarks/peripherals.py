"""Peripheral accesses per second: answered inside the core, by Python alone, and by a Python callback on Unicorn.

The same programs run everywhere, on a whole device with exact time here, on a bare processor there. Unicorn's serial
port is always ready and takes no time, so its characters need no waiting. Every figure is the best of some rounds taken
in turns.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from mvsdk import boards
from mvsdk.bundle import read_image
from mvsdk.emulator.core.native_core import NativeCore
from mvsdk.emulator.core.register_bank import BankRegister, RegisterBank
from mvsdk.emulator.device import Device, End
from mvsdk.emulator.soc.bus import PERIPHERAL_SPACE

SOURCE = Path(__file__).with_suffix(".c")
BOARD = boards.load()
ROUNDS = 3
WORKLOADS = {
    "GPIO toggles": ("gpio_toggles", 200_000),
    "reads of a counter": ("counter_reads", 200_000),
    "polls of a flag": ("flag_polls", 200_000),
    "UART bytes, polled": ("uart_polled", 1_000),
    "UART bytes, by interrupt": ("uart_by_interrupt", 2_000),
}
READY = 0xC0
"""TXE and TC."""
LINKER_SCRIPT = f"""
SECTIONS {{
  .text {BOARD.flash.base:#x} : {{ KEEP(*(.vectors)) *(.text*) *(.rodata*) }}
  .bss {BOARD.ram.base:#x} : {{ *(.bss*) }}
  stack_top = {BOARD.ram.base + BOARD.ram.size:#x};
}}
"""
Engine = Callable[[Path], float]


class AskingCore(NativeCore):
    """A core that leaves every access to Python."""

    def bind_registers(self, base: int, bank: RegisterBank, registers: Iterable[BankRegister]) -> None:
        """Take no notice."""


def build(folder: Path, work: str, n: int) -> Path:
    """Compile one workload of `n` accesses; return the ELF."""
    script, elf = folder / "bench.ld", folder / f"{work}.elf"
    script.write_text(LINKER_SCRIPT, encoding="ascii")
    options = ["-std=c11", "-O2", "-mcpu=cortex-m33", "-mthumb", "-ffreestanding", "-nostdlib", f"-T{script}"]
    command = ["arm-none-eabi-gcc", *options, f"-DWORK={work}", f"-DN={n}", "-o", str(elf), str(SOURCE)]
    subprocess.run(command, check=True)
    return elf


def seconds_on_device(elf: Path, core: NativeCore) -> float:
    """Run on a whole device."""
    device = Device(BOARD, read_image(elf, BOARD), core)
    start = time.perf_counter()
    if device.run() is not End.FAULT:
        raise RuntimeError("the program did not come to its breakpoint")
    return time.perf_counter() - start


def seconds_on_unicorn(elf: Path) -> float:
    """Run on bare Unicorn, peripherals being a Python callback."""
    from unicorn import arm_const, unicorn_const
    from unicorn.unicorn_py3.unicorn import Uc

    engine: Any = Uc(unicorn_const.UC_ARCH_ARM, unicorn_const.UC_MODE_THUMB | unicorn_const.UC_MODE_MCLASS)
    engine.ctl_set_cpu_model(arm_const.UC_CPU_ARM_CORTEX_M33)
    image = read_image(elf, BOARD).data
    engine.mem_map(BOARD.flash.base, BOARD.flash.size)
    engine.mem_map(BOARD.ram.base, BOARD.ram.size)
    engine.mem_write(BOARD.flash.base, image)
    values: dict[int, int] = {}
    engine.mmio_map(
        PERIPHERAL_SPACE.start, 0x800_0000,
        lambda _uc, offset, _size, _data: values.get(offset, READY), None,
        lambda _uc, offset, _size, value, _data: values.__setitem__(offset, value), None,
    )  # fmt: skip
    engine.reg_write(arm_const.UC_ARM_REG_SP, int.from_bytes(image[:4], "little"))
    engine.hook_add(unicorn_const.UC_HOOK_INTR, lambda uc, _number, _data: uc.emu_stop())
    start = time.perf_counter()
    engine.emu_start(int.from_bytes(image[4:8], "little"), 0)
    return time.perf_counter() - start


ENGINES: Mapping[str, Engine] = {
    "mvsdk": lambda elf: seconds_on_device(elf, NativeCore()),
    "mvsdk, Python": lambda elf: seconds_on_device(elf, AskingCore()),
    "Unicorn, callback": seconds_on_unicorn,
}


def measure(elf: Path, engines: Mapping[str, Engine]) -> dict[str, float]:
    """Return the best seconds of each engine."""
    best = dict.fromkeys(engines, float("inf"))
    for _ in range(ROUNDS):
        for name, engine in engines.items():
            best[name] = min(best[name], engine(elf))
    return best


def main() -> None:
    """Measure and print."""
    print(f"\nper second{'':20}" + "".join(f"{name:>20}" for name in ENGINES))
    with tempfile.TemporaryDirectory() as name:
        for title, (work, n) in WORKLOADS.items():
            # Unicorn has no interrupt controller to send by interrupt with.
            engines = {k: v for k, v in ENGINES.items() if "interrupt" not in work or k.startswith("mvsdk")}
            taken = measure(build(Path(name), work, n), engines)
            print(f"{title:30}" + "".join(f"{n / taken[engine]:20,.0f}" for engine in engines))


if __name__ == "__main__":
    main()
