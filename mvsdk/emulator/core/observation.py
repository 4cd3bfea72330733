"""What can be learnt of an execution without changing it: counters, coverage, a trace.

None of it is part of the guest's state: snapshots, saved states and forks carry none of it along, and what a guest does
is the same with it and without it.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Counters:
    """How often things happened since the core was made. They never go back, not even with `restore`."""

    instructions: int
    """Instructions executed while `Core.count_instructions` was on. One whose condition failed counts; one that
    faulted, or at which the run stopped, does not."""
    exceptions: int
    """Exceptions and interrupts entered, tail-chained ones included."""
    supervisor_calls: int
    """SVC instructions that were taken as such."""
    gateway_stops: int
    """Runs that ended with GATEWAY."""
    device_reads: int
    """Reads that device ranges were asked to answer."""
    device_writes: int
    """Writes handed to device ranges."""
    blocks_decoded: int
    """Pieces of code decoded by this very core, not those that another one with the same image had decoded."""
    sleeps: int
    """How often the guest went to sleep: WFI, WFE without an event, SLEEPONEXIT, `Core.sleep`."""


@dataclass(frozen=True, slots=True)
class RangeCoverage:
    """Coverage of one range of memory. In each bitmap bit `n % 8` of byte `n // 8` stands for the halfword at
    `base + 2 * n`."""

    base: int
    size: int
    executed: bytes
    """The halfwords of every instruction that was executed at least once, also one whose condition failed."""
    taken: bytes
    """The first halfwords of conditional branches that were taken at least once."""
    passed: bytes
    """The first halfwords of conditional branches that were executed at least once without being taken."""


@dataclass(frozen=True, slots=True)
class BranchOutcome:
    """What a conditional branch did: B with a condition, CBZ, CBNZ, or any branch inside an IT block."""

    address: int
    taken: bool
    passed: bool


@dataclass(frozen=True, slots=True)
class Coverage:
    """What was executed since coverage is recorded, by range in the order in which they were mapped."""

    ranges: tuple[RangeCoverage, ...]

    def was_executed(self, address: int) -> bool:
        """Say whether the instruction that covers this address was ever executed; False outside memory."""
        return any(_bit(part.executed, address - part.base) for part in self.ranges if _lies_in(part, address))

    def branches(self) -> Iterator[BranchOutcome]:
        """Go through the conditional branches that were executed, by range and address."""
        for part in self.ranges:
            for index, (taken, passed) in enumerate(zip(part.taken, part.passed, strict=True)):
                for bit in range(8) if taken | passed else ():
                    if (taken | passed) >> bit & 1:
                        address = part.base + 2 * (8 * index + bit)
                        yield BranchOutcome(address, bool(taken >> bit & 1), bool(passed >> bit & 1))


class Deed(enum.Enum):
    """What a core did of itself. In the order of DID_… in native/core.h."""

    ENTERED = "entered"
    """An exception's handler begins."""
    LEFT = "left"
    """An exception's handler has ended."""
    SLEPT = "slept"
    """The guest fell asleep."""
    WOKE = "woke"
    """It goes on."""


@dataclass(frozen=True, slots=True)
class Activity:
    """Something a core did of itself, at a cycle. `exception` is the exception entered or left, or the one that was
    active when the guest fell asleep or woke; 0 is thread mode."""

    cycle: int
    deed: Deed
    exception: int


@dataclass(frozen=True, slots=True)
class ExecutedInstruction:
    """One line of an instruction trace."""

    cycle: int
    """When it began."""
    address: int


def _lies_in(part: RangeCoverage, address: int) -> bool:
    return 0 <= address - part.base < part.size


def _bit(bitmap: bytes, offset: int) -> bool:
    return bool(bitmap[offset >> 4] >> (offset >> 1 & 7) & 1)
