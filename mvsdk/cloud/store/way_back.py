"""Whether devices that have kept an app would take another one in its place: what its rollback counter says.

A device keeps the highest counter that it has ever confirmed, and refuses an app with a smaller one, unless that app
was signed with leave to replace it (`mvsdk bundle --may-replace-counter`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from mvsdk.bundle import ManifestOptions
from mvsdk.bundle.manifest import Body, Envelope
from mvsdk.cloud.database import Connection

NAMED_MOST = 5
"""Apps named in a refusal, at most."""


@dataclass(frozen=True, slots=True)
class Barred:
    """An app that devices would refuse once they have kept another, and how many devices are meant."""

    app_sid: str
    name: str
    counter: int
    devices: int


@dataclass(frozen=True, slots=True)
class WayBack:
    """What devices that keep an app can go back to. `counter` is the highest that one of those barred has then."""

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
            f"A device that has kept {self.name} has rollback counter {self.counter} and refuses"
            f" {', '.join(named[:NAMED_MOST])}{more}. Upload what it may go back to as a bundle made with"
            f" --may-replace-counter {self.counter}, and name that: --rollback-to"
        )


def of(connection: Connection, app: str, ways: Iterable[tuple[str | None, str | None]]) -> WayBack:
    """Return the way back from an app, for devices that each ran one app before it and are to run another after it.

    Apps that are not there any more, or the app itself, are no way back and no obstacle: nobody is pointed there.
    """
    name, kept = _described(connection, app) or (app, ManifestOptions())
    counts = Counter((before, after) for before, after in ways if after not in (None, app))
    counter, barred = 0, dict[str, Barred]()
    for (before, after), devices in counts.items():
        ran, offered = (_described(connection, one) if one else None for one in (before, after))
        if offered is None or after is None:
            continue
        # A device's counter is the highest that it has confirmed, also where the app was allowed to be behind it.
        own = max(kept.rollback_counter, ran[1].rollback_counter if ran else 0)
        if is_barred(own, offered[1]):
            counter = max(counter, own)
            so_far = barred[after].devices if after in barred else 0
            barred[after] = Barred(after, offered[0], offered[1].rollback_counter, so_far + devices)
    return WayBack(name, counter or kept.rollback_counter, tuple(barred.values()))


def is_barred(counter: int, offered: ManifestOptions) -> bool:
    """Return whether a device with this rollback counter refuses an app."""
    return offered.rollback_counter < counter and offered.may_replace_counter < counter


def problem_of_device(connection: Connection, device: str, app: str) -> str | None:
    """Return why a device would refuse an app after the one that it has kept, and what to do about it; None if not."""
    row = connection.execute(
        "SELECT a.sid FROM devices d JOIN apps a ON a.sid = d.reported_sid LEFT JOIN updates u ON u.device_sid = d.sid"
        " WHERE d.sid = ? AND (u.app_hash IS NULL OR u.app_hash <> a.hash OR u.state = 'confirmed')",
        (device,),
    ).fetchone()
    way = of(connection, row["sid"], [(None, app)]) if row else None
    if way is None or not way.barred:
        return None
    [refused] = way.barred
    return (
        f"The device has kept {way.name}, has rollback counter {way.counter} and refuses {refused.name}, which has"
        f" {refused.counter}; it takes the same application as a bundle made with --may-replace-counter {way.counter}"
    )


def _described(connection: Connection, app: str) -> tuple[str, ManifestOptions] | None:
    """Return the name of an app and what its manifest says."""
    row = connection.execute("SELECT unique_name, sid, manifest FROM apps WHERE sid = ?", (app,)).fetchone()
    if row is None:
        return None
    return row["unique_name"] or row["sid"], Body.parse(Envelope.parse(bytes(row["manifest"])).body).options
