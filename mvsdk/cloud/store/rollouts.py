"""Rollouts: an app on its way to a cohort, stage by stage, as long as those that have it are well.

Who is in it is settled when it starts, in an order by hash, so that the same devices are first whenever they are asked.
Every step is one transaction that reads what there is and writes what follows from it: whoever takes the next one,
after a crash or on another server, goes on from there.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from mvsdk.cloud import cohorts, gates, identifiers, policies
from mvsdk.cloud.database import Connection, Row
from mvsdk.cloud.policies import PolicyPart
from mvsdk.cloud.store import audit, devices, tags, updates
from mvsdk.cloud.store.pages import Listing
from mvsdk.cloud.store.sessions import is_connected

LISTING = Listing("rollouts", "account_sid = ?", "number", newest_first=True)
MEMBERS = Listing(
    "(SELECT m.*, d.unique_name FROM rollout_devices m JOIN devices d ON d.sid = m.device_sid) AS members",
    "rollout_sid = ?",
    "place",
)
AWAY_US = 60 * 1_000_000
"""For how long a device may be out of touch and counts as online: an update restarts it."""
BY_ITSELF = "cloud"
"""Who has done it, in the audit log, when nobody did."""
ACTIVE = ("running", "paused")
NAMED_MOST = 10
"""Devices named in a reason, at most."""
_OVER = ("updated", "reverted", "error")


@dataclass(frozen=True, slots=True)
class NewRollout:
    """What somebody wants. All texts have been parsed once."""

    app_sid: str
    cohort: str
    stages: str
    gate: str
    abort_on: str
    policy: PolicyPart
    rolls_back: bool
    needs_approval: bool


@dataclass(frozen=True, slots=True)
class _Member:
    """A device that was given the app, as it is now."""

    sid: str
    name: str
    stage: int
    state: str
    reason: str
    excused: bool
    online: bool
    crashes: int

    @property
    def counts(self) -> bool:
        """Whether its update is over and says something of the app."""
        return self.state in _OVER and not self.excused

    def is_bad_for(self, metric: str) -> bool:
        """Return whether it is one of those because of which a metric is what it should not be."""
        return {
            "crash_rate": self.crashes > 0,
            "online": not self.online,
            "reverted": self.state == "reverted",
            "failed": self.state in updates.FAILED,
            "updated": self.state != "updated",
        }[metric]


# -- what people do ----------------------------------------------------------------------------------------------------


def add(connection: Connection, account: str, new: NewRollout, who: str, now_us: int) -> Row:
    """Make a rollout that has not begun."""
    row = connection.execute(
        "INSERT INTO rollouts (sid, account_sid, app_sid, cohort, stages, gate, abort_on, policy, rolls_back,"
        " needs_approval, created_by, state, stage, reason, created_us, updated_us)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'created', 0, '', ?, ?) RETURNING *",
        (
            identifiers.new_sid(identifiers.ROLLOUT),
            account,
            new.app_sid,
            new.cohort,
            new.stages,
            new.gate,
            new.abort_on,
            new.policy.encode(),
            int(new.rolls_back),
            int(new.needs_approval),
            who,
            now_us,
            now_us,
        ),
    ).fetchone()
    assert row is not None  # noqa: S101 - RETURNING of an insert that did not raise
    return row


def find(connection: Connection, account: str, sid: str) -> Row | None:
    """Return a rollout."""
    return connection.execute("SELECT * FROM rollouts WHERE account_sid = ? AND sid = ?", (account, sid)).fetchone()


def locked(connection: Connection, account: str, sid: str) -> Row | None:
    """Return a rollout that nobody else changes before this transaction ends."""
    sql = "UPDATE rollouts SET state = state WHERE account_sid = ? AND sid = ? RETURNING *"
    return connection.execute(sql, (account, sid)).fetchone()


def running(connection: Connection) -> Sequence[Row]:
    """Return what is to be evaluated, in all accounts."""
    sql = "SELECT account_sid, sid FROM rollouts WHERE state = 'running' ORDER BY number"
    return connection.execute(sql).fetchall()


def planned(
    connection: Connection, account: str, app: str, cohort: str, stages: str, now_us: int
) -> list[tuple[Row, int]]:
    """Return the devices that would get an app, first ones first, each with its stage from 1 on."""
    found = tags.members(connection, account, cohorts.parse(cohort), now_us)
    ordered = sorted(found, key=lambda row: hashlib.sha256(f"{app}/{row['sid']}".encode()).digest())
    bounds = [math.ceil(len(ordered) * Fraction(percent) / 100) for percent in stages.split(",")]
    return [
        (row, next(stage for stage, bound in enumerate(bounds, 1) if place < bound))
        for place, row in enumerate(ordered[: bounds[-1]])
    ]


def rivals(connection: Connection, rollout: Row) -> list[str]:
    """Return the rollouts that go on already with some of this one's devices."""
    rows = connection.execute(
        "SELECT DISTINCT r.sid FROM rollouts r JOIN rollout_devices o ON o.rollout_sid = r.sid"
        " WHERE r.state IN ('running', 'paused') AND r.sid <> ? AND o.device_sid IN"
        " (SELECT device_sid FROM rollout_devices WHERE rollout_sid = ?) ORDER BY r.sid",
        (rollout["sid"], rollout["sid"]),
    ).fetchall()
    return [row["sid"] for row in rows]


def settle_members(connection: Connection, rollout: Row, now_us: int) -> int:
    """Settle who is in a rollout that starts; return how many."""
    members = planned(
        connection, rollout["account_sid"], rollout["app_sid"], rollout["cohort"], rollout["stages"], now_us
    )
    for place, (row, stage) in enumerate(members):
        connection.execute(
            "INSERT INTO rollout_devices (rollout_sid, device_sid, place, stage, state, reason, excused)"
            " VALUES (?, ?, ?, ?, 'waiting', '', 0)",
            (rollout["sid"], row["sid"], place, stage),
        )
    return len(members)


def excuse(connection: Connection, rollout: Row, now_us: int) -> None:
    """Count those no longer that are not well at present: somebody has looked at them, and goes on."""
    for member in _given(connection, rollout, now_us):
        if member.counts and (member.state != "updated" or member.crashes or not member.online):
            connection.execute(
                "UPDATE rollout_devices SET excused = 1 WHERE rollout_sid = ? AND device_sid = ?",
                (rollout["sid"], member.sid),
            )


def set_state(connection: Connection, rollout: Row, state: str, reason: str, now_us: int) -> None:
    """Let a rollout be in another state, and say why."""
    connection.execute(
        "UPDATE rollouts SET state = ?, reason = ?, holds_since_us = NULL, updated_us = ? WHERE sid = ?",
        (state, reason, now_us, rollout["sid"]),
    )


def point_back(connection: Connection, rollout: Row, now_us: int) -> list[str]:
    """Let devices that were given the app run again what they ran before; return them.

    Those stay that somebody has given another app since, and those that ran nothing, or what was deleted.
    """
    rows = connection.execute(
        "SELECT m.device_sid, m.previous_sid FROM rollout_devices m JOIN devices d ON d.sid = m.device_sid"
        " JOIN apps a ON a.sid = m.previous_sid"
        " WHERE m.rollout_sid = ? AND m.given_us IS NOT NULL AND d.target_sid = ? AND m.previous_sid <> ?",
        (rollout["sid"], rollout["app_sid"], rollout["app_sid"]),
    ).fetchall()
    for row in rows:
        devices.target(connection, row["device_sid"], row["previous_sid"], now_us)
        connection.execute(
            "UPDATE rollout_devices SET state = 'back' WHERE rollout_sid = ? AND device_sid = ?",
            (rollout["sid"], row["device_sid"]),
        )
    return [row["device_sid"] for row in rows]


def counts(connection: Connection, rollout: str) -> dict[int, Counter[str]]:
    """Return how many devices of each stage are in each state."""
    rows = connection.execute(
        "SELECT stage, state, count(*) AS count FROM rollout_devices WHERE rollout_sid = ? GROUP BY stage, state",
        (rollout,),
    ).fetchall()
    found: dict[int, Counter[str]] = {}
    for row in rows:
        found.setdefault(row["stage"], Counter())[row["state"]] = row["count"]
    return found


# -- what follows ------------------------------------------------------------------------------------------------------


def evaluate(connection: Connection, rollout: Row, now_us: int) -> list[str]:
    """Take the step that follows from how the devices are; return those that were given another target.

    `rollout` is `locked` and running.
    """
    members = _given(connection, rollout, now_us)
    for member in members:
        connection.execute(
            "UPDATE rollout_devices SET state = ?, reason = ? WHERE rollout_sid = ? AND device_sid = ?"
            " AND (state <> ? OR reason <> ?)",
            (member.state, member.reason, rollout["sid"], member.sid, member.state, member.reason),
        )
    counted = [member for member in members if member.counts]
    if counted:
        shares = _shares(counted)
        for condition in gates.parse_abort_on(rollout["abort_on"]).conditions:
            if condition.holds(shares):
                return _abort(connection, rollout, _why(condition, shares, counted), now_us)
        for condition in gates.parse_gate(rollout["gate"]).conditions:
            if not condition.holds(shares):
                _by_itself(connection, rollout, "paused", _why(condition, shares, counted), now_us)
                return []
    on_the_way = [member for member in members if member.state == "given" and not member.excused]
    # Who is out of touch holds nobody up; but somebody of this stage has to have shown that all is well.
    shown = any(member.stage == rollout["stage"] for member in counted)
    if any(member.online for member in on_the_way) or (on_the_way and not shown):
        connection.execute("UPDATE rollouts SET holds_since_us = NULL WHERE sid = ?", (rollout["sid"],))
        return []
    since = rollout["holds_since_us"]
    if since is None:
        since = now_us
        connection.execute("UPDATE rollouts SET holds_since_us = ? WHERE sid = ?", (since, rollout["sid"]))
    if rollout["stage"] > 0 and now_us - since < gates.parse_gate(rollout["gate"]).for_us:
        return []
    return _next_stage(connection, rollout, now_us)


def _next_stage(connection: Connection, rollout: Row, now_us: int) -> list[str]:
    stage = rollout["stage"] + 1
    if stage > len(rollout["stages"].split(",")):
        _by_itself(connection, rollout, "completed", "", now_us)
        return []
    policy = policies.read(rollout["policy"])
    rows = connection.execute(
        "SELECT m.device_sid, d.target_sid, d.reported_sid FROM rollout_devices m JOIN devices d"
        " ON d.sid = m.device_sid WHERE m.rollout_sid = ? AND m.stage = ? AND m.given_us IS NULL ORDER BY m.place",
        (rollout["sid"], stage),
    ).fetchall()
    for row in rows:
        connection.execute(
            "UPDATE rollout_devices SET state = 'given', given_us = ?, previous_sid = ?"
            " WHERE rollout_sid = ? AND device_sid = ?",
            (now_us, row["target_sid"] or row["reported_sid"], rollout["sid"], row["device_sid"]),
        )
        devices.target(connection, row["device_sid"], rollout["app_sid"], now_us, policy)
    connection.execute(
        "UPDATE rollouts SET stage = ?, holds_since_us = NULL, updated_us = ? WHERE sid = ?",
        (stage, now_us, rollout["sid"]),
    )
    audit.record(connection, rollout["account_sid"], now_us, BY_ITSELF, f"begin stage {stage}", rollout["sid"])
    return [row["device_sid"] for row in rows]


def _abort(connection: Connection, rollout: Row, reason: str, now_us: int) -> list[str]:
    # Devices first: whoever changes one locks it before the audit log.
    given = point_back(connection, rollout, now_us) if rollout["rolls_back"] else []
    _by_itself(connection, rollout, "aborted", reason, now_us)
    return given


def _by_itself(connection: Connection, rollout: Row, state: str, reason: str, now_us: int) -> None:
    set_state(connection, rollout, state, reason, now_us)
    what = f"rollout is {state}{': ' if reason else ''}{reason}"
    audit.record(connection, rollout["account_sid"], now_us, BY_ITSELF, what, rollout["sid"])


def _shares(members: Sequence[_Member]) -> dict[str, Fraction]:
    shares = {metric: Fraction(sum(m.is_bad_for(metric) for m in members), len(members)) for metric in gates.METRICS}
    return {**shares, "online": 1 - shares["online"], "updated": 1 - shares["updated"]}


def _why(condition: gates.Condition, shares: Mapping[str, Fraction], members: Sequence[_Member]) -> str:
    """Say what a metric is, and which devices make it so."""
    named = [m.name + (f" ({m.reason})" if m.reason else "") for m in members if m.is_bad_for(condition.metric)]
    more = f" and {len(named) - NAMED_MOST} more" if len(named) > NAMED_MOST else ""
    share = f"{float(shares[condition.metric] * 100):.4g}% of {len(members)}"
    which = f": {', '.join(named[:NAMED_MOST])}{more}" if named else ""
    return f"{condition.metric} is {share} ({condition}){which}"


def _given(connection: Connection, rollout: Row, now_us: int) -> list[_Member]:
    """Return how those are that were given the app."""
    rows = connection.execute(
        "SELECT m.device_sid, m.stage, m.excused, d.unique_name, d.target_sid, d.reported_sid,"
        " d.session, d.seen_us, d.update_error_code, a.hash AS target_hash, u.app_hash, u.state, u.reason,"
        " (SELECT count(*) FROM records r WHERE r.device_sid = m.device_sid AND r.kind = 'crash'"
        " AND r.received_us >= CASE WHEN u.app_hash = a.hash THEN u.ran_us ELSE m.given_us END) AS crashes"
        " FROM rollout_devices m JOIN devices d ON d.sid = m.device_sid LEFT JOIN apps a ON a.sid = d.target_sid"
        " LEFT JOIN updates u ON u.device_sid = d.sid"
        " WHERE m.rollout_sid = ? AND m.given_us IS NOT NULL ORDER BY m.place",
        (rollout["sid"],),
    ).fetchall()
    return [_member(row, rollout["app_sid"], now_us) for row in rows]


def _member(row: Row, app: str, now_us: int) -> _Member:
    state = "left"  # somebody has given it another app
    if row["target_sid"] == app:
        state = {"confirmed": "updated", "reverted": "reverted", "error": "error"}.get(updates.state(row), "given")
    said = row["app_hash"] is not None and row["app_hash"] == row["target_hash"]
    seen = row["seen_us"]
    return _Member(
        sid=row["device_sid"],
        stage=row["stage"],
        name=row["unique_name"] or row["device_sid"],
        state=state,
        reason=row["reason"] if said and state in updates.FAILED else "",
        excused=bool(row["excused"]),
        online=seen is not None and (is_connected(row, now_us) or now_us - seen < AWAY_US),
        crashes=row["crashes"] if state in _OVER else 0,
    )
