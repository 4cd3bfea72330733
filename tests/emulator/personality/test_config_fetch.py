"""Laws of config and secrets as the application meets them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvsdk.emulator import snapshots
from mvsdk.emulator.device import Device
from mvsdk.emulator.errors import InputError
from mvsdk.emulator.events import Event, SystemCall
from mvsdk.emulator.inputs import Arrival, as_dict, from_dict
from mvsdk.emulator.network.exchanges import (
    Answer,
    ConfigAnswer,
    ConfigItem,
    ConfigRequest,
    HttpAnswer,
    Lost,
    config_size,
)
from mvsdk.testing import ScriptedCore
from tests.emulator.personality.exchanging import DATA, Answering, config_call, run
from tests.emulator.personality.kernel import ABI, BOARD, PLAUSIBLE, Guest, call, word, words
from tests.emulator.personality.networked import (
    CHANNEL,
    CHANNEL_TAG,
    OUT,
    PARAMS,
    Statuses,
    channel_call,
    must,
    online,
    records,
    wait,
)

ACCOUNT, DEVICE = 0, 1
SECRET, CONFIG = 0, 1
ITEM_RESULTS = {
    number: name.removeprefix("MV_CONFIGKEYFETCHRESULT_")
    for name, number in ABI.enums["MvConfigKeyFetchResult"].members.items()
}
KEY = (DEVICE, CONFIG, b"key")
VALUE = ConfigAnswer(0, "OK", (("OK", b"value"),))
Read = tuple[str, bytes]


def read_call(core: ScriptedCore, index: int, size: int) -> tuple[int, int]:
    """Lay out the parameters for reading an item to DATA; return the arguments of the call."""
    core.write_memory(PARAMS, words(index, OUT, DATA if size else 0, size, OUT + 4))
    return word(core, CHANNEL), PARAMS


def item(core: ScriptedCore, index: int, found: list[Read], size: int = 4096) -> Guest:
    """Read an item."""
    yield from must(call("mvReadConfigResponseItem", *read_call(core, index, size)))
    found.append((ITEM_RESULTS[word(core, OUT)], core.read_memory(DATA, word(core, OUT + 4))))


def data(core: ScriptedCore, found: list[tuple[int, int]]) -> Guest:
    """Read the outcome of the fetch."""
    yield from must(call("mvReadConfigFetchResponseData", word(core, CHANNEL), OUT))
    found.append((word(core, OUT), word(core, OUT + 4)))


def test_a_fetch_leaves_as_the_application_wrote_it() -> None:
    """Scope, store and key of each item in order, with the room that there is for an answer."""
    wanted = [(ACCOUNT, SECRET, b"a b~"), (DEVICE, CONFIG, b"!"), (ACCOUNT, CONFIG, b"k" * 100), (DEVICE, SECRET, b"c")]

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "CONFIGFETCH", receive_size=1024)
        yield from must(config_call(core, wanted))

    items = (
        ConfigItem("account", "secret", "a b~"),
        ConfigItem("device", "config", "!"),
        ConfigItem("account", "config", "k" * 100),
        ConfigItem("device", "secret", "c"),
    )
    assert run(guest).requests == [ConfigRequest(1, items, 1024)]


def test_nothing_may_be_asked_for() -> None:
    """A fetch of no items is legal, whatever its pointer is, and has none."""
    found: list[tuple[int, int]] = []

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "CONFIGFETCH")
        core.write_memory(PARAMS, words(0, 0xFFFF_FFFF))
        yield from must(call("mvSendConfigFetchRequest", word(core, CHANNEL), PARAMS))
        yield from wait(core, 150)
        yield from data(core, found)

    run(guest, ConfigAnswer(0, "OK"))
    assert found == [(0, 0)]


ITEMS = st.lists(
    st.tuples(st.just("OK"), st.binary(max_size=300)) | st.sampled_from([("KEYNOTFOUND", b""), ("SERVERERROR", b"")]),
    max_size=12,
)


@settings(max_examples=60)
@given(items=ITEMS, order=st.randoms(use_true_random=False))
def test_items_can_be_read_in_any_order_and_again(items: list[Read], order: object) -> None:
    """Each item has its own result and value, and reading takes nothing away."""
    answer = ConfigAnswer(0, "OK", tuple(items))  # type: ignore[arg-type]
    indices = [*range(len(items)), *range(len(items))]
    order.shuffle(indices)  # type: ignore[attr-defined]
    found: list[Read] = []
    counts: list[tuple[int, int]] = []

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "CONFIGFETCH", receive_size=4096)
        yield from must(config_call(core, [KEY] * len(items)))
        yield from wait(core, 150)
        yield from data(core, counts)
        for index in indices:
            yield from item(core, index, found)

    run(guest, answer)
    assert counts == [(0, len(items))]
    assert found == [items[index] for index in indices]


@pytest.mark.parametrize(("size", "status"), [(0, "INVALIDBUFFERSIZE"), (4, "INVALIDBUFFERSIZE"), (5, "OKAY")])
def test_an_item_that_does_not_fit_is_left_where_it_is(size: int, status: str) -> None:
    """Nothing is written for it, and with a buffer that is large enough it is there all the same."""
    statuses = Statuses()
    found: list[Read] = []

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "CONFIGFETCH")
        yield from must(config_call(core, [KEY]))
        yield from wait(core, 150)
        core.write_memory(OUT, words(77, 77))
        yield from statuses.call("mvReadConfigResponseItem", *read_call(core, 0, size))
        if status != "OKAY":
            assert (word(core, OUT), word(core, OUT + 4), core.read_memory(DATA, 8)) == (77, 77, bytes(8))
        yield from item(core, 0, found)

    run(guest, VALUE)
    assert statuses == [status]
    assert found == [("OK", b"value")]


def test_an_item_without_a_value_needs_no_buffer() -> None:
    """NULL with a size of 0 is legal for an empty value."""
    found: list[Read] = []

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "CONFIGFETCH")
        yield from must(config_call(core, [KEY]))
        yield from wait(core, 150)
        yield from item(core, 0, found, size=0)

    run(guest, ConfigAnswer(0, "OK", (("KEYNOTFOUND", b""),)))
    assert found == [("KEYNOTFOUND", b"")]


@pytest.mark.parametrize("spare", [0, 1])
def test_an_answer_has_to_fit_the_receive_buffer(spare: int) -> None:
    """The last byte that fits decides; what is too large has no items."""
    statuses = Statuses()
    found: list[tuple[int, int]] = []
    empty = ConfigAnswer(0, "OK", (("OK", b""),))
    value = bytes(512 - config_size(empty) + spare)

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "CONFIGFETCH")
        yield from must(config_call(core, [KEY]))
        yield from wait(core, 150)
        yield from data(core, found)
        yield from statuses.call("mvReadConfigResponseItem", *read_call(core, 0, 4096))

    run(guest, ConfigAnswer(0, "OK", (("OK", value),)))
    assert found == [(1, 0) if spare else (0, 1)]
    assert statuses == ["INDEXINVALID" if spare else "OKAY"]


@pytest.mark.parametrize("answer", [None, ConfigAnswer(0, "OK", ())])
def test_who_is_not_answered_hears_that_the_server_failed(answer: ConfigAnswer | None) -> None:
    """Each item is the server's error: after ten seconds without an answer, or at once after one to another fetch."""
    found: list[Read] = []
    told: list[tuple[str, int]] = []

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "CONFIGFETCH")
        yield from must(config_call(core, [KEY, KEY]))
        yield from wait(core, 11_000)
        yield from item(core, 0, found)
        yield from item(core, 1, found)
        told.extend((record.event, record.tag) for record in records(core))

    world = run(guest, answer)
    assert found == [("SERVERERROR", b"")] * 2
    assert told == [("CHANNELDATAREADABLE", CHANNEL_TAG)]
    assert world.closed == ([] if answer else [1])


WRONG = {
    "a scope": ([(2, CONFIG, b"key")], "UNKNOWNCONFIGSCOPE"),
    "a store": ([KEY, (DEVICE, 2, b"key")], "UNKNOWNCONFIGSTORE"),
    "no key": ([KEY, (DEVICE, CONFIG, b"")], "INVALIDCONFIGKEY"),
    "a long key": ([(DEVICE, CONFIG, b"k" * 101)], "INVALIDCONFIGKEY"),
    "a key of other characters": ([(DEVICE, CONFIG, b"k\xc3\xa4y")], "INVALIDCONFIGKEY"),
    "a key with a line end": ([(DEVICE, CONFIG, b"key\n")], "INVALIDCONFIGKEY"),
    "33 items": ([KEY] * 33, "TOOMANYCONFIGKEYS"),
    "keys larger than the buffer": ([(DEVICE, CONFIG, b"k" * 100)] * 5, "INVALIDBUFFERSIZE"),
}


@pytest.mark.parametrize(("items", "status"), WRONG.values(), ids=WRONG)
def test_a_failed_try_is_the_only_one(items: list[tuple[int, int, bytes]], status: str) -> None:
    """After it the channel takes no request and has no response."""
    statuses = Statuses()

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "CONFIGFETCH")
        for wanted in (items, [KEY]):
            tried = config_call(core, wanted)
            yield from statuses.call("mvSendConfigFetchRequest", tried.r0, tried.r1)
        yield from wait(core, 150)
        yield from statuses.call("mvReadConfigFetchResponseData", word(core, CHANNEL), OUT)

    assert run(guest, VALUE).requests == []
    assert statuses == [status, "REQUESTALREADYSENT", "RESPONSENOTPRESENT"]


@pytest.mark.parametrize("count", [1 << 31, 0xFFFF_FFFF])
def test_items_without_end_make_the_channel_useless(count: int) -> None:
    """An array that cannot be memory is a LATEFAULT."""
    statuses = Statuses()

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "CONFIGFETCH")
        for said in (count, 1):
            wanted = config_call(core, [KEY], count=said)
            yield from statuses.call("mvSendConfigFetchRequest", wanted.r0, wanted.r1)

    run(guest, VALUE)
    assert statuses == ["LATEFAULT", "REQUESTALREADYSENT"]


def test_an_answer_is_told_once_and_nothing_else_ever() -> None:
    """One CHANNELDATAREADABLE; second answers and those of another kind are in vain."""
    told: list[tuple[str, int]] = []
    found: list[Read] = []

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "CONFIGFETCH")
        yield from must(config_call(core, [KEY]))
        yield from wait(core, 250)
        yield from item(core, 0, found)
        yield from must(call("mvCloseChannel", CHANNEL))
        yield from must(channel_call(core, "CONFIGFETCH"))
        yield from wait(core, 150)
        told.extend((record.event, record.tag) for record in records(core))

    strangers: list[tuple[int, Answer]] = [
        (50_000, HttpAnswer(1, "OK", 200)),
        (200_000, ConfigAnswer(1, "RESPONSETOOLARGE")),
        (300_000, ConfigAnswer(2, "OK", (("OK", b"other"),))),
        (300_000, ConfigAnswer(1, "OK", (("OK", b"other"),))),
    ]
    run(guest, VALUE, *((moment, Arrival(answer)) for moment, answer in strangers))
    assert told == [("CHANNELDATAREADABLE", CHANNEL_TAG)]
    assert found == [("OK", b"value")]


def test_values_outlive_the_channels_other_side() -> None:
    """One CHANNELNOTCONNECTED, and what had come can still be read."""
    statuses = Statuses()
    told: list[str] = []

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "CONFIGFETCH")
        yield from must(config_call(core, [KEY]))
        yield from wait(core, 200)
        yield from statuses.call("mvReadConfigFetchResponseData", word(core, CHANNEL), OUT)
        yield from statuses.call("mvReadConfigResponseItem", *read_call(core, 0, 16))
        told.extend(record.event for record in records(core))

    run(guest, VALUE, (150_000, Arrival(Lost(1, "CONNECTIONTERMINATED"))))
    assert statuses == ["OKAY"] * 2
    assert told == ["CHANNELDATAREADABLE", "CHANNELNOTCONNECTED"]


def test_secrets_are_not_told() -> None:
    """Neither traces nor what is written of events hold a value: its length and the beginning of its hash are all."""
    told: list[Event] = []
    found: list[Read] = []

    def guest(core: ScriptedCore) -> Guest:
        yield from online(core, "CONFIGFETCH")
        yield from must(config_call(core, [(DEVICE, SECRET, b"key")]))
        yield from wait(core, 150)
        yield from item(core, 0, found)

    secret = b"a-very-secret-value"
    answer = ConfigAnswer(0, "OK", (("OK", secret),))
    run(guest, answer, told=told)
    assert found == [("OK", secret)]
    calls = [event for event in told if isinstance(event, SystemCall)]
    assert "<19 bytes, sha256 " in str(calls[-1].result)
    assert secret.decode() not in f"{told!r}{[str(event.result) for event in calls]}"
    assert secret.decode() not in json.dumps([event.result.as_dict() for event in calls])
    assert secret.decode() not in repr(answer) + repr(Arrival(answer))


def test_damaged_answers_do_not_show_their_secrets() -> None:
    """What is wrong with an answer in a recording is told without what it holds."""
    data = as_dict(Arrival(ConfigAnswer(1, "OK", (("OK", b"sesame" * 9),))))
    data["answer"]["result"] = "ODD"
    shown = data["answer"]["items"][0][1]
    with pytest.raises(InputError, match="'ConfigAnswer' is no answer") as caught:
        from_dict(data)
    assert shown[:8] not in str(caught.value)


@pytest.mark.parametrize("moment", [50_000, 150_000])
def test_a_saved_device_goes_on_with_its_fetch(moment: int, tmp_path: Path) -> None:
    """Saved while it waits or once it has its answer, and loaded: the same values. Who keeps the file keeps them."""
    found: list[Read] = []

    def first(core: ScriptedCore) -> Guest:
        yield from online(core, "CONFIGFETCH")
        yield from must(config_call(core, [(DEVICE, SECRET, b"key")]))
        yield from wait(core, 20_000)

    def second(core: ScriptedCore) -> Guest:
        yield from wait(core, 200)
        yield from item(core, 0, found)

    device = Device(BOARD, PLAUSIBLE, ScriptedCore(first))
    device.world = Answering(device, VALUE, 100_000)
    device.run(moment)
    snapshots.save(device, tmp_path / "device")
    loaded = snapshots.load(snapshots.read(tmp_path / "device"), BOARD, PLAUSIBLE, ScriptedCore(second))
    assert loaded.state() == device.state()
    loaded.run(20_000_000)
    assert found == [("OK", b"value")]
