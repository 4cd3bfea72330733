"""A pre-emptive kernel with all that a real one uses, on the whole device: what it promises its tasks must hold."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvsdk.emulator.device import End
from mvsdk.emulator.events import LedChanged
from tests.emulator.compiled import Bench, firmware

NAMES = ("failure", "seconds", "blinks", "produced", "consumed", "samples", "timeouts", "inversions", "rounds")
COUNTERS = ("ticks", "switches", "supervisor_calls", "pre_emptions", "inherited", "stack_overflows", "sleeps", "slept")
VARIANTS = pytest.mark.parametrize("options", [(), ("-DTICKLESS",)], ids=["ticking", "tickless"])


@dataclass
class Report:
    """What the application and its kernel have counted."""

    counts: dict[str, int]
    kernel: dict[str, int]
    smooth: float
    coarse: float
    interrupt_sum: float


def start(options: tuple[str, ...] = (), **device: Any) -> Bench:  # noqa: ANN401 - handed on to the device
    """Return a device with the application. Nothing is contracted: every operation rounds by itself, as on the host."""
    sources = ("rtos/kernel.h", "rtos/kernel.c", "rtos/application.c")
    return Bench(firmware(*sources, options=("-ffp-contract=off", *options)), **device)


def report(bench: Bench) -> Report:
    """Read the counters."""
    *counts, _, _, deepest, smooth, coarse, fp_interrupts, interrupt_sum = bench.read("report", "<12I2fIf")
    named = dict(zip(NAMES, counts, strict=True)) | {"deepest": deepest, "fp_interrupts": fp_interrupts}
    kernel = dict(zip(COUNTERS, bench.read("kernel_counters", "<8I"), strict=True))
    return Report(named, kernel, smooth, coarse, interrupt_sum)


def single(value: float) -> float:
    """Round to single precision."""
    rounded: float = struct.unpack("<f", struct.pack("<f", value))[0]
    return rounded


def truncated(value: float) -> float:
    """Round a positive number to single precision, towards zero."""
    nearest = single(value)
    if nearest <= value:
        return nearest
    below: float = struct.unpack("<f", (struct.unpack("<I", struct.pack("<f", nearest))[0] - 1).to_bytes(4, "little"))[
        0
    ]
    return below


def smooth_after(rounds: int) -> float:
    """Return what the first of the two floating-point tasks has after so many rounds."""
    value = 0.0
    for step in range(1, rounds + 1):
        value = single(value + single(single(step % 100 - value) * single(0.01)))
    return value


def coarse_after(rounds: int) -> float:
    """Return what the second one has, which rounds towards zero."""
    value = 0.0
    for _ in range(rounds):
        value = truncated(value + single(0.1))
    return value


def kept_its_promises(bench: Bench, seconds: int) -> None:
    """Every counter is what the time alone says it must be."""
    found = report(bench)
    ticks = found.kernel["ticks"]
    assert found.counts["failure"] == 0
    assert found.counts["seconds"] == ticks // 1000
    assert found.counts["blinks"] == ticks // 500 + 1
    assert found.counts["produced"] == found.counts["consumed"] == 10 * (ticks // 200 + 1)
    assert abs(found.counts["samples"] - 10 * seconds) <= 1
    assert found.counts["fp_interrupts"] == found.counts["samples"]
    assert found.interrupt_sum == 0.25 * found.counts["samples"]
    assert found.counts["timeouts"] == (ticks - 30) // 1000 + 1
    assert found.counts["inversions"] == (ticks + 5990) // 10_000
    assert found.kernel["inherited"] == 2 * found.counts["inversions"]
    assert found.counts["rounds"] == ticks // 10 + 1
    assert found.smooth == smooth_after(found.counts["rounds"])
    assert found.coarse == coarse_after((ticks + 991) // 1000)
    assert found.kernel["stack_overflows"] == 1
    assert 10 <= found.counts["deepest"] <= 14
    assert found.kernel["pre_emptions"] > 100 * seconds
    lines = bench.logged()
    assert len(lines) == found.counts["seconds"]
    assert [line.partition(" ")[0] for line in lines] == [f"{second}" for second in range(1, len(lines) + 1)]
    changes = [event.on for event in bench.events if isinstance(event, LedChanged)]
    assert changes[:4] == [True, False, True, False]
    assert len(changes) == found.counts["blinks"]


@VARIANTS
def test_a_minute_of_tasks(options: tuple[str, ...]) -> None:
    """Delays, queue, semaphores, timeouts, inheritance, floating point and a full stack come out as time says."""
    bench = start(options)
    assert bench.device.run(60_000_000) is End.TIME
    kept_its_promises(bench, 60)


@pytest.mark.nightly
@VARIANTS
def test_an_hour_of_tasks(options: tuple[str, ...]) -> None:
    """What holds after a minute holds after an hour."""
    bench = start(options)
    assert bench.device.run(3_600_000_000) is End.TIME
    kept_its_promises(bench, 3600)


def test_the_tick_keeps_time() -> None:
    """A millisecond of the kernel is one of the device, to the tick."""
    bench = start()
    bench.device.run(60_000_000)
    assert report(bench).kernel["ticks"] in {59_999, 60_000}


def test_a_tickless_kernel_sleeps_through_its_ticks() -> None:
    """Most ticks pass without an interrupt, and reprogramming the timer loses less than three ticks in ten thousand."""
    bench = start(("-DTICKLESS",))
    bench.device.run(60_000_000)
    kernel = report(bench).kernel
    assert 59_982 <= kernel["ticks"] <= 60_000
    assert kernel["slept"] > 45_000
    assert kernel["sleeps"] < 10_000


def test_equals_share_the_processor() -> None:
    """Two tasks of one priority that never wait get the same time, to a tick."""
    bench = start()
    bench.device.run(60_000_000)
    shares = bench.read("report", "<12I")[9:11]
    assert abs(shares[0] - shares[1]) <= max(shares) // 5


def state(bench: Bench) -> tuple[str, list[object]]:
    """Return what decides the device's future, and what it told; calls are told to those who trace only."""
    told: list[object] = [event for event in bench.events if event.kind != "syscall"]
    return hashlib.sha256(bench.device.core.snapshot()).hexdigest(), told


@settings(max_examples=6)
@given(cuts=st.lists(st.integers(1, 6_000_000), min_size=3, max_size=40), traced=st.booleans(), tickless=st.booleans())
def test_tasks_do_not_notice_how_the_run_is_cut_or_traced(cuts: list[int], traced: bool, tickless: bool) -> None:
    """In pieces of any size, traced or not, everything happens at the same cycle."""
    options = ("-DTICKLESS",) if tickless else ()
    whole, parts = start(options), start(options, trace_calls=traced)
    whole.device.run(6_000_000)
    for moment in sorted(cuts):
        assert parts.device.run(moment) is End.TIME
    parts.device.run(6_000_000)
    assert state(parts) == state(whole)
