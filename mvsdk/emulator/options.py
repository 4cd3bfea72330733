"""What a device is made with: how it runs, who it is, and what is connected to it."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from typing import Any

from mvsdk.emulator.crashes import RestartPolicy
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

    def as_dict(self) -> dict[str, Any]:
        """Return them as plain data."""
        policy = self.restart_policy
        return {
            "seed": self.seed,
            "wall_start_us": self.wall_start_us,
            "restart_policy": None if policy is None else [policy.minimum_ms, policy.maximum_ms],
            "testing": self.testing,
            "strict_mmio": self.strict_mmio,
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
                **rest,
            } if wall_start_us >= 0 and not rest:
                return cls(seed, wall_start_us, _policy(policy), testing, strict_mmio)
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
    """Where a bus device is: its name, what it is ("mcp9808"), its bus ("I2C1") and its address there."""

    name: str
    device: str
    bus: str
    address: int

    def as_list(self) -> list[str | int]:
        """Return it as plain data."""
        return [self.name, self.device, self.bus, self.address]

    @classmethod
    def from_list(cls, data: object) -> Connection:
        """Read it from plain data. Raises `ValueError` for data that is none."""
        match data:
            case [str() as name, str() as device, str() as bus, int() as address]:
                return cls(name, device, bus, address)
        raise ValueError(f"{str(data)[:80]} is no connection")
