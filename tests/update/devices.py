"""Devices to update, and applications to update them with."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from mvsdk import boards
from mvsdk.bundle import Image, ManifestOptions, create
from mvsdk.flash_memory import InternalFlash, NorFlash, PowerSupply
from mvsdk.keys import Signer
from mvsdk.update import (
    NEVER,
    Agent,
    BundleServer,
    Event,
    Hardware,
    Journal,
    KeySet,
    Layout,
    ManualClock,
    Phase,
    Policy,
    Report,
    Server,
    provision,
)
from tests.keys.samples import RFC_6979_KEY, key_of

BOARD = replace(boards.load(), flash=replace(boards.load().flash, size=0x10000))
"""The usual board with 64 KiB of flash, so that looking through all of it is quick."""
KEY = key_of(RFC_6979_KEY)
OTHER_KEY, THIRD_KEY = key_of(7), key_of(8)


def application(seed: int, size: int = 20_000) -> Image:
    """Return an image that can be started, as different from others as can be."""
    return Image(struct.pack("<2I", 0x20080000, 0x08000041) + random.Random(seed).randbytes(size - 8))  # noqa: S311


def bundle(seed: int, size: int = 20_000, signer: Signer = KEY, options: ManifestOptions | None = None) -> bytes:
    """Return a signed bundle of an application; its one layer covers the small board's flash."""
    return create(application(seed, size), options or ManifestOptions(), signer, region=BOARD.flash.size)


OLD, NEW = bundle(1), bundle(2, 26_000)


@dataclass
class Device:
    """A device in its world, and what it reported."""

    server: Server
    keys: KeySet = field(default_factory=lambda: KeySet((KEY.public,)))
    policy: Policy = field(default_factory=Policy)
    kernel_version: int = 1
    external_size: int = 0x80000
    make_journal: Callable[[Hardware], Journal | None] = lambda hardware: None

    def __post_init__(self) -> None:
        self.power = PowerSupply()
        self.clock = ManualClock()
        self.internal = InternalFlash(BOARD.flash.size, self.power)
        self.external = NorFlash(self.external_size, self.power)
        layout = Layout.within(self.external, BOARD.flash.size)
        self.hardware = Hardware(self.internal, self.external, layout, BOARD, self.keys, self.kernel_version)
        self.reports: list[Report] = []

    def with_bundle(self, data: bytes) -> Device:
        """Leave the factory with a bundle, and start."""
        provision(self.hardware, data)
        self.start()
        return self

    def start(self) -> None:
        """Come up with a new agent."""
        self.power.restore()
        self.agent = Agent(
            self.hardware,
            self.server,
            self.clock,
            self.policy,
            observe=self.reports.append,
            journal=self.make_journal(self.hardware),
        )
        self.agent.boot()

    def run(self, until: Callable[[Agent], bool], steps: int = 2000) -> None:
        """Step, letting time pass, until something holds."""
        for _ in range(steps):
            if until(self.agent):
                return
            wait = self.agent.step()
            if wait == NEVER:
                assert until(self.agent), f"waits in {self.agent.state.phase.name}"
                return
            self.clock.seconds += wait
        raise AssertionError(f"still {self.agent.state.phase.name} after {steps} steps: {self.reports[-5:]}")

    def reach(self, phase: Phase) -> None:
        """Run until the agent is in a phase."""
        self.run(lambda agent: agent.state.phase is phase)

    def rest(self) -> None:
        """Run until there is nothing to do; trials pass."""

        def resting(agent: Agent) -> bool:
            if agent.state.phase is Phase.TRIAL:
                agent.trial_passed()
            return agent.at_rest

        self.run(resting)

    @property
    def events(self) -> list[Event]:
        """What was reported."""
        return [report.event for report in self.reports]

    @property
    def runs(self) -> bytes | None:
        """The image that may be executed, which is also what internal flash holds."""
        running = self.agent.application
        if running is None:
            return None
        data = running.image.data
        assert self.internal.read(0, len(data)) == data
        return data


def server(*bundles: bytes) -> BundleServer:
    """Return a server that offers the last of these."""
    return BundleServer(*bundles)
