"""What was executed: the one place that says how the core is asked for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from mvsdk.errors import EmulatorError


class BranchOutcome(Protocol):
    """Which ways a conditional branch went."""

    @property
    def address(self) -> int:
        """Where the branch is."""

    @property
    def taken(self) -> bool:
        """Whether it was ever taken."""

    @property
    def passed(self) -> bool:
        """Whether it was ever passed."""


class Executed(Protocol):
    """What was executed of a program."""

    def was_executed(self, address: int) -> bool:
        """Say whether the instruction at an address was ever executed."""

    def branches(self) -> Iterator[BranchOutcome]:
        """Go through the conditional branches that were executed."""


def record_coverage(core: Any) -> None:  # noqa: ANN401 - a core that may record coverage
    """Let a core record what it executes. Raises `EmulatorError` for one that cannot."""
    if not hasattr(core, "record_coverage"):
        raise EmulatorError("this processor core does not record what it executes", "leave --coverage out")
    core.record_coverage(True)


def coverage(core: Any) -> Executed:  # noqa: ANN401 - a core that records coverage
    """Return what a core has executed since `record_coverage`."""
    executed: Executed = core.coverage()
    return executed
