"""Laws of server logging."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvsdk.emulator.device import Device
from mvsdk.emulator.events import LogLine
from mvsdk.emulator.inputs import Link
from mvsdk.emulator.personality.microvisor.message_buffer import BYTE_US
from mvsdk.testing import Compute, ScriptedCore
from tests.emulator.personality.kernel import FLASH, RAM, STATUS, Guest, Kernel, call, one_call, status_name, words

BUFFER = RAM + 0x1000
TEXT = RAM + 0x200


def log(*texts: bytes, length: int = 0x400) -> tuple[list[str], list[int]]:
    """Log messages on a fresh device and return what was told, and the statuses."""
    statuses: list[int] = []

    def guest(core: ScriptedCore) -> Guest:
        statuses.append((yield call("mvServerLoggingInit", BUFFER, length)))
        for text in texts:
            core.write_memory(TEXT, text)
            statuses.append((yield call("mvServerLog", TEXT, len(text))))

    events = Kernel(guest).events
    return [event.text for event in events if isinstance(event, LogLine)], statuses


def test_messages_arrive_as_sent_and_in_order() -> None:
    """Every accepted message is told once, in order, with exactly the bytes of its length."""
    assert log(b"one", b"two\n", "drei \u00e4".encode()) == (["one", "two\n", "drei \u00e4"], [0, 0, 0, 0])


def test_bytes_that_are_no_text_become_escapes() -> None:
    """A message that is not UTF-8 is told all the same."""
    assert log(b"\xff\xfe!")[0] == ["\\xff\\xfe!"]


@pytest.mark.parametrize(
    ("address", "length", "status"),
    [
        (BUFFER, 512, "OKAY"),
        (BUFFER + 256, 512, "INVALIDBUFFERALIGNMENT"),
        (BUFFER, 0, "INVALIDBUFFERSIZE"),
        (BUFFER, 513, "INVALIDBUFFERSIZE"),
        (FLASH, 512, "PARAMETERFAULT"),
        (0, 512, "PARAMETERFAULT"),
        (0xFFFF_FE00, 0x200, "PARAMETERFAULT"),
        (RAM, 0x8_0200, "PARAMETERFAULT"),
    ],
)
def test_the_buffer_must_be_the_applications_own_and_in_whole_blocks(address: int, length: int, status: str) -> None:
    """Each documented reason to refuse the buffer has its status, and a pointer fault comes first."""
    assert one_call("mvServerLoggingInit", address, length) == status


def test_not_initialised_comes_before_a_bad_pointer() -> None:
    """Without a buffer mvServerLog is UNAVAILABLE whatever its arguments: the documented order for this call."""
    assert one_call("mvServerLog", 0, 5) == "UNAVAILABLE"


def test_a_message_longer_than_the_limit_or_the_buffer_is_refused() -> None:
    """1024 bytes pass, 1025 are too long, and a message larger than the buffer does not fit."""
    assert log(b"x" * 1024)[1][-1] == STATUS["MV_STATUS_OKAY"]
    assert log(b"x" * 1025, length=0x800)[1][-1] == STATUS["MV_STATUS_LOGMESSAGETOOLONG"]
    assert log(b"x" * 600, length=512)[1][-1] == STATUS["MV_STATUS_INVALIDBUFFERSIZE"]


def test_a_message_may_lie_in_flash_and_may_be_empty() -> None:
    """Constants are logged from flash; a message of length 0 needs no pointer at all."""
    statuses: list[int] = []

    def guest(core: ScriptedCore) -> Guest:
        yield call("mvServerLoggingInit", BUFFER, 512)
        statuses.append((yield call("mvServerLog", FLASH, 8)))
        statuses.append((yield call("mvServerLog", 0, 0)))

    Kernel(guest)
    assert statuses == [0, 0]


def test_only_sixteen_bits_of_the_length_count() -> None:
    """`length_bytes` is a uint16_t: what a caller leaves above it in the register is not part of it."""
    statuses: list[int] = []

    def guest(core: ScriptedCore) -> Guest:
        yield call("mvServerLoggingInit", BUFFER, 512)
        core.write_memory(TEXT, b"hello")
        statuses.append((yield call("mvServerLog", TEXT, 0xABCD_0005)))

    events = Kernel(guest).events
    assert statuses == [0]
    assert [event.text for event in events if isinstance(event, LogLine)] == ["hello"]


def test_a_full_buffer_refuses_until_it_has_emptied() -> None:
    """What was accepted waits in the buffer: too much at once is refused, and fits a little later."""
    statuses: list[str] = []

    def guest(core: ScriptedCore) -> Guest:
        yield call("mvServerLoggingInit", BUFFER, 1024)
        for length in (1000, 1000, 24, 24):
            statuses.append(status_name((yield call("mvServerLog", TEXT, length))))
        yield Compute(160 * BYTE_US * 1024)
        statuses.append(status_name((yield call("mvServerLog", TEXT, 1000))))

    events = Kernel(guest).events
    assert statuses == ["OKAY", "INVALIDBUFFERSIZE", "OKAY", "INVALIDBUFFERSIZE", "OKAY"]
    assert len([event for event in events if isinstance(event, LogLine)]) == 3


@given(st.lists(st.tuples(st.integers(0, 1024), st.integers(0, 40_000)), max_size=20))
def test_the_buffer_never_holds_more_than_it_can(steps: list[tuple[int, int]]) -> None:
    """A message is accepted exactly if it fits beside what has not left at the documented rate."""
    waiting, last = 0, 0.0

    def guest(core: ScriptedCore) -> Guest:
        nonlocal waiting, last
        yield call("mvServerLoggingInit", BUFFER, 1024)
        for length, pause_us in steps:
            now = core.cycle // 160
            waiting = max(0, waiting - (now - int(last)))
            last = now
            fits = length * BYTE_US + waiting <= 1024 * BYTE_US
            status = status_name((yield call("mvServerLog", TEXT, length)))
            assert status == ("OKAY" if fits else "INVALIDBUFFERSIZE")
            waiting += length * BYTE_US if fits else 0
            yield Compute(160 * pause_us)

    Kernel(guest, until_us=5_000_000)


def test_the_cloud_may_switch_logging_off() -> None:
    """While it does a good message is refused as the cloud's doing; a bad one for the first thing wrong with it."""
    statuses: list[str] = []

    def guest(core: ScriptedCore) -> Guest:
        yield call("mvServerLoggingInit", BUFFER, 2048)
        for pointer, length in ((TEXT, 5), (TEXT, 1025), (TEXT, 2049), (0, 2049)):
            statuses.append(status_name((yield call("mvServerLog", pointer, length))))

    def switch_off(device: Device) -> None:
        device.kernel.circumstances.server_logging = False

    events = Kernel(guest, prepare=switch_off).events
    assert statuses == ["LOGGINGDISABLEDBYSERVER", "LOGMESSAGETOOLONG", "INVALIDBUFFERSIZE", "PARAMETERFAULT"]
    assert not [event for event in events if isinstance(event, LogLine)]


def test_a_second_buffer_replaces_the_first() -> None:
    """The first one's memory is the application's again, and the second starts empty."""
    statuses: list[int] = []

    def guest(core: ScriptedCore) -> Guest:
        yield call("mvServerLoggingInit", BUFFER, 512)
        yield call("mvServerLog", TEXT, 512)
        statuses.append((yield call("mvServerLoggingInit", BUFFER + 512, 512)))
        statuses.append((yield call("mvServerLog", TEXT, 512)))
        core.write_memory(RAM, words(41, BUFFER, 32))
        statuses.append((yield call("mvSetupNotifications", RAM, RAM + 0x40)))

    Kernel(guest)
    assert statuses == [0, 0, 0]


def test_a_buffer_may_not_lie_in_a_ring() -> None:
    """Memory lent to a notification centre is in use."""
    statuses: list[int] = []

    def guest(core: ScriptedCore) -> Guest:
        core.write_memory(RAM, words(41, BUFFER + 500, 32))
        yield call("mvSetupNotifications", RAM, RAM + 0x40)
        statuses.append((yield call("mvServerLoggingInit", BUFFER, 512)))

    Kernel(guest)
    assert [status_name(status) for status in statuses] == ["BUFFERALREADYINUSE"]


def test_messages_wait_in_the_buffer_while_the_device_is_offline() -> None:
    """Without a connection the buffer fills and stays full; once there is one it empties."""
    found: list[str] = []

    def guest(core: ScriptedCore) -> Guest:
        yield call("mvServerLoggingInit", BUFFER, 512)
        for delay in (500, 500, 3000):
            for _ in range(delay):
                yield Compute(160_000)
            found.append(status_name((yield call("mvServerLog", TEXT, 300))))

    def weather(device: Device) -> None:
        device.inputs.at(100_000, Link("down"))
        device.inputs.at(1_500_000, Link("up"))

    Kernel(guest, until_us=10_000_000, prepare=weather)
    assert found == ["OKAY", "INVALIDBUFFERSIZE", "OKAY"]
