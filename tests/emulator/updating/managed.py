"""An emulated device with its update agent, and the applications to update it with."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

from mvsdk.bundle import Image, ManifestOptions, create
from mvsdk.emulator.core import new_core
from mvsdk.emulator.crashes import RestartPolicy
from mvsdk.emulator.device import Device
from mvsdk.emulator.events import Event, LogLine, UpdateNoted
from mvsdk.emulator.pace import run_in_steps
from mvsdk.emulator.recording import Recorder
from mvsdk.emulator.updating import Memories, Updater
from mvsdk.link import UpdatePolicy, UpdateProgress
from mvsdk.update import BundleServer, KeySet, Server
from tests.emulator.chip_guests import BOARD, guest
from tests.keys.samples import RFC_6979_KEY, key_of

KEY = key_of(RFC_6979_KEY)
KEYS = KeySet((KEY.public,))
APPLICATION = """
#define CRASH *(volatile uint32_t *)0x60000000u = 1
static volatile uint32_t tenths;
void SysTick_Handler(void) { tenths++; }
static char line[] = "v? reason ?";
int main(void)
{
    enum MvWakeReason reason = 0;
    log_start();
    REG(0xE000E014u, 0) = 16000000u - 1u;
    REG(0xE000E010u, 0) = 7u;
    (void)mvGetWakeReason(&reason);
    line[1] = '0' + VERSION;
    line[10] = (char)('0' + reason);
    log_text(line);
    for (;;) {
        const uint32_t start = tenths;
        while (tenths - start < 10u) { __asm volatile("wfi"); }
        END_OF_SECOND;
    }
}
"""
ENDINGS = {
    "stays": 'log_text("alive")',
    "crashes": "CRASH",
    "crashes_where_wired": "REG(GPIOA_BASE, 0) &= ~3u; if (REG(GPIOA_BASE, 0x10) & 1u) { CRASH; }",
    "agrees": "(void)mvRestart(MV_RESTARTMODE_AUTOAPPLYUPDATE)",
}
"""What the application does at the end of every second."""


@functools.cache
def application(version: int, ending: str = "stays") -> Image:
    """Return an application that logs its version and why it was started."""
    source = APPLICATION.replace("END_OF_SECOND", ENDINGS[ending]).replace("VERSION", str(version))
    return guest(source)


@functools.cache
def bundle(version: int, ending: str = "stays", *, politeness: int = 0, counter: int = 0) -> bytes:
    """Return the signed bundle of an application."""
    options = ManifestOptions(maximum_politeness_time_sec=politeness, rollback_counter=counter)
    return create(application(version, ending), options, KEY, region=BOARD.flash.size)


class Managed:
    """A device that keeps its application in `memories`, and asks `server`. `bundle` is put on it first.

    With a `recording` the next run is written down there.
    """

    def __init__(
        self,
        server: Server,
        bundle: bytes | None = None,
        memories: Memories | None = None,
        policy: UpdatePolicy | None = None,
        recording: Path | None = None,
    ) -> None:
        self._recording = recording
        self.memories = memories or Memories(BOARD)
        self.events: list[Event] = []
        self.said: list[UpdateProgress] = []

        def restart_policy(_options: ManifestOptions) -> RestartPolicy:
            return RestartPolicy()

        self.updater = Updater(self.memories, KEYS, server, restart_policy, self.said.append)
        if bundle is not None:
            self.updater.flash(bundle)
        started = self.updater.start()
        observers: list[Callable[[Event], None]] = [self.events.append, self.updater.observe]
        self.device = Device(
            BOARD,
            started.image,
            new_core(BOARD.interrupt_lines),
            restart_policy=RestartPolicy(),
            observers=observers,
            wake_reason="APPLICATIONUPDATE" if started.newly_installed else "COLDBOOT",
            testing=started.testing,
        )
        self.updater.attach(self.device)
        self.updater.follow(policy or UpdatePolicy(trial_seconds=5, trial_needs_session=False))

    def run(self, seconds: float) -> None:
        """Let device and agent work for so long."""
        with Recorder(self._recording, self.device) if self._recording else nullcontext() as recorder:
            end = run_in_steps(self.device, self.device.time_us + round(seconds * 1e6), self.updater.turn)
            if recorder is not None:
                recorder.ended(end)

    @property
    def logged(self) -> list[str]:
        """What the applications logged, without the signs of life."""
        return [event.text for event in self.events if isinstance(event, LogLine) and event.text != "alive"]

    @property
    def noted(self) -> list[str]:
        """What happened on the way of updates."""
        return [event.what for event in self.events if isinstance(event, UpdateNoted)]

    @property
    def states(self) -> list[str]:
        """What the cloud was told, without repetitions."""
        states = [progress.state for progress in self.said]
        return [state for number, state in enumerate(states) if number == 0 or states[number - 1] != state]


def offering(*bundles: bytes, offered: int = -1) -> BundleServer:
    """Return a server that has bundles and offers the last one."""
    return BundleServer(*bundles, offered=offered)
