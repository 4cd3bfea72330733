"""A whole chip without a guest, its blocks reached by their names."""

from __future__ import annotations

from mvsdk.boards import load
from mvsdk.emulator.soc import Chip
from mvsdk.emulator.soc.bus import PERIPHERAL_SPACE
from mvsdk.emulator.soc.registers import offsets
from mvsdk.testing import FakeWiring, ScriptedCore

BOARD = load("stm32u585")
BASES = {peripheral.name: peripheral.base for peripheral in BOARD.peripherals}
IRQ = {name: number for number, name in BOARD.interrupts.items()}


class ChipBlock:
    """One block of the chip, its registers by the names of its table."""

    def __init__(self, bench: ChipBench, peripheral: str, table: str) -> None:
        self._bus = bench.bus
        self._base = BASES[peripheral] - PERIPHERAL_SPACE.start
        self._offsets = offsets(table)

    def __getitem__(self, name: str) -> int:
        return self._bus.read(self._base + self._offsets[name], 4)

    def __setitem__(self, name: str, value: int) -> None:
        self._bus.write(self._base + self._offsets[name], 4, value & 0xFFFF_FFFF)


class ChipBench:
    """A chip on fake wiring."""

    def __init__(self) -> None:
        self.wiring = FakeWiring()
        self.chip = Chip(BOARD, self.wiring)
        self.core = ScriptedCore(lambda _: iter(()))  # type: ignore[arg-type, return-value]
        self.chip.lay_out(self.core, bytes(range(12)))
        self.bus, _ = self.core.device_at(PERIPHERAL_SPACE.start)

    def block(self, peripheral: str, table: str) -> ChipBlock:
        """Return a block."""
        return ChipBlock(self, peripheral, table)

    def give(self, port: str, pin: int, function: int) -> None:
        """Give a pin to an alternate function."""
        gpio = self.block(port, "gpio")
        register = "AFRL" if pin < 8 else "AFRH"
        gpio[register] = gpio[register] & ~(0xF << 4 * (pin % 8)) | function << 4 * (pin % 8)
        gpio["MODER"] = gpio["MODER"] & ~(3 << 2 * pin) | 2 << 2 * pin

    def raised(self) -> set[int]:
        """Return the interrupts whose lines are high."""
        return {number for number, level in self.wiring.lines.items() if level}
