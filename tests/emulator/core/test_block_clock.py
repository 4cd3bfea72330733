"""The block counter: its machine code for each processor does what its Python twin does."""

import os
import platform
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unicorn import arm64_const, unicorn_const, x86_const
from unicorn.unicorn_py3.unicorn import Uc

from mvsdk.emulator.core.block_clock import BLOCK_CALLBACK, FOREVER, BlockClock, native_stub

STATE, STUB, STACK, STOP, BACK = 0x10_000, 0x20_000, 0x30_000, 0x40_000, 0x50_000
X86, ARM64 = x86_const, arm64_const
CASES = {
    "x86_64": (
        unicorn_const.UC_ARCH_X86,
        unicorn_const.UC_MODE_64,
        (X86.UC_X86_REG_RDI, X86.UC_X86_REG_RSI, X86.UC_X86_REG_RDX, X86.UC_X86_REG_RCX),
        X86.UC_X86_REG_RIP,
    ),
    "aarch64": (
        unicorn_const.UC_ARCH_ARM64,
        unicorn_const.UC_MODE_ARM,
        (ARM64.UC_ARM64_REG_X0, ARM64.UC_ARM64_REG_X1, ARM64.UC_ARM64_REG_X2, ARM64.UC_ARM64_REG_X3),
        ARM64.UC_ARM64_REG_PC,
    ),
}
small = st.integers(0, 1 << 40)


def emulated(machine: str, state: tuple[int, ...], address: int, size: int) -> tuple[tuple[int, ...], bool]:
    """Call the machine code on an emulated processor; return the state after, and whether it asked to decide."""
    arch, mode, arguments, pc = CASES[machine]
    host: Any = Uc(arch, mode)
    for page in (STATE, STUB, STACK, STOP, BACK):
        host.mem_map(page, 0x1000)
    stub = native_stub(machine)
    assert stub is not None
    host.mem_write(STUB, stub)
    host.mem_write(STATE, struct.pack("<5Q", *state, STOP))
    # The upper half of a register that passes 32 bits may hold anything.
    for register, value in zip(arguments, (0, address, size | 0xDEAD << 32, STATE), strict=True):
        host.reg_write(register, value)
    if machine == "x86_64":
        host.mem_write(STACK + 0x800, BACK.to_bytes(8, "little"))
        host.reg_write(X86.UC_X86_REG_RSP, STACK + 0x800)
    else:
        host.reg_write(ARM64.UC_ARM64_REG_X30, BACK)
    host.ctl_exits_enabled(True)
    host.ctl_set_exits([STOP, BACK])
    host.emu_start(STUB, 0)
    after = struct.unpack("<5Q", host.mem_read(STATE, 40))[:4]
    assert host.reg_read(pc) in (STOP, BACK)
    return after, host.reg_read(pc) == STOP


def in_python(state: tuple[int, ...], address: int, size: int) -> tuple[tuple[int, ...], bool]:
    """Do the same with the Python callback."""
    stops: list[int] = []
    clock = BlockClock(lambda: stops.append(1), 1, native=False)
    clock.state.elapsed, clock.state.open, clock.state.deadline, clock.state.start = state
    assert clock.callback is not None
    BLOCK_CALLBACK(clock.callback)(None, address, size, clock.argument)
    state_after = clock.state
    return (state_after.elapsed, state_after.open, state_after.deadline, state_after.start), bool(stops)


@pytest.mark.parametrize("machine", CASES)
@given(elapsed=small, opened=st.integers(0, 2000), ahead=st.integers(-3000, 3000), size=st.integers(2, 1024))
def test_machine_code_counts_as_python_does(machine: str, elapsed: int, opened: int, ahead: int, size: int) -> None:
    """From any state, both leave the same state behind and agree on whether the deadline is reached."""
    state = elapsed, opened, max(elapsed + ahead, 0), 0x0800_0000
    assert emulated(machine, state, 0x2000_1234, size) == in_python(state, 0x2000_1234, size)


@pytest.mark.parametrize(("name", "same"), [("AMD64", "x86_64"), ("arm64", "aarch64"), ("aarch64", "aarch64")])
def test_machines_are_known_by_all_their_names(name: str, same: str) -> None:
    """Operating systems call the same processor different names."""
    assert native_stub(name) == native_stub(same) is not None


def test_other_machines_have_no_machine_code() -> None:
    """On any other processor time is counted in Python."""
    assert native_stub("riscv64") is None


def clock_and_stops() -> tuple[BlockClock, list[int]]:
    """Return a clock counting in Python, and the list its stops go to."""
    stops: list[int] = []
    return BlockClock(lambda: stops.append(1), 1, native=False), stops


def enter(clock: BlockClock, address: int, size: int) -> None:
    """Tell the clock that a block is about to run."""
    assert clock.callback is not None
    BLOCK_CALLBACK(clock.callback)(None, address, size, clock.argument)


def test_a_block_is_charged_when_it_is_left() -> None:
    """Entering a block costs nothing yet; entering the next charges it; closing charges what was executed."""
    clock, stops = clock_and_stops()
    clock.arm(FOREVER)
    enter(clock, 0x100, 10)
    assert clock.state.elapsed == 0
    enter(clock, 0x200, 20)
    assert clock.state.elapsed == 10
    clock.close_block(6)
    assert (clock.state.elapsed, clock.state.open, stops) == (16, 0, [])


def test_a_resumed_block_is_not_a_new_one() -> None:
    """The rest of a block that was interrupted is not stopped at, and is charged together with its beginning."""
    clock, stops = clock_and_stops()
    clock.arm(0, done=6)
    enter(clock, 0x106, 4)
    assert (clock.state.start, clock.state.open, stops) == (0x100, 10, [])
    enter(clock, 0x200, 2)
    assert (clock.state.elapsed, stops) == (10, [1])


def test_a_watch_sees_every_block_until_it_stops_one() -> None:
    """A watch is asked before each block, after a resumed one too, and the deadline still holds."""
    clock, stops = clock_and_stops()
    seen: list[tuple[int, int]] = []

    def watch(address: int, size: int) -> bool:
        seen.append((address, size))
        return len(seen) == 2

    clock.arm(FOREVER, done=2, watch=watch)
    for address in (0x102, 0x200, 0x300):
        enter(clock, address, 4)
    assert seen == [(0x200, 4), (0x300, 4)]
    assert stops == [1]
    clock.arm(clock.state.elapsed, watch=watch)
    enter(clock, 0x300, 4)
    assert (len(seen), stops) == (2, [1, 1])


@pytest.mark.skipif(
    os.name != "posix" or native_stub(platform.machine()) is None, reason="no machine code for this host"
)
def test_native_clock_is_used_where_it_can_be() -> None:
    """Where an executable page can be had the callback is machine code, and `native=False` does without."""
    native, python = (BlockClock(lambda: None, 1, native=wanted) for wanted in (True, False))
    assert native.callback != python.callback
