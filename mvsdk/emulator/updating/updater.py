"""What drives the update agent of an emulated device, between two runs of it.

    turn() ── agent.step() ── what may run now? ──► inputs: stopped, installed, an update is staged, the kernel is busy
    observe() ◄── faults, mvRestart, mvTestingComplete ── the device

Time is the device's: flash takes as long as the parts do, and a new application is on trial for so many of its seconds.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from mvsdk.bundle import ManifestOptions
from mvsdk.emulator.crashes import RestartPolicy
from mvsdk.emulator.errors import NoApplicationError
from mvsdk.emulator.events import Event, FactoryTestEnded, Faulted, Started, UpdateAgreed, UpdateNoted
from mvsdk.emulator.fault_status import causes
from mvsdk.emulator.inputs import ApplicationInstalled, ApplicationStopped, Circumstance, Input, SystemEvent
from mvsdk.emulator.personality.microvisor.network import ConnectionPolicy
from mvsdk.emulator.updating.memories import Memories
from mvsdk.emulator.updating.progress import Progress
from mvsdk.link import UpdatePolicy, UpdateProgress
from mvsdk.update import NEVER, Agent, Application, KeySet, Phase, Report, Server, State, provision
from mvsdk.update import Event as AgentEvent

if TYPE_CHECKING:
    from mvsdk.emulator.device import Device

UPDATED = "APPLICATIONUPDATE"
"""What an application finds that was just installed."""
_CRASHED = "APPLICATIONCRASH"
SESSION_PATIENCE_S = 900
"""For how long after its trial a new application may have been without the cloud, where that is needed."""
_STALLED_S = 2.0
"""A download that has got no further for so long keeps the kernel busy no more."""
_TOLD_AGAIN_US = 1_000_000
"""When an application that starts while an update waits hears of that: it has to be able to listen (inferred)."""
_STEPS_A_TURN = 256
"""So many steps that take no time are done at once before the device has its turn."""

_NOT_NOTED = frozenset({AgentEvent.FETCHING, AgentEvent.TEST_PASSED, AgentEvent.TEST_FAILED})
"""What `Progress` tells as it goes on, and what the device tells itself."""

RestartPolicyOf = Callable[[ManifestOptions], RestartPolicy | None]


class Updater:
    """Keeps one emulated device up to date.

    `keys` are trusted until a NewKeys message changes them. `restart_policy` says how an application whose manifest
    has these options is started again after a fault. `say` is told how an update goes on. First comes `start`, which
    returns what is to run, then `attach`.
    """

    def __init__(
        self,
        memories: Memories,
        keys: KeySet,
        server: Server,
        restart_policy: RestartPolicyOf = RestartPolicy.of,
        say: Callable[[UpdateProgress], None] = lambda progress: None,
    ) -> None:
        self._memories = memories
        self._hardware = memories.hardware(keys)
        self._restart_policy = restart_policy
        self._server, self._say = server, say
        self._clock = _DeviceClock()
        self._policy = UpdatePolicy()
        self._device: Device | None = None
        self._running: Application | None = None
        self._due = 0.0
        self._busy = self._waiting = self._final_staged = False
        self._trial_began = 0.0
        self._crash = ""
        self._touched = False
        self._in_touch = False
        self._tell_again_at: int | None = None
        self._mark: object = None
        self._moved = 0.0
        self._early: list[Report] = []
        self.agent, self._progress = self._come_up()

    def _come_up(self) -> tuple[Agent, Progress]:
        """Have power: a new agent looks at what is in flash."""
        self._early.clear()
        spread = random.Random()  # noqa: S311 - spreads load, hides nothing
        agent = Agent(self._hardware, self._server, self._clock, observe=self._hear, random=spread.random)
        agent.boot()
        return agent, Progress(agent, self._say, lambda: self._waiting)

    @property
    def confirmed(self) -> str | None:
        """What the device is sure of, as "sha256:…" of its manifest; None for nothing."""
        state = self.agent.state
        content = None if state.installed is None else state.slots[state.installed]
        return f"sha256:{content.manifest_hash.hex()}" if content else None

    @property
    def settled(self) -> bool:
        """Whether no update is under way."""
        return self.agent.state.phase is Phase.IDLE

    @property
    def holds_nothing(self) -> bool:
        """Whether there is no bundle in any slot."""
        return self.agent.state.slots == (None, None)

    # -- before the device runs ----------------------------------------------------------------------------------------

    def flash(self, bundle: bytes) -> None:
        """Put a bundle on the device as a probe would, in place of whatever it has; its keys stay as they are.

        Raises what `provision` raises. Only before `start`.
        """
        provision(replace(self._hardware, factory_keys=self.agent.keys), bundle)
        self.agent, self._progress = self._come_up()

    def start(self) -> Application:
        """Finish what was under way when the power went. Return what is to run.

        Raises `NoApplicationError` where nothing that can be trusted is left.
        """
        while self.agent.application is None:
            working = self.agent.state.phase in (Phase.STAGED, Phase.INSTALLING, Phase.REVERTING, Phase.TESTING)
            if not working or self.agent.step() == NEVER:
                reason = self.agent.status.reason
                raise NoApplicationError(
                    f"the device holds no application that it may run{f' ({reason})' if reason else ''}",
                    "give it a bundle that is signed with a key it trusts, with --reflash if it was given that before",
                )
        self._running = self.agent.application
        return self._running

    def attach(self, device: Device) -> None:
        """Look after a device that was made with what `start` returned."""
        self._device = self._clock.device = device
        self._due = self._trial_began = self._clock.now()
        self._memories.spent_us()
        early, self._early = self._early, []
        for report in early:
            self._hear(report)
        self._tell_circumstances()

    # -- what the session tells ----------------------------------------------------------------------------------------

    def follow(self, policy: UpdatePolicy) -> None:
        """Go by a policy from now on, and ask the server soon, because something has changed."""
        self._policy = policy
        self.agent.limit_downloads(policy.bytes_per_hour or None)
        self.agent.check_now()
        self._due = min(self._due, self._clock.now())

    def in_touch(self, connected: bool) -> None:
        """Take note whether there is a session with the cloud."""
        self._in_touch = connected
        if connected:
            self.agent.check_now()
            self._due = min(self._due, self._clock.now())

    # -- while the device runs -----------------------------------------------------------------------------------------

    def observe(self, event: Event) -> None:
        """Hear what happens on the device; what follows from it is done at the next turn."""
        match event:
            case Faulted():
                self._crash = f"it crashed: {'; '.join(causes(event.fault))} at 0x{event.registers.pc:08x}"
            case Started():
                if event.wake_reason == _CRASHED:
                    self._crash = self._crash or "a watchdog restarted it"
                if self._waiting:
                    self._tell_again_at = event.time_us + _TOLD_AGAIN_US
            case UpdateAgreed():
                self.agent.application_ready()
                self._due = 0.0
            case FactoryTestEnded():
                # Unless an application follows, this is the end of the run, and no turn comes after it.
                self.agent.testing_complete(event.status)
                self._due = 0.0

    def turn(self) -> None:
        """Let the agent do what is due. For whoever runs the device, between two runs."""
        if self._device is None or self._device.in_deep_sleep:
            return
        if self._waiting and self._tell_again_at is not None and self._device.time_us >= self._tell_again_at:
            self._tell_again_at = None
            self._put(SystemEvent("UPDATE"))
        stepped = False
        for _ in range(_STEPS_A_TURN):
            self._judge_trial()
            now = self._clock.now()
            if now < self._due:
                break
            wait = self.agent.step()
            self._due = now + max(wait, self._memories.spent_us() / 1e6)
            self._follow_agent()
            stepped = True
        if stepped:
            self._progress.look()

    def _judge_trial(self) -> None:
        """End a trial that is decided: by a crash, or by its rule."""
        if self.agent.state.phase is not Phase.TRIAL or self._running is None:
            return
        self._touched = self._touched or self._in_touch
        lived = self._clock.now() - self._trial_began
        policy = self._policy
        if self._crash:
            self.agent.trial_failed(self._crash)
        elif lived >= policy.trial_seconds and (self._touched or not policy.trial_needs_session):
            self.agent.trial_passed()
        elif lived >= policy.trial_seconds + SESSION_PATIENCE_S:
            self.agent.trial_failed(f"it was not in touch with the cloud within {lived:.0f} s")
        else:
            return
        self._due = self._clock.now()
        self._follow_agent()

    def _follow_agent(self) -> None:
        """Make the device run what the agent says, and tell the application what waits."""
        application = self.agent.application
        if application is not self._running:
            self._replace(application)
        self._tell_circumstances()

    def _tell_circumstances(self) -> None:
        """Tell the application's side what goes on around it, where that has changed."""
        application, state = self.agent.application, self.agent.state
        phase = state.phase
        if state.successor_waits != self._final_staged:
            self._final_staged = state.successor_waits
            self._put(Circumstance("final_staged", self._final_staged))
        busy = phase is Phase.FETCHING and self._bytes_come(state)
        if busy != self._busy:
            self._busy = busy
            self._put(Circumstance("kernel_busy", busy))
        polite = application is not None and application.options.maximum_politeness_time_sec > 0
        waiting = phase is Phase.STAGED and polite
        if waiting != self._waiting:
            self._waiting = waiting
            self._put(Circumstance("update_staged", waiting))
            if waiting:
                self._put(SystemEvent("UPDATE"))

    def _bytes_come(self, state: State) -> bool:
        """Tell whether the download has got on lately."""
        now, mark = self._clock.now(), (state.slots, state.method, state.offset)
        if mark != self._mark:
            self._mark, self._moved = mark, now
        return now - self._moved < _STALLED_S

    def _replace(self, application: Application | None) -> None:
        self._running = application
        if application is None:
            self._put(ApplicationStopped())
            return
        self._crash, self._touched, self._trial_began = "", False, self._clock.now()
        options = application.options
        self._put(
            ApplicationInstalled.of(
                application.image,
                UPDATED,
                self._restart_policy(options),
                ConnectionPolicy.of(options),
                testing=application.testing,
            )
        )

    def _put(self, what: Input) -> None:
        if self._device is not None:
            self._device.inputs.now(what)

    def _hear(self, report: Report) -> None:
        if self._device is None:
            self._early.append(report)
            return
        self._progress.hear(report)
        if report.event not in _NOT_NOTED:
            self._device.tell(UpdateNoted(self._device.time_us, report.event.value, report.text))


class _DeviceClock:
    """The device's time in seconds; it begins when there is a device."""

    def __init__(self) -> None:
        self.device: Device | None = None

    def now(self) -> float:
        """Return seconds."""
        return 0.0 if self.device is None else self.device.time_us / 1e6
