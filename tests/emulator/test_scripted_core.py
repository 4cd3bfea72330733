"""The scripted core behind the processor seam: what a debugger's verbs do to a script."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from mvsdk.emulator.core import BusFault, StopReason, Vector, Watchpoint
from mvsdk.testing import Call, Compute, ScriptedCore
from tests.emulator.guest import Recorder

RAM, DEVICE = 0x2000_0000, 0x4000_0000


def guest(core: ScriptedCore) -> Generator[Call | Compute, int, None]:
    """Work for three cycles, then call."""
    del core
    yield Compute(3)
    yield Call(0x0C1F_E000)


def start() -> tuple[ScriptedCore, Recorder]:
    """Return a core with memory and a device."""
    core, device = ScriptedCore(guest), Recorder()
    core.map_memory(RAM, 0x1000, writable=True)
    core.map_device(DEVICE, 0x1000, device)
    return core, device


def test_a_step_is_a_cycle_of_the_script() -> None:
    """Stepping goes through the script cycle by cycle, and stops where a run stops."""
    core, _ = start()
    core.set_watchpoints([Watchpoint(RAM, 4)])
    core.catch_vectors(Vector.RESET)
    core.set_itm_output(None)
    reasons = [core.step().reason for _ in range(4)]
    assert reasons == [StopReason.STEPPED] * 3 + [StopReason.GATEWAY]
    assert core.cycle == 3


def test_a_debuggers_accesses_reach_memory_and_devices() -> None:
    """Memory and devices answer as on a core, and where there is neither it is a bus error."""
    core, device = start()
    core.debug_write(RAM + 2, 2, 0xABCD)
    assert core.debug_read(RAM, 4) == 0xABCD_0000
    device.answers[4] = 9
    assert core.debug_read(DEVICE + 4, 4) == 9
    core.debug_write(DEVICE + 8, 1, 7)
    assert device.log == [("read", 4, 4, 9), ("write", 8, 1, 7)]
    for access in (lambda: core.debug_read(0x6000_0000, 4), lambda: core.debug_write(0x6000_0000, 4, 0)):
        with pytest.raises(BusFault):
            access()
