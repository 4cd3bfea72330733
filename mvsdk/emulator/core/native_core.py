"""The core in C: `NativeCore` is the processor seam with nothing between it and the machine.

Its cycle model is one cycle for each halfword of code executed. `docs/core.md` tells what it models, and what not.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterable
from typing import Self
from weakref import WeakKeyDictionary

from mvsdk.emulator.core import (
    Access,
    BusFault,
    Fault,
    InterruptState,
    MmioDevice,
    Registers,
    Snapshot,
    Stop,
    StopReason,
    Vector,
    WatchHit,
    Watchpoint,
)
from mvsdk.emulator.core._native import Image, Machine
from mvsdk.emulator.core.errors import MemoryMapError, RegisterBankError, StateMismatchError
from mvsdk.emulator.core.memory_image import MemoryImage
from mvsdk.emulator.core.observation import Activity, Counters, Coverage, Deed, ExecutedInstruction, RangeCoverage
from mvsdk.emulator.core.register_bank import BankRegister, RegisterBank

# In the order of `mv_stop` in native/core.h; those that tell more are made anew each time.
_STOPS = tuple(
    Stop(reason)
    for reason in (
        StopReason.DEADLINE,
        StopReason.GATEWAY,
        StopReason.IDLE,
        StopReason.BREAKPOINT,
        StopReason.RESET,
        StopReason.FAULT,
        StopReason.HALTED,
        StopReason.WATCHPOINT,
        StopReason.STEPPED,
        StopReason.DEBUG_STATE,
    )
)
_IDLE, _FAULT, _WATCHPOINT = 2, 5, 7
_DEEDS = tuple(Deed)
_DHCSR, _DEMCR, _DBGKEY, _C_DEBUGEN, _VECTORS = 0xE000_EDF0, 0xE000_EDFC, 0xA05F << 16, 1, 0x7F1
_LAST_WORD, _WORD_BYTES = 0xFFFF_FFFF, 4


def _access(writes: bool) -> Access:
    return Access.WRITE if writes else Access.READ


def _row(watchpoint: Watchpoint) -> tuple[int, int, bool, bool, int, int]:
    """Return a watchpoint as the native core takes it: first and last address, reads, writes, value, mask."""
    address, last = watchpoint.address, watchpoint.address + watchpoint.size - 1
    if not 0 <= address <= last <= _LAST_WORD:
        raise ValueError(f"a watchpoint of {watchpoint.size} bytes at 0x{address:x} is no range of addresses")
    reads, writes = Access.READ in watchpoint.access, Access.WRITE in watchpoint.access
    if watchpoint.value is None:
        return address, last, reads, writes, 0, 0
    if watchpoint.size > _WORD_BYTES:
        raise ValueError(f"a watchpoint for a value has at most {_WORD_BYTES} bytes, not {watchpoint.size}")
    lanes = (1 << 8 * watchpoint.size) - 1
    return address, last, reads, writes, watchpoint.value & lanes, watchpoint.mask & lanes


_images: WeakKeyDictionary[MemoryImage, Image] = WeakKeyDictionary()
_digest_page = functools.partial(hashlib.blake2b, digest_size=32)


def _image_of(contents: MemoryImage) -> Image:
    """Return the image as the C has it, made once."""
    image = _images.get(contents)
    if image is None:
        image = Image(contents.data, contents.size, contents.fill)
        image = _images.setdefault(contents, image)
    return image


class NativeCore(Machine):
    """A Cortex-M33 in non-secure state with DSP and single-precision floating point.

    The interpreter lock is free while the guest runs. Only a device, from inside its `read` or `write`, may use the
    core during a run; `halt` may be called from any thread. Exceptions that a device raises, other than `BusFault`,
    come out of `run`, with the core at the instruction that made the access.

    While `take_hardfault` is true a HardFault is an exception like the others, and only what would lock the processor
    up ends a run with FAULT. It is false at first, belongs to the core, and is not part of a snapshot.
    """

    _contents: list[MemoryImage]
    """What it was laid out with, so that whoever uses the same finds it."""

    def __new__(cls, interrupts: int = 480) -> NativeCore:
        """Make a core with nothing in its address space. `interrupts` is the number of external lines, 1 to 480."""
        core: NativeCore = super().__new__(cls, BusFault, interrupts)  # type: ignore[assignment]
        core._contents = []
        return core

    def map_memory(self, base: int, size: int, *, writable: bool, contents: MemoryImage | None = None) -> None:
        """Put memory at `base`; `MemoryMapError` if the range is not whole pages, not free, or of another size."""
        if contents is not None and contents.size != size:
            raise MemoryMapError(base, size, f"its contents are 0x{contents.size:X} bytes")
        try:
            self.place_memory(base, size, writable, None if contents is None else _image_of(contents))
        except (ValueError, OverflowError) as error:
            raise MemoryMapError(base, size) from error
        if contents is not None:
            self._contents.append(contents)

    def map_device(self, base: int, size: int, device: MmioDevice) -> None:
        """Let `device` answer a range; `MemoryMapError` if the range is not whole pages or not free."""
        try:
            super().map_device(base, size, device)
        except (ValueError, OverflowError) as error:
            raise MemoryMapError(base, size) from error

    def bind_registers(self, base: int, bank: RegisterBank, registers: Iterable[BankRegister]) -> None:
        """Answer these registers of a device range here; `RegisterBankError` if that cannot be done as described."""
        try:
            self.bind_bank(base, bank.words, b"".join(register.record() for register in registers))
        except (ValueError, OverflowError) as error:
            raise RegisterBankError(base, str(error)) from error

    def fork(self, rebind: Callable[[MmioDevice], MmioDevice]) -> Self:
        """Return a new core in the present state; see `Core.fork`."""
        core = self.fork_core(rebind)
        core._contents = self._contents.copy()
        return core

    def run(self, until: int) -> Stop:
        """Execute until cycle `until`, or until something stops it first; see `Core.run`."""
        return self._stop(self.execute(until))

    def step(self, *, mask_interrupts: bool = False) -> Stop:
        """Execute exactly one instruction, or take the exception that comes before it; see `Core.step`."""
        return self._stop(self.execute_step(mask_interrupts))

    def _stop(self, reason: int) -> Stop:
        if reason == _FAULT:
            return Stop(StopReason.FAULT, Fault(*self.fault_status()))
        if reason == _IDLE:
            return Stop(StopReason.IDLE, wake_cycle=self.wake_cycle)
        if reason == _WATCHPOINT:
            address, size, writes, value, pc = self.watch_hit()
            return Stop(StopReason.WATCHPOINT, watch=WatchHit(address, size, _access(writes), value, pc))
        return _STOPS[reason]

    def set_watchpoints(self, watchpoints: Iterable[Watchpoint]) -> None:
        """Replace the set of watchpoints; see `Core.set_watchpoints`."""
        self.set_watches([_row(watchpoint) for watchpoint in watchpoints])

    def catch_vectors(self, vectors: Vector) -> None:
        """Enable halting debug, and halt where one of these happens; see `Core.catch_vectors`."""
        controls = self.debug_read(_DHCSR, 4) & 0xF
        self.debug_write(_DHCSR, 4, _DBGKEY | controls | _C_DEBUGEN)
        self.debug_write(_DEMCR, 4, self.debug_read(_DEMCR, 4) & ~_VECTORS | int(vectors) & _VECTORS)

    def interrupt(self, irq: int) -> InterruptState:
        """Return the NVIC's state of external interrupt `irq`."""
        return InterruptState(*self.interrupt_state(irq))

    def registers(self) -> Registers:
        """Return all registers."""
        return Registers(*self.register_values())

    def memory_view(self, address: int, size: int, *, writable: bool = False) -> memoryview:
        """Return mapped memory itself, not a copy; see `Core.memory_view`."""
        return self.view_memory(address, size, writable)

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to a snapshot; `StateMismatchError`, a `ValueError`, if it does not fit."""
        try:
            super().restore(snapshot)
        except ValueError as error:
            raise StateMismatchError("the snapshot") from error

    def load(self, saved: bytes | bytearray | memoryview) -> None:
        """Go back to a saved state; `StateMismatchError`, a `ValueError`, for any other bytes."""
        try:
            super().load(saved)
        except ValueError as error:
            raise StateMismatchError("the saved state") from error

    def state_hash(self) -> bytes:
        """Return BLAKE2b-256 of registers, memory map and the BLAKE2b-256 of each page."""
        return hashlib.blake2b(self.digested_state(lambda page: _digest_page(page).digest()), digest_size=32).digest()

    @property
    def counters(self) -> Counters:
        """How often things happened since the core was made."""
        return Counters(*self.counter_values())

    def coverage(self) -> Coverage:
        """Return what was executed since `record_coverage`."""
        return Coverage(tuple(RangeCoverage(*row) for row in self.coverage_bitmaps()))

    def instruction_trace(self) -> tuple[ExecutedInstruction, ...]:
        """Return what the trace holds, oldest first."""
        return tuple(ExecutedInstruction(cycle, address) for cycle, address in self.traced_instructions())

    def take_activity(self) -> list[Activity]:
        """Return what the core has done of itself since the last call, oldest first."""
        return [Activity(cycle, _DEEDS[did], exception) for cycle, did, exception in self.take_deeds()]
