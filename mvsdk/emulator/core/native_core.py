"""The core in C: `NativeCore` is the processor seam with nothing between it and the machine.

Its cycle model is one cycle for each halfword of code executed. `docs/core.md` tells what it models, and what not.
"""

from __future__ import annotations

from collections.abc import Iterable

from mvsdk.emulator.core import BusFault, Fault, InterruptState, MmioDevice, Registers, Stop, StopReason
from mvsdk.emulator.core._native import Machine
from mvsdk.emulator.core.errors import MemoryMapError, RegisterBankError
from mvsdk.emulator.core.register_bank import BankRegister, RegisterBank

# In the order of `mv_stop` in native/core.h; FAULT is made anew each time, with what it is about.
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
    )
)
_IDLE, _FAULT = 2, 5


class NativeCore(Machine):
    """A Cortex-M33 in non-secure state with DSP and single-precision floating point.

    The interpreter lock is free while the guest runs. Only a device, from inside its `read` or `write`, may use the
    core during a run; `halt` may be called from any thread. Exceptions that a device raises, other than `BusFault`,
    come out of `run`, with the core at the instruction that made the access.

    While `take_hardfault` is true a HardFault is an exception like the others, and only what would lock the processor
    up ends a run with FAULT. It is false at first, belongs to the core, and is not part of a snapshot.
    """

    def __new__(cls, interrupts: int = 480) -> NativeCore:
        """Make a core with nothing in its address space. `interrupts` is the number of external lines, 1 to 480."""
        return super().__new__(cls, BusFault, interrupts)  # type: ignore[return-value]

    def map_memory(self, base: int, size: int, *, writable: bool) -> None:
        """Put memory at `base`; `MemoryMapError` if the range is not whole pages or not free."""
        try:
            super().map_memory(base, size, writable=writable)
        except (ValueError, OverflowError) as error:
            raise MemoryMapError(base, size) from error

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

    def run(self, until: int) -> Stop:
        """Execute until cycle `until`, or until something stops it first; see `Core.run`."""
        reason = self.execute(until)
        if reason == _FAULT:
            return Stop(StopReason.FAULT, Fault(*self.fault_status()))
        if reason == _IDLE:
            return Stop(StopReason.IDLE, wake_cycle=self.wake_cycle)
        return _STOPS[reason]

    def interrupt(self, irq: int) -> InterruptState:
        """Return the NVIC's state of external interrupt `irq`."""
        return InterruptState(*self.interrupt_state(irq))

    def registers(self) -> Registers:
        """Return all registers."""
        return Registers(*self.register_values())
