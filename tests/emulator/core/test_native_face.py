"""The Python face of the native core: what a caller's or a device's own code may do to it, and on which thread."""

import gc
import threading
import weakref
from collections.abc import Callable, Iterator

import pytest

from mvsdk.emulator.core import Access, MmioDevice, StopReason, Vector, Watchpoint
from mvsdk.emulator.core.errors import MemoryMapError
from mvsdk.emulator.core.native_core import NativeCore
from tests.emulator.core.small_guest import (
    BX_LR,
    CODE,
    DEVICE,
    GATEWAY,
    NOP,
    PAGE,
    RAM,
    SPIN,
    SVC,
    Answering,
    constant,
    halfwords,
    start,
)  # fmt: skip

LOAD = halfwords(*constant(0, DEVICE), 0x6801, SPIN)  # ldr r1, [r0]


def failing() -> int:
    """Answer with an error of the device's own."""
    raise ZeroDivisionError


def test_a_device_error_while_stacking_leaves_the_core_at_the_instruction() -> None:
    """Whatever a device raises while an exception is stacked comes out of the run, and the exception was not taken."""
    device = Answering(failing)
    core = start(halfwords(NOP, SVC, SPIN), device=device, stack=DEVICE + 0x800)
    for attempt in (1, 2):
        with pytest.raises(ZeroDivisionError):
            core.run(100)
        assert (core.registers().pc, core.registers().exception, core.cycle) == (CODE + 2, 0, 1)
        assert core.registers().sp == DEVICE + 0x800
        assert len(device.writes) == attempt


def at_gateway(device: Answering) -> NativeCore:
    """Return a core whose SVC handler has called a gateway, and whose frame now lies in the device."""
    handler = halfwords(*constant(0, GATEWAY | 1), 0x4700)  # bx r0, lr still being EXC_RETURN
    core = start(halfwords(SVC, SPIN), handler=handler, device=device)
    assert core.run(100).reason is StopReason.GATEWAY
    core.write_register("msp", DEVICE + 0x800)
    return core


def test_a_device_error_comes_out_of_a_gateway_return() -> None:
    """A return that ends an exception with its frame in a device raises what the device raises."""
    core = at_gateway(Answering(failing))
    with pytest.raises(ZeroDivisionError):
        core.gateway_return(0)


def test_a_device_that_failed_once_is_asked_again_by_a_debugger() -> None:
    """What ended a gateway's return says nothing of the next access."""
    device = Answering(failing)
    core = at_gateway(device)
    with pytest.raises(ZeroDivisionError):
        core.gateway_return(0)
    device.answer = lambda: 42
    assert core.debug_read(DEVICE, 4) == 42


def test_a_gateway_return_is_a_run() -> None:
    """A device asked for a frame cannot run the core or lay out its memory anew meanwhile."""

    def run_again() -> int:
        core.run(1000)
        return 0

    core = at_gateway(Answering(run_again))
    with pytest.raises(RuntimeError, match="inside run"):
        core.gateway_return(0)


@pytest.mark.parametrize(
    "forbidden",
    [
        lambda core: core.run(1000),
        lambda core: core.reset(CODE),
        lambda core: core.skip_to(5),
        lambda core: core.save(),
        lambda core: core.load(b""),
        lambda core: core.map_memory(0, PAGE, writable=True),
        lambda core: core.map_device(0, PAGE, Answering()),
        lambda core: core.trap([0]),
        lambda core: core.gateway_return(0),
        lambda core: core.write_register("r15", CODE),
        lambda core: core.write_floating_point(0, 0),
        lambda core: core.step(),
        lambda core: core.debug_read(RAM, 4),
        lambda core: core.debug_write(RAM, 4, 0),
        lambda core: core.catch_vectors(Vector.RESET),
        lambda core: core.set_itm_output(None),
    ],
    ids=lambda _: "",
)
def test_a_device_cannot_pull_the_core_from_under_the_instruction(forbidden: Callable[[NativeCore], object]) -> None:
    """What an instruction in flight would overwrite or stand on is refused to a device during a run."""

    def misuse() -> int:
        forbidden(core)
        return 0

    core = start(LOAD, device=Answering(misuse))
    with pytest.raises(RuntimeError, match="inside run"):
        core.run(100)
    assert core.registers().pc == CODE + 8


@pytest.mark.parametrize("answer", [-1, 1 << 80, 0xFFFF_FFFF])
def test_a_device_may_answer_any_integer(answer: int) -> None:
    """What a device answers is taken modulo the size of the access."""
    core = start(LOAD, device=Answering(lambda: answer))
    core.run(20)
    assert core.registers().r[1] == answer & 0xFFFF_FFFF


def test_a_device_that_answers_no_integer_ends_the_run() -> None:
    """An answer of another type is an error of the run, not a value."""
    core = start(LOAD, device=Answering(lambda: "7"))  # type: ignore[arg-type,return-value]
    with pytest.raises(TypeError):
        core.run(100)


class Running:
    """A core that spins on a thread of its own, begun by `begin` and ended by `end`."""

    def __init__(self) -> None:
        self.core = start(halfwords(SPIN))
        self.reasons: list[StopReason] = []
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        self.reasons.append(self.core.run(1 << 61).reason)

    def begin(self) -> None:
        """Come back once the run has given up the interpreter lock."""
        self._thread.start()
        while True:
            try:
                self.core.registers()
            except RuntimeError:
                return

    def end(self) -> None:
        """Halt the run."""
        self.core.halt()
        self._thread.join()


def test_a_running_core_is_halted_from_another_thread_and_else_left_alone() -> None:
    """While one thread runs a core, another can halt it and do nothing else with it."""
    running = Running()
    running.begin()
    for refused in (
        running.core.fault_status,
        running.core.save,
        running.core.floating_point,
        running.core.gateway_call,
        lambda: running.core.cycle,
        lambda: running.core.run(1),
        lambda: running.core.pend(1),
        lambda: running.core.read_memory(RAM, 4),
        lambda: running.core.write_memory(RAM, b"1234"),
        lambda: running.core.write_register("r0", 1),
    ):
        with pytest.raises(RuntimeError):
            refused()
    running.end()
    assert running.reasons == [StopReason.HALTED]


class Late:
    """Arguments whose own code starts the core on another thread just before they are used."""

    def __init__(self, running: Running) -> None:
        self._running = running

    def __iter__(self) -> Iterator[int]:
        self._running.begin()
        yield CODE

    def __bool__(self) -> bool:
        self._running.begin()
        return True

    @property
    def read(self) -> Callable[[int, int], int]:
        """The device's answer, found late."""
        self._running.begin()
        return Answering().read

    @property
    def write(self) -> Callable[[int, int, int], None]:
        """The device's ear."""
        return Answering().write


def trap_late(core: NativeCore, late: Late) -> None:
    """Set gateways from an iterable with code of its own."""
    core.trap(late)


def break_late(core: NativeCore, late: Late) -> None:
    """Set breakpoints from an iterable with code of its own."""
    core.set_breakpoints(late)


def watch_late(core: NativeCore, late: Late) -> None:
    """Set watchpoints from an iterable with code of its own."""
    core.set_watches((address, address, True, True, 0, 0) for address in late)


def step_late(core: NativeCore, late: Late) -> None:
    """Step with a mask whose truth has code of its own."""
    core.step(mask_interrupts=late)  # type: ignore[arg-type]


def raise_late(core: NativeCore, late: Late) -> None:
    """Drive a line to a level with code of its own."""
    core.set_line(1, late)  # type: ignore[arg-type]


def map_late(core: NativeCore, late: Late) -> None:
    """Map a device whose methods are found by code of its own."""
    device: MmioDevice = late
    core.map_device(DEVICE + PAGE, PAGE, device)


@pytest.mark.parametrize("call", [trap_late, break_late, watch_late, step_late, raise_late, map_late])
def test_an_argument_that_starts_a_run_does_not_touch_the_running_core(
    call: Callable[[NativeCore, Late], None],
) -> None:
    """Whether a core may be touched is decided after the arguments' own code has run, not before."""
    running = Running()
    with pytest.raises(RuntimeError):
        call(running.core, Late(running))
    running.end()
    assert running.reasons == [StopReason.HALTED]


def test_cores_on_many_threads_do_not_meet() -> None:
    """Cores run at once on several threads, calling their devices, end as one that ran alone."""
    # 1: ldr r1, [r0]; adds r2, #1; str r2, [r0]; b 1b
    code = halfwords(*constant(0, DEVICE), 0x6801, 0x3201, 0x6002, 0xE7FB)

    def run_one(results: list[bytes]) -> None:
        core = start(code, device=Answering(lambda: 7))
        for until in range(1000, 20_001, 1000):
            core.run(until)
        results.append(core.save())

    alone: list[bytes] = []
    together: list[bytes] = []
    run_one(alone)
    threads = [threading.Thread(target=run_one, args=(together,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == alone * 8


def test_a_core_and_a_device_that_hold_each_other_are_collected() -> None:
    """A device that keeps its core, mapped or refused, does not keep either alive."""

    class Holding(Answering):
        core: NativeCore

    device, refused = Holding(), Holding()
    core = start(halfwords(SPIN), device=device)
    with pytest.raises(MemoryMapError, match="cannot map"):
        core.map_device(DEVICE, PAGE, refused)
    device.core = refused.core = core
    gone = [weakref.ref(device), weakref.ref(refused)]
    del core, device, refused
    gc.collect()
    assert [reference() for reference in gone] == [None, None]


def test_arguments_of_the_wrong_kind_change_nothing() -> None:
    """Words out of range, of another type, or too few are refused by name, and the core is as it was."""
    core = start(halfwords(BX_LR))
    before = core.save()
    for call in (
        lambda: core.trap([1 << 32]),
        lambda: core.set_breakpoints(["a"]),  # type: ignore[list-item]
        lambda: core.set_line(480, True),
        lambda: core.pend(-1),
        lambda: core.write_register("r16", 0),
        lambda: core.write_register("r0", -1),
        lambda: core.write_memory(-4, b""),
        lambda: core.read_memory(RAM, -1),
        lambda: core.read_memory(RAM, 1 << 40),
        lambda: core.run(-1),
        lambda: core.write_floating_point(33, 0),
        lambda: core.set_watches([(0, 1)]),  # type: ignore[list-item]
        lambda: core.set_watches([7]),  # type: ignore[list-item]
        lambda: core.set_watches(None),  # type: ignore[arg-type]
        lambda: core.debug_read(1 << 32, 4),
        lambda: core.debug_read(RAM, 16),
        lambda: core.debug_write(RAM, 4, -1),
        lambda: core.debug_write(RAM, 4, 1 << 32),
    ):
        with pytest.raises((OverflowError, TypeError, ValueError, LookupError)):
            call()
    assert core.save() == before


def test_a_core_and_the_listener_of_its_itm_are_collected() -> None:
    """A listener that keeps the core whose ITM it listens to does not keep it alive."""

    class Listener:
        core: NativeCore

        def hear(self, port: int, size: int, value: int) -> None:
            """Take no notice."""

    listener = Listener()
    listener.core = start(halfwords(SPIN))
    listener.core.set_itm_output(listener.hear)
    gone = weakref.ref(listener.core)
    del listener
    gc.collect()
    assert gone() is None


def test_a_device_may_move_the_watchpoints() -> None:
    """Watchpoints and breakpoints set by a device from inside its answer hold from the next access on."""
    code = halfwords(*constant(0, DEVICE), *constant(2, RAM), 0x6801, 0x6011, 0x6051, SPIN)  # ldr, str, str
    watchpoint = Watchpoint(RAM + 4, 4)

    def answer() -> int:
        core.set_watchpoints([watchpoint])
        return 5

    core = start(code, device=Answering(answer))
    stop = core.run(100)
    assert stop.watch is not None
    assert (stop.watch.address, stop.watch.access, stop.watch.value) == (RAM + 4, Access.WRITE, 5)
    assert stop.watch.pc == CODE + 20


def test_a_debuggers_access_to_a_failing_device_raises_what_it_raises() -> None:
    """What a device raises comes out of the debugger's access, and the core can be used and run afterwards."""
    core = start(LOAD, device=Answering(failing))
    for access in (lambda: core.debug_read(DEVICE, 4), lambda: core.debug_write(DEVICE, 4, 1)):
        with pytest.raises(ZeroDivisionError):
            access()
    assert core.debug_read(RAM, 4) == 0
    with pytest.raises(ZeroDivisionError):
        core.run(100)


def test_a_pending_watchpoint_is_kept_in_a_snapshot() -> None:
    """A watched access made while a gateway returns is told by the next run, with a snapshot in between."""
    core = at_gateway(Answering())
    core.set_watchpoints([Watchpoint(DEVICE + 0x818, 4, Access.READ)])
    core.gateway_return(0)
    core.restore(core.snapshot())
    stop = core.run(100)
    assert stop.watch is not None
    assert stop.watch.address == DEVICE + 0x818
