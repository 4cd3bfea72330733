"""Exact time for Unicorn: every translated block, before it runs, passes a few native instructions that count it.

Time is counted in bytes of executed code. A block is charged as a whole, and when it has been left: while it runs, the
clock stands at the block's beginning. The clock can stop execution only between two blocks, never inside one.

The counter is a few machine instructions where the host lets us have an executable page and we know its processor;
elsewhere the same steps are done in Python, forty times slower and with the same numbers.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import platform
from collections.abc import Callable
from typing import Any

FOREVER = (1 << 64) - 1

_STUBS = {
    # mov rax,[rcx+8]; add rax,[rcx]; mov [rcx],rax       elapsed += open
    # cmp rax,[rcx+16]; jae 1f                            beyond the deadline?
    # mov [rcx+8],edx; mov [rcx+24],rsi; ret              open = size, start = address
    # 1: and qword [rcx+8],0; jmp [rcx+32]                open = 0, go to whoever decides
    "x86_64": "488b4108480301488901483b4110730889510848897118c34883610800ff6120",
    # ldp x4,x5,[x3]; add x4,x4,x5; ldr x5,[x3,#16]; cmp x4,x5; b.hs 1f
    # mov w2,w2; stp x4,x2,[x3]; str x1,[x3,#24]; ret
    # 1: stp x4,xzr,[x3]; ldr x5,[x3,#32]; br x5
    "aarch64": "641440a98400058b650840f99f0005eba2000054e203022a640800a9610c00f9c0035fd6647c00a9651040f9a0001fd6",
}


class _State(ctypes.Structure):
    """What the stub reads and writes; the order is known to the machine code above."""

    _fields_ = (
        ("elapsed", ctypes.c_uint64),
        ("open", ctypes.c_uint64),
        ("deadline", ctypes.c_uint64),
        ("start", ctypes.c_uint64),
        ("decide", ctypes.c_void_p),
    )
    elapsed: int
    open: int
    deadline: int
    start: int
    decide: int | None


BLOCK_CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint32, ctypes.c_void_p)


def native_stub(machine: str) -> bytes | None:
    """Return the counter's machine code for `machine` (as `platform.machine()` names it), or None if there is none."""
    code = _STUBS.get({"amd64": "x86_64", "arm64": "aarch64"}.get(machine.lower(), machine.lower()))
    return bytes.fromhex(code) if code else None


def _executable_page() -> mmap.mmap | None:
    """Return an anonymous page holding the stub of this machine, or None where that is not possible."""
    stub = native_stub(platform.machine()) if os.name == "posix" else None
    if stub is None:
        return None
    page = mmap.mmap(-1, mmap.PAGESIZE)
    page.write(stub)
    # Written first and made executable afterwards: no page is ever both, and the kernel makes the caches agree.
    address = ctypes.c_void_p(ctypes.addressof(ctypes.c_char.from_buffer(page)))
    refused = ctypes.CDLL(None).mprotect(address, ctypes.c_size_t(mmap.PAGESIZE), mmap.PROT_READ | mmap.PROT_EXEC)
    return None if refused else page


class BlockClock:
    """The clock of one engine. `callback` and `argument` are what the engine's block hook must be given."""

    def __init__(self, stop: Callable[[], Any], stop_address: int, *, native: bool) -> None:
        """`stop` ends execution before the block about to run; `stop_address` is the same as a native function."""
        self.state = _State(decide=stop_address)
        self._stop = stop
        self._stop_address = stop_address
        self.deadline = 0
        self._done = 0
        self._watch: Callable[[int, int], bool] | None = None
        self._attend_callback = BLOCK_CALLBACK(self._attend)
        self._attend_address = ctypes.cast(self._attend_callback, ctypes.c_void_p).value
        self._count_callback = BLOCK_CALLBACK(self._count)
        self._page = _executable_page() if native else None
        if self._page is None:
            self.callback = ctypes.cast(self._count_callback, ctypes.c_void_p).value
        else:
            self.callback = ctypes.addressof(ctypes.c_char.from_buffer(self._page))
        self.argument = ctypes.addressof(self.state)

    def arm(self, deadline: int, *, done: int = 0, watch: Callable[[int, int], bool] | None = None) -> None:
        """Stop at the first block that begins at or after `deadline`.

        `done` > 0 says that execution resumes inside a block of which so many bytes have run: its rest is no new
        block. `watch`, if given, is asked before every block, with its address and size, whether to stop there.
        """
        self.deadline, self._done, self._watch = deadline, done, watch
        attended = bool(done or watch)
        self.state.deadline = 0 if attended else deadline
        self.state.decide = self._attend_address if attended else self._stop_address

    def stop_at_next_block(self) -> None:
        """Let the block in progress be the last."""
        self.deadline = self.state.deadline = 0

    def close_block(self, executed: int | None = None) -> None:
        """Charge the block in progress: all of it, or the bytes of it that were `executed`."""
        self.state.elapsed += self.state.open if executed is None else executed
        self.state.open = 0

    def _attend(self, _engine: int, address: int, size: int, _argument: int) -> None:
        state = self.state
        if self._done:
            state.start, state.open = address - self._done, size + self._done
            self._done = 0
            if self._watch is None:
                state.deadline, state.decide = self.deadline, self._stop_address
        elif state.elapsed >= self.deadline or (self._watch is not None and self._watch(address, size)):
            self._stop()
        else:
            state.start, state.open = address, size

    def _count(self, engine: int, address: int, size: int, argument: int) -> None:
        """Do in Python what the stub does."""
        state = self.state
        state.elapsed += state.open
        state.open = 0
        if state.elapsed < state.deadline:
            state.start, state.open = address, size
        elif state.decide == self._stop_address:
            self._stop()
        else:
            self._attend(engine, address, size, argument)
