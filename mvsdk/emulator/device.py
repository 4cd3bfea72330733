"""A whole device: the processor, the chip around it, a kernel's personality, and time."""

from __future__ import annotations

import enum
import functools
import random
from collections.abc import Iterable

from mvsdk.boards import Board
from mvsdk.bundle import Image, vector_table_problem
from mvsdk.emulator.chip_wiring import ChipWiring
from mvsdk.emulator.clock import Action, Schedule
from mvsdk.emulator.core import Core, Fault, StopReason
from mvsdk.emulator.errors import NotExecutableError
from mvsdk.emulator.events import Event, Faulted, Observer, Started
from mvsdk.emulator.guest_memory import GuestMemory
from mvsdk.emulator.personality.microvisor import Microvisor
from mvsdk.emulator.soc import Chip
from mvsdk.emulator.soc.identity import UNIQUE_ID_LENGTH

CALL_CYCLES = 320
"""What a system call costs, so that a loop polling the clock moves it: 2 µs at 160 MHz (inferred)."""
RESTART_US = 10_000
"""From a restart's request to the application's first instruction (inferred)."""
WATCHDOG_WAKE_REASON = "APPLICATIONCRASH"
"""What the application finds after one of its watchdogs has fired (inferred)."""
SLICE_CYCLES = 16_000_000
"""A busy guest gives the host a chance to look up this often; a run does not depend on it."""


BREAKPOINT_FAULT = Fault(cfsr=0, hfsr=1 << 31, mmfar=0, bfar=0)
"""A BKPT with no debugger attached is a HardFault by HFSR.DEBUGEVT (Armv8-M ARM, D1.2.120)."""


class End(enum.Enum):
    """Why `Device.run` came back."""

    TIME = "time"
    """The moment asked for is reached."""
    STOPPED = "stopped"
    """Somebody called `stop`."""
    FAULT = "fault"
    """The application faulted; the `Faulted` event told how."""
    ASLEEP = "asleep"
    """The application sleeps, and nothing will ever wake it."""


class Device:
    """One emulated board running one image.

    `seed` decides everything random: handles, identity, the random number generator. `wall_start_us` is the wall time
    at start, in Unix microseconds. Observers are called synchronously, in order, for every event. `strict_mmio` makes
    accesses to peripheral registers that have no model bus faults. What is connected to the chip is reached through
    `chip`.
    Raises `NotExecutableError` for an image without a plausible vector table.
    """

    def __init__(
        self,
        board: Board,
        image: Image,
        core: Core,
        *,
        seed: int = 0,
        wall_start_us: int = 0,
        trace_calls: bool = False,
        strict_mmio: bool = False,
        observers: Iterable[Observer] = (),
    ) -> None:
        self.board = board
        self.core = core
        self.memory = GuestMemory(core, board)
        self._observers = tuple(observers)
        self._random = random.Random(seed)  # noqa: S311 - reproducible on purpose
        self._schedule = Schedule()
        self._cycles_per_us = board.clocks.sysclk // 1_000_000
        self._life = 0
        self._restart_reason: str | None = None
        self._stopping = False
        self._wiring = ChipWiring(
            board,
            core,
            self._schedule,
            tell=self.tell,
            random_word=functools.partial(random.Random(f"{seed}: random numbers").getrandbits, 32),  # noqa: S311
            watchdog_reset=self._watchdog_reset,
        )
        self.chip = Chip(board, self._wiring, strict=strict_mmio)
        self.rcc = self.chip.rcc
        self._lay_out(image, seed)
        self._kernel = Microvisor(
            self, device_id=f"UV{self._random.getrandbits(128):032x}", wall_start_us=wall_start_us, trace=trace_calls
        )
        core.trap(self._kernel.gateways)
        self._start("COLDBOOT")

    # -- time --------------------------------------------------------------------------------------------------------

    @property
    def time_us(self) -> int:
        """Microseconds since the kernel started."""
        return self.core.cycle // self._cycles_per_us

    def run(self, until_us: int | None = None) -> End:
        """Run until the device's clock shows `until_us`, or for as long as something can happen."""
        limit = None if until_us is None else until_us * self._cycles_per_us
        while True:
            if self._stopping:
                self._stopping = False
                return End.STOPPED
            now = self.core.cycle
            if limit is not None and now >= limit:
                return End.TIME
            self._schedule.run_due(now)
            self._restart_if_asked()
            end = self._step(limit)
            if end is not None:
                return end

    def stop(self) -> None:
        """End the present run as soon as possible; observers call this."""
        self._stopping = True
        self.core.halt()

    def _step(self, limit: int | None) -> End | None:
        """Run the core once and deal with what stopped it."""
        self._wiring.deadline = min([*self._waits(limit), self.core.cycle + SLICE_CYCLES])
        stop = self.core.run(self._wiring.deadline)
        self._wiring.deadline = None
        if self._restart_if_asked():
            return None
        match stop.reason:
            case StopReason.GATEWAY:
                self._kernel.call()
                self.core.skip_to(self.core.cycle + CALL_CYCLES)
                self._restart_if_asked()
            case StopReason.IDLE:
                waits = self._waits(limit, stop.wake_cycle)
                if not waits:
                    return End.ASLEEP
                self.core.skip_to(min(waits))
            case StopReason.RESET:
                self._start("REMOTEAPPLICATIONRESTART")
            case StopReason.FAULT:
                assert stop.fault is not None  # noqa: S101 - the seam promises it
                return self._fault(stop.fault)
            case StopReason.BREAKPOINT:
                return self._fault(BREAKPOINT_FAULT)
            case StopReason.DEADLINE | StopReason.HALTED:
                pass
        return None

    def _waits(self, *others: int | None) -> list[int]:
        """Return the cycles at which there is something to do."""
        return [cycle for cycle in (self._schedule.next_cycle, *others) if cycle is not None]

    def _restart_if_asked(self) -> bool:
        if self._restart_reason is None:
            return False
        self._start(self._restart_reason)
        return True

    def _watchdog_reset(self, flag: int) -> None:
        """Restart the application, once the instruction that is being executed has ended."""
        self.rcc.record_reset(flag)
        self.restart(WATCHDOG_WAKE_REASON)
        self.core.halt()

    def _fault(self, fault: Fault) -> End:
        self.tell(Faulted(self.time_us, fault, self.core.registers()))
        return End.FAULT

    # -- what the personality may ask --------------------------------------------------------------------------------

    def after_us(self, delay: int, action: Action) -> None:
        """Let `action` happen `delay` microseconds from now, unless the application restarts before."""
        life = self._life

        def if_still_alive() -> None:
            if self._life == life:
                action()

        self._schedule.at(self.core.cycle + delay * self._cycles_per_us, if_still_alive)

    def random_word(self) -> int:
        """Return 32 bits from the device's seeded source."""
        return self._random.getrandbits(32)

    def tell(self, event: Event) -> None:
        """Tell the observers."""
        for observer in self._observers:
            observer(event)

    def restart(self, wake_reason: str) -> None:
        """Start the application anew once the present call has returned."""
        self._restart_reason = wake_reason

    # -- laying it out -----------------------------------------------------------------------------------------------

    def _start(self, wake_reason: str) -> None:
        """Start the application from its reset vector, with the peripherals as after a reset and RAM as it was."""
        first = self._life == 0
        self._life += 1
        self._restart_reason = None
        self._kernel.start(wake_reason)
        self.chip.reset()
        self.core.reset(self.board.flash.base)
        if not first:
            self.core.skip_to(self.core.cycle + RESTART_US * self._cycles_per_us)
        self.tell(Started(self.time_us, wake_reason))

    def _lay_out(self, image: Image, seed: int) -> None:
        """Put image, memory and peripherals in their places."""
        flash, ram = self.board.flash, self.board.ram
        problem = vector_table_problem(image, self.board)
        if problem:
            raise NotExecutableError(
                f"the image cannot be started: {problem}",
                "link the application for this board: vector table first, at the start of flash",
            )
        self.core.map_memory(flash.base, flash.size, writable=False)
        self.core.map_memory(ram.base, ram.size, writable=True)
        self.core.write_memory(flash.base, image.data.ljust(flash.size, b"\xff"))
        self.chip.lay_out(self.core, random.Random(f"{seed}: unique id").randbytes(UNIQUE_ID_LENGTH))  # noqa: S311
