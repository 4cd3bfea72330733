"""The update agent: a state machine over the journal, driven by `step`.

    IDLE ── offer, checked ──► FETCHING ── all layers there and verified ──► STAGED ── politeness ──► INSTALLING
     ▲                                                                                                   │
     ├──────────────── trial passed ◄── TRIAL ◄── internal flash verified ───────────────────────────────┘
     └── REVERTING ◄── trial failed ──┘

A device from the factory may begin in TESTING: test code is installed and runs; when it says that all is well, the
application that was put there with it is INSTALLED, or where there is none the device is IDLE without one.

The phase and everything else that must outlast a loss of power is one journal record. What the object itself remembers
(`_Memory`) is forgotten with every loss of power and at every change of phase; nothing depends on it but comfort.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from mvsdk.bundle import Image
from mvsdk.update.admission import Manifest, admit, authenticate
from mvsdk.update.download import Pace, Policy
from mvsdk.update.errors import MissingError, Refusal, RefusedError, ServerError, VerificationError
from mvsdk.update.fetching import Abandoned, Fetcher
from mvsdk.update.hardware import Hardware
from mvsdk.update.installer import Installer, WornOutError
from mvsdk.update.journal import Journal, Known
from mvsdk.update.key_set import KeySet
from mvsdk.update.reports import Application, Event, Report, Status
from mvsdk.update.server import Clock, Pending, Server
from mvsdk.update.slots import Bundle, read_bundle, verify_bundle, verify_image, verify_internal
from mvsdk.update.state import MAX_BAD, TEST_SLOT, Content, Method, Phase, State, cut_text

NEVER = math.inf
"""How long to wait when only something from outside can bring the agent on."""
_INSTALL_ROUNDS = 2


@dataclass(slots=True)
class _Memory:
    """What the agent remembers within a phase and between two losses of power."""

    at_rest: bool = False
    refused: bytes = b""
    refused_keys: bytes = b""
    confirmed: bool = False
    ready: bool = False
    staged_at: float | None = None
    rounds: int = 0
    stuck: bool = False


@dataclass(slots=True)
class _Tally:
    """What came in of the bundle that was begun last, in bytes. Only told, never acted upon."""

    fetched: int = 0
    reused: int = 0
    delta: bool = False


class Agent:
    """The update agent of one device. `boot` comes first, and again after every loss of power, with a new object.

    `application` is what may be executed at this moment, None for nothing; look at it after every call. `journal` is a
    seam for tests; `random` returns numbers from 0 to 1.
    """

    def __init__(
        self,
        hardware: Hardware,
        server: Server,
        clock: Clock,
        policy: Policy | None = None,
        *,
        observe: Callable[[Report], None] = lambda report: None,
        random: Callable[[], float] = lambda: 0.0,
        journal: Journal | None = None,
    ) -> None:
        self._hardware, self._server, self._clock = hardware, server, clock
        self._policy = policy or Policy()
        self._observe = observe
        self._journal = journal or Journal(hardware.external, hardware.layout.journal)
        self._pace = Pace(clock, self._policy, random)
        self._memory = _Memory()
        self._tally = _Tally()
        self._fetcher: Fetcher | None = None
        self._installer: Installer | None = None
        self._trouble = ""
        self.application: Application | None = None

    @property
    def state(self) -> State:
        """What the journal says."""
        return self._journal.state

    @property
    def keys(self) -> KeySet:
        """Whom the device trusts."""
        return self._journal.keys or self._hardware.factory_keys

    @property
    def at_rest(self) -> bool:
        """Whether there is nothing to do: the server was asked and wants nothing that this device would take, or the
        factory's test has failed."""
        return self._memory.at_rest

    @property
    def status(self) -> Status:
        """How the agent stands."""
        state = self.state
        content = state.slots[state.staging]
        done = len(content.layer_sizes) if content else 0
        bundle = self._fetcher.bundle if self._fetcher else None
        total = len(bundle.manifest.body.layers) if bundle else done
        tally = self._tally
        coming = state.method in (Method.FULL, Method.PATCH)
        return Status(
            phase=state.phase,
            layer=done,
            layers=total,
            method=state.method,
            done=state.offset,
            size=state.size,
            fetched=tally.fetched + (state.offset if coming else 0),
            expected=tally.fetched + (state.size if coming else 0),
            reused=tally.reused,
            delta=tally.delta or state.method is Method.PATCH,
            reason=self._trouble or state.reason,
        )

    def memory(self) -> tuple[object, ...]:
        """Return what the agent would do next depends on, apart from the flash, the journal, time and the server.

        The proof compares it: two devices that agree in all of these have the same future.
        """
        memory = self._memory
        worker = self._installer or self._fetcher
        inner = worker.memory() if worker else ()
        running = self.application.slot if self.application else None
        told = (memory.at_rest, memory.refused, memory.refused_keys, memory.confirmed, memory.ready)
        return (running, *told, memory.staged_at is None, memory.rounds, memory.stuck, self._pace.failures, inner)

    def known(self) -> Known:
        """Return what the agent goes by, in the words of its journal: which must say the same."""
        keys = self._journal.keys
        return self.state.encode(), keys.encode() if keys else None

    def boot(self) -> None:
        """Come up: read the journal, and find out what may be executed."""
        self._journal.mount()
        state = self.state
        if state.phase is Phase.TRIAL:
            self._boot_trial()
        elif state.phase is Phase.TESTING:
            self._boot_test()
        elif state.phase in (Phase.IDLE, Phase.FETCHING, Phase.STAGED) and state.installed is not None:
            try:
                self._let_run(self._bundle(state.installed))
            except VerificationError as error:
                self._report(Event.RESTORING, error.what)
                slots = _with(state.slots, state.staging, None)
                self._enter(replace(_clean(state), phase=Phase.REVERTING, slots=slots))

    def step(self) -> float:
        """Do a little, at most one page of flash or one question to the server. Return the seconds until the next."""
        match self.state.phase:
            case Phase.IDLE:
                return self._ask(self._check)
            case Phase.FETCHING:
                return self._ask(self._fetch)
            case Phase.STAGED:
                return self._wait_for_application()
            case Phase.INSTALLING | Phase.REVERTING:
                return self._install()
            case Phase.TESTING:
                return self._install() if self.application is None and not self.at_rest else NEVER
            case Phase.TRIAL:
                return NEVER

    def application_ready(self) -> None:
        """Take note that the application agrees to be replaced (`mvRestart`)."""
        self._memory.ready = True

    def check_now(self) -> None:
        """Ask the server soon, because somebody said that it may want something else by now.

        What it asked for by Retry-After, and the rest after something that went wrong, still hold.
        """
        self._pace.hurry()
        if self.state.phase is Phase.FETCHING:
            self._memory.confirmed = False

    def limit_downloads(self, bytes_per_hour: int | None) -> None:
        """Change how much may be downloaded in an hour from now on; None for any amount."""
        self._pace.bytes_per_hour = bytes_per_hour

    def trial_passed(self) -> None:
        """Confirm the new application: it has reached its health rule. Outside of a trial this means nothing."""
        if self.state.phase is not Phase.TRIAL:
            return
        state = self.state
        try:
            manifest = self._bundle(state.staging).manifest
        except VerificationError as error:
            # What could not be restored must not be confirmed.
            self._revert(error.what, bad=False)
            return
        counter = max(state.counter, manifest.body.options.rollback_counter)
        self._enter(replace(_clean(state), phase=Phase.IDLE, installed=state.staging, counter=counter, reason=""))
        self._report(Event.CONFIRMED, about=manifest.hash)

    def trial_failed(self, reason: str) -> None:
        """Go back to the application before: the new one crashed, or did not reach its health rule."""
        if self.state.phase is Phase.TRIAL:
            self._revert(reason, bad=True)

    def testing_complete(self, status: int) -> None:
        """End the factory's test (`mvTestingComplete`): 0 lets the application behind it be installed; after anything
        else nothing runs until the power comes back, and then the test code again. Without test code that runs this
        means nothing."""
        if self.state.phase is not Phase.TESTING or self.application is None:
            return
        self.application = None
        if status:
            self._memory.at_rest = True
            self._report(Event.TEST_FAILED, f"it ended with status {status}")
            return
        waits = self.state.successor_waits
        self._enter(replace(_clean(self.state), phase=Phase.INSTALLING if waits else Phase.IDLE, reason=""))
        self._report(Event.TEST_PASSED)
        self._report(Event.INSTALLING if waits else Event.NO_APPLICATION)

    def _boot_test(self) -> None:
        """Let the test code run if it is installed whole; a page that was begun is in doubt, whatever it reads as."""
        if self.state.page < 0:
            with contextlib.suppress(VerificationError):
                self._let_run(self._bundle(TEST_SLOT))

    def _boot_trial(self) -> None:
        state = self.state
        if state.boots >= self._policy.trial_boots:
            self._revert(f"it was started {state.boots} times and did not pass its trial", bad=True)
            return
        try:
            bundle = self._bundle(state.staging)
            self._journal.write(replace(state, boots=state.boots + 1))
            self._let_run(bundle)
        except VerificationError as error:
            self._revert(error.what, bad=False)

    def _ask(self, question: Callable[[], float]) -> float:
        """Do something that needs the server, when it may be asked."""
        wait = self._pace.wait()
        if wait > 0:
            return wait
        try:
            delay = question()
        except Pending:
            return self._policy.poll
        except Abandoned as abandoned:
            self._abandon(abandoned.what, abandoned.for_good)
            return self._pace.rest(abandoned.rest)
        except ServerError as error:
            if isinstance(error, MissingError) and self.state.phase is Phase.FETCHING:
                self._abandon(error.what)
                return self._pace.fail(error)
            self._trouble = error.what
            self._report(Event.SERVER_TROUBLE, error.what)
            return self._pace.fail(error)
        self._trouble = ""
        return max(delay, self._pace.wait())

    def _check(self) -> float:
        memory = self._memory
        raw = self._server.new_keys(self.keys.sequence)
        if raw is not None and hashlib.sha256(raw).digest() != memory.refused_keys:
            self._change_keys(raw)
            return 0.0
        running = self._running()
        offer = self._server.manifest(running)
        self._pace.succeed()
        digest = b"" if offer is None else hashlib.sha256(offer).digest()
        if offer is None or digest in (running, memory.refused):
            memory.at_rest = True
            return self._pace.idle(self._policy.check_every)
        memory.at_rest = False
        self._report(Event.OFFERED, digest.hex(), digest)
        try:
            manifest = authenticate(offer, self.keys, self._hardware.board)
            self._admit(manifest)
        except RefusedError as error:
            memory.refused = digest
            self._refuse(error, digest)
            return 0.0
        self._begin(manifest)
        return 0.0

    def _admit(self, manifest: Manifest) -> None:
        admit(
            manifest,
            kernel_version=self._hardware.kernel_version,
            counter=self.state.counter,
            bad=self.state.bad,
            layout=self._hardware.layout,
        )

    def _refuse(self, error: RefusedError, about: bytes = b"") -> None:
        text = f"{error.refusal.value}: {error.what}"
        # Why it failed before is the better reason.
        if error.refusal is not Refusal.FAILED_BEFORE and self.state.reason != _shown(text):
            self._journal.write(replace(self.state, reason=text))
        self._observe(Report(Event.REFUSED, text, about, error.refusal))

    def _change_keys(self, raw: bytes) -> None:
        """Take new keys, unless they would leave the installed application without a signature that counts."""
        try:
            keys = self.keys.changed_by(raw)
            content = self._content(self.state.installed)
            if self.state.installed is not None and content is not None:
                read_bundle(self._hardware, keys, self.state.installed, content)
        except RefusedError as error:
            self._memory.refused_keys = hashlib.sha256(raw).digest()
            self._refuse(error)
        except VerificationError as error:
            self._memory.refused_keys = hashlib.sha256(raw).digest()
            what = f"the installed application would not be trusted any more ({error.what})"
            self._refuse(RefusedError(Refusal.KEYS_IN_USE, what, "deploy it again, signed with a key that stays"))
        else:
            self._journal.write_keys(keys)
            self._memory.refused = b""
            self._report(Event.KEYS_CHANGED, f"number {keys.sequence}")

    def _begin(self, manifest: Manifest) -> None:
        """Put the manifest into the slot and start to fetch."""
        state = self.state
        self._tally = _Tally(fetched=len(manifest.raw))
        slot = state.staging
        content = Content(len(manifest.raw), manifest.hash)
        try:
            Fetcher.put(self._hardware, self._policy, self._hardware.layout.manifest(slot), manifest.raw)
        except Abandoned as abandoned:
            self._abandon(abandoned.what, refused=manifest.hash)
            return
        self._enter(replace(_clean(state), phase=Phase.FETCHING, slots=_with(state.slots, slot, content)))
        self._memory.confirmed = True

    def _fetch(self) -> float:
        state, memory = self.state, self._memory
        content = self._content(state.staging)
        if not memory.confirmed:
            offer = self._server.manifest(self._running())
            if offer is None or content is None or hashlib.sha256(offer).digest() != content.manifest_hash:
                raise Abandoned("the server wants something else by now")
            memory.confirmed = True
            return 0.0
        try:
            if self._fetcher is None:
                self._fetcher = self._new_fetcher()
            changed = self._fetcher.step(state)
            if changed is not None:
                self._journal.write(changed)
                self._count(state, changed)
            if self._fetcher.complete(self.state):
                self._stage()
        except VerificationError as error:
            raise Abandoned(error.what) from error
        return 0.0

    def _count(self, before: State, after: State) -> None:
        """Keep count of what has come in, for `status`."""
        tally = self._tally
        if after.method is Method.APPLY and before.method is Method.PATCH:
            tally.fetched, tally.delta = tally.fetched + before.size, True
        elif before.slots != after.slots:
            if before.method is Method.COPY:
                tally.reused += before.size
            elif before.method is Method.FULL:
                tally.fetched += before.size

    def _new_fetcher(self) -> Fetcher:
        state = self.state
        base: Bundle | None = None
        if state.installed is not None:
            with contextlib.suppress(VerificationError):
                base = self._bundle(state.installed)
        return Fetcher(
            self._hardware, self._server, self._pace, self._policy, self._bundle(state.staging), base, self._report
        )

    def _stage(self) -> None:
        """Prove the whole slot from flash before anybody may be asked to make room for it."""
        bundle = self._bundle(self.state.staging)
        verify_bundle(self._hardware, bundle)
        verify_image(self._hardware, bundle)
        self._enter(replace(self.state, phase=Phase.STAGED))
        self._memory.staged_at = self._clock.now()
        self._report(Event.STAGED)

    def _wait_for_application(self) -> float:
        memory, application = self._memory, self.application
        polite = application.options.maximum_politeness_time_sec if application else 0
        # After a loss of power the application has nothing left to finish, and is not waited for.
        if polite and not memory.ready and memory.staged_at is not None:
            waited = self._clock.now() - memory.staged_at
            if 0 <= waited < polite:
                return polite - waited
            self._report(Event.FORCED, f"the application did not agree within {polite} s")
        if not self._still_wanted():
            self._abandon("the server wants something else by now")
            return 0.0
        self.application = None
        self._enter(replace(self.state, phase=Phase.INSTALLING, page=-1))
        self._report(Event.INSTALLING)
        return 0.0

    def _still_wanted(self) -> bool:
        """Ask whether the server still wants what is staged. Where it does not say, it does."""
        content = self._content(self.state.staging)
        try:
            offer = self._server.manifest(self._running())
        except (Pending, ServerError):
            return True
        return content is not None and offer is not None and hashlib.sha256(offer).digest() == content.manifest_hash

    def _install(self) -> float:
        if self._memory.stuck:
            return NEVER
        try:
            if self._installer is None:
                self._installer = self._new_installer()
            if self._installer.step(self._begin_page):
                self._installed(self._installer.bundle)
        except WornOutError as error:
            self._give_up(error.what)
        return 0.0

    def _new_installer(self) -> Installer:
        source = self.state.source
        try:
            if source is None:
                raise VerificationError("there is nothing to install")
            bundle = self._bundle(source)
            verify_bundle(self._hardware, bundle)
        except VerificationError as error:
            raise WornOutError(error.what) from error
        return Installer(self._hardware, self._policy, bundle, self.state.page)

    def _begin_page(self, number: int) -> None:
        self._journal.write(replace(self.state, page=number))

    def _installed(self, bundle: Bundle) -> None:
        try:
            image = verify_internal(self._hardware, bundle)
        except VerificationError as error:
            rounds = self._memory.rounds + 1
            if rounds >= _INSTALL_ROUNDS:
                raise WornOutError(error.what) from error
            self._enter(replace(self.state, page=-1))
            self._memory.rounds = rounds
            return
        application = self._application(bundle, image, newly_installed=True)
        if self.state.phase is Phase.TESTING:
            self._enter(_clean(self.state))
            self._report(Event.TESTING, "the factory's test code is installed")
        elif self.state.phase is Phase.INSTALLING:
            self._enter(replace(_clean(self.state), phase=Phase.TRIAL, boots=1))
            self._report(Event.TRIAL)
        else:
            self._enter(replace(_clean(self.state), phase=Phase.IDLE))
            self._report(Event.REVERTED, self.state.reason, self._staged_hash())
        self.application = application

    def _give_up(self, why: str) -> None:
        """Do without the bundle that could not be installed: go back, or if this was the way back, stay without."""
        state = self.state
        if state.phase is Phase.INSTALLING:
            self._revert(why, bad=False)
        elif state.phase is Phase.TESTING or (state.installed is not None and self._installer is not None):
            # The bundle is sound and the flash is not; or it was never tested. The next start tries again.
            self._memory.stuck = True
            self._trouble = why
            self._report(Event.NO_APPLICATION, why)
        else:
            self._enter(replace(State(), counter=state.counter, bad=state.bad, reason=why))
            self._report(Event.NO_APPLICATION, why)

    def _revert(self, why: str, *, bad: bool) -> None:
        state = self.state
        marks = state.bad
        if bad:
            with contextlib.suppress(VerificationError):
                marks = (*marks, self._bundle(state.staging).manifest.body_hash)[-MAX_BAD:]
        self.application = None
        reverting = replace(_clean(state), phase=Phase.REVERTING, bad=marks, reason=why)
        if state.installed is None:
            reverting = replace(reverting, phase=Phase.IDLE)
        self._enter(reverting)
        self._report(Event.REVERTING if state.installed is not None else Event.NO_APPLICATION, why, self._staged_hash())

    def _abandon(self, why: str, refused: bytes = b"") -> None:
        """Leave the bundle that is being fetched. `refused`: do not take it up again while the device is up."""
        state, about = self.state, self._staged_hash()
        self._enter(replace(_clean(state), phase=Phase.IDLE, slots=_with(state.slots, state.staging, None), reason=why))
        self._memory.refused = refused
        self._report(Event.ABANDONED, why, about)

    def _enter(self, state: State) -> None:
        """Change the phase; what was remembered in the one before is forgotten."""
        self._journal.write(state)
        self._memory = _Memory()
        self._fetcher = self._installer = None

    def _let_run(self, bundle: Bundle) -> None:
        self.application = self._application(bundle, verify_internal(self._hardware, bundle), newly_installed=False)

    def _application(self, bundle: Bundle, image: Image, *, newly_installed: bool) -> Application:
        manifest, testing = bundle.manifest, self.state.phase is Phase.TESTING
        return Application(bundle.slot, image, manifest.body.options, manifest.hash, newly_installed, testing)

    def _bundle(self, slot: int) -> Bundle:
        content = self._content(slot)
        if content is None:
            raise VerificationError(f"slot {slot} is empty")
        return read_bundle(self._hardware, self.keys, slot, content)

    def _content(self, slot: int | None) -> Content | None:
        return None if slot is None else self.state.slots[slot]

    def _running(self) -> bytes:
        content = self._content(self.state.installed)
        return content.manifest_hash if content else b""

    def _staged_hash(self) -> bytes:
        content = self._content(self.state.staging)
        return content.manifest_hash if content else b""

    def _report(self, event: Event, text: str = "", about: bytes = b"") -> None:
        self._observe(Report(event, text, about))


def _shown(text: str) -> str:
    """Return a reason as the journal keeps it."""
    return cut_text(text).decode()


def _clean(state: State) -> State:
    """Return the state without any cursor in it."""
    return replace(
        state, method=Method.UNDECIDED, failed=Method.UNDECIDED, size=0, offset=0, patch_size=0, page=-1, boots=0
    )


def _with(
    slots: tuple[Content | None, Content | None], slot: int, content: Content | None
) -> tuple[Content | None, Content | None]:
    return (content, slots[1]) if slot == 0 else (slots[0], content)
