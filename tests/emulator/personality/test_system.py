"""Laws of identity, registers, LED, wake reason and restart."""

from __future__ import annotations

import pytest

from mvsdk.emulator.device import Device, End
from mvsdk.emulator.events import LedChanged, Started, SystemCall
from mvsdk.testing import Compute, ScriptedCore
from tests.emulator.personality.kernel import ABI, RAM, Guest, Kernel, call, one_call

OUT = RAM + 0x20
RCC = 0x4602_0C00
WAKE = ABI.enums["MvWakeReason"].members


def test_the_device_id_is_34_bytes_without_a_terminator() -> None:
    """ "UV" and 32 hex digits are written, and not one byte more."""
    seen: list[bytes] = []

    def guest(core: ScriptedCore) -> Guest:
        core.write_memory(OUT, b"\xaa" * 36)
        yield call("mvGetDeviceId", OUT, 34)
        seen.append(core.read_memory(OUT, 36))

    Kernel(guest)
    assert seen[0][:2] == b"UV"
    assert bytes.fromhex(seen[0][2:34].decode())
    assert seen[0][34:] == b"\xaa\xaa"


@pytest.mark.parametrize("length", [0, 33, 35])
def test_the_device_id_wants_exactly_34_bytes(length: int) -> None:
    """Any other length is INVALIDBUFFERSIZE."""
    assert one_call("mvGetDeviceId", OUT, length) == "INVALIDBUFFERSIZE"


@pytest.mark.parametrize("register", [RCC + 0x34 + 1, RCC + 0x118, RCC - 4, 0x4002_2000, 0x4202_0000, 0])
def test_only_the_clock_controller_can_be_peeked_and_poked(register: int) -> None:
    """Any other address, or one between two registers, is a PERIPHERALACCESSFAULT."""
    assert one_call("mvPeriphPeek32", register, OUT) == "PERIPHERALACCESSFAULT"
    assert one_call("mvPeriphPoke32", register, 0, 0) == "PERIPHERALACCESSFAULT"


def test_a_poked_bit_is_peeked() -> None:
    """What a poke sets in a clock-enable register is read back by a peek."""
    seen: list[int] = []

    def guest(core: ScriptedCore) -> Guest:
        yield call("mvPeriphPoke32", RCC + 0x8C, 1, 1)
        yield call("mvPeriphPeek32", RCC + 0x8C, OUT)
        seen.append(core.read_memory(OUT, 1)[0] & 1)

    Kernel(guest)
    assert seen == [1]


def test_the_wake_reason_is_one_byte() -> None:
    """mvGetWakeReason writes a single byte: 0, a cold boot, at the first start."""
    seen: list[bytes] = []

    def guest(core: ScriptedCore) -> Guest:
        core.write_memory(OUT, b"\xaa" * 4)
        yield call("mvGetWakeReason", OUT)
        seen.append(core.read_memory(OUT, 4))

    Kernel(guest)
    assert seen == [bytes([WAKE["MV_WAKEREASON_COLDBOOT"]]) + b"\xaa" * 3]


def test_restart_begins_a_new_life() -> None:
    """After mvRestart the application starts again: handles gone, time going on, another wake reason."""
    reasons: list[int] = []

    def guest(core: ScriptedCore) -> Guest:
        yield call("mvGetWakeReason", OUT)
        reasons.append(core.read_memory(OUT, 1)[0])
        if len(reasons) == 1:
            yield Compute(1_600_000)
            yield call("mvRestart", 0)
            reasons.append(-1)

    kernel = Kernel(guest)
    assert kernel.core.resets == 2
    assert reasons == [WAKE["MV_WAKEREASON_COLDBOOT"], WAKE["MV_WAKEREASON_REMOTEAPPLICATIONRESTART"]]
    starts = [event.time_us for event in kernel.events if isinstance(event, Started)]
    assert starts[1] >= 20_000


def test_a_busy_kernel_does_not_restart() -> None:
    """While a restart would interrupt the kernel it is refused, and a bad mode comes before that."""

    def busy(device: Device) -> None:
        device.kernel.circumstances.kernel_busy = True

    assert one_call("mvRestart", 0, prepare=busy) == "MICROVISORBUSY"
    assert one_call("mvRestart", 1, prepare=busy) == "PARAMETERFAULT"


def test_an_unknown_restart_mode_is_refused() -> None:
    """A mode that is not in the enumeration is a PARAMETERFAULT, and nothing restarts."""
    assert one_call("mvRestart", 1) == "PARAMETERFAULT"


@pytest.mark.parametrize("name", [call.name for call in ABI.syscalls.values() if call.thread_only])
def test_calls_that_are_not_for_handlers_say_so_first(name: str) -> None:
    """From interrupt context these are UNAVAILABLE, whatever their arguments."""
    assert one_call(name, 0, 0, 0, 0, exception=16 + 51) == "UNAVAILABLE"


def test_the_led_call_switches_the_system_led() -> None:
    """Switching it off and on again is told; switching it on while on is not."""

    def guest(core: ScriptedCore) -> Guest:
        for enable in (1, 0, 0, 1):
            yield call("mvSystemLedEnable", enable)

    told = [event.on for event in Kernel(guest).events if isinstance(event, LedChanged)]
    assert told == [False, True]


ENDINGS = {"mvRestart", "mvDeepSleep"}
"""Calls that do not come back when they succeed."""
HANDLE_FIRST = {"mvWriteChannel", "mvWriteChannelStream"}
"""Calls that look at the handle before any pointer."""
POINTERS = [
    (syscall.name, parameter.register)
    for syscall in ABI.syscalls.values()
    for parameter in syscall.parameters
    if parameter.type.kind == "pointer" and isinstance(parameter.extent, int)
    if syscall.name not in {"mvServerLog", *HANDLE_FIRST}
]


@pytest.mark.parametrize(("name", "register"), POINTERS)
def test_every_call_checks_its_pointers_from_the_database(name: str, register: int) -> None:
    """A NULL for any pointer to a fixed-size object of any of the 72 calls is a PARAMETERFAULT."""
    arguments = [RAM + 0x1000 + 0x100 * number for number in range(4)]
    arguments[register] = 0
    assert one_call(name, *arguments) == "PARAMETERFAULT"


def test_all_72_calls_can_be_entered() -> None:
    """Every gateway of the database stops the core and comes back with a status."""
    statuses: list[int] = []

    def guest(core: ScriptedCore) -> Guest:
        core.enabled.add(51)
        for address in sorted(core.gateways):
            if ABI.by_address[address].name not in ENDINGS:
                statuses.append((yield call(ABI.by_address[address].name, 0, 0, 0, 0)))

    def wake(device: Device) -> None:
        device.core.pend(51)

    assert Kernel(guest, prepare=wake).end is End.TIME
    assert len(statuses) == 72 - len(ENDINGS)
    assert all(ABI.status.name_of(status) for status in statuses)


def test_a_trace_shows_the_call_and_its_result() -> None:
    """While somebody traces, each call is told with decoded arguments, outputs and status."""

    def guest(core: ScriptedCore) -> Guest:
        yield call("mvGetHClk", OUT)

    traced = [event for event in Kernel(guest, trace=True).events if isinstance(event, SystemCall)]
    assert len(traced) == 1
    assert str(traced[0].call).startswith("mvGetHClk(")
    assert str(traced[0].result) == "=> MV_STATUS_OKAY, hz=160000000"


def test_the_system_led_comes_on_again_with_a_restart() -> None:
    """An application that switched the kernel's LED off leaves it on to its next life, and observers hear of that."""

    def guest(core: ScriptedCore) -> Guest:
        if core.resets == 1:
            yield call("mvSystemLedEnable", 0)
            yield call("mvRestart", 0)

    leds = [event.on for event in Kernel(guest).events if isinstance(event, LedChanged)]
    assert leds == [False, True]
