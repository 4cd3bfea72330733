"""One Unicorn engine: devices, traps, and execution from one event to the next.

Nothing architectural is decided here beyond what Unicorn itself executes; what an event means is the core's business.
All calls go to the C library directly: its Python binding costs five times as much per call.
"""

from __future__ import annotations

import ctypes
import enum
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from unicorn import arm_const as arm
from unicorn import unicorn_const as const
from unicorn.unicorn_py3 import unicorn as binding
from unicorn.unicorn_py3.unicorn import uclib

from mvsdk.emulator.core import BusFault, MmioDevice, thumb
from mvsdk.emulator.core.block_clock import FOREVER, BlockClock
from mvsdk.emulator.core.layout import Context, layout, open_engine
from mvsdk.emulator.core.memory import MAP_REMEDY, Memory, check

_NEVER = 1  # an address execution cannot reach, for "until"


class Event(enum.Enum):
    """Why execution came back."""

    BOUNDARY = enum.auto()
    """The clock stopped it between two blocks."""
    TRAP = enum.auto()
    """At a trapped address; the instruction there was not executed."""
    SLEEP = enum.auto()
    """WFI was executed."""
    WAIT_FOR_EVENT = enum.auto()
    """WFE was executed."""
    SEND_AND_WAIT = enum.auto()
    """WFE was executed, and SEV before it in the same block: the one undoes the other."""
    YIELD = enum.auto()
    """A hint that does nothing was executed."""
    SUPERVISOR_CALL = enum.auto()
    """SVC was executed."""
    EXCEPTION_RETURN = enum.auto()
    """Handler code branched to an EXC_RETURN value, which is in `pc`."""
    BREAKPOINT = enum.auto()
    """On a BKPT instruction."""
    DATA_ABORT = enum.auto()
    """The instruction at `pc` failed to access `address`."""
    FETCH_ABORT = enum.auto()
    """No instruction could be fetched from `pc`."""
    UNDEFINED = enum.auto()
    """The instruction at `pc` does not exist."""
    INVALID_STATE = enum.auto()
    """Execution went on at `pc` with the Thumb bit clear."""
    NO_COPROCESSOR = enum.auto()
    """The instruction at `pc` is for a coprocessor that does not exist."""
    STACK_OVERFLOW = enum.auto()
    """The instruction at `pc` would take the stack pointer below its limit."""
    UNALIGNED = enum.auto()
    """The instruction at `pc` made an unaligned access that is never allowed."""


_INTERRUPTS = {
    2: (Event.SUPERVISOR_CALL, True),
    3: (Event.FETCH_ABORT, True),
    4: (Event.DATA_ABORT, False),
    7: (Event.BREAKPOINT, False),
    8: (Event.EXCEPTION_RETURN, True),
    17: (Event.NO_COPROCESSOR, False),
    18: (Event.INVALID_STATE, False),
    19: (Event.STACK_OVERFLOW, False),
    22: (Event.UNALIGNED, False),
}
"""What Unicorn's exception numbers mean, and whether the block was executed to its end. Any other is UNDEFINED."""
_FETCH_ERRORS = frozenset({const.UC_ERR_FETCH_UNMAPPED, const.UC_ERR_FETCH_PROT, const.UC_ERR_FETCH_UNALIGNED})
_DATA_ERRORS = frozenset(
    {const.UC_ERR_READ_UNMAPPED, const.UC_ERR_READ_PROT, const.UC_ERR_READ_UNALIGNED,
     const.UC_ERR_WRITE_UNMAPPED, const.UC_ERR_WRITE_PROT, const.UC_ERR_WRITE_UNALIGNED}
)  # fmt: skip
_INVALID_DATA = (
    const.UC_HOOK_MEM_READ_UNMAPPED | const.UC_HOOK_MEM_WRITE_UNMAPPED
    | const.UC_HOOK_MEM_READ_PROT | const.UC_HOOK_MEM_WRITE_PROT
)  # fmt: skip
_WRITES = frozenset({const.UC_MEM_WRITE_UNMAPPED, const.UC_MEM_WRITE_PROT})
_INVALID_ERRORS = frozenset({const.UC_ERR_INSN_INVALID, const.UC_ERR_EXCEPTION})


class _Access(NamedTuple):
    address: int
    size: int
    value: int | None  # None for a read


@dataclass(frozen=True, slots=True)
class _Frozen:
    """The state in the middle of a block, where `event` happened: at `pc`, or at whatever made the `access`."""

    event: Event
    pc: int | None
    access: _Access
    words: bytes
    elapsed: int
    start: int
    open: int


class Engine:
    """An M33 that executes from `pc` (bit 0 is the Thumb bit) until something needs a decision.

    `context` is loaded after every `execute`; `clock` is the time; `done` is how much of a block has been executed
    if execution stopped inside it; `failure` is what a device model raised that is not a bus fault, for the caller to
    raise again when everything is in order.
    """

    def __init__(self, *, native_clock: bool) -> None:
        self._uc = open_engine()
        self._handle = self._uc._uch
        self.memory = Memory(self._uc)
        self.context = Context(self._uc)
        self._pristine = bytes(self.context.words)
        self.layout = layout()
        self.pc = 0
        self.done = 0
        self.address = 0
        self.skip_trap: int | None = None
        self._traps: list[ctypes.c_size_t] = []
        self._trapped: frozenset[int] = frozenset()
        self._interrupt = -1
        self._frozen: _Frozen | None = None
        self._cut_off: list[_Access] = []
        self.failure: BaseException | None = None
        self._keep: list[Any] = []
        self._register = ctypes.c_uint32()
        self._register_reference = ctypes.byref(self._register)
        self._stop_address = ctypes.cast(uclib.uc_emu_stop, ctypes.c_void_p).value or 0
        self.clock = BlockClock(self._stop, self._stop_address, native=native_clock)
        self._hook(const.UC_HOOK_BLOCK, self.clock.callback, self.clock.argument)
        self._hook(const.UC_HOOK_INTR, self._callback(binding.HOOK_INTR_CFUNC, self._on_interrupt))
        self._hook(_INVALID_DATA, self._callback(binding.HOOK_MEM_INVALID_CFUNC, self._on_invalid))
        self._trap_callback = self._callback(binding.HOOK_CODE_CFUNC, self._on_trap)

    # -- plumbing ------------------------------------------------------------------------------------------------------

    def _callback(self, kind: Any, function: Callable[..., Any]) -> int:  # noqa: ANN401 - a ctypes function type
        pointer = kind(function)
        self._keep.append(pointer)
        return ctypes.cast(pointer, ctypes.c_void_p).value or 0

    def _hook(self, kind: int, callback: int | None, data: int = 0, begin: int = 1, end: int = 0) -> ctypes.c_size_t:
        hook = ctypes.c_size_t()
        span = ctypes.c_uint64(begin), ctypes.c_uint64(end)
        check(uclib.uc_hook_add(self._handle, ctypes.byref(hook), kind, callback, data, *span), "add a hook")
        return hook

    def _stop(self) -> None:
        uclib.uc_emu_stop(self._handle)

    # -- devices and traps ---------------------------------------------------------------------------------------------

    def map_device(self, base: int, size: int, device: MmioDevice) -> None:
        """Let `device` answer a range."""
        read, write = device.read, device.write

        def on_read(_handle: int, offset: int, width: int, _data: int) -> int:
            if self._frozen is not None:
                self._cut_off.append(_Access(base + offset, width, None))
                return 0
            try:
                return read(offset, width)
            except BusFault:
                self._freeze(Event.DATA_ABORT, None, _Access(base + offset, width, None))
            except BaseException as failure:  # must not unwind through C; whoever runs the engine raises it again
                self._fail(failure)
            return 0

        def on_write(_handle: int, offset: int, width: int, value: int, _data: int) -> None:
            value &= (1 << 8 * width) - 1
            if self._frozen is not None:
                self._cut_off.append(_Access(base + offset, width, value))
                return
            try:
                write(offset, width, value)
            except BusFault:
                self._freeze(Event.DATA_ABORT, None, _Access(base + offset, width, value))
            except BaseException as failure:  # must not unwind through C; whoever runs the engine raises it again
                self._fail(failure)

        reader = self._callback(binding.MMIO_READ_CFUNC, on_read)
        writer = self._callback(binding.MMIO_WRITE_CFUNC, on_write)
        status = uclib.uc_mmio_map(self._handle, base, size, reader, None, writer, None)
        check(status, f"map a device of {size:#x} bytes at {base:#010x}", MAP_REMEDY)

    def forget_translations(self) -> None:
        """Translate everything anew."""
        self._uc.ctl_flush_tb()

    def set_traps(self, addresses: Iterable[int]) -> None:
        """Replace the trapped addresses; where there is no memory, executing ends in FETCH_ABORT anyway."""
        wanted = frozenset(addresses)
        if wanted == self._trapped:
            return
        for hook in self._traps:
            check(uclib.uc_hook_del(self._handle, hook), "remove a trap")
        self._traps = [self._hook(const.UC_HOOK_CODE, self._trap_callback, 0, at, at) for at in sorted(wanted)]
        self._trapped = wanted
        self.forget_translations()

    # -- callbacks -----------------------------------------------------------------------------------------------------

    def _on_interrupt(self, _handle: int, number: int, _data: int) -> None:
        self._interrupt = number
        self._stop()

    def _on_invalid(self, _handle: int, kind: int, address: int, size: int, value: int, _data: int) -> bool:
        if self._frozen is None:
            self.address = address
            if kind in _WRITES and thumb.it_of(self.xpsr()):
                # Unicorn would execute the rest of the IT block. Here, and only here, it knows where it is.
                self._freeze(Event.DATA_ABORT, self._pc_in_hook(), _Access(address, size, value))
        return False

    def _pc_in_hook(self) -> int:
        uclib.uc_reg_read(self._handle, arm.UC_ARM_REG_PC, self._register_reference)
        return self._register.value

    def _on_trap(self, _handle: int, address: int, _size: int, _data: int) -> None:
        if self._frozen is not None or address not in self._trapped:
            return
        if address == self.skip_trap:
            self.skip_trap = None
            return
        self._freeze(Event.TRAP, address, _Access(address, 0, None))
        self._stop()

    def _fail(self, failure: BaseException) -> None:
        self.failure = self.failure or failure
        self.clock.stop_at_next_block()

    # -- stopping inside a block ---------------------------------------------------------------------------------------

    def _freeze(self, event: Event, pc: int | None, access: _Access) -> None:
        """Remember the state of this instant and let nothing that follows have an effect.

        Unicorn cannot stop at a device access, nor anywhere inside an IT block: it executes the rest first. So memory
        is made read-only, devices are cut off, and the remembered state is put back when execution has ended.
        """
        state = self.clock.state
        self.context.load()
        words = bytes(self.context.words)
        self._frozen = _Frozen(event, pc, access, words, state.elapsed, state.start, state.open)
        self._cut_off = [access]
        self.memory.allow_writes(False)
        self.clock.stop_at_next_block()

    def _thaw(self, frozen: _Frozen, status: int) -> Event:
        """Go back to a remembered state, as if execution had stopped there."""
        if frozen.pc is None:
            pc, it = self._find_refused(frozen, self._outcome(status))
        else:
            wanted = frozen.pc
            pc, it = next((at, ins.it) for at, ins in self._block(frozen) if at >= wanted)
        self._frozen = None
        self.memory.allow_writes(True)
        self._set_words(frozen.words, it)
        self.context.load()
        self.pc = pc | 1
        state = self.clock.state
        state.elapsed, state.start, state.open = frozen.elapsed, frozen.start, frozen.open
        if frozen.event is Event.TRAP:
            self.clock.close_block(0)
            self.done = pc - frozen.start
        else:
            self.clock.close_block(pc - frozen.start)
            self.address = frozen.access.address
        return frozen.event

    def _outcome(self, status: int) -> tuple[int, ...]:
        """Return how execution ended: what stopped it, and the registers it left."""
        self.context.load()
        first = self.layout.r
        return status, self._interrupt, self.xpsr(), *self.context.words[first : first + 16]

    def _block(self, frozen: _Frozen) -> Iterable[tuple[int, thumb.Instruction]]:
        """Walk the block in which execution was frozen."""
        code = self.memory.read(frozen.start, frozen.open)
        return ((frozen.start + ins.offset, ins) for ins in thumb.walk(code, self._it_before(frozen.start)))

    def _it_before(self, start: int) -> int:
        """Return the IT state at the beginning of a block.

        It is not 0 if an IT block straddles a translation page, or an instruction in it ends a block.
        """
        for back in range(2, 18, 2):
            if not self.memory.contains(start - back):
                break
            first, *rest = thumb.walk(self.memory.read(start - back, back) + b"\0\0")
            if rest and not first.it and rest[0].it and rest[-1].offset == back:
                last = rest[-2] if len(rest) > 1 else first
                return rest[-1].it if start % 1024 < 4 or thumb.ends_block(last) else 0
        return 0

    def _find_refused(self, frozen: _Frozen, outcome: tuple[int, ...]) -> tuple[int, int]:
        """Return address and IT state of the instruction whose access a device refused.

        Unicorn does not tell. It is the one that, alone, makes the access with the registers of that instant, and
        that, with the rest of the block behind it, ends as execution did end. Trying is without effect.
        """
        accesses = self._cut_off
        found = frozen.start, 0
        for at, ins in self._block(frozen):
            if not thumb.touches_memory(ins) or not self._makes_access(frozen, at, ins):
                continue
            self._set_words(frozen.words, ins.it)
            self._cut_off, self._interrupt = [], -1
            self.clock.arm(0, done=ins.length)
            status = uclib.uc_emu_start(self._handle, at | 1, _NEVER, 0, 0)
            if self._outcome(status) == outcome and self._cut_off[-len(accesses) :] == accesses:
                found = at, ins.it
                break
        return found

    def _makes_access(self, frozen: _Frozen, at: int, ins: thumb.Instruction) -> bool:
        self._set_words(frozen.words, thumb.alone(ins.it))
        self._cut_off = []
        self.clock.arm(FOREVER)
        # The end address stops an instruction whose condition fails, the count one that branches. The end is part of a
        # translation, so none may be left from before or stay behind.
        self.forget_translations()
        uclib.uc_emu_start(self._handle, at | 1, at + ins.length, 0, 1)
        self.forget_translations()
        return frozen.access in self._cut_off

    # -- execution -----------------------------------------------------------------------------------------------------

    def execute(self) -> Event:
        """Execute from `pc`. The clock must have been armed."""
        self._interrupt = -1
        self.done = 0
        status = uclib.uc_emu_start(self._handle, self.pc, _NEVER, 0, 0)
        if self._frozen is not None:
            return self._thaw(self._frozen, status)
        self.context.load()
        pc = self.context.words[self.layout.r + 15]
        self.pc = pc | 1
        if not self.context.words[self.layout.secure]:
            return self._undo_leaving_secure_state()
        if self._interrupt >= 0:
            return self._interrupted(pc)
        if status != const.UC_ERR_OK:
            return self._refused(status, pc)
        state = self.clock.state
        if not state.open:
            return Event.BOUNDARY
        self.clock.close_block()
        return Event.SLEEP

    def _close_before(self, pc: int) -> None:
        """Charge the block in progress up to `pc`."""
        state = self.clock.state
        self.clock.close_block(min(max(pc - state.start, 0), state.open))

    def _interrupted(self, pc: int) -> Event:
        event, whole_block = _INTERRUPTS.get(self._interrupt, (Event.UNDEFINED, False))
        if whole_block:
            self.clock.close_block()
        else:
            self._close_before(pc)
        if event is Event.EXCEPTION_RETURN and (pc < 0xFF00_0000 or not self.context.words[self.layout.exception]):
            return Event.FETCH_ABORT
        return event

    def _refused(self, status: int, pc: int) -> Event:
        if status in _DATA_ERRORS:
            self._close_before(pc)
            return Event.DATA_ABORT
        in_thumb_state = self.xpsr() >> 24 & 1
        self.pc = pc | in_thumb_state
        if status in _FETCH_ERRORS:
            self.clock.close_block()
            return Event.FETCH_ABORT
        if status not in _INVALID_ERRORS:
            check(status, "execute")
        hint = self._hint_before(pc) if in_thumb_state else None
        if hint is not None:
            self.clock.close_block()
            return hint
        self._close_before(pc)
        return Event.UNDEFINED if in_thumb_state else Event.INVALID_STATE

    def _hint_before(self, pc: int) -> Event | None:
        """Tell which hint ended the block, if one did: Unicorn takes WFE and YIELD for invalid, but leaves them."""
        state = self.clock.state
        if pc != state.start + state.open:
            return None
        *before, last = (ins.bits for ins in thumb.walk(self.memory.read(state.start, state.open)))
        if last not in thumb.WFE:
            return Event.YIELD
        return Event.WAIT_FOR_EVENT if thumb.SEV.isdisjoint(before) else Event.SEND_AND_WAIT

    def _undo_leaving_secure_state(self) -> Event:
        """Make BXNS and BLXNS undefined, as they are on a processor that is not in secure state to begin with.

        What BLXNS wrote to the link register and below the stack pointer stays.
        """
        words, at = self.context.words, self.layout
        msp, psp = words[at.secure_msp], words[at.secure_psp]
        words[at.secure] = 1
        state = self.clock.state
        pc = state.start + state.open - 2
        if self.memory.read(pc, 1)[0] & 0x80:
            # BLXNS has pushed two words.
            msp, psp = (msp, psp + 8 & 0xFFFF_FFFF) if self.on_psp() else (msp + 8 & 0xFFFF_FFFF, psp)
        self.set_stacks(msp, psp)
        self.context.store()
        self.pc = pc | 1
        self._close_before(pc)
        return Event.UNDEFINED

    # -- registers -----------------------------------------------------------------------------------------------------

    def reset(self) -> None:
        """Put every register of the processor to its reset value."""
        self._set_words(self._pristine)
        self.context.load()

    def _set_words(self, words: bytes, it: int = 0) -> None:
        self.context.words[:] = memoryview(words).cast("I")
        self.context.store()
        self.set_xpsr(thumb.with_it(self.xpsr(), it))

    def xpsr(self) -> int:
        """Return the program status register of the processor (not of the loaded context)."""
        uclib.uc_reg_read(self._handle, arm.UC_ARM_REG_XPSR, self._register_reference)
        return self._register.value

    def set_xpsr(self, value: int) -> None:
        """Set flags, IT state and Thumb bit. The exception number must be the one the processor has."""
        self._register.value = value
        uclib.uc_reg_write(self._handle, arm.UC_ARM_REG_XPSR_NZCVQG, self._register_reference)

    def set_r0(self, value: int) -> None:
        """Set r0 of the processor."""
        self._register.value = value
        uclib.uc_reg_write(self._handle, arm.UC_ARM_REG_R0, self._register_reference)

    def on_psp(self) -> bool:
        """Tell whether the loaded context uses the process stack."""
        words, at = self.context.words, self.layout
        return not words[at.exception] and bool(words[at.control] & 2)

    def stacks(self) -> tuple[int, int]:
        """Return (MSP, PSP) of the loaded context."""
        words, at = self.context.words, self.layout
        current, other = words[at.r + 13], words[at.other_sp]
        return (other, current) if self.on_psp() else (current, other)

    def set_stacks(self, msp: int, psp: int) -> None:
        """Set both stack pointers in the context, for the mode and CONTROL it has; recompute the cached mode."""
        words, at = self.context.words, self.layout
        words[at.r + 13], words[at.other_sp] = (psp, msp) if self.on_psp() else (msp, psp)
        handler, unprivileged = bool(words[at.exception]), words[at.control] & 1
        words[at.cached_mode] = at.modes[1 if handler else 2 if unprivileged else 0]

    def clear_exclusive(self) -> None:
        """Clear the exclusive monitor in the context."""
        at = self.layout.exclusive
        self.context.words[at] = self.context.words[at + 1] = 0xFFFF_FFFF

    def floating_point(self) -> tuple[list[int], int]:
        """Return d0 to d15 as 64-bit numbers, and FPSCR."""
        value = ctypes.c_uint64()
        registers = []
        for number in range(16):
            uclib.uc_reg_read(self._handle, arm.UC_ARM_REG_D0 + number, ctypes.byref(value))
            registers.append(value.value)
        value.value = 0
        uclib.uc_reg_read(self._handle, arm.UC_ARM_REG_FPSCR, ctypes.byref(value))
        return registers, value.value

    def set_floating_point(self, registers: Iterable[int], fpscr: int) -> None:
        """Set d0 onwards, and FPSCR."""
        for number, register in enumerate(registers):
            uclib.uc_reg_write(self._handle, arm.UC_ARM_REG_D0 + number, ctypes.byref(ctypes.c_uint64(register)))
        uclib.uc_reg_write(self._handle, arm.UC_ARM_REG_FPSCR, ctypes.byref(ctypes.c_uint64(fpscr)))
