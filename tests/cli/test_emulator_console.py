"""Laws of the console's parts: what is typed is read as it is meant, and keys do what they say."""

from __future__ import annotations

import os
import pty
from collections.abc import Iterator

import pytest

from mvsdk.emulator.device import Device
from mvsdk.emulator.errors import InputError
from mvsdk.emulator.events import LedChanged
from mvsdk.emulator.inputs import (
    BusDevice,
    Button,
    ChannelVoltage,
    I2cAddressed,
    I2cDisturbed,
    Input,
    Pin,
    Reset,
    SpiAddressed,
    Supply,
    SystemEvent,
    Uart,
    Voltage,
    Wake,
)
from mvsdk_cli.emulator_console import PRESS_US, Console, typed_input
from tests.emulator.examples import BUTTON_NAME, EXAMPLES


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pin PF3 high", Pin("PF3", True)),
        ("pin PF3  low", Pin("PF3", False)),
        ("pin PF3 open", Pin("PF3", None)),
        ("pin PA0 1.2V", Voltage("PA0", 1.2)),
        ("adc ADC1.9 1.2V", ChannelVoltage("ADC1", 9, 1.2)),
        ("uart USART2 two words", Uart("USART2", b"two words\n")),
        ("uart USART2!framing,noise x", Uart("USART2", b"x\n", "framing noise")),
        ("reference 3.0V", Supply("reference", 3.0)),
        ("battery 2.9V", Supply("battery", 2.9)),
        ("i2c I2C1.0x21 write 01 ff read 2", I2cAddressed("I2C1", 0x21, b"\1\xff", 2)),
        ("i2c I2C1.33 read 2", I2cAddressed("I2C1", 33, b"", 2)),
        ("i2c I2C1.0x21 write 01", I2cAddressed("I2C1", 0x21, b"\1")),
        ("i2c I2C1 lost arbitration", I2cDisturbed("I2C1", "lost arbitration")),
        ("spi SPI1 9f 00 00", SpiAddressed("SPI1", b"\x9f\0\0")),
        ("button user down", Button("user", True)),
        ("button user up", Button("user", False)),
        ("wake RTC", Wake("RTC")),
        ("event NETWORK", SystemEvent("NETWORK")),
        ("thermometer.celsius 41", BusDevice("thermometer", "celsius", 41)),
        ("thermometer.celsius -1.5", BusDevice("thermometer", "celsius", -1.5)),
        ("display.on true", BusDevice("display", "on", True)),
        ("label.text some words", BusDevice("label", "text", "some words")),
    ],
)
def test_what_is_typed_is_read(text: str, expected: Input) -> None:
    """Every kind of input can be typed."""
    assert typed_input(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "pin",
        "pin PA0",
        "pin PA0 xV",
        "pin PA0 up",
        "adc ADC1 1V",
        "adc ADC1.x 1V",
        "adc ADC1.9 x",
        "uart USART2",
        "nonsense",
        "i2c I2C1.0x21 write 1",
        "i2c I2C1.x read 2",
        "spi SPI1 xy",
        "reference 3",
        "a.b",
        "wake",
    ],
)
def test_what_is_no_input_is_refused(text: str) -> None:
    """What cannot be read is an error that shows what can."""
    with pytest.raises(InputError):
        typed_input(text)


class Typist:
    """A console on a terminal, with somebody at its keys, and what it shows."""

    def __init__(self) -> None:
        self.controller, terminal = pty.openpty()
        self.shown: list[str] = []
        self.console = Console(terminal, self.shown.append)
        self.device: Device = EXAMPLES["button"].device([])
        self._terminal = terminal

    def press(self, keys: str) -> None:
        """Press keys, and give the console its turn."""
        os.write(self.controller, keys.encode())
        self.console.turn()

    def waiting(self) -> list[Input]:
        """Return the inputs that wait."""
        return [what for _, what in self.device.inputs.waiting()]

    def close(self) -> None:
        """Give the terminal back."""
        os.close(self.controller)
        os.close(self._terminal)


@pytest.fixture
def typist() -> Iterator[Typist]:
    """A console with a device."""
    typist = Typist()
    with typist.console:
        typist.console.attach(typist.device)
        yield typist
    typist.close()


def test_the_button_is_held_for_a_while(typist: Typist) -> None:
    """Pressing b presses the button now and lets go of it later, in device time."""
    typist.press("b")
    (first, pressed), (second, released) = typist.device.inputs.waiting()
    assert (pressed, released) == (Button(BUTTON_NAME, True), Button(BUTTON_NAME, False))
    assert second - first == pytest.approx(PRESS_US * 160, abs=2)


def test_a_paused_console_lets_others_have_their_turn(typist: Typist) -> None:
    """Debuggers are served while the device is paused; here one of them unpauses it."""
    served: list[int] = []

    def meanwhile() -> None:
        served.append(len(served))
        if len(served) == 3:
            os.write(typist.controller, b"p")

    typist.console.attach(typist.device, None, meanwhile)
    typist.press("p")
    assert len(served) >= 3


def test_keys_become_inputs(typist: Typist) -> None:
    """Reset and typed inputs are given to the device; corrections count, Escape takes all back."""
    typist.press("r")
    typist.press("ipin PA0 higx\x7fh\r")
    typist.press("ipin PA1 high\x1b")
    assert typist.waiting() == [Reset(), Pin("PA0", True)]


def test_a_mistake_is_said_and_harmless(typist: Typist) -> None:
    """A typed input that cannot be shows an error, and nothing waits."""
    typist.press("ipin PZ0 high\n")
    assert typist.waiting() == []
    assert any("there is no pin" in text for text in typist.shown)


def test_keys_that_mean_nothing_do_nothing(typist: Typist) -> None:
    """Other keys and control characters are not taken."""
    before = typist.device.state_hash()
    typist.press("xyz\x01\x1b[A")
    assert typist.waiting() == []
    assert typist.device.state_hash() == before


def test_the_state_line_shows_the_leds(typist: Typist) -> None:
    """What LEDs did is in the line, and the line is drawn only when it changes."""
    observe = typist.console.above(lambda event: None)
    typist.console.turn()
    drawn = len(typist.shown)
    typist.console.turn()
    assert len(typist.shown) == drawn
    observe(LedChanged(5, "user", True))
    typist.console.turn()
    assert "user ●" in typist.shown[-1]


def test_quitting_ends_a_pause(typist: Typist) -> None:
    """A console that is paused comes back when somebody quits, and its clock has stood still meanwhile."""
    clock = typist.console.now()
    typist.press("pq")
    assert typist.console.quits
    assert typist.console.now() >= clock
