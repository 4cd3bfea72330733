"""The world of a proof: a device, a server, and two bundles, at any instant of which one can go on from."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

from mvsdk.boards import Board
from mvsdk.bundle import Image, VerifiedBundle, verify
from mvsdk.flash_memory import ERASED, Cut, FlashState, InternalFlash, NorFlash, Operation, PowerCut, PowerSupply
from mvsdk.flash_memory.cells import Page
from mvsdk.update.agent import NEVER, Agent
from mvsdk.update.bundle_server import BundleServer, ManualClock
from mvsdk.update.hardware import Hardware
from mvsdk.update.journal import Found, Journal, newer, read_page
from mvsdk.update.key_set import KeySet
from mvsdk.update.layout import Layout
from mvsdk.update.provisioning import provision
from mvsdk.update.reports import Report
from mvsdk.update.server import Server
from mvsdk.update.state import Phase

STEP_LIMIT = 20_000
"""Steps after which a device that is not at rest never will be: an update of 1 MiB takes some 600."""

States = tuple[FlashState, FlashState]
"""What internal and external flash hold."""


class Violation(Exception):  # noqa: N818 - not an error of the proof but what it looks for
    """The agent broke its promise."""


@dataclass(frozen=True)
class Scenario:
    """A path to take: what the server does, whether the new application passes its trial, and where it must end.

    `ends` names the images that may run in the end. `key_changes` is how many NewKeys messages the device must have
    taken by then. `start` is where the path begins, None for a device as the factory left it with the old bundle.
    """

    name: str
    title: str
    make_server: Callable[[], Server]
    ends: tuple[str, ...]
    trial_passes: bool = True
    key_changes: int = 0
    start: States | None = None


@dataclass
class Images:
    """The only bytes that may ever be executed, and the bundles they are from."""

    old: VerifiedBundle
    new: VerifiedBundle
    board: Board
    whole: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        size = self.board.flash.size
        for name, bundle in (("old", self.old), ("new", self.new)):
            self.whole[name] = bundle.image.data.ljust(size, ERASED)

    @classmethod
    def of(cls, old: bytes, new: bytes, keys: KeySet, board: Board) -> Images:
        """Verify two bundles. Raises a leaf of BundleError."""
        return cls(verify(old, board, keys.signers), verify(new, board, keys.signers), board)

    def name(self, image: Image) -> str | None:
        """Return which of the two an image is."""
        return next((name for name, data in self.whole.items() if _same(image.data, data)), None)


class World:
    """One device that can be put back to any instant. `make_journal` is a seam: agents with a fault are made by it."""

    def __init__(
        self, board: Board, keys: KeySet, images: Images, make_journal: Callable[[Hardware], Journal] | None = None
    ) -> None:
        self.images = images
        self.power = PowerSupply()
        self.internal = InternalFlash(board.flash.size, self.power)
        # As much as the agent needs, with one page left over.
        probe = Layout(4096, 0, (0, 0), 0)
        page = probe.page
        needed = 2 * page + 2 * (0x10000 + probe.rounded(board.flash.size) + 16 * page)
        self.external = NorFlash(needed + page, self.power)
        layout = Layout.within(self.external, board.flash.size)
        self.hardware = Hardware(self.internal, self.external, layout, board, keys, kernel_version=0xFFFFFFFF)
        self.clock = ManualClock()
        self.reports: list[Report] = []
        self._make_journal = make_journal
        self._journal_pages = (layout.journal // page, layout.journal // page + 1)
        self._digests: dict[int, tuple[Page, bytes]] = {}

    def provisioned(self, bundle: bytes) -> States:
        """Return the flash of a device that leaves the factory with a bundle."""
        empty = FlashState({}, {})
        self.load((empty, empty))
        self.power.restore()
        provision(self.hardware, bundle)
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

    def run(self, scenario: Scenario, cut: Cut | None = None, known: Callable[[Agent], bool] | None = None) -> None:
        """Give power and leave the device alone, until it is at rest or in a state that is `known`.

        Raises Violation, and PowerCut where `cut` says.
        """
        self.reports.clear()
        self.clock.seconds = 0.0
        self.power.restore(cut)
        agent = self.agent(scenario.make_server())
        try:
            self._drive(agent, scenario, known)
        except (PowerCut, Violation):
            raise
        except Exception as error:
            # Whatever else comes out of the agent is a crash of the device.
            raise Violation(f"the agent crashed: {type(error).__name__}: {error}") from error

    def agent(self, server: Server) -> Agent:
        """Return an agent that has not come up yet."""
        journal = self._make_journal(self.hardware) if self._make_journal else None
        return Agent(self.hardware, server, self.clock, observe=self.reports.append, journal=journal)

    def _drive(self, agent: Agent, scenario: Scenario, known: Callable[[Agent], bool] | None) -> None:
        agent.boot()
        checked = self.check_application(agent, None)
        for _ in range(STEP_LIMIT):
            if known is not None and known(agent):
                return
            if agent.at_rest:
                self._check_end(agent, scenario)
                return
            if agent.state.phase is Phase.TRIAL:
                _judge(agent, passes=scenario.trial_passes)
            else:
                wait = agent.step()
                if wait == NEVER:
                    self._check_end(agent, scenario)
                    raise Violation(f"it waits for ever in phase {agent.state.phase.name}")
                self.clock.seconds += wait
            checked = self.check_application(agent, checked)
        raise Violation(f"it is not at rest after {STEP_LIMIT} steps, but in phase {agent.state.phase.name}")

    def check_application(self, agent: Agent, checked: Image | None) -> Image | None:
        """Prove that what may run is one of the two images, and is what internal flash holds, to the last byte."""
        running = agent.application
        if running is None or running.image is checked:
            return None if running is None else checked
        name = self.images.name(running.image)
        if name is None:
            raise Violation("it lets something run that is neither the old application nor the new one")
        if self.internal.read(0, self.internal.size) != self.images.whole[name]:
            raise Violation(f"internal flash is not what the {name} application is")
        return running.image

    def _check_end(self, agent: Agent, scenario: Scenario) -> None:
        running = agent.application
        name = self.images.name(running.image) if running else None
        if name not in scenario.ends:
            raise Violation(f"it ends with {_article(name)}, where {' or '.join(map(_article, scenario.ends))} should")
        if agent.keys.sequence != scenario.key_changes:
            raise Violation(f"it has taken {agent.keys.sequence} changes of its keys, not {scenario.key_changes}")

    def fingerprint(self, agent: Agent | None = None) -> bytes:
        """Return what stands for all states with the same future: flash, what the journal says, and what is remembered.

        Without an agent it is of a device that has no power.
        """
        digest = hashlib.blake2b(digest_size=16)
        internal, external = self.states()
        for number in sorted(internal.pages):
            digest.update(number.to_bytes(4, "little") + self._digest(internal.pages[number]))
        digest.update(b"external")
        for number in sorted(external.pages):
            if number not in self._journal_pages:
                digest.update(number.to_bytes(4, "little") + self._digest(external.pages[number]))
        journal = [external.pages.get(number) for number in self._journal_pages]
        digest.update(repr([_journal_says(journal), _journal_says([page and (page.later or page) for page in journal])]).encode())
        if agent is not None:
            digest.update(repr(agent.memory()).encode())
        return digest.digest()

    def _digest(self, page: Page) -> bytes:
        """Return a digest of a page; pages are shared among states, so most have been seen before."""
        seen = self._digests.get(id(page))
        if seen is not None and seen[0] is page:
            return seen[1]
        digest = hashlib.blake2b(page.data, digest_size=16)
        plain = (page.programmed, page.unreadable, page.half_erased, page.reads, page.settles)
        digest.update(repr(plain).encode())
        if page.later is not None:
            digest.update(self._digest(page.later))
        if len(self._digests) > 4096:
            self._digests.clear()
        value = digest.digest()
        self._digests[id(page)] = (page, value)
        return value


def _journal_says(pages: list[Page | None]) -> tuple[bytes | None, bytes | None] | None:
    """Return what the journal in two pages says, however it says it."""
    found: list[Found | None] = [None if page is None else read_page(page.data) for page in pages]
    current = found[newer(*found)]
    return None if current is None else (current.state, current.keys)


def _judge(agent: Agent, *, passes: bool) -> None:
    if passes:
        agent.trial_passed()
    else:
        agent.trial_failed("it crashed")


def _same(data: bytes, whole: bytes) -> bool:
    """Tell whether an image is all there is in flash: what follows is erased."""
    return whole.startswith(data) and whole.count(ERASED, len(data)) == len(whole) - len(data)


def _article(name: str | None) -> str:
    return f"the {name} application" if name else "no application"
