"""Laws of application testing in the factory."""

from __future__ import annotations

import pytest

from mvsdk.emulator.device import Device, End
from mvsdk.emulator.events import FactoryLogLine, FactoryTestEnded, LogLine
from mvsdk.emulator.inputs import Circumstance, Reset
from mvsdk.testing import Compute, ScriptedCore
from tests.emulator.personality.kernel import FLASH, RAM, Guest, Kernel, call, one_call, status_name

BUFFER, TEXT = RAM + 0x1000, RAM + 0x200


@pytest.mark.parametrize("status", [0, 1, 0xFFFF_FFFF])
def test_the_test_code_ends_with_its_status(status: int) -> None:
    """mvTestingComplete does not come back: the run ends, told once, and stays ended."""

    def guest(core: ScriptedCore) -> Guest:
        yield call("mvTestingComplete", status)
        raise AssertionError

    kernel = Kernel(guest, testing=True)
    assert kernel.end is End.TESTED
    assert kernel.device.test_status == status
    assert [event.status for event in kernel.events if isinstance(event, FactoryTestEnded)] == [status]
    assert kernel.device.run(5_000_000) is End.TESTED


@pytest.mark.parametrize(("status", "end"), [(0, End.TIME), (1, End.TESTED)])
def test_an_application_that_waits_follows_a_passed_test_alone(status: int, end: End) -> None:
    """Then the run goes on without anything that runs; nothing but an installation starts an application again."""
    lives = 0

    def guest(core: ScriptedCore) -> Guest:
        nonlocal lives
        lives += 1
        yield Compute(1000)
        yield call("mvTestingComplete", status)
        raise AssertionError

    def prepare(device: Device) -> None:
        device.inputs.now(Circumstance("final_staged", True))
        device.inputs.at(500_000, Reset())

    kernel = Kernel(guest, testing=True, prepare=prepare)
    assert kernel.end is end
    assert kernel.device.test_status == (status or None)
    assert [event.status for event in kernel.events if isinstance(event, FactoryTestEnded)] == [status]
    assert lives == 1


def test_outside_a_test_nothing_is_complete() -> None:
    """An ordinary application is told UNAVAILABLE and goes on."""
    assert one_call("mvTestingComplete", 0) == "UNAVAILABLE"


@pytest.mark.parametrize(
    ("address", "length", "status"),
    [
        (BUFFER, 512, "OKAY"),
        (FLASH, 512, "PARAMETERFAULT"),
        (BUFFER + 8, 513, "INVALIDBUFFERALIGNMENT"),
        (BUFFER, 513, "INVALIDBUFFERSIZE"),
        (BUFFER, 0, "INVALIDBUFFERSIZE"),
    ],
)
def test_the_buffer_is_checked_before_the_mode(address: int, length: int, status: str) -> None:
    """A bad buffer has the same status in and outside a test; a good one is UNAVAILABLE outside."""
    assert one_call("mvTestLoggingInit", address, length, testing=True) == status
    outside = "UNAVAILABLE" if status == "OKAY" else status
    assert one_call("mvTestLoggingInit", address, length) == outside


def test_messages_go_to_the_factorys_console() -> None:
    """They are told as factory lines, in order, and not as the server's."""

    def guest(core: ScriptedCore) -> Guest:
        yield call("mvTestLoggingInit", BUFFER, 512)
        for text in (b"one", b"\xfftwo"):
            core.write_memory(TEXT, text)
            yield call("mvTestLog", TEXT, len(text))

    events = Kernel(guest, testing=True).events
    assert [event.text for event in events if isinstance(event, FactoryLogLine)] == ["one", "\\xfftwo"]
    assert not [event for event in events if isinstance(event, LogLine)]


def test_test_log_refuses_in_the_documented_order() -> None:
    """Not initialised, then the pointer, then the room, then the length."""
    statuses: list[str] = []

    def guest(core: ScriptedCore) -> Guest:
        for buffer, size, pointer, length in (
            (0, 0, 0, 5),
            (BUFFER, 512, 0, 2000),
            (BUFFER, 512, TEXT, 2000),
            (BUFFER, 4096, TEXT, 1025),
            (BUFFER, 4096, TEXT, 1024),
        ):
            if size:
                yield call("mvTestLoggingInit", buffer, size)
            statuses.append(status_name((yield call("mvTestLog", pointer, length))))

    Kernel(guest, testing=True)
    assert statuses == ["UNAVAILABLE", "PARAMETERFAULT", "INVALIDBUFFERSIZE", "LOGMESSAGETOOLONG", "OKAY"]


def test_the_two_logs_do_not_share_a_buffer() -> None:
    """Memory lent to the server's log is not lent again, but beside it there is room for the factory's."""
    statuses: list[str] = []

    def guest(core: ScriptedCore) -> Guest:
        for name, address in (
            ("mvServerLoggingInit", BUFFER),
            ("mvTestLoggingInit", BUFFER),
            ("mvTestLoggingInit", BUFFER + 1024),
            ("mvTestLoggingInit", BUFFER + 512),
        ):
            statuses.append(status_name((yield call(name, address, 1024))))
            yield Compute(1)

    Kernel(guest, testing=True)
    assert statuses == ["OKAY", "BUFFERALREADYINUSE", "OKAY", "BUFFERALREADYINUSE"]
