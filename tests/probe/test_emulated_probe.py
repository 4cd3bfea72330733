"""Laws of the emulated probe, as pyOCD's own interface shows them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyocd.core.target import Target

from mvsdk.boards import load
from mvsdk.debug_port.announcements import announced, running_home
from mvsdk.debug_port.client import DebugConnection
from mvsdk.emulator.core import new_core
from mvsdk.emulator.device import Device
from mvsdk.probe.errors import ProbeFailedError, RangeError
from mvsdk.probe.finding import device_probe
from mvsdk.probe.session import Attached
from mvsdk.probe.targets import chip, memory_map
from tests.emulator.debug.served import Served
from tests.emulator.debug.test_debugger import COUNTER, FAULTY
from tests.emulator.test_device import image

BOARD = load()
DBGMCU_CR = 0xE004_4004
POLLS = 2_000


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """A device that counts, on its port."""
    served = Served(tmp_path, Device(BOARD, image(COUNTER), new_core(BOARD.interrupt_lines)))
    yield served
    served.stop()


def attach(served: Served, *, halt: bool = False) -> Attached:
    """Connect with pyOCD."""
    (announcement,) = announced(running_home(served.environment))
    with DebugConnection(announcement) as connection:
        return Attached(device_probe(announcement, connection.welcome), halt=halt)


def wait_halted(board: Attached) -> None:
    """Wait until the guest stands."""
    for _ in range(POLLS):
        if board.target.get_state() == Target.State.HALTED:
            return
    raise AssertionError("the guest does not halt")


def test_there_are_eight_breakpoints_each(served: Served) -> None:
    """The ninth is refused; a breakpoint in the loop halts there every time; another debugger has eight of its own."""
    with attach(served, halt=True) as board, attach(served) as other:
        place = board.target.read_core_register("pc")
        for number in range(8):
            for each in (board, other):
                assert each.target.set_breakpoint(place + 0x100 + 2 * number, Target.BreakpointType.HW)
        assert not board.target.set_breakpoint(place + 0x200, Target.BreakpointType.HW)
        board.target.remove_breakpoint(place + 0x100)
        board.target.set_breakpoint(place, Target.BreakpointType.HW)
        for _ in range(3):
            board.target.resume()
            wait_halted(board)
            assert board.target.read_core_register("pc") == place
            assert board.target.get_halt_reason() == Target.HaltReason.BREAKPOINT


def test_a_watchpoint_halts_at_the_write(served: Served) -> None:
    """One of four comparators finds the counter's write, and halts after it; pyOCD says why."""
    with attach(served, halt=True) as board:
        counter = next(
            address for address in range(BOARD.ram.base, BOARD.ram.base + 64, 4) if board.target.read32(address) > 1_000
        )
        before = board.target.read32(counter)
        assert board.target.set_watchpoint(counter, 4, Target.WatchpointType.WRITE)
        board.target.resume()
        wait_halted(board)
        assert board.target.read32(counter) != before
        assert board.target.get_halt_reason() == Target.HaltReason.WATCHPOINT
        board.target.remove_watchpoint(counter, 4, Target.WatchpointType.WRITE)


def test_a_reset_is_caught_and_a_fault_too(tmp_path: Path) -> None:
    """Halted by a reset the guest is at its entry; let go it faults, which pyOCD catches at the instruction."""
    served = Served(tmp_path, Device(BOARD, image(FAULTY), new_core(BOARD.interrupt_lines)), survives_faults=True)
    with attach(served) as board:
        board.reset(halt=True)
        entry = board.target.read32(BOARD.flash.base + 4) & ~1
        assert board.target.read_core_register("pc") == entry
        board.target.set_vector_catch(Target.VectorCatch.HARD_FAULT)
        board.target.resume()
        wait_halted(board)
        assert board.target.get_halt_reason() == Target.HaltReason.VECTOR_CATCH
        assert board.target.read_core_register("r0") is not None
    served.stop()


def test_low_power_debugging_is_set_and_put_back(served: Served) -> None:
    """DBG_STOP and DBG_STANDBY are on while somebody is connected, and as before afterwards."""
    with attach(served) as board:
        assert board.target.read32(DBGMCU_CR) & 6 == 6
    with served.connect().connection as connection:
        assert int.from_bytes(connection.read(DBGMCU_CR, 4), "little") & 6 == 0


def test_a_device_that_ends_is_an_error_of_ours(served: Served) -> None:
    """Whoever is connected then hears that the probe does not answer, and can leave."""
    with attach(served) as board:
        with pytest.raises(RangeError):
            board.read(0x6000_0000, 4)
        served.stop()
        with pytest.raises(ProbeFailedError, match="does not answer"):
            board.read(BOARD.ram.base, 4)


def test_registers_come_and_go_as_on_a_chip(served: Served) -> None:
    """Every register that pyOCD knows of can be read; what is written is read back."""
    with attach(served, halt=True) as board:
        wanted = {"r4": 0x1234_5678, "s7": 1.5, "primask": 1, "basepri": 0x40, "msplim_ns": BOARD.ram.base + 0x100}
        for name, value in wanted.items():
            board.target.write_core_register(name, value)
        assert {name: board.target.read_core_register(name) for name in wanted} == wanted
        board.target.write_core_register("primask", 0)
        board.target.write_core_register("basepri", 0)


def test_the_memory_map_has_no_overlaps_and_is_the_chips() -> None:
    """Regions follow each other; flash and RAM are the board's, and flash has an algorithm."""
    regions = sorted(chip()["region"], key=lambda region: region["base"])
    for before, after in itertools.pairwise(regions):
        assert before["base"] + before["size"] <= after["base"]
    shown = memory_map()
    assert shown.get_region_for_address(BOARD.flash.base).is_flash
    assert shown.get_region_for_address(BOARD.flash.base + 0x10_0000).name == "bank2"
    assert shown.get_region_for_address(BOARD.ram.base).is_ram
    assert shown.get_boot_memory().start == BOARD.flash.base
