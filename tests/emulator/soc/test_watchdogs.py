"""Laws of the two watchdogs."""

from __future__ import annotations

from mvsdk.emulator.soc.iwdg import RESET_FLAG as IWDG_FLAG
from mvsdk.emulator.soc.iwdg import Iwdg
from mvsdk.emulator.soc.wwdg import RESET_FLAG as WWDG_FLAG
from mvsdk.emulator.soc.wwdg import Wwdg
from mvsdk.testing import FakeWiring
from tests.emulator.soc.block import Block

START, RELOAD, UNLOCK = 0xCCCC, 0xAAAA, 0x5555
MS = 160_000
IRQ = 27


def independent(reload: int = 31, **others: int) -> tuple[Block, FakeWiring, Iwdg]:
    """Start the independent watchdog with steps of 1 ms (prescaler 32) and a length of `reload` + 1 of them."""
    wiring = FakeWiring()
    watchdog = Iwdg(wiring, IRQ)
    registers = Block(watchdog, "iwdg")
    registers["KR"] = START
    registers["KR"] = UNLOCK
    registers["PR"], registers["RLR"] = 3, reload
    registers["KR"] = RELOAD
    registers["KR"] = UNLOCK
    for name, value in others.items():
        registers[name] = value
    return registers, wiring, watchdog


def test_it_resets_when_nobody_reloads() -> None:
    """The reset comes (RLR + 1) steps after the last reload, exactly."""
    registers, wiring, _ = independent()
    wiring.advance(31 * MS)
    registers["KR"] = RELOAD
    wiring.advance(32 * MS - 1)
    assert wiring.resets == []
    wiring.advance(1)
    assert wiring.resets == [(63 * MS, IWDG_FLAG)]


def test_reloading_keeps_it_quiet() -> None:
    """Reloaded in time it never resets."""
    registers, wiring, _ = independent()
    for _ in range(20):
        wiring.advance(30 * MS)
        registers["KR"] = RELOAD
    assert wiring.resets == []


def test_registers_are_locked_without_the_key() -> None:
    """PR and RLR change only after 0x5555, and any other key locks them again."""
    registers, _, _ = independent()
    registers["KR"] = RELOAD
    registers["RLR"] = 5
    assert registers["RLR"] == 31
    assert registers["KR"] == 0


def test_a_reload_outside_the_window_resets() -> None:
    """While the count is above WINR a reload resets at once; below it, it reloads."""
    registers, wiring, _ = independent(WINR=10)
    registers["KR"] = RELOAD
    assert [flag for _, flag in wiring.resets] == [IWDG_FLAG]
    registers, wiring, _ = independent(WINR=10)
    wiring.advance(22 * MS)
    registers["KR"] = RELOAD
    assert wiring.resets == []


def test_a_new_length_counts_from_the_next_reload_on() -> None:
    """Writing RLR changes nothing until the next reload; writing PR changes the speed at once."""
    registers, wiring, _ = independent()
    wiring.advance(16 * MS)
    registers["RLR"] = 5
    registers["PR"] = 4
    wiring.advance(32 * MS - 1)
    assert wiring.resets == []
    wiring.advance(1)
    assert wiring.resets == [(48 * MS, IWDG_FLAG)]


def test_it_warns_early() -> None:
    """With EWIE the interrupt comes when the count reaches EWIT; EWIC clears it."""
    registers, wiring, _ = independent(EWCR=1 << 15 | 10)
    wiring.advance(21 * MS)
    assert wiring.lines[IRQ]
    assert registers["SR"] == 1 << 14
    registers["EWCR"] = 1 << 15 | 1 << 14 | 10
    assert not wiring.lines[IRQ]
    assert registers["SR"] == 0


def test_an_idle_watchdog_never_resets() -> None:
    """Until it is started, and after a chip reset, nothing is counted."""
    wiring = FakeWiring()
    Iwdg(wiring, IRQ)
    wiring.advance(10**9)
    assert wiring.resets == []
    _, wiring, watchdog = independent()
    watchdog.reset()
    wiring.advance(10**9)
    assert wiring.resets == []


STEP = 4096
WDGA, EWI = 1 << 7, 1 << 9


def window(count: int, *, width: int = 0x7F, more: int = 0) -> tuple[Block, FakeWiring, Wwdg]:
    """Start the window watchdog with steps of 4096 cycles."""
    wiring = FakeWiring()
    watchdog = Wwdg(wiring, 0)
    registers = Block(watchdog, "wwdg")
    registers["CFR"] = width | more
    registers["CR"] = WDGA | count
    return registers, wiring, watchdog


def test_the_window_watchdog_resets_below_0x40() -> None:
    """The reset comes when the count falls from 0x40 to 0x3F."""
    registers, wiring, _ = window(0x45)
    wiring.advance(5 * STEP)
    assert registers["CR"] & 0x7F == 0x40
    wiring.advance(STEP - 1)
    assert wiring.resets == []
    wiring.advance(1)
    assert wiring.resets == [(6 * STEP, WWDG_FLAG)]


def test_a_refresh_in_the_window_keeps_it_quiet() -> None:
    """Refreshed below the window value it goes on; above it, it resets."""
    registers, wiring, _ = window(0x7F, width=0x60)
    for _ in range(5):
        wiring.advance(0x30 * STEP)
        registers["CR"] = 0x7F
    assert wiring.resets == []
    wiring.advance(0x10 * STEP)
    registers["CR"] = 0x7F
    assert [flag for _, flag in wiring.resets] == [WWDG_FLAG]


def test_clearing_t6_resets() -> None:
    """A refresh with a value below 0x40 resets at once."""
    registers, wiring, _ = window(0x7F)
    registers["CR"] = 0x3F
    assert len(wiring.resets) == 1


def test_the_window_watchdog_warns_at_0x40() -> None:
    """With EWI the interrupt comes one step before the reset; writing 0 to SR clears it."""
    registers, wiring, _ = window(0x41, more=EWI)
    wiring.advance(STEP)
    assert wiring.lines[0]
    registers["SR"] = 0
    assert not wiring.lines[0]
    registers["CR"] = 0x7F
    wiring.advance(STEP)
    assert wiring.resets == []


def test_the_window_watchdog_stands_until_it_is_active() -> None:
    """Before WDGA and after a chip reset nothing is counted, and CR reads 0x7F."""
    wiring = FakeWiring()
    watchdog = Wwdg(wiring, 0)
    wiring.advance(10**9)
    assert Block(watchdog, "wwdg")["CR"] == 0x7F
    registers, wiring, watchdog = window(0x7F)
    watchdog.reset()
    wiring.advance(10**9)
    assert wiring.resets == []
    assert registers["CR"] == 0x7F
