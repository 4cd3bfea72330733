"""A whole device: the processor, the chip around it, a kernel's personality, and time."""

from __future__ import annotations

import enum
import functools
import hashlib
import json
import random
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import ClassVar, Protocol, cast

from mvsdk.boards import Board
from mvsdk.bundle import Image, vector_table_problem
from mvsdk.emulator.activity import event_of
from mvsdk.emulator.bus_devices import I2cDevice, Lasting, SpiDevice
from mvsdk.emulator.chip_wiring import ChipWiring
from mvsdk.emulator.clock import Schedule
from mvsdk.emulator.core import Core, Fault, Stop, StopReason
from mvsdk.emulator.core.memory_image import PAGE, MemoryImage
from mvsdk.emulator.crashes import BackOff, RestartPolicy
from mvsdk.emulator.errors import InputError, NotExecutableError
from mvsdk.emulator.events import (
    DeepSleepBegan,
    Event,
    FactoryTestEnded,
    Faulted,
    Observer,
    RestartAwaited,
    Started,
    UpdateAgreed,
)
from mvsdk.emulator.guest_memory import GuestMemory
from mvsdk.emulator.inputs import Inputs, port_and_pin
from mvsdk.emulator.network.exchanges import Request
from mvsdk.emulator.nor_flash import NorFlash
from mvsdk.emulator.options import Connection, DeviceOptions, Identity, unique_id_of
from mvsdk.emulator.personality import DeepSleep
from mvsdk.emulator.personality.microvisor import Microvisor
from mvsdk.emulator.personality.microvisor.network import STAY_ONLINE, ConnectionPolicy
from mvsdk.emulator.saving import Plain, Saving
from mvsdk.emulator.soc import Chip
from mvsdk.emulator.soc.flash_array import BASE as FLASH_BASE
from mvsdk.emulator.soc.flash_array import ChipFlash
from mvsdk.emulator.soc.pwr import SBF
from mvsdk.emulator.soc.wiring import Alarm
from mvsdk.flash_memory import ERASED, Storage

CALL_CYCLES = 320
"""What a system call costs, so that a loop polling the clock moves it: 2 µs at 160 MHz (inferred)."""
RESTART_US = 10_000
"""From a restart's request to the application's first instruction (inferred)."""
CRASH_REPORTS_KEPT = 16
CRASH_WAKE_REASON = "APPLICATIONCRASH"
"""What the application finds after a fault."""
PIN_RESET_FLAG = 26
"""RCC_CSR.PINRSTF (RM0456, chapter 11)."""
_WAKES = {"pin": "APPLICATION", "rtc": "RTC"}
"""What the chip wakes the device by, as names of `WakeSource`."""
WATCHDOG_WAKE_REASON = "APPLICATIONCRASH"
"""What the application finds after one of its watchdogs has fired (inferred)."""
SLICE_CYCLES = 160_000_000
"""A busy guest gives the host a chance to look up this often, some tenths of a second; a run does not depend on it."""


_SRAM = range(0x2000_0000, 0x3000_0000)
"""Non-secure RAM: what the kernel has of it is free on a chip without one."""

BREAKPOINT_FAULT = Fault(cfsr=0, hfsr=1 << 31, mmfar=0, bfar=0)
"""A BKPT with no debugger attached is a HardFault by HFSR.DEBUGEVT (Armv8-M ARM, D1.2: HFSR)."""


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
    TESTED = "tested"
    """The factory's test code said that it is done, and no other application follows; `Device.test_status` is its
    status."""


class WakeSource(enum.Enum):
    """What can end a deep sleep. Values are the wake reasons it leads to after Standby."""

    APPLICATION = "DEEPSLEEPAPPLICATION"
    """A source of the application's own, such as a wake-up pin."""
    RTC = "DEEPSLEEPAPPLICATIONRTC"
    MODEM = "DEEPSLEEPMODEM"
    CHECK_IN = "DEEPSLEEPCHECKIN"
    OTHER = "DEEPSLEEPOTHER"


class World(Protocol):
    """Everything that an application reaches by the network."""

    def take(self, request: Request) -> None:
        """Take what the application sends, in the middle of its call. What comes of it becomes an input."""

    def let_pass(self, cycle: int) -> int | None:
        """Make inputs of what has come; return up to which cycle, after `cycle`, the device's time may pass before it
        asks again. None while nobody has to be waited for. It may wait a little itself."""

    def slumber(self) -> bool:
        """Wait a little, because nothing is due on the device; False if nothing can come from here."""


class RunControl(Protocol):
    """Somebody who debugs the device: it runs the core in the device's place."""

    def run_core(self, deadline: int) -> Stop:
        """Run the core to a cycle and return what the device is to deal with; DEBUG_STATE to have it stand."""

    def started(self) -> None:
        """Hear that the core was reset and stands at its first instruction."""


class Device:
    """One emulated board running one image.

    `seed` decides everything random: handles, identity, the random number generator. `wall_start_us` is the wall time
    at start, in Unix microseconds. `restart_policy` says how a faulting application is started again; without one a
    fault ends the run. `testing` runs the application as the factory's test code. `external_flash` keeps what the
    external flash holds. With a `chip_flash` nobody keeps the chip's own flash and RAM from the application and from
    debuggers: it runs what that flash holds, which is the image if it was blank, and one of ones leaves it so.
    `storage_for` gives the storage of a bus device that keeps something, by its name and size in bytes. `trace_calls`
    makes it tell system calls, all of them or those named; `trace_interrupts` interrupt lines, handlers and sleep.
    `strict_mmio` makes accesses to peripheral registers that have no model bus faults, `gate_clocks` lets peripherals
    without a clock in RCC be dead. `chip` reaches what is connected to the chip. `connection_policy` says when the
    kernel is online. `identity` is who the device is; without one that follows from the seed. `image_name` is what
    people call the image, `wake_reason` what the application finds at its first start. Whatever happens to a running
    device from outside happens through `inputs`.
    Observers are called synchronously, in order, for every event.
    Raises `NotExecutableError` for an image without a plausible vector table that is to run.
    """

    STATE: ClassVar[tuple[str, ...]] = (
        "chip",
        "kernel",
        "flash",
        "crash_reports",
        "test_status",
        "_random",
        "_random_numbers",
        "_life",
        "_started_us",
        "_alive",
        "_deep_sleep",
        "_vacant",
        "_busy_until",
        "_call_us",
        "_restart_reason",
        "_back_off",
        "_next_start",
    )
    wake_sources: ClassVar[type[WakeSource]] = WakeSource
    """What `wake` takes."""

    def __init__(
        self,
        board: Board,
        image: Image,
        core: Core,
        *,
        seed: int = 0,
        wall_start_us: int = 0,
        restart_policy: RestartPolicy | None = None,
        testing: bool = False,
        external_flash: Storage | None = None,
        chip_flash: ChipFlash | None = None,
        storage_for: Callable[[str, int], Storage] | None = None,
        trace_calls: bool | frozenset[str] = False,
        trace_interrupts: bool = False,
        strict_mmio: bool = False,
        gate_clocks: bool = False,
        connection_policy: ConnectionPolicy = STAY_ONLINE,
        identity: Identity | None = None,
        image_name: str = "",
        wake_reason: str = "COLDBOOT",
        observers: Iterable[Observer] = (),
    ) -> None:
        self.options = DeviceOptions(
            seed, wall_start_us, restart_policy, testing, strict_mmio, gate_clocks, connection_policy
        )
        self.board = board
        self.image = image
        self.image_name = image_name
        self.core = core
        self.memory = GuestMemory(core, board)
        self._observers = tuple(observers)
        self._random = random.Random(seed)  # noqa: S311 - reproducible on purpose
        self._random_numbers = random.Random(f"{seed}: random numbers")  # noqa: S311
        self._schedule = Schedule()
        self._cycles_per_us = board.clocks.sysclk // 1_000_000
        self._life = 0
        self._started_us = 0
        self._alive = True
        self._deep_sleep: DeepSleep | None = None
        self._vacant = False
        self._busy_until = 0
        self._call_us = 0
        self._restart_reason: str | None = None
        self._back_off = None if restart_policy is None else BackOff(restart_policy)
        self._stopping = False
        self.crash_reports: deque[Faulted] = deque(maxlen=CRASH_REPORTS_KEPT)
        """The last faults, oldest first."""
        self.test_status: int | None = None
        """What the factory's test code ended the run with; None while it has not."""
        self._wiring = ChipWiring(
            board,
            core,
            self._schedule,
            tell=self.tell,
            random_word=functools.partial(self._random_numbers.getrandbits, 32),
            watchdog_reset=self._watchdog_reset,
            wake=lambda source: self.wake(WakeSource[_WAKES[source]]),
        )
        self._wiring.traces_lines = self._follows = trace_interrupts
        core.follow_activity(trace_interrupts)
        self.chip = Chip(board, self._wiring, strict=strict_mmio, gate_clocks=gate_clocks, flash=chip_flash)
        self.rcc, self.pwr = self.chip.rcc, self.chip.pwr
        self.inputs = Inputs(self, self._wiring.hurry)
        """The way for everything from outside."""
        self.bus_devices: dict[str, I2cDevice | SpiDevice] = {}
        """What is connected to the chip's buses, by name."""
        self.world: World | None = None
        """Whom the application reaches by the network; without one nobody answers."""
        self.connections: list[Connection] = []
        """Where it is connected."""
        self.run_control: RunControl | None = None
        """Who debugs it, if anybody does."""
        self._next_start = self.alarm(lambda _: self.restart(CRASH_WAKE_REASON))
        self.flash = NorFlash(external_flash)
        self._storage_for = storage_for
        drawn_id = f"UV{self._random.getrandbits(128):032x}"
        self.identity = identity or Identity(drawn_id, unique_id_of(seed))
        self._lay_out(image, chip_flash)
        self.kernel = Microvisor(
            self,
            device_id=self.identity.device_id,
            wall_start_us=wall_start_us,
            flash=self.flash,
            testing=testing,
            policy=connection_policy,
            trace=trace_calls,
        )
        """The kernel's side: what goes on around the application is changed there."""
        core.trap(self.kernel.gateways)
        self._start(wake_reason)

    # -- time --------------------------------------------------------------------------------------------------------

    @property
    def time_us(self) -> int:
        """Microseconds since the kernel started."""
        return self.core.cycle // self._cycles_per_us

    @property
    def call_us(self) -> int:
        """How long the call that is being answered takes, as far as is known yet."""
        return CALL_CYCLES // self._cycles_per_us + self._call_us

    def cycle_at(self, time_us: int) -> int:
        """Return the first cycle of a moment of the device's time."""
        return time_us * self._cycles_per_us

    def run(self, until_us: int | None = None) -> End:
        """Run until the device's clock shows `until_us`, or for as long as something can happen."""
        return self.run_to_cycle(None if until_us is None else self.cycle_at(until_us))

    def run_to_cycle(self, limit: int | None) -> End:
        """Run like `run`, to a cycle."""
        while True:
            if self._restart_reason is not None:
                self._start(self._restart_reason)
            if self._stopping:
                self._stopping = False
                return End.STOPPED
            now = self.core.cycle
            if self.test_status is not None:
                return End.TESTED
            if limit is not None and now >= limit:
                return End.TIME
            horizon = None if self.world is None else self.world.let_pass(now)
            self.inputs.run_due(now)
            self._schedule.run_due(now)
            end = self._step(limit, horizon) if self._restart_reason is None else None
            if end is not None:
                return end

    def stop(self) -> None:
        """End the present run as soon as possible; observers call this."""
        self._stopping = True
        self.core.halt()

    @property
    def stopping(self) -> bool:
        """Whether the present run is to end as soon as possible."""
        return self._stopping

    def wake(self, source: WakeSource) -> None:
        """End a deep sleep: the application starts anew. A device that is not in deep sleep takes no notice.

        After Shutdown every source looks like a cold boot.
        """
        if self._deep_sleep is not None:
            self.restart("COLDBOOT" if self._deep_sleep is DeepSleep.SHUTDOWN else source.value)

    def _step(self, limit: int | None, horizon: int | None) -> End | None:
        """Let time pass, or run the core once and deal with what stopped it, no further than to the horizon."""
        if not self._alive or self._busy_until > self.core.cycle:
            return self._pass_time(self._waits(limit, horizon, self._busy_until if self._alive else None))
        deadline = self.core.cycle + (1 if self._stopping else SLICE_CYCLES)
        for due in (self._schedule.next_cycle, self.inputs.next_cycle, limit, horizon):
            if due is not None and due < deadline:
                deadline = due
        self._wiring.deadline = deadline
        stop = self.core.run(deadline) if self.run_control is None else self.run_control.run_core(deadline)
        if self._follows:
            self._tell_activity()
        self._wiring.deadline = None
        if self._restart_reason is not None:
            return None
        match stop.reason:
            case StopReason.GATEWAY:
                self._call()
            case StopReason.IDLE:
                return self._pass_time(self._waits(limit, horizon, stop.wake_cycle))
            case StopReason.RESET:
                self._start("REMOTEAPPLICATIONRESTART")
            case StopReason.FAULT | StopReason.BREAKPOINT:
                return self._fault(stop.fault or BREAKPOINT_FAULT)
            case StopReason.WATCHPOINT | StopReason.STEPPED | StopReason.DEBUG_STATE:
                return End.STOPPED
            case StopReason.DEADLINE | StopReason.HALTED:
                pass
        return None

    def _waits(self, *others: int | None) -> list[int]:
        """Return the cycles at which there is something to do. Who was told to stop does so at the next cycle."""
        stop = self.core.cycle + 1 if self._stopping else None
        known = (self._schedule.next_cycle, self.inputs.next_cycle, stop, *others)
        return [cycle for cycle in known if cycle is not None]

    def _pass_time(self, waits: list[int]) -> End | None:
        """Let nothing happen until the first of these cycles; for ever if there is none."""
        if not waits:
            return None if self.world is not None and self.world.slumber() else End.ASLEEP
        self.core.skip_to(min(waits))
        return None

    def _call(self) -> None:
        """Have a call answered, and let it take its time."""
        self._call_us = 0
        self.kernel.call()
        end = self.core.cycle + CALL_CYCLES
        if self._call_us:
            # A long call is cut at whatever falls due meanwhile, so that it happens at its time.
            self._busy_until = end + self._call_us * self._cycles_per_us
        else:
            self.core.skip_to(end)

    def _watchdog_reset(self, flag: int) -> None:
        """Restart the application, once the instruction that is being executed has ended."""
        self.rcc.record_reset(flag)
        self.restart(WATCHDOG_WAKE_REASON)
        self.core.halt()

    def _fault(self, fault: Fault) -> End | None:
        from mvsdk.emulator.core.disassemble import instruction_at

        registers = self.core.registers()
        report = Faulted(self.time_us, fault, registers, instruction_at(registers, self.core.read_memory))
        self.crash_reports.append(report)
        self.tell(report)
        if self._back_off is None:
            return End.FAULT
        delay = self._back_off.crashed(self.time_us - self._started_us)
        self._end_life()
        self._next_start.set(self.cycle_after(delay))
        self.tell(RestartAwaited(self.time_us, self._back_off.crashes, delay))
        return None

    def _end_life(self) -> None:
        """Execute nothing any more, and forget what was to happen to this life of the application."""
        self._life += 1
        self._alive = False
        self.kernel.stop()
        self.chip.reset()

    # -- the outside world -------------------------------------------------------------------------------------------

    def connect(self, connection: Connection, device: I2cDevice | SpiDevice | None = None) -> None:
        """Connect a device to a bus of the chip, by a name; without one, the device that the connection is about.

        Raises `InputError` for what is not there: a kind of device, a bus with a model, an output, a pin; and for a
        name or place that is taken.
        """
        made = device or connection.make_device()
        self._check_place(connection)
        known = getattr(made, "OUTPUTS", ())
        unknown = [output for output, _ in connection.outputs if output not in known]
        if unknown:
            raise InputError(
                f"{connection.name} has no output {unknown[0]!r}", f"there are: {', '.join(known) or 'none'}"
            )
        outputs = {output: port_and_pin(self, pin) for output, pin in connection.outputs}
        if connection.on_spi:
            select = None if connection.select is None else port_and_pin(self, connection.select)
            self.chip.connect_spi(connection.bus, cast("SpiDevice", made), select, outputs, connection.name)
        elif connection.address is not None:
            device_there = cast("I2cDevice", made)
            self.chip.connect_i2c(connection.bus, connection.address, device_there, outputs, connection.name)
        if isinstance(made, Lasting) and self._storage_for is not None:
            made.keep_in(self._storage_for(connection.name, made.CAPACITY))
        self.bus_devices[connection.name] = made
        self.connections.append(connection)

    def _check_place(self, connection: Connection) -> None:
        """Raise `InputError` for a place where nothing can be connected."""
        buses = {*self.chip.buses, *self.chip.spis}
        if connection.bus not in buses:
            known = ", ".join(sorted(buses))
            raise InputError(f"there is no bus {connection.bus!r} with a model", f"there are: {known}")
        if connection.on_spi and connection.address is not None:
            raise InputError(f"{connection.name} is on an SPI and has no address", "give the pin that selects it")
        if not connection.on_spi and connection.select is not None:
            raise InputError(f"{connection.name} is on I2C and is not selected by a pin", "give its address")
        if not connection.on_spi and connection.address not in range(1 << 7):
            raise InputError(f"{connection.address!r} is no address of an I2C bus", "give 0 to 0x7f")
        taken = [(there.bus, there.address, there.select) for there in self.connections]
        place = connection.bus, connection.address, connection.select
        if connection.name in self.bus_devices or place in taken:
            where = connection.select or "NSS" if connection.on_spi else hex(connection.address or 0)
            raise InputError(
                f"{connection.name!r} at {connection.bus} {where} is connected already",
                "give every device a name and a place of its own",
            )

    def press_reset(self) -> None:
        """Press the board's reset button: everything starts anew, with its RAM as it was."""
        self.rcc.record_reset(PIN_RESET_FLAG)
        self.restart("COLDBOOT")

    # -- another application ------------------------------------------------------------------------------------------

    @property
    def in_deep_sleep(self) -> bool:
        """Whether the device is in Standby or Shutdown: not even the kernel works then."""
        return self._deep_sleep is not None

    def vacate(self) -> None:
        """End the application's life because it is to be replaced. Nothing runs until `install`."""
        self._end_life()
        self._deep_sleep = None
        self._next_start.set(None)
        self._restart_reason = None
        self._vacant = True

    def install(
        self,
        image: Image,
        wake_reason: str,
        *,
        restart_policy: RestartPolicy | None = None,
        connection_policy: ConnectionPolicy = STAY_ONLINE,
        testing: bool = False,
    ) -> None:
        """Put another application in the place of this one, and start it, `testing` as the factory's test code. RAM
        stays as it is.

        Raises `NotExecutableError` for an image without a plausible vector table.
        """
        self._check_image(image)
        self.vacate()
        self._write_flash(image)
        self.image = image
        self.options = replace(
            self.options, restart_policy=restart_policy, connection_policy=connection_policy, testing=testing
        )
        self._back_off = None if restart_policy is None else BackOff(restart_policy)
        self.kernel.network.policy = connection_policy
        self.kernel.testing.active = testing
        self._vacant = False
        self.restart(wake_reason)

    def _write_flash(self, image: Image) -> None:
        """Make the core's flash hold an image; pages that stay the same stay shared with other cores."""
        flash = self.board.flash
        old, new = (each.data.ljust(flash.size, ERASED) for each in (self.image, image))
        for start in range(0, flash.size, PAGE):
            page = new[start : start + PAGE]
            if page != old[start : start + PAGE]:
                self.core.write_memory(flash.base + start, page)

    # -- keeping it --------------------------------------------------------------------------------------------------

    def state(self) -> Plain:
        """Return the state of everything but the processor as plain data; `saving` says how it is spelt."""
        saving = Saving()
        data = saving.of(self)
        if saving.waiting != self._schedule.waiting:
            raise AssertionError("something waits for its cycle outside any object's STATE")
        return data

    def state_hash(self) -> str:
        """Return a hash of all that decides the device's future, inputs that have not happened yet aside."""
        state = json.dumps(self.state(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(f"{state}\n{self.core.state_hash().hex()}".encode("ascii")).hexdigest()

    # -- what the personality may ask --------------------------------------------------------------------------------

    def alarm(self, action: Callable[[int], None]) -> Alarm:
        """Return an alarm that calls `action` with its cycle. Whoever owns it takes it back when it is in vain."""
        return Alarm(self._wiring, action)

    def cycle_after(self, delay: int) -> int:
        """Return the cycle that is `delay` microseconds from now."""
        return self.core.cycle + delay * self._cycles_per_us

    def random_word(self) -> int:
        """Return 32 bits from the device's seeded source."""
        return self._random.getrandbits(32)

    def tell(self, event: Event) -> None:
        """Tell the observers, after what the processor did before."""
        if self._follows:
            self._tell_activity()
        for observer in self._observers:
            observer(event)

    def _tell_activity(self) -> None:
        for activity in self.core.take_activity():
            event = event_of(activity, self.board)
            for observer in self._observers:
                observer(event)

    def send(self, request: Request) -> None:
        """Let something leave for the world."""
        if self.world is not None:
            self.world.take(request)

    def restart(self, wake_reason: str) -> None:
        """Start the application anew, once the present call has returned; there must be one."""
        if not self._vacant:
            self._restart_reason = wake_reason

    def give_way(self) -> None:
        """End the application's life, once the present call has returned, until its successor is installed."""
        self.vacate()
        self.tell(UpdateAgreed(self.time_us))

    def spend_us(self, duration: int) -> None:
        """Let the present call take so many microseconds longer. Interrupts wait until it returns."""
        self._call_us += duration

    def deep_sleep(self, kind: DeepSleep) -> None:
        """End the application's life until `wake`. What RAM holds then is noise from the device's seeded source."""
        self._end_life()
        self._deep_sleep = kind
        if kind is DeepSleep.STANDBY:
            self.pwr.slept(SBF)
        self.core.write_memory(self.board.ram.base, self._random.randbytes(self.board.ram.size))
        self.tell(DeepSleepBegan(self.time_us, kind.value))

    def end_testing(self, status: int, *, followed: bool) -> None:
        """The test code is done: end the run, or where it is `followed` by another application, only its life."""
        if followed:
            self.vacate()
        else:
            self._end_life()
            self.test_status = status
        self.tell(FactoryTestEnded(self.time_us, status))

    # -- laying it out -----------------------------------------------------------------------------------------------

    def _start(self, wake_reason: str) -> None:
        """Start the application from its reset vector, with the peripherals as after a reset and RAM as it was."""
        first = self._life == 0
        self._life += 1
        self._alive = True
        self._deep_sleep = None
        self._busy_until = 0
        self._restart_reason = None
        self._next_start.set(None)
        self.kernel.start(wake_reason)
        self.chip.reset()
        self.core.reset(self.board.flash.base)
        if not first:
            self.core.skip_to(self.core.cycle + RESTART_US * self._cycles_per_us)
        self._started_us = self.time_us
        if self.run_control is not None:
            self.run_control.started()
        self.tell(Started(self.time_us, wake_reason))

    def _lay_out(self, image: Image, chip_flash: ChipFlash | None) -> None:
        """Put image, memory and peripherals in their places."""
        if chip_flash is None:
            self._place_image(image)
        else:
            self._open_chip(image, chip_flash)
        self.core.map_memory(self.board.ram.base, self.board.ram.size, writable=True)
        self.chip.lay_out(self.core, self.identity.unique_id)

    def _place_image(self, image: Image) -> None:
        """Let the application's part of the flash hold the image."""
        self._check_image(image)
        flash = self.board.flash
        self.core.map_memory(flash.base, flash.size, writable=False, contents=MemoryImage(image.data, flash.size))

    def _check_image(self, image: Image) -> None:
        problem = vector_table_problem(image, self.board)
        if problem:
            raise NotExecutableError(
                f"the image cannot be started: {problem}",
                "link the application for this board: vector table first, at the start of flash",
            )

    def _open_chip(self, image: Image, flash: ChipFlash) -> None:
        """Have all of the chip's memory, and the image in its flash unless there is something already."""
        for region in self.board.reserved:
            if region.base in _SRAM:
                self.core.map_memory(region.base, region.size, writable=True)
        if flash.blank and image.data.strip(ERASED):
            flash.program(self.board.flash.base - FLASH_BASE, image.data)
