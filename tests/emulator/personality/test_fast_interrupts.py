"""Laws of fast interrupts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvsdk.emulator.device import Device
from mvsdk.emulator.events import Started
from mvsdk.testing import Compute, ScriptedCore
from tests.emulator.personality.kernel import BOARD, FLASH, RAM, Guest, Kernel, after_us, call, status_name, words

TABLE = RAM + 0x1000
HANDLER = FLASH + 0x41
IRQ, OTHER = 45, 46
KERNELS_OWN = sorted(BOARD.kernel_interrupts)
NEEDING_A_FAST_ONE = ["mvClearFastInterrupt", "mvEnableFastInterrupt", "mvDisableFastInterrupt"]


def lay_out(core: ScriptedCore, handler: int = HANDLER) -> None:
    """Put a vector table with one handler for everything into RAM."""
    core.write_memory(TABLE, words(*[handler] * 141))
    core.vector_table = TABLE


def statuses_of(*calls: tuple[str, int]) -> tuple[list[str], ScriptedCore]:
    """Make calls, given by name and interrupt, with a good vector table; return their statuses and the core."""
    statuses: list[str] = []

    def guest(core: ScriptedCore) -> Guest:
        lay_out(core)
        for name, irq in calls:
            statuses.append(status_name((yield call(name, irq))))

    return statuses, Kernel(guest).core


@pytest.mark.parametrize("irq", [*KERNELS_OWN, 125, 0xFFFF_FFFF])
def test_an_interrupt_that_is_not_the_applications_is_refused(irq: int) -> None:
    """The kernel's own interrupts and those the chip does not have are INVALIDINTERRUPT for all four calls."""
    for name in ["mvSetFastInterrupt", *NEEDING_A_FAST_ONE]:
        assert statuses_of((name, irq))[0] == ["INVALIDINTERRUPT"]


@pytest.mark.parametrize("name", NEEDING_A_FAST_ONE)
def test_an_ordinary_interrupt_is_refused(name: str) -> None:
    """An interrupt that was not made fast, or is no longer, is INVALIDINTERRUPT."""
    assert statuses_of((name, IRQ))[0] == ["INVALIDINTERRUPT"]
    assert statuses_of(("mvSetFastInterrupt", IRQ), ("mvClearFastInterrupt", IRQ), (name, IRQ))[0] == [
        "OKAY",
        "OKAY",
        "INVALIDINTERRUPT",
    ]


@pytest.mark.parametrize(
    "table", [0, RAM - 4, RAM + 0x8_0000 - 0x40, 0x0C1F_E000, 0x4000_0000, 0xE000_E000, 0xFFFF_FF80, 0x3000_0000]
)
def test_the_vector_table_must_be_non_secure(table: int) -> None:
    """VTOR outside the application's memory, or so near its end that the entry lies outside, is INVALIDVECTOR."""
    statuses: list[int] = []

    def guest(core: ScriptedCore) -> Guest:
        core.vector_table = table
        statuses.append((yield call("mvSetFastInterrupt", IRQ)))

    Kernel(guest)
    assert status_name(statuses[0]) == "INVALIDVECTOR"


@pytest.mark.parametrize("handler", [0, 1, 0x0C1F_E001, 0x4000_0001, RAM + 0x8_0001, 0xFFFF_FFFF])
def test_the_handler_must_be_non_secure(handler: int) -> None:
    """A vector that points outside the application's memory is INVALIDVECTOR."""
    statuses: list[int] = []

    def guest(core: ScriptedCore) -> Guest:
        lay_out(core, handler)
        statuses.append((yield call("mvSetFastInterrupt", IRQ)))

    Kernel(guest)
    assert status_name(statuses[0]) == "INVALIDVECTOR"


def test_a_table_in_flash_will_do() -> None:
    """The table an application starts with may stay where it is."""
    statuses: list[int] = []

    def guest(core: ScriptedCore) -> Guest:
        core.write_memory(FLASH + 4 * (16 + IRQ), words(HANDLER))
        statuses.append((yield call("mvSetFastInterrupt", IRQ)))

    assert Kernel(guest).core.vector_table == FLASH
    assert statuses == [0]


def test_fast_interrupts_and_notifications_exclude_each_other() -> None:
    """Whichever an interrupt is first, it cannot become the other; freed, it can."""
    statuses: list[str] = []

    def guest(core: ScriptedCore) -> Guest:
        lay_out(core)
        core.write_memory(RAM, words(IRQ, RAM + 0x100, 32))
        for name, *arguments in (
            ("mvSetFastInterrupt", IRQ),
            ("mvSetupNotifications", RAM, RAM + 0x40),
            ("mvClearFastInterrupt", IRQ),
            ("mvSetupNotifications", RAM, RAM + 0x40),
            ("mvSetFastInterrupt", IRQ),
            ("mvCloseNotifications", RAM + 0x40),
            ("mvSetFastInterrupt", IRQ),
        ):
            statuses.append(status_name((yield call(name, *arguments))))

    Kernel(guest)
    assert statuses == ["OKAY", "INVALIDINTERRUPT", "OKAY", "OKAY", "INVALIDINTERRUPT", "OKAY", "OKAY"]


STEPS = st.sampled_from(
    [
        ("mvEnableFastInterrupt", IRQ),
        ("mvDisableFastInterrupt", IRQ),
        ("mvEnableFastInterrupt", OTHER),
        ("mvDisableFastInterrupt", OTHER),
        ("mvEnableAllFastInterrupts", 0),
        ("mvDisableAllFastInterrupts", 0),
    ]
)


@given(steps=st.lists(STEPS, max_size=12))
def test_the_common_switch_keeps_individual_states(steps: list[tuple[str, int]]) -> None:
    """In the NVIC an interrupt is enabled exactly while its own last call and the last call for all say so."""
    statuses, core = statuses_of(("mvSetFastInterrupt", IRQ), ("mvSetFastInterrupt", OTHER), *steps)
    assert set(statuses) == {"OKAY"}
    every, own = True, {IRQ: False, OTHER: False}
    for name, irq in steps:
        if "All" in name:
            every = name.startswith("mvEnable")
        else:
            own[irq] = name.startswith("mvEnable")
    assert core.enabled == {irq for irq, on in own.items() if on and every}


def test_clearing_disables() -> None:
    """An interrupt that is cleared while enabled is left disabled."""
    steps = [("mvSetFastInterrupt", IRQ), ("mvEnableFastInterrupt", IRQ), ("mvClearFastInterrupt", IRQ)]
    statuses, core = statuses_of(*steps)
    assert statuses == ["OKAY"] * 3
    assert core.enabled == set()


def test_setting_again_changes_nothing() -> None:
    """An interrupt that is fast and enabled stays so when it is made fast once more."""
    steps = [("mvSetFastInterrupt", IRQ), ("mvEnableFastInterrupt", IRQ), ("mvSetFastInterrupt", IRQ)]
    assert statuses_of(*steps)[1].enabled == {IRQ}


def test_a_hung_application_loses_them_and_is_restarted() -> None:
    """Once the kernel stops the application all four are UNAVAILABLE, nothing is enabled, and a new life begins."""
    statuses: list[str] = []
    lives: list[int] = []

    def guest(core: ScriptedCore) -> Guest:
        lives.append(1)
        lay_out(core)
        yield call("mvSetFastInterrupt", IRQ)
        yield call("mvEnableFastInterrupt", IRQ)
        yield Compute(16_000_000 // 10)
        if len(lives) == 1:
            for name in ["mvSetFastInterrupt", *NEEDING_A_FAST_ONE]:
                statuses.append(status_name((yield call(name, IRQ))))
            assert core.enabled == set()
            yield Compute(160_000_000)

    def hang(device: Device) -> None:
        after_us(device, 9_990, device.kernel.stop_hung_application)

    kernel = Kernel(guest, prepare=hang)
    assert statuses == ["UNAVAILABLE"] * 4
    reasons = [event.wake_reason for event in kernel.events if isinstance(event, Started)]
    assert reasons == ["COLDBOOT", "APPLICATIONCRASH"]
    assert kernel.core.enabled == {IRQ}
