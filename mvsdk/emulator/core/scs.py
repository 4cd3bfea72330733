"""The private peripheral bus: system control block, NVIC, SysTick and cycle counter as registers.

What the core is asked is here; what it does about it is elsewhere. Registers that only hold a value are rows of
`scs.csv`. Addresses nobody knows read as zero and ignore writes, as they do for non-secure code.
Source: Armv8-M ARM (DDI 0553), D1.2.
"""

from __future__ import annotations

import csv
import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import resources
from typing import NamedTuple

from mvsdk.emulator.core import exceptions as exc
from mvsdk.emulator.core.exceptions import Exceptions
from mvsdk.emulator.core.timers import CycleCounter, SysTick

BASE, SIZE = 0xE000_0000, 0x10_0000

VTOR, SCR, CCR, CFSR, HFSR = 0xE000_ED08, 0xE000_ED10, 0xE000_ED14, 0xE000_ED28, 0xE000_ED2C
MMFAR, BFAR, DEMCR, DWT_CTRL = 0xE000_ED34, 0xE000_ED38, 0xE000_EDFC, 0xE000_1000
STIR = 0xE000_EF00
_DWT_CYCCNT, _SYST_CSR, _SYST_RVR, _SYST_CVR = 0xE000_1004, 0xE000_E010, 0xE000_E014, 0xE000_E018
_ISER, _ICER, _ISPR, _ICPR, _IABR, _IPR = (
    0xE000_E100, 0xE000_E180, 0xE000_E200, 0xE000_E280, 0xE000_E300, 0xE000_E400,
)  # fmt: skip
_ICSR, _AIRCR, _SHPR1, _SHCSR = 0xE000_ED04, 0xE000_ED0C, 0xE000_ED18, 0xE000_ED24
_BIT_WORDS = exc.IRQS // 32

SLEEPONEXIT, SEVONPEND = 1 << 1, 1 << 4
USERSETMPEND, TRCENA = 1 << 1, 1 << 24
VECTTBL, FORCED = 1 << 1, 1 << 30
_VECTKEY, _VECTKEYSTAT, _SYSRESETREQ = 0x05FA, 0xFA05_0000, 1 << 2
_PRIORITY_BITS = 0xF0

_SHCSR_ACTIVE = {0: exc.MEM_MANAGE, 1: exc.BUS_FAULT, 3: exc.USAGE_FAULT, 5: exc.NMI, 7: exc.SVCALL, 10: exc.PENDSV,
                 11: exc.SYSTICK}  # fmt: skip
_SHCSR_PENDING = {12: exc.USAGE_FAULT, 13: exc.MEM_MANAGE, 14: exc.BUS_FAULT, 15: exc.SVCALL}
_SHCSR_ENABLED = {16: exc.MEM_MANAGE, 17: exc.BUS_FAULT, 18: exc.USAGE_FAULT}
_WITH_PRIORITY = frozenset({exc.MEM_MANAGE, exc.BUS_FAULT, exc.USAGE_FAULT, exc.SVCALL, exc.PENDSV, exc.SYSTICK})


class Register(NamedTuple):
    """A register that only holds a value."""

    name: str
    kind: str
    reset: int
    writable: int


@functools.cache
def registers() -> dict[int, Register]:
    """Return the value-holding registers by address, as `scs.csv` lists them."""
    with resources.files(__package__).joinpath("scs.csv").open(encoding="utf-8") as file:
        return {
            int(row["address"], 16): Register(row["name"], row["kind"], int(row["reset"], 16), int(row["writable"], 16))
            for row in csv.DictReader(file)
        }


def _gather(mask: int, bits: dict[int, int]) -> int:
    return sum(1 << bit for bit, number in bits.items() if mask >> number & 1)


def _scatter(mask: int, bits: dict[int, int], value: int) -> int:
    for bit, number in bits.items():
        mask = mask & ~(1 << number) | (value >> bit & 1) << number
    return mask


@dataclass
class SystemControl:
    """The registers, and the wishes a guest has expressed through them.

    `now` returns the current cycle and `exception` the active exception's number.
    """

    exceptions: Exceptions
    now: Callable[[], int]
    exception: Callable[[], int]
    systick: SysTick = field(default_factory=SysTick)
    counter: CycleCounter = field(default_factory=CycleCounter)
    values: dict[int, int] = field(default_factory=dict)
    reset_requested: bool = False

    def __post_init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Put every register to its reset value."""
        self.values = {address: register.reset for address, register in registers().items()}
        self.systick, self.counter, self.reset_requested = SysTick(), CycleCounter(), False

    def catch_up(self) -> None:
        """Let SysTick see the time that has passed, and pend its exception if it reached zero."""
        if self.systick.control & 1 and self.systick.advance(self.now()) and self.systick.control & 2:
            self.exceptions.pend(exc.SYSTICK)

    # -- access by the guest -----------------------------------------------------------------------------------------

    def read(self, offset: int, size: int) -> int:
        """Answer a read of `size` bytes at BASE + `offset`."""
        address = BASE + offset
        return self._read_word(address & ~3) >> 8 * (address & 3) & ((1 << 8 * size) - 1)

    def write(self, offset: int, size: int, value: int) -> None:
        """Take a write of `size` bytes at BASE + `offset`."""
        address = BASE + offset
        word, shift = address & ~3, 8 * (address & 3)
        value <<= shift
        if size < 4 and self._holds_value(word):
            lane = ((1 << 8 * size) - 1) << shift
            value |= self._read_word(word) & ~lane
        self._write_word(word, value & 0xFFFF_FFFF)

    def _holds_value(self, word: int) -> bool:
        """Tell whether a narrow write keeps the other bytes; elsewhere only ones written have an effect."""
        plain = registers().get(word)
        return _IPR <= word < _IPR + exc.IRQS or _SHPR1 <= word < _SHCSR or (plain is not None and plain.kind == "rw")

    def _read_word(self, address: int) -> int:
        if address in self.values:
            return self.values[address]
        if _IPR <= address < _IPR + exc.IRQS:
            return self._priorities(exc.FIRST_IRQ + address - _IPR)
        if _SHPR1 <= address < _SHCSR:
            return self._priorities(4 + address - _SHPR1)
        if _ISER <= address < _IPR:
            return self._read_nvic_bits(address)
        reader = self._READERS.get(address)
        return reader(self) if reader else 0

    def _write_word(self, address: int, value: int) -> None:
        if address in self.values:
            self._write_plain(address, value)
        elif _IPR <= address < _IPR + exc.IRQS:
            self._set_priorities(exc.FIRST_IRQ + address - _IPR, value)
        elif _SHPR1 <= address < _SHCSR:
            self._set_priorities(4 + address - _SHPR1, value)
        elif _ISER <= address < _IPR:
            self._write_nvic_bits(address, value)
        elif address in self._WRITERS:
            self._WRITERS[address](self, value)

    def _write_plain(self, address: int, value: int) -> None:
        _, kind, _, writable = registers()[address]
        old = self.values[address]
        if kind == "w1c":
            self.values[address] = old & ~(value & writable)
        else:
            self.values[address] = old & ~writable | value & writable
        if address in (DEMCR, DWT_CTRL):
            self.counter.enable(self.now(), bool(self.values[DWT_CTRL] & 1 and self.values[DEMCR] & TRCENA))

    # -- NVIC ----------------------------------------------------------------------------------------------------------

    def _priorities(self, first: int) -> int:
        return sum((self.exceptions.priority[first + lane] & 0xFF) << 8 * lane for lane in range(4))

    def _set_priorities(self, first: int, value: int) -> None:
        for number in range(first, first + 4):
            if number >= exc.FIRST_IRQ or number in _WITH_PRIORITY:
                self.exceptions.priority[number] = value & _PRIORITY_BITS
            value >>= 8

    def _read_nvic_bits(self, address: int) -> int:
        index = (address & 0x7F) // 4
        if index >= _BIT_WORDS:
            return 0
        state = self.exceptions
        masks = {_ISER: state.enabled, _ICER: state.enabled, _ISPR: state.pending, _ICPR: state.pending,
                 _IABR: state.active}  # fmt: skip
        return state.irq_word(masks.get(address & ~0x7F, 0), index)

    def _write_nvic_bits(self, address: int, value: int) -> None:
        index = (address & 0x7F) // 4
        mask = self.exceptions.irq_mask(value, index) if index < _BIT_WORDS else 0
        bank = address & ~0x7F
        if bank in (_ISER, _ICER):
            self.exceptions.enable(mask, bank == _ISER)
        elif bank == _ISPR:
            self.exceptions.pending |= mask
        elif bank == _ICPR:
            self.exceptions.unpend(mask)

    def _write_stir(self, value: int) -> None:
        if (value & 0x1FF) < exc.IRQS:
            self.exceptions.pend(exc.FIRST_IRQ + (value & 0x1FF))

    # -- system control block ------------------------------------------------------------------------------------------

    def _read_icsr(self) -> int:
        state, current = self.exceptions, self.exception()
        others = state.active & ~(1 << current)
        return (
            current
            | (1 << 11 if current and not others else 0)
            | state.next_pending() << 12
            | (1 << 22 if state.pending & state.enabled >> exc.FIRST_IRQ << exc.FIRST_IRQ else 0)
            | (state.pending >> exc.SYSTICK & 1) << 26
            | (state.pending >> exc.PENDSV & 1) << 28
            | (state.pending >> exc.NMI & 1) << 31
        )

    def _write_icsr(self, value: int) -> None:
        for set_bit, number in ((31, exc.NMI), (28, exc.PENDSV), (26, exc.SYSTICK)):
            if value >> set_bit & 1:
                self.exceptions.pend(number)
            elif value >> (set_bit - 1) & 1:
                self.exceptions.unpend(1 << number)

    def _read_aircr(self) -> int:
        return _VECTKEYSTAT | self.exceptions.prigroup << 8

    def _write_aircr(self, value: int) -> None:
        if value >> 16 == _VECTKEY:
            self.exceptions.prigroup = value >> 8 & 7
            self.reset_requested |= bool(value & _SYSRESETREQ)

    def _read_shcsr(self) -> int:
        state = self.exceptions
        return (
            _gather(state.active, _SHCSR_ACTIVE)
            | _gather(state.pending, _SHCSR_PENDING)
            | _gather(state.enabled, _SHCSR_ENABLED)
        )

    def _write_shcsr(self, value: int) -> None:
        state = self.exceptions
        state.active = _scatter(state.active, _SHCSR_ACTIVE, value)
        state.pending = _scatter(state.pending, _SHCSR_PENDING, value)
        state.enabled = _scatter(state.enabled, _SHCSR_ENABLED, value)

    # -- SysTick and DWT -----------------------------------------------------------------------------------------------

    def _read_systick_control(self) -> int:
        self.catch_up()
        return self.systick.read_control()

    def _write_systick_control(self, value: int) -> None:
        self.catch_up()
        self.systick.write_control(self.now(), value)

    def _write_systick_reload(self, value: int) -> None:
        self.catch_up()
        self.systick.write_reload(self.now(), value)

    def _write_systick_value(self, _value: int) -> None:
        self.catch_up()
        self.systick.write_value(self.now())

    _READERS: dict[int, Callable[[SystemControl], int]] = field(
        init=False,
        repr=False,
        default_factory=lambda: {
            _ICSR: SystemControl._read_icsr,
            _AIRCR: SystemControl._read_aircr,
            _SHCSR: SystemControl._read_shcsr,
            _SYST_CSR: SystemControl._read_systick_control,
            _SYST_RVR: lambda self: self.systick.reload,
            _SYST_CVR: lambda self: self.systick.value(self.now()),
            _DWT_CYCCNT: lambda self: self.counter.value(self.now()),
        },
    )
    _WRITERS: dict[int, Callable[[SystemControl, int], None]] = field(
        init=False,
        repr=False,
        default_factory=lambda: {
            _ICSR: SystemControl._write_icsr,
            _AIRCR: SystemControl._write_aircr,
            _SHCSR: SystemControl._write_shcsr,
            _SYST_CSR: SystemControl._write_systick_control,
            _SYST_RVR: SystemControl._write_systick_reload,
            _SYST_CVR: SystemControl._write_systick_value,
            _DWT_CYCCNT: lambda self, value: self.counter.write(self.now(), value),
            STIR: SystemControl._write_stir,
        },
    )
