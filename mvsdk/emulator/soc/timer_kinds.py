"""What tells one timer of the chip from another, as `timers.csv` has it (RM0456, tables 1 of chapters 54 to 57)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from mvsdk.boards import Clocks
from mvsdk.emulator.soc.registers import rows

ROLES = ("update", "compare", "break", "trigger")
"""What a timer interrupts for; each has a line, often one for all."""


@dataclass(frozen=True, slots=True)
class TimerKind:
    """One row of `timers.csv`. `interrupts` maps roles to names of interrupts."""

    name: str
    bus: str
    bits: int
    channels: int
    features: frozenset[str]
    interrupts: Mapping[str, str]

    def clock(self, clocks: Clocks) -> int:
        """Return the timer's clock in Hz: its bus's, doubled where the bus is slower than AHB (RM0456, 11.4)."""
        bus = clocks.pclk1 if self.bus == "pclk1" else clocks.pclk2
        return bus if bus == clocks.hclk else 2 * bus


@cache
def timer_kinds() -> tuple[TimerKind, ...]:
    """Return the chip's timers."""
    return tuple(
        TimerKind(
            row["timer"],
            row["bus"],
            int(row["bits"]),
            int(row["channels"]),
            frozenset(row["features"].split()),
            {role: row[role] for role in ROLES if row[role]},
        )
        for row in rows("timers")
    )


@cache
def missing_registers(features: frozenset[str]) -> frozenset[str]:
    """Return the names of the registers in `timer.csv` that a timer with these features does not have."""
    return frozenset(row["name"] for row in rows("timer") if row["feature"] and row["feature"] not in features)


@cache
def trigger_inputs(timer: str) -> Mapping[int, str]:
    """Return the trigger lines that a timer's internal trigger inputs ITR0 and up are connected to."""
    return {
        int(row["input"]): row["source"]
        for row in rows("timer-triggers")
        if not row["source"].startswith(f"{timer}_") and (row["source"] != "OTG_FS_SOF" or timer == "TIM2")
    }
