"""Laws of starting a crashing application again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvsdk.bundle import ManifestOptions
from mvsdk.emulator.core import Fault
from mvsdk.emulator.crashes import DEFAULT_MAXIMUM_MS, DEFAULT_MINIMUM_MS, BackOff, RestartPolicy
from mvsdk.emulator.device import CRASH_REPORTS_KEPT, End
from mvsdk.emulator.events import Event, Faulted, RestartAwaited, Started
from mvsdk.testing import Compute, Fail, ScriptedCore
from tests.emulator.personality.kernel import ABI, RAM, Guest, Kernel, after_us, call

FAULT = Fault(cfsr=0x8200, hfsr=1 << 30, mmfar=0, bfar=0x6000_0000)
CRASHED = ABI.enums["MvWakeReason"].members["MV_WAKEREASON_APPLICATIONCRASH"]


@given(
    minimum=st.integers(1, 5_000),
    extra=st.integers(0, 100_000),
    lives=st.lists(st.integers(0, 200_000_000), min_size=1, max_size=40),
)
def test_starts_keep_within_the_bounds(minimum: int, extra: int, lives: list[int]) -> None:
    """From start to start it takes at least the minimum; and the wait never goes beyond the maximum."""
    back_off = BackOff(RestartPolicy(minimum, minimum + extra))
    for lived in lives:
        wait = back_off.crashed(lived)
        assert lived + wait >= minimum * 1000
        assert wait <= (minimum + extra) * 1000


def test_the_time_between_starts_doubles_up_to_the_maximum() -> None:
    """An application that crashes at once is started after 1, 2, 4, … times the minimum, then at the maximum."""
    back_off = BackOff(RestartPolicy(100, 500))
    assert [back_off.crashed(0) for _ in range(5)] == [100_000, 200_000, 400_000, 500_000, 500_000]
    assert back_off.crashes == 5


def test_a_long_life_begins_the_count_anew() -> None:
    """After living longer than the maximum the next crash is the first, and is not waited for."""
    back_off = BackOff(RestartPolicy(100, 500))
    for _ in range(4):
        back_off.crashed(0)
    assert back_off.crashed(500_001) == 0
    assert back_off.crashes == 1


@pytest.mark.parametrize(
    ("minimum", "maximum", "policy"),
    [
        (0, 0, None),
        (200, 800, RestartPolicy(200, 800)),
        (200, 0, RestartPolicy(200, DEFAULT_MAXIMUM_MS)),
        (90_000, 0, RestartPolicy(90_000, 90_000)),
        (0, 5_000, RestartPolicy(DEFAULT_MINIMUM_MS, 5_000)),
        (0, 300, RestartPolicy(300, 300)),
    ],
)
def test_the_manifest_decides(minimum: int, maximum: int, policy: RestartPolicy | None) -> None:
    """A manifest that gives neither bound asks for nothing; a bound left out is the default as far as it can be."""
    assert RestartPolicy.of(ManifestOptions(minimum_restart_ms=minimum, maximum_restart_ms=maximum)) == policy


def crashing(core: ScriptedCore) -> Guest:
    """An application that works for 10 ms and then faults."""
    yield Compute(1_600_000)
    yield Fail(FAULT)


def test_without_a_policy_a_fault_ends_the_run() -> None:
    """The fault is told and kept, and the application is not started again."""
    kernel = Kernel(crashing)
    assert kernel.end is End.FAULT
    assert [event.fault for event in kernel.device.crash_reports] == [FAULT]
    assert kernel.core.resets == 1


def test_with_a_policy_it_starts_again_and_again() -> None:
    """Each fault is told, then how long the wait is, then the start at that time, with the reason that says why."""
    kernel = Kernel(crashing, restart_policy=RestartPolicy(100, 300), until_us=635_000)
    assert kernel.end is End.TIME
    faults = [event.time_us for event in kernel.events if isinstance(event, Faulted)]
    waits = [event for event in kernel.events if isinstance(event, RestartAwaited)]
    starts = [event.time_us for event in kernel.events if isinstance(event, Started)]
    assert [(wait.crashes, wait.delay_us) for wait in waits] == [(1, 90_000), (2, 190_000), (3, 290_000)]
    assert [wait.time_us for wait in waits] == faults
    for fault, wait, start in zip(faults, waits, starts[1:], strict=False):
        assert 0 <= start - fault - wait.delay_us <= 10_000
    assert len(starts) == 4


def test_the_application_learns_that_it_crashed() -> None:
    """After a crash the wake reason is APPLICATIONCRASH, and RAM is as it was."""
    seen: list[tuple[int, bytes]] = []

    def guest(core: ScriptedCore) -> Guest:
        yield call("mvGetWakeReason", RAM)
        seen.append((core.read_memory(RAM, 1)[0], core.read_memory(RAM + 8, 4)))
        core.write_memory(RAM + 8, b"left")
        if len(seen) == 1:
            yield Fail(FAULT)

    Kernel(guest, restart_policy=RestartPolicy(1, 1))
    assert seen == [(0, bytes(4)), (CRASHED, b"left")]


def test_nothing_of_the_last_life_happens_during_the_wait() -> None:
    """What was to happen to the crashed application, such as to be stopped for an interrupt that hangs, does not."""
    kernel = Kernel(
        crashing,
        restart_policy=RestartPolicy(500, 500),
        until_us=400_000,
        prepare=lambda device: after_us(device, 9_500, device.kernel.stop_hung_application),
    )
    assert kernel.core.resets == 1


def test_only_the_last_reports_are_kept() -> None:
    """However often it crashes, a device keeps a bounded number of reports, the last ones."""
    kernel = Kernel(crashing, restart_policy=RestartPolicy(1, 1), until_us=1_000_000)
    faults = [event for event in kernel.events if isinstance(event, Faulted)]
    assert len(faults) > CRASH_REPORTS_KEPT
    assert list(kernel.device.crash_reports) == faults[-CRASH_REPORTS_KEPT:]


@given(cuts=st.lists(st.integers(1, 700_000), max_size=10))
def test_crashes_do_not_depend_on_how_the_run_is_cut(cuts: list[int]) -> None:
    """Stopping the device anywhere, also while it waits for the next start, changes no event."""

    def events(*moments: int) -> list[Event]:
        kernel = Kernel(crashing, restart_policy=RestartPolicy(100, 300), until_us=1)
        for moment in (*moments, 700_000):
            kernel.device.run(moment)
        return kernel.events

    assert events(*sorted(cuts)) == events()
