"""The law of registers that the core answers by itself: a guest cannot tell who answered."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvsdk.emulator.bus_devices import Mcp9808
from mvsdk.emulator.core.native_core import NativeCore
from mvsdk.emulator.core.register_bank import BankRegister, RegisterBank
from mvsdk.emulator.device import Device
from mvsdk.emulator.events import Event
from mvsdk.emulator.soc.bus import PERIPHERAL_SPACE
from mvsdk.emulator.soc.registers import offsets, register_table, rows
from tests.emulator.chip_guests import BOARD, guest

TABLES = {
    "GPIOA": "gpio", "GPIOC": "gpio", "GPIOH": "gpio", "EXTI": "exti", "RCC": "rcc", "PWR": "pwr", "FLASH_R": "flash",
    "SYSCFG": "syscfg", "ICACHE": "icache", "RNG": "rng", "USART2": "usart", "LPUART1": "usart", "I2C1": "i2c",
    "TIM2": "timer", "TIM6": "timer", "TIM16": "timer",
}  # fmt: skip
BASES = {peripheral.name: peripheral.base for peripheral in BOARD.peripherals}
CLEAR_PENDING = 0xE000_E280
"""NVIC_ICPR0 to 3, which cover every interrupt of the peripherals here."""
SCRIPT = BOARD.ram.base + 0x20000
STEP = struct.Struct("<4I")
WRITE, DELAY = 16, 32
END_US = 20_000

INTERPRETER = f"""
struct step {{ uint32_t how, address, value, result; }};

int main(void)
{{
    for (volatile struct step *step = (volatile struct step *)0x{SCRIPT:x}u; step->how; step++) {{
        switch (step->how) {{
        case 1: step->result = *(volatile uint8_t *)step->address; break;
        case 2: step->result = *(volatile uint16_t *)step->address; break;
        case 4: step->result = *(volatile uint32_t *)step->address; break;
        case {WRITE | 1}: *(volatile uint8_t *)step->address = (uint8_t)step->value; break;
        case {WRITE | 2}: *(volatile uint16_t *)step->address = (uint16_t)step->value; break;
        case {WRITE | 4}: *(volatile uint32_t *)step->address = step->value; break;
        default: for (uint32_t i = 0; i < step->value; i++) {{ __asm volatile ("nop"); }} break;
        }}
    }}
    for (;;) {{ __WFI(); }}
}}
"""


class AskingCore(NativeCore):
    """A core that leaves every access to the device, as the seam allows."""

    def bind_registers(self, base: int, bank: RegisterBank, registers: Iterable[BankRegister]) -> None:
        """Take no notice."""


@dataclass(frozen=True)
class Access:
    """A read of a register or a part of it; a write if there is a value.

    Without a register it clears every pending interrupt and waits for so many turns of a loop.
    """

    block: str
    register: str
    size: int
    part: int
    value: int | None

    def packed(self) -> bytes:
        """Return it as a step of the guest's."""
        if not self.register:
            clear = b"".join(STEP.pack(WRITE | 4, CLEAR_PENDING + 4 * word, 0xFFFF_FFFF, 0) for word in range(4))
            return clear + STEP.pack(DELAY, 0, self.value or 0, 0)
        address = BASES[self.block] + offsets(TABLES[self.block])[self.register] + self.part
        return STEP.pack(self.size | (0 if self.value is None else WRITE), address, self.value or 0, 0)


def write(block: str, register: str, value: int) -> Access:
    """Return a write of a word."""
    return Access(block, register, 4, 0, value)


@st.composite
def accesses(draw: st.DrawFn, block: str) -> Access:
    """Draw an access of a block that often matters: of a register with a row of its own, of a few bits."""
    if draw(st.integers(0, 9)) == 0:
        return Access("", "", 4, 0, draw(st.sampled_from([1, 20, 500, 5000])))
    own = [row["register"] for row in rows("native") if row["table"] == TABLES[block] and row["register"] != "*"]
    prefers_own = draw(st.integers(0, 3)) > 0
    names = own if own and prefers_own else sorted(offsets(TABLES[block]))
    size = draw(st.sampled_from([4, 4, 4, 2, 1]))
    part = size * draw(st.integers(0, 4 // size - 1))
    bits = st.integers(0, 31).map(lambda bit: 1 << bit)
    values = bits | st.integers(0, 0xFFFF_FFFF) | st.sampled_from([0, 0xFFFF_FFFF, 0x5555_5555])
    value = None if draw(st.integers(0, 2)) else draw(values)
    return Access(block, draw(st.sampled_from(names)), size, part, value)


# What makes the peripherals do something: outputs, edges, running timers, enabled ports with something to do.
BUSY = [
    write("GPIOA", "MODER", 0x5555_5501), write("GPIOC", "MODER", 0x1555_5555), write("GPIOH", "MODER", 0x5555_5555),
    write("GPIOH", "OTYPER", 0x00F0), write("EXTI", "RTSR1", 0x0000_2F0F), write("EXTI", "FTSR1", 0x0000_2003),
    write("EXTI", "IMR1", 0x0000_2F03), write("EXTI", "EXTICR4", 0x0200), write("EXTI", "EXTICR1", 0x0702_0000),
    write("TIM2", "PSC", 3), write("TIM2", "ARR", 999), write("TIM2", "CCR1", 300), write("TIM2", "EGR", 1),
    write("TIM2", "CR1", 1), write("TIM6", "ARR", 49), write("TIM6", "PSC", 15), write("TIM6", "EGR", 1),
    write("TIM6", "DIER", 1), write("TIM6", "CR1", 1), write("TIM16", "CR1", 1),
    write("USART2", "BRR", 160), write("USART2", "CR1", 0x2D), write("USART2", "TDR", 65),
    write("LPUART1", "BRR", 0x4000), write("LPUART1", "CR1", 0x2000_000D), write("LPUART1", "TDR", 66),
    write("RNG", "CR", 0x4), write("I2C1", "TIMINGR", 0x1090_1010), write("I2C1", "CR1", 1),
    write("I2C1", "CR2", 0x18 << 1 | 1 << 16 | 1 << 13), write("ICACHE", "CR", 0x7),
]  # fmt: skip


class Bench:
    """A device whose guest makes accesses, and everything there is to compare about it."""

    def __init__(self, core: NativeCore, steps: Sequence[Access]) -> None:
        self.events: list[Event] = []
        self.device = Device(BOARD, guest(INTERPRETER), core, observers=[self.events.append])
        self.device.chip.connect_i2c("I2C1", 0x18, Mcp9808())
        script = b"".join(step.packed() for step in steps)
        self.length = len(script)
        self.device.core.write_memory(SCRIPT, script + bytes(STEP.size))

    def run(self, moments: Iterable[int]) -> None:
        """Run, cut at these microseconds; meanwhile characters arrive and the user button is pressed."""
        chip, inputs = self.device.chip, {50, 120, 300, 900, 4000}
        for moment in sorted(inputs | set(moments)):
            self.device.run(moment)
            if moment in inputs:
                chip.receive("USART2", b"ab")
                chip.press(BOARD.buttons[0], pressed=moment != 120)
                chip.drive_pin("GPIOH", 5, level=moment == 300)
        self.device.run(END_US)

    def seen(self) -> tuple[object, ...]:
        """Return what the guest saw, what happened, the core's whole state, and what every register shows now."""
        bus = self.device.chip._bus
        shown = [
            bus.read(BASES[block] + offset - PERIPHERAL_SPACE.start, 4)
            for block, table in TABLES.items()
            for offset in register_table(table)
        ]
        results = self.device.core.read_memory(SCRIPT, self.length)
        return results, self.events, self.device.core.snapshot(), shown


def compare(steps: Sequence[Access], moments: Sequence[int]) -> None:
    """Check that nothing depends on who answers, nor on how the run is cut."""
    benches = [Bench(NativeCore(), steps), Bench(AskingCore(), steps), Bench(NativeCore(), steps)]
    for bench, cuts in zip(benches, ([], [], moments), strict=True):
        bench.run(cuts)
    native, asked, cut = (bench.seen() for bench in benches)
    assert native == asked
    assert native == cut


GROUPS = [
    ("GPIOA",), ("GPIOH",), ("GPIOC", "EXTI"), ("RCC", "PWR", "FLASH_R", "SYSCFG"), ("ICACHE", "RNG"), ("USART2",),
    ("LPUART1",), ("I2C1",), ("TIM2",), ("TIM6", "TIM16"),
]  # fmt: skip


@pytest.mark.parametrize("blocks", GROUPS, ids="-".join)
@settings(max_examples=20)
@given(data=st.data(), moments=st.lists(st.integers(1, END_US), max_size=6))
def test_nothing_depends_on_who_answers(blocks: tuple[str, ...], data: st.DataObject, moments: list[int]) -> None:
    """Any accesses give the same values, events, interrupts and time with and without registers in the core."""
    steps = st.lists(st.one_of(*map(accesses, blocks)), min_size=10, max_size=80)
    compare([*BUSY, *data.draw(steps)], moments)


def read(block: str, register: str) -> Access:
    """Return a read of a word."""
    return Access(block, register, 4, 0, None)


def pause(length: int) -> Access:
    """Return a pause."""
    return Access("", "", 4, 0, length)


LOCK = [write("GPIOA", "LCKR", word) for word in (0x1_8001, 0x0_8001, 0x1_8001)]
TELLING = {
    "lock": [*LOCK, read("GPIOA", "LCKR"), write("GPIOA", "MODER", 0), read("GPIOA", "MODER")],
    "broken lock": [*LOCK[:2], read("GPIOA", "LCKR"), LOCK[2], read("GPIOA", "LCKR")],
    "bits set and reset": [
        step
        for word in (0x00FF, 0x0018_0100, 0x8001_0001, 0xFFFF_0000)
        for step in (write("GPIOH", "BSRR", word), read("GPIOH", "ODR"), read("GPIOH", "IDR"))
    ],
    "characters taken": [pause(3000), *[read("USART2", name) for name in ("ISR", "RDR", "ISR", "RDR", "ISR")]],
    "update flag cleared": [
        write("TIM6", "DIER", 0), pause(2000), read("TIM6", "SR"), write("TIM6", "SR", 0), read("TIM6", "SR"),
        write("TIM6", "DIER", 1), pause(2000), write("TIM6", "SR", 0), pause(2000), read("TIM6", "SR"),
    ],
    "counter read": [step for length in (1, 5, 900) for step in (pause(length), read("TIM2", "CNT"))],
    "pending edge cleared": [
        write("EXTI", "SWIER1", 0x11), read("EXTI", "RPR1"), write("EXTI", "RPR1", 0x10), write("EXTI", "RPR1", 0x01),
        read("EXTI", "RPR1"),
    ],
    "cache interrupt cleared": [
        read("ICACHE", "SR"), write("ICACHE", "FCR", 2), read("ICACHE", "SR"), write("ICACHE", "IER", 2),
        write("ICACHE", "CR", 7), write("ICACHE", "FCR", 2), read("ICACHE", "SR"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", TELLING)
def test_what_chance_would_not_find(name: str) -> None:
    """Sequences that mean something give the same whoever answers: the state of interrupt lines too, at every step."""
    for length in range(1, len(TELLING[name]) + 1):
        compare([*BUSY, *TELLING[name][:length]], [100, 1000])
