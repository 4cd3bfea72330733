"""Whether devices that have kept an app would take another one in its place: what its rollback counter says.

A device keeps the highest counter that it has ever confirmed, and refuses an app with a smaller one, unless that app
was signed with leave to replace it (`mvsdk bundle --may-replace-counter`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mvsdk.bundle import ManifestOptions
from mvsdk.bundle.manifest import Body, Envelope
from mvsdk.cloud.database import Connection

NAMED_MOST = 5
"""Apps named in a refusal, at most."""


@dataclass(frozen=True, slots=True)
class Barred:
    """An app that devices would refuse once they have kept a newer one, and how many devices are meant."""

    app_sid: str
    name: str
    counter: int
    devices: int


@dataclass(frozen=True, slots=True)
class WayBack:
    """What devices that keep an app can go back to. `counter` is the app's own."""

    name: str
    counter: int
    barred: tuple[Barred, ...]

    def problem(self) -> str | None:
        """Return why not all devices can be pointed back, and what to do about it; None if they can."""
        if not self.barred:
            return None
        named = [f"{one.name} (rollback counter {one.counter}, {one.devices} devices)" for one in self.barred]
        more = f" and {len(named) - NAMED_MOST} more" if len(named) > NAMED_MOST else ""
        return (
            f"A device that has kept {self.name} (rollback counter {self.counter}) refuses"
            f" {', '.join(named[:NAMED_MOST])}{more}. Upload what it may go back to as a bundle made with"
            f" --may-replace-counter {self.counter}, and name that: --rollback-to"
        )


def of(connection: Connection, app: str, previous: Iterable[str | None]) -> WayBack:
    """Return the way back from an app to what devices are to run instead, one SID for each of them.

    Apps that are not there any more, or the app itself, are no way back and no obstacle: nobody is pointed there.
    """
    name, options = _described(connection, app) or (app, ManifestOptions())
    counts: dict[str, int] = {}
    for sid in previous:
        if sid is not None and sid != app:
            counts[sid] = counts.get(sid, 0) + 1
    barred = []
    for sid, devices in counts.items():
        found = _described(connection, sid)
        if found and is_barred(options, found[1]):
            barred.append(Barred(sid, found[0], found[1].rollback_counter, devices))
    return WayBack(name, options.rollback_counter, tuple(barred))


def is_barred(kept: ManifestOptions, offered: ManifestOptions) -> bool:
    """Return whether a device that has kept one app refuses another."""
    return offered.rollback_counter < kept.rollback_counter and offered.may_replace_counter < kept.rollback_counter


def _described(connection: Connection, app: str) -> tuple[str, ManifestOptions] | None:
    """Return the name of an app and what its manifest says."""
    row = connection.execute("SELECT unique_name, sid, manifest FROM apps WHERE sid = ?", (app,)).fetchone()
    if row is None:
        return None
    return row["unique_name"] or row["sid"], Body.parse(Envelope.parse(bytes(row["manifest"])).body).options
