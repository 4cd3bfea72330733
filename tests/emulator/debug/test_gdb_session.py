"""Laws of a session with GDB: right answers, none that change the device, and no packet that does harm."""

from __future__ import annotations

import functools
import xml.etree.ElementTree as ET
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mvsdk.abi import load
from mvsdk.emulator.debug.debugger import Debugger
from mvsdk.emulator.debug.gdb_description import REGISTERS
from mvsdk.emulator.debug.gdb_history import Timeline
from mvsdk.emulator.debug.gdb_packets import LONGEST, Packet, Reader, packet
from mvsdk.emulator.debug.gdb_session import Session
from mvsdk.emulator.inputs import Button, Input
from tests.emulator.compiled import BOARD, Bench, Firmware, program

ABI = load("microvisor")
SOURCE = """
#include "mv_syscalls.h"
#include "stm32u585.h"
volatile unsigned counter, ticks, pattern = 0x11223344;
volatile float half = 0.5f;
__attribute__((noinline)) void count(void) { counter++; half = half + 1.0f; }
void SysTick_Handler(void) { ticks++; }
int main(void) {
    SysTick->LOAD = 900; SysTick->VAL = 0; SysTick->CTRL = 7;
    for (;;) { uint64_t now; count(); (void)mvGetMicroseconds(&now); }
}
"""
CRASHING = "int main(void) { *(volatile int *)0x60000000 = 1; return 0; }"


@functools.cache
def counting() -> Firmware:
    """A program that counts, with interrupts and calls."""
    return program(SOURCE)


class Talk:
    """A session and its other end."""

    def __init__(self, what: Firmware) -> None:
        self.bench = Bench(what)
        self.device = self.bench.device
        self.timeline = Timeline(Debugger(self.device), "gdb")
        self.timeline.halt()
        self.sent = bytearray()
        self.session = Session(self.timeline, ABI, self.sent.extend, self.typed)
        self("QStartNoAckMode")
        self.sent.clear()

    def typed(self, text: str) -> Input:
        """Read the one input that these tests type."""
        assert text == "button user down"
        return Button("user", pressed=True)

    def address(self, name: str) -> int:
        """Return where something is."""
        return self.bench.elf.symbols[name] & ~1

    def answers(self) -> Iterator[bytes]:
        """Yield the packets that came since the last time."""
        found = list(Reader().feed(bytes(self.sent)))
        self.sent.clear()
        for each in found:
            if isinstance(each, Packet):
                yield each.content

    def __call__(self, command: str | bytes, until_us: int = 5_000) -> str:
        """Send a packet, let the guest run for as long as it is to, and return the last answer."""
        self.session.receive(packet(command if isinstance(command, bytes) else command.encode("ascii")))
        while self.session.running and self.device.time_us < until_us:
            self.session.run(until_us)
        return [b"nothing", *self.answers()][-1].decode("latin-1")

    def monitor(self, command: str) -> str:
        """Send a monitor command, and return what it shows."""
        self.session.receive(packet(b"qRcmd," + command.encode().hex().encode()))
        *shown, last = self.answers()
        assert last == b"OK"
        return b"".join(bytes.fromhex(each[1:].decode()) for each in shown).decode()

    def register(self, name: str) -> int:
        """Return a register of 32 bits."""
        number = next(index for index, register in enumerate(REGISTERS) if register.name == name)
        return int.from_bytes(bytes.fromhex(self(f"p{number:x}")), "little")


@pytest.fixture
def talk() -> Talk:
    """A session with the counting program."""
    return Talk(counting())


def test_the_target_description_has_every_register_once_with_its_number(talk: Talk) -> None:
    """What GDB is told is what the packets `g` and `p` number, and every register is in a group."""
    part, document = "m", ""
    while part[0] == "m":
        part = talk(f"qXfer:features:read:target.xml:{len(document):x},100")
        document += part[1:]
    elements = list(ET.fromstring(document).iter("reg"))  # noqa: S314 - our own
    found = [(int(each.attrib["regnum"]), each.attrib["name"]) for each in elements]
    assert sorted(found) == [(number, register.name) for number, register in enumerate(REGISTERS)]
    assert {each.attrib["group"] for each in elements} == {"general", "float", "special"}
    assert len(talk("g")) == 2 * sum(register.bits // 8 for register in REGISTERS)


def test_the_memory_map_covers_everything_and_knows_what_cannot_be_written(talk: Talk) -> None:
    """The regions lie side by side over the whole address space; flash is read-only."""
    regions = [
        (int(each.attrib["start"], 0), int(each.attrib["length"], 0), each.attrib["type"])
        for each in ET.fromstring(talk("qXfer:memory-map:read::0,1000")[1:])  # noqa: S314
    ]
    at = 0
    for start, length, _ in regions:
        assert start == at
        at += length
    assert at == 1 << 32
    assert (BOARD.flash.base, BOARD.flash.size, "rom") in regions


def test_registers_written_are_registers_read(talk: Talk) -> None:
    """Core, floating-point and special registers take values, and give them back."""
    for name, digits in (
        ("r5", "78563412"),
        ("d3", "0102030405060708"),
        ("basepri", "40000000"),
        ("fpscr", "00000003"),
    ):
        number = next(index for index, register in enumerate(REGISTERS) if register.name == name)
        assert talk(f"P{number:x}={digits}") == "OK"
        assert talk(f"p{number:x}") == digits
    whole = talk("g")
    assert talk(f"G{whole}") == "OK"
    assert talk("g") == whole


def test_memory_written_is_memory_read(talk: Talk) -> None:
    """RAM takes bytes in hexadecimal and as they are; flash and nothing at all do not."""
    place = BOARD.ram.base + 0x1000
    assert talk(f"M{place:x},3:0a0b0c") == "OK"
    assert talk(b"X%x,2:#}" % (place + 3)) == "OK"
    assert talk(f"m{place:x},5") == "0a0b0c237d"
    assert talk(f"M{BOARD.flash.base:x},1:00").startswith("E")
    assert talk("m60000000,4").startswith("E")
    assert talk(f"M{place:x},3:0a").startswith("E")


def test_a_breakpoint_of_either_kind_halts_before_its_instruction(talk: Talk) -> None:
    """The stop says which kind it was, and where the guest stands; taken away it halts nobody."""
    place = talk.address("count")
    for kind, word in (("0", "swbreak"), ("1", "hwbreak")):
        assert talk(f"Z{kind},{place:x},2") == "OK"
        assert f"T05{word}:;" in talk("vCont;c:1")
        assert talk.register("pc") == place
        assert talk(f"z{kind},{place:x},2") == "OK"
    assert talk("c", until_us=200) == "nothing"


@pytest.mark.parametrize(("kind", "word"), [("2", "watch"), ("3", "rwatch"), ("4", "awatch")])
def test_a_watchpoint_halts_after_the_access_and_names_itself(talk: Talk, kind: str, word: str) -> None:
    """Writes, reads or both; the stop names the kind and the address."""
    place = talk.address("counter")
    assert talk(f"Z{kind},{place:x},4") == "OK"
    assert f"T05{word}:{place:x};" in talk("c")


def test_a_value_can_be_waited_for(talk: Talk) -> None:
    """`monitor watch` halts only when the variable gets this value."""
    assert "no value" in talk.monitor("watch 0xffffffff 4 17")
    assert "does not fit" in talk.monitor("watch 0x20000000 1 256")
    assert "invalid literal" in talk.monitor("watch here 1 2")
    talk.monitor(f"watch {talk.address('counter'):#x} 4 17")
    assert talk("c").startswith("T05")
    assert talk(f"m{talk.address('counter'):x},4") == "11000000"


def test_a_step_is_an_instruction_and_interrupts_are_no_steps(talk: Talk) -> None:
    """However many steps, none ends in the handler, though it runs; and stepping over a range ends outside of it."""
    talk(f"Z1,{talk.address('count'):x},2")
    talk("c")
    talk(f"z1,{talk.address('count'):x},2")
    for _ in range(400):
        assert talk("vCont;s:1").startswith("T05")
        assert talk.register("xpsr") & 0x1FF == 0
    assert int.from_bytes(bytes.fromhex(talk(f"m{talk.address('ticks'):x},4")), "little") > 0
    pc = talk.register("pc")
    assert talk(f"vCont;r{pc:x},{pc + 2:x}:1").startswith("T05")
    assert talk.register("pc") != pc


def test_ctrl_c_halts_a_guest_that_runs_and_no_other(talk: Talk) -> None:
    """The stop is SIGINT; Ctrl-C to one that stands is nothing."""
    talk.session.receive(b"\x03")
    assert list(talk.answers()) == []
    talk.session.receive(packet(b"c"))
    talk.session.run(300)
    talk.session.receive(b"\x03")
    (stop,) = talk.answers()
    assert stop.startswith(b"T02")
    assert 300 <= talk.device.time_us < 310  # a system call takes its time


def test_a_guest_that_sleeps_for_ever_can_be_halted_and_woken() -> None:
    """Its time goes on, Ctrl-C halts it, and an input still reaches it."""
    talk = Talk(program('int main(void) { for (;;) __asm volatile("wfi"); }'))
    talk.session.receive(packet(b"c"))
    talk.session.run(1_000)
    assert talk.device.time_us == 1_000
    talk.session.receive(b"\x03")
    (stop,) = talk.answers()
    assert stop.startswith(b"T02")
    talk.monitor("reset")
    talk.session.receive(packet(b"c"))
    talk.session.run(talk.device.time_us + 20_000)
    assert talk.device.time_us >= 10_000


def test_system_calls_are_caught_by_name_and_shown(talk: Talk) -> None:
    """The guest halts before the call, with its arguments as text; other names are refused."""
    assert "no system call" in talk.monitor("catch mvNothing")
    assert "mvGetMicroseconds" in talk.monitor("catch mvGetMicroseconds")
    talk.session.receive(packet(b"c"))
    talk.session.run(5_000)
    *shown, stop = talk.answers()
    assert bytes.fromhex(shown[0][1:].decode()).startswith(b"mvGetMicroseconds(")
    assert stop.startswith(b"T05")
    assert talk.register("pc") == ABI.syscalls["mvGetMicroseconds"].address
    assert talk(f"m{talk.register('pc'):x},2") == "7047"
    talk.monitor("catch off")
    assert talk("c", until_us=1_000) == "nothing"


def test_a_fault_for_good_halts_with_sigsegv() -> None:
    """GDB sees it where it happens, and again when it goes on regardless."""
    talk = Talk(program(CRASHING))
    assert talk("c").startswith("T0b")
    assert talk("c").startswith("T0b")


def test_going_back_ends_where_history_begins(talk: Talk) -> None:
    """`bc` and `bs` say so there; what is written in the past is refused with words, and `c` leads to the present."""
    talk(f"Z1,{talk.address('count'):x},2")
    talk("c")
    assert talk("bs").startswith("T05")
    assert talk(f"M{BOARD.ram.base:x},1:00").startswith("E.this is the past")
    assert "this is the past" in talk.monitor("time")
    assert "replaylog:begin" in talk("bc")
    assert "replaylog:begin" in talk("bs")
    assert "replaylog:end" in talk("c")


def test_one_thread_without_a_kernel(talk: Talk) -> None:
    """Every way to ask gives the same one."""
    assert talk("qfThreadInfo") == "m1"
    assert talk("qsThreadInfo") == "l"
    assert talk("qC") == "QC1"
    assert 'name="application"' in talk("qXfer:threads:read::0,1000")
    assert talk("T1") == "OK"
    assert talk("T2").startswith("E")


def test_monitor_shows_and_changes_the_device(talk: Talk) -> None:
    """Time, pins, the trace, inputs, reset and loss of power, each in words; and what is not there."""
    assert talk.monitor("time").startswith("0.000000 s, cycle 0")
    talk.monitor("trace on 50")
    talk("c", until_us=100)
    talk.session.receive(b"\x03")
    list(talk.answers())
    assert len(talk.monitor("trace 5").splitlines()) == 5
    assert "LED user" in talk.monitor("pins")
    assert "button happens" in talk.monitor("input button user down")
    assert "there is no command" in talk.monitor("nonsense")
    assert "monitor help" in talk.monitor("help")
    talk.monitor("reset")
    talk("c", until_us=20_000)
    talk.session.receive(b"\x03")
    list(talk.answers())
    talk.monitor("power cut")
    talk("s", until_us=60_000)
    assert talk.register("pc") in range(BOARD.flash.base, BOARD.flash.end)


def test_a_whole_session_leaves_no_trace() -> None:
    """Breakpoints, watchpoints, steps, looking and going back change nothing of what the device becomes."""
    talk = Talk(counting())
    count, counter = talk.address("count"), talk.address("counter")
    for command in (
        "qSupported:swbreak+", "g", f"Z0,{count:x},2", "c", "c", f"z0,{count:x},2", f"Z2,{counter:x},4", "c", "s", "s",
        "bs", "bs", "bc", "c", f"z2,{counter:x},4", f"m{BOARD.ram.base:x},400", "me000e010,10", "qfThreadInfo",
    ):  # fmt: skip
        talk(command)
    talk.monitor("time")
    talk.session.leave()
    talk.timeline.close()
    talk.device.run(7_000)
    undisturbed = Bench(counting()).device
    undisturbed.run(7_000)
    assert talk.device.state_hash() == undisturbed.state_hash()


KNOWN = [
    b"?", b"g", b"G", b"p", b"P", b"m", b"M", b"X", b"Z0,", b"Z2,", b"z4,", b"Hg", b"T", b"vCont;", b"vCont;r", b"bs",
    b"qXfer:features:read:target.xml:", b"qXfer:", b"qRcmd,", b"qSymbol:", b"qRcmd,7761746368", b"s", b"Q", b"v", b"",
]  # fmt: skip
REST = st.one_of(st.binary(max_size=30), st.text(alphabet="0123456789abcdef,:;=-", max_size=40).map(str.encode))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.one_of(st.tuples(st.sampled_from(KNOWN), REST).map(b"".join), REST), min_size=1, max_size=12))
def test_no_packet_does_harm(packets: list[bytes]) -> None:
    """Whatever is sent, every packet has at most one answer that is no output, and a whole session goes on."""
    talk = Talk(counting())
    for content in packets:
        talk(content, until_us=talk.device.time_us + 50)
        if talk.session.over is not None:
            return
        talk.session.receive(b"\x03" if talk.session.running else b"")
        list(talk.answers())
    assert talk("qC").startswith("QC")


def test_damaged_packets_are_asked_for_again() -> None:
    """While packets are acknowledged a wrong sum gets a minus, and a minus the last answer again."""
    bench = Bench(counting())
    sent = bytearray()
    session = Session(Timeline(Debugger(bench.device), "gdb"), ABI, sent.extend, lambda _: Button("user", pressed=True))
    session.receive(b"$qC#00")
    assert sent == b"-"
    sent.clear()
    session.receive(packet(b"qC"))
    assert sent == b"+" + packet(b"QC1")
    sent.clear()
    session.receive(b"-")
    assert sent == packet(b"QC1")
    sent.clear()
    session.receive(b"$" + b"m" * (2 * LONGEST) + b"#00")
    assert sent == b"-"
