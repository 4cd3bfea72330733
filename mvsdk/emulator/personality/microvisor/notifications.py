"""Notification centres: rings of records in the application's memory, each announced by an interrupt."""

from __future__ import annotations

import struct
from collections import deque

from mvsdk.abi import Abi
from mvsdk.emulator.personality import Host
from mvsdk.emulator.personality.microvisor.answers import GuestPointer, Refused, answers
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

    def __init__(self, host: Host, irq: int, address: int, count: int) -> None:
        self.irq = irq
        self.address = address
        self.count = count
        self.open = True
        self._host = host
        self._index = 0
        self._held: deque[bytes] = deque()

    def overlaps(self, address: int, length: int) -> bool:
        """Say whether the range touches this ring."""
        return address < self.address + self.count * RECORD.size and self.address < address + length

    def post(self, event_type: int, tag: int) -> None:
        """Write one record and pend the interrupt, or hold it back until the application took the last one.

        The sample applications take one record per interrupt and NVIC remembers one pend only, so two records for
        one interrupt would leave them a record behind for ever (inferred).
        """
        self._held.append(RECORD.pack(self._host.time_us, event_type, tag))
        if len(self._held) == 1:
            self._deliver()
        elif len(self._held) > self.count:
            self._write()

    def _deliver(self, waited_us: int = 0, pause_us: int = RETRY_US) -> None:
        if not (self.open and self._held):
            return
        state = self._host.core.interrupt(self.irq)
        if not (state.enabled and state.pending) or waited_us >= PATIENCE_US:
            self._write()
            waited_us, pause_us = 0, RETRY_US
        if self._held:
            self._host.after_us(pause_us, lambda: self._deliver(waited_us + pause_us, 2 * pause_us))

    def _write(self) -> None:
        self._host.memory.write(self.address + self._index * RECORD.size, self._held.popleft())
        self._index = (self._index + 1) % self.count
        self._host.core.pend(self.irq)


class Notifications:
    """mvSetupNotifications, mvCloseNotifications, mvTempTriggerNotification."""

    def __init__(self, host: Host, abi: Abi, handles: HandleTable) -> None:
        self._host = host
        self._setup = abi.structs["MvNotificationSetup"]
        self._handles = handles

    @answers("mvSetupNotifications")
    def setup(self, params: GuestPointer, handle_out: GuestPointer) -> None:
        """Make a centre. The ring is neither cleared nor required to be aligned."""
        fields = self._setup.unpack(params.read())
        irq, address, size = fields["irq"], fields["buffer"], fields["buffer_size"]
        if not self._host.memory.allows(address, size, write=True):
            raise Refused("PARAMETERFAULT")
        if size < SMALLEST_RING * RECORD.size or size % RECORD.size:
            raise Refused("INVALIDBUFFERSIZE")
        centres = list(self._handles.all(NotificationCentre))
        if any(centre.overlaps(address, size) for centre in centres):
            raise Refused("BUFFERALREADYINUSE")
        board = self._host.board
        if (
            irq not in board.interrupts
            or irq in board.kernel_interrupts
            or any(centre.irq == irq for centre in centres)
        ):
            raise Refused("INVALIDINTERRUPT")
        if len(centres) >= MOST_CENTRES:
            raise Refused("TOOMANYNOTIFICATIONBUFFERS")
        handle_out.write_word(self._handles.add(NotificationCentre(self._host, irq, address, size // RECORD.size)))

    @answers("mvCloseNotifications")
    def close(self, handle: GuestPointer) -> None:
        """End a centre. An interrupt already pending stays so; records held back are lost."""
        self._handles.remove(handle.read_word(), NotificationCentre).open = False
        handle.write_word(0)

    @answers("mvTempTriggerNotification")
    def trigger(self, handle: int, event_type: int, tag: int) -> None:
        """Post a record as the application asks."""
        self._handles.find(handle, NotificationCentre).post(event_type, tag)
