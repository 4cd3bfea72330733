"""Laws of a GPIO port."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mvsdk.emulator.soc.gpio import GpioPort
from mvsdk.emulator.soc.registers import offsets

MODER, OTYPER, PUPDR, IDR, ODR, BSRR, LCKR, AFRH, BRR = (
    offsets("gpio")[name] for name in ("MODER", "OTYPER", "PUPDR", "IDR", "ODR", "BSRR", "LCKR", "AFRH", "BRR")
)
OUTPUTS = 0x5555_5555  # MODER: every pin a general-purpose output


class Pins:
    """Hears of every change."""

    def __init__(self) -> None:
        self.changes: list[tuple[int, int]] = []
        self.seen: list[tuple[int, int]] = []
        self.port = GpioPort(
            "GPIOC",
            lambda changed, levels: self.changes.append((changed, levels)),
            lambda changed, levels: self.seen.append((changed, levels)),
        )


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
    moder = pins.port.read(MODER, 4) or 0
    outputs = sum(1 << pin for pin in range(16) if moder >> 2 * pin & 3 == 1)
    assert (pins.port.read(IDR, 4) or 0) & outputs == levels


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


def test_what_is_wired_to_an_input_shows() -> None:
    """IDR shows the level a pin is driven to, as long as the pin is no output and no analogue pin."""
    pins = Pins()
    pins.port.drive(3, level=True)
    assert pins.port.read(IDR, 4) == 0, "analogue after reset"
    pins.port.write(MODER, 4, 0)
    assert pins.port.read(IDR, 4) == 1 << 3
    pins.port.drive(3, level=False)
    assert pins.seen == [(1 << 3, 1 << 3), (1 << 3, 0)]


def test_pull_resistors_decide_what_nobody_drives() -> None:
    """An undriven input reads 1 with a pull-up, 0 with a pull-down or nothing; a driven one reads what drives it."""
    pins = Pins()
    pins.port.write(MODER, 4, 0)
    pins.port.write(PUPDR, 4, 0b10_01_01)
    assert pins.port.read(IDR, 4) == 0b011
    pins.port.drive(1, level=False)
    assert pins.port.read(IDR, 4) == 0b001
    pins.port.drive(1, level=None)
    assert pins.port.read(IDR, 4) == 0b011


def test_an_open_drain_output_lets_go_of_a_one() -> None:
    """With OTYPER set a 0 is driven and a 1 is left to whoever else drives or pulls the pin."""
    pins = Pins()
    pins.port.write(MODER, 4, 0b01)
    pins.port.write(OTYPER, 4, 1)
    pins.port.write(ODR, 4, 1)
    assert pins.port.read(IDR, 4) == 0
    pins.port.write(PUPDR, 4, 0b01)
    assert pins.port.read(IDR, 4) == 1
    pins.port.drive(0, level=False)
    assert pins.port.read(IDR, 4) == 0


def test_the_lock_sequence_freezes_a_pin() -> None:
    """After 1, 0, 1 of the key with the same pins, their configuration stays until a reset; others are free."""
    pins = Pins()
    pins.port.write(MODER, 4, 0)
    for word in (0x1_8001, 0x0_8001, 0x1_8001):
        pins.port.write(LCKR, 4, word)
    assert pins.port.read(LCKR, 4) == 0x1_8001
    pins.port.write(MODER, 4, OUTPUTS)
    pins.port.write(AFRH, 4, 0xFFFF_FFFF)
    assert pins.port.read(MODER, 4) == OUTPUTS & ~(3 | 3 << 30)
    assert pins.port.read(AFRH, 4) == 0x0FFF_FFFF
    pins.port.reset()
    assert pins.port.read(LCKR, 4) == 0


def test_a_broken_lock_sequence_locks_nothing() -> None:
    """Other pins in the middle of the sequence, and nothing is locked."""
    pins = Pins()
    for word in (0x1_0001, 0x0_0002, 0x1_0001):
        pins.port.write(LCKR, 4, word)
    assert pins.port.read(LCKR, 4) == 0


def test_the_debug_pins_are_set_up_after_reset() -> None:
    """Ports A and B start with their debug pins as alternate functions; a reset gives up every output."""
    port = GpioPort("GPIOA", lambda *_: None, lambda *_: None)
    assert port.read(MODER, 4) == 0xABFF_FFFF
    port.write(MODER, 4, OUTPUTS)
    port.reset()
    assert port.read(MODER, 4) == 0xABFF_FFFF
    assert port.read(IDR, 4) == 0xA000, "PA13 and PA15 are pulled up"
