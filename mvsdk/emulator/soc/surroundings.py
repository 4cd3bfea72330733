"""Where a bus device finds itself once it is connected to the chip."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mvsdk.emulator.events import Event
from mvsdk.emulator.soc.wiring import Alarm, Wiring

Pin = tuple[str, int]
"""A port and the number of a pin: ("GPIOF", 3)."""


class ChipSurroundings:
    """A `Surroundings`. `outputs` says to which pin each of the device's outputs is wired, `name` what it is called."""

    def __init__(
        self, wiring: Wiring, outputs: Mapping[str, Pin], drive: Callable[[str, int, bool | None], None], name: str
    ) -> None:
        self._wiring = wiring
        self._outputs = dict(outputs)
        self._drive = drive
        self._name = name

    @property
    def name(self) -> str:
        """See `Surroundings.name`."""
        return self._name

    @property
    def cycle(self) -> int:
        """See `Surroundings.cycle`."""
        return self._wiring.cycle

    def cycles(self, microseconds: float) -> int:
        """See `Surroundings.cycles`."""
        return round(microseconds * self._wiring.clocks.sysclk / 1_000_000)

    def reminder(self, action: Callable[[int], None]) -> Alarm:
        """See `Surroundings.reminder`."""
        return Alarm(self._wiring, action)

    def drive(self, output: str, level: bool | None) -> None:
        """See `Surroundings.drive`."""
        if output in self._outputs:
            self._drive(*self._outputs[output], level)

    def tell(self, picture: Callable[[int], Event]) -> None:
        """See `Surroundings.tell`."""
        self._wiring.tell(picture(self._wiring.time_us))
