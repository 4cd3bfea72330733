"""Exception storms: the core does what QEMU's mps2-an505 does, exception by exception, frame by frame."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Sequence

import pytest

from tests.emulator.core.storms import compare, generate, machines
from tests.emulator.core.storms.trace import Result, results

STORMS, NIGHTLY_STORMS, BATCH = 400, 10_000, 200
# All of CFSR that is defined, but MSTKERR, MLSPERR and LSPERR, which only longer runs reach, and what is imprecise.
FAULT_BITS = 0x031F_9B8B
pytestmark = pytest.mark.skipif(
    shutil.which("qemu-system-arm") is None and os.environ.get("CI") != "true",
    reason="needs the package qemu-system-arm",
)


def _both(seeds: Sequence[int]) -> tuple[list[Result], list[Result]]:
    storms = [generate.storm(seed) for seed in seeds]
    return results(machines.on_qemu(storms)), results(machines.on_core(storms))


def _compare(seeds: Sequence[int]) -> None:
    reference, ours = _both(seeds)
    assert len(reference) == len(ours) == len(seeds)
    for seed, expected, got in zip(seeds, reference, ours, strict=True):
        difference = compare.first_difference(expected, got)
        assert difference is None, f"storm {seed} ({generate.flavour(seed).name}): {difference}"


@pytest.mark.parametrize("first", range(0, STORMS, BATCH))
def test_storms_leave_what_qemu_leaves(first: int) -> None:
    """A storm makes the same handlers run in the same order, on the same frames, with the same registers and memory."""
    _compare(range(first, first + BATCH))


@pytest.mark.parametrize("seed", [3318, 3706, 5035, 6511])
def test_storms_that_once_differed_do_not(seed: int) -> None:
    """Of the storms beyond the everyday ones, those that found a defect stay found."""
    _compare([seed])


@pytest.mark.nightly
@pytest.mark.parametrize("first", range(STORMS, NIGHTLY_STORMS, BATCH))
def test_many_more_storms_leave_what_qemu_leaves(first: int) -> None:
    """What holds for the first storms holds for the later ones."""
    _compare(range(first, first + BATCH))


def test_storms_reach_every_kind_of_exception() -> None:
    """The storms of the everyday run take every exception there is, return in every form, and set the fault bits."""
    ours = results(machines.on_core([generate.storm(seed) for seed in range(STORMS)]))
    entries = [record for storm in ours for record in storm.records if record.kind == "entry"]
    taken = Counter(record.exception for record in entries)
    assert {2, 3, 4, 5, 6, 11, 14, 15, *(16 + line for line in generate.LINES)} <= set(taken)
    returns = {record["exc_return"] & 0x1C for storm in ours for record in storm.records if record.kind == "return"}
    assert returns == {0x00, 0x04, 0x08, 0x0C, 0x10, 0x14, 0x18, 0x1C}
    faults = 0
    for record in entries:
        faults |= record["cfsr"]
    assert faults & FAULT_BITS == FAULT_BITS
