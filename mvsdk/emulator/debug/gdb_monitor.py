"""What `monitor` does in GDB: everything about the device that GDB itself has no words for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mvsdk.abi import Abi
from mvsdk.emulator import snapshots
from mvsdk.emulator.core import Access, BusFault, Watchpoint
from mvsdk.emulator.debug.gdb_history import Timeline
from mvsdk.emulator.device import Device
from mvsdk.emulator.errors import InputError
from mvsdk.emulator.inputs import Input, Reset
from mvsdk.emulator.personality import DeepSleep
from mvsdk.errors import MvsdkError

HELP = """\
monitor help                     this
monitor time                     the device's time, its cycle, and where history begins and ends
monitor snapshot FILE            write the whole device to a file; `mvsdk emulate --from-snapshot` goes on from it
monitor trace on [N] | off       keep the last N (1000) instructions executed; or no more
monitor trace [N]                show the last N (20) of them
monitor pins                     levels of all pins, LEDs and buttons
monitor input WHAT               let something happen: pin PF3 high, button user down, uart USART2 text, ...
monitor reset                    press the reset button, with the next step or continue
monitor power cut                take the power away and give it back: RAM is lost
monitor catch [NAME ... | all | off]   halt before these system calls
monitor watch ADDRESS SIZE VALUE | off   halt when a write leaves a value of 1, 2 or 4 bytes there
"""
_TRACED, _SHOWN, _MOST_TRACED = 1000, 20, 1_000_000
_IDR, _PORTS = 0x10, "ABCDEFGHI"
Typed = Callable[[str], Input]


class Monitor:
    """Carries out monitor commands on a timeline. `typed` reads an input as it is typed."""

    def __init__(self, timeline: Timeline, abi: Abi, typed: Typed) -> None:
        self._timeline = timeline
        self._abi = abi
        self._typed = typed
        self.caught: frozenset[str] = frozenset()
        """The system calls to halt before."""
        self.watched: tuple[Watchpoint, ...] = ()
        """Values to halt for."""

    @property
    def gateways(self) -> dict[int, str]:
        """The addresses of the calls that are caught, and their names."""
        return {self._abi.syscalls[name].address: name for name in self.caught}

    def __call__(self, line: str) -> str:
        """Carry out one command, and return what it has to say, with its line ends."""
        words = line.split()
        try:
            return self._carry_out(words, line)
        except MvsdkError as error:
            return f"{error.what}: {error.remedy}\n" if error.remedy else f"{error.what}\n"
        except (ValueError, BusFault) as error:
            return f"{error}\n"

    def _carry_out(self, words: list[str], line: str) -> str:  # noqa: PLR0911 - one for each command
        match words:
            case [] | ["help"]:
                return HELP
            case ["time"]:
                return self._time()
            case ["snapshot", _, *_]:
                return self._snapshot(Path(line.split(maxsplit=1)[1]))
            case ["trace", "on", *rest] if len(rest) < 2:
                return self._trace_on(_count(rest, _TRACED))
            case ["trace", "off"]:
                self._timeline.device.core.trace_instructions(0)
                return "no instructions are kept any more\n"
            case ["trace", *rest] if len(rest) < 2:
                return self._trace(_count(rest, _SHOWN))
            case ["pins"]:
                return self._pins()
            case ["input", _, *_]:
                return self._input(self._typed(line.split(maxsplit=1)[1]))
            case ["reset"]:
                return self._input(Reset())
            case ["power", "cut"]:
                return self._cut_power()
            case ["catch", *names]:
                return self._catch(names)
            case ["watch", *rest]:
                return self._watch(rest)
        return f"there is no command `monitor {line}`; `monitor help` lists them\n"

    def _time(self) -> str:
        device = self._timeline.device
        text = f"{device.time_us / 1e6:.6f} s, cycle {device.core.cycle}\n"
        if self._timeline.in_past:
            text += f"this is the past; the present is at {self._timeline.present_us / 1e6:.6f} s\n"
        begin = self._timeline.begins_at
        return text + ("history begins here\n" if begin is None else f"history begins at cycle {begin}\n")

    def _snapshot(self, path: Path) -> str:
        snapshots.save(self._timeline.device, path)
        return f"written: {path}\n"

    def _trace_on(self, length: int) -> str:
        self._timeline.device.core.trace_instructions(length)
        return f"the last {length} instructions are kept\n"

    def _trace(self, length: int) -> str:
        core = self._timeline.device.core
        lines = [
            f"{entry.cycle:>14}  {entry.address:08x}  {_instruction(entry.address, core.read_memory)}\n"
            for entry in core.instruction_trace()[-length:]
        ]
        return "".join(lines) or "nothing is kept: `monitor trace on`\n"

    def _pins(self) -> str:
        device = self._timeline.device
        bases = {peripheral.name: peripheral.base for peripheral in device.board.peripherals}
        text = ""
        for letter in _PORTS:
            base = bases.get(f"GPIO{letter}")
            if base is not None:
                levels = self._timeline.debugger.read(base + _IDR, 4)
                shown = "".join(
                    f" {pin}:{'high' if levels >> pin & 1 else 'low'}" for pin in range(16) if levels >> pin & 1
                )
                text += f"P{letter} {levels & 0xFFFF:016b}{shown}\n"
        for kind, pins in (("LED", device.board.leds), ("button", device.board.buttons)):
            for pin in pins:
                text += f"{kind} {pin.name} is P{pin.port[-1]}{pin.pin}\n"
        return text

    def _input(self, what: Input) -> str:
        if self._timeline.in_past:
            raise InputError("nothing can be made to happen in the past", "go forwards to the present first")
        self._timeline.device.inputs.now(what)
        return f"{what.kind} happens with the device's next cycle\n"

    def _cut_power(self) -> str:
        device: Device = self._timeline.change().device
        device.deep_sleep(DeepSleep.SHUTDOWN)
        device.wake(device.wake_sources.APPLICATION)
        return "the power was away; the application starts with the next step or continue\n"

    def _catch(self, names: list[str]) -> str:
        if names == ["off"]:
            self.caught = frozenset()
        elif names == ["all"]:
            self.caught = frozenset(self._abi.syscalls)
        elif names:
            unknown = [name for name in names if name not in self._abi.syscalls]
            if unknown:
                return f"there is no system call {unknown[0]!r}\n"
            self.caught |= frozenset(names)
        return f"halts before: {', '.join(sorted(self.caught)) or 'no system call'}\n"

    def _watch(self, words: list[str]) -> str:
        match words:
            case ["off"]:
                self.watched = ()
            case [address, size, value]:
                self.watched += (_value_watched(int(address, 0), int(size, 0), int(value, 0)),)
            case []:
                pass
            case _:
                return "monitor watch ADDRESS SIZE VALUE | off\n"
        shown = [f"0x{each.value:x} in {each.size} bytes at 0x{each.address:08x}\n" for each in self.watched]
        return "".join(shown) or "no value is waited for\n"


def _value_watched(address: int, size: int, value: int) -> Watchpoint:
    if size not in {1, 2, 4} or not 0 <= address <= (1 << 32) - size:
        raise ValueError(f"{size} bytes at {address:#x} are no value: give 1, 2 or 4 bytes of the address space")
    if not -(1 << 8 * size - 1) <= value < 1 << 8 * size:
        raise ValueError(f"{value} does not fit into {size} bytes")
    return Watchpoint(address, size, Access.WRITE, value % (1 << 8 * size))


def _instruction(address: int, read: Callable[[int, int], bytes]) -> str:
    from mvsdk.emulator.core.disassemble import listing

    try:
        return next(listing(read(address, 4), address)).text
    except (LookupError, StopIteration):
        return "?"


def _count(words: list[str], default: int) -> int:
    count = int(words[0], 0) if words else default
    if not 1 <= count <= _MOST_TRACED:
        raise ValueError(f"{count} is not a number from 1 to {_MOST_TRACED}")
    return count
