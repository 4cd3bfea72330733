"""What states and many cores cost: snapshots after touching 64 KB, a core's memory and making, cores on two threads."""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.core_events import FLASH, FLASH_SIZE, RAM, RAM_SIZE, assemble
from mvsdk.emulator.core import Core, MmioDevice, new_core
from mvsdk.emulator.core.memory_image import MemoryImage

CORES, ROUNDS, TOUCHED_PAGES = 100, 20, 16
CYCLES = 2_000_000
PAGE = 4096


def lay_out(image: bytes) -> Core:
    """Return a core with flash out of a shared image, at its first instruction."""
    core = new_core()
    core.map_memory(FLASH, FLASH_SIZE, writable=False, contents=MemoryImage(image, FLASH_SIZE))
    core.map_memory(RAM, RAM_SIZE, writable=True)
    core.reset(FLASH)
    return core


def best_us(action: Callable[[], object], before: Callable[[], object] = lambda: None) -> float:
    """Return the best microseconds of some rounds, each after `before`."""
    best = float("inf")
    for _ in range(ROUNDS):
        before()
        start = time.perf_counter()
        action()
        best = min(best, (time.perf_counter() - start) * 1e6)
    return best


def resident_bytes() -> int:
    """Return what this process occupies."""
    fields = Path("/proc/self/statm").read_text(encoding="ascii").split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")


def states(image: bytes) -> dict[str, float]:
    """Return microseconds of what is done with states, each after 64 KB of RAM were written."""
    core = lay_out(image)
    kept: list[object] = []

    def touch() -> None:
        for page in range(TOUCHED_PAGES):
            core.write_memory(RAM + page * PAGE, os.urandom(8))

    def no_device(device: MmioDevice) -> MmioDevice:
        return device

    first = core.snapshot()
    saved = core.save()
    return {
        "snapshot": best_us(lambda: kept.append(core.snapshot()), touch),
        "restore": best_us(lambda: core.restore(first), touch),
        "fork": best_us(lambda: kept.append(core.fork(no_device)), touch),
        "save to bytes": best_us(core.save, touch),
        "load from bytes": best_us(lambda: core.load(saved), touch),
        "state hash": best_us(core.state_hash, touch),
        "new core to its first instruction": best_us(lambda: kept.append(lay_out(image).run(1))),
    }


def at_work(image: bytes, entry: int) -> Core:
    """Return a core that counts in its RAM, for ever."""
    core = lay_out(image)
    core.write_register("r15", entry)
    return core


def memory_per_core(image: bytes, entry: int) -> float:
    """Return bytes that one more core of the same image occupies, after it has executed."""
    cores = [at_work(image, entry)]
    cores[0].run(10_000)
    gc.collect()
    before = resident_bytes()
    for _ in range(CORES):
        core = at_work(image, entry)
        core.run(10_000)
        cores.append(core)
    return (resident_bytes() - before) / CORES


def run_all(cores: list[Core]) -> None:
    """Run each core for the same time."""
    for core in cores:
        core.run(core.cycle + CYCLES)


def seconds_on(threads: int, cores: list[Core]) -> tuple[float, float]:
    """Return how long all of them take on so many threads, by the clock and of the processors' time."""
    workers = [threading.Thread(target=run_all, args=(cores[first::threads],)) for first in range(threads)]
    start, busy = time.perf_counter(), time.process_time()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return time.perf_counter() - start, time.process_time() - busy


def main() -> None:
    """Measure and print."""
    image, symbols = assemble()
    print("\nmicroseconds, 64 KB of RAM written before")
    for name, taken in states(image).items():
        print(f"{name:46}{taken:10.1f}")
    print(f"{'KiB of one more core with the same image':46}{memory_per_core(image, symbols['work']) / 1024:10.1f}")
    cores = [at_work(image, symbols["work"]) for _ in range(CORES)]
    one, two = (min(seconds_on(threads, cores) for _ in range(ROUNDS)) for threads in (1, 2))
    print(f"{f'{CORES} cores on two threads: times as fast as on one':46}{one[0] / two[0]:10.2f}")
    print(f"{'and processor time, to that on one':46}{two[1] / one[1]:10.2f}")


if __name__ == "__main__":
    main()
