"""Laws of the debug port, spoken to over its real socket by its real client."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvsdk.debug_port import addresses, messages
from mvsdk.debug_port.announcements import Announcement, announce, announced, running_home
from mvsdk.debug_port.client import DebugConnection, connect, running_devices
from mvsdk.debug_port.errors import AccessError, ConnectionLostError, NoSuchDeviceError
from mvsdk.debug_port.messages import BLOCK_BYTES, FRAME_BYTES, Hello, Read
from mvsdk.emulator.core import new_core
from mvsdk.emulator.debug.access_port import DEMCR, DFSR, DHCSR, FP_COMP0, FP_CTRL
from mvsdk.emulator.debug.port import CLIENTS, LINES_KEPT, DebugPort
from mvsdk.emulator.device import BREAKPOINT_FAULT, Device, End
from mvsdk.emulator.events import Faulted, LogLine, Started
from tests.emulator.debug.served import HALT, S_HALT, S_RESET_ST, STEP, Debugging, Served
from tests.emulator.debug.test_debugger import COUNTER
from tests.emulator.test_device import BOARD, blinky, image

RAM = BOARD.ram.base


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """A device that counts, on its port."""
    served = Served(tmp_path, Device(BOARD, image(COUNTER), new_core(), image_name="counter.zip"))
    yield served
    served.stop()


def test_a_running_device_is_found_by_name(served: Served) -> None:
    """It is announced while it runs, says what it is, and is gone afterwards; who asks for another one is told."""
    ((announcement, welcome),) = running_devices(served.environment)
    assert (announcement.name, welcome.name, welcome.board) == ("kitchen", "kitchen", BOARD.name)
    assert (welcome.image, welcome.device_id) == ("counter.zip", served.device.identity.device_id)
    with pytest.raises(NoSuchDeviceError, match="running are: kitchen") as raised:
        connect("cellar", served.environment)
    assert raised.value.remedy == "start it: mvsdk emulate --device cellar"
    served.stop()
    assert running_devices(served.environment) == []
    assert announced(running_home(served.environment)) == []


def test_a_debugger_halts_steps_and_goes_on(served: Served) -> None:
    """Through DHCSR as on a chip: halt, step by step, go on; registers are transferred while the guest stands."""
    debugger = served.connect()
    debugger.control(HALT)
    debugger.wait_halted()
    assert debugger.read(DFSR) & 1
    before = debugger.register(15)
    places = set()
    for _ in range(30):
        debugger.control(STEP)
        debugger.wait_halted()
        places.add(debugger.register(15))
    assert len(places) > 3
    assert all(abs(place - before) < 0x1000 for place in places)
    debugger.control()
    assert not debugger.read(DHCSR) & S_HALT


def test_two_debuggers_have_breakpoints_of_their_own(served: Served) -> None:
    """Eight comparators each; one who comes does not let the guest run, and one who leaves takes only its own."""
    first, second = served.connect(), served.connect()
    first.control(HALT)
    first.wait_halted()
    place = first.register(15)
    second.control()
    assert first.read(DHCSR) & S_HALT, "who comes lets nobody run"
    for debugger in (first, second):
        assert debugger.read(FP_CTRL) & 0xF1 == 0x80, "eight, off"
        debugger.write(FP_COMP0 + 28, place | 1)
        debugger.write(FP_CTRL, 3)
    second.connection.close()
    for _ in range(3):
        first.control()
        first.wait_halted()
        assert first.register(15) == place
        assert first.read(DFSR) & 2


def test_a_reset_is_caught(served: Served) -> None:
    """With the vector caught the guest stands at its first instruction after either kind of reset, and says so."""
    debugger = served.connect()
    entry = debugger.read(BOARD.flash.base + 4) & ~1
    debugger.control(HALT)
    debugger.write(DEMCR, 1)

    def by_line() -> None:
        debugger.connection.reset_line(True)
        debugger.connection.reset_line(False)

    for reset in (by_line, lambda: debugger.write(0xE000_ED0C, 0x05FA_0004)):
        debugger.read(DHCSR)
        reset()
        assert debugger.read(DHCSR) & (S_RESET_ST | S_HALT) == S_RESET_ST | S_HALT
        assert debugger.register(15) == entry
        assert not debugger.read(DHCSR) & S_RESET_ST


def test_a_chip_stands_while_its_reset_line_is_low(served: Served) -> None:
    """And runs when it is let go, or when the debugger that pulled it is gone."""
    debugger, other = served.connect(), served.connect()
    for leaves in (False, True):
        debugger.connection.reset_line(True)
        other.control()
        assert other.read(DHCSR) & S_HALT
        if leaves:
            debugger.connection.close()
        else:
            debugger.connection.reset_line(False)
        while other.read(DHCSR) & S_HALT:
            pass


def test_the_log_can_be_followed_without_debugging(tmp_path: Path) -> None:
    """Lines come once, in order, with their times, however many there are at once; nobody is attached by asking."""
    events = [LogLine(number, f"line {number}") for number in range(LINES_KEPT + 500)]
    served = Served(tmp_path, Device(BOARD, image(COUNTER), new_core()))
    connection = served.connect().connection
    for event in (*events, Started(7, "COLDBOOT"), Faulted(8, BREAKPOINT_FAULT, served.device.core.registers(), "nop")):
        served.port.observe(event)
    newest = connection.newest_line()
    seen: list[str] = []
    after = 0
    while lines := (answer := connection.follow(after)).lines:
        seen += [line.text for line in lines]
        after = answer.last
    assert after == newest == len(events) + 2
    assert seen[:-2] == [event.text for event in events[502:]]
    assert seen[-2] == "COLDBOOT"
    assert connection.follow(newest + 1_000).lines == ()
    served.port.observe(LogLine(9, "x" * 10_000))
    (line,) = connection.follow(newest).lines
    assert (line.time_us, line.kind, len(line.text)) == (9, "log", 1024)
    assert served.port.debugger.clients == ()
    served.stop()


def test_memory_is_what_the_bus_has(served: Served) -> None:
    """Memory of any length, registers in accesses of their width, errors where nothing is, and the connection lives."""
    connection = served.connect().connection
    pattern = bytes(range(256)) * 1024
    connection.write(RAM + 0x2_0001, pattern)
    assert connection.read(RAM + 0x2_0001, len(pattern)) == pattern
    assert len(pattern) > BLOCK_BYTES
    assert connection.read(RAM + 0x2_0001, 1, 1) == b"\x00"
    for access in (
        lambda: connection.read(0x6000_0000, 4),
        lambda: connection.write(0x6000_0000, b"1234"),
        lambda: connection.write(BOARD.flash.base, b"1234"),
        lambda: connection.read(RAM + 1, 4, 4),
        lambda: connection.write(DHCSR + 2, b"12", 2),
    ):
        with pytest.raises(AccessError):
            access()
    assert connection.read(RAM + 0x2_0001, 2) == b"\x00\x01"


def test_a_halted_device_can_be_stopped(served: Served) -> None:
    """Ctrl-C ends a run whose guest a debugger has halted."""
    debugger = served.connect()
    debugger.control(HALT)
    debugger.wait_halted()
    served.stop()
    assert served.end is End.STOPPED
    with pytest.raises(ConnectionLostError):
        debugger.read(RAM)


def test_a_debugger_that_vanishes_leaves_a_running_guest(served: Served) -> None:
    """In the middle of a step, or of a request: the others see the guest run on."""
    for last in (b"", messages.frame(Read(address=RAM, size=4))[:5]):
        debugger = served.connect()
        debugger.control(HALT)
        debugger.wait_halted()
        debugger.control(STEP)
        announcement = debugger.connection.announcement
        raw = addresses.connect(announcement.address, 10)
        raw.sendall(last)
        raw.close()
        debugger.connection.close()
        other = served.connect()
        while other.read(DHCSR) & S_HALT:
            pass
        other.connection.close()


def _rejected(served: Served, sent: bytes) -> bytes:
    """Send bytes as they are, and return what came back before the port closed."""
    (announcement,) = announced(running_home(served.environment))
    received = b""
    with addresses.connect(announcement.address, 30) as raw, contextlib.suppress(ConnectionError):
        raw.sendall(sent)
        raw.shutdown(socket.SHUT_WR)
        while part := raw.recv(4096):
            received += part
    return received


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"\x00\x00\x00\x00",
        (FRAME_BYTES + 1).to_bytes(4, "little"),
        b"\xff\xff\xff\xff" + b"x" * 100,
        b"GET / HTTP/1.1\r\n\r\n",
        messages.frame(Read(address=RAM, size=4)),
        b"\x03\x00\x00\x00\xc1\xc1\xc1",
    ],
)
def test_what_is_no_greeting_ends_a_connection(served: Served, sent: bytes) -> None:
    """Nothing is answered to who does not say hello, and everybody else is served on."""
    assert _rejected(served, sent) == b""
    assert served.connect().read(RAM) >= 0


def test_who_does_not_know_the_token_is_refused(served: Served) -> None:
    """Only who can read the announcement may debug; another protocol is told apart."""
    (real,) = announced(running_home(served.environment))
    with pytest.raises(ConnectionLostError, match="the token is not this device's"):
        DebugConnection(msgspec.structs.replace(real, token="x"))  # noqa: S106
    answer = _rejected(served, messages.frame(Hello(protocol=99, token=real.token)))
    assert b"it speaks protocol 1, not 99" in answer
    refused = messages.frame(Hello(protocol=1, token="")) + messages.frame(Read(address=RAM, size=4))
    assert messages.read_answer(_rejected(served, refused)[4:]).__class__ is messages.Failed


@settings(max_examples=40, deadline=None)
@given(sent=st.lists(st.binary(max_size=40), max_size=6))
def test_garbage_harms_nobody(shared: Served, sent: list[bytes]) -> None:
    """Whatever arrives after a greeting is answered or ends the connection; the device goes on as if alone."""
    (real,) = announced(running_home(shared.environment))
    framed = b"".join(len(part).to_bytes(4, "little") + part for part in sent)
    _rejected(shared, messages.frame(Hello(protocol=1, token=real.token)) + framed)
    _rejected(shared, messages.frame(Hello(protocol=1, token=real.token)) + b"".join(sent))
    debugger = shared.connect()
    assert debugger.read(RAM + 0x4_0000) == 0
    debugger.connection.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A device for many examples."""
    served = Served(tmp_path_factory.mktemp("shared"), Device(BOARD, image(COUNTER), new_core()))
    yield served
    served.stop()


def test_there_are_no_more_debuggers_than_may_be(served: Served) -> None:
    """One too many is sent away, and has its place when another leaves."""
    debuggers = [served.connect() for _ in range(CLIENTS)]
    with pytest.raises(ConnectionLostError):
        served.connect()
    debuggers[0].connection.close()
    for _ in range(1000):
        try:
            assert served.connect().read(RAM) >= 0
            break
        except ConnectionLostError:
            continue
    else:
        raise AssertionError("nobody gets the place")


def test_who_does_not_take_answers_is_sent_away(served: Served) -> None:
    """Answers that nobody takes are not kept without end."""
    (real,) = announced(running_home(served.environment))
    with addresses.connect(real.address, 30) as raw:
        raw.sendall(messages.frame(Hello(protocol=1, token=real.token)))
        question = messages.frame(Read(address=RAM, size=BLOCK_BYTES))
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            raw.sendall(question * 20_000)
    assert served.connect().read(RAM) >= 0


def test_what_a_killed_process_left_is_passed_over(tmp_path: Path) -> None:
    """Its socket and its announcement neither show up nor stand in the way of the next one."""
    environment = {"MVSDK_RUNNING": str(tmp_path / "running")}
    home = tmp_path / "kitchen"
    home.mkdir()
    listener, address = addresses.listen(home / "debug.sock", 1)
    listener.close()
    left = Announcement(name="kitchen", folder=str(home), address=address, token="old", process=1)  # noqa: S106
    announce(running_home(environment), left)
    (tmp_path / "running" / "9-broken.json").write_text("{")
    assert running_devices(environment) == []
    with pytest.raises(ConnectionLostError, match="cannot be reached"):
        connect("kitchen", environment)
    with DebugPort(Device(BOARD, image(COUNTER), new_core()), home, environment):
        assert len(announced(running_home(environment))) == 2


def test_a_folder_with_a_long_name_has_a_port_too(tmp_path: Path) -> None:
    """A socket's path is short; a device's folder need not be."""
    folder = tmp_path / ("long" * 40)
    folder.mkdir()
    served = Served(folder, Device(BOARD, image(COUNTER), new_core()))
    assert served.connect().read(RAM) >= 0
    served.stop()


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"MVSDK_RUNNING": "/a", "XDG_RUNTIME_DIR": "/b"}, "/a"),
        ({"XDG_RUNTIME_DIR": "/b", "XDG_STATE_HOME": "/c"}, "/b/mvsdk/running"),
        ({"XDG_STATE_HOME": "/c"}, "/c/mvsdk/running"),
        ({}, os.path.expanduser("~/.local/state/mvsdk/running")),  # noqa: PTH111 - what the user calls it
    ],
)
def test_announcements_lie_where_a_persons_programs_keep_such(environment: dict[str, str], expected: str) -> None:
    """One folder a person, which can be chosen."""
    assert running_home(environment) == Path(expected)


def _debug_a_little(debugger: Debugging) -> None:
    debugger.control(HALT)
    debugger.wait_halted()
    debugger.write(DEMCR, 0x0100_07F1)
    debugger.write(FP_COMP0, debugger.register(15) | 1)
    debugger.write(FP_CTRL, 3)
    debugger.write(0xE004_4004, 6)
    for number in range(128):
        debugger.register(number)
    debugger.control(STEP)
    debugger.wait_halted()
    debugger.control()
    debugger.read(DHCSR)


def _come_and_go(debugger: Debugging) -> None:
    debugger.read(DHCSR)


@pytest.mark.parametrize("deed", [_debug_a_little, _come_and_go])
def test_the_device_ends_as_if_nobody_had_been_there(tmp_path: Path, deed: Callable[[Debugging], None]) -> None:
    """A debugger at the port, with all it sets, leaves no trace in the state."""
    served = Served(tmp_path, Device(BOARD, blinky(), new_core()))
    debugger = served.connect()
    deed(debugger)
    debugger.connection.close()
    served.connect().connection.close()
    served.stop()
    later = served.device.core.cycle + 1_000_000
    alone = Device(BOARD, blinky(), new_core())
    for device in (served.device, alone):
        device.run_to_cycle(later)
    assert served.device.state_hash() == alone.state_hash()
