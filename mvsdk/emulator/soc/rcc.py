"""Reset and clock control, as the kernel set it up and as the application may change it.

The kernel runs everything at 160 MHz from PLL1 and owns that; what an application may change, and what each register
holds at its start, are rows of `rcc.csv` (RM0456, chapter 11). An application reaches the block only
through peek and poke; a direct read gives the true value, a direct write changes nothing, and neither faults.
A reset bit that becomes 1 resets its peripheral; enable bits are kept, and `clock_is_on` tells what they mean.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from mvsdk.emulator.soc.registers import WORD, RegisterBlock, register_table, rows

_RESET_FLAGS = 0xFE00_0000
_REMOVE_FLAGS = 1 << 23
_BDRST, _RTCEN, _LSI_PRESCALED = 1 << 16, 1 << 15, 1 << 28
_LSI_PRESCALER, _HSE_PRESCALER = 128, 32
_RTC_SOURCES = ("", "lse", "lsi", "hse")
"""What BDCR.RTCSEL selects."""


@cache
def oscillators() -> Mapping[str, int]:
    """Return the frequencies of the oscillators in Hz."""
    return {row["oscillator"]: int(row["hz"]) for row in rows("oscillators")}


@cache
def _places() -> Mapping[str, tuple[str, str, int]]:
    """Return the enable register, the reset register and the bit in both of each peripheral that has them."""
    return {
        row["peripheral"]: (_register(row["group"], "ENR"), _register(row["group"], "RSTR"), int(row["bit"]))
        for row in rows("rcc-peripherals")
    }


def _register(group: str, kind: str) -> str:
    bus, _, number = group.partition("_")
    return f"{bus}{kind}{number}"


@dataclass(frozen=True, slots=True)
class RccActions:
    """What the chip does for RCC: reset a peripheral or the backup domain, give the real-time clock a clock in Hz."""

    reset_peripheral: Callable[[str], None]
    reset_backup_domain: Callable[[], None]
    clock_rtc: Callable[[int], None]


_NOTHING = RccActions(lambda name: None, lambda: None, lambda hz: None)


class Rcc(RegisterBlock):
    """The RCC block: a value per register, and the kernel's rule for changing one."""

    def __init__(self, actions: RccActions = _NOTHING) -> None:
        super().__init__("rcc")
        self._actions = actions
        self._names = {offset: register.name for offset, register in register_table("rcc").items()}

    def store(self, name: str, bits: int, mask: int) -> None:
        """Ignore a direct write of the application, as the secure block does."""

    def peek(self, offset: int) -> int | None:
        """Return a register's value for the kernel; None where there is no register."""
        name = self._names.get(offset)
        return None if name is None else self.registers[name]

    def poke(self, offset: int, mask: int, xor: int) -> bool:
        """Change the bits an application may change: new = (old AND NOT mask) XOR xor. False where no register is."""
        name = self._names.get(offset)
        if name is None:
            return False
        old = self.registers[name]
        new = (old & ~mask) ^ xor
        self.registers.change(name, new & WORD)
        if name == "CSR" and new & _REMOVE_FLAGS:
            self.registers["CSR"] &= ~_RESET_FLAGS
        elif name == "BDCR":
            self._backup_domain()
        elif "RSTR" in name:
            self._reset_peripherals(name, new & ~old)
        return True

    def clock_is_on(self, peripheral: str) -> bool:
        """Return whether a peripheral's bus clock is enabled; those without an enable bit always have it."""
        place = _places().get(peripheral)
        return place is None or bool(self.registers[place[0]] >> place[2] & 1)

    def restore_backup_control(self, value: int) -> None:
        """Take BDCR as the backup battery has kept it, and give the real-time clock its clock."""
        self.registers["BDCR"] = value
        self._backup_domain()

    def _reset_peripherals(self, register: str, bits: int) -> None:
        for peripheral, (_, reset, bit) in _places().items():
            if reset == register and bits >> bit & 1:
                self._actions.reset_peripheral(peripheral)

    def _backup_domain(self) -> None:
        if self.registers["BDCR"] & _BDRST:
            # Only BDRST itself and LSI live outside the domain it resets.
            self.registers.change("BDCR", 0, ~(_BDRST | 0x1F00_0000) & WORD)
            self._actions.reset_backup_domain()
        self._actions.clock_rtc(self._rtc_clock())

    def _rtc_clock(self) -> int:
        """Return the clock in Hz that BDCR selects for the real-time clock, 0 while there is none."""
        control = self.registers["BDCR"]
        source = _RTC_SOURCES[control >> 8 & 3]
        if not control & _RTCEN or not source:
            return 0
        hz = oscillators()[source]
        if source == "hse":
            return hz // _HSE_PRESCALER
        return hz // _LSI_PRESCALER if source == "lsi" and control & _LSI_PRESCALED else hz

    def reset(self) -> None:
        """Start as the kernel leaves the clocks; the backup domain and the reset flags outlive a reset."""
        kept = {name: self.registers[name] for name in ("BDCR", "CSR")}
        super().reset()
        for name, value in kept.items():
            self.registers[name] = value

    def record_reset(self, flag: int) -> None:
        """Set a reset flag of CSR."""
        self.registers["CSR"] |= 1 << flag
