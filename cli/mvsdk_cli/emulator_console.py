"""The console of a device that runs on a terminal: what it tells, a line with its state, and keys.

    b  press the user button       p  pause, go on        s  write a snapshot     r  press reset
    i  type an input               ?  show these keys     q  quit

An input is typed as in a device.toml, on one line: `pin PF3 high`, `pin PA0 1.2V`, `adc ADC1.9 1.2V`,
`uart USART2 text`, `uart USART2!framing text`, `button user up`, `wake RTC`, `event NETWORK`, `reference 3.0V`,
`battery 2.9V`, `i2c I2C1.0x21 write 01 02 read 2`, `i2c I2C1 alert`, `spi SPI1 9f 00 00`, `thermometer.celsius 41`,
`link down`; `link flaky` and the other profiles change what the link is like from then on.
"""

from __future__ import annotations

import os
import re
import select
import termios
import time
import tty
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import click

from mvsdk.emulator.events import Event, LedChanged, Observer
from mvsdk.errors import MvsdkError
from mvsdk_cli.console import printable

if TYPE_CHECKING:
    from mvsdk.emulator.device import Device
    from mvsdk.emulator.inputs import Input
    from mvsdk.emulator.network.radio import Radio

PRESS_US = 200_000
"""How long a key press holds the button, in device time."""
KEYS = "b button  p pause  s snapshot  r reset  i input  q quit"
PAUSE_S = 0.1
"""How often a paused console looks whether somebody wants to end it by a signal."""
_CLEAR = "\r\x1b[K"
_BACKSPACES = {"\x7f", "\b"}


class Console:
    """Reads keys and draws. As a context manager it gives the terminal back as it was, however it ends."""

    def __init__(self, read: int = 0, show: Callable[[str], object] | None = None) -> None:
        self._read = read
        self._show = show or (lambda text: click.echo(text, nl=False))
        self._leds: dict[str, bool] = {}
        self._typed: str | None = None
        self._paused_since: float | None = None
        self._paused = 0.0
        self._device: Device | None = None
        self._radio: Radio | None = None
        self._meanwhile: Callable[[], object] = lambda: None
        self._drawn = ""
        self.quits = False
        """Whether somebody asked to end."""

    def __enter__(self) -> Console:
        self._before = termios.tcgetattr(self._read)
        tty.setcbreak(self._read)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        termios.tcsetattr(self._read, termios.TCSADRAIN, self._before)
        self._show(_CLEAR)

    def attach(
        self, device: Device, radio: Radio | None = None, meanwhile: Callable[[], object] = lambda: None
    ) -> None:
        """Take the device that the keys are for, and the radio it has. `meanwhile` is called while it is paused."""
        self._device = device
        self._meanwhile = meanwhile
        self._radio = radio
        self._leds = {led.name: False for led in device.board.leds} | self._leds
        self.echo(click.style(KEYS, dim=True))

    def leave(self) -> None:
        """Take the state line away for good."""
        self._drawn = ""
        self._show(_CLEAR)

    def echo(self, line: str) -> None:
        """Print a line above the state line."""
        self._show(f"{_CLEAR}{line}\n{self._drawn}")

    def above(self, view: Observer) -> Observer:
        """Return an observer that keeps what the state line shows, and shows events with `view`."""

        def observe(event: Event) -> None:
            if isinstance(event, LedChanged):
                self._leds[event.name] = event.on
            view(event)

        return observe

    def now(self) -> float:
        """Return the wall clock's seconds, pauses left out."""
        return (self._paused_since or time.monotonic()) - self._paused

    def turn(self) -> None:
        """Take the keys that were pressed, and draw; while the device is paused this does not come back."""
        self._take_keys(0)
        self._draw()
        while self._paused_since is not None and not self.quits:
            self._take_keys(PAUSE_S)
            self._meanwhile()
            self._draw()

    def _take_keys(self, timeout: float) -> None:
        while select.select([self._read], [], [], timeout)[0]:
            data = os.read(self._read, 1024).decode("utf-8", "ignore")
            if not data:
                self.quit()  # nobody is there any more
                return
            for key in data:
                self._take(key)
            timeout = 0

    def _take(self, key: str) -> None:
        if self._typed is not None:
            self._type(key)
            return
        actions = {
            "b": self._press,
            "p": self._pause,
            " ": self._pause,
            "s": self._save,
            "r": self._reset,
            "i": self._begin_typing,
            "?": lambda: self.echo((__doc__ or "").partition("\n\n")[2].rstrip()),
            "q": self.quit,
        }
        if key in actions:
            try:
                actions[key]()
            except MvsdkError as error:
                self._complain(error)

    # -- what keys do --------------------------------------------------------------------------------------------------

    def _press(self) -> None:
        from mvsdk.emulator.inputs import Button

        device = self._running()
        if not device.board.buttons:
            self.echo(click.style("this board has no button", dim=True))
            return
        name = device.board.buttons[0].name
        device.inputs.now(Button(name, True))
        device.inputs.at(device.time_us + PRESS_US, Button(name, False))

    def _pause(self) -> None:
        if self._paused_since is None:
            self._paused_since = time.monotonic()
        else:
            self._paused += time.monotonic() - self._paused_since
            self._paused_since = None

    def _save(self) -> None:
        from mvsdk.emulator import snapshots

        device = self._running()
        path = Path(f"device-{device.time_us / 1e6:.6f}.snapshot")
        snapshots.save(device, path)
        self.echo(click.style(f"wrote {path}", dim=True))

    def _reset(self) -> None:
        from mvsdk.emulator.inputs import Reset

        self._running().inputs.now(Reset())

    def quit(self) -> None:
        """End the console and stop the device."""
        self.quits = True
        self._running().stop()

    # -- typing --------------------------------------------------------------------------------------------------------

    def _begin_typing(self) -> None:
        self._typed = ""

    def _type(self, key: str) -> None:
        typed = self._typed or ""
        if key in {"\r", "\n"}:
            self._typed = None
            self._enter(typed)
        elif key == "\x1b":
            self._typed = None
        elif key in _BACKSPACES:
            self._typed = typed[:-1]
        elif key.isprintable():
            self._typed = typed + key

    def _enter(self, text: str) -> None:
        if not text.strip():
            return
        try:
            if not self._change_weather(text):
                self._running().inputs.now(typed_input(text))
        except MvsdkError as error:
            self._complain(error)

    def _change_weather(self, text: str) -> bool:
        """Let the link be like a profile, if that was typed."""
        from mvsdk.emulator.network.weather import profiles

        words = text.split()
        if self._radio is None or len(words) != 2 or words[0] != "link" or words[1] not in profiles():
            return False
        self._radio.weather.profile = profiles()[words[1]]
        return True

    def _complain(self, error: MvsdkError) -> None:
        self.echo(click.style("error: ", fg="red") + printable(f"{error.what}; {error.remedy}"))

    # -- drawing -------------------------------------------------------------------------------------------------------

    def _draw(self) -> None:
        line = self._line()
        if line != self._drawn:
            self._drawn = line
            self._show(_CLEAR + line)

    def _line(self) -> str:
        if self._typed is not None:
            return f"input: {self._typed}"
        seconds = self._running().time_us // 100_000 / 10
        leds = "  ".join(f"{name} {'●' if on else '○'}" for name, on in self._leds.items())
        return f"{'paused ' if self._paused_since is not None else ''}{seconds:.1f} s  {leds}"

    def _running(self) -> Device:
        assert self._device is not None  # noqa: S101 - `attach` comes before any key is taken
        return self._device


def typed_input(text: str) -> Input:  # noqa: PLR0911, PLR0912 - one for each kind of input
    """Read an input as it is typed. Raises `InputError` for what is none."""
    from mvsdk.emulator import inputs
    from mvsdk.emulator.errors import InputError

    match text.split(maxsplit=2):
        case ["pin", pin, ("high" | "low" | "open") as level]:
            return inputs.Pin(pin, {"high": True, "low": False, "open": None}[level])
        case ["pin", pin, volts] if volts.endswith("V"):
            return inputs.Voltage(pin, _number(volts.removesuffix("V")))
        case ["adc", channel, volts] if channel.partition(".")[2].isdecimal() and volts.endswith("V"):
            adc, _, number = channel.partition(".")
            return inputs.ChannelVoltage(adc, int(number), _number(volts.removesuffix("V")))
        case ["uart", port, characters]:
            name, _, errors = port.partition("!")
            return inputs.Uart(name, (characters + "\n").encode(), errors.replace(",", " "))
        case [("reference" | "battery") as supply, volts] if volts.endswith("V"):
            return inputs.Supply(supply, _number(volts.removesuffix("V")))
        case ["i2c", place, transfer] if "." in place:
            bus, _, address = place.partition(".")
            return _typed_transfer(bus, address, transfer)
        case ["i2c", bus, disturbance]:
            return inputs.I2cDisturbed(bus, disturbance)
        case ["spi", bus, data]:
            return inputs.SpiAddressed(bus, _hex(data))
        case ["button", name, ("down" | "up") as way]:
            return inputs.Button(name, way == "down")
        case ["wake", source]:
            return inputs.Wake(source)
        case ["link", state]:
            return inputs.Link(state)
        case ["event", source]:
            return inputs.SystemEvent(source)
        case [place, *value] if "." in place and value:
            device, _, name = place.partition(".")
            return inputs.BusDevice(device, name, _scalar(" ".join(value)))
    raise InputError(
        f"'{text}' is no input", "type one such as: pin PF3 high, uart USART2 text, thermometer.celsius 41"
    )


def _typed_transfer(bus: str, address: str, text: str) -> Input:
    """Read what another controller does: `write 01 02`, `read 2`, or both in this order."""
    from mvsdk.emulator.errors import InputError
    from mvsdk.emulator.inputs import I2cAddressed

    match = re.fullmatch(r"(?:write((?: +[0-9a-fA-F]{2})+))? *(?:read +([0-9]{1,5}))?", text.strip())
    try:
        place = int(address, 0)
    except ValueError:
        match = None
    if match is None:
        raise InputError(f"'{text}' at '{address}' is no transfer", "type: i2c I2C1.0x21 write 01 02 read 2")
    return I2cAddressed(bus, place, _hex(match[1] or ""), int(match[2] or 0))


def _hex(text: str) -> bytes:
    from mvsdk.emulator.errors import InputError

    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise InputError(f"'{text}' are no bytes", "write two hex digits for each: 9f 00") from error


def _number(text: str) -> float:
    from mvsdk.emulator.errors import InputError

    try:
        return float(text)
    except ValueError as error:
        raise InputError(f"'{text}' is no number", "write 1.2V") from error


def _scalar(text: str) -> bool | int | float | str:
    """Read a value: true, false, a number or else text."""
    if text in {"true", "false"}:
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
