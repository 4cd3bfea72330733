"""Which exception comes next: pending, active and enabled bits, priorities, lines. Knows nothing of any engine.

Exceptions are numbered as in IPSR: 2 NMI, 3 HardFault, 4 to 6 configurable faults, 11 SVCall, 14 PendSV, 15 SysTick,
16 + n for interrupt n. A lower priority value is more urgent. Source: Armv8-M ARM (DDI 0553), B3.9 to B3.13.
"""

from __future__ import annotations

from dataclasses import dataclass, field

NMI, HARD_FAULT, MEM_MANAGE, BUS_FAULT, USAGE_FAULT = 2, 3, 4, 5, 6
SVCALL, PENDSV, SYSTICK, FIRST_IRQ = 11, 14, 15, 16
IRQS = 480
COUNT = FIRST_IRQ + IRQS
IDLE_PRIORITY = 256
"""Less urgent than every exception: the priority of thread mode with nothing masked."""

_ALWAYS_ENABLED = 1 << NMI | 1 << SVCALL | 1 << PENDSV | 1 << SYSTICK
_ALL_IRQS = (1 << COUNT) - (1 << FIRST_IRQ)


def _reset_priorities() -> list[int]:
    return [0, 0, -2, -1] + [0] * (COUNT - 4)


@dataclass(slots=True)
class Exceptions:
    """The state of all exceptions; bit n of a mask is exception n."""

    pending: int = 0
    active: int = 0
    enabled: int = _ALWAYS_ENABLED
    lines: int = 0
    prigroup: int = 0
    priority: list[int] = field(default_factory=_reset_priorities)

    def reset(self) -> None:
        """Go back to reset values. Interrupt lines stay as they are driven, and pend again where they are high."""
        self.active, self.enabled, self.prigroup = 0, _ALWAYS_ENABLED, 0
        self.pending = self.lines
        self.priority = _reset_priorities()

    def group(self, priority: int) -> int:
        """Return the part of `priority` that decides about preemption."""
        return priority if priority < 0 else priority & (0xFE << self.prigroup) & 0xFF

    def pend(self, number: int) -> None:
        """Make one exception pending."""
        self.pending |= 1 << number

    def unpend(self, mask: int) -> None:
        """Clear pending bits; an interrupt whose line is high and that is not active pends again at once."""
        self.pending = self.pending & ~mask | mask & self.lines & ~self.active

    def set_line(self, number: int, level: bool) -> None:
        """Drive the line of an interrupt; a high level pends it."""
        if level:
            self.lines |= 1 << number
            self.pending |= 1 << number & ~self.active
        else:
            self.lines &= ~(1 << number)

    def activate(self, number: int) -> None:
        """Move an exception from pending, if it was, to active."""
        self.pending &= ~(1 << number)
        self.active |= 1 << number

    def deactivate(self, number: int) -> None:
        """End an active exception; a line that is still high pends its interrupt again."""
        self.active &= ~(1 << number)
        self.pending |= self.lines & 1 << number

    def enable(self, mask: int, on: bool) -> None:
        """Enable or disable interrupts and configurable faults."""
        self.enabled = self.enabled | mask if on else self.enabled & ~mask

    def next_pending(self) -> int:
        """Return the most urgent exception that is pending and enabled, whatever is masked or active; 0 if none."""
        left = self.pending & self.enabled
        best, urgency = 0, IDLE_PRIORITY
        while left:
            bit = left & -left
            left ^= bit
            number = bit.bit_length() - 1
            if self.priority[number] < urgency:
                best, urgency = number, self.priority[number]
        return best

    def active_priority(self) -> int:
        """Return the group priority of the most urgent active exception."""
        left, urgency = self.active, IDLE_PRIORITY
        while left:
            bit = left & -left
            left ^= bit
            urgency = min(urgency, self.group(self.priority[bit.bit_length() - 1]))
        return urgency

    def execution_priority(self, primask: int, basepri: int, faultmask: int) -> int:
        """Return the priority an exception must be more urgent than to be taken now."""
        urgency = self.active_priority()
        if basepri:
            urgency = min(urgency, self.group(basepri))
        if primask:
            urgency = min(urgency, 0)
        return min(urgency, -1) if faultmask else urgency

    def urgency(self, number: int) -> int:
        """Return the priority with which an exception preempts."""
        return self.group(self.priority[number])

    def irq_word(self, mask: int, index: int) -> int:
        """Return word `index` of an NVIC bit register over `mask` (pending, enabled or active)."""
        return mask >> (FIRST_IRQ + 32 * index) & 0xFFFF_FFFF

    @staticmethod
    def irq_mask(word: int, index: int) -> int:
        """Return the exceptions named by the bits of word `index` of an NVIC bit register."""
        return word << (FIRST_IRQ + 32 * index) & _ALL_IRQS
