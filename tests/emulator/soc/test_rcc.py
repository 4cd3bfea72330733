"""Laws of reset and clock control as the kernel shares it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mvsdk.boards import load
from mvsdk.emulator.soc.rcc import Rcc, oscillators

CR, CFGR1, CFGR2, PLL1CFGR, PLL1DIVR, AHB2ENR1, APB3ENR, BDCR = 0x00, 0x1C, 0x20, 0x28, 0x34, 0x8C, 0xA8, 0xF0
WORDS = st.integers(0, 0xFFFF_FFFF)
HSI16 = 16_000_000


@given(old=WORDS, mask=WORDS, xor=WORDS)
def test_poke_assigns_masked_bits_and_toggles_the_others(old: int, mask: int, xor: int) -> None:
    """A poke leaves (old AND NOT mask) XOR xor in a register the application owns."""
    rcc = Rcc()
    rcc.poke(AHB2ENR1, 0xFFFF_FFFF, old)
    assert rcc.poke(AHB2ENR1, mask, xor)
    assert rcc.peek(AHB2ENR1) == (old & ~mask) ^ xor


def test_the_documented_example() -> None:
    """Mask 3 with 0x10000001 sets bit 0, clears bit 1 and toggles bit 28."""
    rcc = Rcc()
    rcc.poke(APB3ENR, 0xFFFF_FFFF, 0x0000_0002)
    rcc.poke(APB3ENR, 0x0000_0003, 0x1000_0001)
    assert rcc.peek(APB3ENR) == 0x1000_0001


@given(mask=WORDS, xor=WORDS)
def test_the_system_clock_stays_the_kernels(mask: int, xor: int) -> None:
    """No poke changes clock source, dividers or PLL1; it succeeds all the same."""
    rcc = Rcc()
    before = [rcc.peek(offset) for offset in (CFGR1, CFGR2, PLL1CFGR, PLL1DIVR)]
    for offset in (CFGR1, CFGR2, PLL1CFGR, PLL1DIVR):
        assert rcc.poke(offset, mask, xor)
    assert [rcc.peek(offset) for offset in (CFGR1, CFGR2, PLL1CFGR, PLL1DIVR)] == before


def test_the_registers_tell_the_clocks_the_calls_tell() -> None:
    """The clock tree that HAL decodes from the registers is the one of the board's clock calls (RM0456 11.8)."""
    rcc, clocks = Rcc(), load("stm32u585").clocks
    config, dividers = rcc.peek(PLL1CFGR), rcc.peek(PLL1DIVR)
    assert config is not None
    assert dividers is not None
    assert config & 3 == 2, "PLL1 runs from HSI16"
    multiplied = HSI16 // ((config >> 8 & 0xF) + 1) * ((dividers & 0x1FF) + 1)
    sysclk = multiplied // ((dividers >> 24 & 0x7F) + 1)
    assert sysclk == clocks.sysclk
    assert rcc.peek(CFGR1) == 0xF, "SW and SWS say PLL1"
    assert rcc.peek(CFGR2) == 0, "AHB, APB1 and APB2 undivided"
    assert clocks.hclk == clocks.pclk1 == clocks.pclk2 == sysclk


def test_the_multi_speed_oscillators_run_at_4_mhz() -> None:
    """The ranges that HAL decodes, in ICSCR1 or CSR as MSIRGSEL says, name the frequency that kernel clocks have."""
    rcc = Rcc()
    ranges = {4: 4_000_000}
    control, status = rcc.peek(0x08) or 0, rcc.peek(0xF4) or 0
    selected = control >> 24 & 0xF if control >> 23 & 1 else status >> 8 & 0xF
    assert ranges[selected] == oscillators()["msik"]
    assert control >> 24 & 0xF == control >> 28 == status >> 12 & 0xF == selected


def test_an_oscillator_is_ready_as_soon_as_it_is_on() -> None:
    """Switching an oscillator on or off moves its ready flag with it, which polling loops wait for."""
    rcc = Rcc()
    rcc.poke(BDCR, 1, 1)
    assert (rcc.peek(BDCR) or 0) & 0b11 == 0b11
    rcc.poke(BDCR, 1, 0)
    assert (rcc.peek(BDCR) or 0) & 0b11 == 0
    rcc.poke(CR, 1 << 26, 1 << 26)
    assert (rcc.peek(CR) or 0) >> 26 & 0b11 == 0b11


@given(offset=st.sampled_from([CR, CFGR2, AHB2ENR1]), value=WORDS)
def test_direct_access_is_harmless(offset: int, value: int) -> None:
    """A direct read gives the true value; a direct write changes nothing and is no unmodelled access."""
    rcc = Rcc()
    before = rcc.peek(offset)
    assert rcc.read(offset, 4) == before
    assert rcc.write(offset, 4, value)
    assert rcc.peek(offset) == before


def test_an_offset_without_a_register_is_refused() -> None:
    """Peek and poke tell where there is no register, unaligned offsets and negative ones included."""
    rcc = Rcc()
    for offset in (0x04, 0x118, 0x401, 1, -4):
        assert rcc.peek(offset) is None
        assert not rcc.poke(offset, 0, 0)


def test_a_reset_keeps_the_backup_domain_and_says_why() -> None:
    """A reset gives the kernel's set-up again, except for BDCR and the reset flags, which RMVF clears."""
    rcc = Rcc()
    rcc.poke(AHB2ENR1, 0, 0x0000_0FFF)
    rcc.poke(BDCR, 1, 1)
    rcc.record_reset(29)
    rcc.reset()
    assert rcc.peek(AHB2ENR1) == 0xC000_0000
    assert (rcc.peek(BDCR) or 0) & 1
    assert (rcc.peek(0xF4) or 0) >> 29 & 1
    rcc.poke(0xF4, 1 << 23, 1 << 23)
    assert (rcc.peek(0xF4) or 0) >> 25 == 0
    assert rcc.peek(0xF4) == 0x4400


def test_the_model_has_exactly_the_registers_the_board_names() -> None:
    """Headers and model agree: every RCC register of the board's table can be peeked, and no other address can."""
    board, rcc = load("stm32u585"), Rcc()
    base = next(peripheral.base for peripheral in board.peripherals if peripheral.name == "RCC")
    named = {register.address - base for register in board.rcc_registers}
    assert {offset for offset in range(0x400) if rcc.peek(offset) is not None} == named
