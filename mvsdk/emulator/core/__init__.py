"""The processor seam: a whole Cortex-M33 behind one small interface.

Whole means exceptions, NVIC, SysTick and the system control space are inside; the caller sees memory, device
ranges, interrupt lines, gateway addresses and time. It knows nothing of the STM32U585 or of any kernel.

The rule that must never break: what a guest does depends only on its code, its inputs and the cycles at which
they arrive, never on how a run was cut into pieces.

Time is counted in cycles of the processor clock since reset; what an instruction costs is the implementation's
documented cycle model.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

from mvsdk.emulator.core.memory_image import MemoryImage
from mvsdk.emulator.core.observation import Activity, Counters, Coverage, ExecutedInstruction
from mvsdk.emulator.core.register_bank import BankRegister, RegisterBank


class StopReason(enum.Enum):
    """Why `Core.run` came back."""

    DEADLINE = "deadline"
    """The cycle asked for is reached."""
    GATEWAY = "gateway"
    """The program counter is at a gateway address; nothing there was executed."""
    IDLE = "idle"
    """The guest sleeps (WFI, WFE) and nothing inside the core wakes it before the deadline. Time stands where it fell
    asleep; the caller moves it with `skip_to`, or wakes it with an interrupt."""
    BREAKPOINT = "breakpoint"
    """The program counter is at a breakpoint, or on a BKPT instruction; it was not executed."""
    RESET = "reset"
    """The guest wrote SYSRESETREQ. The core has not been reset yet."""
    FAULT = "fault"
    """A HardFault was raised, or a fault that escalated to one. It was not taken: the registers are those of the
    instruction that failed, and nothing was stacked."""
    HALTED = "halted"
    """Somebody called `halt` during the run, usually a device model."""
    WATCHPOINT = "watchpoint"
    """An instruction made an access that a watchpoint waits for. The instruction is finished."""
    STEPPED = "stepped"
    """`step` executed its instruction, or took its exception."""
    DEBUG_STATE = "debug state"
    """The core is in Debug state: a debugger halted it, by C_HALT, a breakpoint, a watchpoint or a caught vector. It
    executes nothing until the debugger lets it go on."""


class Access(enum.Flag):
    """What is done to memory."""

    READ = 1
    WRITE = 2


class Vector(enum.IntFlag):
    """What a debugger catches when it happens, as DEMCR has it (Armv8-M ARM, DEMCR)."""

    RESET = 1 << 0
    MEM_MANAGE = 1 << 4
    NO_COPROCESSOR = 1 << 5
    CHECK = 1 << 6
    """Unaligned accesses and divisions by zero."""
    STATE = 1 << 7
    """Undefined instructions, invalid states, stack overflows."""
    BUS_FAULT = 1 << 8
    ENTRY_OR_RETURN = 1 << 9
    """A fault while an exception is entered or left."""
    HARD_FAULT = 1 << 10


@dataclass(frozen=True, slots=True)
class Watchpoint:
    """A range of `size` bytes whose accesses end a run.

    With `value`, and at most four bytes, only an access that finds or leaves it there: all bytes that `mask` has bits
    of are accessed and have the value. Address, value and mask are 32-bit numbers, the first byte lowest.
    """

    address: int
    size: int
    access: Access = Access.WRITE
    value: int | None = None
    mask: int = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class WatchHit:
    """The first access of an instruction that a watchpoint waited for: where, how wide, which way, with what value."""

    address: int
    size: int
    access: Access
    value: int
    pc: int
    """The address of the instruction; for the frame of an exception, of the one that was interrupted."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What a HardFault is about, in the architecture's own registers (Armv8-M ARM, D1.2)."""

    cfsr: int
    hfsr: int
    mmfar: int
    bfar: int


@dataclass(frozen=True, slots=True)
class Stop:
    """The end of one run."""

    reason: StopReason
    fault: Fault | None = None
    """At a FAULT: what it is about."""
    wake_cycle: int | None = None
    """At an IDLE: the cycle, after the deadline, at which SysTick will end the sleep; None if nothing of the core's own
    ever will."""
    watch: WatchHit | None = None
    """At a WATCHPOINT: the access."""


@dataclass(frozen=True, slots=True)
class Registers:
    """Every register a debugger shows, read in one batch. `r` holds r0 to r15; r[13] is the stack pointer in use."""

    r: tuple[int, ...]
    xpsr: int
    msp: int
    psp: int
    msplim: int
    psplim: int
    primask: int
    basepri: int
    faultmask: int
    control: int

    @property
    def pc(self) -> int:
        """The address of the next instruction, bit 0 clear."""
        return self.r[15]

    @property
    def lr(self) -> int:
        """The link register, as it stands: bit 0 set for Thumb, or an EXC_RETURN value."""
        return self.r[14]

    @property
    def sp(self) -> int:
        """The stack pointer in use."""
        return self.r[13]

    @property
    def exception(self) -> int:
        """The active exception's number; 0 in thread mode, 16 + n for IRQ n."""
        return self.xpsr & 0x1FF


@dataclass(frozen=True, slots=True)
class InterruptState:
    """What the NVIC knows of one external interrupt."""

    enabled: bool
    pending: bool
    active: bool


class BusFault(Exception):  # noqa: N818 - the architecture's word for it
    """Raised by a device to make the guest's access fail as a precise data bus error."""


class MmioDevice(Protocol):
    """What answers the guest's accesses to a device range. Offsets are bytes from the start of the range."""

    def read(self, offset: int, size: int) -> int:
        """Return the value of an aligned read of `size` bytes (1, 2 or 4)."""

    def write(self, offset: int, size: int, value: int) -> None:
        """Take an aligned write of `size` bytes."""


class Snapshot(Protocol):
    """A state of a core to go back to. What it is made of is its core's own business; it never changes."""


class Core(Protocol):
    """A Cortex-M33 in non-secure state, alone with its memory.

    Cores share nothing that one could notice: any number of them may run at once, each on a thread of its own.
    """

    # -- the world around it, laid out before the first reset -------------------------------------------------------

    def map_memory(self, base: int, size: int, *, writable: bool, contents: MemoryImage | None = None) -> None:
        """Put `size` bytes of memory at `base` (both multiples of 4096). Guest writes fault unless `writable`.

        It holds zeros, or `contents`, which must be of that size and cost no memory of the core's own until they are
        written. Everything not mapped as memory or device is a bus error to the guest. All mapped memory is executable.
        `MemoryMapError` if the place is not free, not whole pages, or not the size of the contents.
        """

    def map_device(self, base: int, size: int, device: MmioDevice) -> None:
        """Let `device` answer the range (base and size multiples of 4096).

        Of the private peripheral bus, 0xE0040000 to 0xE00FEFFF is the chip's, and reached by privileged code alone.
        """

    def guard_memory(self, base: int, guard: MmioDevice) -> None:
        """Give all writes to the memory mapped at `base`, a guest's and those of `debug_write`, to `guard`.

        None reaches the memory, whatever `writable` said; reading it costs no more than before. `fork` rebinds a guard
        as it does a device. `ValueError` if no memory without a guard begins there.
        """

    def guard_reads(self, address: int, on: bool) -> None:
        """Let the guard answer data reads of the 4096 bytes around `address` too, or no more; not instruction fetches.

        Belongs to the guard: not part of a snapshot. `ValueError` where there is no guard.
        """

    def bind_registers(self, base: int, bank: RegisterBank, registers: Iterable[BankRegister]) -> None:
        """Let the core answer registers of a device range itself, those of the 1024 bytes at `base`.

        It only decides who answers: a core may as well leave every access to the device. The bank belongs to the
        device and is not part of a snapshot.
        """

    def trap(self, addresses: Iterable[int]) -> None:
        """Make these even addresses gateways: branching to one stops the run there. They need no memory behind them."""

    # -- running ----------------------------------------------------------------------------------------------------

    @property
    def cycle(self) -> int:
        """Cycles since the core was made. Never goes back, not even at reset."""

    def reset(self, vector_table: int) -> None:
        """Set VTOR, load MSP and PC from the table; all else, private peripherals too, gets its reset value.

        Interrupt lines stay as they are driven. `LookupError` if the table is not in mapped memory.
        """

    def run(self, until: int) -> Stop:
        """Execute until cycle `until`, or until something stops it first.

        An implementation that cannot stop between any two instructions stops at the first place after `until` where it
        can, and says how late that may be; such places must not depend on how a run is cut. What a device model raises
        other than `BusFault` comes out of here, with the core in a state to go on from.
        SysTick and sleep that SysTick ends are handled inside. Running from a breakpoint steps over it.
        """

    def step(self, *, mask_interrupts: bool = False) -> Stop:
        """Execute exactly one instruction, or take the exception that comes before it: STEPPED, if nothing else stops.

        A breakpoint on the instruction does not stop it; a gateway, a BKPT and a watchpoint do. The step of a faulting
        instruction ends at the first instruction of the fault's handler. From a sleep that SysTick ends time goes on to
        there; from one that nothing ends it is IDLE. With `mask_interrupts` PendSV, SysTick and external ones wait.
        """

    def skip_to(self, cycle: int) -> None:
        """Let time pass without executing; SysTick counts on. An earlier cycle is ignored."""

    def halt(self) -> None:
        """End the current run where it can first be stopped; for devices, inside `run`, and else without effect."""

    def sleep(self) -> None:
        """Put the guest to sleep where it stands, as if it had executed WFI there: what ends a WFI ends this."""

    # -- interrupts -------------------------------------------------------------------------------------------------

    def pend(self, irq: int) -> None:
        """Set the pending bit of external interrupt `irq` (0..479)."""

    def set_line(self, irq: int, level: bool) -> None:
        """Drive the level of interrupt line `irq`: high pends it, and pends it again on return while still high."""

    def interrupt(self, irq: int) -> InterruptState:
        """Return the NVIC's state of external interrupt `irq` (0..479)."""

    def set_enabled(self, irq: int, enabled: bool) -> None:
        """Set or clear the NVIC's enable bit of external interrupt `irq` (0..479), as the guest itself could."""

    # -- gateways ---------------------------------------------------------------------------------------------------

    def gateway_call(self) -> tuple[int, int, int, int, int]:
        """Return (address, r0, r1, r2, r3) at a GATEWAY stop."""

    def gateway_return(self, value: int) -> None:
        """Answer the call: r0 = value, and go on at the return address."""

    # -- looking at it ----------------------------------------------------------------------------------------------

    def registers(self) -> Registers:
        """Return all registers."""

    @property
    def vector_table(self) -> int:
        """VTOR as it stands: where the guest says its vector table is."""

    def write_register(self, name: str, value: int) -> None:
        """Set one register: "r0" to "r15", or a field name of `Registers`; not from inside `run`.

        `ValueError` if there is no such register.
        """

    def floating_point(self) -> tuple[int, ...]:
        """Return s0 to s31 as they are in bits, and FPSCR."""

    def write_floating_point(self, number: int, value: int) -> None:
        """Set one of them, by its place in what `floating_point` returns; not from inside `run`."""

    def read_memory(self, address: int, size: int) -> bytes:
        """Return bytes of mapped memory, as a debugger would. `LookupError` where there is none."""

    def write_memory(self, address: int, data: bytes) -> None:
        """Change mapped memory, read-only memory too. `LookupError` where there is none."""

    def set_breakpoints(self, addresses: Iterable[int]) -> None:
        """Replace the set of breakpoints by these even addresses.

        One stops whether or not the condition of its instruction in an IT block holds.
        """

    def set_watchpoints(self, watchpoints: Iterable[Watchpoint]) -> None:
        """Replace the set of watchpoints. `ValueError` for a range that is empty, too long for its value, or no range.

        A run ends after the instruction that made the access. Accesses of exception entry and return count, and of one
        instruction's several the first is told; `read_memory`, `write_memory` and the debugger's accesses do not count.
        """

    # -- a debugger's side --------------------------------------------------------------------------------------------

    def debug_read(self, address: int, size: int) -> int:
        """Read 1, 2 or 4 aligned bytes as through a memory access port: memory, devices, private peripherals.

        The MPU is not asked, and CoreDebug answers as to a debugger. `BusFault` where nothing answers.
        """

    def debug_write(self, address: int, size: int, value: int) -> None:
        """Write 1, 2 or 4 aligned bytes as through a memory access port; `BusFault` where nothing takes it.

        This is how a debugger halts and continues the core, and how memory that is read-only to the bus stays so.
        """

    def catch_vectors(self, vectors: Vector) -> None:
        """Enable halting debug, and halt where one of these happens: DEMCR and DHCSR, as a debugger writes them.

        A HardFault that is caught is taken first, even where HardFaults end a run.
        """

    def set_itm_output(self, output: Callable[[int, int, int], None] | None) -> None:
        """Call `output` with port (0 to 31), size in bytes and value of what is written to enabled stimulus ports.

        What it raises comes out of `run` as from a device. Not from inside `run`.
        """

    def memory_view(self, address: int, size: int, *, writable: bool = False) -> memoryview:
        """Return mapped memory itself, no copy: a view of `size` bytes, format "B", that shows what the guest writes.

        All of it must lie in one range, or it is a `LookupError`. It keeps the core's memory alive and stays true
        through everything the core does, `restore` and `load` included. What is written to a `writable` view, read-only
        memory too, is what the guest finds; code written so is executed as written from the next run, or the next
        answer of a device, on. Neither view may be used while the core runs on another thread. A writable view makes
        each snapshot copy the pages it covers, so release it (`memoryview.release`) when it has served.
        """

    # -- keeping it -------------------------------------------------------------------------------------------------
    #
    # None of this is for inside `run`: a `RuntimeError` there.

    def snapshot(self) -> Snapshot:
        """Keep everything that decides the future of the guest: registers, private peripherals, memory, cycle.

        Not kept are breakpoints, gateways, devices, and what was observed. Memory is shared until it is written, so a
        snapshot costs what was written since the last one. It lives in this process only; `save` is for the others.
        """

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to a snapshot of this core, or of another one with the same memory map and number of interrupts.

        A snapshot can be restored any number of times. `ValueError` if it does not fit, `TypeError` if it is none.
        """

    def fork(self, rebind: Callable[[MmioDevice], MmioDevice]) -> Self:
        """Return a new core in the present state: same memory map, gateways, breakpoints; memory shared until written.

        `rebind` is called with the device of each device range, in the order in which they were mapped, and returns
        the one that answers there in the new core; a device must not serve two cores unless it holds nothing of
        either. What it raises comes out of here. The new core observes nothing yet, and its counters begin at zero.
        """

    def save(self) -> bytes:
        """Return the state that `snapshot` keeps as bytes that outlive the process; docs/core.md gives their format.

        Equal states are equal bytes, whatever led to them.
        """

    def load(self, saved: bytes) -> None:
        """Go back to a saved state of a core with the same memory map and number of interrupts.

        `ValueError` for any other bytes, and nothing has changed then.
        """

    def state_hash(self) -> bytes:
        """Return 32 bytes that are equal for equal states and else differ, for all practical purposes.

        They depend on what decides the guest's future and on nothing else: not on how memory is shared, on what was
        decoded or observed, on breakpoints, on how runs were cut, or on the host.
        """

    # -- observing it -----------------------------------------------------------------------------------------------
    #
    # The guest does the same and takes the same cycles, observed or not. Switching any of it is not for inside `run`.

    @property
    def counters(self) -> Counters:
        """How often things happened since the core was made."""

    def count_instructions(self, on: bool) -> None:
        """Count instructions from now on, or stop counting. It costs some speed while it is on."""

    def record_coverage(self, on: bool) -> None:
        """Record from now on, from nothing, what is executed; or stop recording and forget it."""

    def coverage(self) -> Coverage:
        """Return what was executed since `record_coverage`; nothing while none is recorded.

        An instruction is among it exactly if it was executed: not if it faulted, nor if the run stopped before it.
        """

    def trace_instructions(self, length: int) -> None:
        """Keep the last `length` instructions executed from now on; 0 stops it. `ValueError` for a negative number."""

    def instruction_trace(self) -> tuple[ExecutedInstruction, ...]:
        """Return what the trace holds, oldest first."""

    def follow_activity(self, on: bool) -> None:
        """Note exceptions entered and left and sleep begun and ended, from now on, or no more.

        Some thousands are kept; before there is no room for more a run ends with HALTED.
        """

    def take_activity(self) -> Sequence[Activity]:
        """Return what was noted since the last call, oldest first. Devices may call it from inside `run`."""


def new_core(interrupts: int = 480) -> Core:
    """Make a core with so many interrupt lines: the one line that says which implementation this is."""
    from mvsdk.emulator.core.native_core import NativeCore

    return NativeCore(interrupts)
