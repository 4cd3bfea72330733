"""Laws of channels of every kind."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mvsdk.emulator.device import Device
from mvsdk.emulator.inputs import Arrival, Input, Link
from mvsdk.emulator.network.exchanges import Close, Closure, Lost
from mvsdk.testing import FakeWorld, ScriptedCore
from tests.emulator.personality.kernel import ABI, BOARD, PLAUSIBLE, Guest, call, status_name, word
from tests.emulator.personality.networked import (
    CENTRE,
    CHANNEL,
    CHANNEL_TAG,
    NETWORK,
    OUT,
    RECEIVE,
    SEND,
    Statuses,
    centre,
    channel_call,
    hold,
    must,
    online,
    records,
    wait,
)

CLOSURES = {
    number: name.removeprefix("MV_CLOSUREREASON_") for name, number in ABI.enums["MvClosureReason"].members.items()
}


def run(guest: Callable[[ScriptedCore], Guest], *inputs: tuple[int, Input]) -> FakeWorld:
    """Run a guest on a fresh device and return what it sent."""
    device = Device(BOARD, PLAUSIBLE, ScriptedCore(guest))
    world = device.world = FakeWorld()
    for moment, what in inputs:
        device.inputs.at(moment, what)
    device.run(20_000_000)
    return world


def closure(core: ScriptedCore, found: list[str]) -> Guest:
    """Ask why the channel is closed and keep the reason."""
    yield from must(call("mvGetChannelClosureReason", word(core, CHANNEL), OUT))
    found.append(CLOSURES[word(core, OUT)])


@pytest.mark.parametrize(
    "reason", ["CHANNELCLOSEDBYSERVER", "CHANNELRESETBYSERVER", "CONNECTIONTERMINATED", "UNEXPECTEDLYTERMINATED"]
)
def test_a_channel_the_world_closes_is_told_once_and_says_why(reason: Closure) -> None:
    """One CHANNELNOTCONNECTED with the channel's tag, the reason until it is closed, and then a handle of zero."""
    found: list[str] = []
    told: list[tuple[str, int]] = []
    handles: list[int] = []

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "OPAQUEBYTES")
        yield from closure(core, found)
        yield from wait(core, 100)
        yield from closure(core, found)
        yield from must(call("mvCloseChannel", CHANNEL))
        handles.append(word(core, CHANNEL))
        yield from wait(core, 10)
        told.extend((record.event, record.tag) for record in records(core))

    run(guest, (50_000, Arrival(Lost(1, reason))), (60_000, Arrival(Lost(1, "CONNECTIONTERMINATED"))))
    assert found == ["NONE", reason]
    assert told == [("CHANNELNOTCONNECTED", CHANNEL_TAG)]
    assert handles == [0]


@pytest.mark.parametrize("how", ["release", "link"])
def test_a_channel_dies_with_its_network(how: str) -> None:
    """Releasing the hold it was opened with, or losing the link, closes it with NETWORKDISCONNECTED."""
    found: list[str] = []

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "OPAQUEBYTES")
        if how == "release":
            yield from must(call("mvReleaseNetwork", NETWORK))
        yield from wait(core, 100)
        yield from closure(core, found)

    world = run(guest, *([(50_000, Link("down"))] if how == "link" else []))
    assert found == ["NETWORKDISCONNECTED"]
    assert world.requests[-1] == Close(1)


def test_another_hold_keeps_its_channels() -> None:
    """Only the channels of the hold that is released are lost."""
    found: list[str] = []

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "OPAQUEBYTES")
        yield from hold(core, OUT + 16)
        yield from must(call("mvReleaseNetwork", OUT + 16))
        yield from closure(core, found)

    run(guest)
    assert found == ["NONE"]


def test_the_world_hears_of_every_channel_that_is_closed_and_of_each_once() -> None:
    """Closing tells the world; a channel that it has closed itself is told back once, and not when it is closed."""

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "OPAQUEBYTES")
        yield from must(call("mvCloseChannel", CHANNEL))
        yield from must(channel_call(core, "OPAQUEBYTES", endpoint=b"somewhere"))
        yield from wait(core, 100)
        yield from must(call("mvCloseChannel", CHANNEL))

    world = run(guest, (50_000, Arrival(Lost(2, "CHANNELCLOSEDBYSERVER"))))
    assert [request.exchange for request in world.requests if isinstance(request, Close)] == [1, 2]


def test_a_closed_channel_gives_everything_back() -> None:
    """Its handle is dead, its buffers can be lent again, and answers that come late are in vain."""
    found = Statuses()
    told: list[str] = []

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "OPAQUEBYTES")
        handle = word(core, CHANNEL)
        yield from must(call("mvCloseChannel", CHANNEL))
        yield from found.call("mvReadChannel", handle, OUT, OUT + 4)
        yield from found.call("mvServerLoggingInit", RECEIVE, 512)
        yield from wait(core, 100)
        told.extend(record.event for record in records(core))

    run(guest, (50_000, Arrival(Lost(1, "CHANNELCLOSEDBYSERVER"))))
    assert found == ["INVALIDHANDLE", "OKAY"]
    assert told == []


def test_a_channel_without_a_centre_goes_on_in_silence() -> None:
    """After its centre is closed its events are lost, and it still says why it is closed."""
    found: list[str] = []
    told: list[str] = []

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "OPAQUEBYTES")
        yield from must(call("mvCloseNotifications", CENTRE))
        yield from wait(core, 100)
        yield from closure(core, found)
        told.extend(record.event for record in records(core))

    run(guest, (50_000, Arrival(Lost(1, "CHANNELRESETBYSERVER"))))
    assert found == ["CHANNELRESETBYSERVER"]
    assert told == []


def test_eight_opens_in_a_second_are_the_most() -> None:
    """The ninth within a second is refused; a second after the first it may come."""
    found = Statuses()

    def guest(core: ScriptedCore) -> Guest:
        yield from centre(core)
        yield from hold(core)
        for _ in range(9):
            request = channel_call(core, "OPAQUEBYTES", endpoint=b"somewhere")
            found.append(status_name((yield request)))
            yield call("mvCloseChannel", CHANNEL)
        yield from wait(core, 1001)
        found.append(status_name((yield channel_call(core, "OPAQUEBYTES", endpoint=b"somewhere"))))

    run(guest)
    assert found == ["OKAY"] * 8 + ["RATELIMITED", "OKAY"]


def test_four_channels_are_the_most_and_a_failure_leaves_the_handle_alone() -> None:
    """The fifth is refused, and what the variable held stays there."""
    found = Statuses()
    kept: list[int] = []

    def guest(core: ScriptedCore) -> Guest:
        yield from centre(core)
        yield from hold(core)
        core.write_memory(CHANNEL, b"\xaa\xbb\xcc\xdd")
        for number in range(5):
            handle = CHANNEL if number == 4 else OUT + 4 * number
            request = channel_call(
                core,
                "OPAQUEBYTES",
                endpoint=b"somewhere",
                handle=handle,
                receive=RECEIVE + 512 * number,
                send=SEND + 512 * number,
            )
            found.append(status_name((yield request)))
        kept.append(word(core, CHANNEL))

    run(guest)
    assert found == ["OKAY"] * 4 + ["TOOMANYCHANNELS"]
    assert kept == [0xDDCCBBAA]
