"""Programs that mean the same everywhere: what they print on the device is what they print on the host."""

from __future__ import annotations

import functools
import subprocess
import tempfile
from pathlib import Path

import pytest

from mvsdk.emulator.device import End
from tests.board_support.firmware import FULL_LIBRARY, Flavour
from tests.emulator.compiled import FIRMWARE, Bench, firmware

LEVELS = pytest.mark.parametrize("level", ["-O0", "-Os", "-O2", "-O3"])
EXACT = "-ffp-contract=off"
"""Every operation rounds by itself, on both."""


@functools.cache
def on_host(name: str) -> list[str]:
    """Compile a program for the host and return the lines it prints."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "program"
        options = ["-std=gnu11", "-O1", EXACT, "-DHOST", "-o", str(program)]
        subprocess.run(["gcc", *options, str(FIRMWARE / name), "-lm"], check=True)
        return subprocess.run([program], check=True, capture_output=True, text=True).stdout.splitlines()


def on_device(name: str, flavour: Flavour) -> Bench:
    """Run a program on a device until it sleeps, for good."""
    bench = Bench(firmware("log_start.c", name, flavour=flavour, options=(EXACT, "-lm")))
    assert bench.device.run(60_000_000) is End.TIME, bench.events[-1]
    return bench


@LEVELS
@pytest.mark.parametrize("float_abi", ["hard", "soft"])
def test_a_portable_program_prints_the_same(level: str, float_abi: str) -> None:
    """Calls by pointer and with every kind of argument, jumps, layouts, the heap, 64-bit and floating-point numbers."""
    flavour = Flavour(f"-mfloat-abi={float_abi}", FULL_LIBRARY.libc, f"{level} -Wno-clobbered")
    assert on_device("portable.c", flavour).logged() == on_host("portable.c")


@LEVELS
def test_tasks_compute_as_if_alone(level: str) -> None:
    """Tasks whose floating-point registers are saved late, by switches at any moment, lose nothing to each other."""
    bench = on_device("coroutines.c", Flavour("-mfloat-abi=hard", FULL_LIBRARY.libc, level))
    assert bench.logged() == on_host("coroutines.c")
    (switches,), (ticks,) = bench.read("switches", "<I"), bench.read("ticks", "<I")
    assert switches > 400
    assert ticks > 50
