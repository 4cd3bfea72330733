"""A processor that runs a Python generator instead of machine code: a guest a test can write in three lines.

def guest(core):
    status = yield Call(0x0C1FE0D8)         # a system call; its status comes back
    yield Sleep()                           # WFI
    yield Compute(1_000)                    # a thousand cycles of work

device = Device(board, image, ScriptedCore(guest))
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass

from mvsdk.emulator.core import (
    BusFault,
    Fault,
    InterruptState,
    MmioDevice,
    Registers,
    Stop,
    StopReason,
    Vector,
    Watchpoint,
)
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
        self._memory: dict[int, bytearray] = {}
        self._devices: dict[tuple[int, int], MmioDevice] = {}
        self._halted = False
        self._asleep = False

    # -- the seam ----------------------------------------------------------------------------------------------------

    def map_memory(self, base: int, size: int, *, writable: bool) -> None:
        """Put memory at `base`."""
        self._memory[base] = bytearray(size)

    def map_device(self, base: int, size: int, device: MmioDevice) -> None:
        """Put a device at `base`; scripts reach it with `device_at`."""
        self._devices[base, size] = device

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
            self.write_memory(address, value.to_bytes(size, "little"))
        except LookupError:
            device, offset = self._device_or_fault(address)
            device.write(offset, size, value)

    def catch_vectors(self, vectors: Vector) -> None:
        """Take no notice: a script has no vectors."""

    def set_itm_output(self, output: Callable[[int, int, int], None] | None) -> None:
        """Take no notice: a script has no ITM."""

    def snapshot(self) -> bytes:
        """Return memory and time; where a script stands cannot be kept."""
        return pickle.dumps((self._cycle, self._memory))

    def restore(self, snapshot: bytes) -> None:
        """Take memory and time back."""
        self._cycle, self._memory = pickle.loads(snapshot)  # noqa: S301 - our own, from this process

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
