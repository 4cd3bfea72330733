"""Laws of the blocks that only have to answer: power, cache, flash, system configuration."""

from __future__ import annotations

import pytest

from mvsdk.emulator.soc.dcache import BUSY_CYCLES, Dcache
from mvsdk.emulator.soc.icache import Icache
from mvsdk.emulator.soc.pwr import Pwr
from mvsdk.emulator.soc.registers import RegisterBlock
from mvsdk.testing import FakeWiring
from tests.emulator.soc.block import Block

VOSRDY, BOOSTRDY, BOOSTEN, VOS = 1 << 15, 1 << 14, 1 << 18, 3 << 16
ACTVOSRDY = 1 << 15


def test_every_voltage_scale_is_ready_at_once() -> None:
    """Whatever VOS and BOOSTEN ask for, the ready flags that the vendor's code waits for follow."""
    registers = Block(Pwr(), "pwr")
    for scale in range(4):
        registers["VOSR"] = scale << 16
        assert registers["VOSR"] == scale << 16 | VOSRDY
        assert registers["SVMSR"] & (VOS | ACTVOSRDY) == scale << 16 | ACTVOSRDY
    registers["VOSR"] = VOS | BOOSTEN
    assert registers["VOSR"] & BOOSTRDY


def test_a_supply_asked_for_is_ready() -> None:
    """Regulator and supply monitors show in SVMSR as they are set."""
    registers = Block(Pwr(), "pwr")
    registers["CR3"] = 0
    assert registers["SVMSR"] & 1 << 1 == 0
    registers["CR3"] = 1 << 1
    registers["SVMCR"] = 1 << 24 | 1 << 26
    assert registers["SVMSR"] & (1 << 1 | 0xF << 24) == 1 << 1 | 1 << 24 | 1 << 26


def test_the_backup_domain_can_be_opened() -> None:
    """DBP reads back, which the vendor's code polls."""
    registers = Block(Pwr(), "pwr")
    registers["DBPR"] = 1
    assert registers["DBPR"] == 1


@pytest.mark.parametrize(("asked", "busy", "ended"), [(1 << 1, 1 << 0, 1 << 1), (1 << 11 | 1 << 8, 1 << 3, 1 << 4)])
def test_the_data_cache_is_busy_for_a_moment(asked: int, busy: int, ended: int) -> None:
    """An invalidation, or a command for a range, shows that it goes on, and ends with its flag and interrupt; off, or
    without a command, nothing begins."""
    wiring = FakeWiring()
    cache = Dcache(wiring, 111)
    registers = Block(cache, "dcache")
    registers["CR"] = asked
    registers["CR"] = 1 | 1 << 11
    wiring.advance(BUSY_CYCLES)
    assert registers["SR"] == 0
    registers["IER"] = ended
    registers["CR"] = 1 | asked
    assert registers["CR"] & (1 << 1 | 1 << 11) == 0
    assert registers["SR"] == busy
    wiring.advance(BUSY_CYCLES)
    assert registers["SR"] == ended
    assert wiring.lines[111]
    registers["FCR"] = ended
    assert registers["SR"] == 0
    assert not wiring.lines[111]
    registers["CR"] = 1 | asked
    cache.reset()
    wiring.advance(BUSY_CYCLES)
    assert registers["SR"] == 0


def test_the_reference_is_ready_when_it_is_on() -> None:
    """VRR follows ENVR, as the vendor's driver waits for it."""
    registers = Block(RegisterBlock("vrefbuf"), "vrefbuf")
    registers["CSR"] = 1
    assert registers["CSR"] == 1 | 1 << 3
    registers["CSR"] = 2
    assert registers["CSR"] == 2


def test_an_invalidation_ends_at_once() -> None:
    """CACHEINV reads 0, BSYENDF is set and interrupts when asked to, FCR clears it."""
    wiring = FakeWiring()
    cache = Icache(wiring, 107)
    registers = Block(cache, "icache")
    registers["IER"] = 1 << 1
    registers["CR"] = 0b111
    assert registers["CR"] == 0b101
    assert registers["SR"] == 1 << 1
    assert wiring.lines[107]
    registers["FCR"] = 1 << 1
    assert registers["SR"] == 0
    assert not wiring.lines[107]
    registers["CR"] = 0b111
    cache.reset()
    assert registers["SR"] == 0


def test_flash_is_locked_for_good() -> None:
    """The latency is the kernel's, nothing is busy, and LOCK cannot be cleared."""
    registers = Block(RegisterBlock("flash"), "flash")
    registers["ACR"] = 0
    registers["NSCR"] = 0
    assert (registers["ACR"] & 0xF, registers["NSSR"], registers["NSCR"] >> 31) == (4, 0, 1)


def test_compensation_cells_are_ready_when_on() -> None:
    """RDY1 and RDY2 follow EN1 and EN2."""
    registers = Block(RegisterBlock("syscfg"), "syscfg")
    registers["CCCSR"] = 0b0101
    assert registers["CCCSR"] == 0b0101 | 1 << 8 | 1 << 9


def test_the_flash_stays_locked() -> None:
    """The keys that unlock the real part are taken and change nothing, as the vendor's code notices."""
    registers = Block(RegisterBlock("flash"), "flash")
    for key in (0x4567_0123, 0xCDEF_89AB):
        registers["NSKEYR"] = key
    assert registers["NSCR"] >> 31
    assert registers["NSKEYR"] == 0
