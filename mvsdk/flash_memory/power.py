"""The power of a device, and how it fails: at a chosen operation, in a chosen way.

An operation is what the part does at once: one page erased, one quad-word or one NOR page programmed. All memories on
one supply count theirs together, in the order in which they happen. A cut leaves one of five kinds of `Mess`:

    before        the operation has not begun
    torn          part of it is done; what is half done reads as an ECC error, as other bits, or differently each time
    seems done    it reads as done, but the cells are marginal: after the next loss of power it is torn
    seems undone  it reads as never begun, but after the next loss of power it is torn
    after         it is done, and nothing after it

The middle three are what "during" can mean. The two that seem are the ones that catch software which takes what it
reads for what is there.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


class PowerCut(Exception):  # noqa: N818 - no error: the end of a device's day
    """The power is gone. Nobody who runs on the device may catch this."""


class Mess(enum.Enum):
    """What an interrupted operation leaves."""

    BEFORE = "before"
    TORN = "torn"
    SEEMS_DONE = "seems-done"
    SEEMS_UNDONE = "seems-undone"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class Cut:
    """The power fails at operation number `at`, counted from 0, and leaves `mess`."""

    at: int
    mess: Mess

    def __post_init__(self) -> None:
        if self.at < 0:
            raise ValueError(f"there is no operation {self.at}")


@dataclass(frozen=True, slots=True)
class Operation:
    """A call that was made of a memory: `count` operations, `first` of which has that number.

    `data` is None for an erasure.
    """

    memory: Powered
    first: int
    count: int
    address: int
    data: bytes | None


class Powered(Protocol):
    """What hangs on a supply."""

    def power_up(self) -> None:
        """Have power again: what only seemed so shows itself."""


class PowerSupply:
    """The power of one device. Without a cut it never fails.

    `listener` hears of every call before it has any effect; the proof of updates keeps the world at that instant.
    """

    def __init__(self, cut: Cut | None = None, listener: Callable[[Operation], None] | None = None) -> None:
        self.cut = cut
        self.listener = listener
        self.operations = 0
        """How many operations there have been."""
        self.on = True
        self._loads: list[Powered] = []

    def connect(self, load: Powered) -> None:
        """Let a memory share this power."""
        self._loads.append(load)

    def restore(self, cut: Cut | None = None) -> None:
        """Give power again, until the next cut. Operations are counted from 0 anew."""
        self.on, self.cut, self.operations = True, cut, 0
        for load in self._loads:
            load.power_up()

    def check(self) -> None:
        """Raise PowerCut when there is no power."""
        if not self.on:
            raise PowerCut

    def spend(self, memory: Powered, count: int, address: int, data: bytes | None) -> tuple[int, Mess] | None:
        """Account for the operations of one call, which a memory is about to carry out.

        Returns None when it may do all, else how many it still does, and the mess of the one after. The memory then
        raises PowerCut.
        """
        self.check()
        if self.listener is not None:
            self.listener(Operation(memory, self.operations, count, address, data))
        first = self.operations
        self.operations += count
        if self.cut is None or not first <= self.cut.at < first + count:
            return None
        self.on = False
        return self.cut.at - first, self.cut.mess
