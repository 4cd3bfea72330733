"""Laws of counting what is executed."""

from __future__ import annotations

from collections import Counter

from mvsdk.emulator.core import StopReason, new_core
from mvsdk.emulator.core.coverage_report import CountingCore, never, report
from mvsdk.emulator.core.encodings import load
from mvsdk.emulator.device import Device
from tests.emulator.compiled import BOARD, firmware
from tests.emulator.guest import Machine, assemble

LOOP = """
        movs r0, #5
    1:  adds r1, r1, r0
        subs r0, #1
        bne 1b
        bkpt
"""


def test_every_execution_is_counted() -> None:
    """A loop of five turns counts its instructions five times, and what was not reached not at all."""
    core = CountingCore()
    assert Machine(core, assemble(LOOP)).run().reason is StopReason.BREAKPOINT
    assert core.executed == {"MOV (immediate) T1": 1, "ADD (register) T1": 5, "SUB (immediate) T2": 5, "B T1": 5}


def test_counting_changes_nothing() -> None:
    """A device with a counting core does the same at the same cycle."""
    image = firmware("rtos/kernel.h", "rtos/kernel.c", "rtos/application.c").image
    counting, plain = CountingCore(), new_core()
    for core in (counting, plain):
        Device(BOARD, image, core).run(30_000)
    assert counting.snapshot() == plain.snapshot()
    assert counting.executed["VSTMDB single T2"] > 0


def test_the_report_names_all_encodings() -> None:
    """Executed or not, every encoding of the table has one line."""
    lines = list(report(Counter({"WFI T1": 3})))
    assert len(lines) == 1 + len(load())
    assert lines[0] == f"1 of {len(load())} encodings, 3 instructions"
    assert len(never(Counter())) == len(load())
