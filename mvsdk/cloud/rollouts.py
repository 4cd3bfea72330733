"""Taking rollouts further: one server at a time looks at those that run, when something happened and now and then."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Sequence

from mvsdk.cloud.cloud import Cloud
from mvsdk.cloud.database import ConflictError, Connection, Row
from mvsdk.cloud.store import rollouts
from mvsdk.errors import CloudError

_LOG = logging.getLogger("mvsdk.cloud")
TOPIC = "rollouts"
"""The signal that something happened which a rollout may depend on."""
LOOK_SECONDS = 5.0
TRAIL_US = 60 * 1_000_000
"""How often it is noted how those get on that were away when their rollout was completed."""
_REST_SECONDS = 0.2
"""Between two evaluations at least, so that many devices that report at once are looked at together."""


async def keep_evaluating(cloud: Cloud) -> None:
    """Evaluate again and again until the server stops."""
    trailed_us = 0
    with cloud.signals.subscribed(TOPIC) as happened:
        while not cloud.signals.closed:
            happened.clear()
            await evaluate_all(cloud, rollouts.running)
            if cloud.now_us() - trailed_us >= TRAIL_US:
                trailed_us = cloud.now_us()
                await evaluate_all(cloud, rollouts.trailing)
            await asyncio.sleep(_REST_SECONDS)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await happened.wait()


async def evaluate_all(cloud: Cloud, which: Callable[[Connection], Sequence[Row]]) -> None:
    """Take rollouts as far as they go now. One that cannot go on is logged, and keeps no other back."""
    try:
        found = await cloud.database.read(which)
    except CloudError as error:
        _LOG.error("rollouts cannot be read: %s", error)
        return
    for row in found:
        try:
            await evaluate(cloud, row["account_sid"], row["sid"])
        except (CloudError, ConflictError) as error:
            _LOG.error("rollout %s cannot be evaluated: %s", row["sid"], error)


async def evaluate(cloud: Cloud, account: str, sid: str) -> None:
    """Take one rollout a step further, if it runs, or note how its last devices get on."""
    now_us = cloud.now_us()

    def work(connection: Connection) -> tuple[bool, bool, list[str]]:
        before = rollouts.locked(connection, account, sid)
        if before is None or before["state"] not in {"running", "completed"}:
            return False, False, []
        counts = rollouts.counts(connection, sid)
        given = rollouts.evaluate(connection, before, now_us)
        after = rollouts.find(connection, account, sid) or before
        # A step may be followed by another at once: a stage whose devices have the app already.
        further = after["state"] == "running" and after["stage"] != before["stage"]
        return further, dict(after) != dict(before) or rollouts.counts(connection, sid) != counts, given

    async with cloud.database.exclusively("rollouts"):
        further = True
        while further:
            further, changed, given = await cloud.database.write(work)
            if changed:
                tell(cloud, account, given)


def tell(cloud: Cloud, account: str, devices: Iterable[str]) -> None:
    """Wake the devices that have another target, and whoever looks at the rollout."""
    for device in devices:
        cloud.signals.send(f"device {device}")
    cloud.signals.send(f"presence {account}")
