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
from websockets.sync.client import connect

from mvsdk.link import (
    Command,
    CommandDone,
    ConfigAnswer,
    ConfigFetch,
    ConfigItem,
    DeviceSession,
    Hello,
    Logging,
    LogRecord,
    Outbox,
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

    def hello(self) -> Hello:
        """Return what a session begins with."""
        return Hello(protocol=1, boot=self.boot, software="test", commands_done=self.commands_done)

    def hear(self, what: Heard) -> None:
        """Carry commands out, and note everything."""
        if isinstance(what, Command):
            assert what.number > self.commands_done
            self.commands_done = what.number
        self.heard.put(what)

    def connect(self, url: str, sid: str, token: str = TOKEN) -> DeviceSession:
        """Begin a session that comes back at once when it is cut."""
        return DeviceSession(url, sid, token, self.outbox, self.hello, self.hear, wait=lambda failures: 0.01)

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
    session.say(ConfigFetch(request=7, items=items))
    answer = device.next(ConfigAnswer)
    assert isinstance(answer, ConfigAnswer)
    assert (answer.request, [result.value for result in answer.results]) == (7, ["1", "2", None, None])
    session.close()


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
    assert device.commands_done == 1


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
    url = cloud.url.replace("http", "ws", 1) + PATH
    with connect(url, additional_headers={"Authorization": f"Bearer {sid}:{TOKEN}"}, proxy=None) as raw:
        raw.send(encode(Hello(protocol=1, boot="b", software="s")).decode())
        raw.recv()
        raw.send(json.dumps({"type": "records", "first": 1, "records": [{"type": "log", **record}]}))
        assert json.loads(raw.recv())["type"] == "closing"
    assert stored(cloud, sid) == []
