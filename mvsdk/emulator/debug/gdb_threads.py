"""The tasks of a real-time kernel as GDB's threads: of FreeRTOS, by the symbols that GDB knows, else the one there is.

Layouts: FreeRTOS kernel 8 to 11, tasks.c (TCB_t), list.h (List_t, ListItem_t), and the context that
portable/GCC/ARM_CM33_NTZ and ARM_CM4F put on a task's stack. They hold for a kernel without MPU wrappers and list
integrity checks. Everything is read from the guest's memory, which may hold anything: what makes no sense is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from mvsdk.emulator.core import BusFault, Registers

BARE = 1
"""The one thread of an application without a kernel."""
_CURRENT = "pxCurrentTCB"
_READY = "pxReadyTasksLists"
_LISTS = {
    "xDelayedTaskList1": "delayed",
    "xDelayedTaskList2": "delayed",
    "xPendingReadyList": "ready",
    "xSuspendedTaskList": "suspended",
    "xTasksWaitingTermination": "deleted",
}
SYMBOLS = (_CURRENT, _READY, *_LISTS)
"""What GDB is asked for; the last three are there only if the kernel was configured so."""
_MOST_TASKS, _MOST_PRIORITIES, _NAME_LENGTH = 64, 56, 16
_LIST_BYTES, _END_VALUE, _END, _OWNER, _NEXT = 20, 8, 8, 12, 4
_TCB_PRIORITY, _TCB_NAME = 44, 52
_EXC_RETURN, _BASIC_FRAME = 0xFFFF_FF00, 8
_NO_FLOATS = 0x10

Read = Callable[[int, int], bytes]


@dataclass(frozen=True, slots=True)
class Thread:
    """A task: its number for GDB, what it is called, and how it stands. `stack` is None for the one that runs."""

    number: int
    name: str
    state: str
    stack: int | None


def threads(symbols: Mapping[str, int], read: Read) -> tuple[Thread, ...]:
    """Return all tasks, the running one first."""
    current = _word(read, symbols[_CURRENT]) if _CURRENT in symbols and _READY in symbols else None
    if not current:
        return (Thread(BARE, "application", "running", None),)
    found = {current: _task(read, current, "running", running=True)}
    for place, state in _lists(symbols, read):
        for task in _owners(read, place):
            if len(found) < _MOST_TASKS and task not in found:
                found[task] = _task(read, task, state, running=False)
    return tuple(found.values())


def registers(thread: Thread, now: Registers, read: Read) -> Registers:
    """Return the registers of a task: those of the core, or those that a task that waits will go on with."""
    if thread.stack is None:
        return now
    words = _words(read, thread.stack, 10)
    if words is None:
        return now
    limit, kept, saved, above = now.psplim, 0, words[:8], 8
    if words[1] & _EXC_RETURN == _EXC_RETURN:  # ARM_CM33: PSPLIM, LR, r4 to r11
        limit, kept, saved, above = words[0], words[1], words[2:10], 10
    elif words[8] & _EXC_RETURN == _EXC_RETURN:  # ARM_CM4F: r4 to r11, LR
        kept, above = words[8], 9
    floats = bool(kept) and not kept & _NO_FLOATS
    frame = thread.stack + 4 * (above + (16 if floats else 0))
    basic = _words(read, frame, _BASIC_FRAME)
    if basic is None:
        return now
    padded = 4 if basic[7] & 1 << 9 else 0
    stack = (frame + 4 * (_BASIC_FRAME + (18 if floats else 0)) + padded) & 0xFFFF_FFFF
    r = (*basic[:4], *saved, basic[4], stack, basic[5], basic[6] & ~1)
    return replace(now, r=r, xpsr=basic[7], psp=stack, psplim=limit)


def _lists(symbols: Mapping[str, int], read: Read) -> Iterator[tuple[int, str]]:
    """Yield the lists that tasks are in. How many priorities there are no symbol says: the array ends where its entries
    are no lists any more."""
    for priority in range(_MOST_PRIORITIES):
        place = symbols[_READY] + priority * _LIST_BYTES
        if _word(read, place + _END_VALUE) != 0xFFFF_FFFF or (priority and place in symbols.values()):
            break
        yield place, "ready"
    for name, state in _LISTS.items():
        if name in symbols:
            yield symbols[name], state


def _owners(read: Read, place: int) -> Iterator[int]:
    """Yield the tasks in a list."""
    item = _word(read, place + _END + _NEXT)
    for _ in range(_MOST_TASKS):
        if not item or item == place + _END:
            return
        owner = _word(read, item + _OWNER)
        if not owner:
            return
        yield owner
        item = _word(read, item + _NEXT)


def _task(read: Read, task: int, state: str, *, running: bool) -> Thread:
    try:
        name = read(task + _TCB_NAME, _NAME_LENGTH).split(b"\0")[0].decode("ascii", "replace")
    except BusFault:
        name = "?"
    priority = _word(read, task + _TCB_PRIORITY)
    described = state if priority is None or priority >= _MOST_PRIORITIES else f"{state}, priority {priority}"
    return Thread(task, name, described, None if running else _word(read, task))


def _word(read: Read, address: int) -> int | None:
    words = _words(read, address, 1)
    return None if words is None else words[0]


def _words(read: Read, address: int, count: int) -> tuple[int, ...] | None:
    if address < 0 or address + 4 * count > 1 << 32:
        return None
    try:
        data = read(address, 4 * count)
    except BusFault:
        return None
    return tuple(int.from_bytes(data[at : at + 4], "little") for at in range(0, len(data), 4))
