"""What a device is made with: how it runs, who it is, and what is connected to it."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from typing import Any

from mvsdk.emulator.bus_devices import I2cDevice, SpiDevice, make_i2c_device, make_spi_device
from mvsdk.emulator.crashes import RestartPolicy
from mvsdk.emulator.personality.microvisor.network import STAY_ONLINE, ConnectionPolicy
from mvsdk.emulator.soc.identity import UNIQUE_ID_LENGTH

_DEVICE_ID = re.compile(r"UV[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class DeviceOptions:
    """How a device runs; see `Device`."""

    seed: int = 0
    wall_start_us: int = 0
    restart_policy: RestartPolicy | None = None
    testing: bool = False
    strict_mmio: bool = False
    gate_clocks: bool = False
    connection_policy: ConnectionPolicy = STAY_ONLINE

    def as_dict(self) -> dict[str, Any]:
        """Return them as plain data."""
        policy = self.restart_policy
        return {
            "seed": self.seed,
            "wall_start_us": self.wall_start_us,
            "restart_policy": None if policy is None else [policy.minimum_ms, policy.maximum_ms],
            "testing": self.testing,
            "strict_mmio": self.strict_mmio,
            "gate_clocks": self.gate_clocks,
            "connection_policy": [self.connection_policy.grace_s, self.connection_policy.check_in_s],
        }

    @classmethod
    def from_dict(cls, data: object) -> DeviceOptions:
        """Read them from plain data. Raises `ValueError` for data that is none."""
        match data:
            case {
                "seed": int() as seed,
                "wall_start_us": int() as wall_start_us,
                "restart_policy": policy,
                "testing": bool() as testing,
                "strict_mmio": bool() as strict_mmio,
                "gate_clocks": bool() as gate_clocks,
                "connection_policy": [int() as grace_s, int() as check_in_s],
                **rest,
            } if min(wall_start_us, grace_s, check_in_s) >= 0 and not rest:
                connection = ConnectionPolicy(grace_s, check_in_s)
                return cls(seed, wall_start_us, _policy(policy), testing, strict_mmio, gate_clocks, connection)
        raise ValueError(f"{str(data)[:80]} are no options of a device")


def _policy(data: object) -> RestartPolicy | None:
    match data:
        case None:
            return None
        case [int() as minimum, int() as maximum] if minimum >= 0 and maximum >= 0:
            return RestartPolicy(minimum, maximum)
    raise ValueError(f"{str(data)[:80]} is no restart policy")


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a device is: the name it has in the cloud, "UV" and 32 hex digits, and the 12 bytes its chip was made with.

    Raises `ValueError` for others.
    """

    device_id: str
    unique_id: bytes

    def __post_init__(self) -> None:
        if _DEVICE_ID.fullmatch(self.device_id) is None:
            raise ValueError(f"{self.device_id!r} is no device id: it is UV and 32 hex digits")
        if len(self.unique_id) != UNIQUE_ID_LENGTH:
            raise ValueError(f"a unique id has {UNIQUE_ID_LENGTH} bytes, not {len(self.unique_id)}")

    def as_dict(self) -> dict[str, str]:
        """Return it as plain data."""
        return {"device_id": self.device_id, "unique_id": self.unique_id.hex()}

    @classmethod
    def from_dict(cls, data: object) -> Identity:
        """Read it from plain data. Raises `ValueError` for data that is none."""
        match data:
            case {"device_id": str() as device_id, "unique_id": str() as unique_id}:
                return cls(device_id, bytes.fromhex(unique_id))
        raise ValueError(f"{str(data)[:80]} is no identity")


def unique_id_of(seed: int) -> bytes:
    """Return the unique id that follows from a seed."""
    return random.Random(f"{seed}: unique id").randbytes(UNIQUE_ID_LENGTH)  # noqa: S311 - reproducible on purpose


@dataclass(frozen=True, slots=True)
class Connection:
    """Where a bus device is: its name, what it is ("mcp9808"), and its bus ("I2C1", "SPI1").

    On I2C it has an `address`. On SPI a low level of the pin `select` ("PA4") selects it, or without one the bus's own
    NSS. `outputs` are pairs of an output of the device and the pin it is wired to: ("ALERT", "PB11").
    """

    name: str
    device: str
    bus: str
    address: int | None = None
    select: str | None = None
    outputs: tuple[tuple[str, str], ...] = ()

    @property
    def on_spi(self) -> bool:
        """Whether its bus is an SPI."""
        return self.bus.startswith("SPI")

    def make_device(self) -> I2cDevice | SpiDevice:
        """Make such a device for such a bus. Raises `InputError` for one that is not known."""
        return make_spi_device(self.device) if self.on_spi else make_i2c_device(self.device)

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "name": self.name,
            "device": self.device,
            "bus": self.bus,
            "address": self.address,
            "select": self.select,
            "outputs": [list(pair) for pair in self.outputs],
        }

    @classmethod
    def from_dict(cls, data: object) -> Connection:
        """Read it from plain data. Raises `ValueError` for data that is none."""
        match data:
            case {
                "name": str() as name,
                "device": str() as device,
                "bus": str() as bus,
                "address": None | int() as address,
                "select": None | str() as select,
                "outputs": list() as outputs,
                **rest,
            } if not rest:
                return cls(name, device, bus, address, select, tuple(map(_output, outputs)))
        raise ValueError(f"{str(data)[:80]} is no connection")


def _output(data: object) -> tuple[str, str]:
    match data:
        case [str() as output, str() as pin]:
            return output, pin
    raise ValueError(f"{str(data)[:80]} is no output and its pin")
