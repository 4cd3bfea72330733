"""Laws of the chip as a whole, without a guest."""

from __future__ import annotations

import pytest

from mvsdk.boards import load
from mvsdk.emulator.bus_devices import Mcp9808, SpiEeprom
from mvsdk.emulator.events import LedChanged, RegisterNotModelled, UartOutput
from mvsdk.emulator.soc import Chip
from mvsdk.emulator.soc.bus import PERIPHERAL_SPACE
from mvsdk.emulator.soc.registers import offsets
from mvsdk.testing import FakeWiring, ScriptedCore

BOARD = load("stm32u585")
BASES = {peripheral.name: peripheral.base for peripheral in BOARD.peripherals}
IRQ = {name: number for number, name in BOARD.interrupts.items()}


class Bench:
    """A chip without a guest, its registers reached by address."""

    def __init__(self) -> None:
        self.wiring = FakeWiring()
        self.chip = Chip(BOARD, self.wiring)
        self.core = ScriptedCore(lambda _: iter(()))  # type: ignore[arg-type, return-value]
        self.chip.lay_out(self.core, bytes(range(12)))
        self.bus, _ = self.core.device_at(PERIPHERAL_SPACE.start)

    def read(self, peripheral: str, table: str, register: str) -> int:
        """Read a register."""
        return self.bus.read(BASES[peripheral] + offsets(table)[register] - PERIPHERAL_SPACE.start, 4)

    def write(self, peripheral: str, table: str, register: str, value: int) -> None:
        """Write a register."""
        self.bus.write(BASES[peripheral] + offsets(table)[register] - PERIPHERAL_SPACE.start, 4, value)


MODELLED = {
    "usart": ["USART1", "USART2", "USART3", "UART4", "UART5", "LPUART1"],
    "timer": [f"TIM{number}" for number in (1, 2, 3, 4, 5, 6, 7, 8, 15, 16, 17)],
    "gpio": [f"GPIO{letter}" for letter in "ABCDEFGHI"],
    **{name.lower(): [name] for name in ("PWR", "SYSCFG", "CRC", "ICACHE", "RNG", "IWDG", "WWDG", "EXTI", "RCC")},
    "flash": ["FLASH_R"],
    "dcache": ["DCACHE1"],
    "vrefbuf": ["VREFBUF"],
    "lptim": ["LPTIM1", "LPTIM2", "LPTIM3", "LPTIM4"],
    "rtc": ["RTC"],
    "tamp": ["TAMP"],
    "i2c": ["I2C1", "I2C2", "I2C3", "I2C4"],
    "spi": ["SPI1", "SPI2", "SPI3"],
    "gpdma": ["GPDMA1"],
    "adc1": ["ADC1"],
    "adc4": ["ADC4"],
    "adc-common": ["ADC12_COMMON", "ADC4_COMMON"],
    "gpdma-channel": [f"GPDMA1_Channel{number}" for number in range(16)],
}


@pytest.mark.parametrize(
    ("table", "peripheral"), [(table, name) for table, names in MODELLED.items() for name in names]
)
def test_a_modelled_peripheral_answers_at_its_place(table: str, peripheral: str) -> None:
    """The first register of each is read without being told as not modelled."""
    bench = Bench()
    bench.read(peripheral, table, next(iter(offsets(table))))
    assert bench.wiring.events == []


@pytest.mark.parametrize("peripheral", ["HASH", "AES", "PKA", "SAES", "DAC1"])
def test_what_is_absent_is_told(peripheral: str) -> None:
    """A peripheral without a model reads 0 and is told by name."""
    bench = Bench()
    assert bench.bus.read(BASES[peripheral] - PERIPHERAL_SPACE.start, 4) == 0
    assert bench.wiring.events == [RegisterNotModelled(0, peripheral, BASES[peripheral], "read")]


@pytest.mark.parametrize("uart", MODELLED["usart"])
def test_every_port_speaks_under_its_name(uart: str) -> None:
    """A line sent by a port is told with the port's name, and its interrupt is the one of its name."""
    bench = Bench()
    bench.write(uart, "usart", "BRR", 0x8000)
    bench.write(uart, "usart", "CR1", 1 | 1 << 3 | 1 << 7)
    for character in b"hi\n":
        bench.write(uart, "usart", "TDR", character)
        bench.wiring.advance(500_000)
    assert [(event.port, event.text) for event in bench.wiring.events if isinstance(event, UartOutput)] == [
        (uart, "hi")
    ]
    assert bench.wiring.lines[IRQ[uart]]


def test_the_clock_selected_in_rcc_sets_the_speed() -> None:
    """With HSI16 selected for USART2, a character takes ten times as long as with the bus clock."""
    bench = Bench()
    bench.chip.rcc.poke(0xE0, 3 << 2, 2 << 2)
    bench.write("USART2", "usart", "BRR", 100)
    bench.write("USART2", "usart", "CR1", 1 | 1 << 3)
    bench.write("USART2", "usart", "TDR", 0)
    bench.wiring.advance(9_999)
    assert not bench.read("USART2", "usart", "ISR") >> 6 & 1
    bench.wiring.advance(1)
    assert bench.read("USART2", "usart", "ISR") >> 6 & 1


def test_advanced_timers_have_two_interrupts() -> None:
    """TIM1's update goes to TIM1_UP and its compare to TIM1_CC."""
    bench = Bench()
    bench.write("TIM1", "timer", "DIER", 0b11)
    bench.write("TIM1", "timer", "EGR", 0b01)
    assert {number for number, level in bench.wiring.lines.items() if level} == {IRQ["TIM1_UP"]}
    bench.write("TIM1", "timer", "EGR", 0b10)
    assert {number for number, level in bench.wiring.lines.items() if level} == {IRQ["TIM1_UP"], IRQ["TIM1_CC"]}


def test_a_pressed_button_reaches_its_line() -> None:
    """The user button is low until pressed, and its rising edge pends the EXTI line of its pin."""
    bench = Bench()
    button = BOARD.buttons[0]
    bench.write(button.port, "gpio", "MODER", 0)
    bench.write("EXTI", "exti", "EXTICR4", 2 << 8)
    bench.write("EXTI", "exti", "RTSR1", 1 << button.pin)
    bench.write("EXTI", "exti", "IMR1", 1 << button.pin)
    assert bench.read(button.port, "gpio", "IDR") == 0
    bench.chip.press(button, pressed=True)
    assert bench.read(button.port, "gpio", "IDR") == 1 << button.pin
    assert bench.wiring.lines[IRQ[f"EXTI{button.pin}"]]


def test_a_reset_turns_the_lights_out_and_ends_lines() -> None:
    """After a reset pins are given up, which the LED shows, and a line half sent is told as far as it got."""
    bench = Bench()
    led = BOARD.leds[0]
    bench.write(led.port, "gpio", "MODER", 1 << 2 * led.pin)
    bench.write(led.port, "gpio", "BSRR", 1 << led.pin)
    bench.write("USART1", "usart", "BRR", 16)
    bench.write("USART1", "usart", "CR1", 1 | 1 << 3)
    bench.write("USART1", "usart", "TDR", ord("x"))
    bench.wiring.advance(1000)
    bench.chip.reset()
    lights = [event.on for event in bench.wiring.events if isinstance(event, LedChanged)]
    assert lights == [True, False]
    assert [event.text for event in bench.wiring.events if isinstance(event, UartOutput)] == ["x"]
    assert not bench.wiring.waiting


def test_the_identity_is_where_the_vendor_has_it() -> None:
    """The unique id and the flash size in KiB lie at the addresses the vendor's header names."""
    core = Bench().core
    assert core.read_memory(0x0BFA_0700, 12) == bytes(range(12))
    assert core.read_memory(0x0BFA_07A0, 2) == (2048).to_bytes(2, "little")
    assert core.read_memory(0x0BFA_0500, 4) == (0x0C).to_bytes(4, "little"), "LQFP144 with SMPS"


GPIO_OUTPUT = 1


def test_a_pin_selects_an_spi_device() -> None:
    """A device hears the bus while its pin is driven low: before the pin is an output, and after it is high, not."""
    bench = Bench()
    eeprom = SpiEeprom()
    bench.chip.connect_spi("SPI1", eeprom, select=("GPIOC", 4))
    bench.write("SPI1", "spi", "CR1", 1 << 12)
    bench.write("SPI1", "spi", "CFG1", 7)
    bench.write("SPI1", "spi", "CFG2", 1 << 22 | 1 << 26)

    def exchange(*data: int) -> list[int]:
        bench.write("SPI1", "spi", "CR2", len(data))
        bench.write("SPI1", "spi", "CR1", 1 << 12 | 1)
        bench.write("SPI1", "spi", "CR1", 1 << 12 | 1 | 1 << 9)
        answer = []
        for byte in data:
            offset = BASES["SPI1"] - PERIPHERAL_SPACE.start
            bench.bus.write(offset + offsets("spi")["TXDR"], 1, byte)
            bench.wiring.advance(16)
            answer.append(bench.bus.read(offset + offsets("spi")["RXDR"], 1))
        bench.write("SPI1", "spi", "CR1", 1 << 12)
        return answer

    assert exchange(5, 0) == [0xFF, 0xFF]
    bench.write("GPIOC", "gpio", "MODER", GPIO_OUTPUT << 8)
    bench.write("GPIOC", "gpio", "BSRR", 1 << 20)
    assert exchange(6) == [0xFF]
    bench.write("GPIOC", "gpio", "BSRR", 1 << 4)
    assert exchange(5, 0) == [0xFF, 0xFF]
    bench.write("GPIOC", "gpio", "BSRR", 1 << 20)
    assert exchange(5, 0) == [0xFF, 2]


def test_an_output_of_a_device_reaches_its_pin() -> None:
    """The sensor's alert pulls a pin with a pull-up low, and its edge pends the pin's EXTI line."""
    bench = Bench()
    sensor = Mcp9808(25)
    bench.chip.connect_i2c("I2C1", 0x18, sensor, {"ALERT": ("GPIOB", 11)})
    bench.write("GPIOB", "gpio", "MODER", 0)
    bench.write("GPIOB", "gpio", "PUPDR", 1 << 22)
    bench.write("EXTI", "exti", "EXTICR3", 1 << 24)
    bench.write("EXTI", "exti", "FTSR1", 1 << 11)
    bench.write("EXTI", "exti", "IMR1", 1 << 11)
    for register, *data in ((2, 30 >> 4, 30 << 4 & 0xFF), (4, 0x07, 0xF0), (1, 0, 8)):
        sensor.start(reading=False)
        for byte in (register, *data):
            sensor.write(byte)
    assert bench.read("GPIOB", "gpio", "IDR") >> 11 & 1
    assert not bench.wiring.lines.get(IRQ["EXTI11"])
    sensor.celsius = 35
    assert not bench.read("GPIOB", "gpio", "IDR") >> 11 & 1
    assert bench.wiring.lines[IRQ["EXTI11"]]


def test_a_port_is_served_by_dma_alone() -> None:
    """What arrives at USART2 goes to memory, and what lies there goes out, without any access of software."""
    bench = Bench()
    bench.write("USART2", "usart", "BRR", 16)
    bench.write("USART2", "usart", "CR3", 1 << 6 | 1 << 7)
    data = b"over and out\n"
    bench.wiring.write_memory(bench.wiring.MEMORY, data)
    serial = BASES["USART2"]
    for channel, control, request, source, target in (
        (0, 1 << 19, 26, serial + 0x24, bench.wiring.MEMORY + 0x100),
        (1, 1 << 3, 27 | 1 << 10, bench.wiring.MEMORY, serial + 0x28),
    ):
        name = f"GPDMA1_Channel{channel}"
        settings = {"CTR1": control, "CTR2": request, "CBR1": len(data), "CSAR": source, "CDAR": target, "CCR": 0x101}
        for register, value in settings.items():
            bench.write(name, "gpdma-channel", register, value)
    bench.write("USART2", "usart", "CR1", 1 | 1 << 2 | 1 << 3)
    bench.chip.receive("USART2", data)
    bench.wiring.advance(160 * 20)
    told = [event.text for event in bench.wiring.events if isinstance(event, UartOutput)]
    assert told == ["over and out"]
    assert bench.wiring.read_memory(bench.wiring.MEMORY + 0x100, len(data)) == data
    assert bench.wiring.lines[IRQ["GPDMA1_Channel0"]]
    assert bench.wiring.lines[IRQ["GPDMA1_Channel1"]]
    assert bench.read("GPDMA1", "gpdma", "MISR") == 3


def test_a_voltage_reaches_converter_and_input() -> None:
    """A voltage on a pin is seen by IDR as a level and by every converter as itself; a channel's own goes first."""
    bench = Bench()
    bench.write("GPIOC", "gpio", "MODER", 0)
    for volts, level in ((3.0, 1), (0.5, 0)):
        bench.chip.apply_voltage("GPIOC", 0, volts)
        assert bench.read("GPIOC", "gpio", "IDR") & 1 == level
        assert [bench.chip.analogue.volts(adc, 1) for adc in ("ADC1", "ADC4")] == [volts, volts]
    bench.chip.set_voltage("ADC4", 1, 1.5)
    assert [bench.chip.analogue.volts(adc, 1) for adc in ("ADC1", "ADC4")] == [0.5, 1.5]


def test_an_unknown_pin_or_port_is_an_error() -> None:
    """Names that do not exist are refused."""
    chip = Bench().chip
    with pytest.raises(KeyError):
        chip.drive_pin("GPIOZ", 0, level=True)
    with pytest.raises(KeyError):
        chip.receive("USART9", b"")
    with pytest.raises(KeyError):
        chip.connect_i2c("I2C9", 0x18, Mcp9808())
    with pytest.raises(KeyError):
        chip.connect_spi("SPI1", SpiEeprom(), select=("GPIOZ", 1))
    with pytest.raises(KeyError):
        chip.apply_voltage("GPIOZ", 0, 1.0)
