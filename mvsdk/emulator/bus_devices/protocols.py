"""What a device on a bus implements, and what it may ask of where it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Protocol, runtime_checkable

from mvsdk.emulator.events import Event
from mvsdk.flash_memory import Storage


class I2cDevice(Protocol):
    """A target on an I2C bus. Its address is decided where it is connected."""

    def start(self, *, reading: bool) -> bool:
        """Be addressed, by a start or a repeated start; return whether to acknowledge."""

    def write(self, byte: int) -> bool:
        """Take a byte; return whether to acknowledge."""

    def read(self) -> int:
        """Give the next byte."""

    def stop(self) -> None:
        """Hear that the transfer is over."""


class SpiDevice(Protocol):
    """A device on an SPI bus. It hears of nothing while it is not selected."""

    def select(self) -> None:
        """Hear that chip select has become active."""

    def transfer(self, value: int, bits: int) -> int:
        """Exchange a frame of 4 to 32 bits, the first one on the line the most significant; return what is answered."""

    def deselect(self) -> None:
        """Hear that chip select has become inactive."""


class Reminder(Protocol):
    """One moment that a device awaits."""

    @property
    def due(self) -> int | None:
        """The cycle it is set to; None while nothing is awaited."""

    def set(self, cycle: int | None) -> None:
        """Move it to a cycle, or take it back."""


class Surroundings(Protocol):
    """Where a device is built in: time, in cycles of the processor clock, pins, and who listens."""

    @property
    def name(self) -> str:
        """What the device is called there, in events for example."""

    @property
    def cycle(self) -> int:
        """The present cycle."""

    def cycles(self, microseconds: float) -> int:
        """Return how many cycles pass in so many microseconds."""

    def reminder(self, action: Callable[[int], None]) -> Reminder:
        """Make a reminder that calls `action` with its cycle."""

    def drive(self, output: str, level: bool | None) -> None:
        """Put a level on one of the device's outputs, or let go of it; nothing happens if it is not wired."""

    def tell(self, picture: Callable[[int], Event]) -> None:
        """Tell the observers the event that `picture` makes of the present microsecond."""


@runtime_checkable
class Situated(Protocol):
    """A device that needs to know where it is: for time that it measures, or pins that it drives.

    One that drives pins names them in a class attribute `OUTPUTS`.
    """

    def attach(self, surroundings: Surroundings) -> None:
        """Be built in. Called once, when the device is connected."""


@runtime_checkable
class Lasting(Protocol):
    """A device that keeps something without power, in a `Storage` of `CAPACITY` bytes that is erased when it is new.

    One that is never given a storage keeps it in memory, where it is part of snapshots like everything else.
    """

    CAPACITY: ClassVar[int]

    def keep_in(self, storage: Storage) -> None:
        """Hold what a storage holds from now on. `ValueError` for one of another size."""
