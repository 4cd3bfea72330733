"""A scripted guest that uses the network: a centre, a hold on the network, channels, and the records that come."""

from __future__ import annotations

import struct
from typing import NamedTuple

from mvsdk.testing import Call, Compute, ScriptedCore
from tests.emulator.personality.kernel import ABI, RAM, Guest, call, status_name, word, words

IRQ = 51
PARAMS, TEXT, RING = RAM + 0x100, RAM + 0x400, RAM + 0x1000
CENTRE, NETWORK, CHANNEL, OUT = RAM + 0x10, RAM + 0x14, RAM + 0x18, RAM + 0x40
RECEIVE, SEND = RAM + 0x10000, RAM + 0x14000
RECORDS = 16
NETWORK_TAG, CHANNEL_TAG = 0x11, 0x22
EVENTS = {number: name.removeprefix("MV_EVENTTYPE_") for name, number in ABI.enums["MvEventType"].members.items()}
MS = 160_000
"""Cycles."""


class Record(NamedTuple):
    """One notification."""

    time_us: int
    event: str
    tag: int


class Statuses(list[str]):
    """The names of the statuses of what a script called, in order."""

    def call(self, name: str, *arguments: int) -> Guest:
        """Make a call and keep its status; `yield from` it."""
        self.append(status_name((yield call(name, *arguments))))


def must(request: Call) -> Guest:
    """Make a call that has to succeed; `yield from` it."""
    status = yield request
    assert status == 0, status_name(status)


def centre(core: ScriptedCore, irq: int = IRQ, handle: int = CENTRE, ring: int = RING) -> Guest:
    """Set up a notification centre."""
    core.enabled.add(irq)
    core.write_memory(PARAMS, words(irq, ring, RECORDS * 16))
    yield from must(call("mvSetupNotifications", PARAMS, handle))


def hold(core: ScriptedCore, handle: int = NETWORK, tag: int = NETWORK_TAG) -> Guest:
    """Request the network."""
    core.write_memory(PARAMS, words(1, word(core, CENTRE), tag))
    yield from must(call("mvRequestNetwork", PARAMS, handle))


def channel_call(
    core: ScriptedCore,
    kind: str,
    *,
    endpoint: bytes = b"",
    handle: int = CHANNEL,
    receive: int = RECEIVE,
    receive_size: int = 512,
    send: int = SEND,
    send_size: int = 512,
    network: int = NETWORK,
    centre: int = CENTRE,
) -> Call:
    """Lay out the parameters of a channel and name the call that opens it; handles lie at `network` and `centre`."""
    core.write_memory(TEXT, endpoint)
    values = {
        "version": 1,
        "v1.notification_handle": word(core, centre),
        "v1.notification_tag": CHANNEL_TAG,
        "v1.network_handle": word(core, network),
        "v1.receive_buffer": receive,
        "v1.receive_buffer_len": receive_size,
        "v1.send_buffer": send,
        "v1.send_buffer_len": send_size,
        "v1.channel_type": ABI.enums["MvChannelType"].members["MV_CHANNELTYPE_" + kind],
        "v1.endpoint.data": TEXT,
        "v1.endpoint.length": len(endpoint),
    }
    core.write_memory(PARAMS, ABI.structs["MvOpenChannelParams"].pack(values))
    return call("mvOpenChannel", PARAMS, handle)


def online(core: ScriptedCore, kind: str, **options: object) -> Guest:
    """Have a centre, the network and one channel of a type."""
    yield from centre(core)
    yield from hold(core)
    if kind == "OPAQUEBYTES":
        options.setdefault("endpoint", b"somewhere")
    yield from must(channel_call(core, kind, **options))  # type: ignore[arg-type]


def wait(core: ScriptedCore, milliseconds: int, irq: int = IRQ) -> Guest:
    """Let time pass, taking every interrupt."""
    for _ in range(milliseconds):
        yield Compute(MS)
        core.pending.discard(irq)


def records(core: ScriptedCore, ring: int = RING) -> list[Record]:
    """Return the records in a ring, as far as they were written."""
    found = []
    for index in range(RECORDS):
        time_us, event, tag = struct.unpack("<QII", core.read_memory(ring + 16 * index, 16))
        if event:
            found.append(Record(time_us, EVENTS[event], tag))
    return found
