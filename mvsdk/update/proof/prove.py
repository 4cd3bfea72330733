"""Putting a proof together: which scenarios there are, trying everything on all processors, and one thing again."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache

from mvsdk.boards import Board
from mvsdk.bundle import NewKeys, UnverifiedBundle
from mvsdk.flash_memory import Cut, Mess
from mvsdk.keys import PublicKey, SigningKey
from mvsdk.update.agent import Agent
from mvsdk.update.bundle_server import BundleServer
from mvsdk.update.errors import ProofError
from mvsdk.update.hardware import Hardware
from mvsdk.update.journal import Journal
from mvsdk.update.key_set import MAX_KEYS, KeySet
from mvsdk.update.proof.faults import LIES, NETWORK, FailingServer, LyingServer, decay_points, decayed, named_lie
from mvsdk.update.proof.points import Point
from mvsdk.update.proof.power import HOWEVER_OFTEN, ONCE, Explorer, Path
from mvsdk.update.proof.world import NOTHING, Images, Scenario, States, Violation, World
from mvsdk.update.reports import Report
from mvsdk.update.state import Phase

_CHUNK = 256
"""Operations that are tried in one go. Fixed, so that the result does not depend on how many processors there are."""
_LIED_TO = 400
"""Steps for which a server lies."""

_PROOF_KEY = """-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgAAAAAAAAAAAAAAAA
AAAAAAAAAABtdnNkay1wcm9vZgChRANCAAQatnjgZBUlm/+JoJArymULBXAIQ4ng
vwy8NtyGtd1vK2+MQBIt5+vlmUyXtSxLeNUVGyEj+wpZL9l546JAVmIR
-----END PRIVATE KEY-----
"""
"""Signs the NewKeys messages of the proof. It is no secret, and nobody trusts it outside of one."""


@dataclass(frozen=True)
class Plan:
    """What to prove: the way from one signed bundle to another, on a board, for a device that trusts `signers`.

    With `test` it is also proven how a device comes from the factory with that test code to the new bundle.
    `exhaustive` lets the power fail again during each recovery, however often, until no state is new; otherwise once.
    `make_patch` adds a scenario in which layers come as patches. `make_journal` is a seam: it gives agents a fault.
    """

    old: bytes
    new: bytes
    signers: tuple[PublicKey, ...]
    board: Board
    exhaustive: bool = False
    make_patch: Callable[[bytes, bytes], bytes] | None = None
    make_journal: Callable[[Hardware], Journal] | None = None
    test: bytes | None = None

    @property
    def bundles(self) -> dict[str, bytes]:
        """The bundles by the names that the proof gives them."""
        named = {"old": self.old, "new": self.new}
        return named if self.test is None else named | {"test": self.test}


@dataclass(frozen=True)
class Finding:
    """A point at which the agent broke its promise."""

    point: str
    what: str


@dataclass(frozen=True)
class Section:
    """What came of one scenario. `states` is how many different states of a device were met where power had failed."""

    name: str
    title: str
    operations: int
    points: int
    states: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Outcome:
    """What came of a proof."""

    sections: tuple[Section, ...]
    exhaustive: bool
    seconds: float

    @property
    def points(self) -> int:
        """How many points were tried."""
        return sum(section.points for section in self.sections)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All broken promises."""
        return tuple(finding for section in self.sections for finding in section.findings)


@dataclass(frozen=True)
class Replay:
    """What happened at one point: what was reported in each life of the device, and which promise was broken."""

    lives: tuple[tuple[Report, ...], ...]
    violation: str | None


@dataclass(frozen=True)
class _Task:
    """A part of a proof, for one processor: operations from `first` to before `last`, or the faults of a scenario."""

    scenario: str
    first: int = 0
    last: int = 0
    faults: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Done:
    task: _Task
    points: int
    states: int
    findings: tuple[Finding, ...]


def prove(plan: Plan, workers: int = 1, progress: Callable[[int, int], None] = lambda done, total: None) -> Outcome:
    """Try everything. `progress` hears how many points of how many are done.

    Raises a leaf of BundleError for bundles that do not verify, and ProofError for such that no proof can be made of.
    """
    started = time.monotonic()
    prover = Prover(plan)
    tasks = [*prover.tasks()]
    total = sum(prover.size(task) for task in tasks)
    done: list[_Done] = []
    points = 0
    for result in _carried_out(prover, tasks, workers):
        done.append(result)
        points += result.points
        progress(points, total)
    sections = tuple(
        prover.section(name, [each for each in done if each.task.scenario == name]) for name in prover.names
    )
    return Outcome(sections, plan.exhaustive, time.monotonic() - started)


def replay(plan: Plan, name: str) -> Replay:
    """Try one point again, from the beginning of its scenario and without any short cut. Raises ProofError."""
    return Prover(plan).replay(Point.parse(name))


_prover: Prover | None = None


def _adopt(prover: Prover) -> None:
    global _prover  # noqa: PLW0603 - a worker process belongs to one proof
    _prover = prover


def _work(task: _Task) -> _Done:
    assert _prover is not None  # noqa: S101 - _adopt came first
    return _prover.carry_out(task)


def _carried_out(prover: Prover, tasks: list[_Task], workers: int) -> Iterator[_Done]:
    # Forked workers have the plan and its paths already; elsewhere one process does it all.
    if workers < 2 or "fork" not in multiprocessing.get_all_start_methods():
        yield from map(prover.carry_out, tasks)
        return
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(workers, context, initializer=_adopt, initargs=(prover,)) as pool:
        yield from pool.map(_work, tasks)


class Prover:
    """One plan, with its worlds and its uninterrupted paths."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        own = SigningKey.from_pem(_PROOF_KEY.encode(), origin="the proof's own key")
        signers = self._signers()
        self._keys = KeySet((*signers, own.public))
        self._images = Images.of(plan.bundles, self._keys, plan.board)
        if not self._images.distinct:
            raise ProofError("two of the bundles hold the same application", "give such as differ")
        self._world = World(plan.board, self._keys, self._images, plan.make_journal)
        self._start = self._world.provisioned(plan.old)
        self._explorers = {explorer.scenario.name: explorer for explorer in self._make_explorers(own)}
        self._paths = {name: self._path(name) for name in self._explorers}
        self._messages = self._count_messages("update")

    @property
    def names(self) -> tuple[str, ...]:
        """The sections in their order."""
        return (*self._explorers, "network", "lies", "decay")

    def tasks(self) -> Iterator[_Task]:
        """Yield the parts of the proof, the same for every run."""
        for name, path in self._paths.items():
            for first in range(0, path.operations, _CHUNK):
                yield _Task(name, first, min(first + _CHUNK, path.operations))
        for name, faults in self._faults().items():
            for start in range(0, len(faults), _CHUNK):
                yield _Task(name, faults=tuple(faults[start : start + _CHUNK]))

    def size(self, task: _Task) -> int:
        """Return how many points a part has."""
        return len(task.faults) or (task.last - task.first) * len(Mess)

    def carry_out(self, task: _Task) -> _Done:
        """Try a part."""
        if task.faults:
            return self._try_faults(task)
        cuts = HOWEVER_OFTEN if self._plan.exhaustive else ONCE
        explorer = self._explorers[task.scenario]
        explored = explorer.explore(self._paths[task.scenario], task.first, task.last, cuts)
        findings = tuple(Finding(str(point), what) for point, what in explored.failures)
        return _Done(task, explored.points, explored.states, findings)

    def section(self, name: str, done: list[_Done]) -> Section:
        """Put together what came of one section."""
        titles = {
            "network": "the network fails at every message",
            "lies": "the server lies, and then does not",
            "decay": "a page of flash has lost a bit",
        }
        path = self._paths.get(name)
        title = path.scenario.title if path else titles[name]
        findings = tuple(finding for each in done for finding in each.findings)
        points, states = sum(each.points for each in done), sum(each.states for each in done)
        return Section(name, title, path.operations if path else 0, points, states, findings)

    def replay(self, point: Point) -> Replay:
        """Try one point again."""
        lives: list[tuple[Report, ...]] = []
        try:
            if point.fault:
                self._try_fault(point.scenario, point.fault)
            else:
                self._replay_power(point, lives)
        except Violation as violation:
            return Replay((*lives, tuple(self._world.reports)), str(violation))
        return Replay((*lives, tuple(self._world.reports)), None)

    def _replay_power(self, point: Point, lives: list[tuple[Report, ...]]) -> None:
        explorer = self._explorers.get(point.scenario)
        if explorer is None:
            raise ProofError(f"there is no scenario '{point.scenario}'", f"there are {', '.join(self._explorers)}")
        world = self._world
        world.load(explorer.start)
        cuts: list[Cut | None] = [*point.cuts, None]
        for number, cut in enumerate(cuts):
            explorer.relive(cut, explorer.ends(number))
            if cut is not None:
                lives.append(tuple(world.reports))

    def _signers(self) -> tuple[PublicKey, ...]:
        """Return those of the trusted keys that signed a bundle."""
        envelopes = [UnverifiedBundle.parse(each).envelope for each in self._plan.bundles.values()]
        ids = {each.signer_id for each in envelopes}
        signers = tuple({key.id: key for key in self._plan.signers if key.id in ids}.values())
        return signers[: MAX_KEYS - 1]

    def _make_explorers(self, own: SigningKey) -> Iterator[Explorer]:
        old, new, world = self._plan.old, self._plan.new, self._world
        update = Scenario("update", "from the old application to the new one", BundleServer(old, new), ("new",))
        yield Explorer(world, update, self._start)
        if self._plan.make_patch is not None:
            server = BundleServer(old, new, make_patch=self._plan.make_patch)
            yield Explorer(world, Scenario("patch", "the same with patches", server, ("new",)), self._start)
        on_trial = self._states_at(update, lambda agent: agent.state.phase is Phase.TRIAL)
        failing = Scenario("revert", "the new application fails its trial", BundleServer(old, new), ("old",), False)
        yield Explorer(world, failing, on_trial)
        messages = (
            NewKeys(1, add=(_rotated(),)).signed_by(own),
            NewKeys(2, delete=(own.public.id,)).signed_by(own),
        )
        rotation = BundleServer(old, offered=0, new_keys_messages=messages)
        yield Explorer(
            world,
            Scenario("keys", "a key is added and another revoked", rotation, ("old",), key_changes=2),
            self._start,
        )
        idle = BundleServer(old, offered=0)
        spoilt = (replace(self._start[0], pages={}), self._start[1])
        yield Explorer(world, Scenario("restore", "internal flash was erased by somebody", idle, ("old",)), spoilt)
        if self._plan.test is not None:
            yield from self._make_factory_explorers(self._plan.test)

    def _make_factory_explorers(self, test: bytes) -> Iterator[Explorer]:
        world, server = self._world, BundleServer(self._plan.new)
        made = world.prepared(self._plan.new, test)
        passing = Scenario(
            "factory",
            "from the factory's test code to the new application",
            server,
            ("new",),
            runs=("test", "new"),
            tests="test",
            falls_back_to=NOTHING,
        )
        yield Explorer(world, passing, made)
        failing = Scenario(
            "failed",
            "the factory's test code says that something is wrong",
            server,
            (NOTHING,),
            test_status=1,
            runs=("test",),
            tests="test",
            falls_back_to=NOTHING,
        )
        yield Explorer(world, failing, self._states_at(passing, lambda agent: agent.application is not None, made))

    def _path(self, name: str) -> Path:
        explorer = self._explorers[name]
        try:
            return explorer.follow()
        except Violation as violation:
            last = next((report.text for report in reversed(self._world.reports) if report.text), "")
            raise ProofError(
                f"the path '{name}' does not even work when nothing fails: {violation}"
                + (f" ({last})" if last else ""),
                "make sure that the new bundle may replace the old one: keys, rollback counter, size",
            ) from violation

    def _states_at(self, scenario: Scenario, arrived: Callable[[Agent], bool], start: States | None = None) -> States:
        """Return the flash of a device at the moment something is so, uninterrupted."""
        self._world.load(start or self._start)
        try:
            self._world.run(scenario, known=arrived)
        except Violation as violation:
            last = next((report.text for report in reversed(self._world.reports) if report.text), "")
            raise ProofError(
                f"the update does not even work when nothing fails: {violation} ({last})",
                "make sure that the new bundle may replace the old one: keys, rollback counter, size",
            ) from violation
        return self._world.states()

    def _count_messages(self, name: str) -> int:
        explorer = self._explorers[name]
        server = FailingServer(explorer.scenario.server, -1, "lost")
        self._world.load(explorer.start)
        self._world.run(explorer.scenario, server=server)
        return server.asked

    def _faults(self) -> dict[str, list[str]]:
        layout = self._world.hardware.layout
        slot = range(layout.slots[1] // layout.page, layout.end(1) // layout.page)
        return {
            "network": [f"message-{number}:{way}" for number in range(self._messages) for way in NETWORK],
            "lies": [*LIES],
            "decay": decay_points(*self._staged(), slot),
        }

    def _try_faults(self, task: _Task) -> _Done:
        findings = []
        for fault in task.faults:
            try:
                self._try_fault(task.scenario, fault)
            except Violation as violation:
                findings.append(Finding(str(Point(task.scenario, fault=fault)), str(violation)))
        return _Done(task, len(task.faults), 0, tuple(findings))

    def _try_fault(self, section: str, fault: str) -> None:
        """Raises Violation, and ProofError for a fault that there is not."""
        scenario = self._explorers["update"].scenario
        self._world.load(self._start)
        match section:
            case "network":
                self._world.run(scenario, server=FailingServer.named(scenario.server, fault))
            case "lies":
                if "patch" in self._explorers:
                    scenario = self._explorers["patch"].scenario
                server = LyingServer(scenario.server, named_lie(fault))
                self._world.run_lied_to(scenario, server, _LIED_TO)
            case "decay":
                self._world.load(decayed(self._staged(), fault))
                self._world.run(scenario, ends=("new", "old"))
            case _:
                raise ProofError(f"there is no section '{section}'", f"there are {', '.join(self.names)}")

    def _staged(self) -> States:
        update = self._explorers["update"].scenario
        return self._states_at(update, lambda agent: agent.state.phase is Phase.STAGED)


@cache
def _rotated() -> PublicKey:
    """A key to add: the point of private key 1, the generator of the curve (bundle format, "Golden values")."""
    x = "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    y = "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
    return PublicKey.from_point(bytes.fromhex("04" + x + y))
