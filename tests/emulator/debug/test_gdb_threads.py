"""Laws of the thread view."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from mvsdk.emulator.core import BusFault, Registers
from mvsdk.emulator.debug.gdb_threads import SYMBOLS, registers, threads

NOW = Registers(tuple(range(16)), 0x0100_0000, 0x100, 0x200, 0, 0, 0, 0, 0, 2)
BASE = 0x2000_0000


class Memory:
    """Words of a kernel's memory."""

    def __init__(self) -> None:
        self._bytes = bytearray(0x2000)

    def put(self, offset: int, *words: int) -> int:
        """Lay words somewhere, and return where that is."""
        struct.pack_into(f"<{len(words)}I", self._bytes, offset, *words)
        return BASE + offset

    def name(self, offset: int, text: bytes) -> None:
        """Lay a name somewhere."""
        self._bytes[offset : offset + len(text)] = text

    def read(self, address: int, size: int) -> bytes:
        """Read as a debugger does."""
        if not BASE <= address <= BASE + len(self._bytes) - size:
            raise BusFault
        return bytes(self._bytes[address - BASE : address - BASE + size])


def kernel() -> tuple[Memory, dict[str, int]]:
    """Lay out a FreeRTOS with a running task, a ready and a delayed one, and two priorities."""
    memory = Memory()
    tasks = {}
    for number, name in enumerate((b"runs", b"ready", b"sleeps")):
        offset = 0x400 + number * 0x100
        tasks[name] = memory.put(offset, BASE + 0x800 + number * 0x100)
        memory.put(offset + 44, number)
        memory.name(offset + 52, name + b"\0")

    def lay_list(offset: int, *members: bytes) -> int:
        end = BASE + offset + 8
        items = [tasks[name] + 4 for name in members]
        for item, following in zip(items, [*items[1:], end], strict=True):
            memory.put(item - BASE, 0, following, 0, item - 4, BASE + offset)
        return memory.put(offset, len(items), end, 0xFFFF_FFFF, items[0] if items else end, end)

    ready = lay_list(0x100, b"ready")
    lay_list(0x114, b"runs")
    delayed = lay_list(0x180, b"sleeps")
    current = memory.put(0, tasks[b"runs"])
    return memory, {"pxCurrentTCB": current, "pxReadyTasksLists": ready, "xDelayedTaskList1": delayed}


def test_without_a_kernel_s_symbols_there_is_one_thread() -> None:
    """It has the processor's registers."""
    (only,) = threads({}, Memory().read)
    assert (only.number, registers(only, NOW, Memory().read)) == (1, NOW)


def test_before_the_kernel_runs_there_is_one_thread_too() -> None:
    """No task is current yet."""
    assert len(threads({"pxCurrentTCB": BASE, "pxReadyTasksLists": BASE + 0x100}, Memory().read)) == 1


def test_every_task_is_a_thread_with_its_name_and_state() -> None:
    """The running one comes first, and each comes once."""
    memory, symbols = kernel()
    assert [(thread.name, thread.state) for thread in threads(symbols, memory.read)] == [
        ("runs", "running, priority 0"),
        ("ready", "ready, priority 1"),
        ("sleeps", "delayed, priority 2"),
    ]


def test_a_task_that_waits_has_the_registers_it_will_go_on_with() -> None:
    """They are read from the context on its stack: of the port with a stack limit, and with floating point."""
    memory, symbols = kernel()
    _, ready, sleeps = threads(symbols, memory.read)
    frame = (0, 1, 2, 3, 12, 0x0800_0101, 0x0800_0200, 0x0100_0000)
    memory.put(0x900, 0x2000_0100, 0xFFFF_FFBC, *range(4, 12), *frame)
    memory.put(0xA00, *range(4, 12), 0xFFFF_FFAC, *[0] * 16, *frame[:7], 0x0100_0200)
    plain, floating = registers(ready, NOW, memory.read), registers(sleeps, NOW, memory.read)
    assert plain.r == (*range(13), BASE + 0x900 + 18 * 4, 0x0800_0101, 0x0800_0200)
    assert plain.psplim == 0x2000_0100
    assert floating.r == (*range(13), BASE + 0xA00 + (9 + 16 + 8 + 18) * 4 + 4, 0x0800_0101, 0x0800_0200)


def test_a_port_without_floating_point_keeps_no_return_value() -> None:
    """On the stack of ARM_CM3 eight registers are followed by the frame at once."""
    memory, symbols = kernel()
    _, ready, _ = threads(symbols, memory.read)
    memory.put(0x900, *range(4, 12), 0, 1, 2, 3, 12, 0x0800_0101, 0x0800_0200, 0x0100_0000)
    assert registers(ready, NOW, memory.read).r == (*range(13), BASE + 0x900 + 16 * 4, 0x0800_0101, 0x0800_0200)


@given(
    st.dictionaries(st.integers(0, 0x7FF), st.integers(0, 0xFFFF_FFFF) | st.integers(BASE, BASE + 0x2000), max_size=200)
)
def test_no_memory_of_a_guest_confuses_it(words: dict[int, int]) -> None:
    """Lists in circles, wild pointers and nonsense give some threads, soon, and registers for each."""
    memory, symbols = kernel()
    for index, word in words.items():
        memory.put(4 * index, word)
    everything = {name: BASE + 0x100 + 20 * index for index, name in enumerate(SYMBOLS)} | symbols
    for thread in threads(everything, memory.read):
        registers(thread, NOW, memory.read)
