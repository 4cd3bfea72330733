"""Fast interrupts: the six calls that let an interrupt of the application pre-empt the kernel.

In virtual time an ordinary call is over before an interrupt could notice it, so a fast interrupt is as fast as any
other here; what is modelled is who may have one and when it is enabled. During the few blocking calls of the external
flash a fast interrupt waits as others do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mvsdk.emulator.personality import Host
from mvsdk.emulator.personality.microvisor.answers import Refused, answers
from mvsdk.emulator.personality.microvisor.handles import HandleTable
from mvsdk.emulator.personality.microvisor.notifications import NotificationCentre

FIRST_EXTERNAL_VECTOR = 16
"""The vector table's entry of interrupt 0 (Armv8-M ARM, vector tables)."""
STOPPING_US = 1000
"""From the decision to stop an application with a hung or flooding interrupt to its end (inferred)."""


@dataclass(slots=True)
class _FastInterrupt:
    """One interrupt's own state, which the common switch does not touch."""

    enabled: bool = False


class FastInterrupts:
    """The application's fast interrupts. An interrupt is enabled in the NVIC while its own state and the common switch
    both say so. A new one starts disabled, and one that is cleared ends disabled (inferred)."""

    STATE: ClassVar[tuple[str, ...]] = ("_fast", "_all_enabled", "_stopping", "_end")

    def __init__(self, host: Host, handles: HandleTable) -> None:
        self._host = host
        self._handles = handles
        self._fast: dict[int, _FastInterrupt] = {}
        self._all_enabled = True
        self._stopping = False
        self._end = host.alarm(lambda _: host.restart("APPLICATIONCRASH"))

    def start(self) -> None:
        """Begin an application's life without any; the common switch is on (inferred)."""
        self._fast.clear()
        self._all_enabled = True
        self._stopping = False

    def stop(self) -> None:
        """End an application's life: nobody is to be stopped any more."""
        self._end.set(None)

    def holds(self, irq: int) -> bool:
        """Say whether an interrupt is a fast one."""
        return irq in self._fast

    def stop_application(self) -> None:
        """Do what the kernel does about a hung or flooding interrupt: no fast interrupts any more, and in a moment the
        application starts anew."""
        self._stopping = True
        for irq in self._fast:
            self._host.core.set_enabled(irq, False)
        self._end.set(self._host.cycle_after(STOPPING_US))

    @answers("mvSetFastInterrupt")
    def set(self, irq: int) -> None:
        """Make an interrupt a fast one. One that a notification centre has is not available (inferred); one that is
        fast already stays as it is (inferred)."""
        board = self._host.board
        if (
            irq not in board.interrupts
            or irq in board.kernel_interrupts
            or any(centre.irq == irq for centre in self._handles.all(NotificationCentre))
        ):
            raise Refused("INVALIDINTERRUPT")
        if not self._vector_is_non_secure(irq):
            raise Refused("INVALIDVECTOR")
        self._check_running()
        if irq not in self._fast:
            self._fast[irq] = _FastInterrupt()
            self._apply(irq)

    @answers("mvClearFastInterrupt")
    def clear(self, irq: int) -> None:
        """Make a fast interrupt an ordinary one again."""
        self._find(irq).enabled = False
        self._apply(irq)
        del self._fast[irq]

    @answers("mvEnableFastInterrupt")
    def enable(self, irq: int) -> None:
        """Enable one."""
        self._find(irq).enabled = True
        self._apply(irq)

    @answers("mvDisableFastInterrupt")
    def disable(self, irq: int) -> None:
        """Disable one."""
        self._find(irq).enabled = False
        self._apply(irq)

    @answers("mvEnableAllFastInterrupts")
    def enable_all(self) -> None:
        """Switch the common switch on: each is again as it was by itself."""
        self._switch_all(True)

    @answers("mvDisableAllFastInterrupts")
    def disable_all(self) -> None:
        """Switch the common switch off."""
        self._switch_all(False)

    def _switch_all(self, on: bool) -> None:
        self._all_enabled = on
        for irq in self._fast:
            self._apply(irq)

    def _find(self, irq: int) -> _FastInterrupt:
        """Return a fast interrupt's state; one that was not made fast is not available either (inferred)."""
        if irq not in self._fast:
            raise Refused("INVALIDINTERRUPT")
        self._check_running()
        return self._fast[irq]

    def _check_running(self) -> None:
        if self._stopping:
            raise Refused("UNAVAILABLE")

    def _vector_is_non_secure(self, irq: int) -> bool:
        """Look the vector up: table and handler must be the application's own."""
        memory, table = self._host.memory, self._host.core.vector_table
        entry = table + 4 * (FIRST_EXTERNAL_VECTOR + irq)
        if not memory.allows(table, entry + 4 - table, write=False):
            return False
        handler = int.from_bytes(memory.read(entry, 4), "little") & ~1
        return memory.allows(handler, 2, write=False)

    def _apply(self, irq: int) -> None:
        on = self._fast[irq].enabled and self._all_enabled and not self._stopping
        self._host.core.set_enabled(irq, on)
