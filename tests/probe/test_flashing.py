"""Laws of flashing, by pyOCD and the real algorithm on the emulated chip."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvsdk.boards import load
from mvsdk.bundle import Image
from mvsdk.debug_port.announcements import announced, running_home
from mvsdk.debug_port.client import DebugConnection
from mvsdk.emulator.core import new_core
from mvsdk.emulator.device import Device
from mvsdk.emulator.soc.flash_array import SIZE, ChipFlash
from mvsdk.errors import ProbeError
from mvsdk.probe.errors import ProtectedError, RangeError
from mvsdk.probe.finding import FoundProbe, device_probe
from mvsdk.probe.flashing import Erase, Flasher, Phase
from mvsdk.probe.session import Attached
from tests.emulator.debug.served import Served
from tests.probe.cable import Cable

BOARD = load()
BASE, PAGE = BOARD.flash.base, 0x2000
REQUESTS = 600
"""More than flashing three pages takes."""
TZEN, LEVEL_1 = 0x9FEF_F8AA, 0x1FEF_F8BB


class Desk:
    """A bare board on its debug port."""

    def __init__(self, folder: Path, options: dict[str, int] | None = None) -> None:
        self.folder = folder
        self.part = ChipFlash(options=options)
        device = Device(BOARD, Image(b"\xff"), new_core(BOARD.interrupt_lines), chip_flash=self.part)
        self.served = Served(folder, device, survives_faults=True)
        (self.announcement,) = announced(running_home(self.served.environment))

    def found(self) -> FoundProbe:
        """Return its probe."""
        with DebugConnection(self.announcement) as connection:
            return device_probe(self.announcement, connection.welcome)

    def through(self, cable: Cable) -> FoundProbe:
        """Return its probe at the other end of a cable."""
        with DebugConnection(self.announcement) as connection:
            return device_probe(cable.announcement, connection.welcome)

    def flash(self, data: bytes, erase: Erase = Erase.AUTO, address: int = BASE, *, verify: bool = False) -> int:
        """Flash an image, and return how many pages were erased."""
        with Attached(self.found(), halt=True) as board:
            return Flasher(board).flash(address, data, erase, verify=verify).erased

    def content(self, address: int, size: int) -> bytes:
        """Return what the flash holds, as the part itself knows it."""
        return self.part.memory.read(address - BASE, size)

    def wear(self) -> dict[int, int]:
        """Return how often pages were erased."""
        return dict(self.part.memory.wear)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A board for all tests that do not mind what was flashed before."""
    desk = Desk(tmp_path_factory.mktemp("desk"))
    yield desk
    desk.served.stop()


def image(size: int, seed: int = 0) -> bytes:
    """Return bytes that look like nothing."""
    return random.Random(seed).randbytes(size)  # noqa: S311 - reproducible on purpose


def test_an_image_is_where_it_belongs_and_the_rest_stays(desk: Desk) -> None:
    """Whole pages and parts, over the border of the banks too, and bytes around it are those from before."""
    desk.flash(image(5 * PAGE, 1), Erase.CHIP)
    middle = BASE + PAGE + 48
    desk.flash(image(PAGE + 100, 2), address=middle)
    expected = bytearray(image(5 * PAGE, 1))
    expected[PAGE + 48 : 2 * PAGE + 148] = image(PAGE + 100, 2)
    assert desk.content(BASE, 5 * PAGE) == bytes(expected)
    border = BASE + SIZE // 2 - PAGE
    desk.flash(image(2 * PAGE, 3), address=border, verify=True)
    assert desk.content(border, 2 * PAGE) == image(2 * PAGE, 3)


def test_only_what_differs_is_written(desk: Desk) -> None:
    """The same image again touches no page; one changed byte touches its page, and the first, without which nothing
    starts while the other is not whole."""
    data = image(6 * PAGE, 4)
    desk.flash(data, Erase.CHIP)
    before = desk.wear()
    assert desk.flash(data, verify=True) == 0
    assert desk.wear() == before
    changed = bytearray(data)
    changed[3 * PAGE + 7] ^= 1
    assert desk.flash(bytes(changed)) == 2
    worn = {page for page, count in desk.wear().items() if count != before.get(page, 0)}
    assert len(worn) == 2
    assert desk.content(BASE, len(changed)) == bytes(changed)
    assert desk.flash(bytes(changed), Erase.SECTOR) == 6


def test_a_plan_writes_nothing(desk: Desk) -> None:
    """What would be written is found out by looking alone."""
    desk.flash(image(2 * PAGE, 5))
    before = desk.wear()
    with Attached(desk.found(), halt=True) as board:
        plan = Flasher(board).plan(BASE, image(3 * PAGE, 5))
    assert plan.changed == (BASE + 2 * PAGE,)
    assert desk.wear() == before


def test_progress_is_told_and_comes_to_its_end(desk: Desk) -> None:
    """Every phase begins at nothing and ends with everything."""
    told: dict[Phase, list[tuple[int, int]]] = {}
    with Attached(desk.found(), halt=True) as board:
        flasher = Flasher(board, lambda phase, done, total: told.setdefault(phase, []).append((done, total)))
        flasher.flash(BASE, image(3 * PAGE, 6))
    assert set(told) == set(Phase)
    for steps in told.values():
        assert steps[0][0] == 0
        assert steps[-1][0] == steps[-1][1]
        assert [done for done, _ in steps] == sorted(done for done, _ in steps)


@pytest.mark.parametrize(
    ("address", "size", "said"),
    [
        (BASE - 16, 32, "not within the flash"),
        (BASE + SIZE - 16, 32, "not within"),
        (BASE, 0, "0 bytes"),
        (BASE + 8, 8, "quad-word"),
    ],
)
def test_what_does_not_fit_is_refused(desk: Desk, address: int, size: int, said: str) -> None:
    """An image outside the flash is refused before anything is touched."""
    before = desk.wear()
    with Attached(desk.found(), halt=True) as board, pytest.raises(RangeError, match=said):
        Flasher(board).flash(address, image(size))
    assert desk.wear() == before


@pytest.mark.parametrize("options", [{"OPTR": TZEN}, {"OPTR": LEVEL_1}])
def test_a_protected_chip_is_refused_untouched(tmp_path: Path, options: dict[str, int]) -> None:
    """The error says what would have to be erased, and nothing has been."""
    desk = Desk(tmp_path, options)
    with Attached(desk.found()) as board, pytest.raises(ProtectedError, match="is not written") as raised:
        Flasher(board)
    assert "ERASES BOTH BANKS" in raised.value.remedy
    assert desk.part.blank
    desk.served.stop()


@settings(max_examples=25, deadline=None)
@given(lives=st.integers(0, REQUESTS), seed=st.integers(0, 3))
def test_a_cable_may_be_pulled_at_any_moment(desk: Desk, lives: int, seed: int) -> None:
    """It is our error, or nothing was left to do; what is there then starts nothing half; the next time mends."""
    pull_the_cable(desk, lives, seed)


@pytest.mark.nightly
def test_a_cable_may_be_pulled_at_every_moment(desk: Desk) -> None:
    """The same, for every single request."""
    for lives in range(REQUESTS):
        pull_the_cable(desk, lives, lives)


def pull_the_cable(desk: Desk, lives: int, seed: int) -> None:
    """Flash one image over another through a cable that lasts for so many requests, and once more without."""
    old, new = image(3 * PAGE, 100 + seed), image(3 * PAGE, 200 + seed)
    desk.flash(old)
    with Cable(desk.folder, desk.announcement, lives) as cable:
        try:
            with Attached(desk.through(cable), halt=True) as board:
                Flasher(board).flash(BASE, new)
        except ProbeError:
            pass
        else:
            assert desk.content(BASE, len(new)) == new
    held = desk.content(BASE, len(new))
    assert held in {old, new} or held[:16] == b"\xff" * 16
    desk.flash(new, verify=True)
    assert desk.content(BASE, len(new)) == new


def test_the_device_goes_on_as_before_after_a_look(tmp_path: Path) -> None:
    """pyOCD comes, looks, halts, steps and leaves, and the state is what it would have been."""
    from tests.emulator.test_device import blinky

    def device() -> Device:
        return Device(BOARD, blinky(), new_core(BOARD.interrupt_lines))

    served = Served(tmp_path, device())
    (announcement,) = announced(running_home(served.environment))
    with DebugConnection(announcement) as connection:
        found = device_probe(announcement, connection.welcome)
    with Attached(found) as board:
        board.target.halt()
        board.target.step()
        board.target.set_breakpoint(BASE + 0x1000)
        board.target.read_core_registers_raw(["r0", "pc", "xpsr", "s1", "control"])
        board.read(BOARD.ram.base, 4096)
        board.target.remove_breakpoint(BASE + 0x1000)
        board.option_bytes()
    served.stop()
    later = served.device.core.cycle + 1_000_000
    alone = device()
    for each in (served.device, alone):
        each.run_to_cycle(later)
    assert served.device.state_hash() == alone.state_hash()
