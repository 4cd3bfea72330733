"""The two counters inside the processor: SysTick and the cycle counter of the DWT. Both are computed, never stepped.

Source: Armv8-M ARM (DDI 0553), B11 "System timer" and D1.2 (SYST_*, DWT_CYCCNT).
"""

from __future__ import annotations

from dataclasses import dataclass

ENABLE, TICKINT, CLKSOURCE, COUNTFLAG = 1, 2, 4, 1 << 16
_REFERENCE_DIVIDER = 8  # CLKSOURCE = 0 counts processor cycles divided by eight, as STM32 parts do


@dataclass(slots=True)
class SysTick:
    """A 24-bit down-counter. It had the value `anchor_value` at tick `anchor`; everything else follows."""

    control: int = 0
    reload: int = 0
    anchor: int = 0
    anchor_value: int = 0
    wrapped: bool = False
    seen: int = 0

    def _divider(self) -> int:
        return 1 if self.control & CLKSOURCE else _REFERENCE_DIVIDER

    def _wraps(self, tick: int) -> int:
        """Count how often the counter has gone from 1 to 0 between the anchor and `tick`."""
        since = tick - self.anchor
        if self.anchor_value == 0:
            return since // (self.reload + 1) if self.reload else 0
        if since < self.anchor_value:
            return 0
        return 1 + ((since - self.anchor_value) // (self.reload + 1) if self.reload else 0)

    def advance(self, cycle: int) -> bool:
        """Bring the counter to `cycle`; return whether it reached zero since the last call."""
        if not self.control & ENABLE:
            return False
        wraps = self._wraps(cycle // self._divider())
        fired, self.seen = wraps > self.seen, wraps
        self.wrapped |= fired
        return fired

    def due(self) -> int | None:
        """Return the cycle at which the counter next reaches zero and pends its exception; None if it never does."""
        if self.control & (ENABLE | TICKINT) != ENABLE | TICKINT:
            return None
        if self.anchor_value:
            if self.seen and not self.reload:
                return None
            ticks = self.anchor_value + self.seen * (self.reload + 1)
        elif self.reload:
            ticks = (self.seen + 1) * (self.reload + 1)
        else:
            return None
        return (self.anchor + ticks) * self._divider()

    def value(self, cycle: int) -> int:
        """Return the counter."""
        if not self.control & ENABLE:
            return self.anchor_value
        since = cycle // self._divider() - self.anchor
        if since <= self.anchor_value:
            return self.anchor_value - since
        return self.reload - (since - self.anchor_value - 1) % (self.reload + 1)

    def _anchor_at(self, cycle: int, value: int) -> None:
        self.anchor, self.anchor_value, self.seen = cycle // self._divider(), value, 0

    def write_control(self, cycle: int, value: int) -> None:
        """Set ENABLE, TICKINT and CLKSOURCE."""
        now = self.value(cycle)
        self.control = value & (ENABLE | TICKINT | CLKSOURCE)
        self._anchor_at(cycle, now)

    def write_reload(self, cycle: int, value: int) -> None:
        """Set the reload value, which counts from the next reload on."""
        now = self.value(cycle)
        self.reload = value & 0xFF_FFFF
        self._anchor_at(cycle, now)

    def write_value(self, cycle: int) -> None:
        """Clear the counter and the flag, as a write of any value does."""
        self.wrapped = False
        self._anchor_at(cycle, 0)

    def read_control(self) -> int:
        """Return the control register; reading clears COUNTFLAG."""
        flag, self.wrapped = self.wrapped, False
        return self.control | (COUNTFLAG if flag else 0)


@dataclass(slots=True)
class CycleCounter:
    """DWT_CYCCNT: the low 32 bits of the cycles that passed while it was enabled."""

    enabled: bool = False
    origin: int = 0

    def value(self, cycle: int) -> int:
        """Return the counter."""
        return (cycle - self.origin if self.enabled else self.origin) & 0xFFFF_FFFF

    def write(self, cycle: int, value: int) -> None:
        """Set the counter."""
        self.origin = cycle - value if self.enabled else value

    def enable(self, cycle: int, on: bool) -> None:
        """Let the counter run or stand; `origin` is where it would have been zero, or what it stands at."""
        if on != self.enabled:
            now = self.value(cycle)
            self.enabled = on
            self.write(cycle, now)
