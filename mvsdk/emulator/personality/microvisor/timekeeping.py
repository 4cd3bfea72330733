"""Time and clocks: microseconds, wall time and the four clock frequencies."""

from __future__ import annotations

from mvsdk.emulator.personality import Host
from mvsdk.emulator.personality.microvisor.answers import GuestPointer, Refused, answers
from mvsdk.emulator.personality.microvisor.circumstances import Circumstances


class Timekeeping:
    """What the time is. `wall_start_us` is the wall time, in Unix microseconds, at the kernel's start."""

    def __init__(self, host: Host, circumstances: Circumstances, wall_start_us: int) -> None:
        self._host = host
        self._circumstances = circumstances
        self._wall_start_us = wall_start_us

    @answers("mvGetMicroseconds")
    def microseconds(self, out: GuestPointer) -> None:
        """Microseconds since the kernel started; they go on over application restarts (inferred)."""
        out.write_word(self._host.time_us)

    @answers("mvGetWallTime")
    def wall_time(self, out: GuestPointer) -> None:
        """Unix time in microseconds, once the cloud has told it."""
        if not self._circumstances.wall_time_known:
            raise Refused("TIMENOTSET")
        out.write_word(self._wall_start_us + self._host.time_us)

    @answers("mvGetSysClk")
    def sysclk(self, out: GuestPointer) -> None:
        """Hertz of the processor clock."""
        out.write_word(self._host.board.clocks.sysclk)

    @answers("mvGetHClk")
    def hclk(self, out: GuestPointer) -> None:
        """Hertz of the AHB clock."""
        out.write_word(self._host.board.clocks.hclk)

    @answers("mvGetPClk1")
    def pclk1(self, out: GuestPointer) -> None:
        """Hertz of the APB1 clock."""
        out.write_word(self._host.board.clocks.pclk1)

    @answers("mvGetPClk2")
    def pclk2(self, out: GuestPointer) -> None:
        """Hertz of the APB2 clock."""
        out.write_word(self._host.board.clocks.pclk2)
