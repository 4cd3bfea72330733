"""Which session of a device counts, and what a session needs of the rows."""

from __future__ import annotations

from dataclasses import dataclass

from mvsdk.cloud import identifiers, passwords, policies
from mvsdk.cloud.database import Connection, Row
from mvsdk.cloud.sealing import Seal
from mvsdk.cloud.store import commands, settings
from mvsdk.link import ConfigItem, ConfigResult, Hello, Target, UpdatePolicy
from mvsdk.link.messages import MANIFEST_BYTES

STALE_US = 150 * 1_000_000
"""A device whose session has not been confirmed for so long counts as cut off: its server has died."""


@dataclass(frozen=True, slots=True)
class Device:
    """A device that has shown who it is."""

    sid: str
    account: str


@dataclass(frozen=True, slots=True)
class State:
    """What a device is to know at present. `logging_until_us` is when `logging` ends, None if it is off.

    A target that is given once more, at another `targeted_us`, is told once more: the device may have failed at it.
    """

    session: str | None
    logging_until_us: int | None
    target: Target | None
    targeted_us: int | None
    commands: tuple[tuple[int, str], ...]
    new_keys: int = 0
    """The number of the account's last NewKeys message."""


def authenticate(connection: Connection, sid: str, token: str) -> Device | None:
    """Return the device whose token this is."""
    row = None
    if identifiers.is_sid(sid, identifiers.DEVICE):
        row = connection.execute("SELECT account_sid, token FROM devices WHERE sid = ?", (sid,)).fetchone()
    right = passwords.matches(token, bytes(row["token"]) if row else bytes(32))
    return Device(sid, row["account_sid"]) if row and right else None


def certified(connection: Connection, fingerprint: bytes) -> Device | None:
    """Return the device whose latest certificate this is; who verified it has seen that the device has its key."""
    row = connection.execute("SELECT sid, account_sid FROM devices WHERE certificate = ?", (fingerprint,)).fetchone()
    return Device(row["sid"], row["account_sid"]) if row else None


def begin(connection: Connection, device: Device, session: str, hello: Hello, now_us: int) -> int:
    """Let this session count from now on; return how far the records of the device's present boot are stored."""
    # Changing the row locks it: an older session of the device may be storing at this moment.
    row = connection.execute(
        "UPDATE devices SET seen_us = ? WHERE sid = ? RETURNING boot, records_through", (now_us, device.sid)
    ).fetchone()
    same_boot = row is not None and row["boot"] == hello.boot
    through: int = row["records_through"] if row is not None and same_boot else 0
    connection.execute(
        "UPDATE devices SET session = ?, seen_us = ?, boot = ?, records_through = ?, software = ?, wake_reason = ?"
        " WHERE sid = ?",
        (session, now_us, hello.boot, through, hello.software, hello.wake_reason, device.sid),
    )
    commands.done(connection, device.sid, hello.commands_done)
    if hello.app_hash is not None:
        report(connection, device, hello.app_hash, None, now_us)
    return through


def end(connection: Connection, device: Device, session: str, now_us: int) -> None:
    """Note that the device is cut off, unless another session counts already."""
    connection.execute(
        "UPDATE devices SET session = NULL, seen_us = ? WHERE sid = ? AND session = ?", (now_us, device.sid, session)
    )


def confirm(connection: Connection, device: Device, session: str, now_us: int) -> None:
    """Note that the session is alive."""
    connection.execute("UPDATE devices SET seen_us = ? WHERE sid = ? AND session = ?", (now_us, device.sid, session))


def counts(connection: Connection, device: Device, session: str) -> bool:
    """Return whether a session is the device's present one; none takes its place before this is committed."""
    rows = connection.execute(
        "UPDATE devices SET seen_us = seen_us WHERE sid = ? AND session = ?", (device.sid, session)
    )
    return rows.rowcount > 0


def is_connected(row: Row, now_us: int) -> bool:
    """Return whether a device has a session."""
    return row["session"] is not None and now_us - row["seen_us"] < STALE_US


def report(connection: Connection, device: Device, app_hash: str | None, error_code: int | None, now_us: int) -> None:
    """Note what a device says that it runs, and what went wrong on the way to its target; None leaves either alone."""
    if app_hash is not None:
        app = connection.execute(
            "SELECT sid FROM apps WHERE account_sid = ? AND hash = ?", (device.account, app_hash)
        ).fetchone()
        connection.execute(
            "UPDATE devices SET reported_sid = ?, reported_hash = ?, reported_us = ? WHERE sid = ?",
            (app["sid"] if app else None, app_hash, now_us, device.sid),
        )
    if error_code is not None:
        connection.execute("UPDATE devices SET update_error_code = ? WHERE sid = ?", (error_code, device.sid))


def _target(row: Row, how: UpdatePolicy) -> Target:
    manifest = bytes(row["manifest"])
    return Target(row["app_sid"], row["app_hash"], how, manifest if len(manifest) <= MANIFEST_BYTES else b"")


def state(connection: Connection, device: Device, now_us: int) -> State:
    """Return what a device is to know at present."""
    row = connection.execute(
        "SELECT d.session, d.logging_until_us, d.targeted_us, a.sid AS app_sid, a.hash AS app_hash, a.manifest,"
        " (SELECT coalesce(max(k.number), 0) FROM new_keys k WHERE k.account_sid = d.account_sid) AS new_keys"
        " FROM devices d LEFT JOIN apps a ON a.sid = d.target_sid WHERE d.sid = ?",
        (device.sid,),
    ).fetchone()
    if row is None:
        return State(None, None, None, None, ())
    until = row["logging_until_us"]
    target = _target(row, policy(connection, device.sid)) if row["app_sid"] else None
    waiting = tuple((command["number"], command["kind"]) for command in commands.waiting(connection, device.sid))
    return State(
        row["session"],
        until if until is not None and until > now_us else None,
        target,
        row["targeted_us"],
        waiting,
        int(row["new_keys"]),
    )


def policy(connection: Connection, device: str) -> UpdatePolicy:
    """Return how a device updates itself: as was said with its target, else of itself, else of all of its account."""
    row = connection.execute(
        "SELECT a.update_policy AS of_all, d.update_policy AS of_one, d.target_policy FROM devices d"
        " JOIN accounts a ON a.sid = d.account_sid WHERE d.sid = ?",
        (device,),
    ).fetchone()
    return policies.effective(row["of_all"], row["of_one"], row["target_policy"]) if row else UpdatePolicy()


def values(connection: Connection, seal: Seal, device: Device, items: list[ConfigItem]) -> list[ConfigResult]:
    """Return config and secret values that a device asks for; it sees its account's and its own."""
    return [_value(connection, seal, device, item) for item in items]


def _value(connection: Connection, seal: Seal, device: Device, item: ConfigItem) -> ConfigResult:
    if len(item.key) > settings.KEY_LENGTH or "\0" in item.key:  # PostgreSQL would not even look for a zero character
        return ConfigResult("not-found")
    listing = settings.SECRETS if item.kind == "secret" else settings.CONFIGS
    owner = device.sid if item.scope == "device" else ""
    row = settings.find(connection, listing, device.account, owner, item.key)
    if row is None:
        return ConfigResult("not-found")
    if item.kind == "config":
        return ConfigResult("found", row["value"])
    try:
        return ConfigResult("found", settings.open_secret(seal, row))
    except ValueError:
        return ConfigResult("decryption-failed")
