"""Laws of sleep and deep sleep."""

from __future__ import annotations

import pytest

from mvsdk.emulator.device import Device, End, WakeSource
from mvsdk.emulator.events import DeepSleepBegan, Event, Started
from mvsdk.testing import Compute, ScriptedCore
from tests.emulator.personality.kernel import ABI, BOARD, PLAUSIBLE, RAM, Guest, Kernel, after_us, call, one_call

IRQ = 45
POWER_SAVING, DEEP_SLEEP = (ABI.enums[name].members for name in ("MvPowerSavingMode", "MvDeepSleepMode"))
STANDBY, SHUTDOWN = DEEP_SLEEP["MV_DEEPSLEEPMODE_STANDBY"], DEEP_SLEEP["MV_DEEPSLEEPMODE_SHUTDOWN"]
OUT = RAM + 0x20


@pytest.mark.parametrize("mode", sorted(POWER_SAVING.values()))
def test_power_save_ends_with_an_interrupt(mode: int) -> None:
    """In every mode the call comes back with OKAY when an enabled interrupt comes, and not before."""
    returned: list[tuple[int, int]] = []

    def guest(core: ScriptedCore) -> Guest:
        core.enabled.add(IRQ)
        status = yield call("mvPowerSave", mode)
        returned.append((status, core.cycle // 160))

    def prepare(device: Device) -> None:
        after_us(device, 50_000, lambda: device.core.pend(IRQ + 1))
        after_us(device, 300_000, lambda: device.core.pend(IRQ))

    assert Kernel(guest, prepare=prepare).end is End.TIME
    assert returned == [(0, 300_000)]


def test_a_pending_interrupt_ends_it_at_once() -> None:
    """With an interrupt pending already the call does not sleep."""
    returned: list[int] = []

    def guest(core: ScriptedCore) -> Guest:
        core.enabled.add(IRQ)
        core.pend(IRQ)
        yield call("mvPowerSave", 0)
        returned.append(core.cycle)

    Kernel(guest)
    assert returned[0] < 160 * 10


def test_a_sleep_nothing_can_end_ends_the_run() -> None:
    """Without anything to wake it the device is asleep for ever, and says so."""

    def guest(core: ScriptedCore) -> Guest:
        yield call("mvPowerSave", 0)
        raise AssertionError

    assert Kernel(guest, until_us=None).end is End.ASLEEP


@pytest.mark.parametrize(("name", "modes"), [("mvPowerSave", POWER_SAVING), ("mvDeepSleep", DEEP_SLEEP)])
def test_refusals_in_the_documented_order(name: str, modes: dict[str, int]) -> None:
    """Handlers may not; then an unknown mode is refused; then every mode while the network is active."""

    def networking(device: Device) -> None:
        device.kernel.circumstances.network_active = True

    assert one_call(name, 0xFF, exception=16 + IRQ, prepare=networking) == "UNAVAILABLE"
    for mode in {*range(256)} - {*modes.values()}:
        assert one_call(name, mode, prepare=networking) == "PARAMETERFAULT"
    for mode in modes.values():
        assert one_call(name, mode, prepare=networking) == "MICROVISORBUSY"


class Sleeper:
    """A device whose application goes into deep sleep once, and what it saw after each start."""

    def __init__(self, mode: int, seed: int = 0) -> None:
        self.reasons: list[int] = []
        self.memory: list[bytes] = []
        self.events: list[Event] = []
        core = ScriptedCore(lambda core: self._guest(core, mode))
        self.device = Device(BOARD, PLAUSIBLE, core, seed=seed, observers=[self.events.append])

    def _guest(self, core: ScriptedCore, mode: int) -> Guest:
        self.memory.append(core.read_memory(RAM, 0x1000))
        yield call("mvGetWakeReason", OUT)
        self.reasons.append(core.read_memory(OUT, 1)[0])
        core.write_memory(RAM + 0x100, b"kept only while powered")
        if len(self.reasons) == 1:
            yield call("mvDeepSleep", mode)
            raise AssertionError
        yield Compute(1)


@pytest.mark.parametrize("source", list(WakeSource))
def test_each_wake_source_has_its_reason_after_standby(source: WakeSource) -> None:
    """The application starts anew with the reason that names what woke the device."""
    sleeper = Sleeper(STANDBY)
    assert sleeper.device.run(5_000_000) is End.TIME
    assert len(sleeper.reasons) == 1
    sleeper.device.wake(source)
    sleeper.device.run(6_000_000)
    assert sleeper.reasons == [0, ABI.enums["MvWakeReason"].members["MV_WAKEREASON_" + source.value]]
    starts = [event.time_us for event in sleeper.events if isinstance(event, Started)]
    assert starts[1] >= 5_000_000


@pytest.mark.parametrize("source", list(WakeSource))
def test_shutdown_looks_like_a_cold_boot(source: WakeSource) -> None:
    """Whatever ends Shutdown, the application finds COLDBOOT."""
    sleeper = Sleeper(SHUTDOWN)
    sleeper.device.run(1_000_000)
    sleeper.device.wake(source)
    sleeper.device.run(2_000_000)
    assert sleeper.reasons == [0, 0]


@pytest.mark.parametrize("mode", [STANDBY, SHUTDOWN])
def test_deep_sleep_loses_ram_the_same_way_for_the_same_seed(mode: int) -> None:
    """RAM holds noise afterwards: nothing of what was there, the same for one seed, another for another."""

    def noise(seed: int) -> bytes:
        sleeper = Sleeper(mode, seed)
        sleeper.device.run(1_000_000)
        sleeper.device.wake(WakeSource.RTC)
        sleeper.device.run(2_000_000)
        return sleeper.memory[1]

    assert noise(1) == noise(1) != noise(2)
    assert len(set(noise(1))) > 200
    assert b"kept only" not in noise(1)


def test_deep_sleep_without_a_wake_source_lasts_for_ever() -> None:
    """With nothing else to come the run ends; the sleep is told; being woken later still works."""
    sleeper = Sleeper(STANDBY)
    assert sleeper.device.run() is End.ASLEEP
    assert [event.mode for event in sleeper.events if isinstance(event, DeepSleepBegan)] == ["standby"]
    sleeper.device.wake(WakeSource.MODEM)
    assert sleeper.device.run() is End.ASLEEP
    assert len(sleeper.reasons) == 2


def test_an_interrupt_does_not_end_deep_sleep() -> None:
    """What would end mvPowerSave is nothing to a device without power."""
    sleeper = Sleeper(STANDBY)
    sleeper.device.run(1_000)
    sleeper.device.core.pend(IRQ)
    sleeper.device.run(1_000_000)
    assert len(sleeper.reasons) == 1


def test_a_wake_source_is_nothing_to_a_device_that_is_awake() -> None:
    """Only a deep sleep can be ended."""
    lives: list[int] = []

    def guest(core: ScriptedCore) -> Guest:
        lives.append(1)
        yield Compute(1_000)

    Kernel(guest, prepare=lambda device: device.wake(WakeSource.RTC))
    assert lives == [1]
