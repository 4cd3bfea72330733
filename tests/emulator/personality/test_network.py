"""Laws of holding the network."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mvsdk.emulator.device import Device
from mvsdk.emulator.inputs import Link
from mvsdk.emulator.personality.microvisor.network import CONNECT_US, ConnectionPolicy
from mvsdk.testing import ScriptedCore
from tests.emulator.personality.kernel import ABI, BOARD, PLAUSIBLE, Guest, call, status_name, word, words
from tests.emulator.personality.networked import (
    CENTRE,
    NETWORK,
    NETWORK_TAG,
    OUT,
    PARAMS,
    Statuses,
    centre,
    hold,
    must,
    online,
    records,
    wait,
)

STATUSES = {
    number: name.removeprefix("MV_NETWORKSTATUS_") for name, number in ABI.enums["MvNetworkStatus"].members.items()
}
REASONS = {
    name.removeprefix("MV_NETWORKREASON_"): bit
    for name, bit in ABI.enums["MvNetworkReason"].members.items()
    if not name.endswith("_MAX")
}


def device(
    guest: Callable[[ScriptedCore], Guest], policy: ConnectionPolicy | None = None, until_us: int = 30_000_000
) -> Device:
    """Run a guest on a fresh device."""
    made = Device(BOARD, PLAUSIBLE, ScriptedCore(guest), connection_policy=policy or ConnectionPolicy())
    made.run(until_us)
    return made


def status(core: ScriptedCore, found: list[str]) -> Guest:
    """Ask for the status and keep its name."""
    yield from must(call("mvGetNetworkStatus", word(core, NETWORK), OUT))
    found.append(STATUSES[word(core, OUT)])


def reasons(core: ScriptedCore, found: list[tuple[set[str], int]]) -> Guest:
    """Ask for the reasons and keep their names, and the number of holds."""
    yield from must(call("mvGetNetworkReasons", OUT, OUT + 4))
    bits = word(core, OUT)
    names = {
        name.removeprefix("MV_NETWORKREASON_") for name, bit in REASONS.items() if bit != 0xFFFF_FFFF and bits & bit
    }
    found.append((names, word(core, OUT + 4)))


def test_the_device_is_online_when_the_application_asks() -> None:
    """The kernel is connected from the start: the first status is CONNECTED, and no record comes for it."""
    found: list[str] = []

    def guest(core: ScriptedCore) -> Guest:
        yield from centre(core)
        yield from hold(core)
        yield from status(core, found)
        yield from wait(core, 3000)
        found.extend(record.event for record in records(core))

    device(guest)
    assert found == ["CONNECTED"]


def test_reasons_say_who_wants_the_network() -> None:
    """Before the first use it is the kernel, then the application while it has holds, each of which counts."""
    found: list[tuple[set[str], int]] = []

    def guest(core: ScriptedCore) -> Guest:
        yield from centre(core)
        yield from reasons(core, found)
        yield from hold(core)
        yield from hold(core, OUT + 16)
        yield from reasons(core, found)
        yield from must(call("mvReleaseNetwork", OUT + 16))
        yield from must(call("mvReleaseNetwork", NETWORK))
        yield from reasons(core, found)

    device(guest)
    assert found == [({"NEVERUSEDNETWORKAPI"}, 0), ({"USINGNETWORK"}, 2), (set(), 0)]


def test_a_lost_link_is_told_and_comes_back() -> None:
    """Each change is one record with the hold's tag, and the status is what is so at the instant of asking."""
    found: list[str] = []
    told: list[tuple[str, int]] = []

    def guest(core: ScriptedCore) -> Guest:
        yield from centre(core)
        yield from hold(core)
        for _ in range(4):
            yield from wait(core, 1000)
            yield from status(core, found)
        yield from wait(core, 2000)
        yield from status(core, found)
        told.extend((record.event, record.tag) for record in records(core))

    made = Device(BOARD, PLAUSIBLE, ScriptedCore(guest))
    for moment, state in ((500_000, "down"), (1_500_000, "no-server"), (2_500_000, "up")):
        made.inputs.at(moment, Link(state))
    made.run(10_000_000)
    assert found == ["CONNECTING", "DISCONNECTEDWITHLINKUP", "CONNECTING", "CONNECTED", "CONNECTED"]
    assert told == [("NETWORKSTATUSCHANGED", NETWORK_TAG)] * 4


def test_network_events_reach_those_who_listen_to_the_system() -> None:
    """A system notification of the source NETWORK hears of the same changes with its own tag."""
    tags: list[int] = []

    def guest(core: ScriptedCore) -> Guest:
        yield from centre(core)
        core.write_memory(PARAMS, words(word(core, CENTRE), 0x77, 0))
        yield from must(call("mvOpenSystemNotification", PARAMS, OUT))
        yield from wait(core, 100)
        tags.extend(record.tag for record in records(core))

    made = Device(BOARD, PLAUSIBLE, ScriptedCore(guest))
    made.inputs.at(50_000, Link("down"))
    made.run(1_000_000)
    assert tags == [0x77]


def test_after_the_grace_time_the_device_goes_offline_and_checks_in() -> None:
    """With both times in the manifest it is connected for the grace, then offline but for a check-in now and then."""
    found: list[str] = []
    why: list[tuple[set[str], int]] = []

    def guest(core: ScriptedCore) -> Guest:
        yield from centre(core)
        yield from hold(core)
        yield from hold(core, OUT + 16)
        core.write_memory(PARAMS, words(word(core, CENTRE), 0x77, 0))
        yield from must(call("mvOpenSystemNotification", PARAMS, OUT))
        yield from must(call("mvReleaseNetwork", OUT + 16))
        yield from must(call("mvReleaseNetwork", NETWORK))
        yield from wait(core, 16_500)
        yield from reasons(core, why)
        yield from wait(core, 15_000)
        found.extend(f"{record.time_us // 1_000_000}" for record in records(core))

    device(guest, ConnectionPolicy(grace_s=5, check_in_s=10), until_us=60_000_000)
    connect = CONNECT_US // 1_000_000
    assert found == ["5", "15", f"{15 + connect}", f"{15 + connect + 5}", f"{30 + connect}"]
    assert why == [({"MINIMUMCHECKINEXPIRED"}, 0)]


def test_without_a_check_in_time_the_device_stays_online() -> None:
    """The manifest's 0 means to try to stay connected, whoever has let go."""

    def guest(core: ScriptedCore) -> Guest:
        yield from centre(core)
        yield from hold(core)
        yield from must(call("mvReleaseNetwork", NETWORK))
        yield from wait(core, 5000)
        yield from hold(core)
        yield from status(core, found)

    found: list[str] = []
    device(guest)
    assert found == ["CONNECTED"]


def test_a_request_while_offline_connects_again() -> None:
    """The status is offline at first, then connecting, then connected; no record comes inside the call."""
    found: list[str] = []
    inside: list[int] = []

    def guest(core: ScriptedCore) -> Guest:
        yield from centre(core)
        yield from hold(core)
        yield from must(call("mvReleaseNetwork", NETWORK))
        yield from wait(core, 100)
        yield from hold(core)
        inside.append(len(records(core)))
        yield from status(core, found)
        yield from wait(core, 10)
        yield from status(core, found)
        yield from wait(core, 2000)
        yield from status(core, found)

    device(guest, ConnectionPolicy(check_in_s=3600))
    assert inside == [0]
    assert found == ["DELIBERATELYOFFLINE", "CONNECTING", "CONNECTED"]


@pytest.mark.parametrize(("held", "expected"), [(True, "MICROVISORBUSY"), (False, "OKAY")])
def test_a_held_network_keeps_the_device_awake(held: bool, expected: str) -> None:
    """While the application holds the network no sleep begins; without a hold it does."""
    found = Statuses()

    def guest(core: ScriptedCore) -> Guest:
        core.enabled.add(60)
        core.pend(60)
        yield from centre(core)
        yield from hold(core)
        if not held:
            yield from must(call("mvReleaseNetwork", NETWORK))
        yield from found.call("mvPowerSave", 0)

    device(guest)
    assert found == [expected]


def test_a_released_handle_is_zero_and_dead() -> None:
    """Release writes zero; the old value is no handle any more."""
    found: list[object] = []

    def guest(core: ScriptedCore) -> Guest:
        yield from centre(core)
        yield from hold(core)
        handle = word(core, NETWORK)
        yield from must(call("mvReleaseNetwork", NETWORK))
        found.append(word(core, NETWORK))
        found.append(status_name((yield call("mvGetNetworkStatus", handle, OUT))))

    device(guest)
    assert found == [0, "INVALIDHANDLE"]


def test_a_new_life_has_not_used_the_network() -> None:
    """After a restart the kernel is online by itself again and the channels of the last life are closed."""
    found: list[tuple[set[str], int]] = []

    def guest(core: ScriptedCore) -> Guest:
        if core.resets == 1:
            yield from online(core, "OPAQUEBYTES")
            yield call("mvRestart", 0)
        yield from reasons(core, found)

    made = device(guest)
    assert found == [({"NEVERUSEDNETWORKAPI"}, 0)]
    assert made.kernel.channels.connected == frozenset()
