"""A processor that runs a Python generator instead of machine code: a guest a test can write in three lines.

def guest(core):
    status = yield Call(0x0C1FE0D8)         # a system call; its status comes back
    yield Sleep()                           # WFI
    yield Compute(1_000)                    # a thousand cycles of work

device = Device(board, image, ScriptedCore(guest))
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from typing import Self

from mvsdk.emulator.core import (
    BusFault,
    Fault,
    InterruptState,
    MmioDevice,
    Registers,
    Snapshot,
    Stop,
    StopReason,
    Vector,
    Watchpoint,
)
from mvsdk.emulator.core.memory_image import MemoryImage
from mvsdk.emulator.core.observation import Activity, Counters, Coverage, ExecutedInstruction
from mvsdk.emulator.core.register_bank import BankRegister, RegisterBank


@dataclass(frozen=True, slots=True)
class Call:
    """Branch to a gateway with up to four arguments."""

    address: int
    r0: int = 0
    r1: int = 0
    r2: int = 0
    r3: int = 0


@dataclass(frozen=True, slots=True)
class Compute:
    """Work for so many cycles."""

    cycles: int


@dataclass(frozen=True, slots=True)
class Sleep:
    """Wait for an interrupt."""


@dataclass(frozen=True, slots=True)
class Fail:
    """Raise a HardFault."""

    fault: Fault


@dataclass(frozen=True, slots=True)
class ScriptedSnapshot:
    """What `ScriptedCore.snapshot` keeps."""

    saved: bytes


Step = Call | Compute | Sleep | Fail
Script = Callable[["ScriptedCore"], Generator[Step, int, None]]


class ScriptedCore:
    """A `Core` driven by a script. A script that ends sleeps for ever.

    `exception` is the number of the handler it claims to be in; the script changes it.
    """

    def __init__(self, script: Script) -> None:
        self.pended: list[int] = []
        """Every interrupt pended, in order."""
        self.enabled: set[int] = set()
        """Interrupts the guest has enabled; the script changes it."""
        self.pending: set[int] = set()
        """Interrupts pended and not yet taken; the script takes them away."""
        self.exception = 0
        self.vector_table = 0
        """VTOR; the script changes it."""
        self.resets = 0
        self.gateways: frozenset[int] = frozenset()
        self._script = script
        self._guest = script(self)
        self._step: Step | None = None
        self._started = False
        self._answer = 0
        self._cycle = 0
        self._gateway_stops = 0
        self._memory: dict[int, bytearray] = {}
        self._devices: dict[tuple[int, int], MmioDevice] = {}
        self._halted = False
        self._asleep = False

    # -- the seam ----------------------------------------------------------------------------------------------------

    def map_memory(self, base: int, size: int, *, writable: bool, contents: MemoryImage | None = None) -> None:
        """Put memory at `base`."""
        self._memory[base] = (
            bytearray(size)
            if contents is None
            else bytearray(contents.data.ljust(contents.size, bytes([contents.fill])))
        )

    def map_device(self, base: int, size: int, device: MmioDevice) -> None:
        """Put a device at `base`; scripts reach it with `device_at`."""
        self._devices[base, size] = device

    def guard_memory(self, base: int, guard: MmioDevice) -> None:
        """Let a device have the writes to memory; scripts reach it with `device_at`."""
        self._devices[base, len(self._memory[base])] = guard

    def guard_reads(self, address: int, on: bool) -> None:
        """Take no notice: a script's reads are its own."""

    def bind_registers(self, base: int, bank: RegisterBank, registers: Iterable[BankRegister]) -> None:
        """Take no notice: every access reaches the device."""

    def trap(self, addresses: Iterable[int]) -> None:
        """Remember the gateways."""
        self.gateways = frozenset(addresses)

    @property
    def cycle(self) -> int:
        """Cycles since the core was made."""
        return self._cycle

    def reset(self, vector_table: int) -> None:
        """Begin the script anew."""
        self.resets += 1
        self.vector_table = vector_table
        self.exception = 0
        self._asleep = False
        self._guest = self._script(self)
        self._started = False
        self._step = None
        self.pending.clear()
        self.enabled.clear()

    def run(self, until: int) -> Stop:
        """Follow the script until `until`."""
        while True:
            if self._halted:
                self._halted = False
                return Stop(StopReason.HALTED)
            if self._cycle >= until:
                return Stop(StopReason.DEADLINE)
            if self._asleep and not self.pending & self.enabled:
                return Stop(StopReason.IDLE)
            self._asleep = False
            if self._step is None:
                self._step = self._next_step()
            match self._step:
                case Call():
                    self._gateway_stops += 1
                    return Stop(StopReason.GATEWAY)
                case Compute(cycles):
                    spent = min(cycles, until - self._cycle)
                    self._cycle += spent
                    self._step = Compute(cycles - spent) if spent < cycles else None
                case Sleep():
                    self._asleep = True
                    self._step = None
                case None:
                    return Stop(StopReason.IDLE)
                case Fail(fault):
                    return Stop(StopReason.FAULT, fault)

    def step(self, *, mask_interrupts: bool = False) -> Stop:
        """Take the script one cycle further."""
        stop = self.run(self._cycle + 1)
        return Stop(StopReason.STEPPED) if stop.reason is StopReason.DEADLINE else stop

    def skip_to(self, cycle: int) -> None:
        """Let time pass."""
        self._cycle = max(self._cycle, cycle)

    def sleep(self) -> None:
        """Sleep before the next step until an enabled interrupt is pending."""
        self._asleep = True

    def halt(self) -> None:
        """End the run at the next step."""
        self._halted = True

    def pend(self, irq: int) -> None:
        """Pend an interrupt."""
        self.pended.append(irq)
        self.pending.add(irq)

    def set_line(self, irq: int, level: bool) -> None:
        """Pend an interrupt while its line is high."""
        if level:
            self.pend(irq)

    def interrupt(self, irq: int) -> InterruptState:
        """Return what the script says of an interrupt."""
        return InterruptState(irq in self.enabled, irq in self.pending, self.exception == irq + 16)

    def set_enabled(self, irq: int, enabled: bool) -> None:
        """Enable or disable an interrupt."""
        if enabled:
            self.enabled.add(irq)
        else:
            self.enabled.discard(irq)

    def gateway_call(self) -> tuple[int, int, int, int, int]:
        """Return the call the script stands at."""
        call = self._step
        if not isinstance(call, Call):
            raise LookupError("the script does not stand at a call")
        return call.address, call.r0, call.r1, call.r2, call.r3

    def gateway_return(self, value: int) -> None:
        """Hand the status to the script."""
        self._answer = value
        self._step = None

    def registers(self) -> Registers:
        """Return registers of which only the exception number means something."""
        return Registers((0,) * 16, self.exception, 0, 0, 0, 0, 0, 0, 0, 0)

    def write_register(self, name: str, value: int) -> None:
        """Take no notice: a script has no registers."""

    def floating_point(self) -> tuple[int, ...]:
        """Return zeros."""
        return (0,) * 33

    def write_floating_point(self, number: int, value: int) -> None:
        """Take no notice: a script has no registers."""

    def read_memory(self, address: int, size: int) -> bytes:
        """Return bytes of mapped memory."""
        block, offset = self._block(address, size)
        return bytes(block[offset : offset + size])

    def write_memory(self, address: int, data: bytes) -> None:
        """Change mapped memory."""
        block, offset = self._block(address, len(data))
        block[offset : offset + len(data)] = data

    def set_breakpoints(self, addresses: Iterable[int]) -> None:
        """Take no notice: a script has no addresses."""

    def set_watchpoints(self, watchpoints: Iterable[Watchpoint]) -> None:
        """Take no notice: a script makes no accesses."""

    def debug_read(self, address: int, size: int) -> int:
        """Read memory or a device."""
        try:
            return int.from_bytes(self.read_memory(address, size), "little")
        except LookupError:
            device, offset = self._device_or_fault(address)
            return device.read(offset, size)

    def debug_write(self, address: int, size: int, value: int) -> None:
        """Write memory or a device."""
        try:
            device, offset = self.device_at(address)
        except LookupError:
            self._write_or_fault(address, value.to_bytes(size, "little"))
        else:
            device.write(offset, size, value)

    def catch_vectors(self, vectors: Vector) -> None:
        """Take no notice: a script has no vectors."""

    def set_itm_output(self, output: Callable[[int, int, int], None] | None) -> None:
        """Take no notice: a script has no ITM."""

    def memory_view(self, address: int, size: int, *, writable: bool = False) -> memoryview:
        """Return mapped memory itself."""
        block, offset = self._block(address, size)
        view = memoryview(block)[offset : offset + size]
        return view if writable else view.toreadonly()

    def snapshot(self) -> Snapshot:
        """Keep memory and time; where a script stands cannot be kept."""
        return ScriptedSnapshot(self.save())

    def restore(self, snapshot: Snapshot) -> None:
        """Take memory and time back."""
        if not isinstance(snapshot, ScriptedSnapshot):
            raise TypeError(f"not a snapshot of a scripted core: {snapshot!r}")
        self.load(snapshot.saved)

    def fork(self, rebind: Callable[[MmioDevice], MmioDevice]) -> Self:
        """Return a core at the beginning of the same script, with this one's memory, time and gateways."""
        core = type(self)(self._script)
        core._memory = {base: bytearray(block) for base, block in self._memory.items()}
        core._devices = {place: rebind(device) for place, device in self._devices.items()}
        core._cycle = self._cycle
        core.vector_table = self.vector_table
        core.gateways = self.gateways
        return core

    def save(self) -> bytes:
        """Return memory and time."""
        return pickle.dumps((self._cycle, {base: bytes(block) for base, block in self._memory.items()}))

    def load(self, saved: bytes) -> None:
        """Take memory and time back, into the memory that is there."""
        cycle, memory = pickle.loads(saved)  # noqa: S301 - our own, from this process
        if [(base, len(block)) for base, block in memory.items()] != [(b, len(m)) for b, m in self._memory.items()]:
            raise ValueError("not the memory map of this core")
        self._cycle = cycle
        for base, block in memory.items():
            self._memory[base][:] = block

    def state_hash(self) -> bytes:
        """Return a hash of memory and time."""
        return hashlib.blake2b(self.save(), digest_size=32).digest()

    @property
    def counters(self) -> Counters:
        """How many runs ended at a gateway; a script has nothing else to count."""
        return Counters(0, 0, 0, self._gateway_stops, 0, 0, 0, 0)

    def count_instructions(self, on: bool) -> None:
        """Take no notice: a script has no instructions."""

    def record_coverage(self, on: bool) -> None:
        """Take no notice: a script has no instructions."""

    def coverage(self) -> Coverage:
        """Return that nothing was executed."""
        return Coverage(())

    def trace_instructions(self, length: int) -> None:
        """Take no notice: a script has no instructions."""

    def instruction_trace(self) -> tuple[ExecutedInstruction, ...]:
        """Return that nothing was executed."""
        return ()

    def follow_activity(self, on: bool) -> None:
        """Take no notice: a script has no exceptions."""

    def take_activity(self) -> list[Activity]:
        """Return nothing."""
        return []

    # -- for scripts -------------------------------------------------------------------------------------------------

    def device_at(self, address: int) -> tuple[MmioDevice, int]:
        """Return the device that answers an address, and the offset it knows it by."""
        for (base, size), device in self._devices.items():
            if base <= address < base + size:
                return device, address - base
        raise LookupError(f"no device at 0x{address:08x}")

    def _device_or_fault(self, address: int) -> tuple[MmioDevice, int]:
        try:
            return self.device_at(address)
        except LookupError as error:
            raise BusFault from error

    def _write_or_fault(self, address: int, data: bytes) -> None:
        try:
            self.write_memory(address, data)
        except LookupError as error:
            raise BusFault from error

    def _next_step(self) -> Step | None:
        try:
            if self._started:
                return self._guest.send(self._answer)
            self._started = True
            return next(self._guest)
        except StopIteration:
            return None

    def _block(self, address: int, size: int) -> tuple[bytearray, int]:
        for base, block in self._memory.items():
            if base <= address and address + size <= base + len(block):
                return block, address - base
        raise LookupError(f"no memory at 0x{address:08x}")
