"""Losses of power: at every operation of a path, in every way, and again during the recovery, until nothing is new."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mvsdk.flash_memory import Cut, Mess, Operation, PowerCut
from mvsdk.update.agent import Agent
from mvsdk.update.download import Policy
from mvsdk.update.errors import ProofError
from mvsdk.update.journal import Known
from mvsdk.update.proof.points import Point
from mvsdk.update.proof.world import Scenario, States, Violation, World

ONCE = 1
HOWEVER_OFTEN = 1_000_000
"""How many losses of power in a row to try."""

_ENOUGH = 20
"""Broken promises of one part of a path; more would only say the same."""
_FORGOTTEN = "when it comes up again it has forgotten what it acted on before the power failed"


@dataclass(frozen=True)
class Instant:
    """The world just before a call of the flash.

    `knowable` is what the journal may say when the power fails during the call: what the agent goes by, and while that
    is being written also what it went by before. Whatever else it says, the agent has acted on what it then forgets.
    """

    states: States
    operation: Operation
    knowable: frozenset[Known | None]


@dataclass(frozen=True)
class _Down:
    """A device without power, the cuts that made it so, and what its journal may say."""

    cuts: tuple[Cut, ...]
    states: States
    knowable: frozenset[Known | None]


@dataclass
class Path:
    """A scenario that nothing interrupts: its instants, and the fingerprints it passes through."""

    scenario: Scenario
    instants: list[Instant]
    fingerprints: set[bytes]
    lapses: tuple[int, ...]

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
        self._trace: list[Instant] = []
        self._lapses: list[int] = []
        """Operations before which the agent, between two steps, went by something that its journal did not say."""

    def follow(self) -> Path:
        """Follow the path uninterrupted. Raises Violation."""
        fingerprints: set[bytes] = set()

        def known(agent: Agent) -> bool:
            fingerprints.add(self.world.fingerprint(self.world.states(), agent))
            return False

        instants = self._recorded(self.start, known, self.scenario.ends)
        return Path(self.scenario, instants, fingerprints, tuple(self._lapses))

    def ends(self, cuts: int) -> tuple[str, ...]:
        """Return which applications may run in the end, after so many losses of power."""
        # Who loses power in every start of a trial has not passed it.
        scenario = self.scenario
        return (*scenario.ends, scenario.falls_back_to) if cuts >= Policy().trial_boots else scenario.ends

    def explore(self, path: Path, first: int, last: int, cuts: int) -> Explored:
        """Let the power fail at operations `first` to before `last`, and up to `cuts` times in a row."""
        seen: set[bytes] = set()
        known = set(path.fingerprints)
        failures: list[tuple[Point, str]] = [
            (Point(self.scenario.name, (Cut(lapse, Mess.BEFORE),)), _FORGOTTEN)
            for lapse in sorted({*path.lapses})
            if first <= lapse < last or lapse == last == path.operations
        ]
        for number in range(first, last):
            instant = path.instant(number)
            for mess in _messes(number > first):
                stack = [_Down((Cut(number, mess),), self._after(instant, number, mess), instant.knowable)]
                while stack and len(failures) < _ENOUGH:
                    down = stack.pop()
                    fingerprint = self.world.fingerprint(down.states)
                    if self.world.journal_says(down.states, powered=False) not in down.knowable:
                        failures.append((Point(self.scenario.name, down.cuts), _FORGOTTEN))
                        continue
                    if fingerprint in seen:
                        continue
                    seen.add(fingerprint)
                    try:
                        trace = self._recover(down.states, known, self.ends(len(down.cuts)))
                    except Violation as violation:
                        failures.append((Point(self.scenario.name, down.cuts), str(violation)))
                        continue
                    failures += [
                        (Point(self.scenario.name, (*down.cuts, Cut(lapse, Mess.BEFORE))), _FORGOTTEN)
                        for lapse in sorted({*self._lapses})
                    ]
                    if len(down.cuts) < cuts:
                        stack += self._further(down.cuts, trace)
        return Explored((last - first) * len(Mess), len(seen), tuple(failures))

    def relive(self, cut: Cut | None, ends: tuple[str, ...]) -> None:
        """Give power to the device as it is, until `cut`. Raises Violation, and ProofError if it does not come."""
        failed = False
        try:
            self._recorded(self.world.states(), lambda agent: False, ends, cut)
        except PowerCut:
            failed = True
        if cut is None:
            return
        if not failed and cut.at != self.world.power.operations:
            raise ProofError(f"the device is at rest before operation {cut.at}", "give a point that there is")
        said = self.world.journal_says(self.world.states(), powered=False)
        lapsed = cut.mess is Mess.BEFORE and cut.at in self._lapses
        if lapsed or (failed and said not in self._trace[-1].knowable):
            raise Violation(_FORGOTTEN)

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
                    yield _Down((*taken, Cut(number, mess)), self._after(instant, number, mess), instant.knowable)

    def _after(self, instant: Instant, number: int, mess: Mess) -> States:
        return self.world.interrupted(instant.states, instant.operation, Cut(number - instant.operation.first, mess))

    def _recorded(
        self, states: States, known: Callable[[Agent], bool], ends: tuple[str, ...], cut: Cut | None = None
    ) -> list[Instant]:
        trace = self._trace = []
        # What is found when coming up may still be lost, until it has been made firm.
        before, now = self.world.journal_will_say(states), self.world.journal_says(states, powered=False)

        def listen(operation: Operation) -> None:
            nonlocal before, now
            agent = self.world.running
            if agent is not None and agent.known() != now:
                before, now = now, agent.known()
            knowable = {before, now} if self.world.in_journal(operation) else {now}
            trace.append(Instant(self.world.states(), operation, frozenset(knowable)))

        def stepped(agent: Agent) -> bool:
            if self.world.journal_says(self.world.states(), powered=True) != agent.known():
                self._lapses.append(self.world.power.operations)
            return known(agent)

        self._lapses = []
        self.world.load(states)
        self.world.power.listener = listen
        try:
            self.world.run(self.scenario, cut, known=stepped, ends=ends)
        finally:
            self.world.power.listener = None
        return trace


def _messes(later: bool) -> list[Mess]:
    """Return what to try at an operation. Before a later one is after the one before it."""
    return [mess for mess in Mess if not (later and mess is Mess.BEFORE)]
