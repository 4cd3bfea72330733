"""A world for channels with one request and one answer, and a guest's ways to ask it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from mvsdk.emulator.device import Device
from mvsdk.emulator.events import Event
from mvsdk.emulator.inputs import Arrival, Input
from mvsdk.emulator.network.exchanges import Answer, Close, Request
from mvsdk.testing import Call, FakeWorld, ScriptedCore
from tests.emulator.personality.kernel import ABI, BOARD, PLAUSIBLE, RAM, Guest, call, word, words
from tests.emulator.personality.networked import CHANNEL

REQUEST, ARRAY, TEXTS = RAM + 0x20000, RAM + 0x20100, RAM + 0x21000
"""Where the struct of a request lies, the array it points at, and all texts, one after the other."""
DATA = RAM + 0x30000
"""Where the guest has things copied to."""


class Answering(FakeWorld):
    """A world that gives each request an answer, so many microseconds after it was sent; without one, none."""

    def __init__(self, device: Device, answer: Answer | None, after_us: int) -> None:
        super().__init__()
        self.closed: list[int] = []
        self._device = device
        self._answer = answer
        self._after_us = after_us

    def take(self, request: Request) -> None:
        """Keep it, and answer."""
        if isinstance(request, Close):
            self.closed.append(request.exchange)
            return
        self.requests.append(request)
        if self._answer is not None:
            arrival = Arrival(replace(self._answer, exchange=request.exchange))
            self._device.inputs.at(self._device.time_us + self._after_us, arrival)


def run(
    guest: Callable[[ScriptedCore], Guest],
    answer: Answer | None = None,
    *inputs: tuple[int, Input],
    after_us: int = 100_000,
    until_us: int = 30_000_000,
    told: list[Event] | None = None,
) -> Answering:
    """Run a guest on a fresh device in such a world."""
    events: list[Event] = [] if told is None else told
    device = Device(BOARD, PLAUSIBLE, ScriptedCore(guest), trace_calls=told is not None, observers=[events.append])
    world = Answering(device, answer, after_us)
    device.world = world
    for moment, what in inputs:
        device.inputs.at(moment, what)
    device.run(until_us)
    return world


def http_call(
    core: ScriptedCore,
    method: bytes = b"GET",
    url: bytes = b"https://example.com/",
    headers: Sequence[bytes] = (),
    body: bytes = b"",
    timeout_ms: int = 5000,
    *,
    handle: int = CHANNEL,
    fields: dict[str, int] | None = None,
) -> Call:
    """Lay out an HTTP request, with some fields of its struct changed, and name the call that sends it."""
    places = _lay_out(core, [method, url, body, *headers])
    array = [number for header, place in zip(headers, places[3:], strict=True) for number in (len(header), place)]
    core.write_memory(ARRAY, words(*array))
    values = {
        "method.data": places[0],
        "method.length": len(method),
        "url.data": places[1],
        "url.length": len(url),
        "num_headers": len(headers),
        "headers": ARRAY,
        "body.data": places[2],
        "body.length": len(body),
        "timeout_ms": timeout_ms,
    }
    core.write_memory(REQUEST, ABI.structs["MvHttpRequest"].pack(values | (fields or {})))
    return call("mvSendHttpRequest", word(core, handle), REQUEST)


def config_call(
    core: ScriptedCore, items: Sequence[tuple[int, int, bytes]], *, handle: int = CHANNEL, count: int | None = None
) -> Call:
    """Lay out a config fetch of items of scope, store and key, and name the call that sends it."""
    places = _lay_out(core, [key for _, _, key in items])
    numbers = [
        number
        for (scope, store, key), place in zip(items, places, strict=True)
        for number in (scope, store, place, len(key))
    ]
    core.write_memory(ARRAY, words(*numbers))
    core.write_memory(REQUEST, words(len(items) if count is None else count, ARRAY))
    return call("mvSendConfigFetchRequest", word(core, handle), REQUEST)


def _lay_out(core: ScriptedCore, texts: Sequence[bytes]) -> list[int]:
    """Write texts one after the other and return where they are: NULL for the empty one."""
    place, places = TEXTS, []
    for text in texts:
        core.write_memory(place, text)
        places.append(place if text else 0)
        place += len(text)
    return places
