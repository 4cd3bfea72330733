"""The one object through which anybody debugs an emulated device.

debugger = Debugger(device)
debugger.attach("me")
debugger.set_breakpoints("me", [0x0800_0200])
debugger.run()                  # as Device.run; comes back when the guest halts
debugger.halted                 # Halt(HaltReason.BREAKPOINT, ...)
debugger.step()
debugger.run()

Halting is the host's business: the device is not run, so its time stands and its state is what it is without a
debugger. So are breakpoints, watchpoints and the steps of the core's own seam. Only what the guest's own debug hardware
has to find, caught faults and the comparators of the DWT, is switched on in the core, for as long as somebody wants it;
when the last client leaves, these registers have again what they had before.
"""

from __future__ import annotations

import enum
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field

from mvsdk.emulator.core import Fault, Registers, Stop, StopReason, Vector, WatchHit, Watchpoint
from mvsdk.emulator.device import Device, End

_DFSR, _DHCSR, _DEMCR = 0xE000_ED30, 0xE000_EDF0, 0xE000_EDFC
_DBGKEY, _C_DEBUGEN = 0xA05F_0000, 1
_DFSR_BITS, _BKPT, _DWTTRAP, _VCATCH = 0x1F, 1 << 1, 1 << 2, 1 << 3
_DWT, _DWT_END = 0xE000_1000, 0xE000_2000
_PUT_BACK = frozenset((0xE000_0E00, 0xE000_0E40, 0xE000_0E80, 0xE004_4004))  # ITM_TER, ITM_TPR, ITM_TCR, DBGMCU_CR
_CYCCNT, _TRCENA, _CYCCNTENA = _DWT + 4, 1 << 24, 1
_DWT_FUNCTIONS = tuple(_DWT + 0x28 + 16 * comparator for comparator in range(4))
_DWT_ACTION, _DEBUG_EVENT = 3 << 4, 1 << 4
_HOST_SIDE = Vector.RESET | Vector.HARD_FAULT
_FAULT_VECTORS = ~_HOST_SIDE & Vector(0x7F1)
_WORD = 4
# Registers and their bits: Armv8-M ARM (DDI0553), D1.2.
_STANDS = Stop(StopReason.DEBUG_STATE)


class HaltReason(enum.Enum):
    """Why the guest stands."""

    REQUEST = "request"
    """A debugger asked for it."""
    BREAKPOINT = "breakpoint"
    """It came to a breakpoint, or to a BKPT instruction; that was not executed."""
    WATCHPOINT = "watchpoint"
    """It made an access that somebody waits for; `Halt.watch` has it, unless a comparator of the DWT found it."""
    STEP = "step"
    """The step is done: an instruction, a whole system call, or the entry of an exception."""
    RESET = "reset"
    """It was reset, and that is caught; it stands at its first instruction."""
    VECTOR = "vector"
    """A fault that is caught was taken; it stands at its handler's first instruction."""
    FAULT = "fault"
    """It is about to fault for good (HardFault), and that is caught; it stands at the instruction that fails. Going on
    leads to what would have happened without a debugger."""


@dataclass(frozen=True, slots=True)
class Halt:
    """Why the guest stands, and what belongs to it."""

    reason: HaltReason
    watch: WatchHit | None = None
    fault: Fault | None = None


@dataclass(slots=True)
class _Wishes:
    """What one client wants the guest to halt for."""

    breakpoints: frozenset[int] = frozenset()
    watchpoints: tuple[Watchpoint, ...] = ()
    vectors: Vector = field(default_factory=lambda: Vector(0))


class Debugger:
    """Run control of one device, shared by any number of clients.

    A client is any hashable value; it attaches before it wants anything and detaches when it is done. There is one
    guest: a halt is everybody's. All of it belongs into the thread that runs the device, between two runs; `halt` also
    inside an observer or a signal's handler.
    """

    def __init__(self, device: Device) -> None:
        self.device = device
        self._core = device.core
        self._clients: dict[Hashable, _Wishes] = {}
        self._halted: Halt | None = None
        self._running = self._wanted = False
        self._stepping = self._step_done = self._mask_interrupts = False
        self._going_on = False
        self._breakpoints: frozenset[int] = frozenset()
        self._vectors = Vector(0)
        self._holders: set[Hashable] = set()
        self._faulted_at: int | None = None
        self._before: dict[int, int] = {}
        self._debug_enabled = False
        self.resets = 0
        """How often the guest was reset since somebody is attached."""

    # -- who debugs ----------------------------------------------------------------------------------------------------

    @property
    def clients(self) -> tuple[Hashable, ...]:
        """Who is attached."""
        return tuple(self._clients)

    def attach(self, client: Hashable) -> None:
        """Let `client` debug. The guest goes on running. Attaching twice is attaching once."""
        self._clients.setdefault(client, _Wishes())
        self.device.run_control = self

    def detach(self, client: Hashable) -> None:
        """Forget `client` and its wishes. When it was the last the guest goes on as if nobody had ever been there."""
        if self._clients.pop(client, None) is None:
            return
        self._arm()
        self.release_reset(client)
        if not self._clients:
            self._put_back()
            self.resume()
            self._wanted = False
            self.device.run_control = None

    # -- run control ---------------------------------------------------------------------------------------------------

    @property
    def halted(self) -> Halt | None:
        """Why the guest stands; None while it runs."""
        return self._halted

    def halt(self) -> None:
        """Let the guest stand: now, or, inside a run, before its next instruction. Without effect on one that stands
        already."""
        if self._halted is not None:
            return
        if self._running:
            self._wanted = True
            self._core.halt()
        else:
            self._stand(Halt(HaltReason.REQUEST))

    def resume(self) -> None:
        """Let the guest go on, with the next `run`. From a breakpoint it goes on past it. One that is held in reset
        does not go on, nor step."""
        if not self._holders:
            self._go_on()

    def _go_on(self) -> None:
        self._halted = None
        self._wanted = self._stepping = False
        self._going_on = True

    def step(self, *, mask_interrupts: bool = False) -> None:
        """Let the guest execute one instruction with the next `run`, and halt again.

        An exception that comes first is a step; a system call is one with all the time it takes, and so is the sleep
        before an instruction. With `mask_interrupts` PendSV, SysTick and external interrupts wait, but for the one that
        ends a sleep.
        """
        if self._holders:
            return
        self._go_on()
        self._stepping, self._step_done, self._mask_interrupts = True, False, mask_interrupts

    def run(self, until_us: int | None = None) -> End:
        """Run the device like `Device.run`. `End.STOPPED` with `halted` set is a halt, at once if it stands already."""
        return End.STOPPED if self._halted is not None else self.device.run(until_us)

    def reset(self, *, halt: bool = False, wake_reason: str | None = None) -> None:
        """Reset the guest, as the board's button does; with `wake_reason` as software does that leads to it.

        It then stands at its first instruction with `halt`, or if that is caught; else it runs.
        """
        self._go_on()
        if wake_reason is None:
            self.device.press_reset()
        else:
            self.device.restart(wake_reason)
        stopping = self.device.stopping
        self.device.run_to_cycle(self._core.cycle)
        if stopping:
            self.device.stop()
        if (halt or self._holders) and self._halted is None:
            self._stand(Halt(HaltReason.RESET))

    def hold_reset(self, client: Hashable) -> None:
        """Reset the guest, and let it stand until every client that holds it has released it."""
        self._holders.add(client)
        self.reset()

    def release_reset(self, client: Hashable) -> None:
        """Let a guest go that was held in reset, unless a reset is caught."""
        if client in self._holders:
            self._holders.discard(client)
            if Vector.RESET not in self._vectors:
                self.resume()

    # -- what it is halted for -----------------------------------------------------------------------------------------

    def set_breakpoints(self, client: Hashable, addresses: Iterable[int]) -> None:
        """Replace the client's breakpoints by these even addresses. There may be any number."""
        self._clients[client].breakpoints = frozenset(addresses)
        self._arm()

    def set_watchpoints(self, client: Hashable, watchpoints: Iterable[Watchpoint]) -> None:
        """Replace the client's watchpoints; `ValueError` for one that is no range of addresses."""
        wishes = self._clients[client]
        before, wishes.watchpoints = wishes.watchpoints, tuple(watchpoints)
        try:
            self._arm()
        except ValueError:
            wishes.watchpoints = before
            self._arm()
            raise

    def catch(self, client: Hashable, vectors: Vector) -> None:
        """Replace what the client catches."""
        self._clients[client].vectors = vectors
        self._arm()

    def caught(self, client: Hashable) -> Vector:
        """Return what the client catches."""
        return self._clients[client].vectors

    # -- looking and changing ------------------------------------------------------------------------------------------

    def registers(self) -> Registers:
        """Return all core registers in one batch."""
        return self._core.registers()

    def write_register(self, name: str, value: int) -> None:
        """Set one register, named as `Core.write_register` does."""
        self._core.write_register(name, value)

    def floating_point(self) -> tuple[int, ...]:
        """Return s0 to s31 as they are in bits, and FPSCR."""
        return self._core.floating_point()

    def write_floating_point(self, number: int, value: int) -> None:
        """Set one of them, by its place in what `floating_point` returns."""
        self._core.write_floating_point(number, value)

    def read_memory(self, address: int, size: int) -> bytes:
        """Return bytes as the guest's bus gives them: memory at once, registers in aligned accesses as wide as fit.

        `BusFault` where nothing answers.
        """
        try:
            return self._core.read_memory(address, size)
        except LookupError:
            return b"".join(
                self._core.debug_read(place, width).to_bytes(width, "little") for place, width in _pieces(address, size)
            )

    def write_memory(self, address: int, data: bytes) -> None:
        """Write bytes through the guest's bus, in aligned accesses as wide as fit.

        `BusFault` where nothing takes them; what lies before that is written.
        """
        if self.device.board.ram.contains(address, len(data)):
            self._core.write_memory(address, data)
            return
        for place, width in _pieces(address, len(data)):
            offset = place - address
            self.write(place, width, int.from_bytes(data[offset : offset + width], "little"))

    def read(self, address: int, size: int) -> int:
        """Read 1, 2 or 4 aligned bytes through the guest's bus; `BusFault` where nothing answers."""
        return self._core.debug_read(address, size)

    def write(self, address: int, size: int, value: int) -> None:
        """Write 1, 2 or 4 aligned bytes through the guest's bus; `BusFault` where nothing takes it.

        Registers of DWT, ITM, DEMCR and DBGMCU_CR get back what they had when the last client leaves; what DEMCR
        catches is not for here but for `catch`. Nor are halting, and the FPB: `resume`, `set_breakpoints`.
        """
        word = address & ~3
        if word == _DEMCR:
            self._keep(_DEMCR)
            value = self._core.debug_read(_DEMCR, _WORD) & int(_FAULT_VECTORS) | value & ~int(Vector(0x7F1))
        elif _DWT <= word < _DWT_END or word in _PUT_BACK:
            self._keep(word)
        self._core.debug_write(address, size, value)
        if word in _DWT_FUNCTIONS:
            self._enable_debug()

    # -- what the device asks ------------------------------------------------------------------------------------------

    def run_core(self, deadline: int) -> Stop:
        """See `RunControl.run_core`."""
        if self._halted is not None:
            return _STANDS
        self._running = True
        try:
            return self._run_core(deadline)
        finally:
            self._running = False

    def _run_core(self, deadline: int) -> Stop:
        if self._stepping:
            return self._step_core()
        if self._going_on:
            self._going_on = False
            if self._registers_at_breakpoint():
                return self._consider(self._past_breakpoint())
        return self._consider(self._core.run(deadline))

    def started(self) -> None:
        """See `RunControl.started`."""
        self.resets += 1
        if Vector.RESET in self._vectors:
            self._stand(Halt(HaltReason.RESET))

    def _registers_at_breakpoint(self) -> bool:
        return bool(self._breakpoints) and self._core.registers().pc in self._breakpoints

    def _past_breakpoint(self) -> Stop:
        """Execute the instruction that has the breakpoint, if the guest is awake to do so."""
        look = self._core.run(self._core.cycle)
        if look.reason is not StopReason.DEADLINE:
            self._going_on = look.reason is StopReason.IDLE
            return look
        stop = self._core.step()
        return Stop(StopReason.DEADLINE) if stop.reason is StopReason.STEPPED else stop

    def _step_core(self) -> Stop:
        if self._step_done:
            return self._stand(Halt(HaltReason.STEP))
        look = self._core.run(self._core.cycle)
        if look.reason is not StopReason.DEADLINE:
            return self._consider(look)
        stop = self._core.step(mask_interrupts=self._mask_interrupts)
        if stop.reason is StopReason.IDLE and self._mask_interrupts:
            stop = self._core.step()  # an interrupt ends the sleep, and there is no other way out of it
        if stop.reason is StopReason.STEPPED:
            return self._stand(Halt(HaltReason.STEP))
        self._step_done = stop.reason is StopReason.GATEWAY
        return self._consider(stop)

    def _consider(self, stop: Stop) -> Stop:
        """Keep what is for a debugger, pass on what is for the device."""
        match stop.reason:
            case StopReason.BREAKPOINT:
                return self._stand(Halt(HaltReason.BREAKPOINT))
            case StopReason.WATCHPOINT:
                return self._stand(Halt(HaltReason.WATCHPOINT, watch=stop.watch))
            case StopReason.DEBUG_STATE:
                return self._stand(Halt(self._leave_debug_state()))
            case StopReason.FAULT if Vector.HARD_FAULT in self._vectors and self._faulted_at != self._core.cycle:
                self._faulted_at = self._core.cycle
                return self._stand(Halt(HaltReason.FAULT, fault=stop.fault))
            case StopReason.HALTED | StopReason.DEADLINE if self._wanted:
                return self._stand(Halt(HaltReason.REQUEST))
            case _:
                return stop

    def _stand(self, halt: Halt) -> Stop:
        self._halted = halt
        self._wanted = self._stepping = False
        return _STANDS

    def _leave_debug_state(self) -> HaltReason:
        """Take the core out of Debug state, and say what has put it there: from now on it is not run."""
        status = self._core.debug_read(_DFSR, _WORD) & _DFSR_BITS
        self._core.debug_write(_DHCSR, _WORD, _DBGKEY | _C_DEBUGEN)
        self._core.debug_write(_DFSR, _WORD, status)
        for bit, reason in ((_VCATCH, HaltReason.VECTOR), (_DWTTRAP, HaltReason.WATCHPOINT)):
            if status & bit:
                return reason
        return HaltReason.BREAKPOINT if status & _BKPT else HaltReason.REQUEST

    # -- what is set in the core ---------------------------------------------------------------------------------------

    def _arm(self) -> None:
        wishes = self._clients.values()
        self._breakpoints = frozenset(address for wish in wishes for address in wish.breakpoints)
        self._core.set_breakpoints(self._breakpoints)
        self._core.set_watchpoints([watchpoint for wish in wishes for watchpoint in wish.watchpoints])
        self._vectors = Vector(0)
        for wish in wishes:
            self._vectors |= wish.vectors
        faults = int(self._vectors & _FAULT_VECTORS)
        held = self._core.debug_read(_DEMCR, _WORD)
        if held & int(_FAULT_VECTORS) != faults and (faults or _DEMCR in self._before):
            self._keep(_DEMCR)
            self._core.debug_write(_DEMCR, _WORD, held & ~int(_FAULT_VECTORS) | faults)
        self._enable_debug()

    def _enable_debug(self) -> None:
        """Have halting debug enabled in the core for as long as something needs it."""
        needed = bool(self._vectors & _FAULT_VECTORS)
        if not needed and any(function in self._before for function in _DWT_FUNCTIONS):
            functions = [self._core.debug_read(function, _WORD) for function in _DWT_FUNCTIONS]
            needed = any(function & 0xF and function & _DWT_ACTION == _DEBUG_EVENT for function in functions)
        if needed != self._debug_enabled:
            self._core.debug_write(_DHCSR, _WORD, _DBGKEY | (_C_DEBUGEN if needed else 0))
            self._debug_enabled = needed

    def _keep(self, address: int) -> None:
        """Remember what a register holds before a debugger changes it for the first time."""
        if address in {_DEMCR, _DWT} and not self._counts_cycles() and _CYCCNT not in self._before:
            self._before[_CYCCNT] = self._core.debug_read(_CYCCNT, _WORD)
        if address not in self._before:
            self._before[address] = self._core.debug_read(address, _WORD)

    def _counts_cycles(self) -> bool:
        trace, control = self._core.debug_read(_DEMCR, _WORD), self._core.debug_read(_DWT, _WORD)
        return bool(trace & _TRCENA and control & _CYCCNTENA)

    def _put_back(self) -> None:
        """Give every register that a debugger has changed what it held before."""
        trace = self._before.pop(_DEMCR, None)
        for address, value in reversed(self._before.items()):
            self._core.debug_write(address, _WORD, value)
        if trace is not None:
            self._core.debug_write(_DEMCR, _WORD, trace)
        self._before.clear()
        self._enable_debug()


def _pieces(address: int, size: int) -> Iterable[tuple[int, int]]:
    """Cut a range into aligned accesses as wide as fit."""
    end = address + size
    while address < end:
        width = next(width for width in (4, 2, 1) if address % width == 0 and address + width <= end)
        yield address, width
        address += width
