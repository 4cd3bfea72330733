"""Laws of a GPIO port."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mvsdk.emulator.soc.gpio import BRR, BSRR, IDR, MODER, ODR, GpioPort

OUTPUTS = 0x5555_5555  # MODER: every pin a general-purpose output


class Pins:
    """Hears of every change."""

    def __init__(self) -> None:
        self.changes: list[tuple[int, int]] = []
        self.port = GpioPort(lambda changed, levels: self.changes.append((changed, levels)))


def test_a_pin_shows_only_while_it_is_an_output() -> None:
    """Setting ODR drives nothing until MODER makes the pin an output."""
    pins = Pins()
    pins.port.write(ODR, 4, 1 << 5)
    assert pins.changes == []
    pins.port.write(MODER, 4, 1 << 10)
    assert pins.changes == [(1 << 5, 1 << 5)]


def test_bsrr_sets_and_resets_and_setting_wins() -> None:
    """BSRR's low half sets, its high half resets, and a pin named in both is set."""
    pins = Pins()
    pins.port.write(MODER, 4, OUTPUTS)
    pins.port.write(BSRR, 4, 0x0003)
    pins.port.write(BSRR, 4, 0x0001 << 16)
    pins.port.write(BSRR, 4, 0x0001 | 0x0001 << 16)
    assert [levels for _, levels in pins.changes] == [0b11, 0b10, 0b11]


def test_brr_resets() -> None:
    """BRR resets the pins it names and leaves the others."""
    pins = Pins()
    pins.port.write(MODER, 4, OUTPUTS)
    pins.port.write(ODR, 4, 0xFF)
    pins.port.write(BRR, 4, 0x0F)
    assert pins.port.read(ODR, 4) == 0xF0
    assert pins.port.read(IDR, 4) == 0xF0


@given(st.lists(st.tuples(st.sampled_from([ODR, BSRR, BRR, MODER]), st.integers(0, 0xFFFF_FFFF))))
def test_changes_add_up_to_the_levels(writes: list[tuple[int, int]]) -> None:
    """Following the reported changes always gives the level that IDR shows, and no change is reported twice."""
    pins = Pins()
    for register, value in writes:
        pins.port.write(register, 4, value)
    levels = 0
    for changed, after in pins.changes:
        assert changed == levels ^ after != 0
        levels = after
    assert pins.port.read(IDR, 4) == levels


def test_bytes_of_a_register_can_be_reached_alone() -> None:
    """A narrow access reads and changes only its own part of a register."""
    pins = Pins()
    pins.port.write(MODER, 4, 0x1234_5678)
    pins.port.write(MODER + 1, 1, 0xAB)
    assert pins.port.read(MODER, 4) == 0x1234_AB78
    assert pins.port.read(MODER + 2, 2) == 0x1234


def test_a_port_knows_what_it_does_not_model() -> None:
    """Offsets past the last register are answered as not modelled."""
    pins = Pins()
    assert pins.port.read(0x200, 4) is None
    assert not pins.port.write(0x200, 4, 1)
