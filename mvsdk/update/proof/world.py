"""The world of a proof: a device, a server, and two bundles, at any instant of which one can go on from."""

from __future__ import annotations

import contextlib
import copy
import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from mvsdk.boards import Board
from mvsdk.bundle import Image, VerifiedBundle, verify
from mvsdk.flash_memory import ERASED, Cut, FlashState, InternalFlash, NorFlash, Operation, PowerCut, PowerSupply
from mvsdk.flash_memory.cells import Page
from mvsdk.flash_memory.nor import SECTOR
from mvsdk.update.agent import NEVER, Agent
from mvsdk.update.bundle_server import BundleServer, ManualClock
from mvsdk.update.hardware import Hardware
from mvsdk.update.journal import Journal, Known, newer, read_page
from mvsdk.update.key_set import KeySet
from mvsdk.update.layout import Layout
from mvsdk.update.proof.faults import LyingServer
from mvsdk.update.provisioning import prepare, provision
from mvsdk.update.reports import Report
from mvsdk.update.server import Server
from mvsdk.update.state import Phase

STEP_LIMIT = 20_000
"""Steps after which a device that is not at rest never will be: an update of 1 MiB takes some 600."""

_WORD = (1 << 128) - 1
_KEPT_PAGES = 4096

States = tuple[FlashState, FlashState]
"""What internal and external flash hold."""


NOTHING = ""
"""The name of no application at all."""


class Violation(Exception):  # noqa: N818 - not an error of the proof but what it looks for
    """The agent broke its promise."""


@dataclass(frozen=True)
class Scenario:
    """A path to take: what the server does, whether the new application passes its trial, and where it must end.

    `ends` names the images that may run in the end. `key_changes` is how many NewKeys messages the device must have
    taken by then. Where the factory's test code runs, it ends with `test_status`. Nothing but `runs` may ever run, and
    nothing but `tests` as test code. A device that loses power in every start of a trial may end with `falls_back_to`.
    """

    name: str
    title: str
    server: BundleServer
    ends: tuple[str, ...]
    trial_passes: bool = True
    key_changes: int = 0
    test_status: int = 0
    runs: tuple[str, ...] = ("old", "new")
    tests: str = NOTHING
    falls_back_to: str = "old"


class Images:
    """The only bytes that may ever be executed, by the names that the proof gives them: "old", "new", and, if there is
    some, "test" for the factory's test code."""

    def __init__(self, bundles: Mapping[str, VerifiedBundle], board: Board) -> None:
        self.whole = {name: bundle.image.data.ljust(board.flash.size, ERASED) for name, bundle in bundles.items()}

    @classmethod
    def of(cls, bundles: Mapping[str, bytes], keys: KeySet, board: Board) -> Images:
        """Verify bundles. Raises a leaf of BundleError."""
        return cls({name: verify(bundle, board, keys.signers) for name, bundle in bundles.items()}, board)

    @property
    def distinct(self) -> bool:
        """Whether no two are the same application."""
        return len(set(self.whole.values())) == len(self.whole)

    def name(self, image: Image) -> str | None:
        """Return which of them an image is."""
        return next((name for name, data in self.whole.items() if _same(image.data, data)), None)


class World:
    """One device that can be put back to any instant. `make_journal` is a seam: agents with a fault are made by it."""

    def __init__(
        self, board: Board, keys: KeySet, images: Images, make_journal: Callable[[Hardware], Journal] | None = None
    ) -> None:
        self.images = images
        self.power = PowerSupply()
        self.internal = InternalFlash(board.flash.size, self.power)
        page = SECTOR
        # As much as the agent needs, with one page left over.
        self.external = NorFlash(Layout.needed(board.flash.size, page) + page, self.power)
        layout = Layout.within(self.external, board.flash.size)
        self.hardware = Hardware(self.internal, self.external, layout, board, keys, kernel_version=0xFFFFFFFF)
        self.clock = ManualClock()
        self.reports: list[Report] = []
        self.running: Agent | None = None
        self._make_journal = make_journal
        self._journal_pages = (layout.journal // page, layout.journal // page + 1)
        self._digests: dict[int, int] = {}
        self._digested: list[Page] = []

    def provisioned(self, bundle: bytes) -> States:
        """Return the flash of a device that leaves the factory with a bundle."""
        empty = FlashState({}, {})
        self.load((empty, empty))
        self.power.restore()
        provision(self.hardware, bundle)
        return self.states()

    def prepared(self, final: bytes, test: bytes) -> States:
        """Return the flash of a device that the factory has given test code and the application behind it."""
        empty = FlashState({}, {})
        self.load((empty, empty))
        self.power.restore()
        prepare(self.hardware, final, test)
        return self.states()

    def states(self) -> States:
        """Return what the flash holds at this instant."""
        return self.internal.state(), self.external.state()

    def load(self, states: States) -> None:
        """Put the flash back to an instant."""
        self.internal.load(states[0])
        self.external.load(states[1])

    def interrupted(self, states: States, operation: Operation, cut: Cut) -> States:
        """Return what the flash holds when the power fails during a call. `cut.at` counts within the call."""
        self.load(states)
        listener, self.power.listener = self.power.listener, None
        self.power.on, self.power.cut, self.power.operations = True, cut, 0
        memory = self.internal if operation.memory is self.internal else self.external
        try:
            if operation.data is None:
                memory.erase(operation.address)
            else:
                memory.program(operation.address, operation.data)
        except PowerCut:
            pass
        finally:
            self.power.listener = listener
        return self.states()

    def run(
        self,
        scenario: Scenario,
        cut: Cut | None = None,
        known: Callable[[Agent], bool] | None = None,
        server: Server | None = None,
        ends: tuple[str, ...] | None = None,
    ) -> None:
        """Give power and leave the device alone, until it is at rest or in a state that is `known`.

        `server` and `ends` are the scenario's unless given. Raises Violation, and PowerCut where `cut` says.
        """
        with self._life(cut):
            agent = self.running = self.agent(server or copy.copy(scenario.server))
            agent.boot()
            self._drive(agent, scenario, known, ends or scenario.ends)

    def run_lied_to(self, scenario: Scenario, server: LyingServer, steps: int) -> None:
        """Give power to a device whose server lies for so many steps, and then does not.

        Until then the old application must stay, and the device stay able to take the new one. Raises Violation.
        """
        with self._life(None):
            agent = self.agent(server)
            agent.boot()
            checked = self.check_application(agent, scenario, None)
            for _ in range(steps):
                self._step(agent, scenario)
                checked = self.check_application(agent, scenario, checked)
            server.honest = True
            agent.check_now()
            self._step(agent, scenario)
            self._drive(agent, scenario, lambda agent: False, scenario.ends)

    @contextlib.contextmanager
    def _life(self, cut: Cut | None) -> Iterator[None]:
        """From power-up to power-down. Whatever comes out of the agent but a loss of power is a violation."""
        self.reports.clear()
        self.clock.seconds = 0.0
        self.power.restore(cut)
        try:
            yield
        except (PowerCut, Violation):
            raise
        except Exception as error:
            raise Violation(f"the agent crashed: {type(error).__name__}: {error}") from error

    def agent(self, server: Server) -> Agent:
        """Return an agent that has not come up yet."""
        journal = self._make_journal(self.hardware) if self._make_journal else None
        return Agent(self.hardware, server, self.clock, observe=self.reports.append, journal=journal)

    def _drive(
        self, agent: Agent, scenario: Scenario, known: Callable[[Agent], bool] | None, ends: tuple[str, ...]
    ) -> None:
        checked = self.check_application(agent, scenario, None)
        for _ in range(STEP_LIMIT):
            if known is not None and known(agent):
                return
            if agent.at_rest:
                self._check_end(agent, scenario, ends)
                return
            self._step(agent, scenario)
            checked = self.check_application(agent, scenario, checked)
        raise Violation(f"it is not at rest after {STEP_LIMIT} steps, but in phase {agent.state.phase.name}")

    def _step(self, agent: Agent, scenario: Scenario) -> None:
        """Do one step and let its time pass."""
        if agent.state.phase is Phase.TRIAL:
            if scenario.trial_passes:
                agent.trial_passed()
            else:
                agent.trial_failed("it crashed")
            return
        if agent.state.phase is Phase.TESTING and agent.application is not None:
            agent.testing_complete(scenario.test_status)
            return
        wait = agent.step()
        if wait == NEVER:
            raise Violation(f"it waits for ever in phase {agent.state.phase.name}")
        self.clock.seconds += wait

    def check_application(self, agent: Agent, scenario: Scenario, checked: Image | None) -> Image | None:
        """Prove that what may run is one of the images, may do so in this scenario and in this way, and is what
        internal flash holds, to the last byte."""
        running = agent.application
        if running is None or running.image is checked:
            return None if running is None else checked
        name = self.images.name(running.image)
        if name is None:
            raise Violation(f"it lets something run that is none of these applications: {', '.join(self.images.whole)}")
        if name not in scenario.runs or running.testing is not (name == scenario.tests):
            raise Violation(f"it lets the {name} application run {'as test code' if running.testing else 'for good'}")
        if self.internal.read(0, self.internal.size) != self.images.whole[name]:
            raise Violation(f"internal flash is not what the {name} application is")
        return running.image

    def _check_end(self, agent: Agent, scenario: Scenario, ends: tuple[str, ...]) -> None:
        running = agent.application
        name = self.images.name(running.image) if running else NOTHING
        if name not in ends:
            raise Violation(f"it ends with {_article(name)}, where {' or '.join(map(_article, ends))} should")
        if agent.keys.sequence != scenario.key_changes:
            raise Violation(f"it has taken {agent.keys.sequence} changes of its keys, not {scenario.key_changes}")

    def fingerprint(self, states: States, agent: Agent | None = None) -> bytes:
        """Return what stands for all devices with the same future: flash, what the journal says, what is remembered.

        Without an agent it is of a device that has no power.
        """
        total = self._total(states)
        first, second = self._journal(states)
        says: list[object] = [self.journal_says(states, powered=agent is not None)]
        marginal = (first and first.later) or (second and second.later)
        says.append(self.journal_will_say(states) if marginal else says[0])
        if agent is not None:
            says.append(agent.memory())
        rest = (total & _WORD).to_bytes(16, "little") + repr(says).encode()
        return hashlib.blake2b(rest, digest_size=16).digest()

    def journal_says(self, states: States, *, powered: bool) -> Known | None:
        """Return what the journal says, None when there is none; without power, what it will say when that is back."""
        pages = self._journal(states)
        if not powered:
            pages = _after_power_up(pages[0]), _after_power_up(pages[1])
        return _journal_says(*pages)

    def journal_will_say(self, states: States) -> Known | None:
        """Return what the journal says once everything marginal has shown itself."""
        first, second = self._journal(states)
        return _journal_says(first and (first.later or first), second and (second.later or second))

    def in_journal(self, operation: Operation) -> bool:
        """Tell whether a call concerns the journal."""
        return (
            operation.memory is self.external and operation.address // self.external.erase_size in self._journal_pages
        )

    def _journal(self, states: States) -> tuple[Page | None, Page | None]:
        first, second = self._journal_pages
        return states[1].pages.get(first), states[1].pages.get(second)

    def _total(self, states: States) -> int:
        """Return the sum of the digests of all pages but the journal's: it needs no order.

        A proof spends its time here. States share most of their pages, so digests are kept by a page's identity; the
        pages are kept with them, which keeps the identities from being given to others.
        """
        if len(self._digested) > _KEPT_PAGES:
            self._digests.clear()
            self._digested.clear()
        total, known = 0, self._digests.get
        for number, page in states[0].pages.items():
            digest = known(id(page))
            total += self._learn(number, page) if digest is None else digest
        for number, page in states[1].pages.items():
            digest = known(id(page))
            total += self._learn(~number, page) if digest is None else digest
        for number, journal in zip(self._journal_pages, self._journal(states), strict=True):
            if journal is not None:
                total -= known(id(journal)) or self._learn(~number, journal)
        return total

    def _learn(self, number: int, page: Page) -> int:
        self._digested.append(page)
        self._digests[id(page)] = digest = _digest(number, page)
        return digest


def _digest(number: int, page: Page) -> int:
    """Return a digest of a page at its place."""
    digest = hashlib.blake2b(page.data, digest_size=16)
    plain = (number, page.programmed, page.unreadable, page.half_erased, page.reads, page.settles)
    digest.update(repr(plain).encode())
    if page.later is not None:
        digest.update(_digest(number, page.later).to_bytes(16, "little"))
    return int.from_bytes(digest.digest(), "little")


def _journal_says(first: Page | None, second: Page | None) -> Known | None:
    """Return what the journal in two pages says, however it says it."""
    found = (read_page(first.data) if first else None, read_page(second.data) if second else None)
    current = found[newer(*found)]
    return (current.state, current.keys) if current else None


def _after_power_up(page: Page | None) -> Page | None:
    return page.later if page is not None and page.settles == 1 else page


def _same(data: bytes, whole: bytes) -> bool:
    """Tell whether an image is all there is in flash: what follows is erased."""
    return whole.startswith(data) and whole.count(ERASED, len(data)) == len(whole) - len(data)


def _article(name: str | None) -> str:
    return f"the {name} application" if name else "no application"
