"""Losses of power: at every operation of a path, in every way, and again during the recovery, until nothing is new."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mvsdk.flash_memory import Cut, Mess, Operation
from mvsdk.update.agent import Agent
from mvsdk.update.proof.points import Point
from mvsdk.update.proof.world import Scenario, States, Violation, World

ONCE = 1
HOWEVER_OFTEN = 1_000_000
"""How many losses of power in a row to try."""


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
        self._start = start

    def follow(self) -> Path:
        """Follow the path uninterrupted. Raises Violation."""
        fingerprints: set[bytes] = set()

        def known(agent: Agent) -> bool:
            fingerprints.add(self.world.fingerprint(agent))
            return False

        instants = self._recorded(self._start, known)
        return Path(self.scenario, instants, fingerprints)

    def explore(self, path: Path, first: int, last: int, cuts: int) -> Explored:
        """Let the power fail at operations `first` to before `last`, and up to `cuts` times in a row."""
        seen: set[bytes] = set()
        known = set(path.fingerprints)
        failures: list[tuple[Point, str]] = []
        for number in range(first, last):
            instant = path.instant(number)
            for mess in Mess:
                stack = [((Cut(number, mess),), self._after(instant, number, mess))]
                while stack:
                    taken, states = stack.pop()
                    self.world.load(states)
                    fingerprint = self.world.fingerprint()
                    if fingerprint in seen:
                        continue
                    seen.add(fingerprint)
                    try:
                        trace = self._recover(states, known)
                    except Violation as violation:
                        failures.append((Point(self.scenario.name, taken), str(violation)))
                        continue
                    if len(taken) < cuts:
                        stack += self._further(taken, trace)
        return Explored((last - first) * len(Mess), len(seen), tuple(failures))

    def _recover(self, states: States, known: set[bytes]) -> list[Instant]:
        """Let the device come up and be left alone until it is as one that was seen; return what it did until then."""
        met: list[bytes] = []

        def seen_before(agent: Agent) -> bool:
            fingerprint = self.world.fingerprint(agent)
            if fingerprint in known:
                return True
            met.append(fingerprint)
            return False

        trace = self._recorded(states, seen_before)
        known.update(met)
        return trace

    def _further(self, taken: tuple[Cut, ...], trace: list[Instant]) -> Iterator[tuple[tuple[Cut, ...], States]]:
        for instant in trace:
            first = instant.operation.first
            for number in range(first, first + instant.operation.count):
                for mess in Mess:
                    yield (*taken, Cut(number, mess)), self._after(instant, number, mess)

    def _after(self, instant: Instant, number: int, mess: Mess) -> States:
        return self.world.interrupted(instant.states, instant.operation, Cut(number - instant.operation.first, mess))

    def _recorded(self, states: States, known: Callable[[Agent], bool]) -> list[Instant]:
        trace: list[Instant] = []

        def listen(operation: Operation) -> None:
            trace.append(Instant(self.world.states(), operation))

        self.world.load(states)
        self.world.power.listener = listen
        try:
            self.world.run(self.scenario, known=known)
        finally:
            self.world.power.listener = None
        return trace
