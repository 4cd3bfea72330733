"""Personalities: the kernel side of one system-call ABI each, one folder per ABI.

A personality answers the calls its guest makes and keeps the kernel's state: handles, notification centres, buffers.
It sees the device through `Host`, never the processor's internals, and it trusts no value a guest hands over.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Protocol

from mvsdk.boards import Board
from mvsdk.emulator.core import Core
from mvsdk.emulator.events import Event
from mvsdk.emulator.guest_memory import GuestMemory
from mvsdk.emulator.network.exchanges import Request
from mvsdk.emulator.soc.pwr import Pwr
from mvsdk.emulator.soc.rcc import Rcc
from mvsdk.emulator.soc.wiring import Alarm


class DeepSleep(enum.Enum):
    """How deep. RAM is lost in both; only after Standby does the application learn what woke it."""

    STANDBY = "standby"
    SHUTDOWN = "shutdown"


class Host(Protocol):
    """What a personality may ask of the device it lives on."""

    board: Board
    core: Core
    memory: GuestMemory
    rcc: Rcc
    pwr: Pwr

    @property
    def time_us(self) -> int:
        """Microseconds since the kernel started; application restarts do not reset it."""

    def alarm(self, action: Callable[[int], None]) -> Alarm:
        """Return an alarm that calls `action` with its cycle. Whoever owns it takes it back when the application's
        life ends."""

    def cycle_after(self, delay: int) -> int:
        """Return the cycle that is `delay` microseconds from now."""

    def random_word(self) -> int:
        """Return 32 bits from the device's seeded source."""

    def tell(self, event: Event) -> None:
        """Tell the observers."""

    def send(self, request: Request) -> None:
        """Let something leave for the world beyond the radio. What comes of it comes as an input."""

    def restart(self, wake_reason: str) -> None:
        """Start the application anew, once the present call has returned."""

    def give_way(self) -> None:
        """End the application's life, once the present call has returned, until its successor is installed."""

    def spend_us(self, duration: int) -> None:
        """Let the present call take so many microseconds longer. Interrupts wait until it returns."""

    def deep_sleep(self, kind: DeepSleep) -> None:
        """End the application's life, once the present call has returned, until something wakes the device."""

    def end_testing(self, status: int, *, followed: bool) -> None:
        """End the factory's test, once the present call has returned, with the status of the test code. Another
        application is installed then, where it is `followed` by one."""
