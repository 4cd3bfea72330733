"""Device sessions: what is acknowledged is stored once, whatever happens to the connection."""

from __future__ import annotations

import json
import queue
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.sync.server import ServerConnection, serve

from mvsdk.link import (
    Command,
    CommandDone,
    ConfigAnswer,
    ConfigItem,
    ConfigResult,
    CrashRecord,
    DeviceSession,
    Hello,
    Logging,
    LogRecord,
    Outbox,
    StartRecord,
)
from mvsdk.link.messages import encode
from mvsdk.link.session import PATH, Connected, Disconnected, Heard
from tests.cloud.conftest import TOKEN, RunningCloud

SECONDS = 30


@dataclass
class SomeDevice:
    """A device without an emulator: an outbox, and everything it heard."""

    outbox: Outbox = field(default_factory=Outbox)
    heard: queue.SimpleQueue[Heard] = field(default_factory=queue.SimpleQueue)
    boot: str = "boot-1"
    commands_done: int = 0
    commands: list[int] = field(default_factory=list)

    def hello(self) -> Hello:
        """Return what a session begins with."""
        return Hello(protocol=1, boot=self.boot, software="test", commands_done=self.commands_done)

    def hear(self, what: Heard) -> None:
        """Carry commands out, and note everything."""
        if isinstance(what, Command):
            assert what.number > self.commands_done
            self.commands_done = what.number
            self.commands.append(what.number)
        self.heard.put(what)

    def connect(self, url: str, sid: str, token: str = TOKEN, patience: float = SECONDS) -> DeviceSession:
        """Begin a session that comes back at once when it is cut."""
        return DeviceSession(url, sid, token, self.outbox, self.hello, self.hear, lambda failures: 0.01, patience)

    def fetch(self, session: DeviceSession, *items: ConfigItem) -> ConfigAnswer | Disconnected:
        """Ask for values, and return what comes back."""
        answers: queue.SimpleQueue[ConfigAnswer | Disconnected] = queue.SimpleQueue()
        session.fetch_config(items, answers.put)
        return answers.get(timeout=SECONDS)

    def next(self, kind: type[Heard]) -> Heard:
        """Return the next thing of a kind that is heard."""
        while True:
            what = self.heard.get(timeout=SECONDS)
            if isinstance(what, kind):
                return what


def stored(cloud: RunningCloud, sid: str) -> list[str]:
    """Return the texts of a device's stored records."""
    return [row["text"] for row in cloud.rows("SELECT * FROM records WHERE device_sid = ? ORDER BY cursor", sid)]


def test_what_a_device_says_is_stored_in_order(cloud: RunningCloud) -> None:
    """Records arrive once and in order; closing waits until the last is acknowledged."""
    sid, device = cloud.new_device("kitchen"), SomeDevice()
    session = device.connect(cloud.url, sid)
    for number in range(1000):
        device.outbox.add(LogRecord(time_us=number, text=f"line {number}"))
        session.records_added()
    session.close(SECONDS)
    assert stored(cloud, sid) == [f"line {number}" for number in range(1000)]


def test_a_wrong_token_is_final(cloud: RunningCloud) -> None:
    """A device that cannot show its token is refused, and does not try for ever."""
    device = SomeDevice()
    session = device.connect(cloud.url, cloud.new_device(), token="1" * 64)
    end = device.next(Disconnected)
    assert isinstance(end, Disconnected)
    assert end.final
    session.close()


def test_changes_reach_the_device(cloud: RunningCloud) -> None:
    """Logging and restarts asked for through the API arrive at once; a command is carried out once."""
    sid, device = cloud.new_device(), SomeDevice()
    session = device.connect(cloud.url, sid)
    device.next(Connected)
    cloud.call("POST", f"/v1/Devices/{sid}", data={"LoggingEnabled": "true"})
    assert device.next(Logging) == Logging(enabled=True)
    cloud.call("POST", f"/v1/Devices/{sid}", data={"RestartApp": "true"})
    command = device.next(Command)
    assert isinstance(command, Command)
    session.say(CommandDone(number=command.number))
    session.close()
    again = device.connect(cloud.url, sid)
    device.next(Connected)
    cloud.call("POST", f"/v1/Devices/{sid}", data={"LoggingEnabled": "false"})
    assert device.next(Logging) == Logging(enabled=False)  # and no second restart before it
    again.close()


def test_a_second_session_takes_the_place_of_the_first(cloud: RunningCloud) -> None:
    """Only the latest session of a device counts: the older one is ended for good."""
    sid, first, second = cloud.new_device(), SomeDevice(), SomeDevice(boot="boot-2")
    older = first.connect(cloud.url, sid)
    first.next(Connected)
    newer = second.connect(cloud.url, sid)
    end = first.next(Disconnected)
    assert isinstance(end, Disconnected)
    assert end.final
    older.close()
    newer.close()


def test_a_device_gets_the_values_that_are_its_own(cloud: RunningCloud) -> None:
    """A device fetches its account's and its own values, secrets too, and nobody else's."""
    sid, other, device = cloud.new_device(), cloud.new_device(), SomeDevice()
    cloud.call("POST", "/v1/Configs", data={"Key": "a", "Value": "1"})
    cloud.call("POST", f"/v1/Devices/{sid}/Secrets", data={"Key": "b", "Value": "2"})
    cloud.call("POST", f"/v1/Devices/{other}/Secrets", data={"Key": "c", "Value": "3"})
    session = device.connect(cloud.url, sid)
    device.next(Connected)
    items = [
        ConfigItem("account", "config", "a"),
        ConfigItem("device", "secret", "b"),
        ConfigItem("device", "secret", "c"),
        ConfigItem("account", "secret", "a"),
    ]
    results = [ConfigResult("found", "1"), ConfigResult("found", "2"), *[ConfigResult("not-found")] * 2]
    assert device.fetch(session, *items) == ConfigAnswer(id=1, items=results)
    session.close()


@pytest.mark.parametrize("key", ["", "k" * 101, "a\0b", "k" * 100_000])
def test_what_no_key_can_be_is_not_found(cloud: RunningCloud, key: str) -> None:
    """A key that could not be set has no value, and the session goes on."""
    device = SomeDevice()
    session = device.connect(cloud.url, cloud.new_device())
    device.next(Connected)
    for _ in range(2):
        answer = device.fetch(session, ConfigItem("account", "secret", key))
        assert isinstance(answer, ConfigAnswer)
        assert answer.items == [ConfigResult("not-found")]
    session.close()


def test_a_request_that_is_too_large_is_answered(cloud: RunningCloud) -> None:
    """Too many items, a request and an answer that no message can carry: each is told so, and the session goes on."""
    sid, device = cloud.new_device(), SomeDevice()
    cloud.call("POST", "/v1/Configs", data={"Key": "long", "Value": "🎉" * 4096})
    session = device.connect(cloud.url, sid)
    device.next(Connected)
    for items in (
        [ConfigItem("account", "config", "long")] * 101,
        [ConfigItem("account", "config", "k" * 20_000)] * 100,
        [ConfigItem("account", "config", "long")] * 100,
    ):
        answer = device.fetch(session, *items)
        assert isinstance(answer, ConfigAnswer)
        assert (answer.result, answer.items) == ("too-large", [])
    answer = device.fetch(session, *[ConfigItem("account", "config", "long")] * 16)
    assert isinstance(answer, ConfigAnswer)
    assert {result.value for result in answer.items} == {"🎉" * 4096}
    session.close()


def test_a_cloud_answers_even_a_device_that_knows_no_bounds(cloud: RunningCloud) -> None:
    """A request with too many items gets an answer from the cloud itself, not the end of the session."""
    sid = cloud.new_device()
    item = {"scope": "account", "kind": "config", "key": "k"}
    with raw_session(cloud, sid) as raw:
        for number, count in ((1, 101), (2, 1)):
            raw.send(json.dumps({"type": "config-request", "id": number, "items": [item] * count}))
            answer = json.loads(raw.recv())
            assert (answer["id"], answer["result"]) == (number, "too-large" if count > 100 else "ok")


def test_a_secret_that_cannot_be_opened_is_told(cloud: RunningCloud) -> None:
    """A secret sealed for another place comes back as that, beside the values that can be had."""
    sid, device = cloud.new_device(), SomeDevice()
    for key in ("a", "b"):
        cloud.call("POST", f"/v1/Devices/{sid}/Secrets", data={"Key": key, "Value": key})
    cloud.change("UPDATE secrets SET sealed = (SELECT sealed FROM secrets WHERE key = 'a') WHERE key = 'b'")
    session = device.connect(cloud.url, sid)
    device.next(Connected)
    answer = device.fetch(session, ConfigItem("device", "secret", "b"), ConfigItem("device", "secret", "a"))
    assert answer == ConfigAnswer(id=1, items=[ConfigResult("decryption-failed"), ConfigResult("found", "a")])
    session.close()


def test_whoever_asks_hears_that_there_is_no_session(cloud: RunningCloud) -> None:
    """When none can be begun, when it is cut, and after its end, a question is answered with `Disconnected`, once."""
    sid, device = cloud.new_device(), SomeDevice()
    item = ConfigItem("account", "config", "a")
    with silent_cloud() as url:
        waiting = device.connect(url, sid, patience=0.1)
        assert isinstance(device.fetch(waiting, item), Disconnected)
        waiting.close(0)
    with cutting_proxy(cloud.url, iter(range(0, 100_000, 97))) as url:
        session = device.connect(url, sid)
        outcomes: list[ConfigAnswer | Disconnected] = []
        while not any(isinstance(outcome, ConfigAnswer) for outcome in outcomes):
            device.next(Connected)
            outcomes.append(device.fetch(session, item))
        session.close()
    last = device.fetch(session, item)
    assert isinstance(last, Disconnected)
    assert last.final


def test_a_question_waits_for_the_session_that_is_being_begun(cloud: RunningCloud) -> None:
    """An application that asks with its first instructions gets the values, however slow the connection is."""
    for _ in range(5):
        device = SomeDevice()
        session = device.connect(cloud.url, cloud.new_device())
        assert isinstance(device.fetch(session, ConfigItem("account", "config", "a")), ConfigAnswer)
        session.close()


def test_a_key_that_is_no_text_is_the_caller_s_mistake(cloud: RunningCloud) -> None:
    """A key with half a character in it is refused at once, and the session goes on."""
    device = SomeDevice()
    session = device.connect(cloud.url, cloud.new_device())
    device.next(Connected)
    with pytest.raises(ValueError, match="surrogate"):
        device.fetch(session, ConfigItem("account", "config", "\ud83c"))
    assert isinstance(device.fetch(session, ConfigItem("account", "config", "k")), ConfigAnswer)
    session.close()


def test_a_value_is_not_shown_by_accident() -> None:
    """Neither an answer's repr nor its text has the values in it."""
    answer = ConfigAnswer(id=1, items=[ConfigResult("found", "hunter2")])
    assert "hunter2" not in repr(answer)
    assert "hunter2" not in str(answer)


def test_a_cloud_that_never_says_welcome_is_left(cloud: RunningCloud) -> None:
    """A device waits for its welcome only so long, and comes back."""
    device = SomeDevice()
    with silent_cloud() as url:
        session = DeviceSession(
            url, cloud.new_device(), TOKEN, device.outbox, device.hello, device.hear, lambda failures: 0.01, 0.05
        )
        for _ in range(2):
            end = device.next(Disconnected)
            assert isinstance(end, Disconnected)
            assert (end.reason, end.final) == ("the cloud does not answer", False)
        session.close(0)


@contextmanager
def silent_cloud() -> Iterator[str]:
    """Yield the URL of something that takes sessions and never says a word."""

    def listen(connection: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            while True:
                connection.recv()

    with serve(listen, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.socket.getsockname()[1]}"
        server.shutdown()
        thread.join()


@contextmanager
def raw_session(cloud: RunningCloud, sid: str, **said: object) -> Iterator[ClientConnection]:
    """Yield a session spoken by hand, after its welcome; `said` is what its hello says besides."""
    url = cloud.url.replace("http", "ws", 1) + PATH
    with connect(url, additional_headers={"Authorization": f"Bearer {sid}:{TOKEN}"}, proxy=None) as raw:
        raw.send(encode({"type": "hello", "protocol": 1, "boot": "b", "software": "s", **said}).decode())
        raw.recv()
        yield raw


@contextmanager
def cutting_proxy(target: str, budgets: Iterator[int]) -> Iterator[str]:
    """Yield the URL of a way to `target` that cuts every connection after so many bytes in both directions together."""
    host, _, port = target.removeprefix("http://").partition(":")
    listener = socket.create_server(("127.0.0.1", 0))
    passing: list[threading.Thread] = []

    def pump(source: socket.socket, sink: socket.socket, left: list[int]) -> None:
        with suppress(OSError):
            while left[0] > 0 and (data := source.recv(min(4096, left[0]))):
                left[0] -= len(data)
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def pass_on(near: socket.socket, left: list[int]) -> None:
        with near, socket.create_connection((host, int(port))) as far:
            back = threading.Thread(target=pump, args=(far, near, left))
            back.start()
            pump(near, far, left)
            back.join()

    def accept() -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                passing.append(threading.Thread(target=pass_on, args=(near, [next(budgets)])))
                passing[-1].start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    listener.shutdown(socket.SHUT_RDWR)
    accepting.join()
    listener.close()
    for thread in passing:
        thread.join()


@pytest.mark.parametrize("step", [37, 151])
def test_nothing_is_lost_or_doubled_however_often_the_line_is_cut(cloud: RunningCloud, step: int) -> None:
    """With the connection cut after ever more bytes, at every place of the conversation, each record is stored once."""
    sid, device = cloud.new_device(), SomeDevice()
    cloud.call("POST", f"/v1/Devices/{sid}", data={"RestartApp": "true"})
    budgets = iter(range(0, 10_000_000, step))
    with cutting_proxy(cloud.url, budgets) as url:
        session = device.connect(url, sid)
        for number in range(200):
            device.outbox.add(LogRecord(time_us=number, text=f"line {number}"))
            session.records_added()
        session.close(SECONDS)
    assert stored(cloud, sid) == [f"line {number}" for number in range(200)]
    assert len(device.commands) == 1


def test_what_a_restored_cloud_does_not_know_becomes_a_gap(cloud: RunningCloud) -> None:
    """A cloud that knows less than it once acknowledged says what is missing, and takes what comes after it."""
    sid, device = cloud.new_device(), SomeDevice()
    session = device.connect(cloud.url, sid)
    for number in range(3):
        device.outbox.add(LogRecord(time_us=number, text=f"line {number}"))
    session.records_added()
    session.close(SECONDS)
    cloud.change("UPDATE devices SET records_through = 0 WHERE sid = ?", sid)
    again = device.connect(cloud.url, sid)
    device.outbox.add(LogRecord(time_us=3, text="line 3"))
    again.records_added()
    again.close(SECONDS)
    assert stored(cloud, sid) == ["line 0", "line 1", "line 2", "3", "line 3"]


@pytest.mark.parametrize(
    "record",
    [{"time_us": 2**70, "text": "x"}, {"time_us": -1, "text": "x"}, {"time_us": 1, "text": "a\0b"}, {"text": 1}],
)
def test_a_message_that_nobody_could_keep_ends_the_session(cloud: RunningCloud, record: dict[str, object]) -> None:
    """Numbers and texts beyond what is spoken are refused at the door, and nothing is stored."""
    sid = cloud.new_device()
    with raw_session(cloud, sid) as raw:
        raw.send(json.dumps({"type": "records", "first": 1, "records": [{"type": "log", **record}]}))
        assert json.loads(raw.recv())["type"] == "closing"
    assert stored(cloud, sid) == []


@pytest.mark.parametrize("text", ["x" * 5000, "🎉" * 5000, "x" * 900_000, "a\0b", "half a \ud83c"])
def test_a_text_that_is_too_long_is_cut_and_says_so(cloud: RunningCloud, text: str) -> None:
    """Whatever an application logs arrives, cut where it is too long or no text, and so does what comes after it."""
    sid, device = cloud.new_device(), SomeDevice()
    session = device.connect(cloud.url, sid)
    for record in (
        LogRecord(time_us=-1, text=text),
        StartRecord(time_us=2**70, wake_reason=text),
        CrashRecord(time_us=1, report=text),
        LogRecord(time_us=1, text="after it"),
    ):
        device.outbox.add(record)
    session.records_added()
    session.close(SECONDS)
    line, reason, report, after = stored(cloud, sid)
    assert after == "after it"
    for kept, most in ((line, 4096), (reason, 200), (report, 65_536)):
        size = len(kept.encode())
        assert size <= most
        assert f"(cut: {len(text.encode(errors='backslashreplace'))} bytes)" in kept or size < most


def test_a_device_that_cuts_nothing_is_not_shut_out(cloud: RunningCloud) -> None:
    """The cloud itself cuts a text that is too long, and acknowledges its record."""
    sid = cloud.new_device()
    with raw_session(cloud, sid) as raw:
        for first, text in ((1, "x" * 900_000), (2, "short")):
            raw.send(
                json.dumps(
                    {"type": "records", "first": first, "records": [{"type": "log", "time_us": 1, "text": text}]}
                )
            )
            assert json.loads(raw.recv()) == {"type": "acknowledged", "up_to": first}
    assert [len(text) for text in stored(cloud, sid)] == [4096 - 2, 5]  # an ellipsis has three bytes


def test_many_long_records_are_sent_in_several_messages(cloud: RunningCloud) -> None:
    """Crash reports that no single message could carry together arrive all the same, once and in order."""
    sid, device = cloud.new_device(), SomeDevice()
    for number in range(40):
        device.outbox.add(CrashRecord(time_us=number, report=f"{number} " + "\x01" * 60_000))
    session = device.connect(cloud.url, sid)
    session.close(SECONDS)
    assert [text.partition(" ")[0] for text in stored(cloud, sid)] == [str(number) for number in range(40)]


def test_a_session_that_no_longer_counts_stores_nothing(cloud: RunningCloud) -> None:
    """Once another session has begun, what an older one of the same boot says is neither kept nor acknowledged."""
    sid, app_hash = cloud.new_device(), "sha256:" + "0" * 64
    report = {"type": "app-report", "app_hash": app_hash}
    records = {"type": "records", "first": 1, "records": [{"type": "log", "time_us": 1, "text": "late"}]}
    with raw_session(cloud, sid) as raw:
        cloud.change("UPDATE devices SET session = 'another' WHERE sid = ?", sid)
        for message in (report, records):
            raw.send(json.dumps(message))
        assert json.loads(raw.recv())["type"] == "closing"
    assert stored(cloud, sid) == []
    assert cloud.rows("SELECT reported_hash FROM devices WHERE sid = ?", sid) == [{"reported_hash": None}]
