"""What a peripheral is wired to: time, its interrupt lines, and whoever wants to hear what it does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from mvsdk.boards import Clocks
from mvsdk.emulator.events import Event
from mvsdk.emulator.saving import Loading, Plain, Saving, due_and_order
from mvsdk.emulator.soc.requests import DmaRequests


class Appointment(Protocol):
    """Something that waits for its cycle. Of two for one cycle the one with the lower number happens first."""

    @property
    def number(self) -> int:
        """Its place among all that were ever made."""

    def cancel(self) -> None:
        """Let it not happen. Without effect once it has."""


class Wiring(Protocol):
    """What peripherals may ask of the device they are built into. All time is in cycles of the processor clock."""

    clocks: Clocks
    """The clocks of processor and buses, in Hz."""

    requests: DmaRequests
    """The request lines from the peripherals to the DMA controller."""

    @property
    def cycle(self) -> int:
        """Cycles since power-on. Inside a guest's access: the cycle the core gives that access."""

    @property
    def time_us(self) -> int:
        """The same moment in microseconds, for events."""

    def at(self, cycle: int, action: Callable[[], object]) -> Appointment:
        """Let `action` happen at `cycle`, or as soon as possible if that is past; before any later guest access."""

    def set_line(self, interrupt: int, level: bool) -> None:
        """Drive an interrupt line, by the board's number."""

    def raise_nmi(self) -> None:
        """Make the non-maskable interrupt pending. Not from inside a guest's access."""

    def tell(self, event: Event) -> None:
        """Tell the observers."""

    def random_word(self) -> int:
        """Return 32 bits from the device's seeded source."""

    def read_memory(self, address: int, length: int) -> bytes:
        """Read memory as a bus master does. `LookupError` where there is none. Not from inside a guest's access."""

    def write_memory(self, address: int, data: bytes) -> None:
        """Write memory as a bus master does. `LookupError` where none can be. Not from inside a guest's access."""

    def watchdog_reset(self, flag: int) -> None:
        """Reset the chip and start the application anew; `flag` is the bit of RCC_CSR that will say why."""

    def wake(self, source: str) -> None:
        """Let a deep sleep end, if the device is in one; `source` is "pin" or "rtc"."""


class Alarm:
    """One appointment that is moved, never multiplied. `action` is called with the cycle it was set to."""

    def __init__(self, wiring: Wiring, action: Callable[[int], None]) -> None:
        self._wiring = wiring
        self._action = action
        self._due: int | None = None
        self._appointment: Appointment | None = None

    @property
    def due(self) -> int | None:
        """The cycle it is set to."""
        return self._due

    def set(self, cycle: int | None) -> None:
        """Move it to `cycle`, or take it back."""
        if cycle == self._due:
            return
        if self._appointment is not None:
            self._appointment.cancel()
        self._due = cycle
        self._appointment = None if cycle is None else self._wiring.at(cycle, self._ring)

    def saved_state(self, save: Saving) -> Plain:
        """Return when it is due; its order among those of the same cycle is found once all are known."""
        if self._due is None or self._appointment is None:
            return None
        entry: dict[str, Plain] = {"due": self._due}
        save.waits(self._due, self._appointment.number, entry)
        return entry

    def load_state(self, data: Plain, load: Loading) -> None:
        """Be due when it was."""
        self.set(None)
        if data is None:
            return
        due, order = due_and_order(data)
        self._due = due
        load.waits(order, self)

    def appoint(self) -> None:
        """Wait for the cycle that was loaded."""
        if self._due is not None:
            self._appointment = self._wiring.at(self._due, self._ring)

    def _ring(self) -> None:
        due, self._due, self._appointment = self._due, None, None
        if due is not None:
            self._action(due)


class InterruptLine:
    """One interrupt line, told to the processor only when it changes."""

    def __init__(self, wiring: Wiring, interrupt: int) -> None:
        self._wiring = wiring
        self._interrupt = interrupt
        self._level = False

    def set(self, level: bool) -> None:
        """Drive the line."""
        if level != self._level:
            self._level = level
            self._wiring.set_line(self._interrupt, level)

    def saved_state(self, save: Saving) -> Plain:
        """Return the level. The processor keeps its own side of it."""
        return self._level

    def load_state(self, data: Plain, load: Loading) -> None:
        """Stand at a level without driving the line anew."""
        if not isinstance(data, bool):
            raise ValueError(f"{data!r} is not the level of a line")
        self._level = data
