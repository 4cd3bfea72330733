"""The LIS3DH accelerometer (ST, LIS3DH data sheet, chapters 3 to 8), on I2C at 0x18 or 0x19, or on SPI.

Modelled: output data rates, the three resolutions at the four scales, data ready and overrun, the FIFO in its modes,
the first interrupt generator with threshold, duration and latch, and the output "INT1". What `lis3dh.csv` calls "kept
only" can be written and read and does nothing. It measures once it has surroundings.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import ClassVar

from mvsdk.emulator.bus_devices.protocols import Reminder, Surroundings

ADDRESS = 0x18
"""Its address with SA0 low."""
FIFO_DEPTH = 32
_RATES_HZ = (0, 1, 10, 25, 50, 100, 200, 400, 1600, 1344)
_LOW_POWER_FASTEST_HZ = 5376
_MILLI_G = {12: (1, 2, 4, 12), 10: (4, 8, 16, 48), 8: (16, 32, 64, 192)}
"""What the last bit is worth, by resolution and scale."""
_THRESHOLD_MILLI_G = (16, 32, 62, 186)
_LOW_POWER, _AXES = 1 << 3, 0b111
_I1_IA1, _I1_ZYXDA, _I1_WTM, _I1_OVERRUN = 1 << 6, 1 << 4, 1 << 2, 1 << 1
_BIG_ENDIAN, _HIGH_RESOLUTION = 1 << 6, 1 << 3
_FIFO_EN, _LATCH = 1 << 6, 1 << 3
_ACTIVE_LOW = 1 << 1
_NEW, _OVERRUN = 0x0F, 0xF0
_BYPASS, _FIFO = 0, 1
_WATERMARK, _FULL, _EMPTY = 1 << 7, 1 << 6, 1 << 5
_AND, _ACTIVE = 1 << 7, 1 << 6
_LARGEST = 16.0


@dataclass(frozen=True, slots=True)
class _Register:
    name: str
    reset: int
    writable: int


@cache
def _registers() -> Mapping[int, _Register]:
    with files(__package__).joinpath("lis3dh.csv").open(encoding="utf-8") as file:
        return {
            int(row["address"], 16): _Register(row["name"], int(row["reset"], 16), int(row["writable"], 16))
            for row in csv.DictReader(file)
        }


class Lis3dh:
    """The sensor, an `I2cDevice` and an `SpiDevice`. At first it lies flat: 1 g along z."""

    OUTPUTS: ClassVar[tuple[str, ...]] = ("INT1",)
    STATE: ClassVar[tuple[str, ...]] = (
        "_x", "_y", "_z", "_values", "_samples", "_latest", "_status", "_source", "_held", "_pointer", "_increments",
        "_reading", "_first", "_sampling",
    )  # fmt: skip
    NOT_STATE: ClassVar[tuple[str, ...]] = ("_surroundings",)

    def __init__(self, acceleration: tuple[float, float, float] = (0.0, 0.0, 1.0)) -> None:
        self._x = self._y = self._z = 0.0
        self.acceleration = acceleration
        self._surroundings: Surroundings | None = None
        self._sampling: Reminder | None = None
        self._values = {register.name: register.reset for register in _registers().values()}
        self._samples: deque[tuple[int, int, int]] = deque()
        self._latest = (0, 0, 0)
        self._status = 0
        self._source = 0
        self._held = 0
        self._pointer = 0
        self._increments = self._reading = False
        self._first = True

    # -- what it measures ----------------------------------------------------------------------------------------------

    @property
    def acceleration(self) -> tuple[float, float, float]:
        """Along x, y and z in g, -16 to 16; may be changed at any time. `ValueError` for other values."""
        return self._x, self._y, self._z

    @acceleration.setter
    def acceleration(self, value: tuple[float, float, float]) -> None:
        self._x, self._y, self._z = (_checked(axis) for axis in value)

    @property
    def x(self) -> float:
        """Acceleration along x in g."""
        return self._x

    @x.setter
    def x(self, value: float) -> None:
        self._x = _checked(value)

    @property
    def y(self) -> float:
        """Acceleration along y in g."""
        return self._y

    @y.setter
    def y(self, value: float) -> None:
        self._y = _checked(value)

    @property
    def z(self) -> float:
        """Acceleration along z in g."""
        return self._z

    @z.setter
    def z(self, value: float) -> None:
        self._z = _checked(value)

    def attach(self, surroundings: Surroundings) -> None:
        """See `Situated`."""
        self._surroundings = surroundings
        self._sampling = surroundings.reminder(self._sample)
        self._drive()

    # -- the buses -----------------------------------------------------------------------------------------------------

    def start(self, *, reading: bool) -> bool:
        """Be addressed on I2C."""
        self._first = not reading
        return True

    def write(self, byte: int) -> bool:
        """Take a register's address, whose highest bit lets it count up, and then data."""
        if self._first:
            self._first = False
            self._pointer, self._increments = byte & 0x7F, bool(byte & 0x80)
        else:
            self._store(byte)
        return True

    def read(self) -> int:
        """Give a register."""
        return self._fetch()

    def stop(self) -> None:
        """Nothing has to be done."""

    def select(self) -> None:
        """Begin a transfer on SPI."""
        self._first = True

    def transfer(self, value: int, bits: int) -> int:
        """Exchange bytes; frames that are no whole bytes mean nothing to it."""
        if bits % 8:
            return (1 << bits) - 1
        answer = [self._exchange(byte) for byte in value.to_bytes(bits // 8, "big")]
        return int.from_bytes(bytes(answer), "big")

    def _exchange(self, byte: int) -> int:
        if self._first:
            self._first = False
            self._reading, self._increments, self._pointer = bool(byte & 0x80), bool(byte & 0x40), byte & 0x3F
            return 0xFF
        if self._reading:
            return self._fetch()
        self._store(byte)
        return 0xFF

    def deselect(self) -> None:
        """Nothing has to be done."""

    # -- registers -----------------------------------------------------------------------------------------------------

    def _name(self) -> str:
        register = _registers().get(self._pointer)
        return "" if register is None else register.name

    def _advance(self) -> None:
        """Count up; the last register of the data leads back to the first while there is a FIFO."""
        if not self._increments:
            return
        if self._name() == "OUT_Z_H" and self._fifo_mode() != _BYPASS:
            self._pointer -= 5
        else:
            self._pointer = (self._pointer + 1) & 0x7F

    def _fetch(self) -> int:
        name = self._name()
        match name:
            case "STATUS_REG":
                value = self._status
            case "FIFO_SRC_REG":
                value = self._fifo_source()
            case "INT1_SRC":
                value = self._source
                self._held = 0
                self._source &= ~_ACTIVE
                self._drive()
            case _ if name.startswith("OUT_"):
                value = self._data(name)
            case _:
                value = self._values.get(name, 0)
        self._advance()
        return value

    def _data(self, name: str) -> int:
        fifo = self._fifo_mode() != _BYPASS
        sample = self._samples[0] if fifo and self._samples else self._latest
        axis, high = "XYZ".index(name[4]), name.endswith("H")
        if self._values["CTRL_REG4"] & _BIG_ENDIAN:
            high = not high
        if name == "OUT_Z_H":
            if fifo and self._samples:
                self._samples.popleft()
            self._status = 0
            self._drive()
        return sample[axis] >> (8 if high else 0) & 0xFF

    def _store(self, byte: int) -> None:
        register = _registers().get(self._pointer)
        if register is not None and register.writable:
            old = self._values[register.name]
            self._values[register.name] = old & ~register.writable | byte & register.writable
            if register.name == "CTRL_REG1":
                self._pace()
            elif register.name in {"CTRL_REG5", "FIFO_CTRL_REG"} and self._fifo_mode() == _BYPASS:
                self._samples.clear()
            self._drive()
        self._advance()

    # -- measuring -----------------------------------------------------------------------------------------------------

    def _rate_hz(self) -> int:
        control = self._values["CTRL_REG1"]
        code = control >> 4
        if code == 9 and control & _LOW_POWER:
            return _LOW_POWER_FASTEST_HZ
        return _RATES_HZ[code] if code < len(_RATES_HZ) else 0

    def _pace(self) -> None:
        """Measure as often as CTRL_REG1 says, from now on."""
        if self._surroundings is None or self._sampling is None:
            return
        rate = self._rate_hz()
        period = self._surroundings.cycles(1_000_000 / rate) if rate else 0
        self._sampling.set(self._surroundings.cycle + period if rate else None)

    def _bits(self) -> int:
        if self._values["CTRL_REG1"] & _LOW_POWER:
            return 8
        return 12 if self._values["CTRL_REG4"] & _HIGH_RESOLUTION else 10

    def _sample(self, cycle: int) -> None:
        if self._surroundings is None or self._sampling is None:
            return
        bits, scale = self._bits(), self._values["CTRL_REG4"] >> 4 & 3
        enabled = self._values["CTRL_REG1"] & _AXES
        x, y, z = (
            _left_aligned(g, bits, _MILLI_G[bits][scale]) if enabled >> axis & 1 else 0
            for axis, g in enumerate(self.acceleration)
        )
        self._latest = x, y, z
        new = enabled | 1 << 3
        self._status |= new | (self._status & new) << 4
        self._keep(self._latest)
        self._judge(scale)
        self._drive()
        self._sampling.set(cycle + self._surroundings.cycles(1_000_000 / self._rate_hz()))

    def _fifo_mode(self) -> int:
        return self._values["FIFO_CTRL_REG"] >> 6 if self._values["CTRL_REG5"] & _FIFO_EN else _BYPASS

    def _keep(self, sample: tuple[int, int, int]) -> None:
        mode = self._fifo_mode()
        if mode == _BYPASS:
            return
        if len(self._samples) < FIFO_DEPTH:
            self._samples.append(sample)
        elif mode != _FIFO:
            self._samples.popleft()
            self._samples.append(sample)

    def _fifo_source(self) -> int:
        count = len(self._samples)
        source = min(count, FIFO_DEPTH - 1) | (_EMPTY if not count else 0) | (_FULL if count == FIFO_DEPTH else 0)
        return source | (_WATERMARK if count > self._values["FIFO_CTRL_REG"] & 0x1F else 0)

    def _judge(self, scale: int) -> None:
        """Compare the axes with the threshold: INT1_CFG says which of high and low matter, and whether all must."""
        wanted = self._values["INT1_CFG"] & 0x3F
        threshold = self._values["INT1_THS"] * _THRESHOLD_MILLI_G[scale]
        found = 0
        for axis, g in enumerate(self.acceleration):
            found |= (2 if abs(g) * 1000 > threshold else 1) << 2 * axis
        both = self._values["INT1_CFG"] & _AND
        event = bool(wanted) and ((found & wanted) == wanted if both else bool(found & wanted))
        self._held = self._held + 1 if event else 0
        active = event and self._held > self._values["INT1_DURATION"]
        if active:
            self._source = found & wanted | _ACTIVE
        elif not self._values["CTRL_REG5"] & _LATCH:
            self._source = found & wanted

    def _drive(self) -> None:
        """Put the level of INT1 on its pin."""
        if self._surroundings is None:
            return
        wanted, fifo = self._values["CTRL_REG3"], self._fifo_source()
        active = (
            (wanted & _I1_IA1 and self._source & _ACTIVE)
            or (wanted & _I1_ZYXDA and self._status & 1 << 3)
            or (wanted & _I1_WTM and self._fifo_mode() != _BYPASS and fifo & _WATERMARK)
            or (wanted & _I1_OVERRUN and self._fifo_mode() != _BYPASS and fifo & _FULL)
        )
        self._surroundings.drive("INT1", bool(active) != bool(self._values["CTRL_REG6"] & _ACTIVE_LOW))


def _checked(g: float) -> float:
    if not -_LARGEST <= g <= _LARGEST:
        raise ValueError(f"it measures {-_LARGEST:g} to {_LARGEST:g} g")
    return float(g)


def _left_aligned(g: float, bits: int, milli_g: int) -> int:
    """Return a value in the upper bits of a half-word, clipped to what they hold."""
    largest = (1 << bits - 1) - 1
    return min(max(round(g * 1000 / milli_g), -largest - 1), largest) << 16 - bits & 0xFFFF
