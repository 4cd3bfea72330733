"""The voltages that the converters see: what a test puts on pins, and the chip's own sources."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import ClassVar

from mvsdk.emulator.soc.registers import rows

_FULL_SCALE = (1 << 14) - 1


@cache
def _facts() -> Mapping[str, float]:
    facts = tomllib.loads(files(__package__).joinpath("analogue.toml").read_text(encoding="utf-8"))
    return {**facts.pop("calibration"), **{f"at {name}": value for name, value in facts.items()}}


@cache
def _channels() -> Mapping[tuple[str, int], Mapping[str, str]]:
    return {(row["adc"], int(row["channel"])): row for row in rows("adc-channels")}


class AnalogueInputs:
    """Everything analogue. `celsius` is the die's temperature; it and the voltages may be changed at any time.

    `pin_volts` gives the voltage of a pin.
    """

    STATE: ClassVar[tuple[str, ...]] = ("celsius", "_reference", "battery", "_forced")

    def __init__(self, pin_volts: Callable[[str, int], float]) -> None:
        self._pin_volts = pin_volts
        self.celsius = _facts()["at celsius"]
        self._reference = _facts()["at reference_volts"]
        self.battery = _facts()["at battery_volts"]
        """VBAT in volts."""
        self._forced: dict[tuple[str, int], float] = {}

    @property
    def reference(self) -> float:
        """VREF+ in volts, more than 0. `ValueError` for other values."""
        return self._reference

    @reference.setter
    def reference(self, value: float) -> None:
        if not value > 0:
            raise ValueError("a reference has more than 0 volts")
        self._reference = value

    def set_channel(self, adc: str, channel: int, volts: float) -> None:
        """Put a voltage on a channel, whatever its pin has. `KeyError` for a channel that does not exist."""
        if not self.has_channel(adc, channel):
            raise KeyError(f"{adc} {channel}")
        self._forced[adc, channel] = volts

    def has_channel(self, adc: str, channel: int) -> bool:
        """Say whether there is such a channel."""
        return (adc, channel) in _channels()

    def volts(self, adc: str, channel: int) -> float:
        """Return the voltage of a channel; 0 where nothing is connected."""
        row = _channels().get((adc, channel))
        if row is None:
            return 0.0
        if (adc, channel) in self._forced:
            return self._forced[adc, channel]
        if row["internal"]:
            return self._internal(row["internal"])
        return self._pin_volts(row["port"], int(row["pin"]))

    def is_pin(self, adc: str, channel: int) -> bool:
        """Say whether a channel is that of a pin, not of a source inside the chip."""
        return bool(_channels().get((adc, channel), {}).get("port"))

    def _internal(self, source: str) -> float:
        facts = _facts()
        match source:
            case "vrefint":
                return facts["at bandgap_volts"]
            case "temperature":
                return sensor_volts(self.celsius)
            case "vbat":
                return self.battery / 4
        return facts["at core_volts"]


def sensor_volts(celsius: float) -> float:
    """Return what the temperature sensor gives."""
    facts = _facts()
    return facts["at sensor_volts_at_30"] + (celsius - 30) * facts["at sensor_volts_per_degree"]


def calibration_values() -> dict[int, int]:
    """Return the factory's 16-bit values by their addresses in system memory."""
    facts = _facts()

    def code(volts: float) -> int:
        return round(volts / facts["volts"] * _FULL_SCALE)

    return {
        int(facts["bandgap_address"]): code(facts["at bandgap_volts"]),
        int(facts["cold_address"]): code(sensor_volts(facts["cold_celsius"])),
        int(facts["hot_address"]): code(sensor_volts(facts["hot_celsius"])),
    }
