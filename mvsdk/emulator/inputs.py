"""What reaches a running device from outside, and the only way for it to do so.

A button, a pin's level, characters for a serial port, what a sensor measures: each is an `Input`, a plain value. Given
to `Inputs` it waits for its cycle and happens there, whoever gave it: a person at a console, a script, a recording. So
a run depends on image, seed and the list of its inputs and their cycles, and that list can be kept and played again.

An input that is to happen "now" happens at the next cycle. Inputs of one cycle happen in the order they were given, and
before anything else that is due then.
"""

from __future__ import annotations

import base64
import heapq
import re
import typing
from collections.abc import Callable, Iterator
from dataclasses import MISSING, dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar

from mvsdk.bundle import Image, ImageFileError, vector_table_problem
from mvsdk.emulator.crashes import RestartPolicy
from mvsdk.emulator.errors import InputError
from mvsdk.emulator.network.exchanges import Answer, answer_as_dict, answer_from_dict
from mvsdk.emulator.personality.microvisor.network import ConnectionPolicy, LinkState
from mvsdk.emulator.soc.i2c import DISTURBANCES
from mvsdk.emulator.soc.i2c_target import I2cTransfer
from mvsdk.emulator.soc.spi_target import SpiTransfer
from mvsdk.emulator.soc.uart import FE, NE, PE

if TYPE_CHECKING:
    from mvsdk.emulator.device import Device

HIGHEST_VOLTS = 4.0
"""What a pin bears at any supply (DS13086, "Absolute maximum ratings")."""
LOWEST_CELSIUS, HIGHEST_CELSIUS = -40, 130
"""What the chip's junction stands (DS13086, "General operating conditions")."""
SUPPLIES = {"reference": (1.62, 3.6), "battery": (0.0, 3.6)}
"""The lowest and highest volts of the supplies that can change (DS13086, "General operating conditions"); a battery can
be absent."""
LONGEST_TRANSFER = 1 << 16
"""Bytes that another controller exchanges at once; a limit of ours."""
FASTEST_I2C_HZ, FASTEST_SPI_HZ = 1_000_000, 50_000_000
"""What the chip stands as a target (DS13086, "I2C interface characteristics", "SPI characteristics")."""
Scalar = bool | int | float | str


@dataclass(frozen=True, slots=True)
class Input:
    """Something that happens to a device. `check` raises `InputError` where it cannot; then it must not be applied."""

    kind: ClassVar[str]

    def check(self, device: Device) -> None:
        """Raise `InputError` if this cannot happen to the device."""

    def apply(self, device: Device) -> None:
        """Let it happen."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Pin(Input):
    """A level is wired to a pin ("PF3"), or with None nothing any more."""

    kind: ClassVar[str] = "pin"
    pin: str
    level: bool | None

    def check(self, device: Device) -> None:
        """The pin must exist."""
        port_and_pin(device, self.pin)

    def apply(self, device: Device) -> None:
        """Drive it."""
        device.chip.drive_pin(*port_and_pin(device, self.pin), self.level)


@dataclass(frozen=True, slots=True)
class Voltage(Input):
    """A voltage is wired to a pin ("PA0"): what an analogue input measures, and a digital one compares."""

    kind: ClassVar[str] = "voltage"
    pin: str
    volts: float

    def check(self, device: Device) -> None:
        """The pin must exist and bear the voltage."""
        port_and_pin(device, self.pin)
        if not 0 <= self.volts <= HIGHEST_VOLTS:
            raise InputError(f"{self.pin} does not bear {self.volts:g} V", f"give 0 to {HIGHEST_VOLTS} V")

    def apply(self, device: Device) -> None:
        """Apply it."""
        device.chip.apply_voltage(*port_and_pin(device, self.pin), self.volts)


@dataclass(frozen=True, slots=True)
class Button(Input):
    """A button of the board is pressed or let go of."""

    kind: ClassVar[str] = "button"
    button: str
    pressed: bool

    def check(self, device: Device) -> None:
        """The board must have the button."""
        names = [button.name for button in device.board.buttons]
        if self.button not in names:
            raise _unknown("button", self.button, names)

    def apply(self, device: Device) -> None:
        """Press it, or let go."""
        button = next(button for button in device.board.buttons if button.name == self.button)
        device.chip.press(button, pressed=self.pressed)


LINE_ERRORS = {"parity": PE, "framing": FE, "noise": NE}
"""What can happen to a character on its way."""


@dataclass(frozen=True, slots=True)
class Uart(Input):
    """Characters are sent to a serial port ("USART2"), at the speed it is set to.

    `errors` names what each of them suffers on its way: "parity", "framing", "noise", or several with blanks between.
    """

    kind: ClassVar[str] = "uart"
    port: str
    data: bytes
    errors: str = ""

    def check(self, device: Device) -> None:
        """The port must have a model, and the errors exist."""
        _check_port(device, self.port)
        for error in self.errors.split():
            if error not in LINE_ERRORS:
                raise _unknown("error of a line", error, LINE_ERRORS)

    def apply(self, device: Device) -> None:
        """Send them."""
        errors = {LINE_ERRORS[error] for error in self.errors.split()}
        device.chip.receive(self.port, self.data, errors=sum(errors))


@dataclass(frozen=True, slots=True)
class Break(Input):
    """A break is sent to a serial port."""

    kind: ClassVar[str] = "break"
    port: str

    def check(self, device: Device) -> None:
        """The port must have a model."""
        _check_port(device, self.port)

    def apply(self, device: Device) -> None:
        """Send it."""
        device.chip.receive_break(self.port)


@dataclass(frozen=True, slots=True)
class ClearToSend(Input):
    """The other side of a serial port says by CTS whether it takes characters."""

    kind: ClassVar[str] = "clear-to-send"
    port: str
    level: bool

    def check(self, device: Device) -> None:
        """The port must have a model."""
        _check_port(device, self.port)

    def apply(self, device: Device) -> None:
        """Say so."""
        device.chip.clear_to_send(self.port, self.level)


@dataclass(frozen=True, slots=True)
class ChannelVoltage(Input):
    """A converter's channel has a voltage, whatever its pin has: channel 9 of "ADC1"."""

    kind: ClassVar[str] = "channel"
    adc: str
    channel: int
    volts: float

    def check(self, device: Device) -> None:
        """The channel must exist and bear the voltage."""
        if not device.chip.analogue.has_channel(self.adc, self.channel):
            raise InputError(f"there is no channel {self.channel} of {self.adc!r}", "docs/chip.md names the converters")
        if not 0 <= self.volts <= HIGHEST_VOLTS:
            raise InputError(f"{self.adc} does not bear {self.volts:g} V", f"give 0 to {HIGHEST_VOLTS} V")

    def apply(self, device: Device) -> None:
        """Apply it."""
        device.chip.set_voltage(self.adc, self.channel, self.volts)


@dataclass(frozen=True, slots=True)
class ChipTemperature(Input):
    """The chip has a temperature in degrees, which its sensor shows to a converter."""

    kind: ClassVar[str] = "chip-temperature"
    celsius: float

    def check(self, device: Device) -> None:
        """It must be one that the chip stands."""
        if not LOWEST_CELSIUS <= self.celsius <= HIGHEST_CELSIUS:
            raise InputError(
                f"the chip does not stand {self.celsius:g} degrees", f"give {LOWEST_CELSIUS} to {HIGHEST_CELSIUS}"
            )

    def apply(self, device: Device) -> None:
        """Let it be so warm."""
        device.chip.analogue.celsius = self.celsius


@dataclass(frozen=True, slots=True)
class Supply(Input):
    """A supply of the chip has another voltage: "reference" (VREF+, what converters measure by) or "battery" (VBAT)."""

    kind: ClassVar[str] = "supply"
    supply: str
    volts: float

    def check(self, device: Device) -> None:
        """There must be such a supply, and it must be able to have the voltage."""
        if self.supply not in SUPPLIES:
            raise _unknown("supply", self.supply, SUPPLIES)
        lowest, highest = SUPPLIES[self.supply]
        if not lowest <= self.volts <= highest:
            raise InputError(f"the {self.supply} cannot have {self.volts:g} V", f"give {lowest:g} to {highest:g} V")

    def apply(self, device: Device) -> None:
        """Let it have the voltage."""
        setattr(device.chip.analogue, self.supply, self.volts)


@dataclass(frozen=True, slots=True)
class I2cAddressed(Input):
    """Another controller on a bus ("I2C1") addresses the chip as a target: it writes `data`, reads `read` bytes after
    a repeated start, and stops. How it went is told as an `I2cTransferEnded` event."""

    kind: ClassVar[str] = "i2c"
    bus: str
    address: int
    data: bytes = b""
    read: int = 0
    hz: int = 100_000

    def check(self, device: Device) -> None:
        """The bus must have a model, the address seven bits, and the speed be one of I2C."""
        _check_bus(self.bus, device.chip.buses)
        if not 0 <= self.address < 1 << 7:
            raise InputError(f"{self.address} is no address of an I2C bus", "give 0 to 0x7f; 0 is the general call")
        if not 0 <= self.read <= LONGEST_TRANSFER or len(self.data) > LONGEST_TRANSFER:
            raise InputError("no transfer is that long", f"write and read up to {LONGEST_TRANSFER} bytes")
        _check_speed(self.hz, FASTEST_I2C_HZ)

    def apply(self, device: Device) -> None:
        """Let the transfer begin, or fail where the bus is busy."""
        device.chip.address_i2c(self.bus, I2cTransfer(self.address, self.data, self.read, self.hz))


@dataclass(frozen=True, slots=True)
class I2cDisturbed(Input):
    """Something goes wrong on a bus ("I2C1"): "bus error", "lost arbitration", or "alert", which pulls SMBA low."""

    kind: ClassVar[str] = "i2c-disturbed"
    bus: str
    what: str

    def check(self, device: Device) -> None:
        """The bus must have a model, and there must be such a disturbance."""
        _check_bus(self.bus, device.chip.buses)
        if self.what not in DISTURBANCES:
            raise _unknown("disturbance of a bus", self.what, DISTURBANCES)

    def apply(self, device: Device) -> None:
        """Let it happen."""
        device.chip.buses[self.bus].disturb(self.what)


@dataclass(frozen=True, slots=True)
class SpiAddressed(Input):
    """Another controller on an SPI ("SPI1") selects the chip as a target and exchanges bytes with it, those that are
    first on the line first. What it got is told as an `SpiTransferEnded` event."""

    kind: ClassVar[str] = "spi"
    bus: str
    data: bytes
    hz: int = 1_000_000

    def check(self, device: Device) -> None:
        """The bus must have a model, and the speed be one of SPI."""
        _check_bus(self.bus, device.chip.spis)
        if len(self.data) > LONGEST_TRANSFER:
            raise InputError("no transfer is that long", f"exchange up to {LONGEST_TRANSFER} bytes")
        _check_speed(self.hz, FASTEST_SPI_HZ)

    def apply(self, device: Device) -> None:
        """Let the transfer begin, or fail where another one has the bus."""
        device.chip.address_spi(self.bus, SpiTransfer(self.data, self.hz))


@dataclass(frozen=True, slots=True)
class BusDevice(Input):
    """A property of a device on a bus changes, such as the `celsius` of a thermometer. `device` is the name it was
    connected by."""

    kind: ClassVar[str] = "bus-device"
    device: str
    property: str
    value: Scalar

    def check(self, device: Device) -> None:
        """The device must be connected, have the property and take the value."""
        if self.device not in device.bus_devices:
            raise _unknown("bus device", self.device, device.bus_devices)
        check_property(device.bus_devices[self.device], self.property, self.value)

    def apply(self, device: Device) -> None:
        """Change it."""
        setattr(device.bus_devices[self.device], self.property, self.value)


@dataclass(frozen=True, slots=True)
class Wake(Input):
    """Something ends a deep sleep: the name of a `WakeSource`."""

    kind: ClassVar[str] = "wake"
    source: str

    def check(self, device: Device) -> None:
        """There must be such a source."""
        _member(device.wake_sources, "wake source", self.source)

    def apply(self, device: Device) -> None:
        """Wake the device."""
        device.wake(_member(device.wake_sources, "wake source", self.source))


@dataclass(frozen=True, slots=True)
class SystemEvent(Input):
    """The kernel has something to tell: "NETWORK" or "UPDATE"; see `Microvisor.system_event`."""

    kind: ClassVar[str] = "system-event"
    source: str

    def check(self, device: Device) -> None:
        """There must be such a source."""
        if self.source not in device.kernel.system_sources:
            raise _unknown("source of system events", self.source, device.kernel.system_sources)

    def apply(self, device: Device) -> None:
        """Let the kernel tell it."""
        device.kernel.system_event(self.source)


@dataclass(frozen=True, slots=True)
class Circumstance(Input):
    """Something around the application becomes true or false: a field of the kernel's `Circumstances`."""

    kind: ClassVar[str] = "circumstance"
    name: str
    value: bool

    def check(self, device: Device) -> None:
        """There must be such a circumstance."""
        known = [field.name for field in fields(device.kernel.circumstances)]
        if self.name not in known:
            raise _unknown("circumstance", self.name, known)

    def apply(self, device: Device) -> None:
        """Let it be so."""
        setattr(device.kernel.circumstances, self.name, self.value)


@dataclass(frozen=True, slots=True)
class Link(Input):
    """The network's link changes: the value of a `LinkState`, "up", "no-server" or "down"."""

    kind: ClassVar[str] = "link"
    state: str

    def check(self, device: Device) -> None:
        """There must be such a state."""
        known = [state.value for state in LinkState]
        if self.state not in known:
            raise _unknown("state of the link", self.state, known)

    def apply(self, device: Device) -> None:
        """Let it be so."""
        device.kernel.network.link = LinkState(self.state)


@dataclass(frozen=True, slots=True)
class Arrival(Input):
    """Something arrives by the network for one of the application's channels."""

    kind: ClassVar[str] = "arrival"
    answer: Answer

    def apply(self, device: Device) -> None:
        """Give it to the channel."""
        device.kernel.channels.arrived(self.answer)


@dataclass(frozen=True, slots=True)
class Reset(Input):
    """Somebody presses the board's reset button."""

    kind: ClassVar[str] = "reset"

    def apply(self, device: Device) -> None:
        """Start everything anew."""
        device.press_reset()


@dataclass(frozen=True, slots=True)
class RemoteRestart(Input):
    """The cloud has the application started anew."""

    kind: ClassVar[str] = "remote-restart"

    def apply(self, device: Device) -> None:
        """Start it anew; it finds why."""
        device.restart("REMOTEAPPLICATIONRESTART")


@dataclass(frozen=True, slots=True)
class ApplicationStopped(Input):
    """The kernel ends the application because another one is to be installed in its place."""

    kind: ClassVar[str] = "application-stopped"

    def apply(self, device: Device) -> None:
        """End it."""
        device.vacate()


@dataclass(frozen=True, slots=True)
class ApplicationInstalled(Input):
    """The kernel has installed another application and starts it. `image` is base64.

    `restart` and `connection` are what its manifest asks for, as far as the device follows that: bounds in milliseconds
    (-1 for the end of the run at a fault), and seconds. `testing` says that it runs as the factory's test code.
    """

    kind: ClassVar[str] = "application-installed"
    image: str
    wake_reason: str
    restart_minimum_ms: int = -1
    restart_maximum_ms: int = -1
    connection_grace_s: int = 0
    connection_check_in_s: int = 0
    testing: bool = False

    @classmethod
    def of(
        cls,
        image: Image,
        wake_reason: str,
        restart: RestartPolicy | None,
        connection: ConnectionPolicy,
        *,
        testing: bool = False,
    ) -> ApplicationInstalled:
        """Return the input for an image and what its manifest asks for."""
        bounds = (restart.minimum_ms, restart.maximum_ms) if restart else (-1, -1)
        encoded = base64.b64encode(image.data).decode("ascii")
        return cls(encoded, wake_reason, *bounds, connection.grace_s, connection.check_in_s, testing)

    def check(self, device: Device) -> None:
        """The image must fit and be one that can be started, and the wake reason be one."""
        image = self._image()
        if len(image.data) > device.board.flash.size:
            raise InputError(f"an image of {len(image.data)} bytes does not fit the flash", "give a smaller one")
        problem = vector_table_problem(image, device.board)
        if problem:
            raise InputError(f"the image cannot be started: {problem}", "give the image of an application")
        if self.wake_reason not in device.kernel.wake_reasons:
            raise _unknown("wake reason", self.wake_reason, device.kernel.wake_reasons)

    def apply(self, device: Device) -> None:
        """Start it."""
        stays = self.restart_minimum_ms < 0
        device.install(
            self._image(),
            self.wake_reason,
            restart_policy=None if stays else RestartPolicy(self.restart_minimum_ms, self.restart_maximum_ms),
            connection_policy=ConnectionPolicy(self.connection_grace_s, self.connection_check_in_s),
            testing=self.testing,
        )

    def _image(self) -> Image:
        try:
            return Image(base64.b64decode(self.image, validate=True))
        except ValueError as error:
            raise InputError(f"the image is not base64: {error}", "keep what a recording holds as it is") from error
        except ImageFileError as error:
            raise InputError(error.what, error.remedy) from error


KINDS: dict[str, type[Input]] = {
    kind.kind: kind
    for kind in (
        Pin, Voltage, Button, Uart, Break, ClearToSend, ChannelVoltage, ChipTemperature, Supply, I2cAddressed,
        I2cDisturbed, SpiAddressed, BusDevice, Wake, SystemEvent, Circumstance, Link, Arrival, Reset, RemoteRestart,
        ApplicationStopped, ApplicationInstalled,
    )
}  # fmt: skip


class Inputs:
    """What is to happen to one device. `hurry` is told the cycle of whatever is added, while the device may be running.

    `recorder`, if somebody sets it, is called with the cycle and the input whenever one happens.
    """

    def __init__(self, device: Device, hurry: Callable[[int], None]) -> None:
        self._device = device
        self._hurry = hurry
        self._waiting: list[tuple[int, int, Input]] = []
        self._given = 0
        self.recorder: Callable[[int, Input], None] | None = None

    def now(self, what: Input) -> None:
        """Let something happen at the next cycle. Raises `InputError` for what cannot happen to this device."""
        self.at_cycle(self._device.core.cycle + 1, what)

    def at(self, time_us: int, what: Input) -> None:
        """Let something happen at a moment of the device's time; one that is past is the next cycle."""
        self.at_cycle(self._device.cycle_at(time_us), what)

    def at_cycle(self, cycle: int, what: Input) -> None:
        """Let something happen at a cycle; one that is past is the next cycle."""
        self.wait(max(cycle, self._device.core.cycle + 1), what)

    def wait(self, cycle: int, what: Input) -> None:
        """Let something happen at a cycle, even at one that is reached already: before the device goes on, then."""
        what.check(self._device)
        heapq.heappush(self._waiting, (cycle, self._given, what))
        self._given += 1
        self._hurry(cycle)

    @property
    def next_cycle(self) -> int | None:
        """The cycle of the next input; None when none waits."""
        return self._waiting[0][0] if self._waiting else None

    def run_due(self, cycle: int) -> None:
        """Let everything happen that is due at `cycle`."""
        while self._waiting and self._waiting[0][0] <= cycle:
            due, _, what = heapq.heappop(self._waiting)
            if self.recorder is not None:
                self.recorder(due, what)
            what.apply(self._device)

    def waiting(self) -> Iterator[tuple[int, Input]]:
        """Yield what has not happened yet with its cycle, in order."""
        yield from ((cycle, what) for cycle, _, what in sorted(self._waiting, key=lambda entry: entry[:2]))

    def forget(self) -> None:
        """Let nothing of what waits happen."""
        self._waiting.clear()


# -- inputs as plain data --------------------------------------------------------------------------------------------


def as_dict(what: Input) -> dict[str, Any]:
    """Return an input as plain data: its kind and its fields; bytes as text with a character for each."""
    if isinstance(what, Arrival):
        return {"kind": what.kind, "answer": answer_as_dict(what.answer)}
    values = {field.name: getattr(what, field.name) for field in fields(what)}
    return {"kind": what.kind} | {
        name: value.decode("latin-1") if isinstance(value, bytes) else value for name, value in values.items()
    }


def from_dict(data: object) -> Input:
    """Return the input that plain data stands for. Raises `InputError` for data that is none."""
    if not isinstance(data, dict) or not isinstance(data.get("kind"), str) or data["kind"] not in KINDS:
        raise InputError(f"{str(data)[:80]!r} is no input", f"the kinds of input are {', '.join(sorted(KINDS))}")
    kind = KINDS[data["kind"]]
    if kind is Arrival and data.keys() == {"kind", "answer"}:
        return Arrival(_answer(data["answer"]))
    values = {key: value for key, value in data.items() if key != "kind"}
    hints = typing.get_type_hints(kind)
    known = [field.name for field in fields(kind)]
    needed = {field.name for field in fields(kind) if field.default is MISSING}
    if not needed <= values.keys() <= set(known):
        raise InputError(f"a {kind.kind} input has {sorted(values)}", f"it takes {', '.join(known) or 'nothing'}")
    return kind(**{name: _read(kind, name, value, hints[name]) for name, value in values.items()})


def _answer(data: object) -> Answer:
    try:
        return answer_from_dict(data)
    except ValueError as error:
        kind = data.get("kind") if isinstance(data, dict) else None  # the rest may be a secret
        raise InputError(
            f"{str(kind)[:80]!r} is no answer ({error})", "keep what a recording holds as it is"
        ) from error


def _read(kind: type[Input], name: str, value: object, hint: Any) -> object:  # noqa: ANN401 - a type hint
    if hint is bytes and isinstance(value, str):
        try:
            return value.encode("latin-1")
        except UnicodeEncodeError as error:
            raise InputError(f"{kind.kind}.{name} holds {value!r}", "write a character for each byte") from error
    allowed = typing.get_args(hint) or (hint,)
    if hint is float and type(value) is int:
        return float(value)
    if type(value) not in allowed:
        expected = " or ".join("nothing" if kind is type(None) else kind.__name__ for kind in allowed)
        raise InputError(f"{kind.kind}.{name} is {value!r}", f"it takes {expected}")
    return value


# -- properties of bus devices ---------------------------------------------------------------------------------------


def properties(device: object) -> dict[str, type]:
    """Return what can be set on a bus device: its properties with a setter, and their types."""
    found = {}
    for kind in reversed(type(device).__mro__):
        for name, attribute in vars(kind).items():
            if isinstance(attribute, property) and attribute.fset is not None and not name.startswith("_"):
                found[name] = typing.get_type_hints(attribute.fget)["return"]
    return found


def check_property(device: object, name: str, value: object) -> None:
    """Raise `InputError` unless the device has the property and takes the value: its type must be right, and its
    setter not refuse it with a `ValueError`, whatever else the device holds."""
    known = properties(device)
    if name not in known:
        raise _unknown("property", name, known)
    wanted = known[name]
    if type(value) is not wanted and not (wanted is float and type(value) is int):
        raise InputError(f"{name} is {value!r}", f"it takes a value of type {wanted.__name__}")
    try:
        # Another one of its kind is asked: setting a value and setting it back can leave traces, such as an alert.
        setattr(type(device)(), name, value)
    except ValueError as error:
        raise InputError(f"{name} cannot be {value!r}: {error}", "give a value the device can have") from error


_PIN = re.compile(r"P([A-Z])(1[0-5]|[0-9])")


def port_and_pin(device: Device, name: str) -> tuple[str, int]:
    """Return the port and the number of a pin that a device has: ("GPIOF", 3) for "PF3". Raises `InputError`."""
    match = _PIN.fullmatch(name)
    if match is None or f"GPIO{match[1]}" not in device.chip.ports:
        letters = ", ".join(sorted(port.removeprefix("GPIO") for port in device.chip.ports))
        raise InputError(f"there is no pin {name!r}", f"pins are called PA0 to PA15; the ports are {letters}")
    return f"GPIO{match[1]}", int(match[2])


def _check_port(device: Device, name: str) -> None:
    if name not in device.chip.uarts:
        raise _unknown("serial port", name, device.chip.uarts)


def _check_bus(name: str, known: typing.Iterable[str]) -> None:
    if name not in known:
        raise _unknown("bus", name, known)


def _check_speed(hz: int, highest: int) -> None:
    if not 1 <= hz <= highest:
        raise InputError(f"a bus does not run at {hz} Hz", f"give 1 to {highest} Hz")


def _member(kind: Any, what: str, name: str) -> Any:  # noqa: ANN401 - any enum
    try:
        return kind[name]
    except KeyError:
        raise _unknown(what, name, kind.__members__) from None


def _unknown(what: str, name: str, known: typing.Iterable[str]) -> InputError:
    return InputError(f"there is no {what} {name!r}", f"there are: {', '.join(sorted(known)) or 'none'}")
