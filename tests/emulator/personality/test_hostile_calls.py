"""Hostile applications: any entry point, any registers, any memory, from any context.

Whatever they do, the host goes on, the status is one that is documented for the call (or justified in
`undocumented-statuses.csv`), and the same seed gives the same trace.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from mvsdk.emulator.device import Device, End
from mvsdk.emulator.events import Event
from mvsdk.emulator.network.radio import Radio
from mvsdk.emulator.network.scripted import ScriptedPeers
from mvsdk.testing import Compute, ScriptedCore
from tests.emulator.personality.kernel import ABI, FLASH, RAM, Guest, Kernel, call, status_name, word, words
from tests.emulator.personality.networked import channel_call

GATEWAYS, RAM_END, FLASH_END = 0x0C1F_E000, RAM + 0x8_0000, FLASH + 0x10_0000
AREA, AREA_WORDS = RAM + 0x400, 64
"""Where random structs lie."""
CENTRE, OPENED, STREAM, NETWORK = RAM, RAM + 4, RAM + 8, RAM + 12
CHANNELS = {"OPAQUEBYTES": RAM + 0x20, "MQTT": RAM + 0x24, "HTTP": RAM + 0x28, "CONFIGFETCH": RAM + 0x2C}
HANDLES = [CENTRE, OPENED, STREAM, NETWORK, *CHANNELS.values()]
"""Where the guest keeps good handles."""
ADDITIONS = Path(__file__).with_name("undocumented-statuses.csv")

BASES = [0, RAM, AREA, AREA + 0x40, RAM_END, FLASH, FLASH_END, GATEWAYS, 0x0C00_0000, 0x2008_0000, 0x3000_0000]
BASES += [0x4202_0000, 0x4602_0C00, 0x5602_0C00, 0xE000_ED08, 0xFFFF_FFF0, 1 << 31]
POINTERS = st.builds(lambda base, offset: (base + offset) & 0xFFFF_FFFF, st.sampled_from(BASES), st.integers(-40, 40))
WORDS = st.one_of(
    st.integers(0, 8),
    st.sampled_from([16, 32, 64, 512, 4096, 0x80_0000]),
    POINTERS,
    st.integers(0, 0xFFFF_FFFF),
    st.sampled_from(HANDLES).map(lambda where: -where),
)
"""A word; the negative of an address stands for what the guest finds there."""


@dataclass(frozen=True)
class Step:
    """One call, and the memory before it."""

    name: str
    registers: tuple[int, int, int, int]
    area: list[int]
    exception: int


STEPS = st.builds(
    Step,
    st.sampled_from(sorted(ABI.syscalls)),
    st.tuples(WORDS, WORDS, WORDS, WORDS),
    st.lists(WORDS, max_size=AREA_WORDS),
    st.sampled_from([0, 0, 0, 3, 15, 16 + 45]),
)


def resolved(core: ScriptedCore, value: int) -> int:
    """Return the number a word stands for."""
    return word(core, -value) if value < 0 else value


def _connect(device: Device) -> None:
    """Let everything be answered by somebody."""
    peers = ScriptedPeers()
    peers.stream("somewhere")
    peers.http("GET", "*", body=b"body")
    Radio(device, peers)


class Hostile:
    """One run of a hostile application, and the status of each call that came back."""

    def __init__(self, steps: list[Step], seed: int) -> None:
        self.steps = steps
        self.statuses: list[tuple[str, str]] = []
        kernel = Kernel(
            self._guest, seed=seed, trace=True, testing=seed % 2 == 1, until_us=10_000_000_000, prepare=_connect
        )
        self.events: list[Event] = kernel.events
        self.end = kernel.end
        self.memory = kernel.core.read_memory(RAM, 0x1000)

    def _guest(self, core: ScriptedCore) -> Guest:
        if core.resets > 1:
            return
        core.enabled.add(60)
        core.pend(60)  # so that no sleep lasts
        core.write_memory(RAM + 0x10, words(41, RAM + 0x200, 64))
        yield call("mvSetupNotifications", RAM + 0x10, CENTRE)
        core.write_memory(RAM + 0x10, words(word(core, CENTRE), 1, 0))
        yield call("mvOpenSystemNotification", RAM + 0x10, STREAM)
        yield call("mvExternalFlashOpen", OPENED)
        yield call("mvServerLoggingInit", RAM + 0x1000, 512)
        yield call("mvTestLoggingInit", RAM + 0x1200, 512)
        core.write_memory(RAM + 0x10, words(1, word(core, CENTRE), 2))
        yield call("mvRequestNetwork", RAM + 0x10, NETWORK)
        for number, (kind, handle) in enumerate(CHANNELS.items()):
            buffers = {"receive": RAM + 0x2000 + 0x400 * number, "send": RAM + 0x2200 + 0x400 * number}
            endpoint = b"somewhere" if kind == "OPAQUEBYTES" else b""
            options = {"handle": handle, "network": NETWORK, "centre": CENTRE, **buffers}
            yield channel_call(core, kind, endpoint=endpoint, **options)
        for step in self.steps:
            core.write_memory(AREA, words(*[resolved(core, value) for value in step.area]))
            core.exception = step.exception
            status = yield call(step.name, *[resolved(core, value) for value in step.registers])
            core.exception = 0
            self.statuses.append((step.name, status_name(status)))
            yield Compute(160)


def allowed() -> set[tuple[str, str]]:
    """Return every call with every status it may have."""
    with ADDITIONS.open(encoding="utf-8") as table:
        found = {(row["call"], row["status"]) for row in csv.DictReader(table)}
    for syscall in ABI.syscalls.values():
        found.add((syscall.name, "OKAY"))
        found |= {(syscall.name, status.name.removeprefix("MV_STATUS_")) for status in syscall.statuses}
    return found


@settings(max_examples=200)
@given(steps=st.lists(STEPS, min_size=1, max_size=12), seed=st.integers(0, 3))
def test_a_hostile_application_gets_documented_statuses_and_the_same_ones_again(steps: list[Step], seed: int) -> None:
    """No call makes the host raise; each has a status of its own list; two runs are alike to the last event."""
    first, second = Hostile(steps, seed), Hostile(steps, seed)
    assert first.end in {End.TIME, End.TESTED}
    assert set(first.statuses) <= allowed()
    assert first.events == second.events
    assert first.memory == second.memory


@settings(max_examples=40)
@given(data=st.data())
def test_every_entry_point_bears_every_pointer(data: st.DataObject) -> None:
    """All 72 in one run, each with hostile pointers in all four registers."""
    registers = st.tuples(POINTERS, POINTERS, POINTERS, POINTERS)
    names = sorted(ABI.syscalls.keys() - {"mvRestart", "mvDeepSleep", "mvTestingComplete"})
    steps = [Step(name, data.draw(registers), [], 0) for name in names]
    run = Hostile(steps, 0)
    assert len(run.statuses) == len(names)
    assert set(run.statuses) <= allowed()


def test_what_is_justified_is_not_documented() -> None:
    """Every row of the list of additions names a call, a status the table does not give it, and a reason."""
    documented = {(call.name, status.name) for call in ABI.syscalls.values() for status in call.statuses}
    with ADDITIONS.open(encoding="utf-8") as table:
        for row in csv.DictReader(table):
            status = "MV_STATUS_" + row["status"]
            assert row["call"] in ABI.syscalls
            assert status in ABI.status.members
            assert (row["call"], status) not in documented
            assert row["why"]
