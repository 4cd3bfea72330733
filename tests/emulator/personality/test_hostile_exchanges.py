"""Hostile applications on channels for HTTP and config: any struct, any handle, any moment.

Each call has a status that is documented for it or justified, and the other channels go on.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from mvsdk.emulator.network.exchanges import HttpAnswer
from mvsdk.testing import ScriptedCore
from tests.emulator.personality.exchanging import ARRAY, DATA, REQUEST, http_call, run
from tests.emulator.personality.kernel import ABI, FLASH, RAM, Guest, call, word, words
from tests.emulator.personality.networked import (
    CENTRE,
    CHANNEL,
    NETWORK,
    OUT,
    RECEIVE,
    SEND,
    Statuses,
    channel_call,
    must,
    online,
    wait,
)

NAMES = [
    "mvSendHttpRequest",
    "mvReadHttpResponseData",
    "mvReadHttpResponseHeader",
    "mvReadHttpResponseBody",
    "mvSendConfigFetchRequest",
    "mvReadConfigFetchResponseData",
    "mvReadConfigResponseItem",
]
RAM_END = RAM + 0x8_0000
GOOD = OUT + 32
"""Where the handle of the channel is that is used as it should be."""
CONFIG_CHANNEL = OUT + 36
HANDLES = st.sampled_from([CENTRE, NETWORK, CHANNEL, CONFIG_CHANNEL]).map(lambda where: -where) | st.sampled_from(
    [0, 1, 0xFFFF_FFFF]
)
POINTERS = st.sampled_from([0, 3, RAM, ARRAY, ARRAY + 1, DATA, SEND, RAM_END - 8, RAM_END, FLASH, 0x0C1F_E000]) | (
    st.integers(0, 0xFFFF_FFFF)
)
COUNTS = st.integers(0, 34) | st.sampled_from([512, 0x8_0000, 1 << 29, 1 << 31, 0xFFFF_FFFF])
WORDS = st.lists(COUNTS | POINTERS, min_size=9, max_size=9)


@dataclass(frozen=True)
class Attempt:
    """One call: which, on what, and what lies in the struct it is given and in the array behind that."""

    name: str
    handle: int
    first: int
    pointer: int
    size: int
    struct: list[int]
    array: list[int]
    pause_ms: int


ATTEMPTS = st.builds(
    Attempt,
    st.sampled_from(NAMES),
    HANDLES,
    COUNTS,
    st.just(REQUEST) | POINTERS,
    COUNTS,
    WORDS,
    WORDS,
    st.sampled_from([0, 0, 120]),
)


def allowed() -> set[tuple[str, str]]:
    """Return every call with every status it may have."""
    found = {(name, "OKAY") for name in NAMES}
    for name in NAMES:
        found |= {(name, status.name.removeprefix("MV_STATUS_")) for status in ABI.syscalls[name].statuses}
    with Path(__file__).with_name("undocumented-statuses.csv").open(encoding="utf-8") as table:
        return found | {(row["call"], row["status"]) for row in csv.DictReader(table)}


@settings(max_examples=150)
@given(attempts=st.lists(ATTEMPTS, min_size=1, max_size=8))
def test_whatever_is_asked_has_a_documented_status_and_harms_nobody(attempts: list[Attempt]) -> None:
    """Beside it a request on another channel leaves as it should and is answered."""
    statuses = Statuses()
    bodies: list[bytes] = []

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "HTTP", handle=CHANNEL)
        yield from must(
            channel_call(core, "CONFIGFETCH", handle=CONFIG_CHANNEL, receive=RECEIVE + 512, send=SEND + 512)
        )
        yield from must(channel_call(core, "HTTP", handle=GOOD, receive=RECEIVE + 1024, send=SEND + 1024))
        good = word(core, GOOD)
        yield from must(http_call(core, handle=GOOD))
        for attempt in attempts:
            core.write_memory(REQUEST, words(*attempt.struct))
            core.write_memory(ARRAY, words(*attempt.array))
            handle = word(core, -attempt.handle) if attempt.handle < 0 else attempt.handle
            arguments = [attempt.pointer]
            if attempt.name in {"mvReadHttpResponseHeader", "mvReadHttpResponseBody"}:
                arguments = [attempt.first, attempt.pointer, attempt.size]
            yield from statuses.call(attempt.name, handle, *arguments)
            yield from wait(core, attempt.pause_ms)
        yield from wait(core, 200)
        yield from must(call("mvReadHttpResponseBody", good, 0, DATA, 5))
        bodies.append(core.read_memory(DATA, 5))

    world = run(guest, HttpAnswer(0, "OK", 200, (), b"hello"))
    assert bodies == [b"hello"]
    assert world.requests[0].exchange == 3
    assert {(attempt.name, status) for attempt, status in zip(attempts, statuses, strict=True)} <= allowed()
