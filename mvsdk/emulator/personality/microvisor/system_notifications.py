"""System notifications: mvOpenSystemNotification and mvCloseSystemNotification.

Which event a source has is a row of `system-notifications.csv` (SDK header `mv_syscalls.h`, SDK 0.7.0).
"""

from __future__ import annotations

import csv
from importlib.resources import files
from typing import ClassVar

from mvsdk.abi import Abi
from mvsdk.emulator.personality.microvisor.answers import GuestPointer, Refused, answers
from mvsdk.emulator.personality.microvisor.handles import HandleTable
from mvsdk.emulator.personality.microvisor.notifications import NotificationCentre, Subscriber


class SystemNotification(Subscriber):
    """One stream: the application wants to know what happens at `source`."""

    STATE: ClassVar[tuple[str, ...]] = ("source",)

    def __init__(self, centre: int = 0, tag: int = 0, source: int = 0) -> None:
        super().__init__(centre, tag)
        self.source = source


class SystemNotifications:
    """The streams the application has opened. Nothing is posted when one opens: a sample's interrupt may still be
    disabled then."""

    def __init__(self, abi: Abi, handles: HandleTable) -> None:
        self._params = abi.structs["MvOpenSystemNotificationParams"]
        self._sources = abi.enums["MvSystemNotificationSource"].members
        self._events = _events(abi)
        self._handles = handles
        handles.keep("system notification", SystemNotification, SystemNotification)

    @property
    def sources(self) -> list[str]:
        """The names of the sources that have an event."""
        return [name.rpartition("_")[2] for name, number in self._sources.items() if number in self._events]

    def happen(self, source: str) -> None:
        """Let a source's event happen: "NETWORK" or "UPDATE". Only those who listen hear of it."""
        number = self._sources["MV_SYSTEMNOTIFICATIONSOURCE_" + source]
        for stream in list(self._handles.all(SystemNotification)):
            if stream.source == number:
                stream.post(self._handles, self._events[number])

    @answers("mvOpenSystemNotification")
    def open(self, params: GuestPointer, handle_out: GuestPointer) -> None:
        """Begin to listen. A bad source is an invalid handle, as documented."""
        fields = self._params.unpack(params.read())
        centre = fields["notification_handle"]
        self._handles.find(centre, NotificationCentre)
        source = fields["notification_source"]
        if source not in self._events:
            raise Refused("INVALIDHANDLE")
        handle_out.write_word(self._handles.add(SystemNotification(centre, fields["notification_tag"], source)))

    @answers("mvCloseSystemNotification")
    def close(self, handle: GuestPointer) -> None:
        """Stop listening."""
        self._handles.remove(handle.read_word(), SystemNotification)
        handle.write_word(0)


def _events(abi: Abi) -> dict[int, int]:
    """Return each source's event type."""
    sources, types = abi.enums["MvSystemNotificationSource"].members, abi.enums["MvEventType"].members
    with files(__package__).joinpath("system-notifications.csv").open(encoding="utf-8") as table:
        return {sources[row["source"]]: types[row["event"]] for row in csv.DictReader(table)}
