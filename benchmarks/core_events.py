"""What single events cost on the core, in microseconds of host time: calls, exceptions, sleep, snapshots."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from mvsdk.emulator.core import Core, StopReason
from mvsdk.emulator.core import new_core as empty_core

FLASH, RAM, GATEWAY = 0x0800_0000, 0x2000_0000, 0x0C1F_E000
FLASH_SIZE, RAM_SIZE = 0x20_0000, 0xC_0000
ROUNDS = 5
PROGRAM = f"""
    .syntax unified
    .thumb
    .word {RAM + RAM_SIZE}, calls + 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, handler + 1, 0, 0, 0, handler + 1
    .thumb_func
calls: ldr r4, ={GATEWAY | 1}
1:  blx r4
    b 1b
    .thumb_func
svcs: movw r4, #10000
1:  svc #0
    subs r4, #1
    bne 1b
    bkpt
    .thumb_func
sleep: ldr r0, =0xE000E010
    movw r1, #999
    str r1, [r0, #4]
    str r1, [r0, #8]
    movs r1, #7
    str r1, [r0]
1:  wfi
    b 1b
    .thumb_func
work: ldr r0, ={RAM}
    ldr r5, ={RAM + 0x1000}
1:  ldr r1, [r0]
    adds r1, #1
    str r1, [r0], #4
    eor r2, r2, r1, ror #3
    cmp r0, r5
    bne 1b
    b work
    .thumb_func
handler: bx lr
    .global svcs, sleep, work
"""


def assemble() -> tuple[bytes, dict[str, int]]:
    """Return the program at `FLASH`, and where its parts begin."""
    with tempfile.TemporaryDirectory() as name:
        source, elf, image = (Path(name) / part for part in ("events.s", "events.elf", "events.bin"))
        source.write_text(PROGRAM, encoding="ascii")
        options = ["-mcpu=cortex-m33", "-mthumb", "-nostdlib", f"-Wl,-Ttext={FLASH:#x},-e,{FLASH:#x}"]
        subprocess.run(["arm-none-eabi-gcc", *options, "-o", str(elf), str(source)], check=True)
        subprocess.run(["arm-none-eabi-objcopy", "-O", "binary", str(elf), str(image)], check=True)
        listing = subprocess.run(["arm-none-eabi-nm", str(elf)], check=True, capture_output=True, text=True).stdout
        symbols = {line.split()[2]: int(line.split()[0], 16) for line in listing.splitlines()}
        return image.read_bytes(), symbols


def new_core(image: bytes) -> Core:
    """Return a core of the size of an STM32U585, loaded and reset."""
    core = empty_core()
    core.map_memory(FLASH, FLASH_SIZE, writable=False)
    core.map_memory(RAM, RAM_SIZE, writable=True)
    core.trap([GATEWAY])
    core.write_memory(FLASH, image)
    core.reset(FLASH)
    return core


def per_event(action: Callable[[], int]) -> float:
    """Return the best microseconds per event of some rounds; `action` returns how many events there were."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.perf_counter()
        events = action()
        best = min(best, (time.perf_counter() - start) / events * 1e6)
    return best


def main() -> None:
    """Measure and print."""
    image, symbols = assemble()
    core = new_core(image)

    def calls(events: int = 20_000) -> int:
        for _ in range(events):
            core.run(1 << 60)
            core.gateway_call()
            core.gateway_return(0)
        return events

    def supervisor_calls() -> int:
        core.write_register("r15", symbols["svcs"])
        if core.run(1 << 60).reason is not StopReason.BREAKPOINT:
            raise RuntimeError("the program did not come to its end")
        return 10_000

    def ticks(events: int = 5_000) -> int:
        core.write_register("r15", symbols["sleep"])
        core.run(core.cycle + 1000 * events)
        return events

    def snapshots(events: int = 100) -> int:
        for _ in range(events):
            core.snapshot()
        return events

    def restores(events: int = 100) -> int:
        snapshot = core.snapshot()
        for _ in range(events):
            core.restore(snapshot)
        return events

    def cores(events: int = 20) -> int:
        for _ in range(events):
            new_core(image).run(1)
        return events

    def saves(events: int = 100) -> int:
        for _ in range(events):
            core.save()
        return events

    def loads(events: int = 100) -> int:
        saved = core.save()
        for _ in range(events):
            core.load(saved)
        return events

    rows = {
        "system call: run, arguments, answer": calls,
        "SVC: entry and return": supervisor_calls,
        "SysTick out of WFI: wake, entry, return, WFI": ticks,
        "snapshot, 2.75 MiB of memory": snapshots,
        "restore": restores,
        "the same saved as bytes": saves,
        "loaded": loads,
        "new core to its first instruction": cores,
    }
    print("\nmicroseconds per event")
    for name, action in rows.items():
        print(f"{name:46}{per_event(action):10.1f}")


if __name__ == "__main__":
    main()
