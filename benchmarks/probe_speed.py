"""Probes: connecting, programming, verifying, flashing again; ours and pyOCD's own way on the same emulated chip.

What takes the time is pyOCD, the socket, and the emulated core that runs the flash algorithm; a chip of silicon is
limited by its flash instead.
"""

from __future__ import annotations

import functools
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from mvsdk import boards
from mvsdk.bundle import Image
from mvsdk.debug_port.announcements import announced, running_home
from mvsdk.debug_port.client import DebugConnection
from mvsdk.emulator.core import new_core
from mvsdk.emulator.debug.port import DebugPort
from mvsdk.emulator.device import Device
from mvsdk.emulator.pace import run_in_steps
from mvsdk.emulator.soc.flash_array import ChipFlash
from mvsdk.probe.finding import device_probe
from mvsdk.probe.flashing import Erase, Flasher
from mvsdk.probe.session import Attached

_T = TypeVar("_T")
SIZE, ROUNDS, ENDLESS_US = 256 * 1024, 5, 10**12


def main() -> None:
    """Start a bare board on a thread, and use it."""
    board = boards.load()
    part = ChipFlash()
    device = Device(board, Image(b"\xff"), new_core(board.interrupt_lines), chip_flash=part)
    with tempfile.TemporaryDirectory() as folder:
        environment = {"MVSDK_RUNNING": f"{folder}/running"}
        (Path(folder) / "desk").mkdir()
        with DebugPort(device, Path(folder) / "desk", environment, survives_faults=True) as port:
            thread = threading.Thread(target=run_in_steps, args=(port, ENDLESS_US, port.turn))
            thread.start()
            try:
                measure(environment, board.flash.base)
            finally:
                device.stop()
                thread.join()


def measure(environment: dict[str, str], base: int) -> None:
    """Print what each way takes for an image of `SIZE` bytes."""
    (announcement,) = announced(running_home(environment))

    def attach() -> Attached:
        with DebugConnection(announcement) as connection:
            return Attached(device_probe(announcement, connection.welcome), halt=True)

    def ours(data: bytes, erase: Erase = Erase.AUTO, *, verify: bool = False) -> Callable[[Attached], object]:
        return lambda chip: Flasher(chip).flash(base, data, erase, verify=verify)

    def pyocds(data: bytes) -> Callable[[Attached], object]:
        from pyocd.flash.loader import MemoryLoader

        return lambda chip: MemoryLoader(chip.target.session).add_data(base, data).commit()

    print(f"\n{SIZE // 1024} KiB on an emulated probe, medians of {ROUNDS}\n{'':34}       ms   KiB/s")
    connects = [timed(attach) for _ in range(ROUNDS)]
    for _, chip in connects:
        chip.close()
    report("connect", [seconds for seconds, _ in connects], None)
    rows: dict[str, list[float]] = {}
    for turn in range(ROUNDS):
        images = [random.Random(2 * turn + half).randbytes(SIZE) for half in range(2)]  # noqa: S311 - reproducible
        one_line = images[0][: SIZE // 2] + b"\x00" * 16 + images[0][SIZE // 2 + 16 :]
        for name, deed in (
            ("mvsdk: another image", ours(images[0])),
            ("mvsdk: the same again", ours(images[0])),
            ("mvsdk: the same, --verify", ours(images[0], verify=True)),
            ("mvsdk: one line changed", ours(one_line)),
            ("pyOCD: another image", pyocds(images[1])),
            ("pyOCD: the same again", pyocds(images[1])),
        ):
            with attach() as chip:
                rows.setdefault(name, []).append(timed(functools.partial(deed, chip))[0])
    for name, times in rows.items():
        report(name, times, SIZE)


def timed(deed: Callable[[], _T]) -> tuple[float, _T]:
    """Return how many seconds something takes, and what comes of it."""
    start = time.perf_counter()
    result = deed()
    return time.perf_counter() - start, result


def report(name: str, times: list[float], size: int | None) -> None:
    """Print a row."""
    median = statistics.median(times)
    rate = "" if size is None else f"{size / 1024 / median:8.0f}"
    print(f"{name:34} {median * 1000:8.1f} {rate}")


if __name__ == "__main__":
    main()
