"""One GDB and one device: what each packet of the remote protocol asks, and the answer.

Source: GDB manual, appendix "Remote Protocol". A packet that is not known gets the empty answer, as the protocol says;
one that makes no sense an error. Nothing that comes can do more than that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import ClassVar

from mvsdk.abi import Abi
from mvsdk.abi.decode import decode_call
from mvsdk.emulator.core import Access, BusFault, Registers, Vector, Watchpoint
from mvsdk.emulator.debug import gdb_threads
from mvsdk.emulator.debug.debugger import Halt, HaltReason
from mvsdk.emulator.debug.gdb_description import REGISTERS, SPECIAL, Values, memory_map, target_description
from mvsdk.emulator.debug.gdb_history import Timeline, Wishes
from mvsdk.emulator.debug.gdb_monitor import Monitor, Typed
from mvsdk.emulator.debug.gdb_packets import LONGEST, Packet, Reader, Signal, packet
from mvsdk.emulator.device import End
from mvsdk.errors import EmulatorError

LARGEST_READ = (LONGEST - 16) // 2
_OK, _NOT_KNOWN, _WRONG, _NO_MEMORY = b"OK", b"", b"E16", b"E0e"
_SIGINT, _SIGTRAP, _SIGSEGV = 2, 5, 11
_FEATURES = (
    f"PacketSize={LONGEST:x};QStartNoAckMode+;qXfer:features:read+;qXfer:memory-map:read+;qXfer:threads:read+;"
    "vContSupported+;swbreak+;hwbreak+;ReverseStep+;ReverseContinue+"
)
_ACCESSES = {b"2": Access.WRITE, b"3": Access.READ, b"4": Access.READ | Access.WRITE}
_WATCH_WORDS = {b"2": b"watch", b"3": b"rwatch", b"4": b"awatch"}
_RETURN_INSTRUCTION = b"\x70\x47"
_SVC = 0xDF
_SYNCHRONOUS = frozenset((3, 4, 5, 6, 7, 11, 12))
_SYMBOL_VALUES = 1 << 32


class Session:
    """Serves one connection. `send` takes bytes for GDB; `typed` reads inputs as they are typed."""

    def __init__(self, timeline: Timeline, abi: Abi, send: Callable[[bytes], object], typed: Typed) -> None:
        self._timeline = timeline
        self._abi = abi
        self._send = send
        self._reader = Reader()
        self._monitor = Monitor(timeline, abi, typed)
        self._acknowledges = True
        self._last = b""
        self._breakpoints: dict[tuple[bytes, int], None] = {}
        self._watchpoints: dict[tuple[bytes, int, int], None] = {}
        self._symbols: dict[str, int] = {}
        self._asked: list[str] = []
        self._thread = 0
        self._range: tuple[int, int] | None = None
        self._before: Registers | None = None
        self._returning: tuple[int, int, int] | None = None
        self._xfers: dict[bytes, Callable[[], str]] = {
            b"features:target.xml": target_description,
            b"memory-map:": lambda: memory_map(timeline.device.board),
            b"threads:": self._threads_document,
        }
        self.running = False
        """Whether the guest is to run, and GDB waits for a halt."""
        self.over: str | None = None
        """Why the session is over: "detached" or "killed"; None while it goes on."""

    # -- bytes ---------------------------------------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """Take what GDB has sent, and answer it."""
        for found in self._reader.feed(data):
            match found:
                case Packet(content):
                    self._receive_packet(content)
                case Signal.DAMAGED if self._acknowledges:
                    self._send(b"-")
                case Signal.REFUSED if self._acknowledges:
                    self._send(self._last)
                case Signal.INTERRUPT if self.running:
                    self._halted(Halt(HaltReason.REQUEST))
                case _:
                    pass
            if self.over is not None:
                return

    def _receive_packet(self, content: bytes) -> None:
        if self._acknowledges:
            self._send(b"+")
        if self.running:
            return  # all-stop: GDB says nothing but Ctrl-C meanwhile
        try:
            answer = self._answer(content)
        except EmulatorError as error:
            answer = f"E.{error.what}; {error.remedy}".encode()
        except BusFault:
            answer = _NO_MEMORY
        except (ValueError, IndexError, KeyError):
            answer = _WRONG
        if answer is not None:
            self._reply(answer)

    def _reply(self, content: bytes) -> None:
        self._last = packet(content)
        self._send(self._last)

    def _say(self, text: str) -> None:
        """Have GDB show something."""
        data = text.encode("utf-8", "replace")
        for at in range(0, len(data), LARGEST_READ):
            self._send(packet(b"O" + data[at : at + LARGEST_READ].hex().encode()))

    # -- packets -------------------------------------------------------------------------------------------------------

    def _answer(self, content: bytes) -> bytes | None:
        kind, rest = content[:1], content[1:]
        if kind in {b"q", b"Q", b"v"}:
            return self._answer_named(content)
        handler = self._SINGLE.get(kind)
        return _NOT_KNOWN if handler is None else handler(self, rest)

    def _answer_named(self, content: bytes) -> bytes | None:
        for name, handler in self._NAMED.items():
            if content.startswith(name):
                return handler(self, content[len(name) :])
        return _NOT_KNOWN

    def _supported(self, _rest: bytes) -> bytes:
        return _FEATURES.encode()

    def _stop_acknowledging(self, _rest: bytes) -> None:
        self._reply(_OK)
        self._acknowledges = False

    def _transfer(self, rest: bytes) -> bytes:
        """`qXfer:object:read:annex:offset,length`."""
        kind, operation, annex, place = rest.split(b":", 3)
        make = self._xfers.get(kind + b":" + annex)
        if operation != b"read" or make is None:
            return b"E00"
        offset, length = _numbers(place, b",")
        document = make().encode()
        part = document[offset : offset + min(length, LARGEST_READ)]
        return (b"l" if offset + len(part) >= len(document) else b"m") + part

    def _command(self, rest: bytes) -> bytes:
        """`qRcmd,hex`: a monitor command."""
        text = self._monitor(bytes.fromhex(rest.decode("ascii")).decode("utf-8", "replace").strip())
        self._make_wishes()
        self._say(text)
        return _OK

    def _symbol(self, rest: bytes) -> bytes:
        """`qSymbol:value:name`: GDB offers to look up symbols, or tells one."""
        value, _, name = rest.partition(b":")
        if not name:
            self._asked = list(gdb_threads.SYMBOLS)
        elif value:
            known = bytes.fromhex(name.decode("ascii")).decode("utf-8", "replace")
            if known in gdb_threads.SYMBOLS and 0 <= _number(value) < _SYMBOL_VALUES:
                self._symbols[known] = _number(value)
        if not self._asked:
            return _OK
        return b"qSymbol:" + self._asked.pop(0).encode().hex().encode()

    # -- threads -------------------------------------------------------------------------------------------------------

    def _threads(self) -> tuple[gdb_threads.Thread, ...]:
        return gdb_threads.threads(self._symbols, self._timeline.debugger.read_memory)

    def _chosen(self) -> gdb_threads.Thread:
        threads = self._threads()
        return next((thread for thread in threads if thread.number == self._thread), threads[0])

    def _threads_document(self) -> str:
        from xml.sax.saxutils import escape, quoteattr

        rows = "".join(
            f'<thread id="{thread.number:x}" name={quoteattr(_plain(thread.name))}>{escape(thread.state)}</thread>'
            for thread in self._threads()
        )
        return f'<?xml version="1.0"?><threads>{rows}</threads>'

    def _first_threads(self, _rest: bytes) -> bytes:
        return b"m" + b",".join(b"%x" % thread.number for thread in self._threads())

    def _choose(self, rest: bytes) -> bytes:
        """`Hg id`: which thread's registers are meant. What goes on is always the whole device."""
        wanted = rest[1:]
        if rest[:1] == b"g":
            self._thread = 0 if wanted in {b"0", b"-1"} else _number(wanted)
        return _OK

    def _is_alive(self, rest: bytes) -> bytes:
        return _OK if _number(rest) in {thread.number for thread in self._threads()} else _WRONG

    # -- registers and memory ------------------------------------------------------------------------------------------

    def _values(self) -> Values:
        debugger = self._timeline.debugger
        core = debugger.registers()
        if self._thread:
            core = gdb_threads.registers(self._chosen(), core, debugger.read_memory)
        return Values(core, debugger.floating_point())

    def _read_registers(self, _rest: bytes) -> bytes:
        return self._values().all().hex().encode()

    def _read_register(self, rest: bytes) -> bytes:
        number = _number(rest)
        return self._values().of(number).hex().encode() if number < len(REGISTERS) else _WRONG

    def _write_registers(self, rest: bytes) -> bytes:
        data, at = bytes.fromhex(rest.decode("ascii")), 0
        if len(data) != sum(register.bits // 8 for register in REGISTERS):
            return _WRONG
        for number, register in enumerate(REGISTERS):
            self._set(number, data[at : at + register.bits // 8])
            at += register.bits // 8
        return _OK

    def _write_register(self, rest: bytes) -> bytes:
        number, _, value = rest.partition(b"=")
        self._set(_number(number), bytes.fromhex(value.decode("ascii")))
        return _OK

    def _set(self, number: int, data: bytes) -> None:
        if number >= len(REGISTERS) or len(data) != REGISTERS[number].bits // 8:
            raise ValueError("it is no register of that size")
        if self._chosen().stack is not None:
            raise ValueError("a task that waits keeps its registers")
        if data == self._values().of(number):
            return
        debugger, name = self._timeline.change(), REGISTERS[number].name
        value = int.from_bytes(data, "little")
        if name == "fpscr":
            debugger.write_floating_point(32, value)
        elif REGISTERS[number].group == "float":
            for half in range(2):
                debugger.write_floating_point(2 * int(name[1:]) + half, value >> 32 * half & 0xFFFF_FFFF)
        else:
            debugger.write_register(name if name in {*SPECIAL, "xpsr"} else f"r{number}", value)

    def _read_memory(self, rest: bytes) -> bytes:
        address, size = _numbers(rest, b",")
        return self._bytes_at(address, min(size, LARGEST_READ)).hex().encode()

    def _bytes_at(self, address: int, size: int) -> bytes:
        """Return memory. At a gateway nothing lies; a return is shown there, which is what a call comes to."""
        gateways = self._timeline.device.board.gateways
        if size and gateways.contains(address, size):
            whole = _RETURN_INSTRUCTION * ((size + 3) // 2)
            return whole[address % 2 : address % 2 + size]
        if address + size > 1 << 32:
            raise ValueError("it is beyond the address space")
        return self._timeline.debugger.read_memory(address, size)

    def _write_memory(self, rest: bytes) -> bytes:
        place, _, data = rest.partition(b":")
        return self._put(place, bytes.fromhex(data.decode("ascii")))

    def _write_binary(self, rest: bytes) -> bytes:
        place, _, data = rest.partition(b":")
        return self._put(place, data)

    def _put(self, place: bytes, data: bytes) -> bytes:
        address, size = _numbers(place, b",")
        if len(data) != size or address + size > 1 << 32:
            return _WRONG
        if data:
            self._timeline.change().write_memory(address, data)
        return _OK

    # -- breakpoints and watchpoints -----------------------------------------------------------------------------------

    def _insert(self, rest: bytes) -> bytes:
        return self._change_stops(rest, insert=True)

    def _remove(self, rest: bytes) -> bytes:
        return self._change_stops(rest, insert=False)

    def _change_stops(self, rest: bytes, *, insert: bool) -> bytes:
        """`z kind,address,size`. Breakpoints of both kinds are the same to us: nothing is written into memory."""
        kind, place = rest[:1], rest[2:].partition(b";")[0]
        address, size = _numbers(place, b",")
        if address >= 1 << 32 or size > 1 << 32:
            return _WRONG
        if kind in {b"0", b"1"}:
            point = (kind, address & ~1)
            if insert:
                self._breakpoints[point] = None
            else:
                self._breakpoints.pop(point, None)
        elif kind in _ACCESSES:
            watch = (kind, address, size)
            if insert:
                self._watchpoints[watch] = None
            else:
                self._watchpoints.pop(watch, None)
        else:
            return _NOT_KNOWN
        try:
            self._make_wishes()
        except ValueError:
            self._watchpoints.pop((kind, address, size), None)
            raise
        return _OK

    def _make_wishes(self, *more: int) -> None:
        breakpoints = frozenset((*(address for _, address in self._breakpoints), *self._monitor.gateways, *more))
        watchpoints = tuple(Watchpoint(address, size, _ACCESSES[kind]) for kind, address, size in self._watchpoints)
        self._timeline.wish(Wishes(breakpoints, (*watchpoints, *self._monitor.watched), Vector.HARD_FAULT))

    # -- run control ---------------------------------------------------------------------------------------------------

    def _why(self, _rest: bytes) -> bytes:
        return b"T%02x" % _SIGTRAP + self._expedited()

    def _continue_at(self, rest: bytes) -> None:
        """`c addr`, `C sig;addr`."""
        self._go_on()

    def _step_at(self, rest: bytes) -> None:
        """`s addr`, `S sig;addr`."""
        self._step(None)

    def _resume(self, rest: bytes) -> bytes | None:
        """`vCont;action:thread;...`: there is one processor, so the first action is for all of it."""
        action = rest.split(b";")[1].split(b":")[0]
        match action[:1]:
            case b"c" | b"C":
                self._go_on()
            case b"s" | b"S":
                self._step(None)
            case b"r":
                start, end = _numbers(action[1:], b",")
                self._step((start, end))
            case _:
                return _WRONG
        return None

    def _go_on(self) -> None:
        self._range = self._before = self._returning = None
        self._timeline.resume()
        self.running = True

    def _step(self, within: tuple[int, int] | None) -> None:
        self._range, self._returning = within, None
        self._before = self._timeline.debugger.registers()
        self._timeline.step()
        self.running = True

    def _back(self, rest: bytes) -> bytes:
        """`bs`, `bc`."""
        if rest == b"s":
            if not self._timeline.step_back():
                return b"T05replaylog:begin;" + self._expedited()
            return self._stop_reply(Halt(HaltReason.STEP), _SIGTRAP)
        if rest != b"c":
            return _NOT_KNOWN
        halt = self._timeline.run_back()
        return b"T05replaylog:begin;" + self._expedited() if halt is None else self._stop_reply(halt, _SIGTRAP)

    def run(self, until_us: int) -> None:
        """Run the guest to a moment of its time, or until it halts; GDB is told then."""
        end = self._timeline.run(until_us)
        if end is None:
            self._stopped(b"T05replaylog:end;" + self._expedited())
            return
        halt = self._timeline.debugger.halted
        if halt is not None:
            self._consider(halt)
        elif end is End.FAULT:
            self._timeline.halt()
            self._stopped(self._stop_reply(Halt(HaltReason.FAULT), _SIGSEGV))
        elif end is End.TESTED:
            self._timeline.halt()
            self._stopped(b"W%02x" % ((self._timeline.device.test_status or 0) & 0xFF))

    def _consider(self, halt: Halt) -> None:
        """Tell GDB of a halt, unless it is one on the way to what GDB asked for."""
        now = self._timeline.debugger.registers()
        if self._returning is not None and halt.reason is HaltReason.BREAKPOINT:
            pc, exception, sp = self._returning
            if now.pc == pc and (now.exception, now.sp) != (exception, sp):
                self._timeline.resume()  # the handler's own way through that place
                return
            self._make_wishes()
            if now.pc == pc:
                self._returning = None
                self._timeline.step()
                return
        elif halt.reason is HaltReason.STEP and self._before is not None:
            if _interrupted(self._before, now, self._timeline.debugger.read_memory):
                self._returning = self._before.pc, self._before.exception, self._before.sp
                self._make_wishes(self._before.pc)
                self._timeline.resume()
                return
            if self._range is not None and self._range[0] <= now.pc < self._range[1]:
                self._before = now
                self._timeline.step()
                return
        self._halted(halt)

    def _halted(self, halt: Halt) -> None:
        if self._returning is not None:
            self._returning = None
            self._make_wishes()
        self._timeline.halt()
        signals = {HaltReason.REQUEST: _SIGINT, HaltReason.FAULT: _SIGSEGV, HaltReason.VECTOR: _SIGSEGV}
        self._stopped(self._stop_reply(halt, signals.get(halt.reason, _SIGTRAP)))

    def _stopped(self, reply: bytes) -> None:
        self.running = False
        self._thread = 0
        self._reply(reply)

    def _stop_reply(self, halt: Halt, signal: int) -> bytes:
        return b"T%02x" % signal + self._reason(halt) + self._expedited()

    def _reason(self, halt: Halt) -> bytes:
        pc = self._timeline.debugger.registers().pc
        if halt.reason is HaltReason.BREAKPOINT:
            if pc in self._monitor.gateways:
                self._tell_call(pc)
            kinds = {kind for kind, address in self._breakpoints if address == pc}
            return b"swbreak:;" if b"0" in kinds else b"hwbreak:;" if b"1" in kinds else b""
        if halt.watch is not None:
            first, last = halt.watch.address, halt.watch.address + halt.watch.size
            for kind, address, size in self._watchpoints:
                if address < last and first < address + size and _ACCESSES[kind] & halt.watch.access:
                    return b"%b:%x;" % (_WATCH_WORDS[kind], address)
            if self._monitor.watched:
                self._say(f"0x{halt.watch.value:x} was written to 0x{halt.watch.address:08x}\n")
        return b""

    def _tell_call(self, address: int) -> None:
        registers = self._timeline.debugger.registers()
        syscall = self._abi.syscalls[self._monitor.gateways[address]]
        self._say(f"{decode_call(syscall, registers.r[:4], self._timeline.device.memory.read)}\n")

    def _expedited(self) -> bytes:
        values = self._values()
        registers = b"".join(b"%x:%b;" % (number, values.of(number).hex().encode()) for number in (13, 14, 15))
        return registers + b"thread:%x;" % self._threads()[0].number

    def leave(self) -> None:
        """Take back what this GDB wanted, and let the guest stand."""
        self._breakpoints.clear()
        self._watchpoints.clear()
        self._timeline.halt()
        self._timeline.return_to_present()
        self._timeline.wish(Wishes())

    # -- the end -------------------------------------------------------------------------------------------------------

    def _detach(self, _rest: bytes) -> bytes:
        self.over = "detached"
        return _OK

    def _kill(self, _rest: bytes) -> None:
        self.over = "killed"

    def _kill_named(self, _rest: bytes) -> bytes:
        self.over = "killed"
        return _OK

    _SINGLE: ClassVar[dict[bytes, Callable[[Session, bytes], bytes | None]]] = {
        b"?": _why, b"g": _read_registers, b"G": _write_registers, b"p": _read_register, b"P": _write_register,
        b"m": _read_memory, b"M": _write_memory, b"X": _write_binary, b"Z": _insert, b"z": _remove, b"H": _choose,
        b"T": _is_alive, b"c": _continue_at, b"C": _continue_at, b"s": _step_at, b"S": _step_at, b"b": _back,
        b"D": _detach, b"k": _kill,
    }  # fmt: skip
    _NAMED: ClassVar[dict[bytes, Callable[[Session, bytes], bytes | None]]] = {
        b"qSupported": _supported,
        b"QStartNoAckMode": _stop_acknowledging,
        b"qXfer:": _transfer,
        b"qRcmd,": _command,
        b"qSymbol:": _symbol,
        b"qfThreadInfo": _first_threads,
        b"qsThreadInfo": lambda _session, _rest: b"l",
        b"qC": lambda session, _rest: b"QC%x" % session._threads()[0].number,
        b"qAttached": lambda _session, _rest: b"1",
        b"vCont?": lambda _session, _rest: b"vCont;c;C;s;S;r",
        b"vCont": _resume,
        b"vKill": _kill_named,
    }


def _interrupted(before: Registers, now: Registers, read: Callable[[int, int], bytes]) -> bool:
    """Whether a step was the entry of an interrupt. GDB does not call that a step: it is let run, handler and all."""
    if now.exception == before.exception or now.exception in _SYNCHRONOUS or now.exception == 0:
        return False
    return now.lr & 0xFF00_0000 == 0xFF00_0000 and read(before.pc + 1, 1)[0] != _SVC


def _number(text: bytes) -> int:
    """Read a number as the protocol writes it: hexadecimal digits, nothing else."""
    if not text or len(text) > 16 or not all(digit in b"0123456789abcdefABCDEF" for digit in text):
        raise ValueError(f"{text[:20]!r} is no number")
    return int(text, 16)


def _numbers(text: bytes, between: bytes) -> Iterator[int]:
    parts = text.split(between)
    if len(parts) != 2:
        raise ValueError(f"{text[:40]!r} is not two numbers")
    return iter([_number(part) for part in parts])


def _plain(name: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in name)
