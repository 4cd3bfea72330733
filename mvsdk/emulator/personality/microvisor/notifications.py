"""Notification centres: rings of records in the application's memory, each announced by an interrupt."""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable
from typing import ClassVar

from mvsdk.abi import Abi
from mvsdk.emulator.personality import Host
from mvsdk.emulator.personality.microvisor.answers import GuestPointer, Refused, answers
from mvsdk.emulator.personality.microvisor.buffers import LentBuffers
from mvsdk.emulator.personality.microvisor.handles import HandleTable

MOST_CENTRES = 32
SMALLEST_RING = 2
RECORD = struct.Struct("<QII")
"""A record on the wire: microseconds, event type, tag (struct MvNotification)."""
RETRY_US = 20
"""How soon to look again whether the application has taken the last interrupt; then twice as long each time."""
PATIENCE_US = 1_000_000
"""Who has not taken an interrupt for so long polls the ring instead: records no longer wait for it (inferred)."""


class NotificationCentre:
    """One ring. Records go to index 0, 1, … and round again, whether or not the application has read them."""

    STATE: ClassVar[tuple[str, ...]] = (
        "irq",
        "address",
        "count",
        "open",
        "_index",
        "_held",
        "_again",
        "_waited_us",
        "_pause_us",
    )

    def __init__(self, host: Host, irq: int, address: int, count: int) -> None:
        self.irq = irq
        self.address = address
        self.count = count
        self.open = True
        self._host = host
        self._index = 0
        self._held: deque[bytes] = deque()
        self._again = host.alarm(lambda _: self._deliver())
        self._waited_us, self._pause_us = 0, RETRY_US
        """How long the oldest record has waited, and until when it waits now."""

    def post(self, event_type: int, tag: int) -> None:
        """Write one record and pend the interrupt, or hold it back until the application took the last one.

        The sample applications take one record per interrupt and NVIC remembers one pend only, so two records for
        one interrupt would leave them a record behind for ever (inferred). A closed centre takes nothing any more.
        """
        if not self.open:
            return
        self._held.append(RECORD.pack(self._host.time_us, event_type, tag))
        if len(self._held) == 1:
            self._waited_us, self._pause_us = 0, RETRY_US
            self._deliver()
        elif len(self._held) > self.count:
            self._write()

    def close(self) -> None:
        """Take and deliver nothing any more; records held back are lost."""
        self.open = False
        self._held.clear()
        self._again.set(None)

    def _deliver(self) -> None:
        state = self._host.core.interrupt(self.irq)
        if not (state.enabled and state.pending) or self._waited_us >= PATIENCE_US:
            self._write()
            self._waited_us, self._pause_us = 0, RETRY_US
        if self._held:
            self._again.set(self._host.cycle_after(self._pause_us))
            self._waited_us += self._pause_us
            self._pause_us *= 2

    def _write(self) -> None:
        self._host.memory.write(self.address + self._index * RECORD.size, self._held.popleft())
        self._index = (self._index + 1) % self.count
        self._host.core.pend(self.irq)


class Subscriber:
    """Whatever posts records: it was given a centre's handle and a tag when it was made. Once the centre is closed the
    handle is 0, and its records are lost."""

    STATE: ClassVar[tuple[str, ...]] = ("centre", "tag")

    def __init__(self, centre: int = 0, tag: int = 0) -> None:
        self.centre = centre
        self.tag = tag

    def post(self, handles: HandleTable, event_type: int) -> None:
        """Post a record to the centre, if it is still open."""
        if self.centre:
            handles.find(self.centre, NotificationCentre).post(event_type, self.tag)


class Notifications:
    """mvSetupNotifications, mvCloseNotifications, mvTempTriggerNotification.

    `is_fast` says whether an interrupt is a fast one, which cannot announce notifications.
    """

    def __init__(
        self,
        host: Host,
        abi: Abi,
        handles: HandleTable,
        buffers: LentBuffers,
        is_fast: Callable[[int], bool],
    ) -> None:
        self._host = host
        self._setup = abi.structs["MvNotificationSetup"]
        self._handles = handles
        self._buffers = buffers
        self._is_fast = is_fast
        handles.keep("notification centre", NotificationCentre, lambda: NotificationCentre(host, 0, 0, 1))

    def stop(self) -> None:
        """End an application's life: its centres deliver nothing any more."""
        for centre in self._handles.all(NotificationCentre):
            centre.close()

    @answers("mvSetupNotifications")
    def setup(self, params: GuestPointer, handle_out: GuestPointer) -> None:
        """Make a centre. The ring is neither cleared nor required to be aligned."""
        fields = self._setup.unpack(params.read())
        irq, address, size = fields["irq"], fields["buffer"], fields["buffer_size"]
        if not self._host.memory.allows(address, size, write=True):
            raise Refused("PARAMETERFAULT")
        if size < SMALLEST_RING * RECORD.size or size % RECORD.size:
            raise Refused("INVALIDBUFFERSIZE")
        self._buffers.check(address, size)
        centres = list(self._handles.all(NotificationCentre))
        board = self._host.board
        if (
            irq not in board.interrupts
            or irq in board.kernel_interrupts
            or any(centre.irq == irq for centre in centres)
            or self._is_fast(irq)
        ):
            raise Refused("INVALIDINTERRUPT")
        if len(centres) >= MOST_CENTRES:
            raise Refused("TOOMANYNOTIFICATIONBUFFERS")
        centre = NotificationCentre(self._host, irq, address, size // RECORD.size)
        self._buffers.lend(address, size, _holder(irq))
        handle_out.write_word(self._handles.add(centre))

    @answers("mvCloseNotifications")
    def close(self, handle: GuestPointer) -> None:
        """End a centre. An interrupt already pending stays so; records held back are lost."""
        number = handle.read_word()
        centre = self._handles.remove(number, NotificationCentre)
        centre.close()
        for subscriber in self._handles.all(Subscriber):
            if subscriber.centre == number:
                subscriber.centre = 0
        self._buffers.give_back(_holder(centre.irq))
        handle.write_word(0)

    @answers("mvTempTriggerNotification")
    def trigger(self, handle: int, event_type: int, tag: int) -> None:
        """Post a record as the application asks."""
        self._handles.find(handle, NotificationCentre).post(event_type, tag)


def _holder(irq: int) -> str:
    """Name who holds a ring's memory: there is one centre for an interrupt."""
    return f"ring of interrupt {irq}"
