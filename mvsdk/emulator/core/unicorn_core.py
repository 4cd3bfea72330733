"""The processor seam on Unicorn: instructions are Unicorn's, everything an M-profile core adds to them is ours.

Cycle model: one cycle per halfword of executed code. Time moves when a basic block (a run of code up to a branch, a
change of masks, SVC, WFI, ISB or a 1 KiB boundary) has been executed, and everything inside a block happens at the
cycle at which it began. Exception entry and return cost nothing.

Granularity: `run(until)` ends at the first block that begins at or after `until`, at most 511 cycles late. Interrupts
are taken between blocks. One that becomes possible inside a block - by a store to ICSR or ISPR, by a device - is taken
before the next block; CPSIE, MSR and ISB end theirs, so after them nothing more is executed. While an interrupt is
pending and held back by PRIMASK, BASEPRI or FAULTMASK alone, the masks are looked at before every block.
Breakpoints and faults are exact to the instruction and move no block boundary: the same guest sees the same
interrupts at the same instructions with a debugger attached and without, however its run is cut into pieces.

Not modelled: UNALIGN_TRP and DIV_0_TRP (the bits only read back), MPU and SAU, lazy floating-point stacking, access
control by CPACR, SEV outside the basic block of the WFE that follows it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from mvsdk.emulator.core import InterruptState, MmioDevice, Registers, Stop, StopReason, scs, snapshots, stacking, thumb
from mvsdk.emulator.core import exceptions as exc
from mvsdk.emulator.core.block_clock import FOREVER
from mvsdk.emulator.core.engine import Engine, Event
from mvsdk.emulator.core.exceptions import Exceptions
from mvsdk.emulator.core.processor import HardFaultError, Processor
from mvsdk.emulator.core.timers import CycleCounter, SysTick

_BRANCH_TO_SELF = b"\xfe\xe7"
_EXC_RETURNS = 0xFF00_0000
_STOPS = {reason: Stop(reason) for reason in StopReason}
_SPECIAL = ("msplim", "psplim", "primask", "basepri", "faultmask", "control")


class UnicornCore:
    """A `Core`. `native_clock=False` counts time in Python, as is done where a native counter is not possible."""

    def __init__(self, *, native_clock: bool = True) -> None:
        self._engine = Engine(native_clock=native_clock)
        self._clock = self._engine.clock
        self._processor = Processor(self._engine)
        self._gateways: set[int] = set()
        self._breakpoints: frozenset[int] = frozenset()
        self._halted = False
        self._stopped_at: int | None = None
        self._at_bkpt: int | None = None
        self._returning = False

    # -- the world around it -------------------------------------------------------------------------------------------

    def map_memory(self, base: int, size: int, *, writable: bool) -> None:
        """See `Core.map_memory`."""
        self._engine.memory.map(base, size, writable=writable)

    def map_device(self, base: int, size: int, device: MmioDevice) -> None:
        """See `Core.map_device`."""
        self._engine.map_device(base, size, device)

    def trap(self, addresses: Iterable[int]) -> None:
        """See `Core.trap`. Where there is no memory, the fetch that fails is the call."""
        self._gateways.update(addresses)

    def _lay_out(self) -> None:
        """Trap the breakpoints, and the gateways that lie in memory."""
        inside = (address for address in self._gateways if self._engine.memory.contains(address))
        self._engine.set_traps(self._breakpoints.union(inside))

    # -- running -------------------------------------------------------------------------------------------------------

    @property
    def cycle(self) -> int:
        """See `Core.cycle`."""
        return self._clock.state.elapsed // 2

    def reset(self, vector_table: int) -> None:
        """See `Core.reset`. `LookupError` if the table is not in mapped memory."""
        msp = int.from_bytes(self._engine.memory.read(vector_table, 4), "little")
        pc = int.from_bytes(self._engine.memory.read(vector_table + 4, 4), "little")
        self._lay_out()
        self._processor.reset()
        self._processor.control.values[scs.VTOR] = vector_table
        self._stopped_at = self._at_bkpt = None
        self._returning = False
        thumb_bit = (pc & 1) << 24
        self._assign(Registers((*[0] * 13, 0, 0xFFFF_FFFF, pc & ~1), thumb_bit, msp & ~3, 0, 0, 0, 0, 0, 0, 0))

    def run(self, until: int) -> Stop:
        """See `Core.run`."""
        self._begin()
        try:
            stop = self._run(min(2 * until, FOREVER - 1))
        except HardFaultError:
            stop = Stop(StopReason.FAULT, self._processor.fault_status())
        if self._engine.failure is not None:
            failure, self._engine.failure = self._engine.failure, None
            raise failure
        return stop

    def _begin(self) -> None:
        """Step over what the last run stopped at."""
        engine = self._engine
        pc = engine.pc & ~1
        self._halted = False
        engine.skip_trap = pc if self._stopped_at == pc else None
        if self._at_bkpt == pc:
            engine.pc += 2
            self._clock.state.elapsed += 2
            xpsr = engine.xpsr()
            engine.set_xpsr(thumb.with_it(xpsr, thumb.advance(thumb.it_of(xpsr))))
        self._stopped_at = self._at_bkpt = None

    def _run(self, limit: int) -> Stop:
        processor, state = self._processor, self._clock.state
        while True:
            processor.control.catch_up()
            if self._halted or self._engine.failure is not None:
                return _STOPS[StopReason.HALTED]
            if processor.control.reset_requested:
                processor.control.reset_requested = False
                return _STOPS[StopReason.RESET]
            if processor.asleep is not None and not processor.wake():
                due = self._wake_cycle()
                if due is None or 2 * due > limit:
                    return Stop(StopReason.IDLE, wake_cycle=due)
                self.skip_to(due)
                continue
            if state.elapsed >= limit:
                return _STOPS[StopReason.DEADLINE]
            if self._returning:
                self._returning = False
                processor.exception_return(self._engine.pc & ~1)
                continue
            stop = self._handle(self._execute(limit))
            if stop is not None:
                return _STOPS[stop]

    def _wake_cycle(self) -> int | None:
        """Return when SysTick will end the sleep of a guest that nothing pending wakes; None if it never will."""
        processor = self._processor
        if processor.exceptions.pending >> exc.SYSTICK & 1 or not processor.would_wake(exc.SYSTICK):
            return None
        return processor.control.systick.due()

    def _execute(self, limit: int) -> Event:
        """Take a pending exception if there is one, and execute to the next event."""
        engine, processor = self._engine, self._processor
        exceptions, deadline, watch = processor.exceptions, limit, None
        if exceptions.pending & exceptions.enabled:
            if engine.done:
                deadline = 0  # take it at the end of the block that was interrupted by a breakpoint
            elif processor.deliver():
                watch = self._watch
        if not engine.pc & 1:
            return Event.INVALID_STATE
        due = processor.control.systick.due()
        if due is not None and not exceptions.pending >> exc.SYSTICK & 1:
            deadline = min(deadline, 2 * due)
        self._clock.arm(deadline, done=engine.done, watch=watch)
        return engine.execute()

    def _watch(self, address: int, size: int) -> bool:
        """Look, before a block, whether the masks have let go of an interrupt that waits for them."""
        if self._processor.unmasked():
            return True
        if size == 2 and self._engine.memory.read(address, 2) == _BRANCH_TO_SELF:
            # `b .` changes nothing until something is taken, and nothing can be: only time passes.
            state = self._clock.state
            state.elapsed = max(state.elapsed, self._clock.deadline)
            return True
        return False

    def _handle(self, event: Event) -> StopReason | None:
        """Do what an event demands; return why to stop if it is to stop."""
        processor = self._processor
        if event is Event.BOUNDARY or event is Event.YIELD:
            return None
        if event is Event.FETCH_ABORT and self._engine.pc - 1 in self._gateways:
            return StopReason.GATEWAY
        if event is Event.TRAP:
            return self._trapped()
        if event is Event.SUPERVISOR_CALL:
            processor.supervisor_call()
        elif event is Event.EXCEPTION_RETURN:
            processor.exception_return(self._engine.pc & ~1)
        elif event is Event.SLEEP:
            processor.asleep = Event.SLEEP
        elif event is Event.WAIT_FOR_EVENT:
            processor.wait_for_event()
        elif event is Event.SEND_AND_WAIT:
            processor.event_register = False
        elif event is Event.BREAKPOINT:
            self._at_bkpt = self._engine.pc & ~1
            return StopReason.BREAKPOINT
        else:
            processor.fault(event)
        return None

    def _trapped(self) -> StopReason:
        pc = self._engine.pc & ~1
        if pc in self._gateways:
            return StopReason.GATEWAY
        self._stopped_at = pc
        return StopReason.BREAKPOINT

    def skip_to(self, cycle: int) -> None:
        """See `Core.skip_to`."""
        state = self._clock.state
        state.elapsed = max(state.elapsed, 2 * cycle)
        self._processor.control.catch_up()

    def halt(self) -> None:
        """See `Core.halt`. Outside a run it does nothing."""
        self._halted = True
        self._clock.stop_at_next_block()

    # -- interrupts ----------------------------------------------------------------------------------------------------

    def pend(self, irq: int) -> None:
        """See `Core.pend`."""
        self._processor.pend(_exception_of(irq))
        self._clock.stop_at_next_block()

    def set_line(self, irq: int, level: bool) -> None:
        """See `Core.set_line`."""
        number = _exception_of(irq)
        self._processor.exceptions.set_line(number, level)
        if level and not self._processor.exceptions.active >> number & 1:
            self.pend(irq)

    def interrupt(self, irq: int) -> InterruptState:
        """See `Core.interrupt`."""
        state, bit = self._processor.exceptions, 1 << _exception_of(irq)
        return InterruptState(bool(state.enabled & bit), bool(state.pending & bit), bool(state.active & bit))

    # -- gateways ------------------------------------------------------------------------------------------------------

    def gateway_call(self) -> tuple[int, int, int, int, int]:
        """See `Core.gateway_call`."""
        first = self._engine.layout.r
        r0, r1, r2, r3 = self._engine.context.words[first : first + 4].tolist()
        return self._engine.pc & ~1, r0, r1, r2, r3

    def gateway_return(self, value: int) -> None:
        """See `Core.gateway_return`."""
        engine = self._engine
        words, first = engine.context.words, engine.layout.r
        words[first] = value & 0xFFFF_FFFF
        engine.set_r0(value & 0xFFFF_FFFF)
        engine.pc = words[first + 14]
        self._returning = engine.pc >= _EXC_RETURNS and bool(words[engine.layout.exception])

    # -- looking at it -------------------------------------------------------------------------------------------------

    def registers(self) -> Registers:
        """See `Core.registers`."""
        engine = self._engine
        words, at = engine.context.words, engine.layout
        r = (*words[at.r : at.r + 15].tolist(), engine.pc & ~1)
        msp, psp = engine.stacks()
        special = {name: words[getattr(at, name)] for name in _SPECIAL}
        special["control"] &= stacking.NPRIV | stacking.SPSEL | stacking.FPCA
        return Registers(r, engine.xpsr(), msp, psp, **special)

    def write_register(self, name: str, value: int) -> None:
        """See `Core.write_register`. `ValueError` if there is no such register."""
        old, value = self.registers(), value & 0xFFFF_FFFF
        if name in ("xpsr", "msp", "psp", *_SPECIAL):
            fields: dict[str, Any] = {name: value}
            self._assign(dataclasses.replace(old, **fields))
            return
        number = int(name[1:]) if name[:1] == "r" and name[1:].isdecimal() else 16
        if number > 15:
            raise ValueError(f"there is no register {name!r}")
        if number == 13:
            self.write_register("psp" if self._engine.on_psp() else "msp", value & ~3)
        else:
            self._assign(dataclasses.replace(old, r=(*old.r[:number], value, *old.r[number + 1 :])))

    def _assign(self, registers: Registers) -> None:
        """Set every register; r13 follows from the two stack pointers and the mode."""
        engine = self._engine
        words, at = engine.context.words, engine.layout
        for number in (*range(13), 14):
            words[at.r + number] = registers.r[number]
        for name in _SPECIAL:
            words[getattr(at, name)] = getattr(registers, name)
        words[at.control] = stacking.control_word(registers.control)
        words[at.exception] = registers.exception
        engine.set_stacks(registers.msp, registers.psp)
        engine.context.store()
        engine.set_xpsr(registers.xpsr)
        pc = registers.pc & ~1 | registers.xpsr >> 24 & 1
        if pc != engine.pc:
            engine.pc, engine.done, self._returning = pc, 0, False

    def read_memory(self, address: int, size: int) -> bytes:
        """See `Core.read_memory`."""
        return self._engine.memory.read(address, size)

    def write_memory(self, address: int, data: bytes) -> None:
        """See `Core.write_memory`."""
        self._engine.memory.write(address, data)

    def set_breakpoints(self, addresses: Iterable[int]) -> None:
        """See `Core.set_breakpoints`."""
        self._breakpoints = frozenset(addresses)
        self._lay_out()

    # -- keeping it ----------------------------------------------------------------------------------------------------

    def snapshot(self) -> bytes:
        """See `Core.snapshot`. Breakpoints, gateways and the state of devices are not part of it."""
        engine, processor = self._engine, self._processor
        control, exclusive = processor.control, engine.layout.exclusive
        state = {
            "registers": dataclasses.astuple(self.registers()),
            "floating_point": engine.floating_point(),
            "exclusive": engine.context.words[exclusive : exclusive + 4].tolist(),
            "elapsed": self._clock.state.elapsed,
            "done": engine.done,
            "exceptions": dataclasses.astuple(processor.exceptions),
            "systick": dataclasses.astuple(control.systick),
            "counter": dataclasses.astuple(control.counter),
            "values": sorted(control.values.items()),
            "reset_requested": control.reset_requested,
            "asleep": processor.asleep.name if processor.asleep else None,
            "event_register": processor.event_register,
            "stopped": [self._stopped_at, self._at_bkpt, self._returning],
        }
        return snapshots.encode(state, engine.memory.regions)

    def restore(self, snapshot: bytes) -> None:
        """See `Core.restore`."""
        engine = self._engine
        try:
            state, contents = snapshots.decode(snapshot, engine.memory.regions)
            self._restore_state(state)
        except (KeyError, TypeError, IndexError) as error:
            raise ValueError(f"the snapshot is incomplete: {error}") from error
        self._lay_out()
        for region, content in zip(engine.memory.regions, contents, strict=True):
            region.data[:] = content
        engine.forget_translations()

    def _restore_state(self, state: dict[str, Any]) -> None:
        engine, processor = self._engine, self._processor
        r, *others = state["registers"]
        exceptions, systick = Exceptions(*state["exceptions"]), SysTick(*state["systick"])
        counter, doubles = CycleCounter(*state["counter"]), state["floating_point"]
        asleep = Event[state["asleep"]] if state["asleep"] else None
        engine.reset()
        engine.pc = 0
        self._assign(Registers(tuple(r), *others))
        engine.set_floating_point(*doubles)
        engine.context.load()
        for index, word in enumerate(state["exclusive"]):
            engine.context.words[engine.layout.exclusive + index] = word
        engine.context.store()
        self._clock.state.elapsed, engine.done = state["elapsed"], state["done"]
        processor.adopt(exceptions, systick, counter, dict(state["values"]))
        processor.control.reset_requested = state["reset_requested"]
        processor.asleep, processor.event_register = asleep, state["event_register"]
        self._stopped_at, self._at_bkpt, self._returning = state["stopped"]


def _exception_of(irq: int) -> int:
    if not 0 <= irq < exc.IRQS:
        raise ValueError(f"there is no interrupt {irq}")
    return exc.FIRST_IRQ + irq
