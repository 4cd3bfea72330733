"""Laws of what option bytes mean."""

from __future__ import annotations

import pytest

from mvsdk.probe.option_bytes import OptionBytes

FACTORY = 0x1FEF_F8AA


def test_a_chip_as_it_comes_may_be_written() -> None:
    """Level 0, no TrustZone, two banks in their order: the report says so, and nothing is in the way."""
    options = OptionBytes(FACTORY)
    assert options.refusal() is None
    assert options.report() == [
        "TrustZone is off (TZEN = 0)",
        "read protection is at level 0 (RDP = 0xAA)",
        "the flash is two banks (DUALBANK = 1)",
        "bank 1 comes first (SWAP_BANK = 0)",
    ]


def test_swapped_banks_are_told_and_no_obstacle() -> None:
    """SWAP_BANK is reported; the flash algorithm knows it."""
    options = OptionBytes(FACTORY | 1 << 20)
    assert options.banks_swapped
    assert options.refusal() is None
    assert "bank 2 comes first" in options.report()[3]


@pytest.mark.parametrize(
    ("raw", "level", "named"),
    [
        (FACTORY | 1 << 31, "0", "TrustZone is on"),
        (FACTORY & ~0xFF | 1 << 31 | 0x55, "0.5", "TrustZone is on"),
        (FACTORY & ~0xFF, "1", "read protected"),
        (FACTORY & ~0xFF | 0x12, "1", "read protected"),
        (FACTORY & ~0xFF | 0xCC, "2", "closed for ever"),
    ],
)
def test_a_protected_chip_is_not_fought(raw: int, level: str, named: str) -> None:
    """The refusal says why, and what would be erased by opening the chip, if it can be opened at all."""
    options = OptionBytes(raw)
    refusal = options.refusal()
    assert options.read_protection == level
    assert refusal is not None
    assert named in refusal[0]
    assert ("ERASES BOTH BANKS" in refusal[1]) == (level != "2")
