"""Which peripheral a pin belongs to: alternate functions, as `pin-functions.csv` has them (STM32U585 datasheet, tables
"Alternate function AF0 to AF7" and "AF8 to AF15").

A pin given to a timer shows the level of its channel, and its edges reach the timer's input. Levels of pins are brought
up to date when somebody reads them; every single edge is followed only on pins that somebody watches. What a PWM output
is set to is told as a `PwmChanged` event.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import ClassVar, Protocol

from mvsdk.emulator.events import PwmChanged
from mvsdk.emulator.soc.gpio import GpioPort
from mvsdk.emulator.soc.registers import rows
from mvsdk.emulator.soc.timer_outputs import Waveform
from mvsdk.emulator.soc.wiring import Wiring

Route = tuple[str, str, int]
"""A signal, and the port and pin it is on."""


@cache
def pin_functions() -> Mapping[tuple[str, int, int], tuple[str, str]]:
    """Return (peripheral, signal) of each (port, pin, alternate function) that belongs to a timer."""
    return {
        (row["port"], int(row["pin"]), int(row["function"])): (row["peripheral"], row["signal"])
        for row in rows("pin-functions")
    }


class Pins(Protocol):
    """What a peripheral may do with the pins it was given."""

    def drive(self, port: str, pin: int, level: bool | None) -> None:
        """Put a level on a pin, or let go of it."""

    def edges_wanted(self, port: str, pin: int) -> bool:
        """Return whether somebody wants to see every edge of a pin."""

    def waveforms_changed(self, peripheral: str) -> None:
        """Hear that outputs may show something else from now on."""


class PinUser(Protocol):
    """A peripheral with pins."""

    def route(self, routes: list[Route], pins: Pins) -> None:
        """Hear which pins its outputs are on."""

    def input_changed(self, signal: str, level: bool) -> None:
        """Hear of the level of an input."""

    def refresh(self) -> None:
        """Bring the levels of its pins to this cycle."""

    def waveform(self, signal: str) -> Waveform | None:
        """Return what an output shows over time."""


class PinFunctions:
    """Joins ports and peripherals. `shown(port, pin, lit)` hears of pins that begin or cease to be high at all."""

    STATE: ClassVar[tuple[str, ...]] = ("_waveforms",)
    NOT_STATE: ClassVar[tuple[str, ...]] = ("_ports", "_watchers", "_listens")

    def __init__(self, wiring: Wiring, users: Mapping[str, PinUser], shown: Callable[[str, int, bool], None]) -> None:
        self._wiring = wiring
        self._users = users
        self._shown = shown
        self._ports: dict[str, GpioPort] = {}
        self._watchers: dict[tuple[str, int], list[Callable[[int, bool], None]]] = {}
        self._listens: Callable[[str, int], bool] = lambda port, pin: False
        self._waveforms: dict[tuple[str, int, str], Waveform] = {}
        self._pins_of: dict[str, list[tuple[str, int, int, str]]] = {name: [] for name in users}
        self._users_on: dict[str, dict[str, None]] = {}
        for (port, pin, function), (user, signal) in sorted(pin_functions().items()):
            if user in users:
                self._pins_of[user].append((port, pin, function, signal))
                self._users_on.setdefault(port, {})[user] = None
        for name in users:
            users[name].route([], self)

    def add_port(self, name: str, port: GpioPort) -> None:
        """Join a port."""
        self._ports[name] = port

    def serve(self, listens: Callable[[str, int], bool]) -> None:
        """Follow single edges of pins that `listens(port, pin)` names too; it is asked anew at `wishes_changed`."""
        self._listens = listens

    def wishes_changed(self) -> None:
        """Hear that somebody may want to see other edges than before."""
        for user in self._users.values():
            user.refresh()

    def watch_pin(self, port: str, pin: int, seen: Callable[[int, bool], None]) -> None:
        """Have `seen(cycle, level)` called for every edge of a pin. `KeyError` for a port that does not exist."""
        self._ports[port].level(pin)
        self._watchers.setdefault((port, pin), []).append(seen)
        self.routed(port)

    # -- what ports tell -----------------------------------------------------------------------------------------------

    def routed(self, port: str) -> None:
        """Hear that pins of a port may have been given to other peripherals."""
        if port not in self._ports:
            return
        for name in self._users_on.get(port, ()):
            given = [
                (signal, on, pin)
                for on, pin, function, signal in self._pins_of[name]
                if on in self._ports and self._ports[on].alternate_function(pin) == function
            ]
            user = self._users[name]
            user.route([route for route in given if _is_output(route[0])], self)
            for signal, on, pin in given:
                user.input_changed(signal, self._ports[on].level(pin))
            self.waveforms_changed(name)

    def pins_changed(self, port: str, changed: int, levels: int) -> None:
        """Hear of edges of pins: a mask of those that changed, and the levels of all."""
        for pin in range(16):
            if not changed >> pin & 1:
                continue
            level = bool(levels >> pin & 1)
            for seen in self._watchers.get((port, pin), ()):
                seen(self._wiring.cycle, level)
            self._tell_user(port, pin, level)

    def _tell_user(self, port: str, pin: int, level: bool) -> None:
        driven = port not in self._ports or self._ports[port].is_driven_by_others(pin)
        function = None if driven else self._ports[port].alternate_function(pin)
        user, signal = ("", "") if function is None else pin_functions().get((port, pin, function), ("", ""))
        if user in self._users:
            self._users[user].input_changed(signal, level)

    def looked(self, port: str) -> None:
        """Bring the levels of a port's pins to this cycle."""
        for name in self._users_on.get(port, ()):
            self._users[name].refresh()

    # -- what peripherals do -------------------------------------------------------------------------------------------

    def drive(self, port: str, pin: int, level: bool | None) -> None:
        """See `Pins.drive`."""
        self._ports[port].drive_alternate(pin, level)

    def edges_wanted(self, port: str, pin: int) -> bool:
        """See `Pins.edges_wanted`."""
        return (port, pin) in self._watchers or self._listens(port, pin)

    def waveforms_changed(self, peripheral: str) -> None:
        """See `Pins.waveforms_changed`. What lets go of its pin shows nothing: 0 Hz and no part of it high."""
        for port, pin, function, signal in self._pins_of[peripheral]:
            if not _is_output(signal) or port not in self._ports:
                continue
            key = port, pin, f"{peripheral}_{signal}"
            given = self._ports[port].alternate_function(pin) == function
            now = self._users[peripheral].waveform(signal) if given else None
            before = self._waveforms.pop(key, _NOTHING)
            if now is not None:
                self._waveforms[key] = now
            if (now or _NOTHING) != before:
                self._tell_waveform(key, before, now or _NOTHING)

    def _tell_waveform(self, key: tuple[str, int, str], before: Waveform, now: Waveform) -> None:
        port, pin, signal = key
        self._wiring.tell(PwmChanged(self._wiring.time_us, port, pin, signal, now.hertz, now.duty))
        if bool(before.duty) != bool(now.duty):
            self._shown(port, pin, bool(now.duty))


_NOTHING = Waveform(0, 0)


def _is_output(signal: str) -> bool:
    return signal.startswith(("CH", "OUT"))
