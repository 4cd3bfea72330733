"""Laws of system notifications."""

from __future__ import annotations

import struct

import pytest

from mvsdk.emulator.device import Device
from mvsdk.testing import Call, Compute, ScriptedCore
from tests.emulator.personality.kernel import (
    ABI,
    FLASH,
    RAM,
    Guest,
    Kernel,
    after_us,
    call,
    one_call,
    status_name,
    word,
    words,
)

IRQ = 41
SETUP, CENTRE, PARAMS, STREAM, RING = RAM, RAM + 0x40, RAM + 0x80, RAM + 0xC0, RAM + 0x100
SOURCES = ABI.enums["MvSystemNotificationSource"].members
NETWORK, UPDATE = SOURCES["MV_SYSTEMNOTIFICATIONSOURCE_NETWORK"], SOURCES["MV_SYSTEMNOTIFICATIONSOURCE_UPDATE"]
EVENTS = ABI.enums["MvEventType"].members


def centre(core: ScriptedCore) -> Call:
    """Make a notification centre of four records."""
    core.write_memory(SETUP, words(IRQ, RING, 64))
    return call("mvSetupNotifications", SETUP, CENTRE)


def listen(core: ScriptedCore, source: int, tag: int, out: int = STREAM) -> Call:
    """Open a stream of one source to that centre."""
    core.write_memory(PARAMS, words(word(core, CENTRE), tag, source))
    return call("mvOpenSystemNotification", PARAMS, out)


def records(ring: bytes) -> list[tuple[int, int]]:
    """Return type and tag of the records in a ring."""
    return [(kind, tag) for _, kind, tag in struct.iter_unpack("<QII", ring) if kind]


@pytest.mark.parametrize(
    ("source", "name", "event"),
    [
        (NETWORK, "NETWORK", "MV_EVENTTYPE_NETWORKSTATUSCHANGED"),
        (UPDATE, "UPDATE", "MV_EVENTTYPE_UPDATEDOWNLOADED"),
    ],
)
def test_a_source_posts_its_event_with_the_streams_tag(source: int, name: str, event: str) -> None:
    """What happens at a source reaches only who listens to it, once each, with the tag given when it was opened."""
    seen: list[bytes] = []

    def guest(core: ScriptedCore) -> Guest:
        yield centre(core)
        yield listen(core, source, 7)
        yield listen(core, UPDATE if source == NETWORK else NETWORK, 8, STREAM + 4)
        yield Compute(3_200_000)
        seen.append(core.read_memory(RING, 64))

    def later(device: Device) -> None:
        after_us(device, 10_000, lambda: device.kernel.system_event(name))

    assert Kernel(guest, prepare=later).core.pended == [IRQ]
    assert records(seen[0]) == [(EVENTS[event], 7)]


def test_opening_posts_nothing() -> None:
    """No record and no interrupt come from opening a stream by itself."""

    def guest(core: ScriptedCore) -> Guest:
        yield centre(core)
        yield listen(core, UPDATE, 1)

    assert Kernel(guest).core.pended == []


def test_a_closed_stream_and_a_closed_centre_are_silent() -> None:
    """After either is closed, events are lost without harm; closing the stream later still works."""
    statuses: list[int] = []
    memory: list[bytes] = []

    def guest(core: ScriptedCore) -> Guest:
        yield centre(core)
        yield listen(core, NETWORK, 1)
        yield listen(core, UPDATE, 2, STREAM + 4)
        statuses.append((yield call("mvCloseSystemNotification", STREAM)))
        statuses.append(word(core, STREAM))
        statuses.append((yield call("mvCloseNotifications", CENTRE)))
        yield Compute(16_000_000)
        memory.append(core.read_memory(RING, 64))
        statuses.append((yield call("mvCloseSystemNotification", STREAM + 4)))

    def later(device: Device) -> None:
        for number in range(12):
            after_us(device, 10_000 + number, lambda: device.kernel.system_event("NETWORK"))
            after_us(device, 10_000 + number, lambda: device.kernel.system_event("UPDATE"))

    assert Kernel(guest, prepare=later).core.pended == []
    assert statuses == [0, 0, 0, 0]
    assert memory == [bytes(64)]


def test_nothing_reaches_an_application_that_is_not_there() -> None:
    """During deep sleep an event changes no memory and pends nothing, although the stream was never closed."""

    def guest(core: ScriptedCore) -> Guest:
        yield centre(core)
        yield listen(core, NETWORK, 1)
        yield call("mvDeepSleep", 0)

    kernel = Kernel(guest)
    memory = kernel.core.read_memory(RING, 64)
    kernel.device.kernel.system_event("NETWORK")
    kernel.device.run(2_000_000)
    assert kernel.core.pended == []
    assert kernel.core.read_memory(RING, 64) == memory


def test_open_refuses_in_the_documented_order() -> None:
    """Bad pointers are PARAMETERFAULT; a bad centre and a bad source are INVALIDHANDLE; the out handle stays."""
    statuses: list[str] = []

    def guest(core: ScriptedCore) -> Guest:
        yield centre(core)
        core.write_memory(STREAM, words(0xDEAD_BEEF))
        for source in (2, 0xFFFF_FFFF):
            statuses.append(status_name((yield listen(core, source, 1))))
        for handle in (0, 0x1234_5678):
            core.write_memory(PARAMS, words(handle, 1, 9))
            statuses.append(status_name((yield call("mvOpenSystemNotification", PARAMS, STREAM))))
        statuses.append(status_name((yield call("mvOpenSystemNotification", PARAMS, FLASH))))
        statuses.append(status_name((yield call("mvOpenSystemNotification", 0, STREAM))))
        assert word(core, STREAM) == 0xDEAD_BEEF

    Kernel(guest)
    assert statuses == ["INVALIDHANDLE"] * 4 + ["PARAMETERFAULT"] * 2


def test_closing_wants_a_stream() -> None:
    """Zero, a made-up number and a centre's handle name no stream; the handle variable keeps its value."""
    statuses: list[str] = []

    def guest(core: ScriptedCore) -> Guest:
        yield centre(core)
        statuses.append(status_name((yield call("mvCloseSystemNotification", CENTRE))))
        yield listen(core, NETWORK, 1)
        statuses.append(status_name((yield call("mvCloseNotifications", STREAM))))
        assert word(core, STREAM) != 0

    Kernel(guest)
    assert statuses == ["INVALIDHANDLE"] * 2
    for handle in (0, 0x1234_5678):
        assert one_call("mvCloseSystemNotification", STREAM, memory={STREAM: words(handle)}) == "INVALIDHANDLE"


@pytest.mark.parametrize("name", ["mvOpenSystemNotification", "mvCloseSystemNotification"])
def test_handlers_may_not(name: str) -> None:
    """From interrupt context both are UNAVAILABLE, before anything else is looked at."""
    assert one_call(name, 0, 0, exception=16 + IRQ) == "UNAVAILABLE"
