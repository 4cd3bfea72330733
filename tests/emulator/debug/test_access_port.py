"""Laws of the memory access port: whatever a debugger asks for is answered or refused, and nothing breaks."""

from __future__ import annotations

import random

import pytest

from mvsdk.bundle import Image
from mvsdk.emulator.core import BusFault, new_core
from mvsdk.emulator.debug.access_port import AccessPort
from mvsdk.emulator.debug.debugger import Debugger
from mvsdk.emulator.device import Device
from mvsdk.emulator.soc.flash_array import ChipFlash
from tests.emulator.test_device import BOARD, blinky

PLACES = (
    *range(0x4000_0000, 0x4008_0000, 0x400), *range(0x4200_0000, 0x4204_0000, 0x400), 0x4400_0000,
    *range(0x4600_0000, 0x4604_0000, 0x400), 0xE000_0000, 0xE000_0E00, 0xE000_1000, 0xE000_2000, 0xE000_E000,
    0xE000_EC00, 0xE004_4000, 0xE00F_F000, 0x0800_0000, 0x0BFA_0000, BOARD.ram.base, 0x6000_0000, 0xFFFF_FC00,
)  # fmt: skip
DHCSR, HALT_OR_STEP = 0xE000_EDF0, range(0xA05F_0000, 0xA05F_0010)


@pytest.mark.parametrize("bare", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_any_access_is_answered_or_refused(seed: int, bare: bool) -> None:
    """Reads and writes of any width anywhere, between slices of the run; then the guest can be let alone."""
    draw = random.Random(seed)  # noqa: S311 - reproducible on purpose
    image, flash = (Image(b"\xff"), ChipFlash()) if bare else (blinky(), None)
    device = Device(BOARD, image, new_core(BOARD.interrupt_lines), chip_flash=flash)
    debugger = Debugger(device)
    port = AccessPort(debugger)
    for turn in range(8_000):
        width, size = draw.choice((0, 1, 2, 4)), draw.choice((1, 2, 4, 4, 4, 8, 16))
        address = draw.choice(PLACES) + draw.randrange(0x400) & draw.choice((~3, ~0))
        try:
            if draw.random() < 0.5:
                assert len(port.read(address, size, width)) == size
            else:
                port.write(address, draw.choice((draw.randbytes(size), b"\xff" * size, bytes(size))), width)
        except (BusFault, ValueError):
            continue
        if turn % 20 == 0:
            port.write(DHCSR, draw.choice(HALT_OR_STEP).to_bytes(4, "little"), 4)
            device.run(device.time_us + 20)
    port.close()
    assert debugger.clients == ()
    assert debugger.halted is None


def test_what_is_no_range_of_addresses_is_refused() -> None:
    """Nothing wraps around the end of the address space, and accesses of a width are aligned."""
    port = AccessPort(Debugger(Device(BOARD, blinky(), new_core(BOARD.interrupt_lines))))
    for address, size, width in ((0xFFFF_FFFE, 4, 1), (BOARD.ram.base, 0, 0), (BOARD.ram.base, 6, 4), (1, 2, 2)):
        with pytest.raises(ValueError, match="are no"):
            port.read(address, size, width)
        with pytest.raises(ValueError, match="are no"):
            port.write(address, bytes(size), width)


def test_what_has_happened_is_told_once() -> None:
    """DFSR and DHCSR tell what happened, once: bits are written back to clear them."""
    debugger = Debugger(Device(BOARD, blinky(), new_core(BOARD.interrupt_lines)))
    port = AccessPort(debugger)

    def word(address: int) -> int:
        return int.from_bytes(port.read(address, 4, 4), "little")

    port.write(DHCSR, (0xA05F_0003).to_bytes(4, "little"), 4)
    assert word(DHCSR) & 0x2_0003 == 0x2_0003
    assert word(0xE000_ED30) == 1
    port.write(0xE000_ED30, b"\x1f\0\0\0", 4)
    assert word(0xE000_ED30) == 0
    assert not word(DHCSR) & 1 << 24, "nothing was retired since the last look"
    port.write(DHCSR, (0xA05F_000D).to_bytes(4, "little"), 4)
    debugger.run()
    assert word(DHCSR) & (1 << 24 | 1 << 17 | 8) == 1 << 24 | 1 << 17 | 8
    assert word(0xE000_ED30) == 1
