"""What is connected to a device and what happens to it, written down beforehand: a file called device.toml.

    [[bus]]                      # a device on a bus, by its name in `bus_devices.I2C_DEVICES` or `SPI_DEVICES`
    device = "mcp9808"
    bus = "I2C1"
    address = 0x18               # on an SPI instead: select = "PA4", or nothing for a device on NSS
    outputs = {ALERT = "PB11"}   # pins that its outputs are wired to, if any
    name = "thermometer"         # what it is called below; without it, what it is
    celsius = 21.5               # what it measures, or is set to, at the start

    [[at]]                       # one input at a moment of the device's time
    time = "3s"
    device = "thermometer"
    celsius = 41

    [[at]]
    time = "5s"
    pin = "PF3"
    level = "high"               # "high", "low", or "open" for nothing; or volts = 1.2

    [[at]]
    time = "6s"
    button = "user"              # pressed, and let go of after `for`; or pressed = false
    for = "200ms"

    [[at]]
    time = "7s"
    uart = "USART2"
    text = "hello\\n"             # or bytes = [0x01, 0x02], or break = true, or clear_to_send = false
    errors = ["framing"]         # what every character suffers, if anything: "framing", "noise", "parity"

    [[at]]
    time = "7s"
    i2c = "I2C1"                 # another controller addresses the chip as a target; hz = 400000 sets its speed
    address = 0x21
    write = [0x01]               # what it writes, and how much it reads then; either may be missing
    read = 2

    [[at]]
    time = "7s"
    spi = "SPI1"                 # the same on an SPI: it exchanges bytes with the chip as its target
    bytes = [0x01, 0x02]

    [[at]]
    time = "7s"
    adc = "ADC1"                 # a channel's voltage, whatever its pin has; or chip_celsius = 60,
                                 # or reference_volts = 3.0, or battery_volts = 2.9
    channel = 9
    volts = 1.2

    [[at]]
    time = "8s"
    wake = "RTC"                 # or event = "NETWORK", or reset = true,
                                 # or link = "down" ("no-server", "up"),
                                 # or circumstance = "network_active" with value = true,
                                 # or i2c = "I2C1" with disturbance = "bus error", "lost arbitration" or "alert"

Whatever the file says that is not like this is an error that names its line.
"""

from __future__ import annotations

import dataclasses
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mvsdk.emulator.bus_devices import I2cDevice, SpiDevice
from mvsdk.emulator.device import Device
from mvsdk.emulator.durations import microseconds
from mvsdk.emulator.errors import InputError, ScriptError
from mvsdk.emulator.inputs import (
    Break,
    BusDevice,
    Button,
    ChannelVoltage,
    ChipTemperature,
    Circumstance,
    ClearToSend,
    I2cAddressed,
    I2cDisturbed,
    Input,
    Link,
    Pin,
    Reset,
    SpiAddressed,
    Supply,
    SystemEvent,
    Uart,
    Voltage,
    Wake,
    properties,
)
from mvsdk.emulator.options import Connection

LEVELS = {"high": True, "low": False, "open": None}
_REMEDY = "docs/emulator.md shows what such a file holds"


@dataclass(frozen=True, slots=True)
class ScriptedInput:
    """An input, when it is to happen, and the line that says so."""

    time_us: int
    what: Input
    line: int


@dataclass(frozen=True, slots=True)
class ScriptedDevice:
    """A bus device and where it is to be connected."""

    connection: Connection
    device: I2cDevice | SpiDevice
    line: int


@dataclass(frozen=True, slots=True)
class Script:
    """A file that has been read."""

    path: Path
    devices: tuple[ScriptedDevice, ...]
    inputs: tuple[ScriptedInput, ...]

    def prepare(self, device: Device) -> None:
        """Connect and schedule everything."""
        self.connect(device)
        self.schedule(device)

    def connect(self, device: Device) -> None:
        """Connect what the file names. Raises `ScriptError` with the line for what cannot be connected."""
        for there in self.devices:
            try:
                device.connect(there.connection, there.device)
            except InputError as error:
                raise self._error(there.line, error) from error

    def schedule(self, device: Device) -> None:
        """Let every input wait that is not past yet. Raises `ScriptError` with the line for what cannot happen."""
        for scripted in self.inputs:
            cycle = device.cycle_at(scripted.time_us)
            if device.core.cycle and cycle <= device.core.cycle:
                continue
            try:
                device.inputs.at_cycle(cycle, scripted.what)
            except InputError as error:
                raise self._error(scripted.line, error) from error

    def _error(self, line: int, error: InputError) -> ScriptError:
        return ScriptError(f"{self.path}:{line}: {error.what}", error.remedy)


def read(path: Path) -> Script:
    """Read a file. Raises `ScriptError` with the line of what is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ScriptError(f"{path} is not TOML: {error}", _REMEDY) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ScriptError(f"{path} cannot be read ({error})", "give the path of a device.toml") from error
    unknown = values.keys() - {"bus", "at"}
    if unknown:
        key = min(unknown)
        raise ScriptError(f"{path}:{_line_of_key(text, key)}: {key!r} is not known here", _REMEDY)
    devices = [_device(table) for table in _tables(path, text, values, "bus")]
    initial = [first for device, firsts in devices for first in firsts]
    inputs = [one for table in _tables(path, text, values, "at") for one in _inputs(table)]
    return Script(path, tuple(device for device, _ in devices), (*initial, *inputs))


class _Table:
    """One `[[bus]]` or `[[at]]`: a value is only had by naming its key, and no key may be left over."""

    def __init__(self, path: Path, line: int, values: dict[str, Any]) -> None:
        self._path = path
        self._values = dict(values)
        self.line = line

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def error(self, problem: str) -> ScriptError:
        """Return the error that says what is wrong with this table."""
        return ScriptError(f"{self._path}:{self.line}: {problem}", _REMEDY)

    def take(self, key: str, kind: type, default: Any = None) -> Any:  # noqa: ANN401 - the kind says which
        """Return a value of a kind. Raises `ScriptError` where it is missing, with no default, or another."""
        if key not in self._values and default is not None:
            return default
        if key not in self._values:
            raise self.error(f"{key} is missing")
        value = self._values.pop(key)
        if kind is float and type(value) is int:
            value = float(value)
        if type(value) is not kind:
            raise self.error(f"{key} = {value!r} is not of type {kind.__name__}")
        return value

    def duration(self, key: str) -> int:
        """Return a length of time in microseconds."""
        try:
            return microseconds(self.take(key, str))
        except ValueError as error:
            raise self.error(f"{key}: {error}") from error

    def rest(self) -> dict[str, Any]:
        """Return all that nobody took."""
        values, self._values = self._values, {}
        return values

    def finish(self) -> None:
        """Raise `ScriptError` if anything is left over: most likely misspelt."""
        for key in self._values:
            raise self.error(f"{key!r} is not known here")


def _tables(path: Path, text: str, values: dict[str, Any], key: str) -> list[_Table]:
    tables = values.get(key, [])
    heads = [
        number
        for number, line in enumerate(text.splitlines(), start=1)
        if re.match(rf"\s*\[\[\s*[\"']?{key}[\"']?\s*\]\]", line)
    ]
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables) or len(heads) < len(tables):
        raise ScriptError(f"{path}:{_line_of_key(text, key)}: {key!r} is written [[{key}]]", _REMEDY)
    return [_Table(path, line, table) for line, table in zip(heads, tables, strict=False)]


def _line_of_key(text: str, key: str) -> int:
    word = re.compile(rf"\b{re.escape(key)}\b")
    return next((number for number, line in enumerate(text.splitlines(), start=1) if word.search(line)), 1)


def _device(table: _Table) -> tuple[ScriptedDevice, list[ScriptedInput]]:
    kind = table.take("device", str)
    connection = _connection(table, kind)
    try:
        device = connection.make_device()
    except InputError as error:
        raise table.error(f"{error.what}; {error.remedy}") from error
    first = [ScriptedInput(0, what, table.line) for what in _properties(table, connection.name, device)]
    return ScriptedDevice(connection, device, table.line), first


def _connection(table: _Table, kind: str) -> Connection:
    name, bus = table.take("name", str, kind), table.take("bus", str)
    outputs = table.take("outputs", dict, {})
    if not all(isinstance(pin, str) for pin in outputs.values()):
        raise table.error('outputs are written { ALERT = "PB11" }')
    there = Connection(name, kind, bus, outputs=tuple(outputs.items()))
    if not there.on_spi:
        return dataclasses.replace(there, address=table.take("address", int))
    return dataclasses.replace(there, select=table.take("select", str) if "select" in table else None)


def _properties(table: _Table, name: str, device: I2cDevice | SpiDevice | None) -> list[Input]:
    """Take what is left of a table as properties of a device."""
    found: list[Input] = []
    for key, value in table.rest().items():
        if device is not None and key not in properties(device):
            known = ", ".join(sorted(properties(device))) or "none"
            raise table.error(f"{key!r} is no property of {name}; there are: {known}")
        if not isinstance(value, bool | int | float | str):
            raise table.error(f"{key} = {value!r} is no value of a property")
        found.append(BusDevice(name, key, value))
    return found


def _inputs(table: _Table) -> list[ScriptedInput]:
    time_us = table.duration("time")
    found = [ScriptedInput(time_us + later, what, table.line) for later, what in _happenings(table)]
    table.finish()
    return found


_Happenings = list[tuple[int, Input]]
"""What happens, and how much later than the table's time."""


def _happenings(table: _Table) -> _Happenings:
    """Return what a table lets happen, and how much later than its time."""
    for key, reader in _READERS.items():
        if key in table:
            return reader(table)
    *most, last = _READERS
    raise table.error(f"it says nothing that could happen: {', '.join(most)} or {last}")


def _pin(table: _Table) -> _Happenings:
    pin = table.take("pin", str)
    if "volts" in table:
        return [(0, Voltage(pin, table.take("volts", float)))]
    level = table.take("level", str)
    if level not in LEVELS:
        raise table.error(f"level = {level!r} is none of {', '.join(LEVELS)}")
    return [(0, Pin(pin, LEVELS[level]))]


def _button(table: _Table) -> _Happenings:
    name, pressed = table.take("button", str), table.take("pressed", bool, True)
    happenings: _Happenings = [(0, Button(name, pressed))]
    if "for" in table:
        happenings.append((table.duration("for"), Button(name, not pressed)))
    return happenings


def _characters(table: _Table) -> bytes:
    if "text" in table:
        text: str = table.take("text", str)
        return text.encode("utf-8")
    return _bytes(table, "bytes")


def _bytes(table: _Table, key: str, default: list[int] | None = None) -> bytes:
    values = table.take(key, list, default)
    if not all(type(value) is int and 0 <= value <= 255 for value in values):
        raise table.error(f"{key} are numbers of 0 to 255")
    return bytes(values)


def _uart(table: _Table) -> _Happenings:
    port = table.take("uart", str)
    if "clear_to_send" in table:
        return [(0, ClearToSend(port, table.take("clear_to_send", bool)))]
    if "break" in table:
        if not table.take("break", bool):
            raise table.error("break = false lets nothing happen")
        return [(0, Break(port))]
    errors = table.take("errors", list, [])
    if not all(isinstance(error, str) for error in errors):
        raise table.error('errors are written ["framing", "noise"]')
    return [(0, Uart(port, _characters(table), " ".join(errors)))]


def _i2c(table: _Table) -> _Happenings:
    bus = table.take("i2c", str)
    if "disturbance" in table:
        return [(0, I2cDisturbed(bus, table.take("disturbance", str)))]
    address, hz = table.take("address", int), table.take("hz", int, 100_000)
    return [(0, I2cAddressed(bus, address, _bytes(table, "write", []), table.take("read", int, 0), hz))]


def _spi(table: _Table) -> _Happenings:
    bus, hz = table.take("spi", str), table.take("hz", int, 1_000_000)
    return [(0, SpiAddressed(bus, _bytes(table, "bytes"), hz))]


def _reference(table: _Table) -> _Happenings:
    return [(0, Supply("reference", table.take("reference_volts", float)))]


def _battery(table: _Table) -> _Happenings:
    return [(0, Supply("battery", table.take("battery_volts", float)))]


def _channel(table: _Table) -> _Happenings:
    return [(0, ChannelVoltage(table.take("adc", str), table.take("channel", int), table.take("volts", float)))]


def _chip_temperature(table: _Table) -> _Happenings:
    return [(0, ChipTemperature(table.take("chip_celsius", float)))]


def _wake(table: _Table) -> _Happenings:
    return [(0, Wake(table.take("wake", str)))]


def _event(table: _Table) -> _Happenings:
    return [(0, SystemEvent(table.take("event", str)))]


def _link(table: _Table) -> _Happenings:
    return [(0, Link(table.take("link", str)))]


def _circumstance(table: _Table) -> _Happenings:
    return [(0, Circumstance(table.take("circumstance", str), table.take("value", bool)))]


def _reset(table: _Table) -> _Happenings:
    if not table.take("reset", bool):
        raise table.error("reset = false lets nothing happen")
    return [(0, Reset())]


def _device_changes(table: _Table) -> _Happenings:
    name = table.take("device", str)
    changes = _properties(table, name, None)
    if not changes:
        raise table.error(f"it says of {name} nothing that could change")
    return [(0, change) for change in changes]


_READERS: dict[str, Callable[[_Table], _Happenings]] = {
    "pin": _pin,
    "button": _button,
    "uart": _uart,
    "adc": _channel,
    "chip_celsius": _chip_temperature,
    "reference_volts": _reference,
    "battery_volts": _battery,
    "i2c": _i2c,
    "spi": _spi,
    "wake": _wake,
    "event": _event,
    "link": _link,
    "circumstance": _circumstance,
    "reset": _reset,
    "device": _device_changes,
}
"""Who reads a table, by the key that says what happens."""
