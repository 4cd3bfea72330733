"""Laws of device.toml: everything in it happens at its moment, and what cannot be is named by line."""

from __future__ import annotations

from pathlib import Path

import pytest

from mvsdk.emulator import script
from mvsdk.emulator.core import new_core
from mvsdk.emulator.device import Device
from mvsdk.emulator.errors import ScriptError
from mvsdk.emulator.events import Event, LogLine
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
    Pin,
    Reset,
    SpiAddressed,
    Supply,
    SystemEvent,
    Uart,
    Voltage,
    Wake,
)
from mvsdk.emulator.options import Connection
from tests.emulator.chip_guests import BOARD, TEMPERATURE, guest
from tests.emulator.examples import EXAMPLES

BUS = '[[bus]]\ndevice = "mcp9808"\nbus = "I2C1"\naddress = 0x18\n'


def written(folder: Path, text: str) -> script.Script:
    """Read a file with a text."""
    path = folder / "device.toml"
    path.write_text(text, encoding="utf-8")
    return script.read(path)


def bare() -> Device:
    """A device with nothing connected."""
    return EXAMPLES["hello"].device([])


def test_a_sensor_measures_what_the_file_says_when_it_says_so(tmp_path: Path) -> None:
    """A thermometer that is connected, set at the start and changed later is read by the guest as such."""
    text = BUS + 'name = "outside"\ncelsius = 37.5\n'
    events: list[Event] = []
    device = Device(BOARD, guest(TEMPERATURE), new_core(), observers=[events.append])
    read = written(tmp_path, text)
    read.prepare(device)
    device.run(10_000)
    assert any("37" in event.text for event in events if isinstance(event, LogLine))
    later = written(tmp_path, BUS + '[[at]]\ntime = "12ms"\ndevice = "mcp9808"\ncelsius = 41\n')
    other = bare()
    later.prepare(other)
    other.run(12_000 - 1)
    assert other.bus_devices["mcp9808"].celsius == 25.0  # type: ignore[union-attr]
    other.run(12_001)
    assert other.bus_devices["mcp9808"].celsius == 41.0  # type: ignore[union-attr]


def test_every_kind_of_input_can_be_written(tmp_path: Path) -> None:
    """Pins, voltages, buttons, characters, wake sources, events and resets wait at their moments, in order."""
    text = """
        [[at]]
        time = "1s"
        pin = "PF3"
        level = "high"
        [[at]]
        time = "2ms"
        pin = "PF3"
        level = "open"
        [[at]]
        time = "3"
        pin = "PA0"
        volts = 1
        [[at]]
        time = "1m"
        button = "user"
        for = "200ms"
        [[at]]
        time = "0s"
        uart = "USART2"
        text = "hé"
        [[at]]
        time = "5s"
        uart = "USART2"
        bytes = [0, 255]
        [[at]]
        time = "6s"
        wake = "RTC"
        [[at]]
        time = "7s"
        event = "NETWORK"
        [[at]]
        time = "8s"
        reset = true
        [[at]]
        time = "9s"
        circumstance = "kernel_busy"
        value = true
        [[at]]
        time = "10s"
        uart = "USART2"
        text = "x"
        errors = ["framing", "noise"]
        [[at]]
        time = "11s"
        reference_volts = 3
        [[at]]
        time = "12s"
        battery_volts = 2.9
        [[at]]
        time = "13s"
        i2c = "I2C1"
        address = 0x21
        write = [1, 2]
        read = 3
        hz = 400000
        [[at]]
        time = "14s"
        i2c = "I2C2"
        disturbance = "alert"
        [[at]]
        time = "15s"
        spi = "SPI1"
        bytes = [0x9F]
    """
    device = bare()
    written(tmp_path, text).schedule(device)
    second = 160_000_000
    assert list(device.inputs.waiting()) == [
        (1, Uart("USART2", "hé".encode())),
        (second // 500, Pin("PF3", None)),
        (second, Pin("PF3", True)),
        (3 * second, Voltage("PA0", 1.0)),
        (5 * second, Uart("USART2", b"\x00\xff")),
        (6 * second, Wake("RTC")),
        (7 * second, SystemEvent("NETWORK")),
        (8 * second, Reset()),
        (9 * second, Circumstance("kernel_busy", True)),
        (10 * second, Uart("USART2", b"x", "framing noise")),
        (11 * second, Supply("reference", 3.0)),
        (12 * second, Supply("battery", 2.9)),
        (13 * second, I2cAddressed("I2C1", 0x21, b"\1\2", 3, 400_000)),
        (14 * second, I2cDisturbed("I2C2", "alert")),
        (15 * second, SpiAddressed("SPI1", b"\x9f")),
        (60 * second, Button("user", True)),
        (60 * second + second // 5, Button("user", False)),
    ]


def test_devices_of_both_buses_and_their_wires_can_be_written(tmp_path: Path) -> None:
    """A memory with a chip select, a sensor on NSS and one on I2C with its output are connected as the file says."""
    text = """
        [[bus]]
        device = "25lc256"
        bus = "SPI1"
        select = "PA4"
        [[bus]]
        device = "lis3dh"
        bus = "SPI2"
        x = 0.5
        [[bus]]
        device = "mcp9808"
        bus = "I2C1"
        address = 0x18
        outputs = { ALERT = "PB11" }
        [[at]]
        time = "1s"
        uart = "USART2"
        clear_to_send = false
        [[at]]
        time = "2s"
        uart = "USART2"
        break = true
        [[at]]
        time = "3s"
        adc = "ADC1"
        channel = 9
        volts = 1.5
        [[at]]
        time = "4s"
        chip_celsius = 60
    """
    device = bare()
    written(tmp_path, text).prepare(device)
    assert device.connections == [
        Connection("25lc256", "25lc256", "SPI1", select="PA4"),
        Connection("lis3dh", "lis3dh", "SPI2"),
        Connection("mcp9808", "mcp9808", "I2C1", 0x18, outputs=(("ALERT", "PB11"),)),
    ]
    assert [what for _, what in device.inputs.waiting()] == [
        BusDevice("lis3dh", "x", 0.5),
        ClearToSend("USART2", False),
        Break("USART2"),
        ChannelVoltage("ADC1", 9, 1.5),
        ChipTemperature(60.0),
    ]


def test_what_is_past_does_not_happen_again(tmp_path: Path) -> None:
    """A device that goes on from later than an input's moment is not given it."""
    device = bare()
    device.run(1_000)
    written(tmp_path, '[[at]]\ntime="1ms"\nreset=true\n[[at]]\ntime="2ms"\nreset=true\n').schedule(device)
    assert [cycle for cycle, _ in device.inputs.waiting()] == [320_000]


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (1, "at = 5"),
        (1, "[at]\ntime = '1s'"),
        (2, "\nnosuch = 1"),
        (1, "[[at]]\nreset = true"),
        (1, "[[at]]\ntime = 5\nreset = true"),
        (1, "[[at]]\ntime = 'soon'\nreset = true"),
        (1, "[[at]]\ntime = '1s'"),
        (1, "[[at]]\ntime = '1s'\nreset = false"),
        (1, "[[at]]\ntime = '1s'\nreset = 1"),
        (1, "[[at]]\ntime = '1s'\npin = 'PA0'"),
        (1, "[[at]]\ntime = '1s'\npin = 'PA0'\nlevel = 'up'"),
        (1, "[[at]]\ntime = '1s'\npin = 'PA0'\nlevel = 'low'\nlvel = 1"),
        (4, "[[at]]\ntime = '1s'\nreset = true\n[[at]]\ntime = '1s'\nuart = 'USART2'\nbytes = [256]"),
        (1, "[[at]]\ntime = '1s'\nuart = 'USART2'"),
        (1, "[[at]]\ntime = '1s'\nuart = 'USART2'\ntext = 5"),
        (1, "[[at]]\ntime = '1s'\nbutton = 'user'\nfor = 'ever'"),
        (1, "[[at]]\ntime = '1s'\ndevice = 'x'"),
        (1, "[[at]]\ntime = '1s'\ndevice = 'x'\ncelsius = []"),
        (1, "[[bus]]\ndevice = 'nosuch'\nbus = 'I2C1'\naddress = 1"),
        (1, "[[bus]]\ndevice = 'mcp9808'\nbus = 'I2C1'"),
        (1, BUS + "kelvin = 1"),
        (1, BUS + "outputs = 5"),
        (1, BUS + "outputs = {ALERT = 5}"),
        (1, "[[bus]]\ndevice = 'mcp9808'\nbus = 'SPI1'"),
        (1, "[[bus]]\ndevice = '25lc256'\nbus = 'SPI1'\naddress = 5"),
        (1, "[[bus]]\ndevice = '25lc256'\nbus = 'SPI1'\nselect = 5"),
        (1, "[[at]]\ntime = '1s'\nuart = 'USART2'\nbreak = false"),
        (1, "[[at]]\ntime = '1s'\nadc = 'ADC1'\nvolts = 1"),
    ],
)
def test_what_is_wrong_is_named_by_its_line(tmp_path: Path, line: int, text: str) -> None:
    """Misspelt keys, missing ones and values of other types are errors at the table's line."""
    with pytest.raises(ScriptError, match=rf"device\.toml:{line}: "):
        written(tmp_path, text)


@pytest.mark.parametrize(
    "text",
    [
        "[[at]]\ntime = '1s'\npin = 'PZ0'\nlevel = 'low'",
        "[[at]]\ntime = '1s'\nbutton = 'nosuch'",
        "[[at]]\ntime = '1s'\ndevice = 'x'\ncelsius = 1",
        BUS.replace("I2C1", "I2C9"),
        BUS.replace("0x18", "0x80"),
        BUS + "celsius = 4000",
        BUS + "outputs = {INT1 = 'PA0'}",
        BUS + "outputs = {ALERT = 'PZ0'}",
        "[[bus]]\ndevice = '25lc256'\nbus = 'SPI1'\nselect = 'PZ0'",
        "[[at]]\ntime = '1s'\nadc = 'ADC1'\nchannel = 99\nvolts = 1",
        "[[at]]\ntime = '1s'\nchip_celsius = 999",
        BUS + BUS,
    ],
)
def test_what_the_device_cannot_take_is_named_by_its_line(tmp_path: Path, text: str) -> None:
    """What is well spelt but not there is an error at the table's line, before anything runs."""
    device = bare()
    read = written(tmp_path, text)
    with pytest.raises(ScriptError, match=r"device\.toml:\d+: "):
        read.prepare(device)


@pytest.mark.parametrize("data", [b"\xff", b"= 1"])
def test_what_is_no_toml_is_refused(tmp_path: Path, data: bytes) -> None:
    """A file that is not TOML is an error, and so is one that is not there."""
    path = tmp_path / "device.toml"
    path.write_bytes(data)
    with pytest.raises(ScriptError):
        script.read(path)
    with pytest.raises(ScriptError):
        script.read(tmp_path / "nowhere")
