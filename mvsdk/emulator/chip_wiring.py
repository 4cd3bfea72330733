"""How the chip is wired into a device."""

from __future__ import annotations

from collections.abc import Callable

from mvsdk.boards import Board
from mvsdk.emulator.clock import Action, Appointment, Schedule
from mvsdk.emulator.core import Core
from mvsdk.emulator.events import Event, InterruptLineChanged
from mvsdk.emulator.soc.requests import DmaRequests

_ICSR, _PENDNMISET = 0xE000_ED04, 1 << 31


class ChipWiring:
    """A `Wiring`. `deadline` is the cycle the core runs to at present, None while it stands. `traces_lines`
    says that interrupt lines are told."""

    def __init__(
        self,
        board: Board,
        core: Core,
        schedule: Schedule,
        *,
        tell: Callable[[Event], None],
        random_word: Callable[[], int],
        watchdog_reset: Callable[[int], None],
        wake: Callable[[str], None],
    ) -> None:
        self.clocks = board.clocks
        self.requests = DmaRequests()
        self.deadline: int | None = None
        self.tell = tell
        self.random_word = random_word
        self.watchdog_reset = watchdog_reset
        self.wake = wake
        self.traces_lines = False
        self._names = board.interrupts
        self._core = core
        self._ram = board.ram
        self._schedule = schedule

    @property
    def cycle(self) -> int:
        """See `Wiring.cycle`."""
        return self._core.cycle

    @property
    def time_us(self) -> int:
        """See `Wiring.time_us`."""
        return self._core.cycle * 1_000_000 // self.clocks.sysclk

    def at(self, cycle: int, action: Action) -> Appointment:
        """See `Wiring.at`. A run that would miss the appointment ends at the next instruction boundary."""
        self.hurry(cycle)
        return self._schedule.at(cycle, action)

    def hurry(self, cycle: int) -> None:
        """End the core's run at its next instruction boundary if it would miss something that is due at `cycle`."""
        if self.deadline is not None and cycle < self.deadline:
            self._core.halt()

    def read_memory(self, address: int, length: int) -> bytes:
        """See `Wiring.read_memory`."""
        return self._core.read_memory(address, length)

    def write_memory(self, address: int, data: bytes) -> None:
        """See `Wiring.write_memory`: only RAM can be written."""
        if not self._ram.contains(address, len(data)):
            raise LookupError(f"no RAM at 0x{address:08x}")
        self._core.write_memory(address, data)

    def set_line(self, interrupt: int, level: bool) -> None:
        """See `Wiring.set_line`."""
        self._core.set_line(interrupt, level)
        if self.traces_lines:
            self.tell(InterruptLineChanged(self.time_us, interrupt, self._names.get(interrupt, "?"), level))

    def raise_nmi(self) -> None:
        """See `Wiring.raise_nmi`."""
        self._core.debug_write(_ICSR, 4, _PENDNMISET)
