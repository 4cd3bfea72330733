"""Losses of power: at every operation of a path, in every way, and again during the recovery, until nothing is new."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mvsdk.flash_memory import Cut, Mess, Operation
from mvsdk.update.agent import Agent
from mvsdk.update.download import Policy
from mvsdk.update.proof.points import Point
from mvsdk.update.proof.world import Scenario, States, Violation, World

ONCE = 1
HOWEVER_OFTEN = 1_000_000
"""How many losses of power in a row to try."""


_Down = tuple[tuple[Cut, ...], States]
"""A device without power, and the cuts that made it so."""


@dataclass(frozen=True)
class Instant:
    """The world just before a call of the flash."""

    states: States
    operation: Operation


@dataclass
class Path:
    """A scenario that nothing interrupts: its instants, and the fingerprints it passes through."""

    scenario: Scenario
    instants: list[Instant]
    fingerprints: set[bytes]

    @property
    def operations(self) -> int:
        """How many operations it has."""
        last = self.instants[-1].operation if self.instants else None
        return last.first + last.count if last else 0

    def instant(self, number: int) -> Instant:
        """Return the instant of the call that carries out operation `number`."""
        at = bisect.bisect_right(self.instants, number, key=lambda instant: instant.operation.first)
        return self.instants[at - 1]


@dataclass(frozen=True)
class Explored:
    """What came of a part of a path. `states` is how many different states of a device without power were seen."""

    points: int
    states: int
    failures: tuple[tuple[Point, str], ...]


class Explorer:
    """Explores one scenario in one world."""

    def __init__(self, world: World, scenario: Scenario, start: States) -> None:
        self.world, self.scenario = world, scenario
        self.start = start

    def follow(self) -> Path:
        """Follow the path uninterrupted. Raises Violation."""
        fingerprints: set[bytes] = set()

        def known(agent: Agent) -> bool:
            fingerprints.add(self.world.fingerprint(self.world.states(), agent))
            return False

        instants = self._recorded(self.start, known, self.scenario.ends)
        return Path(self.scenario, instants, fingerprints)

    def ends(self, cuts: int) -> tuple[str, ...]:
        """Return which applications may run in the end, after so many losses of power."""
        # Who loses power in every start of a trial has not passed it.
        return (*self.scenario.ends, "old") if cuts >= Policy().trial_boots else self.scenario.ends

    def explore(self, path: Path, first: int, last: int, cuts: int) -> Explored:
        """Let the power fail at operations `first` to before `last`, and up to `cuts` times in a row."""
        seen: set[bytes] = set()
        known = set(path.fingerprints)
        failures: list[tuple[Point, str]] = []
        for number in range(first, last):
            instant = path.instant(number)
            for mess in _messes(number > first):
                stack: list[_Down] = [((Cut(number, mess),), self._after(instant, number, mess))]
                while stack:
                    taken, states = stack.pop()
                    fingerprint = self.world.fingerprint(states)
                    if fingerprint in seen:
                        continue
                    seen.add(fingerprint)
                    try:
                        trace = self._recover(states, known, self.ends(len(taken)))
                    except Violation as violation:
                        failures.append((Point(self.scenario.name, taken), str(violation)))
                        continue
                    if len(taken) < cuts:
                        stack += self._further(taken, trace)
        return Explored((last - first) * len(Mess), len(seen), tuple(failures))

    def _recover(self, states: States, known: set[bytes], ends: tuple[str, ...]) -> list[Instant]:
        """Let the device come up and be left alone until it is as one that was seen; return what it did until then."""
        met: list[bytes] = []

        def seen_before(agent: Agent) -> bool:
            fingerprint = self.world.fingerprint(self.world.states(), agent)
            if fingerprint in known:
                return True
            met.append(fingerprint)
            return False

        trace = self._recorded(states, seen_before, ends)
        known.update(met)
        return trace

    def _further(self, taken: tuple[Cut, ...], trace: list[Instant]) -> Iterator[_Down]:
        for instant in trace:
            first = instant.operation.first
            for number in range(first, first + instant.operation.count):
                for mess in _messes(number > trace[0].operation.first):
                    yield (*taken, Cut(number, mess)), self._after(instant, number, mess)

    def _after(self, instant: Instant, number: int, mess: Mess) -> States:
        return self.world.interrupted(instant.states, instant.operation, Cut(number - instant.operation.first, mess))

    def _recorded(self, states: States, known: Callable[[Agent], bool], ends: tuple[str, ...]) -> list[Instant]:
        trace: list[Instant] = []

        def listen(operation: Operation) -> None:
            trace.append(Instant(self.world.states(), operation))

        self.world.load(states)
        self.world.power.listener = listen
        try:
            self.world.run(self.scenario, known=known, ends=ends)
        finally:
            self.world.power.listener = None
        return trace


def _messes(later: bool) -> list[Mess]:
    """Return what to try at an operation. Before a later one is after the one before it."""
    return [mess for mess in Mess if not (later and mess is Mess.BEFORE)]
