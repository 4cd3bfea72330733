"""Laws of inputs and connections: what can be said happens, what cannot be is refused, and asking changes nothing."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvsdk.emulator.bus_devices import Ht16k33, Lis3dh, Mcp9808, SpiEeprom
from mvsdk.emulator.device import Device
from mvsdk.emulator.errors import InputError
from mvsdk.emulator.events import DisplayChanged, Event, I2cTransferEnded, SpiTransferEnded
from mvsdk.emulator.inputs import (
    Break,
    BusDevice,
    ChannelVoltage,
    ChipTemperature,
    ClearToSend,
    I2cAddressed,
    I2cDisturbed,
    Input,
    SpiAddressed,
    Supply,
    Uart,
    as_dict,
    check_property,
    from_dict,
)
from mvsdk.emulator.options import Connection
from mvsdk.emulator.saving import save
from tests.emulator.examples import EXAMPLES

THERMOMETER = Connection("outside", "mcp9808", "I2C1", 0x18, outputs=(("ALERT", "PB11"),))


def bare() -> Device:
    """A device with nothing connected."""
    return EXAMPLES["hello"].device([])


def alarmed_above_30() -> Mcp9808:
    """A thermometer whose alert latches above 30 degrees, in interrupt mode."""
    sensor = Mcp9808(21.0)
    for data in ([2, 30 << 4 >> 8, 30 << 4 & 0xFF], [4, 0x07, 0xFC], [3, 0x1E, 0x00], [1, 0x00, 0x09]):
        sensor.start(reading=False)
        for byte in data:
            sensor.write(byte)
        sensor.stop()
    return sensor


@given(celsius=st.floats(-200, 200))
def test_asking_whether_a_value_fits_changes_nothing(celsius: float) -> None:
    """A check neither latches an alert nor drives a pin, whatever the value; applying it does."""
    device = bare()
    device.connect(THERMOMETER, alarmed_above_30())
    before = device.state_hash()
    try:
        BusDevice("outside", "celsius", celsius).check(device)
    except InputError:
        assert not -40 <= celsius <= 125
    assert device.state_hash() == before


def test_an_alert_latches_when_the_value_is_applied() -> None:
    """The sensor of the law above does have an alert that stays."""
    sensor = alarmed_above_30()
    assert not sensor.alert
    sensor.celsius = 40.0
    sensor.celsius = 21.0
    assert sensor.alert


@pytest.mark.parametrize(
    "what",
    [
        Break("USART9"),
        ClearToSend("USART9", level=True),
        ChannelVoltage("ADC1", 99, 1.0),
        ChannelVoltage("ADC9", 1, 1.0),
        ChannelVoltage("ADC1", 9, 40.0),
        ChannelVoltage("ADC1", 9, float("nan")),
        ChipTemperature(1000.0),
        Uart("USART2", b"x", "rust"),
        Supply("mains", 3.0),
        Supply("reference", 0.0),
        Supply("battery", float("nan")),
        I2cAddressed("I2C9", 0x21),
        I2cAddressed("I2C1", 0x80),
        I2cAddressed("I2C1", 0x21, read=-1),
        I2cAddressed("I2C1", 0x21, hz=0),
        I2cDisturbed("I2C1", "rain"),
        SpiAddressed("SPI9", b""),
        SpiAddressed("SPI1", bytes(1 << 17)),
        SpiAddressed("SPI1", b"", hz=10**9),
    ],
)
def test_what_is_not_there_gets_no_input(what: Input) -> None:
    """Ports, channels and temperatures that a device cannot have are refused before anything happens."""
    with pytest.raises(InputError):
        bare().inputs.now(what)


@pytest.mark.parametrize(
    "what",
    [
        Break("USART2"),
        ClearToSend("USART2", level=False),
        ChannelVoltage("ADC1", 9, 1.0),
        ChipTemperature(60.0),
        Uart("USART2", b"x", "framing parity"),
        Supply("reference", 3.0),
        Supply("battery", 0.0),
        I2cAddressed("I2C1", 0x21, b"x"),
        SpiAddressed("SPI1", b"a longer one"),
    ],
)
def test_inputs_reach_the_chip(what: Input) -> None:
    """Each changes what the chip holds, at its cycle and not before."""
    device, other = EXAMPLES["ring"].device([]), EXAMPLES["ring"].device([])
    device.inputs.at(2_000, what)
    for one in (device, other):
        one.run(1_999)
    assert device.state_hash() == other.state_hash()
    for one in (device, other):
        one.run(2_010)
    assert save(device.chip) != save(other.chip)


def test_what_goes_without_saying_may_be_left_out() -> None:
    """Plain data without an input's optional fields is that input; without a needed one, or with others, it is none."""
    data = as_dict(Uart("USART2", b"x"))
    del data["errors"]
    assert from_dict(data) == Uart("USART2", b"x")
    for wrong in ({"kind": "uart", "port": "USART2"}, {**data, "colour": "red"}):
        with pytest.raises(InputError):
            from_dict(wrong)


def test_a_transfer_from_outside_is_answered() -> None:
    """Both buses tell what came of it, though the chip answered nothing."""
    events: list[Event] = []
    device = EXAMPLES["ring"].device(events)
    device.inputs.at(1_000, I2cAddressed("I2C1", 0x21, b"x"))
    device.inputs.at(1_000, SpiAddressed("SPI1", b"xyz"))
    device.run(3_000)
    told = [event for event in events if isinstance(event, I2cTransferEnded | SpiTransferEnded)]
    assert told == [
        SpiTransferEnded(1_024, "SPI1", (0xFF, 0xFF, 0xFF)),
        I2cTransferEnded(1_100, "I2C1", 0x21, acknowledged=False, written=0, received=()),
    ]


def test_a_device_is_made_from_what_its_connection_says() -> None:
    """Both kinds of bus find the device of that name."""
    device = bare()
    device.connect(Connection("memory", "25lc256", "SPI1", select="PA4"))
    device.connect(Connection("motion", "lis3dh", "SPI2"))
    device.connect(Connection("outside", "mcp9808", "I2C1", 0x18))
    assert [type(there) for there in device.bus_devices.values()] == [SpiEeprom, Lis3dh, Mcp9808]


def test_an_output_is_wired_to_its_pin() -> None:
    """The interrupt of a sensor that is connected by name arrives at the pin its connection names."""
    device = bare()
    device.connect(Connection("outside", "mcp9808", "I2C1", 0x18, outputs=(("ALERT", "PB11"),)), alarmed_above_30())
    device.inputs.now(BusDevice("outside", "celsius", 45.0))
    before = save(device.chip.ports["GPIOB"])
    device.run(1_000)
    assert save(device.chip.ports["GPIOB"]) != before


@pytest.mark.parametrize(
    "connection",
    [
        Connection("x", "nosuch", "I2C1", 1),
        Connection("x", "mcp9808", "SPI1"),
        Connection("x", "25lc256", "I2C1", 1),
        Connection("x", "mcp9808", "I2C9", 1),
        Connection("x", "25lc256", "SPI9"),
        Connection("x", "mcp9808", "I2C1"),
        Connection("x", "mcp9808", "I2C1", -1),
        Connection("x", "mcp9808", "I2C1", 0x80),
        Connection("x", "mcp9808", "I2C1", 1, select="PA4"),
        Connection("x", "25lc256", "SPI1", address=1),
        Connection("x", "25lc256", "SPI1", select="PZ4"),
        Connection("x", "mcp9808", "I2C1", 1, outputs=(("INT1", "PA0"),)),
        Connection("x", "mcp9808", "I2C1", 1, outputs=(("ALERT", "PZ0"),)),
        Connection("taken", "mcp9808", "I2C1", 1),
        Connection("x", "mcp9808", "I2C1", 0x20),
        Connection("x", "25lc256", "SPI1", select="PA4"),
    ],
)
def test_what_cannot_be_connected_is_refused(connection: Connection) -> None:
    """Kinds, buses, places and pins that are not there or taken are errors, and the device stays as it was."""
    device = bare()
    device.connect(Connection("taken", "mcp9808", "I2C1", 0x20))
    device.connect(Connection("memory", "25lc256", "SPI1", select="PA4"))
    before = device.state_hash()
    with pytest.raises(InputError):
        device.connect(connection)
    assert device.state_hash() == before
    assert set(device.bus_devices) == {"taken", "memory"}


@given(
    there=st.builds(
        Connection,
        st.text(),
        st.text(),
        st.text(),
        st.none() | st.integers(),
        st.none() | st.text(),
        st.lists(st.tuples(st.text(), st.text())).map(tuple),
    )
)
def test_connections_pass_through_json(there: Connection) -> None:
    """What is written down of a connection is read as the same one."""
    assert Connection.from_dict(json.loads(json.dumps(there.as_dict()))) == there


@pytest.mark.parametrize("change", [{"bus": 1}, {"address": "x"}, {"outputs": [["A"]]}, {"outputs": {}}, {"more": 1}])
def test_what_is_no_connection_is_refused(change: dict[str, object]) -> None:
    """Other types and other keys are errors."""
    with pytest.raises(ValueError, match="is no"):
        Connection.from_dict(THERMOMETER.as_dict() | change)


@pytest.mark.parametrize(("name", "value"), [("kelvin", 1.0), ("celsius", "warm"), ("celsius", 400.0)])
def test_properties_take_their_values_only(name: str, value: object) -> None:
    """A property that is not there, a value of another type or out of range is refused."""
    with pytest.raises(InputError):
        check_property(Mcp9808(), name, value)


def test_two_displays_are_told_apart() -> None:
    """Each is called as it was connected, in events as elsewhere."""
    events: list[Event] = []
    device = EXAMPLES["hello"].device(events)
    displays = {name: Ht16k33() for name in ("left", "right")}
    for address, (name, display) in enumerate(displays.items(), start=0x70):
        device.connect(Connection(name, "ht16k33", "I2C1", address), display)
    device.chip.connect_i2c("I2C2", 0x70, third := Ht16k33())
    for display in (displays["right"], displays["left"], third):
        for data in ([0, 1], [0x21], [0x81]):
            display.start(reading=False)
            for byte in data:
                display.write(byte)
            display.stop()
    assert [event.name for event in events if isinstance(event, DisplayChanged)] == ["right", "left", "I2C2 0x70"]
