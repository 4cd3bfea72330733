"""Rollouts: an app on its way to a cohort, stage by stage, as long as those that have it are well.

Who is in it is settled when it starts, in an order by hash, so that the same devices are first whenever they are asked.
Those that were in touch lately come first, so that the first stages say something.
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
from mvsdk.cloud.store import way_back as ways
from mvsdk.cloud.store.pages import Listing
from mvsdk.cloud.store.sessions import is_connected
from mvsdk.cloud.store.way_back import WayBack

LISTING = Listing("rollouts", "account_sid = ?", "number", newest_first=True)
MEMBERS = Listing(
    "(SELECT m.*, d.unique_name FROM rollout_devices m JOIN devices d ON d.sid = m.device_sid) AS members",
    "rollout_sid = ?",
    "place",
)
AWAY_US = 60 * 1_000_000
"""For how long a device may be out of touch and counts as online: an update restarts it."""
LATELY_US = 24 * 3600 * 1_000_000
"""Who was in touch within this time before a rollout starts is in its first stages."""
DEFAULT_PATIENCE_US = 24 * 3600 * 1_000_000
"""How long a stage waits for a device that is in touch, or for somebody to be."""
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
    patience_us: int = DEFAULT_PATIENCE_US
    back_sid: str | None = None
    """What devices are pointed back to, in place of what each ran before."""


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
    in_touch_us: int | None
    """Since when it is in touch, after it was given the app; None while it is not."""
    late: bool
    """Whether it is in touch for as long as the rollout has patience, and still on the way."""
    changed: bool
    """Whether it is otherwise than was noted last."""

    @property
    def counts(self) -> bool:
        """Whether its update is over, or should be, and says something of the app."""
        return (self.state in _OVER or self.late) and not self.excused

    def is_bad_for(self, metric: str) -> bool:
        """Return whether it is one of those because of which a metric is what it should not be."""
        return {
            "crash_rate": self.crashes > 0,
            "online": not self.online,
            "reverted": self.state == "reverted",
            "failed": self.state in updates.FAILED or self.late,
            "updated": self.state != "updated",
        }[metric]


# -- what people do ----------------------------------------------------------------------------------------------------


def add(connection: Connection, account: str, new: NewRollout, who: str, now_us: int) -> Row:
    """Make a rollout that has not begun."""
    row = connection.execute(
        "INSERT INTO rollouts (sid, account_sid, app_sid, cohort, stages, gate, abort_on, policy, rolls_back,"
        " needs_approval, patience_us, back_sid, created_by, state, stage, reason, created_us, updated_us)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'created', 0, '', ?, ?) RETURNING *",
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
            new.patience_us,
            new.back_sid,
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


def trailing(connection: Connection) -> Sequence[Row]:
    """Return what is completed but for devices that were away, in all accounts."""
    sql = (
        "SELECT account_sid, sid FROM rollouts r WHERE state = 'completed' AND EXISTS"
        " (SELECT 1 FROM rollout_devices m WHERE m.rollout_sid = r.sid AND m.state = 'given') ORDER BY number"
    )
    return connection.execute(sql).fetchall()


def planned(
    connection: Connection, account: str, app: str, cohort: str, stages: str, now_us: int
) -> list[tuple[Row, int]]:
    """Return the devices that would get an app, first ones first, each with its stage from 1 on."""

    def place(row: Row) -> tuple[bool, bytes]:
        lately = row["seen_us"] is not None and now_us - row["seen_us"] < LATELY_US
        return not lately, hashlib.sha256(f"{app}/{row['sid']}".encode()).digest()

    ordered = sorted(tags.members(connection, account, cohorts.parse(cohort), now_us), key=place)
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
    """Count those no longer that are not well at present: somebody has looked at them, and goes on.

    A stage that has waited for somebody to be in touch for as long as there is patience waits no longer.
    """
    if is_out_of_patience(rollout, now_us):
        connection.execute("UPDATE rollouts SET waived_stage = stage WHERE sid = ?", (rollout["sid"],))
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


def is_out_of_patience(rollout: Row, now_us: int) -> bool:
    """Return whether the stage has gone on for as long as there is patience."""
    since = rollout["updated_us"] if rollout["stage_us"] is None else rollout["stage_us"]
    return now_us - int(since) >= int(rollout["patience_us"])


def way_back(connection: Connection, rollout: Row, back: str | None, now_us: int) -> WayBack:
    """Return the way back of those devices that have kept the app; to `back`, or to what each ran before.

    Before the rollout has begun that is everybody who would get it.
    """
    if rollout["state"] == "created":
        expected = planned(
            connection, rollout["account_sid"], rollout["app_sid"], rollout["cohort"], rollout["stages"], now_us
        )
        return expected_way_back(connection, rollout["app_sid"], [row for row, _ in expected], back)
    kept = _kept(connection, rollout)
    before = [row["previous_sid"] for row in kept]
    return ways.of(connection, rollout["app_sid"], [(sid, back or sid) for sid in before])


def expected_way_back(connection: Connection, app: str, given: Sequence[Row], back: str | None) -> WayBack:
    """Return the way back of devices that are going to be given an app."""
    before = [row["target_sid"] or row["reported_sid"] for row in given]
    return ways.of(connection, app, [(sid, back or sid) for sid in before])


def point_back(connection: Connection, rollout: Row, back: str | None, now_us: int) -> list[str]:
    """Let devices that were given the app run `back`, or again what each ran before; return them.

    Those stay that somebody has given another app since, those that ran nothing, or what was deleted, and those that
    have kept the app and would refuse to go back (`way_back`).
    """
    barred = {one.app_sid for one in way_back(connection, rollout, back, now_us).barred}
    kept = {row["device_sid"] for row in _kept(connection, rollout)}
    rows = connection.execute(
        "SELECT m.device_sid, a.sid AS back_sid FROM rollout_devices m JOIN devices d ON d.sid = m.device_sid"
        " JOIN apps a ON a.sid = coalesce(?, m.previous_sid)"
        " WHERE m.rollout_sid = ? AND m.given_us IS NOT NULL AND d.target_sid = ? AND a.sid <> ?",
        (back, rollout["sid"], rollout["app_sid"], rollout["app_sid"]),
    ).fetchall()
    pointed = [row for row in rows if not (row["device_sid"] in kept and row["back_sid"] in barred)]
    for row in pointed:
        devices.target(connection, row["device_sid"], row["back_sid"], now_us)
        connection.execute(
            "UPDATE rollout_devices SET state = 'back' WHERE rollout_sid = ? AND device_sid = ?",
            (rollout["sid"], row["device_sid"]),
        )
    return [row["device_sid"] for row in pointed]


def _kept(connection: Connection, rollout: Row) -> Sequence[Row]:
    """Return the devices that have kept the app, and are still to run it."""
    return connection.execute(
        "SELECT m.device_sid, m.previous_sid FROM rollout_devices m JOIN devices d ON d.sid = m.device_sid"
        " JOIN apps a ON a.sid = d.target_sid LEFT JOIN updates u ON u.device_sid = d.sid"
        " WHERE m.rollout_sid = ? AND m.given_us IS NOT NULL AND a.sid = ?"
        " AND CASE WHEN u.app_hash = a.hash THEN u.state = 'confirmed' ELSE d.reported_sid = a.sid END",
        (rollout["sid"], rollout["app_sid"]),
    ).fetchall()


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

    `rollout` is `locked` and running, or completed: then it is only noted how those get on that were away.
    """
    members = _given(connection, rollout, now_us)
    _note(connection, rollout, members)
    if rollout["state"] != "running":
        return []
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
    on_the_way = [member for member in members if member.state == "given" and not (member.excused or member.late)]
    # Who is out of touch holds nobody up; but somebody of this stage has to have shown that all is well.
    shown = rollout["waived_stage"] == rollout["stage"] or any(m.stage == rollout["stage"] for m in counted)
    there = any(member.online for member in on_the_way)
    if there or (on_the_way and not shown):
        connection.execute("UPDATE rollouts SET holds_since_us = NULL WHERE sid = ?", (rollout["sid"],))
        if not there and is_out_of_patience(rollout, now_us):
            away = [member.name for member in on_the_way if member.stage == rollout["stage"]]
            what = f"nobody of stage {rollout['stage']} has answered in {_length(rollout['patience_us'])}"
            reason = f"{what}, and nobody is in touch: {_some(away)}; resume goes on without them"
            _by_itself(connection, rollout, "paused", reason, now_us)
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
        "UPDATE rollouts SET stage = ?, stage_us = ?, holds_since_us = NULL, updated_us = ? WHERE sid = ?",
        (stage, now_us, now_us, rollout["sid"]),
    )
    audit.record(connection, rollout["account_sid"], now_us, BY_ITSELF, f"begin stage {stage}", rollout["sid"])
    return [row["device_sid"] for row in rows]


def _abort(connection: Connection, rollout: Row, reason: str, now_us: int) -> list[str]:
    # Devices first: whoever changes one locks it before the audit log.
    given: list[str] = []
    if rollout["rolls_back"]:
        given = point_back(connection, rollout, rollout["back_sid"], now_us)
        problem = way_back(connection, rollout, rollout["back_sid"], now_us).problem()
        reason += f". {problem}" if problem else ""
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
    share = f"{float(shares[condition.metric] * 100):.4g}% of {len(members)}"
    which = f": {_some(named)}" if named else ""
    return f"{condition.metric} is {share} ({condition}){which}"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED_MOST} more" if len(names) > NAMED_MOST else ""
    return f"{', '.join(names[:NAMED_MOST])}{more}"


def _length(length_us: int) -> str:
    """Return a length of time in words."""
    seconds = length_us / 1_000_000
    unit, name = next(
        (unit, name) for unit, name in ((3600, "h"), (60, "min"), (1, "s")) if seconds >= unit or unit == 1
    )
    return f"{seconds / unit:g} {name}"


def _note(connection: Connection, rollout: Row, members: Sequence[_Member]) -> None:
    """Keep how devices are."""
    sql = "UPDATE rollout_devices SET state = ?, reason = ?, in_touch_us = ? WHERE rollout_sid = ? AND device_sid = ?"
    for member in members:
        if member.changed:
            connection.execute(sql, (member.state, member.reason, member.in_touch_us, rollout["sid"], member.sid))


def _given(connection: Connection, rollout: Row, now_us: int) -> list[_Member]:
    """Return how those are that were given the app; once it is completed, those that were on the way."""
    rows = connection.execute(
        "SELECT m.device_sid, m.stage, m.excused, m.given_us, m.in_touch_us, m.state AS noted_state,"
        " m.reason AS noted_reason, d.unique_name, d.target_sid,"
        " d.reported_sid, d.session, d.seen_us, d.update_error_code, a.hash AS target_hash, u.app_hash, u.state,"
        " u.reason,"
        " (SELECT count(*) FROM records r WHERE r.device_sid = m.device_sid AND r.kind = 'crash'"
        " AND r.received_us >= CASE WHEN u.app_hash = a.hash THEN u.ran_us ELSE m.given_us END) AS crashes"
        " FROM rollout_devices m JOIN devices d ON d.sid = m.device_sid LEFT JOIN apps a ON a.sid = d.target_sid"
        " LEFT JOIN updates u ON u.device_sid = d.sid"
        " WHERE m.rollout_sid = ? AND m.given_us IS NOT NULL AND (m.state = 'given' OR ? <> 'completed')"
        " ORDER BY m.place",
        (rollout["sid"], rollout["state"]),
    ).fetchall()
    return [_member(row, rollout, now_us) for row in rows]


def _member(row: Row, rollout: Row, now_us: int) -> _Member:
    app, patience_us = rollout["app_sid"], rollout["patience_us"]
    state = "left"  # somebody has given it another app
    if row["target_sid"] == app:
        state = {"confirmed": "updated", "reverted": "reverted", "error": "error"}.get(updates.state(row), "given")
    said = row["app_hash"] is not None and row["app_hash"] == row["target_hash"]
    seen, in_touch_us = row["seen_us"], row["in_touch_us"]
    online = seen is not None and (is_connected(row, now_us) or now_us - seen < AWAY_US)
    if not online:
        in_touch_us = None
    elif in_touch_us is None and (is_connected(row, now_us) or seen > row["given_us"]):
        in_touch_us = now_us
    late = state == "given" and in_touch_us is not None and now_us - in_touch_us >= patience_us
    reason = row["reason"] if said and state in updates.FAILED else ""
    reason = f"in touch for {_length(patience_us)} and not done" if late else reason
    noted = row["noted_state"], row["noted_reason"], row["in_touch_us"]
    return _Member(
        sid=row["device_sid"],
        stage=row["stage"],
        name=row["unique_name"] or row["device_sid"],
        state=state,
        reason=reason,
        excused=bool(row["excused"]),
        online=online,
        crashes=row["crashes"] if state in _OVER else 0,
        in_touch_us=in_touch_us,
        late=late,
        changed=noted != (state, reason, in_touch_us),
    )
