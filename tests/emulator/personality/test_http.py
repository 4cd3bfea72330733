"""Laws of HTTP as the application meets it."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvsdk.emulator import snapshots
from mvsdk.emulator.device import Device
from mvsdk.emulator.inputs import Arrival, Link, RemoteRestart
from mvsdk.emulator.network.exchanges import Answer, ConfigAnswer, HttpAnswer, HttpRequest, Lost, StreamData, http_size
from mvsdk.testing import ScriptedCore
from tests.emulator.personality.exchanging import DATA, Answering, http_call, run
from tests.emulator.personality.kernel import ABI, BOARD, PLAUSIBLE, RAM, Guest, call, word
from tests.emulator.personality.networked import (
    CHANNEL,
    CHANNEL_TAG,
    OUT,
    RECEIVE,
    SEND,
    Statuses,
    channel_call,
    must,
    online,
    records,
    wait,
)

RESULTS = {number: name.removeprefix("MV_HTTPRESULT_") for name, number in ABI.enums["MvHttpResult"].members.items()}
PATTERN = b"\xee"
HELLO = HttpAnswer(0, "OK", 200, (b"A: 1",), b"hello")


def outcome(core: ScriptedCore, found: list[tuple[str, int, int, int]]) -> Guest:
    """Read the outcome of the request."""
    yield from must(call("mvReadHttpResponseData", word(core, CHANNEL), OUT))
    values = ABI.structs["MvHttpResponseData"].unpack(core.read_memory(OUT, 16))
    found.append((RESULTS[values["result"]], values["status_code"], values["num_headers"], values["body_length"]))


def test_a_request_leaves_as_the_application_wrote_it() -> None:
    """Method, URL, headers in order and body are sent as they are, with the room that there is for an answer."""

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "HTTP", receive_size=1536)
        headers = (b"A: 1", b"", b"B: \xff")
        yield from must(http_call(core, b"POST", b"https://example.com/\0", headers, b"\0body", 7000))

    world = run(guest)
    headers = (b"A: 1", b"", b"B: \xff")
    assert world.requests == [HttpRequest(1, b"POST", b"https://example.com/\0", headers, b"\0body", 7000, 1536)]


def test_a_request_of_nothing_is_the_servers_to_judge() -> None:
    """NULL with a length of 0 is legal everywhere, and so is a timeout of 2^32-1 as far as the call goes."""

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "HTTP")
        yield from must(http_call(core, b"", b"", (), b"", 0xFFFF_FFFF, fields={"headers": 0}))

    assert run(guest).requests == [HttpRequest(1, b"", b"", (), b"", 0xFFFF_FFFF, 512)]


HEADERS = st.lists(st.text(st.characters(codec="ascii"), max_size=40).map(str.encode), max_size=12)
RESPONSES = st.builds(
    HttpAnswer, st.just(0), st.just("OK"), st.integers(100, 999), HEADERS.map(tuple), st.binary(max_size=1500)
)


@settings(max_examples=60)
@given(answer=RESPONSES, size=st.integers(0, 50), piece=st.integers(1, 700))
def test_every_answer_can_be_read_back_exactly(answer: HttpAnswer, size: int, piece: int) -> None:
    """Headers come up to the size asked for, the body in pieces of any size, and memory beyond is left alone; reading
    takes nothing away."""
    data: list[tuple[str, int, int, int]] = []
    headers: list[bytes] = []
    bodies: list[bytes] = []

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "HTTP", receive_size=4096)
        yield from must(http_call(core))
        yield from wait(core, 150)
        handle = word(core, CHANNEL)
        for _ in range(2):
            yield from outcome(core, data)
            for index in range(len(answer.headers)):
                core.write_memory(DATA, PATTERN * 60)
                yield from must(call("mvReadHttpResponseHeader", handle, index, DATA, size))
                headers.append(core.read_memory(DATA, 60))
            body = b""
            for offset in range(0, len(answer.body) + 1, piece):
                core.write_memory(DATA, PATTERN * (piece + 1))
                yield from must(call("mvReadHttpResponseBody", handle, offset, DATA, piece))
                expected = answer.body[offset : offset + piece]
                assert core.read_memory(DATA, piece + 1) == expected.ljust(piece + 1, PATTERN)
                body += expected
            bodies.append(body)

    run(guest, answer)
    assert data == [("OK", answer.status, len(answer.headers), len(answer.body))] * 2
    assert headers == [header[:size].ljust(60, PATTERN) for header in answer.headers] * 2
    assert bodies == [answer.body] * 2


def test_an_answer_is_told_once_and_nothing_else_ever() -> None:
    """One CHANNELDATAREADABLE with the channel's tag, at the answer's time; nothing about space, second answers,
    answers of another kind, or the application's own close."""
    told: list[tuple[int, str, int]] = []
    found: list[tuple[str, int, int, int]] = []

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "HTTP")
        yield from wait(core, 40)
        yield from must(http_call(core))
        yield from wait(core, 200)
        yield from outcome(core, found)
        yield from must(call("mvCloseChannel", CHANNEL))
        yield from wait(core, 20)
        told.extend((record.time_us // 1000, record.event, record.tag) for record in records(core))

    second, others = HttpAnswer(1, "REQUESTFAILED"), [StreamData(1, b"x"), ConfigAnswer(1, "OK"), HELLO]
    arrivals: list[tuple[int, Answer]] = [(20_000, second), (200_000, second), (280_000, second)]
    arrivals += [(moment, answer) for moment in (20_000, 90_000, 200_000) for answer in others]
    inputs = [(moment, Arrival(answer)) for moment, answer in arrivals]
    run(guest, HELLO, *inputs)
    assert [(event, tag) for _, event, tag in told] == [("CHANNELDATAREADABLE", CHANNEL_TAG)]
    assert 140 <= told[0][0] <= 150
    assert found == [("OK", 200, 1, 5)]


@pytest.mark.parametrize("result", sorted(set(RESULTS.values()) - {"OK"}))
def test_a_request_that_was_not_carried_out_has_a_result_and_nothing_else(result: str) -> None:
    """Results 1 to 6 arrive like any answer; there is no status, no header, no body."""
    found: list[tuple[str, int, int, int]] = []
    statuses = Statuses()

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "HTTP")
        yield from must(http_call(core))
        yield from wait(core, 150)
        yield from outcome(core, found)
        yield from statuses.call("mvReadHttpResponseHeader", word(core, CHANNEL), 0, DATA, 16)
        yield from statuses.call("mvReadHttpResponseBody", word(core, CHANNEL), 0, DATA, 16)

    run(guest, HttpAnswer(0, result, 200, (b"A: 1",), b"body"))  # type: ignore[arg-type]
    assert found == [(result, 0, 0, 0)]
    assert statuses == ["REQUESTUNSUCCESSFUL"] * 2


@pytest.mark.parametrize("status", [-1, 1000, 1 << 40])
def test_a_status_that_is_none_is_a_failed_request(status: int) -> None:
    """Whatever a recording says, the kernel goes on."""
    found: list[tuple[str, int, int, int]] = []

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "HTTP")
        yield from must(http_call(core))
        yield from wait(core, 150)
        yield from outcome(core, found)

    run(guest, HttpAnswer(0, "OK", status))
    assert found == [("REQUESTFAILED", 0, 0, 0)]


@pytest.mark.parametrize("spare", [0, 1])
def test_a_response_has_to_fit_the_receive_buffer(spare: int) -> None:
    """The last byte that fits decides, whatever a peer thinks of it."""
    found: list[tuple[str, int, int, int]] = []
    empty = HttpAnswer(0, "OK", 200, (b"A: 1",))
    answer = HttpAnswer(0, "OK", 200, (b"A: 1",), bytes(512 - http_size(empty) + spare))

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "HTTP")
        yield from must(http_call(core))
        yield from wait(core, 150)
        yield from outcome(core, found)

    run(guest, answer)
    assert [result for result, *_ in found] == ["RESPONSETOOLARGE" if spare else "OK"]


@pytest.mark.parametrize(("timeout_ms", "moment_s"), [(5000, 9), (10_000, 14), (0, 4), (0xFFFF_FFFF, 14)])
def test_who_is_not_answered_hears_that_the_request_failed(timeout_ms: int, moment_s: int) -> None:
    """The request's time and a margin later, the longest time at most; the world hears that nobody waits any more."""
    found: list[tuple[str, int, int, int]] = []
    told: list[tuple[int, str]] = []

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "HTTP")
        yield from must(http_call(core, timeout_ms=timeout_ms))
        yield from wait(core, 16_000)
        yield from outcome(core, found)
        told.extend((record.time_us // 1_000_000, record.event) for record in records(core))

    world = run(guest)
    assert found == [("REQUESTFAILED", 0, 0, 0)]
    assert told == [(moment_s, "CHANNELDATAREADABLE")]
    assert world.closed == [1]


LATE = {
    "the URL off RAM": {"url.length": 0x80000},
    "the body nowhere": {"body.data": 0x3000_0000, "body.length": 1},
    "all headers there could be": {"num_headers": 0xFFFF_FFFF},
    "headers in the kernel's memory": {"headers": 0x0C00_0000, "num_headers": 1},
}
BAD = {
    **dict.fromkeys(LATE, "LATEFAULT"),
    "a body larger than the buffer": "INVALIDBUFFERSIZE",
    "33 headers": "TOOMANYELEMENTS",
}


@pytest.mark.parametrize(("cause", "status"), BAD.items())
def test_a_failed_try_is_the_only_one(cause: str, status: str) -> None:
    """After it the channel takes no request and has no response, and another channel is as good as ever."""
    statuses = Statuses()
    fields = LATE.get(cause, {"body.data": RAM, "body.length": 512} if "body" in cause else {"num_headers": 33})

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "HTTP")
        tried = http_call(core, headers=[b""] * 33 if "33" in cause else [], fields=fields)
        yield from statuses.call("mvSendHttpRequest", tried.r0, tried.r1)
        yield from wait(core, 10)
        good = http_call(core)
        yield from statuses.call("mvSendHttpRequest", good.r0, good.r1)
        yield from wait(core, 200)
        yield from statuses.call("mvReadHttpResponseData", good.r0, OUT)
        assert records(core) == []
        yield from must(call("mvCloseChannel", CHANNEL))
        yield from must(channel_call(core, "HTTP"))
        yield from must(http_call(core))

    world = run(guest, HELLO)
    assert statuses == [status, "REQUESTALREADYSENT", "RESPONSENOTPRESENT"]
    assert [request.exchange for request in world.requests] == [2]


def test_a_bad_second_try_does_not_harm_the_first() -> None:
    """The request that is under way is answered all the same."""
    statuses = Statuses()
    found: list[tuple[str, int, int, int]] = []

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "HTTP")
        yield from must(http_call(core))
        bad = http_call(core, fields=LATE["the URL off RAM"])
        yield from statuses.call("mvSendHttpRequest", bad.r0, bad.r1)
        yield from wait(core, 150)
        yield from outcome(core, found)

    run(guest, HELLO)
    assert statuses == ["LATEFAULT"]
    assert found == [("OK", 200, 1, 5)]


def test_a_channel_whose_other_side_is_gone_refuses() -> None:
    """One CHANNELNOTCONNECTED, then CHANNELCLOSED for what is asked and for the answer that never comes; no failure
    comes either."""
    statuses = Statuses()
    told: list[str] = []

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "HTTP")
        yield from must(http_call(core))
        yield from must(channel_call(core, "HTTP", handle=OUT + 32, receive=RECEIVE + 512, send=SEND + 512))
        yield from wait(core, 200)
        again = http_call(core, handle=OUT + 32)
        yield from statuses.call("mvSendHttpRequest", again.r0, again.r1)
        yield from statuses.call("mvReadHttpResponseData", word(core, CHANNEL), OUT)
        yield from wait(core, 15_000)
        told.extend(record.event for record in records(core))
        yield from must(call("mvCloseChannel", CHANNEL))

    run(guest, HELLO, (50_000, Link("down")))
    assert statuses == ["CHANNELCLOSED", "CHANNELCLOSED"]
    assert told == ["NETWORKSTATUSCHANGED", "CHANNELNOTCONNECTED", "CHANNELNOTCONNECTED"]


def test_a_response_outlives_the_channels_other_side() -> None:
    """What was there before a loss can still be read."""
    statuses = Statuses()

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "HTTP")
        yield from must(http_call(core))
        yield from wait(core, 200)
        yield from statuses.call("mvReadHttpResponseData", word(core, CHANNEL), OUT)
        yield from statuses.call("mvReadHttpResponseHeader", word(core, CHANNEL), 0, DATA, 4)
        yield from statuses.call("mvReadHttpResponseBody", word(core, CHANNEL), 0, DATA, 4)

    run(guest, HELLO, (150_000, Arrival(Lost(1, "CONNECTIONTERMINATED"))))
    assert statuses == ["OKAY"] * 3


def test_four_requests_at_once_have_an_answer_each() -> None:
    """Whatever one channel's answer is, the others' are their own."""
    found: dict[int, list[tuple[str, int, int, int]]] = {}

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "HTTP")
        handles = [CHANNEL, OUT + 32, OUT + 36, OUT + 40]
        for number, handle in enumerate(handles[1:], 1):
            place = 512 * number
            yield from must(channel_call(core, "HTTP", handle=handle, receive=RECEIVE + place, send=SEND + place))
        for handle in handles:
            yield from must(http_call(core, handle=handle))
        yield from wait(core, 200)
        for number, handle in enumerate(handles):
            core.write_memory(CHANNEL, core.read_memory(handle, 4))
            yield from outcome(core, found.setdefault(number, []))

    answers: list[HttpAnswer] = [
        HttpAnswer(1, "OK", 200, (b"A: 1",), b"one"),
        HttpAnswer(2, "REQUESTFAILED"),
        HttpAnswer(3, "OK", 404),
        HttpAnswer(4, "OK", 200, (), bytes(1000)),
    ]
    run(guest, None, *((50_000 + 1000 * answer.exchange, Arrival(answer)) for answer in reversed(answers)))
    assert list(itertools.chain(*found.values())) == [
        ("OK", 200, 1, 3),
        ("REQUESTFAILED", 0, 0, 0),
        ("OK", 404, 0, 0),
        ("RESPONSETOOLARGE", 0, 0, 0),
    ]


def test_a_restart_forgets_what_was_under_way() -> None:
    """The next life of the application has no channel, and nothing comes for it."""
    told: list[str] = []

    def guest(core: ScriptedCore) -> Guest:
        if core.resets > 1:
            yield from wait(core, 15_000)
            told.extend(record.event for record in records(core))
            return
        yield from online(core, "HTTP")
        yield from must(http_call(core))

    world = run(guest, HELLO, (50_000, RemoteRestart()))
    assert (told, world.closed) == ([], [1])


@pytest.mark.parametrize("moment", [50_000, 150_000])
@pytest.mark.parametrize("answered", [True, False])
def test_a_saved_device_goes_on_with_its_request(moment: int, answered: bool, tmp_path: Path) -> None:
    """Saved while it waits or once it has its answer, and loaded: the same answer, or the same failure."""
    found: list[tuple[str, int, int, int]] = []

    def first(core: ScriptedCore) -> Guest:
        yield from online(core, "HTTP")
        yield from must(http_call(core))
        yield from wait(core, 20_000)

    def second(core: ScriptedCore) -> Guest:
        yield from wait(core, 10_000)
        yield from outcome(core, found)

    device = Device(BOARD, PLAUSIBLE, ScriptedCore(first))
    device.world = Answering(device, HELLO if answered else None, 100_000)
    device.run(moment)
    snapshots.save(device, tmp_path / "device")
    loaded = snapshots.load(snapshots.read(tmp_path / "device"), BOARD, PLAUSIBLE, ScriptedCore(second))
    assert loaded.state() == device.state()
    loaded.run(20_000_000)
    assert found == [("OK", 200, 1, 5) if answered else ("REQUESTFAILED", 0, 0, 0)]


def test_what_is_sent_and_answered_is_not_shown_in_full() -> None:
    """Headers and bodies hold credentials: whatever is written of a request or an answer leaves them out."""
    shown = repr(HttpRequest(1, b"GET", b"https://example.com/", (b"Authorization: sesame",), b"sesame", 5000, 512))
    shown += repr(Arrival(HttpAnswer(1, "OK", 200, (b"Set-Cookie: sesame",), b"sesame")))
    assert "sesame" not in shown
