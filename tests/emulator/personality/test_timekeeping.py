"""Laws of time and clocks."""

from __future__ import annotations

import pytest

from mvsdk.testing import Compute, ScriptedCore
from tests.emulator.personality.kernel import BOARD, FLASH, RAM, Guest, Kernel, call, one_call

OUT = RAM + 8
POINTER_CALLS = ["mvGetMicroseconds", "mvGetWallTime", "mvGetSysClk", "mvGetHClk", "mvGetPClk1", "mvGetPClk2"]


def test_microseconds_follow_the_cycles() -> None:
    """A million cycles at 160 MHz are 6250 µs, and every call takes a little time too."""
    seen: list[int] = []

    def guest(core: ScriptedCore) -> Guest:
        for _ in range(3):
            yield call("mvGetMicroseconds", OUT)
            seen.append(int.from_bytes(core.read_memory(OUT, 8), "little"))
            yield Compute(1_000_000)

    Kernel(guest)
    assert seen[0] < seen[1] < seen[2]
    assert 6250 <= seen[1] - seen[0] <= 6260


def test_polling_the_clock_moves_it() -> None:
    """A guest that does nothing but ask for the time sees it pass."""
    seen: list[int] = []

    def guest(core: ScriptedCore) -> Guest:
        for _ in range(100):
            yield call("mvGetMicroseconds", OUT)
            seen.append(int.from_bytes(core.read_memory(OUT, 8), "little"))

    Kernel(guest)
    assert seen == sorted(set(seen))


@pytest.mark.parametrize(
    ("name", "hertz"),
    [
        ("mvGetSysClk", BOARD.clocks.sysclk),
        ("mvGetHClk", BOARD.clocks.hclk),
        ("mvGetPClk1", BOARD.clocks.pclk1),
        ("mvGetPClk2", BOARD.clocks.pclk2),
    ],
)
def test_the_clocks_are_the_boards(name: str, hertz: int) -> None:
    """Each clock call writes the board's frequency into 32 bits and no further."""
    seen: list[bytes] = []

    def guest(core: ScriptedCore) -> Guest:
        core.write_memory(OUT, b"\xaa" * 8)
        yield call(name, OUT)
        seen.append(core.read_memory(OUT, 8))

    Kernel(guest)
    assert seen == [hertz.to_bytes(4, "little") + b"\xaa" * 4]


@pytest.mark.parametrize("name", POINTER_CALLS)
@pytest.mark.parametrize("address", [0, FLASH, RAM - 4, RAM + 0x8_0000 - 2, 0x4202_0000, 0x0C1F_E000, 0xFFFF_FFFE])
def test_a_wild_pointer_is_a_parameter_fault(name: str, address: int) -> None:
    """Flash, peripherals, gateways, the ends of RAM and the end of memory are nowhere to write to."""
    assert one_call(name, address) == "PARAMETERFAULT"
