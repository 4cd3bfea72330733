"""What makes an M-profile processor out of an engine: exceptions taken and returned from, faults, sleep.

The engine executes; this decides what follows. Source: Armv8-M ARM (DDI 0553), B3.
"""

from __future__ import annotations

from mvsdk.emulator.core import BusFault, Fault, scs, stacking
from mvsdk.emulator.core import exceptions as exc
from mvsdk.emulator.core.engine import Engine, Event
from mvsdk.emulator.core.exceptions import Exceptions
from mvsdk.emulator.core.scs import SystemControl
from mvsdk.emulator.core.timers import CycleCounter, SysTick

_IACCVIOL, _IBUSERR = 1 << 0, 1 << 8
_PRECISE_DATA_ERROR = 1 << 9 | 1 << 15  # PRECISERR, BFARVALID
_USAGE_FAULTS = {
    Event.UNDEFINED: 1 << 16,
    Event.INVALID_STATE: 1 << 17,
    Event.NO_COPROCESSOR: 1 << 19,
    Event.STACK_OVERFLOW: stacking.STKOF,
    Event.UNALIGNED: 1 << 24,
}
_THREAD_RETURN = 1 << 3


class HardFaultError(Exception):
    """A HardFault was raised. It is not taken; whoever runs the core is told."""


class Processor:
    """The exception model over one engine, whose loaded context it keeps in step with the engine's processor."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._layout = engine.layout
        self._words = engine.context.words
        self.exceptions = Exceptions()
        self.control = SystemControl(self.exceptions, self._now, lambda: self._words[self._layout.exception])
        self.asleep: Event | None = None
        self.event_register = False
        engine.map_device(scs.BASE, scs.SIZE, self)

    def _now(self) -> int:
        return self._engine.clock.state.elapsed // 2

    def reset(self) -> None:
        """Put everything private to the processor to its reset value."""
        self._engine.reset()
        self.exceptions.reset()
        self.control.reset()
        self.asleep, self.event_register = None, False

    def adopt(self, exceptions: Exceptions, systick: SysTick, counter: CycleCounter, values: dict[int, int]) -> None:
        """Take over the state of another processor's private peripherals."""
        self.exceptions = self.control.exceptions = exceptions
        self.control.systick, self.control.counter, self.control.values = systick, counter, values

    # -- the private peripheral bus ------------------------------------------------------------------------------------

    def read(self, offset: int, size: int) -> int:
        """Answer the guest's read of a private peripheral."""
        self._demand_privilege(offset)
        return self.control.read(offset, size)

    def write(self, offset: int, size: int, value: int) -> None:
        """Take the guest's write to a private peripheral; what it makes possible happens after this block."""
        self._demand_privilege(offset)
        self.control.write(offset, size, value)
        self._engine.clock.stop_at_next_block()

    def _demand_privilege(self, offset: int) -> None:
        self._engine.context.load()
        if self._words[self._layout.exception] or not self._words[self._layout.control] & stacking.NPRIV:
            return
        if scs.BASE + offset == scs.STIR and self.control.values[scs.CCR] & scs.USERSETMPEND:
            return
        raise BusFault

    # -- exceptions ----------------------------------------------------------------------------------------------------

    def _execution_priority(self, *, ignore_primask: bool = False) -> int:
        words, at = self._words, self._layout
        primask = 0 if ignore_primask else words[at.primask]
        return self.exceptions.execution_priority(primask, words[at.basepri], words[at.faultmask])

    def _can_take(self, number: int) -> bool:
        enabled = self.exceptions.enabled >> number & 1
        return bool(enabled) and self.exceptions.urgency(number) < self._execution_priority()

    def deliver(self) -> bool:
        """Take the next exception if it may be taken. Return whether one is held back by masks alone."""
        number = self.exceptions.next_pending()
        if not number or self.exceptions.urgency(number) >= self.exceptions.active_priority():
            return False
        if not self._can_take(number):
            return True
        self._take(number)
        return False

    def unmasked(self) -> bool:
        """Tell, while executing, whether an exception that was held back may be taken now."""
        self._engine.context.load()
        return self._can_take(self.exceptions.next_pending())

    def _vector(self, number: int) -> int:
        address = self.control.values[scs.VTOR] + 4 * number
        try:
            return int.from_bytes(self._engine.memory.read(address, 4), "little")
        except LookupError:
            self.control.values[scs.HFSR] |= scs.VECTTBL
            raise HardFaultError from None

    def _take(self, number: int) -> None:
        """Stack, and enter the handler of `number`."""
        vector = self._vector(number)
        try:
            exc_return = stacking.push(self._engine, self._engine.pc)
        except stacking.FrameError as error:
            self._take_derived(error.cfsr, number)
        else:
            self._enter(number, vector, exc_return)

    def _take_derived(self, cfsr: int, number: int) -> None:
        """Take, in place of `number`, the fault that stacking for it has caused; it must be the more urgent one."""
        fault = self._demand_handler(cfsr)
        if self.exceptions.urgency(fault) >= self.exceptions.urgency(number):
            self._escalate()
        vector = self._vector(fault)
        self.exceptions.pend(number)
        self._enter(fault, vector, stacking.push(self._engine, self._engine.pc, lost=True))

    def _enter(self, number: int, vector: int, exc_return: int) -> None:
        self.exceptions.activate(number)
        stacking.enter(self._engine, number, vector, exc_return)
        self.event_register = True

    def supervisor_call(self) -> None:
        """Take SVCall, after an SVC instruction."""
        if not self._can_take(exc.SVCALL):
            self._engine.pc -= 2
            self._escalate()
        self._take(exc.SVCALL)

    def exception_return(self, exc_return: int) -> None:
        """Return from the active exception, or go straight on to the next one."""
        number = self._words[self._layout.exception]
        if not self.exceptions.active >> number & 1:
            self._chain_fault(stacking.INVPC, exc_return)
            return
        self.exceptions.deactivate(number)
        if number != exc.NMI:
            self._words[self._layout.faultmask] = 0
        following = self.exceptions.next_pending()
        if following and self._can_take(following):
            self._enter(following, self._vector(following), exc_return)
            return
        try:
            stacking.pop(self._engine, exc_return)
        except stacking.FrameError as error:
            self._chain_fault(error.cfsr, exc_return)
            return
        self.event_register = True
        if exc_return & _THREAD_RETURN and self.control.values[scs.SCR] & scs.SLEEPONEXIT:
            self.asleep = Event.SLEEP

    def _chain_fault(self, cfsr: int, exc_return: int) -> None:
        """Take a fault in exception return, with the frame that could not be popped left where it is."""
        fault = self._demand_handler(cfsr)
        self._enter(fault, self._vector(fault), exc_return)

    # -- faults --------------------------------------------------------------------------------------------------------

    def fault(self, event: Event) -> None:
        """Take the fault that an event is, at the instruction the engine stopped at."""
        if event in _USAGE_FAULTS:
            cfsr = _USAGE_FAULTS[event]
        elif event is Event.FETCH_ABORT:
            cfsr = _IACCVIOL if _never_executable(self._engine.pc) else _IBUSERR
        else:
            cfsr = _PRECISE_DATA_ERROR
            self.control.values[scs.BFAR] = self._engine.address
        self._take(self._demand_handler(cfsr))

    def _demand_handler(self, cfsr: int) -> int:
        """Record a fault and return its exception's number; escalate it if its handler cannot be entered now."""
        self.control.values[scs.CFSR] |= cfsr
        number = exc.USAGE_FAULT if cfsr >> 16 else exc.BUS_FAULT if cfsr >> 8 else exc.MEM_MANAGE
        if not self._can_take(number):
            self._escalate()
        return number

    def _escalate(self) -> None:
        self.control.values[scs.HFSR] |= scs.FORCED
        raise HardFaultError

    def fault_status(self) -> Fault:
        """Return the fault status registers."""
        values = self.control.values
        return Fault(values[scs.CFSR], values[scs.HFSR], values[scs.MMFAR], values[scs.BFAR])

    # -- sleep ---------------------------------------------------------------------------------------------------------

    def wait_for_event(self) -> None:
        """Execute WFE: consume the event register, or fall asleep."""
        if self.event_register:
            self.event_register = False
        else:
            self.asleep = Event.WAIT_FOR_EVENT

    def pend(self, number: int) -> None:
        """Pend an exception from outside."""
        if self.control.values[scs.SCR] & scs.SEVONPEND and not self.exceptions.pending >> number & 1:
            self.event_register = True
        self.exceptions.pend(number)

    def wake(self) -> bool:
        """End the sleep if there is a reason to; return whether the processor is awake."""
        number = self.exceptions.next_pending()
        if self.asleep is Event.WAIT_FOR_EVENT and self.event_register:
            self.event_register, self.asleep = False, None
        elif number and self.would_wake(number):
            self.asleep = None
        return self.asleep is None

    def would_wake(self, number: int) -> bool:
        """Tell whether exception `number`, once pending, ends the sleep. PRIMASK does not keep WFI asleep."""
        if self.asleep is Event.WAIT_FOR_EVENT and self.control.values[scs.SCR] & scs.SEVONPEND:
            return True
        ignore_primask = self.asleep is Event.SLEEP
        return self.exceptions.urgency(number) < self._execution_priority(ignore_primask=ignore_primask)


def _never_executable(address: int) -> bool:
    """Tell whether the default memory map forbids execution: devices and the private peripheral bus (B8.1)."""
    return 0x4000_0000 <= address < 0x6000_0000 or address >= 0xA000_0000
